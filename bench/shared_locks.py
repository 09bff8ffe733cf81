"""Locks that more than one io thread takes, by valgrind's drd, which writes down each lock with its address and its thread."""
from __future__ import annotations

import contextlib
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Callable

from tests.e2e.lab import raw

# "==7== [3] post_mutex_lock mutex 0x5d0b2a8 rc 0 owner 3", and the same of read-write locks
TAKEN = re.compile(r"^==\d+== \[(\d+)\] post_\w+\s+\S+ (0x[0-9a-f]+)", re.MULTILINE)


def tool(log: Path) -> list[str]:
    """The command in front of a server."""
    return ["valgrind", "--tool=drd", "--fair-sched=yes", "--check-stack-var=no", "--trace-mutex=yes", "--trace-rwlock=yes", f"--log-file={log}", "--quiet"]


class Taken:
    """Locks of a stretch: how often each was taken by each thread."""

    def __init__(self, log: Path, work: Callable[[], int]) -> None:
        """`work` returns how many requests it made."""
        before = log.stat().st_size
        self.requests = work()
        self.by_lock: dict[str, Counter[str]] = defaultdict(Counter)
        with log.open(errors="replace") as file:
            file.seek(before)
            for thread, lock in TAKEN.findall(file.read()):
                self.by_lock[lock][thread] += 1

    def busy_threads(self) -> set[str]:
        """Those that took a lock for each tenth of the requests: where these are hits of narinfos, the io threads."""
        total = sum(self.by_lock.values(), Counter())
        return {thread for thread, times in total.items() if times >= self.requests / 10}

    def shared_for_each(self, threads: set[str]) -> float:
        """How many locks a request takes of those that several of these threads take, again and again: once in 20 requests. What a thread
        takes of another's now and then, as to tell it something, does not count."""
        times, least = 0, max(8.0, self.requests / 20)
        for by_thread in self.by_lock.values():
            often = [count for thread, count in by_thread.items() if thread in threads and count >= least]
            times += sum(often) if len(often) > 1 else 0
        return times / self.requests


CONNECTIONS = 8


def for_each_hit(url: str, log: Path, kinds: dict[str, list[str]], requests: int) -> dict[str, float]:
    """By kind, of which the first must be narinfos: how many locks a hit takes that several io threads take. The connections ask in
    turns, so that all io threads are asked."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(raw.Connection(url, timeout=120)) for _ in range(CONNECTIONS)]

        def ask(targets: list[str], count: int) -> int:
            for number in range(count):
                answer = connections[number % CONNECTIONS].ask("GET", targets[number // CONNECTIONS % len(targets)])
                assert answer.status == 200 and answer.ending == raw.COMPLETE, answer.head
            return count

        shared, io = {}, None
        for kind, targets in kinds.items():
            ask(targets, 2 * CONNECTIONS * len(targets))  # each connection has had each of them twice
            taken = Taken(log, lambda: ask(targets, requests))
            io = io or taken.busy_threads()
            assert len(io) > 1, "one thread serves all of them: nothing could be shared"
            shared[kind] = taken.shared_for_each(io)
        return shared
