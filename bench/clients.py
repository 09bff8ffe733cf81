#!/usr/bin/env python3
"""Many clients, and what it takes to be there for them: bench/clients.py [--short] [--rounds N]

Real parts: ncps, nginx over the same files, load_bench as the clients. Load and servers share the cores; each round begins
with the other server. Writes bench/results/<date>-clients.json and the table in
docs/measurements.md; --short only checks that all of it works, and writes nothing.
"""
from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Callable

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import cpu, report  # noqa: E402
from bench.load_bench import MIB, PROGRAM, held, load, resident  # noqa: E402
from bench.rows import NO_WORSE, Results, at_most, below, in_turns, turn  # noqa: E402
from bench.servers import Nginx, fill  # noqa: E402
from tests.e2e.lab import closure, raw  # noqa: E402
from tests.e2e.lab.closure import parse_narinfo  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402


def ticks(pid: int) -> int:
    return round(cpu.seconds(pid) * os.sysconf("SC_CLK_TCK"))


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
        assert proxy.process
        pids = {proxy.url: proxy.process.pid, nginx.url: nginx.process.pid}
        for n in (1, 4, 16):
            seen = self.walks(n, infos, servers, pids)
            if n == 1:
                add(f"narinfos of a closure of {len(infos)} paths, one after the other on one connection",
                    {who: [1e6 / rate for rate in rates] for who, (rates, _) in seen.items()}, lambda v: f"{v:.1f} µs each", "less")
            else:
                self.add_rates(f"its narinfos, {n} connections", "narinfos/s", seen)
        for n in (1, 4, 16):
            self.add_rates(f"its NARs (60 KB each), {n} connection{'s' * (n > 1)}", "NARs/s", self.walks(n, nars, servers, pids))
        self.mixed(servers, infos, large)
        gigabytes = in_turns(self.rounds, servers, lambda url: self.cost_of(
            pids[url], lambda: load("walk", url, 4, "shared", targets=[large] * (4 if self.short else 60))))
        add("CPU for each GB of NARs served (4 connections)", gigabytes, lambda v: f"{v:.2f} s", "less")

    def walks(self, connections: int, targets: list[str], servers: dict[str, str], pids: dict[str, int]) -> dict[str, tuple[list[float], list[float]]]:
        """All of them again and again, shared out among the connections: for each server how many a second, and seconds of its CPU for each."""
        often = 4 if self.short else -(-(20_000 if connections == 1 else 100_000) // len(targets))
        count, costs = len(targets) * often, {url: [] for url in pids}

        def walk(url: str) -> float:
            before = cpu.seconds(pids[url])
            took = load("walk", url, connections, "shared", targets=targets * often)["seconds"]
            costs[url].append((cpu.seconds(pids[url]) - before) / count)
            return count / took

        rates = in_turns(self.rounds, servers, walk)
        return {who: (rates[who], costs[url]) for who, url in servers.items()}

    def add_rates(self, name: str, unit: str, seen: dict[str, tuple[list[float], list[float]]]) -> None:
        self.results.add(name, {who: rates for who, (rates, _) in seen.items()}, lambda v: f"{v:,.0f} {unit}", aim=NO_WORSE)
        self.results.add(f"{name}: CPU of the server for each", {who: costs for who, (_, costs) in seen.items()},
                         lambda v: f"{v * 1e6:.1f} µs", "less")

    def mixed(self, servers: dict[str, str], infos: list[str], large: str) -> None:
        """Narinfos on one connection, alone and while NARs take what the link gives: hits, and 95 of them to 5 misses, which no upstream has."""
        alphabet, chosen = "0123456789abcdfghijklmnpqrsvwxyz", random.Random(1)
        def absent() -> str:
            return "/" + "".join(chosen.choice(alphabet) for _ in range(32)) + ".narinfo"
        def mix(misses: bool) -> list[str]:
            return [absent() if misses and i % 20 == 19 else infos[i % len(infos)] for i in range(2_000 if self.short else 100_000)]
        seconds = 1 if self.short else 2
        ways = (("hits alone", False), ("95 of 100 hits", True))
        alone: dict[bool, float] = {}  # p99 of ncps, with misses and without
        besides = (("nothing beside", 0), ("4 connections read NARs of 64 MB", 4))
        for (what, misses), (name, beside) in list(itertools.product(ways, besides))[2 if self.short else 0:]:
            seen: dict[str, list[dict]] = {"ncps": [], "nginx": []}
            for number in range(self.rounds):
                for who in turn(number, servers):
                    seen[who].append(load("mixed", servers[who], seconds, beside, large, targets=mix(misses)))
            for part in ("p50", "p99", "p99.9") if misses else ("p50", "p99"):
                values = {who: [one["whole_us"][part] for one in all_] for who, all_ in seen.items()}
                aim = None
                if part == "p99" and beside:
                    aim = at_most("p99 <= 2x of alone", 2 * alone[misses])
                elif part == "p99":
                    alone[misses] = median(values["ncps"])
                self.results.add(f"narinfos, {what}, {name}: {part}", values, lambda v: f"{v:,.0f} µs", "less", aim)
            if beside and misses:
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
        add("start until it answers, empty", {"ncps": starts}, lambda v: f"{v * 1000:.0f} ms", aim=below("< 1 s", 1))
        proxy = self.ncps("presence", [(up.url, cache.key.public)], "--prometheus-enabled=true")
        assert proxy.process
        pid = proxy.process.pid
        time.sleep(1 if self.short else 12)  # what a start leaves to be done
        before, wait = ticks(pid), 1 if self.short else 10
        time.sleep(wait)
        add(f"CPU in {wait} s of idleness", {"ncps": [float(ticks(pid) - before)]}, lambda v: f"{v:.0f} ticks of 10 ms", aim=at_most("0", 0))
        idle = resident(pid)
        add("resident, idle", {"ncps": [float(idle)]}, show, aim=below("< 25 MiB", 25 * MIB))
        fill(proxy, [], made.root)
        info = next(f"/{name}" for name in proxy.stored_narinfos())
        for connections in (100, 200) if self.short else (1_000, 10_000):
            with held(proxy.url, connections, info):
                add(f"resident with {connections:,} connections kept", {"ncps": [float(resident(pid))]}, show,
                    aim=below("< 150 MiB", 150 * MIB) if connections == 10_000 else None)

    def stripped(self) -> float:
        copy = self.home / "stripped"
        subprocess.run(["strip", "-o", copy, BINARY], check=True)
        return float(copy.stat().st_size)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one round of little, nothing is written")
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--only", choices=["hits", "presence"], help="nothing is written")
    chosen = arguments.parse_args()
    if not PROGRAM.exists() or not BINARY.exists():
        print(f"{PROGRAM} is not built yet: make build", file=sys.stderr)
        return 1
    rounds = 1 if chosen.short else chosen.rounds
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home, contextlib.ExitStack() as stack:
        bench = Bench(Path(home), stack, chosen.short, rounds)
        for part in [chosen.only] if chosen.only else ["hits", "presence"]:
            getattr(bench, part)()
        results = bench.results
    if not chosen.short and not chosen.only:
        report.write_section(ROOT, "clients", {"rounds": rounds, "values": results.raw}, lambda date: results.table(
            date, f"`bench/clients.py --rounds {rounds}`: medians of {rounds} rounds, of which each begins with the other server; behind nginx how much better ncps is."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
