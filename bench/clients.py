#!/usr/bin/env python3
"""Many clients, slow clients, cold NARs, and what it costs: bench/clients.py [--short] [--rounds N]

Real parts: ncps, nginx over the same files (hits) or as proxy_cache (cold), nginx as the upstream, load_bench as the clients.
Load and servers share the cores; rounds alternate. Writes bench/results/<date>-clients.json and the table in
docs/measurements.md; --short only checks that all of it works, and writes nothing.
"""
from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Callable
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import cpu, report  # noqa: E402
from bench.clients_servers import CachingNginx, FileServer  # noqa: E402
from bench.servers import Nginx, fill  # noqa: E402
from tests.e2e.lab import closure, raw  # noqa: E402
from tests.e2e.lab.closure import parse_narinfo  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps, leave_with_parent  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402

LOAD = BINARY.parent / "src/load_bench"
MIB = 1 << 20


def load(what: str, url: str, *more: object, targets: list[str]) -> dict:
    out = subprocess.run([LOAD, what, urlsplit(url).netloc, *map(str, more)], input="\n".join(targets) + "\n",
                         capture_output=True, text=True, timeout=600)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


@contextlib.contextmanager
def kept(what: str, url: str, connections: int, target: str):
    """`hold` or `slow`, until the block ends."""
    process = subprocess.Popen([LOAD, what, urlsplit(url).netloc, str(connections), target], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, preexec_fn=leave_with_parent)
    assert process.stdin and process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def resident(pid: int) -> int:
    """Bytes, of the family."""
    pages = sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in cpu.family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE")


def ticks(pid: int) -> int:
    return round(cpu.seconds(pid) * os.sysconf("SC_CLK_TCK"))


class Results:
    """Rows of a table: name, and a text for each server."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str]] = []
        self.raw: dict[str, object] = {}

    def add(self, name: str, values: dict[str, list[float]], show: Callable[[float], str], better: str = "more", aim: str = "") -> None:
        """Medians of what was measured by server: ncps, and nginx or what else stands beside it."""
        self.raw[name] = values
        ours = median(values["ncps"])
        others = [median(v) for who, v in values.items() if who != "ncps"]
        cells = show(others[0]) if others else ""
        if others and ours and others[0]:
            cells += f" ({ours / others[0] if better == 'more' else others[0] / ours:.2f}x)"
        self.rows.append((name, show(ours), cells, aim))
        print(f"| {' | '.join(self.rows[-1])} |", flush=True)


def in_turns(rounds: int, servers: dict[str, str], measure: Callable[[str], float]) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(rounds):
        for name in servers if number % 2 == 0 else reversed(servers):
            values[name].append(measure(servers[name]))
    return values


class Bench:
    def __init__(self, home: Path, stack: contextlib.ExitStack, short: bool, rounds: int) -> None:
        self.home, self.stack, self.short, self.rounds = home, stack, short, rounds
        self.results = Results()

    def ncps(self, name: str, ups: list[tuple[str, str]], *more: str) -> Ncps:
        (self.home / name).mkdir()
        one = Ncps(self.home / name, upstreams=ups, log_level="warn", address=f"127.0.0.1:{free_port()}", more=more)
        self.stack.callback(one.kill9)
        return one.start_quiet()

    # --- hits ---

    def hits(self) -> None:
        made, big = closure.many(20 if self.short else 500, 60_000), closure.single(4 if self.short else 64)
        caches = [made.cache("zstd"), big.cache("zstd")]
        ups = [(self.stack.enter_context(Upstream(cache.folder)).url, cache.key.public) for cache in caches]
        proxy = self.ncps("hits", ups)
        infos, large = fill(proxy, made.paths, big.root)
        nars = ["/" + parse_narinfo(raw.get(proxy.url, info).body.decode())["URL"] for info in infos]
        nginx = self.stack.enter_context(Nginx(self.home / "nginx", proxy, infos, *nars, large))
        servers = {"ncps": proxy.url, "nginx": nginx.url}
        add = self.results.add
        for n in (1,):
            each = in_turns(self.rounds, servers, lambda url: load("walk", url, n, "shared", targets=infos * 10)["seconds"] * 1e6 / len(infos) / 10)
            add(f"narinfos of a closure of {len(infos)} paths, one after the other on one connection", each, lambda v: f"{v:.1f} µs each", "less")
        for n in (1, 4, 16):
            rate = in_turns(self.rounds, servers, lambda url: len(nars) * 4 / load("walk", url, n, "shared", targets=nars * 4)["seconds"])
            add(f"its NARs (60 KB each), {n} connection{'s' * (n > 1)}", rate, lambda v: f"{v:,.0f} NARs/s", aim=">= 1.0x")
        self.mixed(servers, infos, large)
        assert proxy.process
        process = proxy.process
        gigabytes = in_turns(self.rounds, {"ncps": proxy.url, "nginx": nginx.url}, lambda url: self.cost_of(
            process.pid if url == proxy.url else nginx.process.pid, lambda: load("walk", url, 4, "shared", targets=[large] * (4 if self.short else 60))))
        add("CPU for each GB of NARs served (4 connections)", gigabytes, lambda v: f"{v:.2f} s", "less")

    def mixed(self, servers: dict[str, str], infos: list[str], large: str) -> None:
        """95 hits of narinfos to 5 misses, which no upstream has, alone and while NARs take what the link gives."""
        alphabet, chosen = "0123456789abcdfghijklmnpqrsvwxyz", random.Random(1)
        def absent() -> str:
            return "/" + "".join(chosen.choice(alphabet) for _ in range(32)) + ".narinfo"
        seconds = 1 if self.short else 5
        for name, beside in (("nothing beside", 0), ("4 connections read NARs of 64 MB", 4)):
            for part in ("p50", "p99", "p99.9"):
                self.results.raw.setdefault(f"mixed, {name}", [])
            seen: dict[str, list[dict]] = {"ncps": [], "nginx": []}
            for _ in range(self.rounds):
                for who, url in servers.items():
                    mix = [absent() if i % 20 == 19 else infos[i % len(infos)] for i in range(200_000 if not self.short else 2_000)]
                    seen[who].append(load("mixed", url, seconds, beside, large, targets=mix))
            for part in ("p50", "p99", "p99.9"):
                values = {who: [one["whole_us"][part] for one in all_] for who, all_ in seen.items()}
                self.results.add(f"narinfos, 95 of 100 hits, {name}: {part}", values, lambda v: f"{v:,.0f} µs", "less",
                                 "p99 <= 2x of alone" if beside and part == "p99" else "")
            if beside:
                rates = {who: [one["bytes_beside"] / one["seconds"] / 1e6 for one in all_] for who, all_ in seen.items()}
                self.results.add("NARs beside them", rates, lambda v: f"{v:,.0f} MB/s")

    @staticmethod
    def cost_of(pid: int, work: Callable[[], dict]) -> float:
        """Seconds of CPU for each GB."""
        before = cpu.seconds(pid)
        moved = work()["bytes"]
        return (cpu.seconds(pid) - before) / (moved / 1e9)

    # --- what it takes to be there ---

    def presence(self) -> None:
        add, show = self.results.add, lambda v: f"{v / MIB:,.1f} MiB"
        add("size of the program, stripped", {"ncps": [self.stripped()]}, show)
        made = closure.single(4 if self.short else 64, "presence")
        cache = made.cache("zstd")
        up = self.stack.enter_context(Upstream(cache.folder))
        starts = []
        for number in range(self.rounds):
            begin = time.monotonic()
            one = self.ncps(f"start-{number}", [(up.url, cache.key.public)])
            starts.append(time.monotonic() - begin)
            one.kill9()
        add("start until it answers, empty", {"ncps": starts}, lambda v: f"{v * 1000:.0f} ms", aim="< 1 s")
        proxy = self.ncps("presence", [(up.url, cache.key.public)], "--prometheus-enabled=true")
        assert proxy.process
        pid = proxy.process.pid
        time.sleep(1 if self.short else 12)  # what a start leaves to be done
        before, wait = ticks(pid), 1 if self.short else 10
        time.sleep(wait)
        add(f"CPU in {wait} s of idleness", {"ncps": [float(ticks(pid) - before)]}, lambda v: f"{v:.0f} ticks of 10 ms", aim="0")
        idle = resident(pid)
        add("resident, idle", {"ncps": [float(idle)]}, show, aim="< 25 MiB")
        infos, nar = fill(proxy, [], made.root)
        info = next(f"/{name}" for name in proxy.stored_narinfos())
        for connections in (100, 200) if self.short else (1_000, 10_000):
            with kept("hold", proxy.url, connections, info):
                add(f"resident with {connections:,} connections kept", {"ncps": [float(resident(pid))]}, show,
                    aim="< 150 MiB" if connections == 10_000 else "")
        count = 20 if self.short else 400
        before_slow = resident(pid)
        with kept("slow", proxy.url, count, nar):
            add(f"each of {count} readers that take nothing, resident", {"ncps": [(resident(pid) - before_slow) / count]},
                lambda v: f"{v / 1024:.1f} KiB", aim="a few KiB")

    def stripped(self) -> float:
        copy = self.home / "stripped"
        subprocess.run(["strip", "-o", copy, BINARY], check=True)
        return float(copy.stat().st_size)

    # --- cold ---

    def cold(self) -> None:
        size = 8 if self.short else 1000
        big = closure.single(size, "cold")
        cache = big.cache("zstd")  # whose length is known from the start, unlike that of what is compressed on the way
        upstream = self.stack.enter_context(FileServer(self.home / "upstream", cache.folder))
        nar = "/" + parse_narinfo(raw.get(upstream.url, big_narinfo(big)).body.decode())["URL"]
        add = self.results.add
        clients = 10 if self.short else 100
        sent, peak, seconds, costs, first = [], [], [], [], []
        for number in range(1 if self.short else min(2, self.rounds)):
            proxy = self.ncps(f"cold-{number}", [(upstream.url, cache.key.public)], "--cache-prefetch=off")
            assert proxy.process
            target = "/" + parse_narinfo(raw.get(proxy.url, big_narinfo(big)).body.decode())["URL"]
            before, spent = upstream.sent_bytes(), cpu.seconds(proxy.process.pid)
            seen = load("walk", proxy.url, clients, "each", targets=[target])
            sent.append((upstream.sent_bytes() - before) / (seen["bytes"] / clients))
            high = next(line for line in Path(f"/proc/{proxy.process.pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
            peak.append(int(high.split()[1]) * 1024)
            seconds.append(seen["seconds"])
            first.append(seen["first_byte_us"]["p99"] / 1000)
            costs.append((cpu.seconds(proxy.process.pid) - spent) / (seen["bytes"] / 1e9))
            proxy.kill9()
        what = f"{clients} clients on one cold NAR of {size} MB"
        add(f"{what}: bytes from the upstream", {"ncps": sent}, lambda v: f"{v:.3f}x", aim="1.00x")
        add(f"{what}: most that was resident", {"ncps": [float(p) for p in peak]}, lambda v: f"{v / MIB:,.0f} MiB", aim="< 64 MiB")
        add(f"{what}: all have it after", {"ncps": seconds}, lambda v: f"{v:.1f} s")
        add(f"{what}: first byte, 99 of 100 clients", {"ncps": first}, lambda v: f"{v:.0f} ms")
        add(f"{what}: CPU for each GB that they get", {"ncps": costs}, lambda v: f"{v:.2f} s")
        self.one_cold(upstream, cache, big, nar)
        self.first_byte()

    def one_cold(self, upstream: "FileServer", cache, big, nar: str) -> None:
        """One client on a NAR that nobody has yet: ncps, and nginx as a cache that verifies nothing."""
        rates: dict[str, list[float]] = {"ncps": [], "nginx": []}
        costs: dict[str, list[float]] = {"ncps": [], "nginx": []}
        for number in range(1 if self.short else self.rounds):
            proxy = self.ncps(f"one-{number}", [(upstream.url, cache.key.public)], "--cache-prefetch=off")
            target = "/" + parse_narinfo(raw.get(proxy.url, big_narinfo(big)).body.decode())["URL"]
            with CachingNginx(self.home / f"caching-{number}", upstream.url) as nginx:
                assert proxy.process
                for who, url, pid, path in (("ncps", proxy.url, proxy.process.pid, target), ("nginx", nginx.url, nginx.process.pid, nar)):
                    spent = cpu.seconds(pid)
                    seen = load("walk", url, 1, "each", targets=[path])
                    rates[who].append(seen["bytes"] / seen["seconds"] / 1e6)
                    costs[who].append((cpu.seconds(pid) - spent) / (seen["bytes"] / 1e9))
            proxy.kill9()
        self.results.add("a cold NAR, one client (nginx: proxy_cache)", rates, lambda v: f"{v:,.0f} MB/s")
        self.results.add("CPU for each GB fetched, verified, kept and served (nginx: not verified)", costs, lambda v: f"{v:.2f} s", "less")

    def first_byte(self) -> None:
        """Of small cold NARs, against going direct."""
        made = closure.many(20 if self.short else 200, 60_000)
        cache = made.cache("zstd")
        upstream = self.stack.enter_context(FileServer(self.home / "small-upstream", cache.folder))
        values: dict[str, list[float]] = {"ncps": [], "direct": []}
        for number in range(1 if self.short else self.rounds):
            proxy = self.ncps(f"first-{number}", [(upstream.url, cache.key.public)], "--cache-prefetch=off")
            nars = ["/" + parse_narinfo(raw.get(proxy.url, big_narinfo(made, path)).body.decode())["URL"] for path in made.paths]
            values["ncps"].append(load("walk", proxy.url, 1, "shared", targets=nars)["first_byte_us"]["p50"] / 1000)
            values["direct"].append(load("walk", upstream.url, 1, "shared", targets=nars)["first_byte_us"]["p50"] / 1000)
            proxy.kill9()
        self.results.raw["first byte of a cold NAR, ms"] = values
        added = [a - b for a, b in zip(values["ncps"], values["direct"])]
        self.results.add("first byte of a cold NAR of 60 KB, later than from the upstream itself by", {"ncps": added},
                         lambda v: f"{v:.1f} ms", aim="< 5 ms")


def big_narinfo(made: closure.Closure, path: str | None = None) -> str:
    from tests.e2e.lab.case import narinfo_target
    return narinfo_target(path or made.root)


def table(results: Results, date: str, rounds: int) -> str:
    where = report.machine()
    return "\n".join([
        f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, nginx {where['nginx']}; servers, upstream and clients share the cores.",
        f"`bench/clients.py --rounds {rounds}`: medians of {rounds} rounds in turns; behind nginx how much better ncps is.", "",
        "| | ncps | nginx | aim |", "|---|---:|---:|---:|", *(f"| {' | '.join(row)} |" for row in results.rows)])


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one round of little, nothing is written")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", choices=["hits", "presence", "cold"], help="nothing is written")
    chosen = arguments.parse_args()
    if not LOAD.exists() or not BINARY.exists():
        print(f"{LOAD} is not built yet: make build", file=sys.stderr)
        return 1
    rounds = 1 if chosen.short else chosen.rounds
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home, contextlib.ExitStack() as stack:
        bench = Bench(Path(home), stack, chosen.short, rounds)
        for part in [chosen.only] if chosen.only else ["hits", "presence", "cold"]:
            getattr(bench, part)()
        results = bench.results
    if not chosen.short and not chosen.only:
        report.write_section(ROOT, "clients", {"rounds": rounds, "values": results.raw}, lambda date: table(results, date, rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
