"""Scripted clients: what is asked for in one run, by the dice of that run."""
from __future__ import annotations

import threading
import time
from random import Random
from typing import Callable

from tests.e2e.lab import raw
from tests.e2e.lab.case import narinfo_target

from .judge import BROKE_OFF, FAILING, HANGS, NOT_SERVED, STRANGE, Judge

PATIENCE = 100.0  # seconds without a byte; every wait of the server is shorter


def ask(judge: Judge, url: str, method: str, target: str, headers: dict[str, str] | None = None) -> raw.Answer | None:
    """An answer with a head, or None: the connection ended before, which nobody takes for an answer."""
    return attempt(judge, f"{method} {target}", lambda: raw.ask(url, method, target, headers, PATIENCE))


def attempt(judge: Judge, what: str, fetch: Callable[[], raw.Answer]) -> raw.Answer | None:
    """The same, whatever is done to get it."""
    begin = time.monotonic()
    try:
        return fetch()
    except raw.Ended as error:
        if error.how == raw.TIMEOUT:
            judge.find(HANGS, f"{what}: no head")
        judge.count(BROKE_OFF)
    except OSError as error:
        judge.find(STRANGE, f"{what}: {error!r}")
    finally:
        judge.took(time.monotonic() - begin, what)
    return None


class Run:
    """One store path, asked for under the faults that lie on it."""

    def __init__(self, judge: Judge, url: str, path: str, dice: Random) -> None:
        self.judge, self.url, self.path, self.dice = judge, url, path, dice

    def go(self) -> None:
        name = None
        for _ in range(self.dice.randint(1, 3)):
            if self.dice.random() < 0.2:
                self._look(narinfo_target(self.path))
            answer = ask(self.judge, self.url, "GET", narinfo_target(self.path))
            name = answer and self.judge.narinfo(self.path, answer)
            if name:
                break
        if not name:
            return
        self.name = name
        for kind in self.dice.choices(self.kinds(), k=self.dice.randint(1, 4)):
            kind()

    def kinds(self) -> list[Callable[[], None]]:
        """What may be done with the NAR, once its name is known."""
        return [self._whole, self._whole, self._part, self._part, self._crowd, self._leave,
                lambda: self._look(f"/nar/{self.name}")]

    def _whole(self) -> None:
        answer = ask(self.judge, self.url, "GET", f"/nar/{self.name}")
        if answer:
            self.judge.whole_nar(self.path, self.name, answer)

    def _part(self) -> None:
        file = self.judge.world.nar_file(self.name)
        size = file.stat().st_size if file else 1000
        first = self.dice.randrange(size)
        last = self.dice.randint(first, size + 10)
        asked = self.dice.choice([f"{first}-", f"{first}-{last}", f"0-{last}", f"-{self.dice.randint(1, size)}", "0-"])
        answer = ask(self.judge, self.url, "GET", f"/nar/{self.name}", {"Range": f"bytes={asked}"})
        if answer and answer.status != 416:
            self.judge.part(self.path, self.name, answer, asked)
        elif answer and file and self.path not in self.judge.damaged:
            self.judge.find(STRANGE, f"nar/{self.name}: 416 to {asked} of {size}")

    def _crowd(self) -> None:
        """Several at once."""
        threads = [threading.Thread(target=self._whole, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _leave(self) -> None:
        """One that goes away after its first bytes, or before."""
        stream = raw.Stream(self.url, f"/nar/{self.name}", timeout=PATIENCE).start()
        stream.first_byte.wait(self.dice.choice([0, 0.05, 2]))
        stream.leave()
        self.judge.count("clients that left")

    def _look(self, target: str) -> None:
        """HEAD: an answer of its own, without a body."""
        answer = ask(self.judge, self.url, "HEAD", target)
        if not answer:
            return
        if answer.status == 404 and target.startswith("/nar/"):
            self.judge.nar_not_found(self.path, self.name)
        elif answer.status == 404:
            self.judge.not_found(target, [(place, target) for place in self.judge.world.places])
        elif answer.status != 200 and answer.status not in FAILING:
            self.judge.find(STRANGE, f"HEAD {target}: {answer.status}")


def served_at_once(judge: Judge, url: str, path: str) -> bool:
    """After the faults: narinfo and NAR, each with the first request. Where the narinfo that is kept was damaged in what
    no signature covers, its NAR has to fail first: then the narinfo is asked for again, within seconds."""
    problem = problem_of_serving(judge, url, path)
    end = time.monotonic() + 10
    while problem and path in judge.damaged and time.monotonic() < end:
        problem = problem_of_serving(judge, url, path)
    if problem:
        judge.find(NOT_SERVED, problem)
    return not problem


def problem_of_serving(judge: Judge, url: str, path: str) -> str:
    info = ask(judge, url, "GET", narinfo_target(path))
    name = judge.narinfo(path, info) if info else None
    if not name:
        return f"{narinfo_target(path)}: {info and info.status}"
    answer = ask(judge, url, "GET", f"/nar/{name}")
    if answer:
        judge.whole_nar(path, name, answer)
    if not answer or answer.status != 200 or answer.ending != raw.COMPLETE:
        return f"nar/{name}: {answer and answer.status} {answer and answer.ending}"
    return ""
