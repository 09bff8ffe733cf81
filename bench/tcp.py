#!/usr/bin/env python3
"""Whether other settings of TCP would be better: bench/tcp.py [--short] [--rounds N]

The same program, with the settings that it chooses itself, and with others that tcp_shim.cpp gives it, in turns. Writes
bench/results/<date>-tcp.json and the table in docs/measurements.md; --short only checks that all of it works, and writes nothing.
"""
from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import report, wrk  # noqa: E402
from bench.servers import fill  # noqa: E402
from tests.e2e.lab import closure, raw  # noqa: E402
from tests.e2e.lab.closure import parse_narinfo  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402

OURS = "as it is"
WISHES = {
    OURS: "",
    "Nagle's algorithm (no TCP_NODELAY)": "nagle",
    "head and file apart (no MSG_MORE)": "no-more",
    "the kernel's choice of SO_SNDBUF": "kernels-buffer",
    "SO_SNDBUF of 192 KiB": "sndbuf=98304",  # which the kernel doubles
    "SO_SNDBUF of 384 KiB": "sndbuf=196608",
    "SO_SNDBUF of 1 MiB": "sndbuf=524288",
    "TCP_NOTSENT_LOWAT of 128 KiB": "lowat=131072",
}
Values = dict[str, dict[str, list[float]]]  # by load, and setting


def build_shim(home: Path) -> Path:
    shim = home / "tcp_shim.so"
    subprocess.run(["clang++-19", "-std=c++2b", "-O2", "-shared", "-fPIC", "-o", shim, ROOT / "bench/tcp_shim.cpp", "-ldl"],
                   check=True, timeout=120)
    return shim


def run(home: Path, rounds: int, seconds: int, short: bool) -> Values:
    small, big = closure.many(10 if short else 100, 60_000), closure.single(4 if short else 64)
    small_cache, big_cache = small.cache("zstd"), big.cache("zstd")
    shim = build_shim(home)
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(Upstream(small_cache.folder))
        two = stack.enter_context(Upstream(big_cache.folder))
        servers: dict[str, Ncps] = {}
        for number, (name, wishes) in enumerate(WISHES.items()):
            proxy = Ncps(home / str(number), upstreams=[(one.url, small_cache.key.public), (two.url, big_cache.key.public)],
                         log_level="warn", address=f"127.0.0.1:{free_port()}",
                         environment={"LD_PRELOAD": str(shim), "TCP_SHIM": wishes})
            stack.callback(proxy.kill9)
            servers[name] = proxy.start_quiet()
            narinfos, nar = fill(proxy, small.paths, big.root)
        nars = ["/" + parse_narinfo(raw.get(servers[OURS].url, target).body.decode())["URL"] for target in narinfos]
        loads = [wrk.Load("narinfos a second, 16 connections", "requests/s", narinfos, 16),
                 wrk.Load("NARs of 60 KB a second, 1 connection", "requests/s", nars, 1),
                 wrk.Load("NARs of 60 KB a second, 16 connections", "requests/s", nars, 16),
                 *(wrk.Load(f"MB/s of a NAR of 64 MB, {count} connection{'s' * (count > 1)}", "MB/s", [nar], count) for count in (1, 4, 16))]
        values: Values = {}
        for turn, load in enumerate(loads):
            load.check(*(server.url for server in servers.values()))
            of_load = values.setdefault(load.name, {name: [] for name in servers})
            for number in range(rounds):
                tried = list(servers)[turn :: len(loads)] if short else list(servers)  # each setting once is enough to see that it works
                for name in tried[:: 1 if number % 2 == 0 else -1]:
                    of_load[name].append(load.run(servers[name].url, seconds, home))
            print(load.name, {name: round(median(v)) for name, v in of_load.items() if v}, flush=True)
        return values


def table(values: Values, date: str, rounds: int, seconds: int) -> str:
    where = report.machine()
    lines = [f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}; server and load generator share the cores.",
             f"`bench/tcp.py --rounds {rounds} --seconds {seconds}`: medians of {rounds} rounds in turns; behind the first row the share of it.",
             "", f"| | {' | '.join(values)} |", "|---|" + "---:|" * len(values)]
    for name in WISHES:
        cells = []
        for of_load in values.values():
            rate = median(of_load[name])
            cells.append(f"{rate:,.0f}" if name == OURS else f"{rate / median(of_load[OURS]):.2f}x")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one round of one second, nothing is written")
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--seconds", type=int, default=2)
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    rounds, seconds = (1, 1) if chosen.short else (chosen.rounds, chosen.seconds)
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as home:
        values = run(Path(home), rounds, seconds, chosen.short)
    if not chosen.short:
        report.write_section(ROOT, "tcp", {"rounds": rounds, "seconds": seconds, "values": values},
                             lambda date: table(values, date, rounds, seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
