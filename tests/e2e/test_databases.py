"""The server on a real PostgreSQL and on a real MariaDB, and its commands for the schema."""
from __future__ import annotations

import json
import shutil
import threading
import unittest
from pathlib import Path

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.database import OneDatabase
from .lab.mariadb import MariaDb
from .lab.ncps import BINARY, Ncps, Run, run_ncps
from .lab.postgres import Postgres
from .lab.waiting import eventually

MIGRATIONS = len(list((Path(__file__).parents[2] / "db/migrations/sqlite").glob("*.sql")))


class OnAServer(OneDatabase):
    """The tests; the classes at the end run them on each database."""

    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache("zstd")
        self.origin = self.upstream(self.cache)

    def proxy(self, **options) -> Ncps:
        return self.ncps_before_start((self.origin, self.cache), more=[f"--cache-database-url={self.database.url}"],
                                      **options)

    def assert_silent(self, *texts: str) -> None:
        for text in texts:
            self.assertNotIn("s3cret", text)

    # --- serving ---

    def test_a_closure_is_pulled_and_served_again_after_a_restart_without_the_upstream(self) -> None:
        proxy = self.proxy().start()
        self.client(proxy.pubkey()).copy(proxy.url, self.made.root)
        self.assertEqual(self.database.count("narinfos WHERE content IS NOT NULL"), len(self.made.paths))
        eventually(lambda: self.database.count("nar_urls WHERE stored_size > 0") == len(self.made.paths), "all noted")
        self.origin.stop()
        proxy.restart()
        client = self.client(proxy.pubkey())
        client.copy(proxy.url, self.made.root)
        client.verify(self.made.root)
        self.assertEqual(proxy.stop(), 0)
        self.assert_silent(str(proxy.lines), proxy.stderr())

    def test_narinfos_are_served_from_the_database_if_their_files_are_gone(self) -> None:
        proxy = self.proxy().start()
        for path in self.made.paths:
            self.narinfo_of(proxy, path)
        self.assertEqual(proxy.stop(), 0)
        self.origin.stop()
        shutil.rmtree(proxy.storage / "store/narinfo")
        proxy.start()
        for path in self.made.paths:
            self.narinfo_of(proxy, path)

    def test_two_that_start_at_once_on_an_empty_database_both_serve(self) -> None:
        both = [self.proxy(), self.proxy()]
        for proxy in both:
            proxy.start(wait=False)
        for proxy in both:
            proxy.wait_listening()
            self.narinfo_of(proxy, self.made.root)
        self.assertEqual(self.database.count("schema_migrations"), MIGRATIONS)
        self.assertEqual(sum(p.count_lines("database schema brought up to date") for p in both), MIGRATIONS)

    # --- the database goes away ---

    def health(self, proxy: Ncps) -> str:
        answer = raw.get(proxy.url, "/readyz", timeout=60)
        self.assertEqual(answer.status, 200)
        return json.loads(answer.body)["database"]

    def test_without_the_database_the_store_serves_what_it_has_and_misses_are_503(self) -> None:
        known, unknown = self.made.paths[0], self.made.paths[1]
        proxy = self.proxy().start()
        target = self.nar_target(proxy, known)
        nar = raw.get(proxy.url, target)
        proxy.wait_stored(target.rpartition("/")[2])
        proxy.restart()  # with an empty memory
        self.database.kill9()
        self.narinfo_of(proxy, known)
        self.narinfo_of(proxy, known)  # from memory
        self.assert_whole(raw.get(proxy.url, target), nar.body)
        for _ in range(10):
            self.assertEqual(raw.get(proxy.url, narinfo_target(unknown), timeout=60).status, 503)
        self.assertEqual(self.health(proxy), "does not answer")
        self.database.start()
        eventually(lambda: raw.get(proxy.url, narinfo_target(unknown)).status == 200, "it recovers by itself")
        self.assertEqual(self.health(proxy), "ok")
        self.assertEqual(proxy.stop(), 0)
        self.assert_silent(str(proxy.lines), proxy.stderr())

    def test_killed_twice_while_clients_run_hits_go_on_and_misses_come_back(self) -> None:
        made = closure.many(100)
        cache = made.cache("zstd")
        self.origin, self.cache = self.upstream(cache), cache
        proxy = self.proxy().start()
        hits, misses = made.paths[:20], made.paths[20:]
        targets = [self.nar_target(proxy, path) for path in hits]
        for target in targets:
            raw.get(proxy.url, target)
            proxy.wait_stored(target.rpartition("/")[2])
        stop, wrong, counts = threading.Event(), [], {"hits": 0, "misses": 0}

        def ask(kind: str, all_targets: list[str], *allowed: int) -> None:
            while not stop.is_set():
                for target in all_targets:
                    try:
                        answer = raw.get(proxy.url, target)
                        if answer.status not in allowed or answer.ending != raw.COMPLETE:
                            wrong.append((target, answer.status, answer.ending))
                    except (OSError, raw.Ended) as error:
                        wrong.append((target, error))
                    counts[kind] += 1

        work = [("hits", [narinfo_target(path) for path in hits] + targets, 200),
                ("misses", [narinfo_target(path) for path in misses], 200, 503)] * 2
        clients = [threading.Thread(target=ask, args=part) for part in work]
        for client in clients:
            client.start()
        try:
            for _ in range(2):
                for more in ("with", "without"):
                    before = dict(counts)
                    eventually(lambda: all(counts[k] > before[k] + 20 for k in counts), f"work goes on {more} it", 60)
                    if more == "with":
                        self.database.kill9()
                self.database.start()
        finally:
            stop.set()
            for client in clients:
                client.join()
        self.assertEqual(wrong, [], proxy.tail())
        eventually(lambda: self.health(proxy) == "ok", "it connects again")
        for path in made.paths:
            self.narinfo_of(proxy, path)
        self.assertEqual(proxy.stop(), 0)

    # --- a database that cannot be used ---

    def assert_cannot_start(self, proxy: Ncps, reason: str) -> None:
        proxy.start(wait=False)
        self.assertEqual(proxy.wait(), 1)
        self.assertIn(reason, proxy.stderr())
        self.assert_silent(str(proxy.lines), proxy.stderr())

    def test_a_wrong_password_and_a_server_that_is_not_there_are_said_without_the_password(self) -> None:
        wrong = self.proxy()
        wrong.more = [f"--cache-database-url={self.database.url.replace('word@', 'worm@')}"]
        self.assert_cannot_start(wrong, "cannot start")
        self.database.kill9()
        self.assert_cannot_start(self.proxy(), f"127.0.0.1:{self.database.port}")

    def test_a_newer_database_is_refused_and_not_changed(self) -> None:
        self.database.ask("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)", "ncps")
        self.database.ask("INSERT INTO schema_migrations VALUES ('29990101000000')", "ncps")
        if isinstance(self.database, Postgres):
            self.database.ask(f"ALTER TABLE schema_migrations OWNER TO {self.database.USER}", "ncps")
        self.assert_cannot_start(self.proxy(), "29990101000000")
        self.assertEqual(self.database.count("information_schema.tables WHERE table_name = 'narinfos'"), 0)

    # --- the commands ---

    def assert_done(self, run: Run, *pieces: str) -> None:
        self.assertEqual(run.status, 0, run.said)
        for piece in pieces:
            self.assertIn(piece, run.out)
        self.assert_silent(run.said)

    def test_migrate_up_and_status_say_what_they_do(self) -> None:
        url = f"--cache-database-url={self.database.url}"
        self.assert_done(run_ncps("migrate", "status", url), "Applied: 0", f"Pending: {MIGRATIONS}")
        self.assert_done(run_ncps("migrate", "up", "--dry-run", url), "Applied: 0")
        self.assert_done(run_ncps("migrate", "up", url, within=60), "applied 20241210054814_create_narinfos.sql")
        self.assert_done(run_ncps("migrate", "up", CACHE_DATABASE_URL=self.database.url), "up to date")
        self.assert_done(run_ncps("migrate", "status", url), f"Applied: {MIGRATIONS}", "Pending: 0")
        self.assertEqual(self.database.count("schema_migrations"), MIGRATIONS)

    def test_scripts_that_call_dbmate_go_on_working(self) -> None:
        url = f"--url={self.database.url}"
        self.assertEqual(run_ncps("dbmate", url, "status", "--exit-code", "--quiet").status, 1)
        link = self.home / "dbmate"
        link.symlink_to(BINARY)
        self.assert_done(self.run_as(str(link), url, "--migrations-dir=/share/ncps/db/migrations", "migrate", "up"),
                         "applied ")
        self.assert_done(run_ncps("dbmate", "--wait", "up", DATABASE_URL=self.database.url), "up to date")
        self.assertEqual(run_ncps("dbmate", url, "status", "--exit-code").status, 0)
        self.assertEqual(run_ncps("dbmate", url, "down").status, 2)

    def test_dbmate_up_makes_a_database_that_is_not_there(self) -> None:
        url = self.database.url + '_ma"de`'
        self.assert_done(run_ncps("dbmate", f"--url={url}", "up", within=60), "applied ")
        self.assert_done(run_ncps("dbmate", f"--url={url}", "create"))
        self.assert_done(run_ncps("dbmate", f"--url={url}", "status"), "Pending: 0")

    @staticmethod
    def run_as(*command: str) -> Run:
        import subprocess
        run = subprocess.run(command, text=True, capture_output=True, timeout=60)
        return Run(run.returncode, run.stdout, run.stderr, 0)


class OnPostgres(OnAServer, LabCase):
    server_class = Postgres


class OnMariaDb(OnAServer, LabCase):
    server_class = MariaDb


class OnSqlite(LabCase):
    def test_migrate_takes_the_database_of_the_storage(self) -> None:
        storage = self.folder("storage")
        run = run_ncps("migrate", "up", f"--cache-storage-local={storage}")
        self.assertEqual(run.status, 0, run.said)
        self.assertTrue((storage / "var/ncps/db/db.sqlite").exists())

    def test_migrate_without_any_database_says_what_to_give_and_makes_none(self) -> None:
        run = run_ncps("migrate", "up")
        self.assertEqual(run.status, 2)
        self.assertIn("--cache-database-url", run.err)

    def test_migrate_takes_no_other_database_where_the_name_of_the_wanted_one_cannot_be_read(self) -> None:
        storage = self.folder("storage")
        missing = self.home / "no-such-file"

        def file(name: str, text: str) -> str:
            (self.home / name).write_text(text)
            return str(self.home / name)

        (self.home / "empty").touch()
        rows = {
            "a variable": ([], {"CACHE_DATABASE_URL_FILE": str(missing)}),
            "an empty file": ([], {"CACHE_DATABASE_URL_FILE": str(self.home / "empty")}),
            "in the variable": ([], {"CACHE_DATABASE_URL": f"file:{missing}"}),
            "a flag": ([f"--cache-database-url-file={missing}"], {}),
            "in the flag": ([f"--cache-database-url=file:{missing}"], {}),
            "YAML": (["--config", file("a.yaml", f"cache:\n  database-url-file: {missing}\n")], {}),
            "in YAML": (["--config", file("b.yaml", f"cache:\n  database-url: file:{missing}\n")], {}),
            "a list": (["--config", file("c.yaml", "cache:\n  database-url: [sqlite:/a/b, sqlite:/c/d]\n")], {}),
            "TOML": (["--config", file("d.toml", f"[cache]\ndatabase-url-file = '{missing}'\n")], {}),
            "a misspelt key": (["--config", file("e.yaml", f"cache:\n  databse-url: sqlite:{self.home}/x\n")], {}),
        }
        for name, (flags, variables) in rows.items():
            for command in (("up",), ("up", "--dry-run"), ("status",)):
                with self.subTest(name, command=command):
                    run = run_ncps("migrate", *command, f"--cache-storage-local={storage}", *flags, **variables)
                    self.assertEqual(run.status, 2, run.said)
                    self.assertIn("database-url", run.err)
                    self.assertEqual(list(storage.iterdir()), [], "nothing was made")

    def test_migrate_minds_no_other_mistake_where_the_database_is_named(self) -> None:
        run = run_ncps("migrate", "up", f"--cache-database-url=sqlite:{self.home}/db.sqlite", "--cache-max-size=much",
                       CACHE_REDIS_PASSWORD_FILE="/no/such/file")
        self.assertEqual(run.status, 0, run.said)

    def test_dbmate_makes_the_file(self) -> None:
        file = self.home / "a#b/db.sqlite"
        self.assertEqual(run_ncps("dbmate", f"--url=sqlite:{file}", "migrate", "up").status, 0)
        self.assertTrue(file.exists())


if __name__ == "__main__":
    unittest.main()
