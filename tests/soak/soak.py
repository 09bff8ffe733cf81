"""The course of a soak: faults and clients, then rest, then all must be well."""
from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Callable, Iterable

from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.ncps import Ncps, has_option
from tests.e2e.lab.waiting import eventually

from . import usage
from .clients import Run, served_at_once
from .faults import HEAD_PATIENCE
from .judge import LEAKED, LEFT_OVER, NOT_SERVED, Finding, Judge
from .world import World

IDLE_CONNECTIONS = 64  # that the server may keep to its upstreams
QUIET = 5.0            # seconds in which nothing happens: rest
MEMORY = 2             # seconds for which the server remembers a 404, where it does


@dataclass
class Outcome:
    seed: int
    runs: int
    seconds: float
    upstream_requests: int
    met: dict[str, int]
    answers: dict[str, int]
    findings: list[Finding]
    slowest: tuple[float, str]             # seconds, what was asked
    rss: tuple[int, int] = (0, 0)          # bytes: before the first run, after the last
    descriptors: tuple[int, int] = (0, 0)  # the same

    def count(self, kind: str) -> int:
        return sum(finding.kind == kind for finding in self.findings)


def open_now(proxy: Ncps) -> int:
    """Descriptors; without those of small NARs, which stay open for a minute."""
    assert proxy.process
    counts = usage.descriptors(Path(f"/proc/{proxy.process.pid}/fd"), proxy.home.resolve())
    return sum(counts.values()) - counts["nars_open"]


def in_parallel(work: Callable[[int, str], None], items: Iterable[tuple[int, str]], threads: int) -> None:
    left: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
    for item in items:
        left.put(item)
    errors: list[BaseException] = []

    def take() -> None:
        with contextlib.suppress(queue.Empty):
            while not errors:
                number, path = left.get_nowait()
                try:
                    work(number, path)
                except BaseException as error:  # a soak that stumbles must not look like one that passed
                    errors.append(error)

    made = [threading.Thread(target=take, daemon=True) for _ in range(threads)]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()
    if errors:
        raise errors[0]


def visit(world: World, judge: Judge, url: str, clients: int, seconds: float | None = None,
          tell: Callable[[str], None] = lambda text: None) -> int:
    """All runs, or those that begin in that time. How many there were."""
    begin, done, lock = time.monotonic(), 0, threading.Lock()

    def run(number: int, path: str) -> None:
        nonlocal done
        if seconds is not None and time.monotonic() - begin > seconds:
            return
        Run(judge, url, path, Random(f"{world.seed}/run/{number}")).go()
        with lock:
            done += 1
            if done % 100 == 0:
                tell(f"{done} runs, {time.monotonic() - begin:.0f} s, {len(judge.findings)} findings")

    in_parallel(run, enumerate(world.paths), clients)
    return done


def open_spools(proxy: Ncps) -> int:
    """Downloads that are going on: files in store/tmp that the process holds."""
    assert proxy.process
    found, folder = 0, str((proxy.storage / "store/tmp").resolve())
    for fd in Path(f"/proc/{proxy.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            name = os.readlink(fd)
            found += name.startswith(folder) and not name.endswith("/lock")
    return found


def wait_for_rest(world: World, proxy: Ncps, quiet_for: float = QUIET) -> None:
    """Until nothing is downloaded and no upstream has been asked for a while."""
    quiet_since, seen = time.monotonic(), -1

    def quiet() -> bool:
        nonlocal quiet_since, seen
        now = world.requests()
        if now != seen or open_spools(proxy):
            quiet_since, seen = time.monotonic(), now
        return time.monotonic() - quiet_since > quiet_for

    eventually(quiet, "the server comes to rest", within=120, every=0.2)


def check_recovery(world: World, judge: Judge, url: str, clients: int) -> None:
    """Every path is served by the first request; one that every upstream said missing may be
    remembered as missing for a while."""
    remembered = [path for path in world.paths
                  if has_option("--cache-negative-ttl") and _all_said_missing(world, path)]
    in_parallel(lambda _, path: served_at_once(judge, url, path),
                ((n, path) for n, path in enumerate(world.paths) if path not in set(remembered)), clients)
    for path in remembered:
        other = Judge(world)
        try:
            eventually(lambda: served_at_once(other, url, path), path, within=MEMORY + 8, every=0.5)
        except AssertionError:
            judge.find(NOT_SERVED, f"{path}: missing for ever")


def _all_said_missing(world: World, path: str) -> bool:
    return all(place.said_missing(narinfo_target(path)) for place in world.places)


def options() -> list[str]:
    made = [f"--cache-upstream-response-header-timeout={int(HEAD_PATIENCE * 1000)}ms"]
    return made + [f"--cache-negative-ttl={MEMORY}s"] * has_option("--cache-negative-ttl")


def soak(home: Path, runs: int, seed: int, clients: int, seconds: float | None = None,
         tell: Callable[[str], None] = lambda text: None) -> Outcome:
    with World.of(runs, seed) as world:
        world.bewitch()
        judge = Judge(world)
        proxy = Ncps(home, upstreams=[(place.server.url, world.key) for place in world.places],
                     log_level="info", more=options())
        with contextlib.ExitStack() as stack:
            stack.callback(proxy.kill9)
            proxy.start()
            rss, descriptors = proxy.rss(), open_now(proxy)
            begin = time.monotonic()
            done = visit(world, judge, proxy.url, clients, seconds, tell)
            tell(f"{done} runs done, waiting for rest")
            wait_for_rest(world, proxy)
            met = world.met()
            world.heal()
            check_recovery(world, judge, proxy.url, clients)
            took = time.monotonic() - begin
            wait_for_rest(world, proxy)
            after = proxy.rss(), open_now(proxy)
            if after[1] > descriptors + IDLE_CONNECTIONS:
                judge.find(LEAKED, f"{descriptors} before, {after[1]} after")
            if proxy.stop(within=60) != 0:
                raise AssertionError(f"the server did not stop well\n{proxy.tail()}")
            for file in proxy.temporary_files():
                judge.find(LEFT_OVER, str(file))
            judge.stored(proxy.stored_nars(), proxy.stored_narinfos())
        return Outcome(seed, done, took, world.requests(), met, dict(judge.answers), judge.findings,
                       judge.slowest, (rss, after[0]), (descriptors, after[1]))
