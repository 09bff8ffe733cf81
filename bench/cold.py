#!/usr/bin/env python3
"""NARs that nobody has yet: bench/cold.py [--short] [--rounds N]

A hundred clients on one; one client, beside nginx as proxy_cache, which verifies nothing; the first byte of small ones; several
in xz, which take long to verify, one after the other and at once. nginx is the upstream, load_bench the clients, and all share the cores.
Writes bench/results/<date>-cold.json and the table in docs/measurements.md; --short only checks that all of it works.
"""
from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import cpu, report  # noqa: E402
from bench.clients_servers import CachingNginx, FileServer  # noqa: E402
from bench.load_bench import MIB, PROGRAM, load  # noqa: E402
from bench.rows import Aim, Results, at_most, below, turn  # noqa: E402
from tests.e2e.lab import closure, raw  # noqa: E402
from tests.e2e.lab.case import narinfo_target  # noqa: E402
from tests.e2e.lab.closure import parse_narinfo  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402

AT_ONCE = 4


def nar_of(url: str, path: str) -> str:
    """The target that the narinfo at that server names."""
    return "/" + parse_narinfo(raw.get(url, narinfo_target(path)).body.decode())["URL"]


def half_compressible(seed: str, size: int) -> closure.Writer:
    """64 random bytes and 64 that are all the same, again and again: as slow to decompress as programs are."""
    def write(path: Path) -> None:
        noise = closure.random_bytes(seed, size // 2)
        path.write_bytes(b"".join(noise[at:at + 64] + b"x" * 64 for at in range(0, len(noise), 64)))
    return write


class Bench:
    def __init__(self, home: Path, stack: contextlib.ExitStack, short: bool, rounds: int) -> None:
        self.home, self.stack, self.short, self.rounds = home, stack, short, rounds
        self.results = Results()

    @contextlib.contextmanager
    def empty(self, upstream: FileServer, cache: closure.Cache):
        """A server that has nothing yet."""
        with tempfile.TemporaryDirectory(prefix="ncps-", dir=self.home) as home:
            one = Ncps(Path(home), upstreams=[(upstream.url, cache.key.public)], log_level="warn",
                       address=f"127.0.0.1:{free_port()}", more=["--cache-prefetch=off"])
            one.start_quiet()
            try:
                yield one
            finally:
                one.kill9()

    def upstream(self, name: str, made: closure.Closure, compression: str) -> tuple[FileServer, closure.Cache]:
        cache = made.cache(compression)
        return self.stack.enter_context(FileServer(self.home / name, cache.folder)), cache

    def run(self) -> None:
        size = 8 if self.short else 1074  # 1 GiB
        big = closure.single(size, "cold")
        upstream, cache = self.upstream("upstream", big, "zstd")
        self.many(upstream, cache, big.root, size)
        self.one(upstream, cache, big.root)
        self.first_byte()
        self.verified_at_once()

    def many(self, upstream: FileServer, cache: closure.Cache, path: str, size: int) -> None:
        clients = 10 if self.short else 100
        sent, peak, seconds, costs, first = [], [], [], [], []
        for _ in range(1 if self.short else 2):
            with self.empty(upstream, cache) as proxy:
                target, pid = nar_of(proxy.url, path), proxy.process.pid
                before, spent = upstream.sent_bytes(), cpu.seconds(pid)
                seen = load("walk", proxy.url, clients, "each", targets=[target])
                sent.append((upstream.sent_bytes() - before) / (seen["bytes"] / clients))
                high = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
                peak.append(int(high.split()[1]) * 1024.0)
                seconds.append(seen["seconds"])
                first.append(seen["first_byte_us"]["p99"] / 1000)
                costs.append((cpu.seconds(pid) - spent) / (seen["bytes"] / 1e9))
        what, add = f"{clients} clients on one cold NAR of {size:,} MB", self.results.add
        add(f"{what}: bytes from the upstream", {"ncps": sent}, lambda v: f"{v:.3f}x", aim=at_most("1.00x", 1.005))
        add(f"{what}: most that was resident", {"ncps": peak}, lambda v: f"{v / MIB:,.0f} MiB", aim=below("< 64 MiB", 64 * MIB))
        add(f"{what}: all have it after", {"ncps": seconds}, lambda v: f"{v:.1f} s")
        add(f"{what}: first byte, 99 of 100 clients", {"ncps": first}, lambda v: f"{v:.0f} ms")
        add(f"{what}: CPU for each GB that they get", {"ncps": costs}, lambda v: f"{v:.2f} s")

    def one(self, upstream: FileServer, cache: closure.Cache, path: str) -> None:
        rates: dict[str, list[float]] = {"ncps": [], "nginx": []}
        costs: dict[str, list[float]] = {"ncps": [], "nginx": []}
        for number in range(self.rounds):
            with self.empty(upstream, cache) as proxy, tempfile.TemporaryDirectory(dir=self.home) as home, \
                    CachingNginx(Path(home) / "nginx", upstream.url) as nginx:
                servers = {"ncps": proxy.url, "nginx": nginx.url}
                targets = {who: nar_of(url, path) for who, url in servers.items()}
                for who in turn(number, servers):
                    pid = proxy.process.pid if who == "ncps" else nginx.process.pid
                    spent = cpu.seconds(pid)
                    seen = load("walk", servers[who], 1, "each", targets=[targets[who]])
                    rates[who].append(seen["bytes"] / seen["seconds"] / 1e6)
                    costs[who].append((cpu.seconds(pid) - spent) / (seen["bytes"] / 1e9))
        self.results.add("a cold NAR, one client (nginx: proxy_cache)", rates, lambda v: f"{v:,.0f} MB/s")
        self.results.add("CPU for each GB fetched, verified, kept and served (nginx: not verified)", costs, lambda v: f"{v:.2f} s", "less")

    def first_byte(self) -> None:
        """Of small cold NARs, against going direct."""
        made = closure.many(20 if self.short else 200, 60_000)
        upstream, cache = self.upstream("small-upstream", made, "zstd")
        added = []
        for number in range(self.rounds):
            with self.empty(upstream, cache) as proxy:
                servers = {"ncps": proxy.url, "direct": upstream.url}
                nars = [nar_of(proxy.url, path) for path in made.paths]
                took = {who: load("walk", servers[who], 1, "shared", targets=nars)["first_byte_us"]["p50"] / 1000 for who in turn(number, servers)}
                added.append(took["ncps"] - took["direct"])
        self.results.add("first byte of a cold NAR of 60 KB, later than from the upstream itself by", {"ncps": added}, lambda v: f"{v:.1f} ms", aim=below("< 5 ms", 5))

    def verified_at_once(self) -> None:
        """NARs in xz, whose decompression takes nearly all of the time: on one connection after the other, and on as many as there are NARs."""
        size = 1 if self.short else 16
        made = closure.make_closure(f"xz-{size}", [(f"part-{n}", half_compressible(f"xz{n}", size * 1_000_000), []) for n in range(AT_ONCE)])
        upstream, cache = self.upstream("xz-upstream", made, "xz")
        took: dict[str, list[float]] = {"in turn": [], "at once": []}
        for number in range(self.rounds):
            for way in ("in turn", "at once") if number % 2 == 0 else ("at once", "in turn"):
                with self.empty(upstream, cache) as proxy:
                    nars = [nar_of(proxy.url, path) for path in made.paths]
                    took[way].append(load("walk", proxy.url, 1 if way == "in turn" else AT_ONCE, "shared", targets=nars)["seconds"])
        self.results.raw["NARs in xz, seconds"] = took
        near = min(AT_ONCE, os.cpu_count() or 1)
        faster = [a / b for a, b in zip(took["in turn"], took["at once"])]
        self.results.add(f"{AT_ONCE} cold NARs of {size} MB in xz, each verified before its end: at once, faster than one after the other",
                         {"ncps": faster}, lambda v: f"{v:.2f}x", aim=Aim(f"near {near}x (>= {0.85 * near:.1f}x)", lambda ours, _: ours >= 0.85 * near))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one round of little, nothing is written")
    arguments.add_argument("--rounds", type=int, default=4)
    chosen = arguments.parse_args()
    if not PROGRAM.exists() or not BINARY.exists():
        print(f"{PROGRAM} is not built yet: make build", file=sys.stderr)
        return 1
    rounds = 1 if chosen.short else chosen.rounds
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home, contextlib.ExitStack() as stack:
        bench = Bench(Path(home), stack, chosen.short, rounds)
        bench.run()
        results = bench.results
    if not chosen.short:
        report.write_section(ROOT, "cold", {"rounds": rounds, "values": results.raw}, lambda date: results.table(
            date, f"`bench/cold.py --rounds {rounds}`: medians of {rounds} rounds in turns (of the hundred clients: 2); behind nginx how much better ncps is."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
