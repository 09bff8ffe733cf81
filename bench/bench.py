#!/usr/bin/env python3
"""ncps beside nginx: the same files, the same machine, in turns. bench/bench.py [--short] [--rounds N]

nginx serves ncps's own storage as static files, which is the best a cache can hope for. Load comes
from wrk on the same cores. Writes bench/results/<date>.json and the table in docs/measurements.md;
--short only checks that all of it works, and writes nothing.
"""
from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import cpu, report, wrk  # noqa: E402
from bench.servers import Nginx, fill  # noqa: E402
from tests.e2e.lab import closure  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402

NARINFOS, NAR_MEGABYTES = 200, 64


def measures(narinfos: list[str], nar: str) -> list[wrk.Load]:
    return [
        wrk.Load("one hot narinfo, 32 connections", "requests/s", [narinfos[0]], connections=32),
        wrk.Load(f"{len(narinfos)} narinfos, 32 connections", "requests/s", narinfos, connections=32),
        *(wrk.Load(f"NAR of {NAR_MEGABYTES} MB, {n} connection{'s' * (n > 1)}", "MB/s", [nar], connections=n)
          for n in (1, 4, 16))]


def run(rounds: int, seconds: int, home: Path) -> list[report.Row]:
    small, big = closure.many(NARINFOS), closure.single(NAR_MEGABYTES)
    small_cache, big_cache = small.cache("zstd"), big.cache("zstd")
    with Upstream(small_cache.folder) as one, Upstream(big_cache.folder) as two:
        proxy = Ncps(home / "ncps", upstreams=[(one.url, small_cache.key.public), (two.url, big_cache.key.public)],
                     log_level="warn", address=f"127.0.0.1:{free_port()}")
        with contextlib.ExitStack() as stack:
            stack.callback(proxy.kill9)
            proxy.start_quiet()
            narinfos, nar = fill(proxy, small.paths, big.root)
            with Nginx(home / "nginx", proxy, narinfos, nar) as nginx:
                rows = []
                for load in measures(narinfos, nar):
                    load.check(proxy.url, nginx.url)
                    servers = (("ncps", proxy.url, proxy.process.pid), ("nginx", nginx.url, nginx.process.pid))
                    rates: dict[str, list[float]] = {"ncps": [], "nginx": []}
                    costs: dict[str, list[float]] = {"ncps": [], "nginx": []}
                    for _ in range(rounds):  # in turns: what disturbs one disturbs the other
                        for name, url, pid in servers:
                            before = cpu.seconds(pid)
                            rates[name].append(load.run(url, seconds, home))
                            costs[name].append((cpu.seconds(pid) - before) / (rates[name][-1] * seconds) * 1e6)
                    rows.append(report.Row(load.name, load.unit, rates, costs))
                    print(rows[-1].line(), flush=True)
                return rows


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one round of one second, nothing is written")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=3)
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    rounds, seconds = (1, 1) if chosen.short else (chosen.rounds, chosen.seconds)
    print(report.HEADING)
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home:
        rows = run(rounds, seconds, Path(home))
    if not chosen.short:
        report.write(ROOT, rows, rounds, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
