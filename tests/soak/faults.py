"""The kinds of faults of a soak, and the seeded dice that choose among them. Pure.

A spell is what one upstream does to one file for so many requests, or for ever. The spells of a
path follow from the seed and its number alone: the same seed makes the same faults, whoever asks
first.
"""
from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Callable

MISSING = (404, 403, 410)  # statuses that say: I do not have it
HEAD_PATIENCE = 1.0        # seconds that the server under test waits for a head, at first


@dataclass(frozen=True)
class File:
    """A file at one upstream."""
    target: str    # its path there
    data: bytes
    other: bytes   # another file of that kind
    mirror: str    # a URL where the right one is served without faults
    nowhere: str   # a URL where nobody listens


@dataclass(frozen=True)
class Spell:
    kind: str
    what: dict           # arguments of lab.faults.Fault
    times: int | None    # requests; None: for ever

    @property
    def corrupts(self) -> bool:
        """Bytes that are not those of the file come as if they were."""
        return self.kind in CORRUPTING

    def sent(self, data: bytes) -> bytes:
        """The body as it looks to a client that has no other way to know: what ends cleanly."""
        data = self.what.get("body", data)[:self.what.get("truncate_to")]
        if self.what.get("http10"):
            data = data[:self.what.get("cut_at")]
        flip = self.what.get("flip_at")
        if flip is not None and flip < len(data):
            data = data[:flip] + bytes([data[flip] ^ self.what.get("flip_mask", 0xFF)]) + data[flip + 1:]
        return data


def _place(dice: Random, file: File) -> int:
    """An offset in the file: its ends and its middle more often than the rest."""
    last = len(file.data) - 1
    return dice.choice([0, min(1, last), last // 2, last, dice.randint(0, last), dice.randint(0, last)])


def _status(dice: Random, file: File) -> dict:
    return {"status": dice.choice([500, 500, 502, 503, 504, 400, 408, 418, 202, 204, 304, 301])}


def _retry_after(dice: Random, file: File) -> dict:
    return {"status": dice.choice([429, 503]), "headers": {"Retry-After": dice.choice(["0", "1", "99999", "soon"])}}


def _redirect(dice: Random, file: File) -> dict:
    return {"redirect": dice.choice([file.mirror, file.mirror, file.nowhere, file.target])}  # the last: a loop


def _auth(dice: Random, file: File) -> dict:
    return {"status": 401, "headers": {"WWW-Authenticate": 'Basic realm="soak"'}}


def _broken_range(dice: Random, file: File) -> dict:
    """Cut, so that it is resumed; the resume is ignored, or answered with other bytes."""
    return {"cut_at": _place(dice, file)} | dice.choice([{"ignore_range": True}, {"range_shift": dice.randint(1, 99)}])


GARBAGE = (b"", b"\0" * 40, b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\nx", b"<html>busy</html>",
           b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello", b"HTTP/1.1 200 OK\r\n")

# kind: how often, and what it is made of
KINDS: dict[str, tuple[int, Callable[[Random, File], dict]]] = {
    "delay": (3, lambda dice, file: {"delay": dice.uniform(0.01, 0.4)}),
    "late head": (1, lambda dice, file: {"delay": HEAD_PATIENCE + dice.uniform(0.2, 1.5)}),
    "stall": (1, lambda dice, file: {"stall_at": _place(dice, file)}),
    "cut": (4, lambda dice, file: {"cut_at": _place(dice, file)}),
    "no terminator": (3, lambda dice, file: {"cut_at": _place(dice, file), "chunked": True}),
    "reset": (4, lambda dice, file: {"cut_at": _place(dice, file), "reset": True}),
    "no answer": (3, lambda dice, file: {"drop": True}),
    "garbage": (2, lambda dice, file: {"garbage": dice.choice(GARBAGE)}),
    "bit flip": (5, lambda dice, file: {"flip_at": _place(dice, file), "flip_mask": 1 << dice.randrange(8)}),
    "wrong file": (4, lambda dice, file: {"body": file.other}),
    "truncated": (4, lambda dice, file: {"truncate_to": _place(dice, file), "chunked": dice.random() < 0.5}),
    "bytes after the end": (2, lambda dice, file: {"body": file.data + dice.randbytes(dice.choice([1, 5000]))}),
    "wrong status": (5, _status),
    "says missing": (4, lambda dice, file: {"status": dice.choice(MISSING)}),
    "Retry-After": (2, _retry_after),
    "redirect": (3, _redirect),
    "wants credentials": (2, _auth),
    "slow drip": (1, lambda dice, file: {"rate": max(50.0, len(file.data) / dice.uniform(0.5, 4))}),
    "broken range": (3, _broken_range),
    "HTTP/1.0 until close": (2, lambda dice, file: {"http10": True}),
    "HTTP/1.0 cut": (2, lambda dice, file: {"http10": True, "cut_at": _place(dice, file)}),
    "wrong Content-Encoding": (1, lambda dice, file: {"headers": {"Content-Encoding": "gzip"}}),
}
CORRUPTING = {"bit flip", "wrong file", "truncated", "bytes after the end", "broken range", "HTTP/1.0 cut", "garbage"}


def spells(dice: Random, file: File) -> list[Spell]:
    """None in two of five cases, else up to three, one after the other; the last one may stay for ever."""
    if dice.random() < 0.4:
        return []
    kinds, weights = list(KINDS), [weight for weight, _ in KINDS.values()]
    made = []
    for kind in dice.choices(kinds, weights, k=dice.randint(1, 3)):
        made.append(Spell(kind, KINDS[kind][1](dice, file), dice.randint(1, 3)))
    if dice.random() < 0.4:
        made[-1] = Spell(made[-1].kind, made[-1].what, None)
    return made
