"""All that several instances need, real and on loopback: database, storage, Redis, upstream, haproxy, and a proxy
between each instance and each part that it shares."""
from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from pathlib import Path
from typing import Callable, Sequence

from . import closure, raw, s3_gateway
from .case import narinfo_target
from .closure import Closure, parse_narinfo
from .cluster import Cluster, Plan, address_of
from .database import DatabaseServer
from .mariadb import MariaDb
from .ncps import Ncps
from .postgres import Postgres
from .redis import RedisServer
from .upstream import Upstream

# Short, so that a test sees what happens when a lease ends; but a busy machine has to renew it in time.
LEASE = 6  # seconds
LEASES = (f"--cache-lock-download-ttl={LEASE}s", f"--cache-lock-lru-ttl={LEASE}s", "--cache-lock-retry-max-delay=200ms")


class Several:
    """PostgreSQL and a bucket, or MariaDB and a folder. Everything is there when it is made, and started."""

    def __init__(self, home: Path, made: Closure, bucket: bool, count: int = 3, more: Sequence[str] = (),
                 redis: Callable[[], RedisServer] = RedisServer, log_level: str = "info") -> None:
        self.home, self.made = home, made
        self.cache = made.cache("zstd")
        self._stack = contextlib.ExitStack()
        try:
            self.upstream = Upstream(self.cache.folder).start()
            self._stack.callback(self.upstream.stop)
            self.database: DatabaseServer = Postgres() if bucket else MariaDb()
            self._stack.callback(self.database.close)
            self.redis = redis()
            self._stack.callback(self.redis.close)
            self.folder = home / "shared"
            self._bucket = ""
            wired = {"database": address_of(self.database.url), "redis": self.redis.address}
            if bucket:
                place = s3_gateway.shared()
                self._s3, self._bucket = place.client(), place.new_bucket()
                store = [f"--cache-storage-s3-{name}={value}" for name, value in (
                    ("bucket", self._bucket), ("endpoint", place.url), ("region", "us-east-1"),
                    ("access-key-id", place.access_key), ("secret-access-key", place.secret_key))]
                wired["store"] = address_of(place.url)
            else:
                store = [f"--cache-storage-local={self.folder}"]
            assert self.cache.key
            plan = Plan(upstreams=[(self.upstream.url, self.cache.key.public)], database=self.database, store=store,
                        redis=self.redis.flags(), more=[*LEASES, *more], wired=wired, log_level=log_level)
            (home / "cluster").mkdir()
            self.cluster = Cluster(home / "cluster", plan, count)
            self._stack.callback(self.cluster.stop)
            self.cluster.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return self.cluster.url

    @property
    def instances(self) -> list[Ncps]:
        return self.cluster.instances

    # --- what is right, and what is kept ---

    def nar(self, path: str) -> str:
        """Where it is asked for; we announce what the upstream has."""
        return self.cache.nar_url(path)

    def digest(self, path: str) -> str:
        return hashlib.sha256(self.cache.nar_bytes(path)).hexdigest()

    def stored(self, path: str) -> bytes | None:
        name = self.nar(path).rpartition("/")[2]
        key = f"store/nar/{name[0]}/{name[:2]}/{name}"
        if self._bucket:
            return self._s3.find(self._bucket, key)
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / key).read_bytes()
        return None

    def is_stored(self, path: str) -> bool:
        """Whole and right, or not at all."""
        found = self.stored(path)
        assert found is None or hashlib.sha256(found).hexdigest() == self.digest(path), f"{path}: wrong bytes are kept"
        return found is not None

    def identity(self, path: str) -> object:
        """Changes when what is kept is replaced; in a bucket only by other bytes."""
        name = self.nar(path).rpartition("/")[2]
        if self._bucket:
            return self.stored(path)
        info = (self.folder / f"store/nar/{name[0]}/{name[:2]}/{name}").stat()
        return info.st_ino, info.st_mtime_ns

    def is_leased(self, path: str) -> bool:
        name = self.nar(path)[1:]
        return any(key.startswith("ncps:lock:") and name in key and "fence" not in key for key in self.redis.keys())

    def transfers(self, path: str) -> int:
        return len(self.upstream.requests(self.nar(path), "GET"))

    # --- who does what ---

    def fetches(self, path: str) -> Ncps | None:
        """The instance that has that NAR's transfer from the upstream open, the newest one."""
        ports = [r.port for r in self.upstream.requests(self.nar(path), "GET") if not r.finished]
        by_inode = {inode for port in ports[-1:] if (inode := _inode(port, self.upstream.port))}
        return next((i for i in self.instances if i.process and by_inode & _sockets(i.process.pid)), None)

    # --- clients ---

    def narinfo(self, path: str, url: str = "") -> dict[str, str]:
        answer = raw.get(url or self.url, narinfo_target(path), timeout=60)
        if answer.status == 404:
            raise Wrong(f"{path}: its narinfo is 404")
        if (answer.status, answer.ending) != (200, raw.COMPLETE):
            raise AssertionError(f"{path}: narinfo {answer.status} {answer.ending} {answer.body!r}\n{self.cluster.tail()}")
        return parse_narinfo(answer.body.decode())

    def pull(self, path: str, url: str = "") -> None:
        """Narinfo and NAR, as a client does; AssertionError or OSError if it fails, Wrong if it does worse."""
        fields = self.narinfo(path, url)
        stream = raw.Stream(url or self.url, "/" + fields["URL"]).start().join(120)
        self.judge(path, stream)
        if (stream.status, stream.ending) != (200, raw.COMPLETE):
            raise AssertionError(f"{path}: NAR {stream.status} {stream.ending} after {stream.count} bytes\n{self.cluster.tail()}")

    def judge(self, path: str, stream: raw.Stream) -> None:
        if stream.status == 404:
            raise Wrong(f"{path}: 404")
        if stream.status == 200 and stream.ending == raw.COMPLETE and stream.sha256 != self.digest(path):
            raise Wrong(f"{path}: a complete answer with wrong bytes")


class Wrong(Exception):
    """What must never be, whatever fails."""


class Clients:
    """Threads that each do one thing, and what came of it."""

    def __init__(self, works: Sequence[Callable[[], None]]) -> None:
        self.errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(work,), daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self.errors.append(error)

    def join(self, within: float = 120) -> list[BaseException]:
        for thread in self._threads:
            thread.join(within)
            assert not thread.is_alive(), f"a client is still at it after {within:g} s"
        return self.errors


def retried_once(work: Callable[[], None]) -> Callable[[], None]:
    def twice() -> None:
        try:
            work()
        except (AssertionError, OSError, raw.Ended):
            work()
    return twice


def closure_of(name: str, sizes: Sequence[float]) -> Closure:
    """Paths of so many megabytes, one for each number, that refer to nothing."""
    return closure.make_closure(name, [
        (f"item-{number}", closure.file_of_random_bytes(f"{name}/{number}", int(megabytes * 1_000_000)), [])
        for number, megabytes in enumerate(sizes)])


def _inode(local: int, remote: int) -> int | None:
    """Of the socket of an open connection from 127.0.0.1:local to 127.0.0.1:remote."""
    wanted = f"0100007F:{local:04X} 0100007F:{remote:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines():
        if wanted in line:
            return int(line.split()[9])
    return None


def _sockets(pid: int) -> set[int]:
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if match := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(fd)):
                found.add(int(match[1]))
    return found
