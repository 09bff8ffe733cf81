"""The crash soak: the server is killed at random moments under load, again and again, and after each death everything
that it has promised is looked at.

    python3 -m tests.soak.crash [--kills 10000] [--seed S]     exit status 1 if there is any finding

Moments are drawn: while it starts, while clients fetch, while it stops. After a kill, before the next start: every file in
the store is whole and right, and nothing that was there at an earlier death is gone. After the start: of temporary files
only those of the living process are left, and what is kept is served as it was. Now and then fsck reads everything: it may
find what a death between two steps leaves (a NAR not noted yet), and nothing else.
"""
from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.e2e.lab import raw
from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.closure import Cache, hash_of, remove_tree
from tests.e2e.lab.ncps import BINARY, Ncps, run_ncps
from tests.e2e.lab.upstream import Upstream

from .world import closure_of

DEATHS_OF_ONE = 8     # of one storage; then it is full, and a new one is begun
CLIENTS = 4
FSCK_EVERY = 8        # deaths
RATE = 4_000_000      # bytes a second of the upstream, so that downloads can be met in their middle
LONGEST = 0.25        # seconds from the first request to the kill
MAY_BE_FOUND = {"nar_not_noted", "narinfo_without_row", "narinfo_without_file", "leftover"}


@dataclass
class Outcome:
    kills: int = 0
    while_starting: int = 0
    while_stopping: int = 0
    answers: int = 0       # whole ones, of clients
    broken_off: int = 0    # by the kill
    files: int = 0         # looked at
    fscks: int = 0
    flaws: dict[str, int] = field(default_factory=dict)  # that a death may leave, and fsck mended
    slowest_start: float = 0
    findings: list[str] = field(default_factory=list)

    def text(self) -> str:
        return (f"{self.kills} kills ({self.while_starting} while starting, {self.while_stopping} while stopping), "
                f"{self.answers} whole answers, {self.broken_off} broken off, {self.files} files looked at, "
                f"{self.fscks} times fsck (left by deaths, and mended: {self.flaws or 'nothing'}), "
                f"slowest start {self.slowest_start:.2f} s, {len(self.findings)} findings")


class Clients:
    """Fetch narinfos and NARs, at random, until they are told to leave or the server is gone."""

    def __init__(self, server: Ncps, cache: Cache, outcome: Outcome, seed: str) -> None:
        self.server, self.cache, self.outcome = server, cache, outcome
        self.leave = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(Random(f"{seed}/{n}"),)) for n in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, dice: Random) -> None:
        while not self.leave.is_set():
            path = dice.choice(self.cache.closure.paths)
            try:
                self.fetch(path)
            except (raw.Ended, OSError, ValueError):
                self.outcome.broken_off += 1
                return

    def fetch(self, path: str) -> None:
        answer = raw.get(self.server.url, narinfo_target(path), timeout=10)
        if answer.status != 200 or answer.ending != raw.COMPLETE:
            return
        answer = raw.get(self.server.url, self.cache.nar_url(path), timeout=10)
        if answer.status == 200 and answer.ending == raw.COMPLETE:
            self.outcome.answers += 1
            if answer.body != self.cache.nar_bytes(path):
                self.outcome.findings.append(f"wrong bytes served for {path}")

    def join(self) -> None:
        self.leave.set()
        for thread in self.threads:
            thread.join(30)


class CrashSoak:
    def __init__(self, home: Path, kills: int, seed: int, more: tuple[str, ...] = (), evicts: bool = False) -> None:
        self.home, self.kills, self.dice, self.seed = home, kills, Random(f"crash/{seed}"), seed
        self.more, self.evicts = more, evicts
        self.outcome = Outcome()
        self.cache = closure_of(60, 11).cache("zstd")
        self.nars = {self.cache.nar_url(path).rpartition("/")[2]: self.cache.nar_bytes(path)
                     for path in self.cache.closure.paths}
        self.narinfos = {f"{hash_of(path)}.narinfo": path for path in self.cache.closure.paths}

    def run(self) -> Outcome:
        with Upstream(self.cache.folder) as upstream:
            for url in self.nars:
                upstream.fault(f"/nar/{url}", rate=RATE)
            number = 0
            while self.outcome.kills < self.kills and not self.outcome.findings:
                number += 1
                home = self.home / f"storage-{number}"
                home.mkdir()
                self.one_storage(home, upstream, number)
                remove_tree(home)
        return self.outcome

    def one_storage(self, home: Path, upstream: Upstream, number: int) -> None:
        server = Ncps(home, upstreams=[(upstream.url, self.cache.key.public)], more=self.more)
        kept: set[str] = set()
        try:
            for death in range(min(DEATHS_OF_ONE, self.kills - self.outcome.kills)):
                self.one_life(server, f"{self.seed}/{number}/{death}")
                self.outcome.kills += 1
                kept = self.look_at_rest(server, kept)
                if (death + 1) % FSCK_EVERY == 0:
                    self.fsck(server)
            self.start(server)
            self.look_alive(server, len(kept))
            if server.stop() != 0:
                self.outcome.findings.append("it did not stop cleanly\n" + server.tail())
        finally:
            server.kill9()

    def one_life(self, server: Ncps, seed: str) -> None:
        if self.dice.random() < 0.1:
            server.start(wait=False)
            time.sleep(self.dice.uniform(0, 0.08))
            self.outcome.while_starting += 1
            server.kill9()
            return
        self.start(server)
        self.look_alive(server, 1)
        clients = Clients(server, self.cache, self.outcome, seed)
        time.sleep(self.dice.uniform(0, LONGEST))
        if self.dice.random() < 0.15:
            server.send_signal(signal.SIGTERM)
            time.sleep(self.dice.uniform(0, 0.05))
            self.outcome.while_stopping += 1
        server.kill9()
        clients.join()

    def start(self, server: Ncps) -> None:
        begin = time.monotonic()
        server.start()
        self.outcome.slowest_start = max(self.outcome.slowest_start, time.monotonic() - begin)
        folders = [path for path in (server.storage / "store/tmp").iterdir() if path.is_dir()]
        if len(folders) > 1:
            self.outcome.findings.append(f"what dead processes left is still there: {folders}")

    def look_at_rest(self, server: Ncps, before: set[str]) -> set[str]:
        """Nobody is alive: what is there is whole, and nothing has gone."""
        now: set[str] = set()
        for name, file in server.stored_nars().items():
            now.add(name)
            if name not in self.nars or file.read_bytes() != self.nars[name]:
                self.outcome.findings.append(f"wrong file in the store: {file}")
        for name, file in server.stored_narinfos().items():
            now.add(name)
            path = self.narinfos.get(name)
            if path is None or file.read_text() != (self.cache.folder / name).read_text():
                self.outcome.findings.append(f"wrong file in the store: {file}")
        self.outcome.files += len(now)
        if before - now and not self.evicts:
            self.outcome.findings.append(f"kept once, and gone: {before - now}")
        return now

    def look_alive(self, server: Ncps, count: int) -> None:
        """Some of what is kept is served as it was."""
        kept = sorted(server.stored_nars())
        for name in self.dice.sample(kept, min(count, len(kept))):
            answer = raw.get(server.url, f"/nar/{name}", timeout=20)
            if answer.status != 200 or answer.body != self.nars[name]:
                self.outcome.findings.append(f"{name} is kept, but answered with {answer.status}")

    def fsck(self, server: Ncps) -> None:
        options = [f"--cache-storage-local={server.storage}", f"--cache-database-url=sqlite:{server.home / 'db.sqlite'}",
                   f"--cache-temp-path={server.temp}", f"--cache-upstream-public-key={self.cache.key.public}"]
        if not (server.home / "db.sqlite").exists():
            return  # killed before it had one
        run = run_ncps("fsck", "--repair", "--verify-content", "--json", *options, within=60)
        self.outcome.fscks += 1
        try:
            flaws = {name: one["found"] for name, one in json.loads(run.out)["flaws"].items() if one["found"]}
        except ValueError:
            flaws = {"no answer": 1}
        for name, count in flaws.items():
            self.outcome.flaws[name] = self.outcome.flaws.get(name, 0) + count
        if run.status != 0 or not flaws.keys() <= MAY_BE_FOUND:
            self.outcome.findings.append(f"fsck: status {run.status}, {flaws}\n{run.said}")


def crash_soak(home: Path, kills: int, seed: int, **options: object) -> Outcome:
    return CrashSoak(home, kills, seed, **options).run()


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python3 -m tests.soak.crash", description="Kills, judged.")
    arguments.add_argument("--kills", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="ncps-crash-") as home:
        outcome = crash_soak(Path(home), chosen.kills, chosen.seed)
    for finding in outcome.findings[:50]:
        print(finding)
    print(outcome.text())
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
