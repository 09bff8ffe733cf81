#!/usr/bin/env python3
"""What one hit costs, counted: bench/cost.py [--short] [--requests N]

Instructions in user space, allocations, locks and system calls for one narinfo or NAR on a keep-alive
connection, beside nginx over the same files; locks that io threads share; how often the bytes of a cold NAR are moved. Counts do not depend on how busy the machine is. Writes
bench/results/<date>-cost.json and the table in docs/measurements.md; --short only checks that all of it works.
"""
from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import copies, counted, report, shared_locks  # noqa: E402
from bench.servers import Nginx, fill  # noqa: E402
from tests.e2e.lab import closure, ncps, raw  # noqa: E402
from tests.e2e.lab.ncps import Ncps  # noqa: E402
from tests.e2e.lab.otlp_receiver import OtlpReceiver  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402


@dataclass(frozen=True)
class Ask:
    """A kind of request: the same number of each target, in turns."""
    name: str
    targets: list[str]
    method: str = "GET"
    known: bool = False  # with the ETag of what the client has
    share: float = 1     # of the requests: large ones are few

    def runner(self, url: str, pause: float = 0) -> Callable[[int], None]:
        connection = raw.Connection(url, timeout=300)
        headers = {}
        if self.known:
            etag = connection.ask("GET", self.targets[0]).get("ETag")
            assert etag
            headers = {"If-None-Match": etag}

        def run(count: int) -> None:
            for i in range(count):
                time.sleep(pause)  # so that the server waits for it, as servers do
                answer = connection.ask(self.method, self.targets[i % len(self.targets)], headers)
                assert answer.status == (304 if self.known else 200) and answer.ending == raw.COMPLETE, answer.head
        return run


@dataclass
class Server:
    name: str
    url: str
    pid: int
    folder: Path | None = None  # of callgrind's files, if it runs under that


@dataclass
class Row:
    name: str
    instructions: dict[str, float] = field(default_factory=dict)  # by server
    allocations: float = 0                                        # these are ours
    locks: float = 0
    calls: dict[str, dict[str, float]] = field(default_factory=dict)

    @staticmethod
    def shown(calls: dict[str, float] | None) -> str:
        """As "sendmsg 1, recvmsg 2"; a fraction where it is one."""
        if calls is None:
            return ""
        return ", ".join(f"{name} {count:.2f}".removesuffix("0").removesuffix(".0") for name, count in calls.items()) or "none"

    def line(self) -> str:
        others = f"{self.instructions['nginx']:,.0f}" if "nginx" in self.instructions else ""
        return (f"| {self.name} | {self.instructions['ncps']:,.0f} | {others} | {self.allocations:.1f} | {self.locks:.1f} | "
                f"{self.shown(self.calls.get('ncps'))} | {self.shown(self.calls.get('nginx'))} |")


class Bench:
    def __init__(self, home: Path, stack: contextlib.ExitStack, requests: int, source: ncps.Ncps) -> None:
        self.home, self.stack, self.requests, self.source = home, stack, requests, source
        self.rows: list[Row] = []

    def serve(self, name: str, *more: str, log_level: str = "warn") -> list[Server]:
        """One that strace looks at, and one under callgrind, each with a copy of what is kept."""
        servers = []
        for kind in ("plain", "counted"):
            home = self.home / f"{name}-{kind}"
            shutil.copytree(self.source.home, home)
            folder = home / "callgrind"
            folder.mkdir()
            slow = kind == "counted"
            one = Ncps(home, upstreams=self.source.upstreams, log_level=log_level, address=f"127.0.0.1:{free_port()}",
                       more=more, wrapper=counted.tool(folder) if slow else ())
            self.stack.callback(one.kill9)
            one.start_quiet(within=120)
            assert one.process
            servers.append(Server("ncps", one.url, one.process.pid, folder if slow else None))
        return servers

    def count(self, ask: Ask, row: Row, server: Server) -> None:
        run = ask.runner(server.url, 0 if server.folder else 0.002)
        many = max(4, int(self.requests * ask.share))
        few = max(1, many // 4)
        run(len(ask.targets) * 2)
        if server.folder:
            cost, calls, _ = counted.per_request(counted.Counted(server.pid, server.folder), run, few, many)
            row.instructions[server.name] = cost
            if server.name == "ncps":
                row.allocations, row.locks = calls(counted.ALLOCATIONS), calls(counted.LOCKS)
        else:
            row.calls[server.name] = counted.calls_per_request(server.pid, run, few, many)

    def add(self, ask: Ask, servers: list[Server]) -> None:
        row = Row(ask.name)
        for server in servers:
            self.count(ask, row, server)
        self.rows.append(row)
        print(row.line(), flush=True)


@dataclass
class Beside:
    """What the table does not hold."""
    shared_locks: dict[str, float]       # by kind of hit
    cold: dict[str, dict[str, float]]    # see copies.for_each_byte

    def lines(self) -> list[str]:
        copied, moved = (", ".join(f"{who} {share:.2f}" for who, share in self.cold[kind].items()) for kind in ("copied", "moved"))
        return ["Locks that several io threads take, for each hit, by drd (of Asio's each thread has its own): "
                + ", ".join(f"{kind} {count:.2f}" for kind, count in self.shared_locks.items()) + ". Aim: 0.", "",
                f"A cold NAR in zstd, for each of its bytes: copied from memory to memory by {copied} (of libzstd it is decompression; dhat's count of memcpy and "
                f"memmove); moved by system calls: {moved} (`sendfile` moves nothing in user space). Aim: one copy at most that is ours."]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def table(rows: list[Row], beside: Beside, date: str, requests: int) -> str:
    where = report.machine()
    return "\n".join([
        f"{date}, {where['cpu']}, nginx {where['nginx']}. `bench/cost.py --requests {requests}`: for one request on a connection that is kept, "
        "the difference between a long and a short stretch. Instructions in user space, by callgrind (which has no SHA-NI and no AVX-512); allocations and "
        "locks of ncps, whichever library makes them; system calls of all threads, by strace.", "",
        "| | instructions, ncps | nginx | allocations | locks | system calls, ncps | nginx |", "|---|---:|---:|---:|---:|---|---|",
        *(row.line() for row in rows), "", *beside.lines()])


def shared(bench: "Bench", infos: list[str], nars: list[str], short: bool) -> dict[str, float]:
    home = bench.home / "locks"
    shutil.copytree(bench.source.home, home)
    log = home / "drd.log"
    one = Ncps(home, upstreams=bench.source.upstreams, log_level="warn", address=f"127.0.0.1:{free_port()}", wrapper=shared_locks.tool(log))
    bench.stack.callback(one.kill9)
    one.start_quiet(within=120)
    # One NAR: of several each thread would be asked for each hardly more often than once a second, and the first time in a second is another way.
    found = shared_locks.for_each_hit(one.url, log, {"narinfos": infos[:8], "NARs": nars[:1]}, 160 if short else 400)
    one.kill9()
    return found


def measure(home: Path, requests: int, short: bool) -> tuple[list[Row], Beside]:
    megabytes = 1 if short else 64
    made, small, big = closure.many(4 if short else 200), closure.single(0.064), closure.single(megabytes)
    caches = [one.cache("zstd") for one in (made, small, big)]
    with contextlib.ExitStack() as stack:
        ncps.BINARY = counted.readable(ncps.BINARY, home)
        ups = [(stack.enter_context(Upstream(one.folder)).url, one.key.public) for one in caches]
        source = Ncps(home / "source", upstreams=ups, log_level="warn", address=f"127.0.0.1:{free_port()}").start_quiet()
        stack.callback(source.kill9)
        infos, large = fill(source, made.paths, big.root)
        _, little = fill(source, [], small.root)
        folder = home / "nginx-callgrind"
        folder.mkdir()
        nginx = [Server("nginx", one.url, one.process.pid, one.under) for one in (
            stack.enter_context(Nginx(home / "nginx", source, infos, large, little)),
            stack.enter_context(Nginx(home / "nginx-counted", source, infos, large, little, under=folder)))]
        assert source.stop() == 0
        bench = Bench(home, stack, requests, source)
        nars = [f"/nar/{name}" for name in source.stored_nars() if not large.endswith(name)]
        beside = Beside(shared(bench, infos, nars, short), copies.for_each_byte(home, *((0.5, 1) if short else (8, 32))))
        print(beside, flush=True)
        quiet = bench.serve("quiet")
        one = Ask("one hot narinfo", infos[:1])
        bench.add(one, quiet + nginx)
        if short:
            bench.add(Ask("NAR", [large]), quiet + nginx)
            return bench.rows, beside
        bench.add(Ask(f"{len(infos)} narinfos in turns", infos), quiet + nginx)
        bench.add(Ask("HEAD of a narinfo", infos[:1], method="HEAD"), quiet + nginx)
        bench.add(Ask("a narinfo that the client has: 304", infos[:1], known=True), quiet)
        bench.add(Ask("NAR of 64 KB", [little]), quiet + nginx)
        bench.add(Ask(f"NAR of {megabytes} MB", [large], share=0.01), quiet + nginx)
        bench.add(replace(one, name="one hot narinfo, with `/metrics`"), bench.serve("metrics", "--prometheus-enabled=true"))
        bench.add(replace(one, name="one hot narinfo, the log at info"), bench.serve("log", log_level="info"))
        collector = OtlpReceiver()
        stack.callback(collector.stop)
        collector.start()
        otlp = bench.serve("otlp", "--otel-enabled=true", f"--otel-grpc-url=http://{collector.address}")
        bench.add(replace(one, name="one hot narinfo, metrics and traces over OTLP"), otlp)
        return bench.rows, beside


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="few requests, nothing is written")
    arguments.add_argument("--requests", type=int, default=4000)
    chosen = arguments.parse_args()
    if not ncps.BINARY.exists():
        print(f"{ncps.BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    requests = 40 if chosen.short else chosen.requests
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home:
        rows, beside = measure(Path(home), requests, chosen.short)
    if not chosen.short:
        report.write_section(ROOT, "cost", {"requests": requests, "rows": [asdict(row) for row in rows], "beside": asdict(beside)},
                             lambda date: table(rows, beside, date, requests))
    return 0


if __name__ == "__main__":
    sys.exit(main())
