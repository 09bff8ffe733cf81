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

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HEADING = f"{'':<36}{'ncps':>12}{'nginx':>12}{'':<12}{'ratio':>8}"
NEW_PAGE = f"# Measurements\n\n{BEGIN}\n{END}\n"


@dataclass
class Row:
    name: str
    unit: str
    ncps: float
    nginx: float
    rates: dict[str, list[float]]

    @property
    def ratio(self) -> float:
        return self.ncps / self.nginx

    def line(self) -> str:
        return f"{self.name:<36}{self.ncps:>12,.0f}{self.nginx:>12,.0f} {self.unit:<11}{self.ratio:>7.2f}x"


def machine() -> dict[str, str | int]:
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().rpartition("/")[2]
    return {"cores": os.cpu_count() or 0, "cpu": cpu[1] if cpu else platform.machine(),
            "kernel": platform.release(), "nginx": nginx}


def table(rows: list[Row], where: dict, date: str, rounds: int, seconds: int) -> str:
    lines = [f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, nginx {where['nginx']}; "
             "servers and load generator share the cores.",
             f"`bench/bench.py --rounds {rounds} --seconds {seconds}`: medians of {rounds} rounds in turns.", "",
             "| | ncps | nginx static | ratio |", "|---|---:|---:|---:|"]
    lines += [f"| {r.name} | {r.ncps:,.0f} {r.unit} | {r.nginx:,.0f} {r.unit} | {r.ratio:.2f}x |" for r in rows]
    return "\n".join(lines)


def replace_between_markers(page: str, text: str) -> str:
    if BEGIN not in page or END not in page:
        page = page.rstrip() + f"\n\n{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}"


def write(root: Path, rows: list[Row], rounds: int, seconds: int) -> None:
    now = datetime.datetime.now(datetime.timezone.utc)
    where = machine()
    results = root / "bench/results"
    results.mkdir(parents=True, exist_ok=True)
    file = results / f"{now:%Y-%m-%dT%H%M%SZ}.json"
    measured = [asdict(row) | {"ratio": round(row.ratio, 3)} for row in rows]
    file.write_text(json.dumps({"date": f"{now:%Y-%m-%d %H:%M}Z", "machine": where, "rounds": rounds,
                                "seconds": seconds, "rows": measured}, indent=1) + "\n")
    page = root / "docs/measurements.md"
    page.parent.mkdir(exist_ok=True)
    text = page.read_text() if page.exists() else NEW_PAGE
    page.write_text(replace_between_markers(text, table(rows, where, f"{now:%Y-%m-%d}", rounds, seconds)))
    print(f"written: {file.relative_to(root)} and the table in {page.relative_to(root)}")
