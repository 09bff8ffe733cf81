"""Whether what a server uses stays as it is: what is measured, and what the samples must not do. Pure.

Samples are compared where the server is at rest: what is under way then is nothing. The first third of them is not
judged: caches fill, and the heap finds its size. Of the other two the medians are compared, so that one odd sample
decides nothing; a leak of so much a minute shows in them as a third of the whole time of it.
"""
from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Mapping, Sequence

MIB = 1 << 20
FEWEST = 6  # samples at rest; with fewer nothing can be said

Sample = Mapping[str, int]  # by name of the measure


@dataclass(frozen=True)
class Measure:
    name: str            # of the samples
    title: str
    margin: int | None   # how much more the last third may be than the second; None: nothing is expected of it
    why: str             # this margin
    unit: int = 1        # in which it is shown

    def show(self, value: float) -> str:
        return f"{value / MIB:.1f} MiB" if self.unit == MIB else f"{value:,.0f}"


# In the order of the table. The bounds are those of docs/architecture.md, "Limits and timeouts".
MEASURES = (
    Measure("rss", "resident memory", 4 * MIB, "the heap and SQLite's page caches come and go by pages", MIB),
    Measure("anonymous", "of that, not of files", 4 * MIB, "the same", MIB),
    Measure("threads", "threads", 0, "there is a fixed number of them"),
    Measure("sockets", "sockets", 64, "so many connections to upstreams may be kept"),
    Measure("nars_open", "NARs kept open", 512, "so many small ones are, for a minute"),
    Measure("database_open", "descriptors of the database", 8, "four connections have two each, from when they are first needed"),
    Measure("other_descriptors", "other descriptors", 0, "the log, the loops, a lock: a fixed number"),
    Measure("temp_files", "temporary files", 0, "at rest there are none"),
    Measure("temp_bytes", "bytes in these", 0, "the same", MIB),
    Measure("wal", "SQLite's WAL", 4 * MIB, "it is written back each 4 MiB or so, and keeps its size", MIB),
    Measure("database", "database", None, "the row of a NAR's URL stays: it says where to fetch it again", MIB),
    Measure("store_bytes", "NARs kept", 8 * MIB, "the limit is looked at for itself", MIB),
    Measure("store_files", "files kept", 500, "so large as the NARs happen to be"),
)


def thirds(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample], Sequence[Sample]]:
    first, second = len(samples) // 3, 2 * len(samples) // 3
    return samples[:first], samples[first:second], samples[second:]


def of(samples: Sequence[Sample], measure: Measure) -> float:
    return median(sample[measure.name] for sample in samples)


def grown(at_rest: Sequence[Sample], measures: Sequence[Measure] = MEASURES) -> dict[str, str]:
    """What has grown by more than its margin, by name, and in words; `at_rest` in the order of time."""
    if len(at_rest) < FEWEST:
        return {"samples": f"{len(at_rest)} samples at rest are too few to say anything"}
    _, second, last = thirds(at_rest)
    return {m.name: f"{m.title}: {m.show(of(second, m))} in the second third, {m.show(of(last, m))} in the last one "
                    f"(up to {m.show(m.margin)} more is allowed: {m.why})"
            for m in measures if m.margin is not None and of(last, m) - of(second, m) > m.margin}


def table(samples: Sequence[Sample], at_rest: Sequence[Sample], measures: Sequence[Measure] = MEASURES) -> list[str]:
    """As Markdown: the medians at rest by thirds, and the most of all samples, under load, too."""
    parts = thirds(at_rest)
    return ["| | first third | second third | last third | most, under load |", "|---|---:|---:|---:|---:|",
            *(f"| {m.title} | {' | '.join(m.show(of(part, m)) for part in parts)} | "
              f"{m.show(max(sample[m.name] for sample in samples))} |" for m in measures)]
