"""The outcome of a soak as a section of docs/quality.md."""
from __future__ import annotations

from pathlib import Path

from .judge import FINDINGS
from .soak import Outcome


def text(outcome: Outcome) -> str:
    def table(head: str, rows: list[tuple[str, int]]) -> list[str]:
        return ["", f"| {head} | |", "|---|---:|", *(f"| {name} | {count:,} |" for name, count in rows)]

    def mebibytes(count: int) -> str:
        return f"{count / (1 << 20):.0f} MiB"

    lines = [f"`python3 -m tests.soak --runs {outcome.runs} --seed {outcome.seed}`: {outcome.runs:,} store paths, each "
             f"under faults of its own at three upstreams; {sum(outcome.met.values()):,} of "
             f"{outcome.upstream_requests:,} upstream requests met a fault. {outcome.seconds:.0f} s.",
             *table("findings", [(kind, outcome.count(kind)) for kind in FINDINGS]),
             *table("faults met", sorted(outcome.met.items())),
             *table("what clients saw", sorted(outcome.answers.items())),
             "", f"Resident memory {mebibytes(outcome.rss[0])} before, {mebibytes(outcome.rss[1])} after; descriptors "
             f"{outcome.descriptors[0]} before, {outcome.descriptors[1]} after (up to 64 idle connections to upstreams; without NARs that are kept open). The slowest answer "
             f"took {outcome.slowest[0]:.0f} s."]
    return "\n".join(lines)


def write(page: Path, outcome: Outcome) -> None:
    put(page, "soak", "Fault soak", text(outcome))


def put(page: Path, name: str, title: str, section: str) -> None:
    """Puts it between the markers of that name; the rest of the page stays."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    old = page.read_text() if page.exists() else "# Quality\n"
    if begin not in old or end not in old:
        old = old.rstrip() + f"\n\n## {title}\n\n{begin}\n{end}\n"
    before, _, rest = old.partition(begin)
    page.write_text(f"{before}{begin}\n{section}\n{end}{rest.partition(end)[2]}")
    print(f"written: {page}")
