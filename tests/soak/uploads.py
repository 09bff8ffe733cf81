"""Who uploads, pins and removes while the server is killed, and the ledger of what was acknowledged.

Each path belongs to one of the uploaders, so what may be said of it is known at each moment: a 204 is a promise; a PUT or
DELETE that was broken off leaves open whether it was done; a PUT that was broken off takes nothing away.
"""
from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from tests.e2e.lab import raw
from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.closure import Cache, hash_of, parse_narinfo

UPLOADERS = 2
PAUSE = 0.02     # seconds at most in the middle of a body, so that kills meet bodies that are half here
PATIENCE = 60    # seconds, of who asks: a loaded machine answers late
KEPT_LOGS = 6    # build logs, which are written again and again


class Known(Enum):
    ABSENT = "absent"    # never sent, or removed
    PRESENT = "present"  # acknowledged
    OPEN = "open"        # nobody was told


@dataclass
class Thing:
    """A NAR, a narinfo or a log: what is known of it, and what its bytes may be."""
    known: Known = Known.ABSENT
    may_be: list[bytes] = field(default_factory=list)
    changes: int = 0
    puts: int = 0  # that began or ended: odd while one is on its way

    def now(self, known: Known, *may_be: bytes) -> None:
        self.known, self.may_be = known, list(may_be)
        self.changes += 1


class Ledger:
    """Of one storage. Each Thing is written by its uploader alone."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.paths = cache.closure.paths
        self.nars = {path: Thing() for path in self.paths}
        self.narinfos = {path: Thing() for path in self.paths}
        self.pins = {path: Thing() for path in self.paths[:UPLOADERS]}  # of each uploader its first path
        self.logs = {f"/log/{hash_of(path)}-x.drv": Thing() for path in self.paths[:KEPT_LOGS]}

    def flaw_of_path(self, url: str, path: str, evicts: bool, quiet: bool) -> str | None:
        """Asks for narinfo and NAR; what is wrong with the answers. `evicts`: what is here may have had to go.
        `quiet`: nobody uploads or removes meanwhile."""
        promise = self.narinfos[path]
        known, changes, puts = promise.known, promise.changes, promise.puts
        evicts = evicts and not (quiet and path in self.pins and self.pins[path].known is Known.PRESENT)
        ask = lambda target: raw.get(url, target, timeout=PATIENCE)
        narinfo, nar = ask(narinfo_target(path)), ask(self.cache.nar_url(path))
        again = ask(narinfo_target(path)) if nar.status == 404 else narinfo
        if any(answer.ending != raw.COMPLETE for answer in (narinfo, nar, again)):
            return None
        said = f"{path}: narinfo {narinfo.status}, NAR {nar.status}, narinfo then {again.status}; it was {known.value}"
        if not {narinfo.status, nar.status, again.status} <= {200, 404}:
            return said
        if nar.status == 200 and nar.body != self.cache.nar_bytes(path):
            return f"{said}: wrong bytes"
        true = self.cache.narinfo(path)
        for answer in (narinfo, again):
            got = parse_narinfo(answer.body.decode())
            if answer.status == 200 and any(got.get(n) != true[n] for n in ("StorePath", "NarHash", "NarSize", "URL")):
                return f"{said}: wrong narinfo {got}"
        if promise.changes != changes or (known is not Known.PRESENT and not quiet):
            return None  # its uploader is at it, or was
        # What had to go may have come again between two answers, before its uploader wrote down that it did.
        came_again = evicts and (puts % 2 == 1 or promise.puts != puts)
        leads_nowhere = (again.status, nar.status) == (200, 404) and not came_again
        appeared = known is Known.ABSENT and narinfo.status == 200
        lost = known is Known.PRESENT and 404 in (narinfo.status, nar.status) and not evicts
        return said if leads_nowhere or appeared or lost else None

    def flaw_of_nar(self, url: str, path: str, evicts: bool) -> str | None:
        """Of a NAR that may wait for its narinfo."""
        promise = self.nars[path]
        known, changes = promise.known, promise.changes
        nar = raw.get(url, self.cache.nar_url(path), timeout=PATIENCE)
        if nar.ending != raw.COMPLETE or promise.changes != changes:
            return None
        wanted = {Known.ABSENT: {404}, Known.PRESENT: {200}, Known.OPEN: {200, 404}}[known] | ({404} if evicts else set())
        good = nar.status in wanted and (nar.status == 404 or nar.body == self.cache.nar_bytes(path))
        return None if good else f"the NAR of {path}: {nar.status}, it was {known.value}"

    def flaw_of_pins(self, url: str) -> str | None:
        """While nobody pins."""
        listed = json.loads(raw.get(url, "/pins", timeout=PATIENCE).body)
        wrong = [path for path, pin in self.pins.items()
                 if pin.known is not Known.OPEN and (hash_of(path) in listed) != (pin.known is Known.PRESENT)]
        return f"pins {listed}, but not as acknowledged: {wrong}" if wrong else None

    def flaw_of_log(self, url: str, target: str, evicts: bool) -> str | None:
        promise = self.logs[target]
        known, may_be, changes = promise.known, promise.may_be, promise.changes
        answer = raw.get(url, target, timeout=PATIENCE)
        if answer.ending != raw.COMPLETE or promise.changes != changes:
            return None
        if answer.status == 404:
            return f"{target}: 404, it was there" if known is Known.PRESENT and not evicts else None
        good = answer.status == 200 and known is not Known.ABSENT and answer.body in may_be
        return None if good else f"{target}: {answer.status} {answer.body[:80]!r}, it was {known.value}, {may_be}"


class Uploader:
    """Sends and removes what is its own, at random, until it is told to leave or the server is gone."""

    def __init__(self, url: str, ledger: Ledger, number: int, seed: str, evicts: bool) -> None:
        self.url, self.ledger, self.number, self.evicts = url, ledger, number, evicts
        self.dice = Random(f"{seed}/uploader/{number}")
        self.done, self.removed, self.refused, self.pinned = 0, 0, 0, 0
        self.broken_off = False
        self.ending = threading.Event()  # the server has been told to stop: it may refuse
        self.findings: list[str] = []
        self.said = b""  # the last answer to a PUT

    def run(self, leave: threading.Event) -> None:
        try:
            while not leave.is_set():
                self.step()
        except (raw.Ended, OSError, ValueError):
            self.broken_off = True

    def step(self) -> None:
        """One thing that it does."""
        paths = self.ledger.paths[self.number::UPLOADERS]
        logs = list(self.ledger.logs)[self.number::UPLOADERS]
        chance = self.dice.random()
        if chance < 0.2:
            self.remove(self.dice.choice(paths))
        elif chance < 0.25:
            self.send_and_pin(paths[0])
        elif chance < 0.35:
            self.send_log(self.dice.choice(logs))
        else:
            self.send_path(self.dice.choice(paths))

    def put(self, target: str, body: bytes, half: bool = False) -> int:
        """The status; 0 if this side left in the middle of the body."""
        with raw.Connection(self.url, timeout=PATIENCE) as connection:
            middle = self.dice.randrange(len(body))
            connection.request("PUT", target, {"Content-Length": str(len(body)), "Connection": "close"}, body[:middle])
            time.sleep(self.dice.uniform(0, PAUSE))
            if half:
                return 0
            connection.send(body[middle:])
            answer = connection.read_answer()
            self.said = answer.body[:200]
            return answer.status

    def send_path(self, path: str) -> None:
        ledger, cache = self.ledger, self.ledger.cache
        nar, narinfo = ledger.nars[path], ledger.narinfos[path]
        if self.dice.random() < 0.1:  # leaves in the middle: what was, stays
            self.put(cache.nar_url(path), cache.nar_bytes(path), half=True)
            return
        if not self.send(nar, cache.nar_url(path), cache.nar_bytes(path), {503, 507}):
            return
        if self.dice.random() < 0.1:
            return  # the narinfo comes another time
        text = (cache.folder / f"{hash_of(path)}.narinfo").read_bytes()
        self.send(narinfo, narinfo_target(path), text, {422, 503, 507})

    def send(self, thing: Thing, target: str, body: bytes, when_full: set[int]) -> bool:
        if thing.known is Known.ABSENT:
            thing.now(Known.OPEN, body)
        thing.puts += 1
        try:
            status = self.put(target, body)
        finally:
            thing.puts += 1
        if status == 204:
            thing.now(Known.PRESENT, body)
            self.done += 1
        elif self.evicts and status in when_full:
            self.refused += 1
        elif not self.ending.is_set():
            self.findings.append(f"PUT {target}: {status} {self.said!r}, limit: {self.evicts}")
        return status == 204

    def send_log(self, target: str) -> None:
        log = self.ledger.logs[target]
        body = f"{self.dice.random()} built\n".encode() * self.dice.randint(1, 400)
        log.now(Known.OPEN, *log.may_be, body)
        if (status := self.put(target, body)) == 204:
            log.now(Known.PRESENT, body)
            self.done += 1
        elif self.evicts and status in (503, 507):
            self.refused += 1
        elif not self.ending.is_set():
            self.findings.append(f"PUT {target}: {status} {self.said!r}, limit: {self.evicts}")

    def send_and_pin(self, path: str) -> None:
        if self.ledger.narinfos[path].known is not Known.PRESENT:
            self.send_path(path)
        self.pin(path)

    def pin(self, path: str) -> None:
        """Or end it."""
        pin = self.ledger.pins[path]
        before, adds = pin.known, self.dice.random() < 0.7
        pin.now(Known.OPEN)
        status = raw.ask(self.url, "POST" if adds else "DELETE", f"/pin/{hash_of(path)}.narinfo", timeout=PATIENCE).status
        if status == 200:
            pin.now(Known.PRESENT if adds else Known.ABSENT)
            self.pinned += 1
        elif status == 404:  # there is no such path; or it was not pinned
            pin.now(before if adds else Known.ABSENT)
        elif not self.ending.is_set():
            self.findings.append(f"pin {path}: {status}")

    def remove(self, path: str) -> None:
        """By its narinfo, or, where it has one for certain, by its NAR."""
        nar, narinfo = self.ledger.nars[path], self.ledger.narinfos[path]
        sure = narinfo.known is Known.PRESENT and not self.evicts
        by_nar = sure and self.dice.random() < 0.5
        target = self.ledger.cache.nar_url(path) if by_nar else narinfo_target(path)
        for thing in (nar, narinfo):
            thing.now(Known.OPEN)
        status = raw.ask(self.url, "DELETE", target, timeout=PATIENCE).status
        if status in (204, 404):
            narinfo.now(Known.ABSENT)
            self.removed += status == 204
        if status == 204 and sure:  # the NAR went with it; else it may never have been led to
            nar.now(Known.ABSENT)
        if (status == 404 and sure) or (status not in (204, 404) and not self.ending.is_set()):
            self.findings.append(f"DELETE {target}: {status}, surely there: {sure}")
