#!/usr/bin/env python3
"""ncps beside nginx: the same files, the same machine, in turns. bench/bench.py [--short] [--rounds N]

nginx serves ncps's own storage as static files, which is the best a cache can hope for. Load comes
from wrk, on the same cores but where it says apart. Each round begins with the other server. Writes bench/results/<date>.json and the table in docs/measurements.md;
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
from bench import cores, cpu, report, wrk  # noqa: E402
from bench.servers import Nginx, fill  # noqa: E402
from tests.e2e.lab import closure  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402

NARINFOS, NAR_MEGABYTES = 200, 64


def measures(narinfos: list[str], nar: str) -> list[wrk.Load]:
    return [
        wrk.Load("one hot narinfo, 32 connections", "requests/s", [narinfos[0]], connections=32, aim=1.3),
        wrk.Load(f"{len(narinfos)} narinfos, 32 connections", "requests/s", narinfos, connections=32, aim=1.3),
        wrk.Load(f"NAR of {NAR_MEGABYTES} MB, 1 connection, cores apart", "MB/s", [nar], connections=1, aim=1, apart=True),
        *(wrk.Load(f"NAR of {NAR_MEGABYTES} MB, {n} connections", "MB/s", [nar], connections=n, aim=1) for n in (4, 16))]


def in_turns(load: wrk.Load, servers: list[tuple[str, str, int]], rounds: int, seconds: int, home: Path) -> report.Row:
    row = report.Row(load.name, load.unit, {"ncps": [], "nginx": []}, {"ncps": [], "nginx": []}, load.aim)
    with cores.apart(*(pid for _, _, pid in servers)) if load.apart else contextlib.nullcontext():
        for number in range(rounds):  # what disturbs one disturbs the other, and who is first may be better off
            for name, url, pid in servers if number % 2 == 0 else reversed(servers):
                before = cpu.seconds(pid)
                rate = load.run(url, seconds, home)
                row.rates[name].append(rate)
                row.costs[name].append((cpu.seconds(pid) - before) / (rate * seconds) * 1e6)
    return row


def run(rounds: int, seconds: int, home: Path, short: bool) -> list[report.Row]:
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
                assert proxy.process
                servers = [("ncps", proxy.url, proxy.process.pid), ("nginx", nginx.url, nginx.process.pid)]
                rows = []
                for load in measures(narinfos, nar)[:: 2 if short else 1]:  # of each kind one
                    load.check(proxy.url, nginx.url)
                    rows.append(in_turns(load, servers, rounds, seconds, home))
                    print(rows[-1].line(), flush=True)
                return rows


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one round of one second, nothing is written")
    arguments.add_argument("--rounds", type=int, default=6)
    arguments.add_argument("--seconds", type=int, default=3)
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    rounds, seconds = (1, 1) if chosen.short else (chosen.rounds, chosen.seconds)
    print(report.HEADING)
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home:
        rows = run(rounds, seconds, Path(home), chosen.short)
    if not chosen.short:
        report.write(ROOT, rows, rounds, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
