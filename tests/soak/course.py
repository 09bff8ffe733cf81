"""The course of a long run: generations of new paths under faults and mixed load, rests between them, and samples."""
from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Callable, Iterator

from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.closure import signing_key
from tests.e2e.lab.tls import authority
from tests.e2e.lab.upstream import Upstream
from tests.e2e.lab.waiting import eventually

from .endless import Batch, empty_cache, lay_out
from .faults import File, Spell, spells
from .judge import BROKE_OFF, FAILING, LEFT_OVER, NOT_SERVED, STRANGE, Finding, Judge
from .mix import LongRun, Uploads, copy_by_nix, visit_again, wander
from .server import LongServer
from .soak import in_parallel, options, wait_for_rest
from .throttle import Throttle, cpu_of, cpu_of_this
from .usage import usage
from .world import Place, World

CLIENTS = 12
LAID_OUT = 4      # generations whose files the upstreams have
CALM = 3          # each so manieth generation is one without faults: there nothing may fail
BEWITCHED = 0.3   # of the paths of the others have spells
SLOW = {"stall", "late head", "slow drip", "Retry-After"}  # kinds that take their time
UPLOAD_KEY = "uploads.example-1"


@dataclass(frozen=True)
class Plan:
    seconds: float
    load: float = 0.25        # of one core: server, clients and upstreams together
    seed: int = 1
    paths: int = 150          # of a generation
    rest_every: float = 120   # seconds at least
    sample_every: float = 60
    quiet: float = 3          # seconds in which nothing happens: rest
    rests: int = 9            # at least
    slow_faults: bool = True
    tls: bool = False
    limit: int = 32 << 20     # bytes that it may keep: room is made all the time


@dataclass
class Outcome:
    seconds: float = 0
    generations: int = 0
    paths: int = 0
    requests: int = 0
    sent: int = 0            # bytes of bodies
    upstream_requests: int = 0
    evicted: int = 0         # NARs
    reloads: int = 0
    cpu: float = 0           # seconds, of the server
    cpu_of_all: float = 0
    met: Counter = field(default_factory=Counter)
    answers: Counter = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    said: Counter = field(default_factory=Counter)   # lines of the log: (level, message)
    samples: list[dict[str, int]] = field(default_factory=list)
    at_rest: list[dict[str, int]] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "nothing")


class Generation(World):
    """New paths at the same upstreams."""

    def __init__(self, seed: str, batch: Batch, servers: list[Upstream], mirrors: list[Upstream], slow_faults: bool) -> None:
        xz, none = batch.caches
        super().__init__(seed, batch.closure, [Place(cache, server, mirror, {}) for cache, server, mirror
                                               in zip((xz, xz, none), servers, mirrors)])
        self.batch, self._slow_faults = batch, slow_faults
        self.judge = Judge(self)
        self.clean: list[str] = []  # paths without any spell, once they have been asked for

    def _spells(self, dice: Random, file: File) -> list[Spell]:
        if dice.random() > BEWITCHED:
            return []
        return [spell for spell in spells(dice, file) if self._slow_faults or spell.kind not in SLOW]

    def note_clean(self) -> None:
        """Whatever happens to others, these are there."""
        self.clean = [path for path in self.paths if not any(
            place.spells.get(target) for place in self.places for target in (narinfo_target(path), place.cache.nar_url(path)))]


class Course:
    def __init__(self, home: Path, plan: Plan, tell: Callable[[str], None]) -> None:
        self.home, self.plan, self.tell = home, plan, tell
        self.outcome = Outcome()
        self.key, self.upload_key = signing_key(), signing_key(UPLOAD_KEY)
        self.folders = {part: empty_cache(home / part) for part in ("xz", "none")}
        self.uploaded = empty_cache(home / "uploaded")
        places = [self.folders[part] for part in ("xz", "xz", "none")]
        self.servers, self.mirrors = [Upstream(place) for place in places], [Upstream(place) for place in places]
        self.kept: deque[Generation] = deque()
        self.begin = time.monotonic()

    # --- from the beginning to the end ---

    def run(self) -> Outcome:
        with contextlib.ExitStack() as stack:
            for upstream in (*self.servers, *self.mirrors):
                stack.enter_context(upstream)
            self.server = LongServer.made(self.home / "ncps", [(one.url, self.key.public) for one in self.servers],
                                          [f"--cache-max-size={self.plan.limit}B", *options(), f"--cache-trusted-upload-key={self.upload_key.public}", *self.secured()])
            stack.callback(self.server.kill9)
            self.server.start()
            self.nix_key = self.server.pubkey()
            used = cpu_of_this()
            self.throttle = Throttle(self.plan.load, self.cpu)
            with self.sampled():
                try:
                    self.generations()
                except KeyboardInterrupt:
                    self.tell("told to end")
                except AssertionError as error:  # what was seen until then is not lost
                    self.outcome.findings.append(Finding(STRANGE, f"{error}\n{self.server.tail()}"))
            self.outcome.cpu, self.outcome.cpu_of_all = cpu_of(self.server.process.pid), self.cpu() - used
            self.end()
        self.outcome.seconds = time.monotonic() - self.begin
        return self.outcome

    def secured(self) -> list[str]:
        if not self.plan.tls:
            return []
        certificate = authority().sign("IP:127.0.0.1")
        return [f"--server-tls-cert={certificate.file}", f"--server-tls-key={certificate.key}"]

    def cpu(self) -> float:
        return cpu_of(self.server.process.pid) + cpu_of_this()

    def generations(self) -> None:
        last_rest, number = time.monotonic(), 0
        while time.monotonic() - self.begin < self.plan.seconds or len(self.outcome.at_rest) < self.plan.rests:
            self.generation(number, calm=number % CALM == CALM - 1)
            if time.monotonic() - last_rest >= self.plan.rest_every:
                self.rest()
                last_rest = time.monotonic()
            number += 1

    def generation(self, number: int, calm: bool) -> None:
        seed = f"{self.plan.seed}-{number}"
        batch = lay_out(self.home, f"batch-{seed}", self.plan.paths, self.folders, self.key)
        world = Generation(seed, batch, self.servers, self.mirrors, self.plan.slow_faults)
        judge, uploads = world.judge, Uploads(self.home, self.server.url, f"uploads-{seed}", self.upload_key, self.uploaded)
        self.kept.append(world)
        if calm:
            self.server.wait_idle()
        else:
            world.bewitch()
        in_parallel(lambda n, path: self.one(world, n, path, uploads, calm), enumerate(world.paths), CLIENTS)
        uploads.end(judge)
        world.heal()
        self.harvest(world, calm)
        self.outcome.generations += 1
        self.outcome.paths += len(world.paths)
        if len(self.kept) > LAID_OUT:
            self.kept.popleft().batch.forget()

    def one(self, world: Generation, number: int, path: str, uploads: Uploads, calm: bool) -> None:
        """What comes with one path: itself, and a little of all else."""
        self.throttle.wait()
        url, dice = self.server.url, Random(f"{world.seed}/run/{number}")
        LongRun(world.judge, url, path, dice).go()
        wander(world.judge, url, dice)
        uploads.step(world.judge)
        old = dice.choice(self.kept)
        if old.clean:
            visit_again(old.judge, url, dice.choice(old.clean))
        if number == self.plan.paths // 3:
            self.server.reload()
            self.outcome.reloads += 1
        if number == self.plan.paths // 2:
            done = copy_by_nix(world.judge, url, self.home, self.nix_key, path, authority().file if self.plan.tls else None)
            if calm and not done:
                world.judge.find(NOT_SERVED, f"{path}: `nix copy` failed where nothing had")

    def harvest(self, world: Generation, calm: bool) -> None:
        """What was seen since the last time."""
        failed = Counter()
        for judge in (one.judge for one in self.kept):
            self.outcome.answers.update(judge.answers)
            self.outcome.findings += judge.findings
            self.outcome.slowest = max(self.outcome.slowest, judge.slowest)
            failed.update({what: count for what, count in judge.answers.items()
                           if what == BROKE_OFF or what in (f"status {status}" for status in FAILING)})
            judge.answers.clear()
            judge.findings.clear()
        if calm and failed:
            self.outcome.findings.append(Finding(STRANGE, f"without faults, in generation {world.seed}: {dict(failed)}"))
        self.outcome.met.update(world.met())
        self.outcome.upstream_requests += world.requests()
        for server in (*self.servers, *self.mirrors):
            server.forget()
        world.note_clean()

    # --- samples ---

    @contextlib.contextmanager
    def sampled(self) -> Iterator[None]:
        """Under load, now and then."""
        leave = threading.Event()

        def sample() -> None:
            while not leave.wait(self.plan.sample_every):
                self.sample()

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            leave.set()
            thread.join()

    def sample(self) -> dict[str, int]:
        made = usage(self.server) | {"second": int(time.monotonic() - self.begin), "paths": self.outcome.paths}
        self.outcome.samples.append(made)
        return made

    def rest(self) -> None:
        """Until what was under way is done; then all is as it is kept."""
        wait_for_rest(self.kept[-1], self.server, self.plan.quiet)
        self.server.wait_idle()
        try:
            eventually(lambda: usage(self.server)["store_bytes"] <= self.plan.limit, "the limit is held", every=0.5)
        except AssertionError as error:
            self.outcome.findings.append(Finding(STRANGE, str(error)))
        made = self.sample()
        self.outcome.at_rest.append(made)
        self.tell(f"{made['second']:6} s  {made['paths']:7,} paths, {made['rss'] / (1 << 20):6.1f} MiB, "
                  f"{made['threads']} threads, {made['sockets']} sockets, {len(self.outcome.findings)} findings")

    def end(self) -> None:
        last = self.server.metrics()
        self.outcome.requests = int(last.sum("http_server_requests_total"))
        self.outcome.sent = int(last.sum("ncps_http_sent_bytes_total"))
        self.outcome.evicted = int(last.sum("ncps_lru_nar_files_evicted_total"))
        if (status := self.server.stop(within=60)) != 0:
            raise AssertionError(f"the server did not stop well: {status}\n{self.server.tail()}")
        self.outcome.findings += [Finding(LEFT_OVER, str(file)) for file in self.server.temporary_files()]
        self.outcome.said.update(self.server.said)
