#!/usr/bin/env python3
"""A server to work on: built and started again when a source changes. Ctrl-C ends all of it.

    scripts/dev.py local [options of ncps serve]    a folder as storage, SQLite
    scripts/dev.py s3                               a bucket of a real S3 server
    scripts/dev.py ha                               three instances behind haproxy, with PostgreSQL, Redis and that bucket
    scripts/dev.py services-up, services-down       these parts alone, in the background; s3 and ha use them if they are up

Everything lies below data/dev (NCPS_DEV_DATA) and listens on 127.0.0.1, the cache on port 8501 (NCPS_DEV_PORT, 0: any).
"""
from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import dev_services  # beside this file
from tests.e2e.lab.haproxy import Haproxy
from tests.e2e.lab.ncps import leave_with_parent
from tests.e2e.lab.ports import free_port
from tests.e2e.lab.waiting import eventually

ROOT = dev_services.ROOT
DATA = Path(os.environ.get("NCPS_DEV_DATA") or ROOT / "data/dev").resolve()
PORT = int(os.environ.get("NCPS_DEV_PORT") or 8501)
WATCHED = [Path(p) for p in shlex.split(os.environ.get("NCPS_DEV_WATCH") or "")] or [
    ROOT / name for name in ("src", "db", "cmake", "tools", "CMakeLists.txt", "CMakePresets.json")]
BUILD = os.environ.get("NCPS_DEV_BUILD") or f"cmake --build --preset release --target ncps -j {os.cpu_count()}"
PROGRAM = os.environ.get("NCPS_BINARY") or str(ROOT / "build/release/ncps")
UPSTREAM = ["--cache-upstream-url=https://cache.nixos.org",
            "--cache-upstream-public-key=cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="]
LOOK_EACH = 0.5  # seconds
PATIENCE = 60    # for a start or a stop, on a busy machine


def say(what: str) -> None:
    print(f"dev: {what}", flush=True)


class Instance:
    """One server, which may end by itself: then it waits for the next change."""

    def __init__(self, name: str, port: int, options: list[str], log: Path | None = None) -> None:
        self.name, self.url = name, f"http://127.0.0.1:{port}"
        self._command = [PROGRAM, "serve", "--cache-hostname=ncps-dev", f"--server-addr=127.0.0.1:{port}", *options]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """Returns when it is ready; False: it has ended instead."""
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(self._log.open("ab")) if self._log else None
            # A group of its own: the terminal's Ctrl-C is for us, who end it in order.
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT,
                                             process_group=0, preexec_fn=leave_with_parent)
        eventually(lambda: self._process.poll() is not None or self._is_ready(), f"{self.name} is ready", PATIENCE, 0.1)
        if self._process.poll() is not None:
            say(f"{self.name} ended with {self._process.returncode}{f', see {self._log}' if self._log else ''}; change something")
            return False
        say(f"{self.name} {self._process.pid} at {self.url}{f', log in {self._log}' if self._log else ''}")
        return True

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _is_ready(self) -> bool:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with contextlib.suppress(OSError), direct.open(self.url + "/readyz", timeout=5) as answer:
            return answer.status == 200
        return False


def seen() -> dict[str, int]:
    """Every file that is watched, and when it changed."""
    found = {}
    for place in WATCHED:
        for file in [place] if place.is_file() else place.rglob("*"):
            with contextlib.suppress(OSError):
                if file.is_file():
                    found[str(file)] = file.stat().st_mtime_ns
    return found


def watch(before: dict[str, int], instances: list[Instance]) -> None:
    """Until Ctrl-C: a change is built, and if that works each instance in turn is started again. `before`: what there was
    when they were started."""
    while True:
        time.sleep(LOOK_EACH)
        now = seen()
        if now == before:
            continue
        changed = sorted(set(now.items()) ^ set(before.items()))
        before = now
        say(f"{changed[0][0]} has changed: {BUILD}")
        begin = time.monotonic()
        if subprocess.run(BUILD, shell=True, cwd=ROOT, stdin=subprocess.DEVNULL).returncode != 0:
            say("not built; what ran before runs on")
            continue
        say(f"built in {time.monotonic() - begin:.1f} s")
        for instance in instances:
            instance.stop()
            instance.start()


@contextlib.contextmanager
def services(*wanted: str):
    """Those that are up, or some of our own for as long as we run."""
    up = dev_services.find(DATA / "services.json")
    if up:
        say("uses the services that are up")
        yield {name: up[name] for name in wanted}
        return
    file = DATA / "own-services.json"
    dev_services.stop(file)  # of a run that was killed
    try:
        yield dev_services.start(file, wanted, os.getpid())
    finally:
        dev_services.stop(file)


def instance_folder(name: str) -> list[str]:
    (DATA / name / "temp").mkdir(parents=True, exist_ok=True)
    return [f"--cache-temp-path={DATA / name / 'temp'}"]


def run(mode: str, more: list[str]) -> None:
    port = PORT or free_port()
    with contextlib.ExitStack() as stack:
        if mode == "ha":
            shared = dev_services.options(stack.enter_context(services("s3", "database", "redis")))
            instances = []
            for number in (1, 2, 3):
                own = free_port()
                options = [*shared, *instance_folder(f"ha-{number}"), f"--cache-advertise-url=http://127.0.0.1:{own}",
                           "--server-drain-delay=0s", *UPSTREAM, *more]
                instances.append(Instance(f"instance {number}", own, options, DATA / f"ha-{number}/log"))
        else:
            store = [f"--cache-storage-local={DATA / 'local'}"]
            if mode == "s3":
                # As long-lived as the bucket: an index of another bucket would promise what is not there.
                places = stack.enter_context(services("s3"))
                database = DATA / f"s3/{places['s3']['access_key']}.sqlite"
                store = [*dev_services.options(places), f"--cache-database-url=sqlite:{database}"]
            instances = [Instance("ncps", port, [*store, *instance_folder(mode), *UPSTREAM, *more])]
        before, started = seen(), []
        for instance in instances:
            stack.callback(instance.stop)
            started.append(instance.start())
        if mode == "ha":
            (DATA / "haproxy").mkdir(exist_ok=True)
            haproxy = Haproxy(DATA / "haproxy", [instance.url.removeprefix("http://") for instance in instances], port)
            stack.callback(haproxy.stop)
            haproxy.start()
            if all(started):
                haproxy.wait("UP", "UP", "UP", within=PATIENCE)
        say(f"serving at http://127.0.0.1:{port}; data in {DATA}; Ctrl-C ends it")
        watch(before, instances)


def services_up() -> None:
    file = DATA / "services.json"
    places = dev_services.find(file) or dev_services.start(file, dev_services.ALL)
    say(f"the services are up, {file} says where; scripts/dev.py services-down ends them")
    for option in dev_services.options(places):
        print("  " + option)


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> None:
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    DATA.mkdir(parents=True, exist_ok=True)
    match arguments:
        case ["local" | "s3" | "ha" as mode, *more]:
            with contextlib.suppress(KeyboardInterrupt):
                run(mode, more)
            say("ended")
        case ["services-up"]:
            services_up()
        case ["services-down"]:
            say("ended" if dev_services.stop(DATA / "services.json") else "no services are up")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
