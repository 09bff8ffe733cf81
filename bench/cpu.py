"""CPU time of a server: what a request costs, which the load generator cannot hide."""
from __future__ import annotations

import os
from pathlib import Path


def family(pid: int) -> list[int]:
    """The process and its children, as nginx's workers are."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
                for child in (task / "children").read_text().split()]
    return [pid, *(descendant for child in children for descendant in family(child))]


def seconds(pid: int) -> float:
    """User and system time until now, of the whole family."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")
