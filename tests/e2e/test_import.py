"""What the Go program of this name has kept becomes ours: by `ncps import`, or when it is asked for."""
from __future__ import annotations

import hashlib
import unittest
from pathlib import Path

from .lab import closure, go_store, raw
from .lab.case import LabCase
from .lab.closure import Cache
from .lab.mariadb import MariaDb
from .lab.ncps import Ncps, Run, run_ncps
from .lab.postgres import Postgres

NOBODY_THERE = "http://127.0.0.1:9"


def tree(folder: Path) -> dict[str, str]:
    """Every file and folder, with a hash of its bytes."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "folder"
            for p in sorted(folder.rglob("*"))}


class ImportCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.key = closure.signing_key("cache.example")
        self.trusted = closure.signing_key().public
        self.server = Ncps(self.folder("ncps"), upstreams=[(NOBODY_THERE, self.trusted)])
        self.addCleanup(self.server.kill9)
        self.database = self.server.home / "db.sqlite"

    def cache(self, compression: str) -> Cache:
        return go_store.signed_by(self.made.cache(compression), self.key, self.folder("signed") / "cache")

    def run_import(self, *more: str, **environment: str) -> Run:
        return run_ncps("import", f"--cache-storage-local={self.server.storage}",
                        f"--cache-database-url=sqlite:{self.database}",
                        f"--cache-upstream-public-key={self.trusted}", *more, within=60, **environment)

    def assert_counts(self, run: Run, status: int = 0, **counts: int) -> None:
        self.assertEqual(run.status, status, run.said)
        for words, count in counts.items():
            self.assertIn(f"{words.replace('_', ' ')}: {count}", run.out, run.said)

    def assert_served(self, urls: dict[str, str]) -> None:
        """Every path, to a client that trusts the key that the Go program had, with no upstream to ask."""
        if not self.server.process:
            self.server.start()
        self.assertEqual(self.server.pubkey().strip(), self.key.public)
        for path, url in urls.items():
            self.assertEqual(self.nar_target(self.server, path), url)
            self.assertEqual(raw.get(self.server.url, url).status, 200)
        client = self.client(self.key.public)
        client.copy(self.server.url, self.made.root)
        client.verify(self.made.root)


class EarlyStore(ImportCase):
    def lay(self, compression: str = "xz") -> dict[str, str]:
        return go_store.lay_early(self.server.storage, self.cache(compression), self.key,
                                  go_store.in_sqlite(self.database))

    def test_it_is_served_under_its_urls_without_an_upstream(self) -> None:
        for compression in ("xz", "zstd", "none"):
            with self.subTest(compression):
                self.setUp()
                urls = self.lay(compression)
                self.assert_counts(self.run_import(), narinfos_adopted=len(urls), narinfos_refused=0,
                                   NARs_at_rest=len(urls), narinfos_without_their_NAR=0)
                self.assert_served(urls)

    def test_without_an_import_it_is_served_as_well(self) -> None:
        self.assert_served(self.lay("none"))

    def test_the_times_of_the_last_use_stay(self) -> None:
        count = len(self.lay())
        self.run_import()
        for what in ("narinfos WHERE last_accessed_at LIKE '2025-02-0%'",
                     "nar_urls WHERE last_accessed_at LIKE '2025-03-0%' AND stored_size > 0"):
            self.assertEqual(go_store.answer_of(self.database, f"SELECT count(*) FROM {what}"), count, what)

    def test_a_dry_run_changes_no_byte(self) -> None:
        urls = self.lay()
        before = tree(self.server.home)
        self.assert_counts(self.run_import("--dry-run"), narinfos_to_adopt=len(urls), narinfos_refused=0)
        self.assertEqual(tree(self.server.home), before)

    def test_again_it_finds_nothing_to_do_and_a_dry_run_then_changes_nothing_either(self) -> None:
        urls = self.lay()
        self.assertEqual(self.run_import().status, 0)
        before = tree(self.server.home)
        self.assert_counts(self.run_import("--dry-run"), narinfos_to_adopt=0, narinfos_already_known=len(urls))
        self.assertEqual(tree(self.server.home), before)
        self.assert_counts(self.run_import(), narinfos_adopted=0, narinfos_already_known=len(urls))

    def test_beside_a_server_that_serves_it_both_end_well(self) -> None:
        urls = self.lay()
        self.server.start()
        self.assert_counts(self.run_import("--dry-run"), narinfos_to_adopt=len(urls))
        client = self.client(self.key.public)
        client.copy(self.server.url, self.made.paths[0])
        self.assert_counts(self.run_import(), narinfos_already_known=1, narinfos_adopted=len(urls) - 1)
        self.assert_served(urls)

    def test_what_no_trusted_key_has_signed_is_refused_and_said(self) -> None:
        self.lay()
        stranger = closure.signing_key("stranger-1").public
        run = self.run_import(f"--cache-upstream-public-key={stranger}")
        self.assertEqual(run.status, 0, "keys of both are trusted")
        self.database.unlink()
        run = run_ncps("import", f"--cache-storage-local={self.server.storage}",
                       f"--cache-database-url=sqlite:{self.database}", f"--cache-upstream-public-key={stranger}")
        self.assert_counts(run, status=1, narinfos_adopted=0, narinfos_refused=len(self.made.paths))
        self.assertIn("no signature by a trusted key", run.out)
        self.assertIn(closure.hash_of(self.made.root), run.err)

    def test_a_nar_that_is_cut_short_is_named(self) -> None:
        urls = self.lay()
        name = Path(urls[self.made.root]).name
        go_store.put(self.server.storage, go_store.sharded("store/nar", name) + "x", b"no NAR")
        file = self.server.storage / go_store.sharded("store/nar", name)
        file.chmod(0o600)
        file.write_bytes(file.read_bytes()[:10])
        run = self.run_import()
        self.assert_counts(run, status=1, narinfos_adopted=len(urls), NARs_without_a_narinfo=1)
        self.assertIn(f"nar/{name} has 10 bytes", run.err)


class LateStore(ImportCase):
    """On SQLite; on the servers below."""
    mysql = False

    def execute(self, statement: str) -> None:
        go_store.in_sqlite(self.go_file)(statement)

    def setUp(self) -> None:
        super().setUp()
        self.go_file = self.server.home / "go" / "go.sqlite"

    @property
    def go_url(self) -> str:
        return f"sqlite:{self.go_file}"

    def lay(self, compression: str) -> dict[str, str]:
        return go_store.lay_late(self.server.storage, self.cache(compression), self.key, self.execute, self.mysql)

    def test_it_is_served_with_its_key_and_without_an_upstream(self) -> None:
        urls = self.lay("xz")
        self.assert_counts(self.run_import(f"--from-database-url={self.go_url}"), narinfos_adopted=len(urls),
                           narinfos_refused=0, narinfos_without_their_NAR=0, NARs_without_a_narinfo=0)
        for what in ("narinfos WHERE last_accessed_at LIKE '2025-02-0%'",
                     "nar_urls WHERE last_accessed_at LIKE '2025-03-0%'"):
            self.assertEqual(go_store.answer_of(self.database, f"SELECT count(*) FROM {what}"), len(urls), what)
        self.assert_served(urls)

    def test_nars_without_compression_are_announced_as_what_is_stored(self) -> None:
        urls = self.lay("none")
        run = self.run_import(NCPS_FROM_DATABASE_URL=self.go_url)
        self.assert_counts(run, narinfos_adopted=len(urls), narinfos_without_their_NAR=0)
        self.assert_served({path: url + ".zst" for path, url in urls.items()})

    def test_a_dry_run_changes_nothing_and_no_key_is_shown(self) -> None:
        urls = self.lay("xz")
        before = tree(self.server.home)
        run = self.run_import("--dry-run", f"--from-database-url={self.go_url}")
        self.assert_counts(run, narinfos_to_adopt=len(urls))
        self.assertIn("signing key: would be taken over", run.out)
        self.assertEqual(tree(self.server.home), before)
        secret = self.key.secret_file.read_text().partition(":")[2].strip()
        for said in (run.said, self.run_import(f"--from-database-url={self.go_url}").said):
            self.assertNotIn(secret, said)

    def test_a_key_that_is_there_stays(self) -> None:
        self.lay("xz")
        other = closure.signing_key("cache.example", 1).secret_file.read_bytes()
        go_store.put(self.server.storage, "config/cache.key", other)
        run = self.run_import(f"--from-database-url={self.go_url}")
        self.assertEqual(run.status, 0, run.said)
        self.assertIn("another one, which stays", run.out)
        self.assertEqual((self.server.storage / "config/cache.key").read_bytes(), other)

    def test_as_our_own_database_it_is_refused_with_what_to_do(self) -> None:
        self.lay("xz")
        run = run_ncps("serve", "--cache-hostname=x", f"--cache-storage-local={self.server.storage}",
                       f"--cache-database-url={self.go_url}", f"--cache-upstream-url={NOBODY_THERE}",
                       "--server-addr=127.0.0.1:0")
        self.assertEqual(run.status, 1)
        self.assertIn("ncps import --from-database-url", run.err)


class OnServer:
    server_class: type

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.go = cls.server_class()
        cls.addClassCleanup(cls.go.close)

    def setUp(self) -> None:
        super().setUp()
        self.go.forget()

    @property
    def go_url(self) -> str:
        return self.go.url

    def execute(self, statement: str) -> None:
        role = "" if self.mysql else f"SET ROLE {self.go.USER}; "
        self.go.ask(role + statement, "ncps")


class LateStoreOnPostgres(OnServer, LateStore):
    server_class = Postgres


class LateStoreOnMariaDb(OnServer, LateStore):
    server_class = MariaDb
    mysql = True


class WrongUse(ImportCase):
    def test_what_it_cannot_do_it_says_with_status_2_and_touches_nothing(self) -> None:
        before = tree(self.server.home)
        nowhere = self.server.home / "nowhere"
        for arguments, word in [
                ((f"--from-database-url=sqlite:{nowhere}/db",), "no such file"),
                (("--from-database-url=postgresql://u:s3cret@127.0.0.1:9/db",), "127.0.0.1"),
                (("--from-database-url=oracle://u:s3cret@h/db",), "--from-database-url"),
                ((f"--from-database-url=file:{nowhere}",), "nowhere"),
                ((f"--cache-storage-local={nowhere}",), "nowhere"),
                (("--cache-upstream-public-key=nonsense",), "--cache-upstream-public-key"),
                (("--dry-rnu",), "--dry-run"),
        ]:
            with self.subTest(arguments):
                run = self.run_import(*arguments)
                self.assertEqual(run.status, 2, run.said)
                self.assertIn(word, run.err)
                self.assertNotIn("s3cret", run.said)
                self.assertEqual(tree(self.server.home), before)

    def test_neither_a_hostname_nor_an_upstream_is_needed_but_a_store_is(self) -> None:
        self.assert_counts(self.run_import(), narinfos_adopted=0)
        run = run_ncps("import")
        self.assertEqual(run.status, 2)
        self.assertIn("--cache-storage-local", run.err)
        self.assertNotIn("--cache-hostname", run.err)


if __name__ == "__main__":
    unittest.main()
