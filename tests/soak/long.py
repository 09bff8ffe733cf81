"""python3 -m tests.soak.long --hours 8 [--load 0.25] [--seed S] [--tls] [--write | --out FOLDER]: see README.md."""
from __future__ import annotations

import argparse
import datetime
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Callable

from bench.report import keep
from tests.e2e.lab.ncps import BINARY

from .course import CALM, Course, Outcome, Plan
from .flat import FEWEST, MEASURES, MIB, grown, table, thirds
from .judge import FALSE_404, HANGS, LEFT_OVER, NOT_SERVED, SHORT_BODY, STRANGE, WRONG_BODY
from .report import put

ROOT = Path(__file__).resolve().parents[2]
# What this run looks for. Files at rest it does not read: that is the fault soak's and the crash soak's part.
LOOKED_FOR = (SHORT_BODY, WRONG_BODY, FALSE_404, STRANGE, HANGS, NOT_SERVED, LEFT_OVER)
NOT_FLAT = "measures that grew"


def long_soak(home: Path, plan: Plan, tell: Callable[[str], None] = lambda text: None) -> Outcome:
    return Course(home, plan, tell).run()


def text(plan: Plan, outcome: Outcome) -> str:
    grew = grown(outcome.at_rest)
    rows = [(kind, sum(one.kind == kind for one in outcome.findings)) for kind in LOOKED_FOR] + [(NOT_FLAT, len(grew))]
    hours = outcome.seconds / 3600
    options = f"--hours {plan.seconds / 3600:.2g} --load {plan.load:g} --seed {plan.seed}" + " --tls" * plan.tls
    lines = [f"`python3 -m tests.soak.long {options}`: one server with a limit of {plan.limit // MIB} MiB for {hours:.2f} hours, "
             f"{outcome.requests:,} requests, {outcome.sent / MIB:,.0f} MiB sent, {outcome.paths:,} new paths in "
             f"{outcome.generations} generations (each {CALM}rd without faults), {outcome.evicted:,} NARs evicted, {outcome.reloads} reloads; {outcome.met.total():,} of "
             f"{outcome.upstream_requests:,} upstream requests met a fault. The server used {outcome.cpu / outcome.seconds:.2f} "
             f"of a core, it and all clients and upstreams {outcome.cpu_of_all / outcome.seconds:.2f}. The slowest answer took "
             f"{outcome.slowest[0]:.0f} s.", "",
             "| findings | |", "|---|---:|", *(f"| {kind} | {count:,} |" for kind, count in rows)]
    if len(outcome.at_rest) >= FEWEST:
        lines += ["", f"Medians of {len(outcome.at_rest)} samples at rest, by thirds of the time, and the most of all "
                      f"{len(outcome.samples)} samples:", "", *table(outcome.samples, outcome.at_rest), "", *explained(outcome)]
    lines += ["", "| what clients saw | |", "|---|---:|",
              *(f"| {what} | {count:,} |" for what, count in sorted(outcome.answers.items()))]
    return "\n".join(lines)


def explained(outcome: Outcome) -> list[str]:
    first, last = outcome.at_rest[0], outcome.at_rest[-1]
    paths = max(1, last["paths"] - first["paths"])
    rss = [sample["rss"] for sample in outcome.at_rest]
    parts = [(min(values), max(values)) for values in ([sample["rss"] for sample in part] for part in thirds(outcome.at_rest))]
    spans = ", ".join(f"{low / MIB:.1f} to {high / MIB:.1f}" for low, high in parts)
    return [f"Flat is: the median of the last third is not above that of the second one by more than a margin "
            f"({', '.join(f'{m.title} {m.show(m.margin)}' for m in MEASURES if m.margin is not None)}). Resident memory at "
            f"rest was {spans} MiB in the three thirds: what it moves by itself, {(max(rss) - min(rss)) / MIB:.1f} MiB here, can "
            f"hide a leak of {(max(rss) - min(rss)) / (paths / 3) / 1024:.1f} KiB for each new path in a run of this length. The "
            f"database has grown by {(last['database'] - first['database']) / paths:,.0f} bytes for each new path: the rows of NAR "
            f"URLs stay."]


def kept_result(plan: Plan, outcome: Outcome) -> dict:
    said = {f"{level}: {message}": count for (level, message), count in sorted(outcome.said.items())}
    return vars(outcome) | {"plan": asdict(plan), "grown": grown(outcome.at_rest), "said": said,
                            "findings": [str(one) for one in outcome.findings]}


def write(root: Path, plan: Plan, outcome: Outcome) -> None:
    """The section in docs/quality.md of that folder, and all samples in its bench/results."""
    file = keep(root / "bench/results", "long-soak", kept_result(plan, outcome), datetime.datetime.now(datetime.timezone.utc))
    (root / "docs").mkdir(exist_ok=True)
    name, title = ("long-tls", "Long run, over TLS") if plan.tls else ("long", "Long run")
    put(root / "docs/quality.md", name, title, f"{text(plan, outcome)}\n\nEvery sample: [{file.name}](../bench/results/{file.name}).")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python3 -m tests.soak.long", description="Mixed load and faults for hours, and whether all stays flat.")
    arguments.add_argument("--hours", type=float, default=8)
    arguments.add_argument("--load", type=float, default=Plan.load, help="share of a core that everything may use together")
    arguments.add_argument("--seed", type=int, default=1, help="the same seed makes the same paths and faults")
    arguments.add_argument("--tls", action="store_true", help="clients speak TLS")
    arguments.add_argument("--write", action="store_true", help="write the section in docs/quality.md, samples in bench/results")
    arguments.add_argument("--out", type=Path, help="write both below that folder instead")
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to end, it says what it has seen until then
    seconds = chosen.hours * 3600
    plan = Plan(seconds, chosen.load, chosen.seed, rest_every=min(300.0, seconds / 30), tls=chosen.tls)
    with tempfile.TemporaryDirectory(prefix="ncps-long-soak-") as home:
        outcome = long_soak(Path(home), plan, lambda line: print(line, flush=True))
    flaws = [*map(str, outcome.findings), *grown(outcome.at_rest).values()]
    for flaw in flaws[:50]:
        print(flaw)
    print(text(plan, outcome))
    if chosen.out or (chosen.write and not flaws):
        write(chosen.out or ROOT, plan, outcome)
    return 1 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
