"""The crash soak: the server is killed at random moments under load, again and again, and after each death everything
that it has promised is looked at.

    python3 -m tests.soak.crash [--kills 10000] [--seed S] [--storage local|s3] [--database sqlite|postgres|mariadb] [--write]

Exit status 1 if there is any finding. places.py and rows.py know what is special of each storage and database.

Moments are drawn: while it starts, while clients fetch, upload, pin and remove, while it makes room, while it stops. Every
second storage has a limit. After a kill, before the next start: every file in the store is whole and right; without a
limit, nothing that was there at an earlier death is gone; with one, it is held. After the start: of temporary files only
those of the living process are left, what is kept is served as it was, and so is what was acknowledged to who sent it.
At the end of each storage all of it is looked at, and fsck reads everything: it may find what a death between two steps
leaves (a NAR not noted yet), and mends that; the second time it finds nothing. In a bucket there are also NARs that are sent
in parts: uploads that kills have broken off are aborted by the first start after a day.
"""
from __future__ import annotations

import argparse
import contextlib
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
from tests.e2e.lab.closure import Cache, hash_of, remove_tree, signing_key
from tests.e2e.lab.mariadb import MariaDb
from tests.e2e.lab.ncps import BINARY, Ncps, run_ncps, size_of
from tests.e2e.lab.postgres import Postgres
from tests.e2e.lab.upstream import Upstream
from tests.e2e.lab.waiting import eventually

from .places import Folder, InBucket
from .report import put
from .rows import ServerRows, SqliteRows
from .uploads import PATIENCE, UPLOADERS, Ledger, Uploader
from .world import closure_of

PAGE = Path("docs/quality.md")
DEATHS_OF_ONE = 8     # of one storage; then it is full, and a new one is begun
CLIENTS = 3
STEPS = 24            # of clients, at most, before a kill: where the disk is slow, too, something is under way then
PATIENT_FOR = 10      # seconds, with these
LIMIT = 1_500_000     # bytes, of every second storage: about a third of all that is asked for and sent
RATE = 4_000_000      # bytes a second of the upstream, so that downloads can be met in their middle
BIG = 3               # NARs of 12 MB, that a bucket gets in parts
BIG_RATE = 40_000_000
STORAGES = {"local": Folder, "s3": InBucket}
SERVERS = {"postgres": Postgres, "mariadb": MariaDb}
DATABASES = ["sqlite", *SERVERS]
SAID = {"local": "local storage", "s3": "S3", "sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}
MAY_BE_FOUND = {"nar_not_noted", "narinfo_without_row", "narinfo_without_file", "object_absent", "object_without_row",
                "pin_without_row", "pin_without_file", "leftover"}
# The upstream shares the processors with all others: that it is slow is no fault of anybody.
PATIENT = ["--cache-upstream-dialer-timeout=30s", "--cache-upstream-response-header-timeout=30s"]
FSCK_TIME = 180  # seconds, of one
UPLOAD_KEY = "builder.example-1"


@dataclass
class Outcome:
    kills: int = 0
    while_starting: int = 0
    while_stopping: int = 0
    stops: int = 0         # clean ones, under load
    answers: int = 0       # whole ones, of clients
    broken_off: int = 0    # by the kill
    uploads: int = 0       # acknowledged
    removals: int = 0
    pins: int = 0          # made and ended
    refused: int = 0       # uploads, for want of room
    evicted: int = 0       # NARs that were there at one death, and were not at the next
    aborted: int = 0       # uploads into a bucket that deaths had broken off
    files: int = 0         # looked at
    fscks: int = 0
    flaws: dict[str, int] = field(default_factory=dict)  # that a death may leave, and fsck mended
    slowest_start: float = 0
    findings: list[str] = field(default_factory=list)

    def text(self) -> str:
        left = ", ".join(f"{count:,} {name}" for name, count in sorted(self.flaws.items())) or "nothing"
        aborted = f"{self.aborted:,} uploads in parts broken off and aborted, " if self.aborted else ""
        return (f"{self.kills:,} kills ({self.while_starting} while starting, {self.while_stopping} while stopping) and "
                f"{self.stops:,} stops, {self.answers:,} whole answers, {self.uploads:,} uploads and {self.removals:,} removals, "
                f"{self.pins:,} changes of pins acknowledged, {self.refused:,} refused, {self.broken_off:,} broken off, {self.evicted:,} NARs evicted, {aborted}"
                f"{self.files:,} files looked at, {self.fscks:,} times fsck (left by deaths, and mended: {left}), "
                f"slowest start {self.slowest_start:.2f} s, {len(self.findings)} findings")


class Clients:
    """Fetch, send and remove, at random, until they are told to leave or the server is gone."""

    def __init__(self, server: Ncps, cache: Cache, big: list[str], ledger: Ledger, outcome: Outcome, seed: str,
                 evicts: bool) -> None:
        self.url, self.cache, self.ledger, self.outcome, self.evicts = server.url, cache, ledger, outcome, evicts
        self.before = outcome.answers
        self.big = big  # paths that are asked for often
        self.leave = threading.Event()
        self.uploaders = [Uploader(server.url, ledger, n, seed, evicts) for n in range(UPLOADERS)]
        self.threads = [threading.Thread(target=self.run, args=(Random(f"{seed}/{n}"),)) for n in range(CLIENTS)]
        self.threads += [threading.Thread(target=one.run, args=(self.leave,)) for one in self.uploaders]
        for thread in self.threads:
            thread.start()

    def run(self, dice: Random) -> None:
        while not self.leave.is_set():
            try:
                if dice.random() < 0.7:
                    self.fetch(dice.choice(self.big if self.big and dice.random() < 0.2 else self.cache.closure.paths))
                elif flaw := self.ledger.flaw_of_path(self.url, dice.choice(self.ledger.paths), self.evicts, quiet=False):
                    self.outcome.findings.append(f"under load: {flaw}")
            except (raw.Ended, OSError, ValueError):
                self.outcome.broken_off += 1
                return

    def fetch(self, path: str) -> None:
        answer = raw.get(self.url, narinfo_target(path), timeout=PATIENCE)
        if answer.status != 200 or answer.ending != raw.COMPLETE:
            return
        answer = raw.get(self.url, self.cache.nar_url(path), timeout=PATIENCE)
        if answer.status == 200 and answer.ending == raw.COMPLETE:
            self.outcome.answers += 1
            if answer.body != self.cache.nar_bytes(path):
                self.outcome.findings.append(f"wrong bytes served for {path}")

    def steps(self) -> int:
        """What they have done so far."""
        return self.outcome.answers - self.before + sum(one.done + one.removed + one.pinned for one in self.uploaders)

    def wait_steps(self, count: int) -> None:
        end = time.monotonic() + PATIENT_FOR
        while self.steps() < count and time.monotonic() < end and any(thread.is_alive() for thread in self.threads):
            time.sleep(0.005)

    def it_ends(self) -> None:
        for one in self.uploaders:
            one.ending.set()

    def join(self) -> None:
        self.leave.set()
        for thread in self.threads:
            thread.join(2 * PATIENCE)
            if thread.is_alive():
                self.outcome.findings.append("a client waits for a server that is gone")
        for one in self.uploaders:
            self.outcome.uploads += one.done
            self.outcome.removals += one.removed
            self.outcome.pins += one.pinned
            self.outcome.refused += one.refused
            self.outcome.broken_off += one.broken_off
            self.outcome.findings += one.findings


class CrashSoak:
    def __init__(self, home: Path, kills: int, seed: int, storage: str = "local", database: str = "sqlite") -> None:
        self.home, self.kills, self.dice, self.seed = home, kills, Random(f"crash/{seed}"), seed
        self.storage, self.database = STORAGES[storage], database
        self.outcome = Outcome()
        parts = storage == "s3"
        self.cache = closure_of(60, 11, BIG if parts else 0).cache("zstd")
        self.big = self.cache.closure.paths[60:]
        self.sent = closure_of(30, 12).cache("xz", signing_key(UPLOAD_KEY))  # no upstream has it
        both = [(cache, path) for cache in (self.cache, self.sent) for path in cache.closure.paths]
        self.nars = {cache.nar_url(path).rpartition("/")[2]: cache.nar_bytes(path) for cache, path in both}
        self.narinfos = {f"{hash_of(path)}.narinfo": cache for cache, path in both}
        self.fetched = {name for cache, path in both if cache is self.cache
                        for name in (cache.nar_url(path).rpartition("/")[2], f"{hash_of(path)}.narinfo")}

    def run(self) -> Outcome:
        with contextlib.ExitStack() as parts:
            upstream = parts.enter_context(Upstream(self.cache.folder))
            self.servers = {}
            if make := SERVERS.get(self.database):
                self.servers[self.database] = parts.enter_context(contextlib.closing(make()))
            for path in self.cache.closure.paths:
                upstream.fault(self.cache.nar_url(path), rate=BIG_RATE if path in self.big else RATE)
            number = 0
            while self.outcome.kills < self.kills and not self.outcome.findings:
                number += 1
                home = self.home / f"storage-{number}"
                home.mkdir()
                self.one_storage(home, upstream, number)
                remove_tree(home)
        return self.outcome

    def one_storage(self, home: Path, upstream: Upstream, number: int) -> None:
        self.evicts = number % 2 == 0
        self.ledger = Ledger(self.sent)
        self.late: set[str] = set()  # NARs that a death left unnoted: nobody has asked whether they fit
        self.place = self.storage(home)
        self.rows = ServerRows(self.servers[self.database]) if self.servers else SqliteRows(home)
        more = ["--cache-allow-put-verb", "--cache-allow-delete-verb", f"--cache-trusted-upload-key={self.sent.key.public}"]
        more += [f"--cache-max-size={LIMIT}B"] if self.evicts else []
        server = Ncps(home, upstreams=[(upstream.url, self.cache.key.public)], store=self.place.options,
                      more=[*more, *PATIENT, *self.rows.options])
        server.bucket = self.place.bucket
        kept: set[str] = set()
        try:
            for death in range(min(DEATHS_OF_ONE, self.kills - self.outcome.kills)):
                self.one_life(server, f"{self.seed}/{number}/{death}")
                self.outcome.kills += 1
                self.place.settle()
                self.rows.settle()
                kept = self.look_at_rest(server, kept)
                if self.outcome.findings:
                    self.outcome.findings.append(f"in storage {number}, death {death}, limit: {self.evicts}; {server.tail(40)}")
                    return
            self.look_later(server)
        finally:
            server.kill9()
            self.place.remove()

    def look_later(self, server: Ncps) -> None:
        """After the last death of a storage: all of it."""
        if flaw := self.place.flaw_of_uploads(server):
            self.outcome.findings.append(flaw)
        self.outcome.aborted += getattr(self.place, "aborted", 0)
        self.start(server)
        self.look_alive(server, len(self.nars))
        self.stop(server)
        self.fsck(server, "--repair")
        self.fsck(server)
        noted = self.rows.noted_nars().keys()  # all but uploads without narinfo that lost their row
        self.start(server)
        self.look_alive(server, len(self.nars))
        if self.evicts:  # what fsck has noted counts, too
            size = lambda: sum(size_of(file) for name, file in server.stored_nars().items() if name in noted)
            try:
                eventually(lambda: size() <= LIMIT, "the limit is held after fsck", PATIENCE)
            except AssertionError as error:
                self.outcome.findings.append(f"{error}: {size()} bytes\n{server.tail()}")
        self.stop(server)

    def stop(self, server: Ncps) -> None:
        if (status := server.stop()) != 0:
            self.outcome.findings.append(f"it did not stop cleanly: {status}\n{server.tail()}")

    def one_life(self, server: Ncps, seed: str) -> None:
        while self.dice.random() < 0.08:  # lives that end well
            clients = self.under_load(server, f"{seed}/well")
            clients.it_ends()
            self.stop(server)
            clients.join()
            self.outcome.stops += 1
        if self.dice.random() < 0.1:
            server.start(wait=False)
            time.sleep(self.dice.uniform(0, self.place.starting))
            self.outcome.while_starting += 1
            server.kill9()
            return
        clients = self.under_load(server, seed)
        if self.dice.random() < 0.15:
            clients.it_ends()
            server.send_signal(signal.SIGTERM)
            time.sleep(self.dice.uniform(0, 0.05))
            self.outcome.while_stopping += 1
        server.kill9()
        clients.join()

    def under_load(self, server: Ncps, seed: str) -> Clients:
        self.start(server)
        self.look_alive(server, 1)
        clients = Clients(server, self.cache, self.big, self.ledger, self.outcome, seed, self.evicts)
        time.sleep(self.dice.uniform(0, self.place.longest))
        clients.wait_steps(self.dice.randint(0, STEPS))
        return clients

    def start(self, server: Ncps) -> None:
        begin = time.monotonic()
        server.start()
        self.outcome.slowest_start = max(self.outcome.slowest_start, time.monotonic() - begin)
        folders = self.place.spools(server)
        if len(folders) > 1:
            self.outcome.findings.append(f"what dead processes left is still there: {folders}")

    def look_at_rest(self, server: Ncps, before: set[str]) -> set[str]:
        """Nobody is alive: what is there is whole, and nothing has gone but what was removed, or had to make room."""
        now: set[str] = set()
        for name, file in server.stored_nars().items():
            now.add(name)
            if name not in self.nars or file.read_bytes() != self.nars[name]:
                self.outcome.findings.append(f"wrong file in the store: {file}")
        for name, file in server.stored_narinfos().items():
            now.add(name)
            cache = self.narinfos.get(name)
            if cache is None or file.read_text() != (cache.folder / name).read_text():
                self.outcome.findings.append(f"wrong file in the store: {file}")
        self.outcome.files += len(now)
        gone = {name for name in before - now if name in self.fetched}
        self.outcome.evicted += sum(name in self.nars for name in gone)
        if gone and not self.evicts:
            self.outcome.findings.append(f"kept once, and gone: {gone}")
        if self.evicts:
            noted = self.rows.noted_nars()
            self.late |= {name for name in now if name in self.nars and name not in noted}
            kept = sum(size for name, size in noted.items() if name not in self.late)
            if kept > LIMIT:
                self.outcome.findings.append(f"{kept} bytes of NARs are kept, more than the limit of {LIMIT}")
        return now

    def look_alive(self, server: Ncps, count: int) -> None:
        """Some of what is kept is served as it was, and some of what was acknowledged."""
        kept = sorted(server.stored_nars().keys() & self.fetched)
        for name in self.dice.sample(kept, min(count, len(kept))):
            answer = raw.get(server.url, f"/nar/{name}", timeout=PATIENCE)
            if answer.status != 200 or answer.body != self.nars[name]:
                self.outcome.findings.append(f"{name} is kept, but answered with {answer.status}, {len(answer.body)} bytes, {answer.ending}")
        ledger, some = self.ledger, lambda all_: self.dice.sample(list(all_), min(count, len(all_)))
        flaws = [ledger.flaw_of_path(server.url, path, self.evicts, quiet=True) for path in some(ledger.paths)]
        flaws += [ledger.flaw_of_nar(server.url, path, self.evicts) for path in some(ledger.paths)]
        flaws += [ledger.flaw_of_log(server.url, target, self.evicts) for target in some(ledger.logs)]
        flaws.append(ledger.flaw_of_pins(server.url))
        self.outcome.findings += [f"after a start: {flaw}" for flaw in flaws if flaw]

    def fsck(self, server: Ncps, *more: str) -> None:
        if not self.rows.exist():
            return  # killed before it had one
        options = [*self.place.options, *self.rows.options, f"--cache-temp-path={server.temp}", f"--cache-upstream-public-key={self.cache.key.public}",
                   f"--cache-trusted-upload-key={self.sent.key.public}"]
        run = run_ncps("fsck", "--verify-content", "--json", *more, *options, within=FSCK_TIME)
        self.outcome.fscks += 1
        try:
            flaws = {name: one["found"] for name, one in json.loads(run.out)["flaws"].items() if one["found"]}
        except ValueError:
            flaws = {"no answer": 1}
        for name, count in flaws.items():
            self.outcome.flaws[name] = self.outcome.flaws.get(name, 0) + count
        if run.status != 0 or not flaws.keys() <= (MAY_BE_FOUND if more else set()):
            self.outcome.findings.append(f"fsck {more}: status {run.status}, {flaws}\n{run.said}")


def crash_soak(home: Path, kills: int, seed: int, storage: str = "local", database: str = "sqlite") -> Outcome:
    return CrashSoak(home, kills, seed, storage, database).run()


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python3 -m tests.soak.crash", description="Kills, judged.")
    arguments.add_argument("--kills", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--storage", choices=list(STORAGES), default="local")
    arguments.add_argument("--database", choices=DATABASES, default="sqlite")
    arguments.add_argument("--write", action="store_true", help="write the section in docs/quality.md")
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ncps-crash-") as home:
        outcome = crash_soak(Path(home), chosen.kills, chosen.seed, chosen.storage, chosen.database)
    if chosen.write and not outcome.findings:
        minutes = (time.monotonic() - begin) / 60
        usual = (chosen.storage, chosen.database) == ("local", "sqlite")
        name = "crash" if usual else f"crash-{chosen.storage}-{chosen.database}"
        asked = "" if usual else f" --storage {chosen.storage} --database {chosen.database}"
        put(PAGE, name, "Kills", f"`python3 -m tests.soak.crash --kills {chosen.kills} --seed {chosen.seed}{asked}`, "
                                 f"{SAID[chosen.storage]} and {SAID[chosen.database]}, {minutes:.0f} minutes: {outcome.text()}.")
    for finding in outcome.findings[:50]:
        print(finding)
    print(outcome.text())
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
