#!/usr/bin/env python3
"""Closures from an upstream 50 ms away, directly and through us: bench/closure.py [--short] [--rounds N]

The real Nix client of this machine, each time with an empty store and nothing remembered: straight
from the upstream; through an ncps with nothing stored, with and without fetching ahead; through one
that has it all. Writes bench/results/<date>-closures.json and the table in docs/measurements.md;
--short only checks that all of it works, and writes nothing.
"""
from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import report  # noqa: E402
from bench.delayed import DelayedUpstream  # noqa: E402
from tests.e2e.lab import closure  # noqa: E402
from tests.e2e.lab.client import NixClient  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402

MOST_OF_DIRECT = 0.6  # of a cold one
WAYS = ("direct", "cold, no prefetch", "cold", "warm")


@dataclass
class Task:
    """What a client does with a closure."""
    name: str
    made: closure.Closure
    settings: dict[str, str] = field(default_factory=dict)
    walk_only: bool = False

    def run(self, home: Path, url: str) -> float:
        """Seconds."""
        client = NixClient(home, [self.made.cache("zstd").key.public], timeout=600, **self.settings)
        begin = time.monotonic()
        if self.walk_only:
            paths = client.check("nix", "path-info", "--recursive", "--store", url, self.made.root)
            assert len(paths.split()) == len(self.made.paths)
        else:
            client.realise(url, self.made.root)
        took = time.monotonic() - begin
        assert self.walk_only or all(client.has(path) for path in self.made.paths)
        return took


def chain(count: int) -> closure.Closure:
    """Each path refers to the one before it."""
    return closure.make_closure(f"chain-{count}", [
        (f"link-{n}", closure.file_of_random_bytes(f"link{n}", 20_000), [n - 1] if n else []) for n in range(count)])


def tasks(short: bool) -> list[Task]:
    links, leaves, walk = (4, 10, 12) if short else (20, 200, 600)
    wide = closure.many(leaves + 1, 20_000)
    return [
        Task(f"chain of {links}, substituted", chain(links)),
        Task(f"root and {leaves} leaves, substituted, one NAR at a time", wide),
        Task(f"root and {leaves} leaves, substituted, 16 NARs at once", wide, {"max-jobs": "16"}),
        Task(f"serial walk over {walk + 1} paths (`nix path-info -r`)", closure.many(walk + 1), walk_only=True)]


def measure(task: Task, delay: float, home: Path) -> dict[str, float]:
    """Seconds for each way, each with a server and clients of its own."""
    cache = task.made.cache("zstd")
    seconds = {}
    with DelayedUpstream(cache.folder, delay) as upstream:
        seconds["direct"] = task.run(home / "client-direct", upstream.url)
        for way, more in (("cold, no prefetch", ["--cache-prefetch=off"]), ("cold", [])):
            with Ncps(home / way.replace(" ", "-"), upstreams=[(upstream.url, cache.key.public)], more=more) as proxy:
                seconds[way] = task.run(home / f"client {way}", proxy.url)
                if way == "cold":
                    seconds["warm"] = task.run(home / "client-warm", proxy.url)
                assert proxy.stop() == 0
    return seconds


def table(results: dict[str, dict[str, list[float]]], delay: float, rounds: int, date: str) -> str:
    where = report.machine()
    nix = subprocess.run(["nix", "--version"], capture_output=True, text=True).stdout.split()[-1]
    lines = [f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, nix {nix} as the client; every "
             f"answer of the upstream takes {delay * 1000:.0f} ms, between client and ncps lies nothing.",
             f"`bench/closure.py --rounds {rounds}`: medians of {rounds} rounds, seconds; behind it the share of direct.", "",
             "| | direct | ncps, cold, `--cache-prefetch=off` | ncps, cold | ncps, warm | aim |", "|---|---:|---:|---:|---:|---:|"]
    for name, ways in results.items():
        direct = median(ways["direct"])
        cells = [f"{median(ways[way]):.2f}" + ("" if way == "direct" else f" ({median(ways[way]) / direct:.2f}x)")
                 for way in WAYS]
        aim = report.judged(f"cold <= {MOST_OF_DIRECT}x", median(ways["cold"]) <= MOST_OF_DIRECT * direct)
        lines.append(f"| {name} | {' | '.join(cells)} | {aim} |")
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one round of small closures, nothing is written")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--delay", type=float, default=50, help="milliseconds for each answer of the upstream")
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    rounds, delay = (1, 0.005) if chosen.short else (chosen.rounds, chosen.delay / 1000)
    results: dict[str, dict[str, list[float]]] = {}
    for task in tasks(chosen.short):
        ways = results.setdefault(task.name, {way: [] for way in WAYS})
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home:
                for way, seconds in measure(task, delay, Path(home)).items():
                    ways[way].append(seconds)
                closure.make_removable(Path(home))
        print(f"{task.name:<56}" + "".join(f"{way}: {median(ways[way]):.2f} s   " for way in WAYS), flush=True)
    if not chosen.short:
        report.write_section(ROOT, "closures", {"delay": delay, "rounds": rounds, "seconds": results},
                             lambda date: table(results, delay, rounds, date))
    return 0


if __name__ == "__main__":
    sys.exit(main())
