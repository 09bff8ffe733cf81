"""A real S3 server: Ceph RADOS Gateway on one machine, with everything in memory.

A monitor, one object store daemon (memstore) and the gateway, on free ports of 127.0.0.1, in a
temporary folder. There is no manager daemon: nothing here reads its statistics.

Tests call `shared()`: the gateway that ctest started for all (the file that NCPS_S3_GATEWAY names), or one of
this process. As a ctest fixture:

    python3 -m tests.e2e.lab.s3_gateway start FILE     returns when it serves; FILE says where, in JSON
    python3 -m tests.e2e.lab.s3_gateway stop FILE

However a test run ends, nothing stays: the daemons die with the process that started them, that one ends
with ctest, and what a killed one left on disk is removed at the next start.
"""
from __future__ import annotations

import atexit
import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from .ncps import leave_with_parent
from .ports import free_port
from .s3_client import S3Client
from .waiting import eventually

PREFIX = "ncps-s3-"
USER = "test"
PATIENCE = 180  # seconds for each step of a start, on a busy machine
DOMAIN = "s3.localhost"  # a Host of BUCKET.s3.localhost names the bucket


@dataclass(frozen=True)
class Place:
    """Where a gateway is, and who may use it."""
    url: str        # http://127.0.0.1:PORT
    tls_url: str    # https://127.0.0.1:PORT
    ca_file: str    # its certificate, also good for *.s3.localhost
    access_key: str
    secret_key: str
    domain: str
    holder: int     # the process to end

    def client(self, url: str | None = None) -> S3Client:
        return S3Client(url or self.url, self.access_key, self.secret_key, self.ca_file)

    def new_bucket(self) -> str:
        """A bucket of this test's own."""
        name = "b-" + uuid.uuid4().hex[:16]
        self.client().make_bucket(name)
        return name


def new_key() -> str:
    """A cephx key: type 1 (AES), when it was made, 16 bytes."""
    return base64.b64encode(struct.pack("<hiih", 1, int(time.time()), 0, 16) + os.urandom(16)).decode()


CONFIG = """
[global]
fsid={fsid}
mon host=v2:127.0.0.1:{mon_port}
public addr=127.0.0.1
keyring={home}/keyring
mon data={home}/mon
osd data={home}/osd
rgw data={home}/rgw
run dir={home}
pid file=
admin socket={home}/$name.sock
log file={home}/$name.log
crash dir={home}
mon cluster log file=
log to stderr=false
osd objectstore=memstore
memstore device bytes=8589934592
osd pool default size=1
osd pool default min size=1
osd pool default pg num=1
osd pool default pgp num=1
osd pool default pg autoscale mode=off
osd crush chooseleaf type=0
mon allow pool size one=true
mon max pg per osd=2000
mon data avail crit=1
mon data avail warn=2
paxos propose interval=0.02
paxos min wait=0.01
objecter tick interval=0.5
mon client hunt interval=0.5
mon client ping interval=1
rgw dns name={domain}
rgw thread pool size=64
rgw override bucket index max shards=1
rgw dynamic resharding=false
rgw gc obj min wait=5
rgw gc processor period=5
"""


class Gateway:
    """`start` to serve, `stop` to leave nothing. May be restarted in between, with what it stores."""

    def __init__(self) -> None:
        remove_leftovers()
        self.home = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = (self.home / "lock.new").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.home / "lock.new").rename(self.home / "lock")  # nobody sees it without its lock
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.place: Place | None = None

    def start(self) -> Place:
        # Ports are picked before they are used: somebody else may be quicker.
        for attempt in range(3):
            try:
                return self._start()
            except (AssertionError, subprocess.SubprocessError):
                self._end_daemons()
                if attempt == 2:
                    self.stop()
                    raise
                for entry in self.home.iterdir():
                    if entry.is_dir():
                        shutil.rmtree(entry)
        raise AssertionError("unreachable")

    def _start(self) -> Place:
        self._write_config()
        osd_uuid = str(uuid.uuid4())
        self._run("monmaptool", "--create", "--clobber", "--addv", "a", f"[v2:127.0.0.1:{self._mon_port}]",
                  "--fsid", self._fsid, str(self.home / "monmap"))
        osd_made = self._popen("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_uuid, "--no-mon-config")
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", str(self.home / "monmap"))
        self._daemon("mon", "ceph-mon", "-f", "-i", "a")
        self._run("ceph", "--connect-timeout", "20", "osd", "new", osd_uuid)
        assert osd_made.wait(PATIENCE) == 0, self.logs()
        self._daemon("osd", "ceph-osd", "-f", "-i", "0")
        access, secret = "ACCESS" + os.urandom(7).hex().upper(), base64.b64encode(os.urandom(30)).decode()
        self._run("radosgw-admin", "user", "create", f"--uid={USER}", "--display-name=test",
                  "--caps=user-policy=*", f"--access-key={access}", f"--secret-key={secret}")
        self._make_certificate()
        port, tls_port = free_port(), free_port()
        self.place = Place(f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls_port}",
                           str(self.home / "certificate.pem"), access, secret, DOMAIN, os.getpid())
        self._frontend = (f"beast endpoint=127.0.0.1:{port} ssl_endpoint=127.0.0.1:{tls_port} "
                          f"ssl_certificate={self.home}/certificate.pem ssl_private_key={self.home}/key.pem")
        self.start_gateway()
        return self.place

    # The gateway alone: its buckets survive.

    def start_gateway(self) -> None:
        daemon = self._daemon("rgw", "radosgw", "-f", "-n", "client.admin", "--keyring",
                              str(self.home / "keyring"), "--rgw-frontends", self._frontend)
        eventually(lambda: daemon.poll() is not None or self._serves(), "the gateway serves", PATIENCE)
        assert daemon.poll() is None, self.logs()

    def stop_gateway(self) -> None:
        self._end("rgw")

    def stop(self) -> None:
        self._end_daemons()
        shutil.rmtree(self.home, ignore_errors=True)
        self._lock.close()

    def daemons(self) -> list[subprocess.Popen[bytes]]:
        return list(self._daemons.values())

    def logs(self) -> str:
        """The ends of all logs, for a message."""
        return "\n".join(f"== {file.name}\n" + file.read_text(errors="replace")[-1500:]
                         for file in sorted(self.home.glob("*.log")))

    # --- parts ---

    def _write_config(self) -> None:
        self._fsid, self._mon_port = str(uuid.uuid4()), free_port()
        for folder in ("mon", "osd", "rgw"):
            (self.home / folder).mkdir()
        (self.home / "ceph.conf").write_text(
            CONFIG.format(fsid=self._fsid, mon_port=self._mon_port, home=self.home, domain=DOMAIN))
        everything = "".join(f'\tcaps {service} = "allow *"\n' for service in ("mon", "osd", "mgr"))
        (self.home / "keyring").write_text(
            "".join(f"[{name}]\n\tkey = {new_key()}\n{everything}" for name in ("mon.", "client.admin", "osd.0")))

    def _make_certificate(self) -> None:
        self._run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                  "-days", "2", "-subj", "/CN=localhost", "-addext",
                  f"subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:{DOMAIN},DNS:*.{DOMAIN}",
                  "-keyout", str(self.home / "key.pem"), "-out", str(self.home / "certificate.pem"))

    def _popen(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.home / "commands.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=os.environ | {"CEPH_CONF": str(self.home / "ceph.conf")},
                                    preexec_fn=leave_with_parent)

    def _run(self, *command: str) -> None:
        process = self._popen(*command)
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = f"nothing within {PATIENCE} s"
        assert status == 0, f"{command[0]}: {status}\n{self.logs()}"

    def _daemon(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        self._daemons[name] = self._popen(*command)
        return self._daemons[name]

    def _serves(self) -> bool:
        assert self.place
        with contextlib.suppress(OSError):
            return self.place.client().ask("GET", "/").status == 200
        return False

    def _end(self, name: str) -> None:
        daemon = self._daemons.pop(name, None)
        if daemon:
            daemon.kill()  # everything is in memory: there is nothing to write
            daemon.wait()

    def _end_daemons(self) -> None:
        for name in ("rgw", "osd", "mon"):
            self._end(name)


def remove_leftovers() -> None:
    """Folders of gateways whose process was killed: nobody holds their lock."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(OSError), (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


_own: Gateway | None = None


def shared() -> Place:
    """The gateway of this test run; started by the first who asks if ctest did not."""
    global _own
    file = os.environ.get("NCPS_S3_GATEWAY", "")
    if file and Path(file).exists():
        return Place(**json.loads(Path(file).read_text()))
    if _own is None:
        _own = Gateway()
        atexit.register(_own.stop)
        _own.start()
    assert _own.place
    return _own.place


# --- the fixture ---

def hold(file: Path, watched: int) -> None:
    """Serves until SIGTERM, or until the process `watched` or a daemon ends."""
    ended = os.pidfd_open(watched)
    told_r, told_w = os.pipe()
    os.set_blocking(told_w, False)
    signal.set_wakeup_fd(told_w)
    signal.signal(signal.SIGTERM, lambda *_: None)
    gateway = Gateway()
    try:
        place = gateway.start()
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(place)))
        new.rename(file)
        select.select([ended, told_r, *(os.pidfd_open(d.pid) for d in gateway.daemons())], [], [])
        file.with_suffix(".log").unlink(missing_ok=True)
    finally:
        file.unlink(missing_ok=True)
        gateway.stop()


def is_holder(pid: int, file: Path) -> bool:
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return b"hold" in command and str(file).encode() in command
    return False


def start(file: Path) -> None:
    stop(file)  # of a run that was killed
    log = file.with_suffix(".log")
    with log.open("wb") as out:
        holder = subprocess.Popen([sys.executable, "-m", __spec__.name, "hold", str(file), str(os.getppid())],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    begin = time.monotonic()
    eventually(lambda: file.exists() or holder.poll() is not None, "the gateway serves", 280)
    if holder.poll() is not None:
        sys.exit(log.read_text())
    print(f"{json.loads(file.read_text())['url']} after {time.monotonic() - begin:.1f} s")


def stop(file: Path) -> None:
    if not file.exists():
        return
    pid = json.loads(file.read_text())["holder"]
    if is_holder(pid, file):
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not is_holder(pid, file), "the gateway has ended", 60)
    file.unlink(missing_ok=True)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["start", file]:
            start(Path(file).resolve())
        case ["stop", file]:
            stop(Path(file).resolve())
        case ["hold", file, watched]:
            hold(Path(file), int(watched))
        case _:
            sys.exit("usage: python3 -m tests.e2e.lab.s3_gateway start|stop FILE")


if __name__ == "__main__":
    main(sys.argv[1:])
