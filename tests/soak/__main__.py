"""python3 -m tests.soak [--runs 1000] [--seconds N] [--seed S]: see README.md."""
from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.e2e.lab.ncps import BINARY

from . import report
from .soak import soak

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python3 -m tests.soak", description="Random faults, judged.")
    arguments.add_argument("--runs", type=int, default=1000, help="store paths, each under faults of its own")
    arguments.add_argument("--seconds", type=float, help="begin no run after that time")
    arguments.add_argument("--seed", type=int, default=1, help="the same seed makes the same faults")
    arguments.add_argument("--clients", type=int, default=32, help="runs at once")
    arguments.add_argument("--write", action="store_true", help="write the section in docs/quality.md")
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="ncps-soak-") as home:
        outcome = soak(Path(home), chosen.runs, chosen.seed, chosen.clients, chosen.seconds,
                       lambda text: print(text, flush=True))
    for finding in outcome.findings[:50]:
        print(finding)
    print(report.text(outcome))
    print(f"slowest: {outcome.slowest[1]}, {outcome.slowest[0]:.1f} s")
    if chosen.write and not outcome.findings:
        report.write(ROOT / "docs/quality.md", outcome)
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
