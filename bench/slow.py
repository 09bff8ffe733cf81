#!/usr/bin/env python3
"""What a reader costs that takes nothing: bench/slow.py [--short] [--rounds N]

Clients ask for a NAR of 64 MB, take the head and no more, over each kind of connection, of a NAR at rest and of one that is
still being downloaded. Each row is a server of its own; what the first hundred readers take of memory that was free in the
process already is not counted: only what those behind them add. Writes bench/results/<date>-slow.json and the table in
docs/measurements.md; --short only checks that all of it works, and writes nothing.
"""
from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import ssl
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Iterator
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import report  # noqa: E402
from bench.load_bench import resident  # noqa: E402
from bench.servers import fill  # noqa: E402
from tests.e2e.lab import closure, raw  # noqa: E402
from tests.e2e.lab.case import narinfo_target  # noqa: E402
from tests.e2e.lab.faults import Gate  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.tls import authority  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402
from tests.e2e.lab.waiting import eventually  # noqa: E402

RECEIVE_BUFFER = 4096
LARGEST_WINDOW = 2**31 - 1


@dataclass(frozen=True)
class Way:
    name: str
    tls: bool = False
    h2: bool = False
    window: int = LARGEST_WINDOW  # of HTTP/2: what the client says that it would take
    cold: bool = False


WAYS = [
    Way("HTTP/1.1"), Way("HTTP/1.1 over TLS", tls=True),
    Way("HTTP/2, its window used up", h2=True, window=65_535), Way("HTTP/2, the window open, the socket full", h2=True),
    Way("HTTP/2 over TLS, its window used up", tls=True, h2=True, window=65_535),
    Way("HTTP/2 over TLS, the window open, the socket full", tls=True, h2=True),
    Way("HTTP/1.1, a NAR that is being downloaded", cold=True),
    Way("HTTP/1.1 over TLS, a NAR that is being downloaded", tls=True, cold=True),
]


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """Source: RFC 9113 section 4.1."""
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def hello_of_h2(window: int) -> bytes:
    hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, struct.pack(">HI", 4, window))
    return hello + (frame(8, 0, 0, struct.pack(">I", window - 65_535)) if window > 65_535 else b"")


def get_of_h2(way: Way, host: str, target: str) -> bytes:
    """RFC 7541: GET, the scheme, path and authority, all of the static table, with values that nobody needs to remember."""
    fields = bytes([0x82, 0x87 if way.tls else 0x86, 0x04, len(target)]) + target.encode() + bytes([0x01, len(host)]) + host.encode()
    return frame(4, 1, 0, b"") + frame(1, 5, 1, fields)


def reader(way: Way, url: str, target: str) -> socket.socket:
    """Has begun to get it, and will take no more."""
    parts = urlsplit(url)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    made.settimeout(120)
    made.connect((parts.hostname, parts.port))
    if way.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2" if way.h2 else "http/1.1"])
        made = context.wrap_socket(made)
    if way.h2:
        made.sendall(hello_of_h2(way.window))
        assert made.recv(9), "no settings"
        made.sendall(get_of_h2(way, parts.netloc, target))
        seen = b""
        while frame_of_data() not in seen:
            piece = made.recv(1024)
            assert piece, "the connection has ended"
            seen += piece
    else:
        made.sendall(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        assert made.recv(512).startswith(b"HTTP/1.1 200 "), "not served"
    return made


def frame_of_data() -> bytes:
    """The end of the head of one that carries a part of the body: kind, no flags, stream 1."""
    return bytes([0, 0]) + struct.pack(">I", 1)


def settled(pid: int) -> int:
    """What is resident once it does not grow any more."""
    before = 0
    def quiet() -> bool:
        nonlocal before
        now = resident(pid)
        same, before = now == before, now
        return same
    for _ in range(3):
        time.sleep(0.2)
        eventually(quiet, "memory stays as it is", 30)
    return before


class Bench:
    def __init__(self, home: Path, stack: contextlib.ExitStack, megabytes: int, readers: int) -> None:
        self.home, self.readers = home, readers
        self.made = closure.single(megabytes, "slow")
        self.cache = self.made.cache("zstd")
        self.upstream = stack.enter_context(Upstream(self.cache.folder))
        self.certificate = authority().sign("IP:127.0.0.1", "slow")
        filled = self.server(home / "filled")
        filled.start_quiet()
        try:
            _, self.target = fill(filled, [], self.made.root)
        finally:
            filled.stop()

    def server(self, home: Path, *more: str) -> Ncps:
        return Ncps(home, upstreams=[(self.upstream.url, self.cache.key.public)], log_level="warn",
                    address=f"127.0.0.1:{free_port()}", more=["--cache-prefetch=off", *more])

    @contextlib.contextmanager
    def started(self, way: Way) -> Iterator[Ncps]:
        with tempfile.TemporaryDirectory(prefix="ncps-", dir=self.home) as home:
            if not way.cold:
                shutil.copytree(self.home / "filled", home, dirs_exist_ok=True)
            tls = [f"--server-tls-cert={self.certificate.file}", f"--server-tls-key={self.certificate.key}"]
            one = self.server(Path(home), *(tls if way.tls else []))
            one.start(wait=False)
            try:
                one.url = f"{'https' if way.tls else 'http'}://{one.address}"
                eventually(lambda: not one.refuses_connections(), "it answers", 40)
                yield one
            finally:
                one.kill9()

    def measure(self, way: Way) -> float:
        """Bytes resident for each reader."""
        with self.started(way) as proxy, contextlib.ExitStack() as stack:
            assert proxy.process
            pid, target = proxy.process.pid, self.target
            if way.cold:
                gate = Gate()
                stack.callback(gate.open)
                stack.callback(self.upstream.faults.clear)
                self.upstream.fault(target, gate=gate, gate_at=len(self.cache.nar_bytes(self.made.root)) // 2)
                assert raw.get(proxy.url, narinfo_target(self.made.root)).status == 200
                stack.enter_context(contextlib.closing(reader(way, proxy.url, target)))
                assert gate.reached.wait(120)
            else:
                assert raw.get(proxy.url, target).ending == raw.COMPLETE
            for _ in range(self.readers):
                stack.enter_context(contextlib.closing(reader(way, proxy.url, target)))
            before = settled(pid)
            for _ in range(self.readers):
                stack.enter_context(contextlib.closing(reader(way, proxy.url, target)))
            return (settled(pid) - before) / self.readers


def table(results: dict[str, list[float]], date: str, readers: int, rounds: int) -> str:
    where = report.machine()
    return "\n".join([
        f"{date}, Linux {where['kernel']}. `bench/slow.py --rounds {rounds}`: resident in ncps for each of {readers} readers of a NAR of 64 MB who take its head and no more, "
        f"behind {readers} others of the same kind; medians of {rounds} rounds. What the kernel keeps for their sockets is not in it.", "",
        "| | each | aim |", "|---|---:|---:|",
        *(f"| {name} | {median(values) / 1024:.1f} KiB | a few KiB |" for name, values in results.items())])


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="few readers of little, nothing is written")
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    megabytes, readers, rounds = (16, 10, 1) if chosen.short else (64, 100, chosen.rounds)
    results: dict[str, list[float]] = {way.name: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home, contextlib.ExitStack() as stack:
        bench = Bench(Path(home), stack, megabytes, readers)
        for way in WAYS:
            results[way.name] = [bench.measure(way) for _ in range(rounds)]
            print(f"{way.name:<60}{median(results[way.name]) / 1024:8.1f} KiB each", flush=True)
    if not chosen.short:
        report.write_section(ROOT, "slow", {"readers": readers, "bytes": results}, lambda date: table(results, date, readers, rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
