#!/usr/bin/env python3
"""ncps in front of a bucket, beside the S3 server itself: the same objects, the same machine, in turns.
bench/s3.py [--short] [--rounds N] [--seconds N] [--large MIB] [--only hits|large]

The S3 server is a Ceph RADOS Gateway with its objects in memory. Its own GETs are those of presigned URLs. Client,
gateway and ncps share the cores, so behind ncps there is less of the machine left for the gateway than alone: the CPU
of both is said, and in further rows the gateway has one half of the cores, all others the other half, as if it were
another machine. And haproxy is put in its place, which only passes on: what is lost behind it any proxy loses here. Writes bench/results/<date>-s3.json and the table in docs/measurements.md; --short only checks that
all of it works, and writes nothing. Fails if not every reader of a large object got all of it, or if ncps needed more
memory for that than it may. A second part (bench/s3_large.py) brings in NARs of some GiB; --only runs one of both.
"""
from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Iterator
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import cores, cpu, report, s3_large, wrk  # noqa: E402
from bench.servers import PlainProxy  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.s3_gateway import Gateway  # noqa: E402
from tests.e2e.lab.waiting import eventually  # noqa: E402

BUCKET = "bench"
TINY, SMALL, LARGE = ("0" * 51 + digit for digit in "123")  # as the names of NARs
MOST_RESIDENT = 96  # MiB, while 20 clients read an object of 1 GiB


@dataclass
class Row:
    name: str
    unit: str
    values: dict[str, list[float]] = field(default_factory=lambda: {"ncps": [], "gateway": [], "haproxy": []})
    costs: dict[str, list[float]] = field(default_factory=lambda: {"ncps": [], "gateway alone": [], "gateway behind": [], "haproxy": []})

    def of_gateway(self, who: str) -> str:
        """What is left of the gateway's own rate behind it; empty: not asked."""
        return f"{median(self.values[who]) / median(self.values['gateway']):.2f}x" if self.values[who] else ""

    def line(self) -> str:
        ours, theirs = median(self.values["ncps"]), median(self.values["gateway"])
        compared = f"{ours / theirs:.2f}x" if self.unit == "MB/s" else f"{ours - theirs:+.1f} {self.unit}"
        return (f"{self.name:<46}{ours:>9,.1f}{theirs:>9,.1f} {self.unit:<5}{compared:>10} haproxy {self.of_gateway('haproxy'):<6}"
                + ", ".join(f"{who} {median(c):,.0f}" for who, c in self.costs.items() if c))


class Bench:
    def __init__(self, home: Path, gateway: Gateway, proxy: Ncps, rounds: int, seconds: int) -> None:
        assert gateway.place
        self.home, self.gateway, self.proxy, self.plain = home, gateway, proxy, PlainProxy(home / "haproxy", urlsplit(gateway.place.url).netloc)
        self.rounds, self.seconds = rounds, seconds
        self.s3 = gateway.place.client()
        self.place = gateway.place
        self.all_cores = sorted(os.sched_getaffinity(0))

    def put(self, name: str, megabytes: int) -> None:
        block = os.urandom(1 << 20)
        self.s3.put(BUCKET, self.key(name), b"".join(
            i.to_bytes(8, "big") + block[8:] for i in range(megabytes)))

    @staticmethod
    def key(name: str) -> str:
        return f"store/nar/{name[0]}/{name[:2]}/{name}.nar.xz"

    def places(self, name: str) -> dict[str, tuple[str, str]]:
        """Where it is had: server and target."""
        return {"ncps": (self.proxy.url, f"/nar/{name}.nar.xz"),
                "gateway": (self.place.url, self.s3.presigned(f"/{BUCKET}/{self.key(name)}"))}

    def gateway_cpu(self) -> float:
        return sum(cpu.seconds(daemon.pid) for daemon in self.gateway.daemons())

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """The gateway has one half of the cores, ncps and the clients the other."""
        def spread(gateway: list[int], others: list[int]) -> None:
            for daemon in self.gateway.daemons():
                cores.keep_to(daemon.pid, gateway)
            cores.keep_to(self.proxy.process.pid, others)
            cores.keep_to(self.plain.process.pid, others)
            cores.keep_to(os.getpid(), others)

        spread(*cores.halves())
        try:
            yield
        finally:
            spread(self.all_cores, self.all_cores)

    def process_of(self, who: str) -> int:
        return self.plain.process.pid if who == "haproxy" else self.proxy.process.pid

    def rate(self, connections: int, megabytes: int, how: str = "") -> Row:
        row = Row(f"NAR of {megabytes} MB, {connections} connection{'s' * (connections > 1)}{how}", "MB/s")
        for _ in range(self.rounds):
            places = self.places(SMALL)
            places["haproxy"] = (self.plain.url, places["gateway"][1])
            for who, (url, target) in places.items():
                load = wrk.Load(row.name, "MB/s", [target], connections)
                ours, theirs = cpu.seconds(self.process_of(who)), self.gateway_cpu()
                row.values[who].append(load.run(url, self.seconds, self.home))
                moved = row.values[who][-1] * self.seconds / 1e6  # in millions of MB: microseconds of CPU for each MB
                if who != "haproxy":
                    row.costs["gateway behind" if who == "ncps" else "gateway alone"].append(
                        (self.gateway_cpu() - theirs) / moved)
                if who != "gateway":
                    row.costs[who].append((cpu.seconds(self.process_of(who)) - ours) / moved)
        return row

    def wait_for_copy(self) -> None:
        url, target = self.places(SMALL)["ncps"]

        def copied() -> bool:
            first_byte(url, target)
            return any(file.is_file() for file in self.proxy.temp.glob("ncps-copies-*/*"))
        eventually(copied, "there is a local copy", 60)

    def first_byte(self, requests: int) -> Row:
        row = Row(f"time to the first byte of 1 MB, median of {requests}", "ms")
        for _ in range(self.rounds):
            for who, (url, target) in self.places(TINY).items():
                row.values[who].append(median(first_byte(url, target) for _ in range(requests)) * 1e3)
        return row

    def memory(self, megabytes: int, readers: int, within: float) -> dict[str, float]:
        """The most that is resident while so many clients read it at once, each all of it."""
        url, target = self.places(LARGE)["ncps"]
        got = [0] * readers
        end = time.monotonic() + within

        def read(i: int) -> None:
            for piece in pieces(url, target):
                got[i] += piece
                if time.monotonic() > end:
                    return

        threads = [threading.Thread(target=read, args=(i,)) for i in range(readers)]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        most = 0
        while any(thread.is_alive() for thread in threads):
            most = max(most, self.proxy.rss())
            time.sleep(0.05)
        took = time.monotonic() - begin
        whole = sum(n == megabytes << 20 for n in got)
        return {"readers": readers, "megabytes": megabytes, "whole": whole, "seconds": took,
                "MB/s": sum(got) / took / 1e6, "peak RSS MiB": most / (1 << 20)}


def wrong_with(memory: dict[str, float]) -> str:
    """Why what was measured while many read a large object is not as it must be; empty: it is."""
    if memory["whole"] < memory["readers"]:
        return (f"only {memory['whole']:.0f} of {memory['readers']:.0f} readers got all {memory['megabytes']:.0f} MiB of an object "
                f"within {memory['seconds']:.0f} s: what was resident meanwhile says nothing")
    if memory["peak RSS MiB"] >= MOST_RESIDENT:
        return (f"ncps had {memory['peak RSS MiB']:.1f} MiB resident while {memory['readers']:.0f} clients read an object of "
                f"{memory['megabytes']:.0f} MiB: it must stay below {MOST_RESIDENT} MiB")
    return ""


def pieces(url: str, target: str):
    """Lengths of what comes of the body."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as link:
        link.sendall(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += link.recv(65536)
        assert b" 200 " in head.split(b"\r\n")[0], head[:200]
        yield len(head.partition(b"\r\n\r\n")[2])
        buffer = bytearray(1 << 20)
        while n := link.recv_into(buffer):
            yield n


def first_byte(url: str, target: str) -> float:
    """From the request to the first byte of the body, on a new connection."""
    begin, took = time.perf_counter(), 0.0
    for piece in pieces(url, target):
        if piece > 0 and not took:
            took = time.perf_counter() - begin
    return took


def table(rows: list[Row], memory: dict[str, float], where: dict, date: str, rounds: int, seconds: int) -> str:
    lines = [f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, Ceph RADOS Gateway with objects "
             "in memory; client, gateway and ncps share the cores. Load average of the machine before: "
             f"{where['load before']:.1f}.",
             f"`bench/s3.py --rounds {rounds} --seconds {seconds}`: medians of {rounds} rounds in turns. CPU: of ncps; of "
             "the gateway behind it; of the gateway alone; of haproxy.", "",
             "| | ncps | the gateway itself | | haproxy in our place | CPU, µs/MB |", "|---|---:|---:|---:|---:|---:|"]
    for row in rows:
        ours, theirs = median(row.values["ncps"]), median(row.values["gateway"])
        rate = row.unit == "MB/s"
        compared = f"{ours / theirs:.2f}x" if rate else f"{ours - theirs:+.1f} {row.unit}"
        costs = [f"{median(row.costs[who]):,.0f}" for who in ("ncps", "gateway behind", "gateway alone", "haproxy") if row.costs[who]]
        digits = ".0f" if rate else ".1f"
        lines.append(f"| {row.name} | {ours:,{digits}} {row.unit} | {theirs:,{digits}} {row.unit} | {compared} | {row.of_gateway('haproxy')} | "
                     + "; ".join(costs) + " |")
    lines += ["", f"While {memory['readers']} clients read an object of {memory['megabytes']} MiB at once "
              f"({memory['whole']} of them all of it, {memory['MB/s']:,.0f} MB/s together), ncps had at most "
              f"{memory['peak RSS MiB']:.0f} MiB resident."]
    return "\n".join(lines)


def run(home: Path, rounds: int, seconds: int, short: bool) -> tuple[list[Row], dict[str, float]]:
    with contextlib.ExitStack() as stack:
        gateway = Gateway()
        stack.callback(gateway.stop)
        place = gateway.start()
        place.client().make_bucket(BUCKET)
        store = [f"--cache-storage-s3-{name}={value}" for name, value in
                 (("bucket", BUCKET), ("endpoint", place.url), ("access-key-id", place.access_key),
                  ("secret-access-key", place.secret_key))]

        def served(name: str, *more: str) -> Ncps:
            proxy = Ncps(home / name, upstreams=[("http://127.0.0.1:9", None)], store=store, log_level="warn",
                         more=["--cache-sign-unverified", *more], address=f"127.0.0.1:{free_port()}")
            stack.callback(proxy.kill9)
            return proxy.start_quiet()

        proxy = served("ncps")
        bench = Bench(home, gateway, proxy, rounds, seconds)
        stack.callback(bench.plain.stop)
        small, large = (8, 32) if short else (64, 1024)
        bench.put(TINY, 1)
        bench.put(SMALL, small)
        bench.put(LARGE, large)
        rows = []
        many = (4,) if short else (1, 4, 16)
        for connections in many:
            rows.append(bench.rate(connections, small))
            print(rows[-1].line(), flush=True)
        with bench.apart():
            for connections in many:
                rows.append(bench.rate(connections, small, ", cores apart"))
                print(rows[-1].line(), flush=True)
        rows.append(bench.first_byte(5 if short else 100))
        print(rows[-1].line(), flush=True)
        bench.proxy = served("copies", "--cache-storage-s3-local-cache-size=1G")
        bench.wait_for_copy()
        rows.append(bench.rate(4, small, ", local copy"))
        print(rows[-1].line(), flush=True)
        bench.proxy = proxy
        memory = bench.memory(large, 20, 10 if short else 300)
        print(memory, flush=True)
        return rows, memory


def measure_hits(home: Path, chosen: argparse.Namespace) -> str:
    """What is not as it must be; empty: nothing."""
    rounds, seconds = (1, 1) if chosen.short else (chosen.rounds, chosen.seconds)
    load = os.getloadavg()[0]  # what others do here disturbs everything that is measured
    rows, memory = run(home, rounds, seconds, chosen.short)
    if not chosen.short:
        where = report.machine() | {"load before": load}
        report.write_section(ROOT, "s3", {"rounds": rounds, "seconds": seconds, "memory": memory, "load before": load,
                                          "rows": [asdict(row) for row in rows]},
                             lambda date: table(rows, memory, where, date, rounds, seconds))
    return "" if chosen.short else wrong_with(memory)  # in a second little is read, of little


def measure_large(home: Path, chosen: argparse.Namespace) -> None:
    large, paced = (64, 32) if chosen.short else (chosen.large, min(1024, chosen.large))
    load = os.getloadavg()[0]
    measured = s3_large.measure(home, large, paced, 125e6) | {"load before": load}
    if not chosen.short:
        report.write_section(ROOT, "s3-large", measured, lambda date: s3_large.table(measured, report.machine(), date))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one round of one second, nothing is written")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=3)
    arguments.add_argument("--large", type=int, default=4096, help="MiB of the largest NAR; the S3 server holds it in memory")
    arguments.add_argument("--only", choices=["hits", "large"], help="this part alone")
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    wrong = ""
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home:
        if chosen.only != "large":
            wrong = measure_hits(Path(home), chosen)
        if chosen.only != "hits":
            measure_large(Path(home) / "large", chosen)
    if wrong:
        print(f"bench/s3.py: {wrong}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
