"""Several instances under load while one part after the other fails: python3 -m tests.soak.several, see README.md."""
from __future__ import annotations

import argparse
import contextlib
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Callable

from tests.e2e.lab import raw
from tests.e2e.lab.client import NixClient
from tests.e2e.lab.closure import remove_tree
from tests.e2e.lab.ncps import BINARY
from tests.e2e.lab.several import LEASE, Clients, Several, Wrong, closure_of
from tests.e2e.lab.waiting import eventually

from . import report

ROOT = Path(__file__).resolve().parents[2]
FAILED = (AssertionError, OSError, raw.Ended)
HELD = 2 * LEASE     # seconds that a fault lasts, at least
PATIENCE = 60        # seconds, for everything to be well again
CLIENTS = 8
NEW = 0.02           # of what clients ask for


@dataclass(frozen=True)
class Fault:
    """`begin` makes it, `end` takes it away."""
    name: str
    begin: Callable[[Several, int], None]
    end: Callable[[Several, int], None]


def _kill(several: Several, number: int) -> None:
    several.instances[number].kill9()


def _start(several: Several, number: int) -> None:
    several.instances[number].start()


def _signal(what: int) -> Callable[[Several, int], None]:
    return lambda several, number: several.instances[number].send_signal(what)


def _stop_well(several: Several, number: int) -> None:
    several.instances[number].send_signal(signal.SIGTERM)


def _start_after_stop(several: Several, number: int) -> None:
    several.instances[number].wait(60)
    several.instances[number].start()


def _wire(part: str, what: str, everywhere: bool = False) -> Callable[[Several, int], None]:
    def do(several: Several, number: int) -> None:
        for (whose, name), wire in several.cluster.wires.items():
            if name == part and (everywhere or whose == number):
                getattr(wire, what)()
    return do


def _between(part: str, what: str, everywhere: bool = False) -> Fault:
    where = "all instances" if everywhere else "an instance"
    return Fault(f"{part}: {what} off from {where}" if what == "cut" else f"{part}: nothing carried to {where}",
                 _wire(part, what, everywhere), _wire(part, "mend", everywhere))


def _half_carried(part: str) -> Fault:
    def begin(several: Several, number: int) -> None:
        several.cluster.wires[number, part].stall("back")
    return Fault(f"{part}: its answers do not arrive at an instance", begin, _wire(part, "mend"))


FAULTS = [
    Fault("instance: kill -9", _kill, _start),
    Fault("instance: SIGSTOP beyond its leases", _signal(signal.SIGSTOP), _signal(signal.SIGCONT)),
    Fault("instance: restarted with SIGTERM", _stop_well, _start_after_stop),
    Fault("redis: kill -9, its data lost", lambda several, _: several.redis.kill9(),
          lambda several, _: several.redis.start()),
    Fault("redis: SIGSTOP", lambda several, _: several.redis.pause(), lambda several, _: several.redis.resume()),
    Fault("database: kill -9", lambda several, _: several.database.kill9(), lambda several, _: several.database.start()),
    Fault("upstream: away", lambda several, _: several.upstream.stop(), lambda several, _: several.upstream.start()),
    *[_between(part, what) for part in ("redis", "database") for what in ("cut", "stall")],
    *[_between(part, what, everywhere=True) for part in ("redis", "database") for what in ("cut", "stall")],
    *[_half_carried(part) for part in ("redis", "database")],
]
OF_A_BUCKET = [*[_between("store", what, everywhere) for what in ("cut", "stall") for everywhere in (False, True)],
               _half_carried("store")]


def course(seed: int, bucket: bool) -> list[tuple[Fault, int]]:
    """Every fault, in an order of that seed, each at an instance of its choice; for ever."""
    dice = Random(f"several/{seed}/{bucket}")
    faults = [*FAULTS, *OF_A_BUCKET] if bucket else list(FAULTS)
    made = []
    for _ in range(100):
        dice.shuffle(faults)
        made += [(fault, dice.randrange(3)) for fault in faults]
    return made


@dataclass
class Outcome:
    seed: int
    seconds: float = 0
    findings: list[str] = field(default_factory=list)
    recovered: dict[str, list[float]] = field(default_factory=dict)  # seconds, by fault
    meanwhile: dict[str, Counter] = field(default_factory=dict)      # what clients saw, by fault
    transfers: list[float] = field(default_factory=list)             # of each NAR, while nothing failed
    nix: int = 0                                                     # closures that real clients have copied


class Load:
    """Clients that pull what is new and what is known, all the time, and remember what failed."""

    def __init__(self, several: Several, home: Path, dice: Random, outcome: Outcome) -> None:
        self._several, self._home, self._outcome = several, home, outcome
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        paths = list(several.made.paths)
        self._probes, self._fresh = paths[::3], [path for n, path in enumerate(paths) if n % 3]
        self._known: list[str] = []
        self.failed: set[str] = set()
        self.seen: Counter = Counter()
        self._key = several.instances[0].pubkey()
        works = [lambda seed=dice.random(): self._repeat(self._pull, Random(seed)) for _ in range(CLIENTS)]
        works += [lambda seed=dice.random(): self._repeat(self._nix, Random(seed))]
        self._clients = Clients(works)

    def stop(self) -> None:
        self._stopping.set()
        for error in self._clients.join():
            self._outcome.findings.append(repr(error))

    def probe(self) -> str:
        """What nobody has asked for yet."""
        with self._lock:
            return self._probes.pop()

    def has_more(self) -> bool:
        with self._lock:
            return len(self._probes) >= 3 and bool(self._fresh)

    def _path(self, dice: Random) -> str:
        with self._lock:
            if self._fresh and (not self._known or dice.random() < NEW):
                self._known.append(self._fresh.pop())
            return dice.choice(self._known)

    def _repeat(self, ask: Callable[[str], None], dice: Random) -> None:
        while not self._stopping.wait(0.02):
            path = self._path(dice)
            try:
                ask(path)
                what = "served"
            except Wrong as error:
                what = "wrong"
                self._outcome.findings.append(str(error))
            except FAILED:
                what = "failed"
            with self._lock:
                self.seen[what] += 1
                if what == "failed":
                    self.failed.add(path)

    def _pull(self, path: str) -> None:
        self._several.pull(path)

    def _nix(self, path: str) -> None:
        with tempfile.TemporaryDirectory(prefix="nix-", dir=self._home) as home:
            client = NixClient(Path(home), [self._key])
            try:
                client.copy(self._several.url, path)
                client.verify(path)
            finally:
                remove_tree(client.store) if client.store.exists() else None
        self._outcome.nix += 1

    def take(self) -> tuple[set[str], Counter]:
        """What failed, and what was seen, since the last time."""
        with self._lock:
            failed, seen = self.failed, self.seen
            self.failed, self.seen = set(), Counter()
        return failed, seen


def recover(several: Several, load: Load) -> float:
    """Seconds until every instance is ready, has served what is new, and haproxy knows."""
    begin = time.monotonic()
    probes = {load.probe(): instance for instance in several.instances}

    def look() -> bool:
        try:
            for path, instance in list(probes.items()):
                answer = raw.get(instance.url, "/readyz", timeout=5)
                assert answer.status == 200, answer.body
                several.pull(path, instance.url)
                del probes[path]
            several.cluster.haproxy.wait("UP", "UP", "UP", within=0.1)
            return True
        except FAILED:
            return False

    eventually(look, "all is well again", PATIENCE, every=0.1)
    return time.monotonic() - begin


def one_fault(several: Several, load: Load, fault: Fault, number: int, outcome: Outcome) -> None:
    load.take()
    fault.begin(several, number)
    time.sleep(HELD)  # what a soak does under a fault is go on
    fault.end(several, number)
    try:
        took = recover(several, load)
    except AssertionError as error:
        outcome.findings.append(f"after '{fault.name}' at instance {number}: {error}\n{several.cluster.tail()}")
        return
    outcome.recovered.setdefault(fault.name, []).append(took)
    failed, seen = load.take()
    outcome.meanwhile.setdefault(fault.name, Counter()).update(seen)
    for path in failed:
        try:
            several.pull(path)
        except FAILED as error:
            outcome.findings.append(f"after '{fault.name}': retried once, failed again: {error!r}")
        except Wrong as error:
            outcome.findings.append(str(error))


def without_faults(several: Several, load: Load, seconds: float, outcome: Outcome) -> None:
    several.upstream.forget()
    time.sleep(seconds)
    _, seen = load.take()
    if seen["failed"]:
        outcome.findings.append(f"{seen['failed']} requests failed where nothing had")
    counts = [several.transfers(path) for path in several.made.paths]
    outcome.transfers += [count for count in counts if count]


def soak(home: Path, bucket: bool, seed: int, seconds: float, outcome: Outcome, tell: Callable[[str], None]) -> None:
    dice = Random(f"{seed}/{bucket}")
    paths = int(200 + seconds * 6)
    made = closure_of(f"soak-several-{seed}-{bucket}", [10 ** dice.uniform(-2.5, 0.2) for _ in range(paths)])
    several = Several(home, made, bucket, more=["--cache-lock-allow-degraded-mode=false"])
    begin = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.callback(several.close)
        load = Load(several, home, dice, outcome)
        stack.callback(load.stop)
        without_faults(several, load, 10, outcome)
        for fault, number in course(seed, bucket):
            if time.monotonic() - begin > seconds or len(outcome.findings) > 20 or not load.has_more():
                break
            one_fault(several, load, fault, number, outcome)
            tell(f"{time.monotonic() - begin:4.0f} s  {fault.name}, instance {number}: well after "
                 f"{(outcome.recovered.get(fault.name) or [float('nan')])[-1]:.1f} s, {len(outcome.findings)} findings")
        load.stop()
        for path in made.paths:
            try:
                several.is_stored(path)
            except AssertionError as error:
                outcome.findings.append(str(error))
    outcome.seconds += time.monotonic() - begin


def text(outcome: Outcome) -> str:
    mean = statistics.mean(outcome.transfers) if outcome.transfers else float("nan")
    total: Counter = sum(outcome.meanwhile.values(), Counter())
    lines = [f"`python3 -m tests.soak.several --seconds {outcome.seconds:.0f} --seed {outcome.seed}`: three instances behind "
             f"haproxy with PostgreSQL and a bucket, then with MariaDB and a shared folder; leases of {LEASE} s. {CLIENTS} "
             f"scripted clients pulled all the time, real Nix copied {outcome.nix} closures. {len(outcome.findings)} "
             f"findings: wrong bytes, a false 404, a request that failed again when it was made once more after the recovery. Without faults each of "
             f"{len(outcome.transfers)} NARs was fetched {mean:.2f} times. Under faults {total['served']:,} requests were "
             f"served, {total['failed']:,} failed.", "",
             f"| fault, for {HELD} s or more | times | served meanwhile | failed meanwhile | well again after (median, longest) |",
             "|---|---:|---:|---:|---:|"]
    for name in sorted(outcome.recovered):
        times, seen = outcome.recovered[name], outcome.meanwhile.get(name, Counter())
        lines.append(f"| {name} | {len(times)} | {seen['served']:,} | {seen['failed']:,} | "
                     f"{statistics.median(times):.1f} s, {max(times):.1f} s |")
    lines += ["", "\"Well\" is: every instance is ready, has served what nobody had asked for before, and haproxy knows."]
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python3 -m tests.soak.several", description="Several instances, judged.")
    arguments.add_argument("--seconds", type=float, default=600, help="for both halves together")
    arguments.add_argument("--seed", type=int, default=1, help="the same seed makes the same course of faults")
    arguments.add_argument("--write", action="store_true", help="write the section in docs/quality.md")
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    outcome = Outcome(chosen.seed)
    for bucket in (True, False):
        home = Path(tempfile.mkdtemp(prefix="ncps-several-soak-"))
        try:
            soak(home, bucket, chosen.seed, chosen.seconds / 2, outcome, lambda line: print(line, flush=True))
        finally:
            remove_tree(home)
    for finding in outcome.findings[:20]:
        print(finding)
    print(text(outcome))
    if chosen.write and not outcome.findings:
        report.put(ROOT / "docs/quality.md", "several", "Several instances", text(outcome))
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
