"""What an upstream can be told to do wrong.

Offsets count from the beginning of the file, also in the answer to a Range request: bytes from
`cut_at` on are never sent, so that a resuming client makes no progress past it.
"""
from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Mapping

BOTH = ("GET", "HEAD")


class Gate:
    """Holds a transfer at an offset until opened. `reached` is set when the first one waits."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    def wait(self, stopping: threading.Event) -> None:
        self.reached.set()
        while not self._open.wait(0.05) and not stopping.is_set():
            pass


@dataclass(frozen=True)
class Fault:
    name: str = ""                         # how the request log calls it
    delay: float = 0                       # seconds before the head
    status: int | None = None              # answer with this status and a short text
    headers: Mapping[str, str] = field(default_factory=dict)  # more headers
    redirect: str | None = None            # 302 to this Location
    drop: bool = False                     # close the connection instead of an answer
    rate: float | None = None              # bytes per second
    gate: Gate | None = None               # wait for it after gate_at bytes (0: after the head)
    gate_at: int = 0
    cut_at: int | None = None              # end the connection before this byte ...
    reset: bool = False                    # ... with a reset instead of a clean close
    stall_at: int | None = None            # send nothing from this byte on, keep the connection
    flip_at: int | None = None             # change this byte ...
    flip_mask: int = 0xFF                  # ... in these bits
    truncate_to: int | None = None         # the file is that short, with a Content-Length that says so
    body: bytes | Path | None = None       # another content
    ignore_range: bool = False             # answer 200 with everything to a Range request
    range_shift: int = 0                   # to a Range send bytes from that much earlier, as if they were right
    chunked: bool = False                  # no Content-Length; with cut_at: without the last chunk
    http10: bool = False                   # HTTP/1.0, no length, the end is a close: a cut cannot be seen
    garbage: bytes | None = None           # these bytes instead of an answer, and a close
    encoding: str | None = None            # Content-Encoding (zstd, gzip) for who accepts it and wants no Range


@dataclass
class _Rule:
    suffix: str
    fault: Fault
    left: int | None
    methods: tuple[str, ...]


class Faults:
    """Rules by end of path, newest first; each for the next `times` requests or for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def add(self, suffix: str, fault: Fault, times: int | None = None, methods: tuple[str, ...] = BOTH) -> None:
        with self._lock:
            self._rules.insert(0, _Rule(suffix, fault, times, methods))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def take(self, method: str, path: str, usual: Fault) -> Fault:
        """The fault for one request; counts it."""
        with self._lock:
            for rule in self._rules:
                if method in rule.methods and path.endswith(rule.suffix) and rule.left != 0:
                    if rule.left is not None:
                        rule.left -= 1
                    chosen = rule.fault
                    break
            else:
                return usual
        return replace(chosen, delay=chosen.delay or usual.delay, rate=chosen.rate or usual.rate)
