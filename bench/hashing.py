#!/usr/bin/env python3
"""How fast NARs are verified, on one core and on all: bench/hashing.py [--short] [--rounds N]

Writes bench/results/<date>-hashing.json and the table in docs/measurements.md; --short only checks that it works.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import report  # noqa: E402
from tests.e2e.lab.ncps import BINARY  # noqa: E402

PROGRAM = BINARY.parent / "src/verify_bench"
NAMES = {"SHA-256": "SHA-256 alone", "none": "a NAR without compression", "zstd": "a NAR in zstd", "xz": "a NAR in xz"}


def table(rounds: list[dict], date: str) -> str:
    where, threads = report.machine(), rounds[0]["threads"]
    flags = Path("/proc/cpuinfo").read_text()
    lines = [f"{date}, {where['cores']} cores ({where['cpu']}, {'with' if 'sha_ni' in flags else 'without'} SHA-NI). `bench/hashing.py --rounds {len(rounds)}`: MB of "
             "NARs in a second, hashed, decompressed, walked and hashed; each thread has a NAR of its own.", "",
             f"| | one thread | {threads} threads | aim |", "|---|---:|---:|---:|"]
    for key, name in NAMES.items():
        one, all_ = (median(r[key][i] for r in rounds) for i in (0, 1))
        lines.append(f"| {name} | {one:,.0f} | {all_:,.0f} ({all_ / one:.2f}x) | {report.judged('> 1,000', one > 1000) if key == 'SHA-256' else ''} |")
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one round of 4 MB, nothing is written")
    arguments.add_argument("--rounds", type=int, default=5)
    chosen = arguments.parse_args()
    megabytes, rounds = (4, 1) if chosen.short else (200, chosen.rounds)
    measured = [json.loads(subprocess.run([PROGRAM, str(megabytes), str(os.cpu_count())], check=True, capture_output=True, text=True).stdout)
                for _ in range(rounds)]
    print(table(measured, "now"))
    if not chosen.short:
        report.write_section(ROOT, "hashing", {"megabytes": megabytes, "rounds": measured}, lambda date: table(measured, date))
    return 0


if __name__ == "__main__":
    sys.exit(main())
