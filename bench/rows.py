"""A table whose rows are of any kind: ncps, what else stands beside it, and the aim."""
from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Callable

from bench import report


@dataclass(frozen=True)
class Aim:
    said: str
    is_reached: Callable[[float, float], bool]  # given the median of ncps, and how much better that is than what stands beside it (0: nothing does)


def at_most(said: str, most: float) -> Aim:
    return Aim(said, lambda ours, _: ours <= most)


def below(said: str, bound: float) -> Aim:
    return Aim(said, lambda ours, _: ours < bound)


NO_WORSE = Aim(">= 1.0x", lambda _, better: better >= 1)


class Results:
    """Rows of a table: name, and a text for each server."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str]] = []
        self.raw: dict[str, object] = {}

    def add(self, name: str, values: dict[str, list[float]], show: Callable[[float], str], better: str = "more", aim: Aim | None = None) -> None:
        """Medians of what was measured by server: ncps, and nginx or what else stands beside it."""
        self.raw[name] = values
        ours = median(values["ncps"])
        others = [median(v) for who, v in values.items() if who != "ncps"]
        cells, ratio = show(others[0]) if others else "", 0.0
        if others and ours and others[0]:
            ratio = ours / others[0] if better == "more" else others[0] / ours
            cells += f" ({ratio:.2f}x)"
        self.rows.append((name, show(ours), cells, report.judged(aim.said, aim.is_reached(ours, ratio)) if aim else ""))
        print(f"| {' | '.join(self.rows[-1])} |", flush=True)

    def table(self, date: str, said: str) -> str:
        where = report.machine()
        return "\n".join([
            f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, nginx {where['nginx']}; servers, upstream and clients share the cores.",
            said, "", "| | ncps | nginx | aim |", "|---|---:|---:|---:|", *(f"| {' | '.join(row)} |" for row in self.rows)])


def turn(number: int, servers: dict[str, str]) -> list[str]:
    """Their names in the order of that round: who is first may be better off."""
    return list(servers) if number % 2 == 0 else list(reversed(servers))


def in_turns(rounds: int, servers: dict[str, str], measure: Callable[[str], float]) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(rounds):
        for name in turn(number, servers):
            values[name].append(measure(servers[name]))
    return values
