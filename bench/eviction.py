#!/usr/bin/env python3
"""What eviction costs in bytes that must be fetched again: bench/eviction.py [--short]

Replays a made-up trace (Zipf's law, and a bump of the channel now and then) against the policy, beside plain LRU of
NARs and two bounds. Writes bench/results/<date>-eviction.json and the table in docs/measurements.md; --short only
checks that it works, and writes nothing.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import report  # noqa: E402
from tests.e2e.lab.ncps import BINARY  # noqa: E402

PROGRAM = BINARY.parent / "src/eviction_replay_bench"


def table(lines: list[dict], date: str) -> str:
    out = [f"{date}, {lines[0]['requests']:,} requests (30 of 100 for a NAR, the others for its narinfo alone) by Zipf's law with "
           "exponent 0.9 for 20,000 store paths, of which 30 of 100 are replaced 20 times; log-normal sizes. "
           "Share of the bytes asked for that were here. `bench/eviction.py`", "",
           "| limit, of all that was ever asked for | ours | plain LRU of NARs | evicting by the next use | no limit | rounds of ours |",
           "|---|---:|---:|---:|---:|---:|"]
    for line in lines:
        out.append(f"| {line['percent']} % ({line['limit'] / 1e9:.1f} GB) | {line['ours']:.1f} % | {line['lru']:.1f} % | "
                   f"{line['next_use']:.1f} % | {line['everything']:.1f} % | {line['rounds']:,} |")
    return "\n".join(out)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="20,000 requests, nothing is written")
    chosen = arguments.parse_args()
    run = subprocess.run([PROGRAM, "20000" if chosen.short else "1000000"], check=True, capture_output=True, text=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    print(table(lines, "now"))
    for line in lines:
        assert line["ours"] <= line["everything"] and line["next_use"] <= line["everything"], line
    if not chosen.short:
        report.write_section(ROOT, "eviction", {"eviction": lines}, lambda date: table(lines, date))
    return 0


if __name__ == "__main__":
    sys.exit(main())
