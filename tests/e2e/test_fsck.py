"""ncps fsck and ncps stats: on a folder and in a bucket, with each of the three databases."""
from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import shutil
import sqlite3
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .lab import closure, raw
from .lab.case import LabCase
from .lab.closure import hash_of
from .lab.database import OneDatabase
from .lab.fake_time import with_clock_off
from .lab.mariadb import MariaDb
from .lab.ncps import BINARY, Run, clean_environment, run_ncps
from .lab.postgres import Postgres
from .lab.redis import RedisServer
from .lab.waiting import eventually
from .test_s3 import S3Case, nar_key, narinfo_key


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class FsckCase:
    """The tests; the classes at the end run them on each storage and database."""
    def setUp(self) -> None:
        super().setUp()
        self.prepare(closure.small())

    def prepare(self, made: closure.Closure) -> None:
        self.made = made
        self.cache = self.made.cache("zstd")
        self.origin = self.upstream(self.cache)
        self.server = self.ncps_before_start((self.origin, self.cache), store=self.store_options(),
                                             more=self.database_options())

    # --- what the storages and databases do differently ---

    def store_options(self) -> list[str]:
        return []

    def database_options(self) -> list[str]:
        return []

    def write(self, key: str, body: bytes) -> None:
        path = self.server.storage / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(body)

    def remove(self, key: str) -> None:
        (self.server.storage / key).unlink()

    def read(self, key: str) -> bytes | None:
        path = self.server.storage / key
        return path.read_bytes() if path.exists() else None

    def sql(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self.server.home / "db.sqlite")) as database, database:
            database.execute(statement)

    # --- what they have in common ---

    environment: dict[str, str] = {}

    def arguments(self, name: str, *more: str) -> list[str]:
        store = self.store_options() or [f"--cache-storage-local={self.server.storage}"]
        database = self.database_options() or [f"--cache-database-url=sqlite:{self.server.home / 'db.sqlite'}"]
        key = [f"--cache-upstream-public-key={self.cache.key.public}"]
        if name == "fsck":
            key += [] if self.server.running() else ["--settling=50ms"]  # nothing is on its way
        if name == "pin":  # it has commands of its own
            (name, *more), key = (f"pin {more[0]}", *more[1:]), []
        return [*name.split(), *store, *database, f"--cache-temp-path={self.server.temp}", *key, *more]

    def command(self, name: str, *more: str) -> Run:
        return run_ncps(*self.arguments(name, *more), within=120, **self.environment)

    def fsck(self, *more: str) -> Run:
        return self.command("fsck", *more)

    def found(self, *more: str) -> dict[str, tuple[int, int]]:
        """Of each flaw how many were found and mended; none that there are not."""
        run = self.fsck("--json", *more)
        said = json.loads(run.out)
        self.assertEqual(said["could_not_find_out"], 0, run.said)
        flaws = {name: (one["found"], one["mended"]) for name, one in said["flaws"].items() if one["found"]}
        left = any(found > mended for found, mended in flaws.values())
        self.assertEqual(run.status, 1 if left else 0, run.said)
        return flaws

    def fill(self) -> None:
        """Everything is fetched, and the server stopped."""
        self.server.start()
        self.client(self.server.pubkey()).copy(self.server.url, self.made.root)
        for path in self.made.paths:
            eventually(lambda: self.read(nar_key(self.cache.nar_url(path))), "stored")
        self.assertEqual(self.server.stop(), 0)

    def assert_served_without_upstream(self) -> None:
        self.origin.stop()
        self.server.start()
        client = self.client(self.server.pubkey())
        client.copy(self.server.url, self.made.root)
        client.verify(self.made.root)
        self.assertEqual(self.server.stop(), 0)

    def damage(self) -> None:
        """One of each kind, on another path each."""
        paths = self.made.paths
        urls = [self.cache.nar_url(path) for path in paths]
        self.remove(nar_key(urls[0]))
        body = bytearray(self.read(nar_key(urls[1])))
        body[len(body) // 2] ^= 1
        self.write(nar_key(urls[1]), bytes(body))
        self.sql(f"UPDATE nar_urls SET stored_size = NULL WHERE url = '{urls[2].lstrip('/')}'")
        self.remove(narinfo_key(paths[0]))
        self.sql(f"DELETE FROM narinfos WHERE hash = '{hash_of(paths[1])}'")
        self.write(narinfo_key(paths[2]), b"garbage")

    def test_what_is_well_is_well(self) -> None:
        self.fill()
        self.assertEqual(self.found("--verify-content"), {})
        run = self.fsck()
        self.assertIn("all is well", run.out)
        self.assertIn(f"narinfos: {len(self.made.paths)}", run.out)

    def test_each_flaw_is_found_and_mended_once_and_everything_is_served(self) -> None:
        self.fill()
        self.damage()
        quick = {"nar_absent": 1, "nar_not_noted": 1, "narinfo_without_file": 1, "narinfo_without_row": 1}
        deep = quick | {"nar_corrupt": 1, "narinfo_corrupt": 1}
        ways = (([], quick), (["--verify-content", "--dry-run"], deep), (["--verify-content"], deep))
        with ThreadPoolExecutor(len(ways)) as pool:  # at once: each looks twice, with a pause between
            for (more, kinds), found in zip(ways, pool.map(lambda way: self.found(*way[0]), ways)):
                self.assertEqual(found, {kind: (1, 0) for kind in kinds}, more)
        self.assertEqual(self.found("--verify-content", "--repair"), {kind: (1, 1) for kind in deep})
        self.assertEqual(self.found("--verify-content", "--repair"), {})
        self.server.start()  # what is gone is fetched again
        client = self.client(self.server.pubkey())
        client.copy(self.server.url, self.made.root)
        client.verify(self.made.root)
        for path in self.made.paths:
            eventually(lambda: self.read(nar_key(self.cache.nar_url(path))) == self.cache.nar_bytes(path), "as it was")
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.found("--verify-content"), {})

    def test_all_rows_are_made_anew_from_the_store(self) -> None:
        self.fill()
        self.sql("DELETE FROM narinfos")
        self.sql("DELETE FROM nar_urls")
        count = len(self.made.paths)
        log = f"store/log/0/00/{'0' * 32}-x.drv"
        self.write(log, b"it was built\n")
        self.environment = with_clock_off("+5m")  # what is new may have its row yet to come
        self.assertEqual(self.found("--repair"),
                         {"narinfo_without_row": (count, count), "object_without_row": (1, 1)})
        self.environment = {}
        self.assertEqual(self.found("--verify-content"), {})
        self.assert_served_without_upstream()

    def test_pins_come_back_from_the_store(self) -> None:
        self.fill()
        by_path, by_hash = self.made.paths[0], hash_of(self.made.paths[1])
        for one in (by_path, by_hash):
            self.assertEqual(self.command("pin", "add", one).status, 0)
        key = f"store/pin/{hash_of(by_path)[0]}/{hash_of(by_path)[:2]}/{hash_of(by_path)}"
        self.assertEqual(self.read(key), f"{by_path}\n".encode())
        self.assertEqual(self.found(), {})
        self.sql("DELETE FROM pins")
        self.assertEqual(self.command("pin", "list").out, "")
        self.assertEqual(self.found(), {"pin_without_row": (2, 0)})
        self.assertEqual(self.found("--repair"), {"pin_without_row": (2, 2)})
        self.assertEqual(set(self.command("pin", "list").out.split()), {by_path, by_hash})
        self.remove(key)
        self.assertEqual(self.found("--repair"), {"pin_without_file": (1, 1)})
        self.assertEqual(self.command("pin", "remove", by_path).status, 0)
        self.assertIsNone(self.read(key))
        self.assertEqual(self.command("pin", "remove", by_path).status, 1)
        self.assertEqual(self.command("pin", "list").out.split(), [by_hash])
        self.assertEqual(self.found(), {})

    def test_beside_a_server_that_fetches_nothing_is_found(self) -> None:
        self.prepare(closure.many(30))
        self.server.start()
        streams = [raw.Stream(self.server.url, self.nar_target(self.server, path)).start() for path in self.made.paths]
        self.assertEqual(self.found("--repair", "--verify-content"), {})
        for stream in streams:
            self.assertEqual(stream.join().ending, raw.COMPLETE)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.found("--verify-content"), {})

    def test_logs_and_the_like_count_as_they_lie_there(self) -> None:
        self.fill()
        name = f"{'0' * 32}-x.drv"
        self.write(f"store/log/0/00/{name}", b"it was built\n")
        for key in (f"store/log/0/00/{name}", f"store/listing/0/00/{'0' * 32}.ls"):
            self.sql(f"INSERT INTO kept_objects (name, size) VALUES ('{key}', 5)")
        self.assertEqual(self.found(), {"object_of_other_size": (1, 0), "object_absent": (1, 0)})
        self.assertEqual(self.found("--repair"), {"object_of_other_size": (1, 1), "object_absent": (1, 1)})
        self.assertEqual(self.found(), {})

    def test_stats_say_what_is_kept(self) -> None:
        self.fill()
        run = self.command("stats", "--json")
        self.assertEqual(run.status, 0, run.said)
        said = json.loads(run.out)
        self.assertEqual(said["narinfos"], len(self.made.paths))
        (upstream,) = said["upstreams"]
        self.assertEqual(upstream["upstream"], self.origin.url)
        self.assertEqual(upstream["at_rest"], len(self.made.paths))
        self.assertEqual(upstream["bytes"], sum(len(self.cache.nar_bytes(path)) for path in self.made.paths))
        self.assertIn("largest:", self.command("stats").out)


class OnAFolder(FsckCase, LabCase):
    def test_a_dry_run_changes_no_byte(self) -> None:
        self.fill()
        self.damage()
        before = tree(self.server.home)
        self.assertEqual(self.fsck("--dry-run", "--verify-content").status, 1)
        self.assertEqual(tree(self.server.home), before)

    def test_without_a_database_it_could_not_find_out_and_repair_makes_one(self) -> None:
        self.fill()
        for file in self.server.home.glob("db.sqlite*"):
            file.unlink()
        run = self.fsck()
        self.assertEqual(run.status, 2, run.said)
        self.assertIn("--repair` makes it from the store", run.err)
        count = len(self.made.paths)
        self.assertEqual(self.found("--repair"), {"narinfo_without_row": (count, count)})
        self.assert_served_without_upstream()

    def test_what_cannot_be_asked_is_status_2(self) -> None:
        self.fill()
        shutil.rmtree(self.server.storage)
        self.assertEqual(self.fsck("--repair").status, 2)
        self.assertEqual(self.fsck("--repair", "--dry-run").status, 2)
        self.assertEqual(self.fsck("--verified-since=soon").status, 2)
        self.assertEqual(self.fsck("--settling=later").status, 2)

    def test_what_was_verified_lately_is_not_read_again(self) -> None:
        self.fill()
        read = lambda *more: json.loads(self.fsck("--json", "--verify-content", *more).out)["verified"]["number"]
        self.assertEqual(read("--verified-since=1h"), 0)  # each was when it came
        self.assertEqual(read(), len(self.made.paths))
        self.sql("UPDATE nar_urls SET verified_at = 0")
        self.assertEqual(read("--verified-since=1h"), len(self.made.paths))
        self.assertEqual(read("--verified-since=1h"), 0)

    def test_what_a_killed_server_left_is_found_and_removed(self) -> None:
        self.fill()
        self.server.start()
        self.server.kill9()
        self.assertEqual(self.found(), {"leftover": (1, 0)})
        self.assertEqual(self.found("--repair"), {"leftover": (1, 1)})
        self.assertEqual(self.found(), {})

    def test_a_living_server_is_no_leftover(self) -> None:
        self.fill()
        self.server.start()
        self.assertEqual(self.found(), {})
        self.assertEqual(self.server.stop(), 0)

    def asked(self, answer: bytes) -> int:
        """On a terminal, with that answer to its question; the exit status."""
        master, slave = pty.openpty()
        command = [str(BINARY), "fsck", f"--cache-storage-local={self.server.storage}",
                   f"--cache-database-url=sqlite:{self.server.home / 'db.sqlite'}",
                   f"--cache-upstream-public-key={self.cache.key.public}"]
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=clean_environment())
        os.close(slave)
        said, until = b"", time.monotonic() + 60
        while time.monotonic() < until:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                said += os.read(master, 4096)
            except OSError:
                break  # it has left
            if said.endswith(b"[y/N] "):
                os.write(master, answer)
                said += b"\n"
        os.close(master)
        self.assertIn(b"[y/N]", said)
        self.assertIn(b"%", said)  # the progress bar
        return process.wait(60)

    def test_on_a_terminal_it_asks(self) -> None:
        self.fill()
        self.remove(nar_key(self.cache.nar_url(self.made.paths[0])))
        self.assertEqual(self.asked(b"n\n"), 1)
        self.assertEqual(self.found(), {"nar_absent": (1, 0)})
        self.assertEqual(self.asked(b"y\n"), 0)
        self.assertEqual(self.found(), {})


    def test_the_scrub_finds_a_damaged_nar_and_it_is_fetched_again(self) -> None:
        self.fill()
        url = self.cache.nar_url(self.made.paths[0])
        body = bytearray(self.read(nar_key(url)))
        body[len(body) // 2] ^= 1
        self.write(nar_key(url), bytes(body))
        self.server.more = ["--cache-scrub-schedule=@every 1s", "--cache-scrub-rate=0"]
        self.server.start()
        line = self.server.wait_line("a kept NAR was damaged, and is removed; it is fetched again when it is asked for", 60)
        self.assertEqual("/" + line["nar"], url)
        self.assertEqual(raw.get(self.server.url, url).body, self.cache.nar_bytes(self.made.paths[0]))
        self.server.wait_line("scrubbed", 60)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.found("--verify-content"), {})

    def test_what_is_served_is_counted(self) -> None:
        self.server.start()
        path = self.made.paths[0]
        self.narinfo_of(self.server, path)
        raw.get(self.server.url, self.cache.nar_url(path))
        eventually(lambda: self.read(nar_key(self.cache.nar_url(path))), "stored")
        for _ in range(3):
            self.narinfo_of(self.server, path)
            raw.get(self.server.url, self.cache.nar_url(path))
        raw.get(self.server.url, "/" + "0" * 32 + ".narinfo")
        raw.ask(self.server.url, "HEAD", self.cache.nar_url(path))
        self.assertEqual(self.server.stop(), 0)
        served = json.loads(self.command("stats", "--json").out)["served"]
        size = len(self.cache.nar_bytes(path))
        self.assertEqual((served["narinfos"], served["narinfo_hits"], served["narinfos_missing"]), (4, 3, 1))
        self.assertEqual((served["nars"], served["bytes"]), (4, 4 * size))
        self.assertIn("of them hits", self.command("stats").out)

    def test_a_schedule_that_is_none_is_refused(self) -> None:
        run = run_ncps("config", "check", "--cache-hostname=c.example", "--cache-storage-local=/nowhere",
                       "--cache-upstream-url=http://u.example", "--cache-scrub-schedule=soon")
        self.assertEqual(run.status, 2, run.said)
        self.assertIn("--cache-scrub-schedule", run.err)


class OnADatabaseServer(OneDatabase, FsckCase):
    def database_options(self) -> list[str]:
        return [f"--cache-database-url={self.database.url}"]

    def sql(self, statement: str) -> None:
        self.database.ask(statement, "ncps")


class OnPostgres(OnADatabaseServer, LabCase):
    server_class = Postgres

    def test_of_two_that_repair_at_once_one_is_told_to_wait(self) -> None:
        redis = RedisServer()
        self.addCleanup(redis.close)
        self.fill()
        self.damage()
        # Whoever holds this table holds up the first one where it reads the rows.
        lock = subprocess.Popen(self.database.session("ncps"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.addCleanup(lock.wait, 60)
        self.addCleanup(lock.stdin.close)
        lock.stdin.write("BEGIN; LOCK TABLE nar_urls;\n")
        lock.stdin.flush()
        eventually(lambda: "AccessExclusiveLock" in self.database.ask("SELECT mode FROM pg_locks", "ncps"), "locked")
        repair = self.arguments("fsck", "--repair", *redis.flags())
        first = subprocess.Popen([str(BINARY), *repair], env=clean_environment(), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(first.kill)
        eventually(lambda: "ncps:lock:{fsck}" in redis.keys(), "the first one is at it")
        second = self.fsck("--repair", *redis.flags())
        self.assertEqual(second.status, 2, second.said)
        self.assertIn("another fsck or import changes what is kept now", second.said)
        lock.stdin.write("COMMIT;\n")
        lock.stdin.flush()
        said, _ = first.communicate(timeout=120)
        self.assertEqual(first.returncode, 0, said)
        eventually(lambda: "ncps:lock:{fsck}" not in redis.keys(), "it has given the lease back")
        self.assertEqual(self.found("--repair", *redis.flags()), {})


class OnMariaDb(OnADatabaseServer, LabCase):
    server_class = MariaDb


class InABucket(FsckCase, S3Case):
    def store_options(self) -> list[str]:
        return self.store()

    def write(self, key: str, body: bytes) -> None:
        self.s3.put(self.bucket, key, body)

    def remove(self, key: str) -> None:
        self.s3.ask("DELETE", f"/{self.bucket}/{key}")

    def read(self, key: str) -> bytes | None:
        return self.s3.find(self.bucket, key)

    def test_a_dry_run_changes_nothing_there(self) -> None:
        self.fill()
        self.damage()
        before = {key: self.read(key) for key in self.s3.keys(self.bucket)}
        self.assertEqual(self.fsck("--dry-run", "--verify-content").status, 1)
        self.assertEqual({key: self.read(key) for key in self.s3.keys(self.bucket)}, before)


if __name__ == "__main__":
    unittest.main()
