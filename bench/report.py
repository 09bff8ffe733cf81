"""What was measured, and where: as lines, as JSON, and as the table in docs/measurements.md."""
from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Callable

HEADING = f"{'':<41}{'ncps':>10}{'nginx':>10}{'':<11}{'ratio':>7}{'CPU of the server':>28}"


def judged(aim: str, reached: bool) -> str:
    """An aim, and what came of it."""
    return f"{aim}, {'reached' if reached else 'missed'}"


@dataclass
class Row:
    name: str
    unit: str
    rates: dict[str, list[float]]  # by server, one for each round
    costs: dict[str, list[float]]  # microseconds of CPU for each unit (a request, a MB)
    aim: float = 0                 # of the ratio; 0: none

    def rate(self, server: str) -> float:
        return median(self.rates[server])

    def cost(self, server: str) -> float:
        return median(self.costs[server])

    @property
    def ratio(self) -> float:
        return self.rate("ncps") / self.rate("nginx")

    @property
    def shown_aim(self) -> str:
        return judged(f">= {self.aim}x", self.ratio >= self.aim) if self.aim else ""

    @property
    def thing(self) -> str:
        return {"requests/s": "request", "MB/s": "MB"}[self.unit]

    def line(self) -> str:
        return (f"{self.name:<41}{self.rate('ncps'):>10,.0f}{self.rate('nginx'):>10,.0f} {self.unit:<10}"
                f"{self.ratio:>6.2f}x{self.cost('ncps'):>8.1f}{self.cost('nginx'):>8.1f} us/{self.thing}")


def machine() -> dict[str, str | int]:
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().rpartition("/")[2]
    return {"cores": os.cpu_count() or 0, "cpu": cpu[1] if cpu else platform.machine(),
            "kernel": platform.release(), "nginx": nginx}


def commit() -> str:
    """Of this tree; with -dirty where something is not committed."""
    described = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=Path(__file__).parent)
    return described.stdout.strip() or "unknown"


def table(rows: list[Row], where: dict, date: str, rounds: int, seconds: int) -> str:
    lines = [f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, nginx {where['nginx']}; "
             "servers and load generator share the cores; "
             "apart: the servers have one half of them, the load generator the other. "
             "Both ends are on this machine, which ncps takes into account (`what a socket holds`, below).",
             f"`bench/bench.py --rounds {rounds} --seconds {seconds}`: medians of {rounds} rounds in turns, of which each begins with the other server.", "",
             "| | ncps | nginx static | ratio | aim | CPU of ncps | CPU of nginx |", "|---|---:|---:|---:|---:|---:|---:|"]
    lines += [f"| {r.name} | {r.rate('ncps'):,.0f} {r.unit} | {r.rate('nginx'):,.0f} {r.unit} | {r.ratio:.2f}x | {r.shown_aim} | "
              f"{r.cost('ncps'):.1f} µs/{r.thing} | {r.cost('nginx'):.1f} µs/{r.thing} |" for r in rows]
    return "\n".join(lines)


def replace_between_markers(page: str, text: str, name: str = "bench") -> str:
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if begin not in page or end not in page:
        page = page.rstrip() + f"\n\n{begin}\n{end}\n"
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


def keep(results: Path, name: str, measured: dict, now: datetime.datetime) -> Path:
    """As JSON in that folder, with the date in its name and the machine beside it."""
    results.mkdir(parents=True, exist_ok=True)
    file = results / (f"{now:%Y-%m-%dT%H%M%SZ}" + ("" if name == "bench" else f"-{name}") + ".json")
    file.write_text(json.dumps({"date": f"{now:%Y-%m-%d %H:%M}Z", "commit": commit(), "machine": machine()} | measured, indent=1) + "\n")
    return file


def write_section(root: Path, name: str, measured: dict, text: Callable[[str], str]) -> None:
    """Keeps `measured` in bench/results, and puts text(date) between the markers of that name."""
    now = datetime.datetime.now(datetime.timezone.utc)
    file = keep(root / "bench/results", name, measured, now)
    page = root / "docs/measurements.md"
    page.parent.mkdir(exist_ok=True)
    old = page.read_text() if page.exists() else "# Measurements\n"
    page.write_text(replace_between_markers(old, text(f"{now:%Y-%m-%d}"), name))
    print(f"written: {file.relative_to(root)} and the table in {page.relative_to(root)}")


def write(root: Path, rows: list[Row], rounds: int, seconds: int) -> None:
    measured = [asdict(row) | {"ratio": round(row.ratio, 3)} for row in rows]
    write_section(root, "bench", {"rounds": rounds, "seconds": seconds, "rows": measured},
                  lambda date: table(rows, machine(), date, rounds, seconds))
