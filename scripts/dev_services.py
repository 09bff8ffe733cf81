"""The real parts that a developer's server may use: an S3 server (Ceph), PostgreSQL and Redis, those of the tests.

They run below a process of their own, the holder. FILE says where they are, in JSON, as long as they are there. What they
keep is gone when they end.
"""
from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.e2e.lab.postgres import Postgres  # noqa: E402
from tests.e2e.lab.redis import RedisServer  # noqa: E402
from tests.e2e.lab.s3_gateway import Gateway  # noqa: E402
from tests.e2e.lab.waiting import eventually  # noqa: E402

ALL = ("s3", "database", "redis")
BUCKET = "ncps-dev"
PATIENCE = 180  # seconds for all of them, on a busy machine


def options(places: dict) -> list[str]:
    """What `ncps serve` is told to use them."""
    made = []
    if "s3" in places:
        s3 = places["s3"]
        made += [f"--cache-storage-s3-{name}={value}" for name, value in (
            ("bucket", BUCKET), ("endpoint", s3["url"]), ("region", "us-east-1"), ("access-key-id", s3["access_key"]),
            ("secret-access-key", s3["secret_key"]))]
    if "database" in places:
        made.append(f"--cache-database-url={places['database']}")
    if "redis" in places:
        made.append(f"--cache-redis-addrs={places['redis']}")
    return made


def find(file: Path) -> dict | None:
    """Those that are up; None: nobody holds any."""
    with contextlib.suppress(OSError, ValueError):
        places = json.loads(file.read_text())
        command = Path(f"/proc/{places['pid']}/cmdline").read_bytes().split(b"\0")
        if b"hold" in command and str(file).encode() in command:
            return places
    return None


def start(file: Path, wanted: tuple[str, ...], watched: int = 0) -> dict:
    """Returns when they serve. They end with the process `watched`, if that is given. None are up before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    log = file.with_suffix(".log")
    with log.open("wb") as out:
        holder = subprocess.Popen([sys.executable, __file__, "hold", str(file), str(watched), *wanted], stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=out, start_new_session=True)
    eventually(lambda: find(file) or holder.poll() is not None, "the services are up", PATIENCE)
    places = find(file)
    if not places:
        sys.exit(f"the services did not start, {log}:\n{log.read_text()}")
    return places


def stop(file: Path) -> bool:
    """Returns when they are gone. False: none were up."""
    places = find(file)
    if not places:
        return False
    os.kill(places["pid"], signal.SIGTERM)
    eventually(lambda: find(file) is None, "the services have ended", PATIENCE)
    return True


def hold(file: Path, watched: int, wanted: list[str]) -> None:
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    if os.getuid() != 0:  # root's PostgreSQL is nobody's, who may not come to this folder
        tempfile.tempdir = str(file.parent)
    places: dict[str, object] = {"pid": os.getpid()}
    with contextlib.ExitStack() as stack:
        if "s3" in wanted:
            gateway = Gateway()
            stack.callback(gateway.stop)
            place = gateway.start()
            place.client().make_bucket(BUCKET)
            places["s3"] = asdict(place)
        if "database" in wanted:
            database = Postgres()
            stack.callback(database.close)
            places["database"] = database.url
        if "redis" in wanted:
            redis = RedisServer()
            stack.callback(redis.close)
            places["redis"] = redis.address
        stack.callback(file.unlink, missing_ok=True)
        new = file.with_suffix(".new")
        new.touch(mode=0o600)  # it holds passwords
        new.write_text(json.dumps(places, indent=2))
        new.rename(file)
        while not done.wait(0.5) and (not watched or Path(f"/proc/{watched}").exists()):
            pass


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["hold", file, watched, *wanted]:
            hold(Path(file), int(watched), wanted)
        case _:
            sys.exit("it is scripts/dev.py that is called by people")
