"""Commands that write to another user's store: root is refused before anything is touched. (Only root can be.)"""
from __future__ import annotations

import os
import unittest
from pathlib import Path

from .lab.case import LabCase
from .lab.ncps import Run, run_ncps

NAMELESS = 54_711
HASH = "0" * 32


class AsOwner(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.storage = self.folder("storage")
        (self.storage / "store").mkdir()

    def give(self, uid: int, *paths: Path) -> None:
        if os.geteuid() == 0:
            for path in paths:
                os.chown(path, uid, -1)

    def snapshot(self) -> dict[Path, tuple[int, int, int]]:
        files = [self.storage, *self.storage.rglob("*")]
        return {file: (file.stat().st_uid, file.stat().st_mtime_ns, file.stat().st_size) for file in files}

    def run_here(self, *words: str) -> Run:
        return run_ncps(*words, f"--cache-storage-local={self.storage}", "--cache-hostname=cache.example",
                        CACHE_TEMP_PATH=str(self.folder("temp")))

    def assert_refused(self, run: Run, status: int, how: str) -> None:
        self.assertEqual(run.status, status if os.geteuid() == 0 else run.status, run.said)
        if os.geteuid() == 0:
            self.assertIn(how, run.err)
            self.assertEqual(run.out, "")

    def test_commands_that_write_are_refused_and_touch_nothing(self) -> None:
        self.give(65_534, self.storage)
        before = self.snapshot()
        rows = {("key", "rotate"): 1, ("key", "retire"): 1, ("migrate", "up"): 1, ("fsck",): 2, ("fsck", "--repair"): 2,
                ("import",): 2, ("pin", "add", HASH): 2, ("pin", "remove", HASH): 2, ("pin", "list"): 2}
        for words, status in rows.items():
            with self.subTest(" ".join(words)):
                self.assert_refused(self.run_here(*words), status, "`runuser -u nobody -- ncps ...`")
                if os.geteuid() == 0:
                    self.assertEqual(self.snapshot(), before)

    def test_an_owner_without_a_name_is_told_by_number(self) -> None:
        self.give(NAMELESS, self.storage)
        self.assert_refused(self.run_here("key", "rotate"), 1, f"setpriv --reuid={NAMELESS}")

    def test_so_are_those_of_a_database_alone(self) -> None:
        for what in ("folder", "file"):
            with self.subTest(what):
                folder = self.folder(f"database-{what}")
                file = folder / "db.sqlite"
                if what == "file":
                    file.touch()
                self.give(65_534, folder if what == "folder" else file)
                for words in (("migrate", "up"), ("pin", "list")):
                    self.assert_refused(self.run_here(*words, f"--cache-database-url=sqlite:{file}"), 1 if words[0] == "migrate" else 2,
                                        "runuser")
                for words in (("up",), ("migrate",), ("create",)):
                    self.assert_refused(run_ncps("dbmate", f"--url=sqlite:{file}", *words), 1, "runuser")

    def test_who_only_looks_may(self) -> None:
        self.assertEqual(self.run_here("migrate", "up").status, 0)
        self.assertEqual(self.run_here("key", "rotate").status, 0)
        self.give(65_534, *self.snapshot())
        before = {file: uid for file, (uid, _, _) in self.snapshot().items()}
        for words in (("key", "public"), ("client-config", "http://a"), ("migrate", "status"), ("stats",), ("fsck", "--dry-run")):
            with self.subTest(" ".join(words)):
                run = self.run_here(*words)
                self.assertEqual(run.status, 0, run.said)
        left = {file: uid for file, (uid, _, _) in self.snapshot().items()}
        self.assertEqual({file: uid for file, uid in left.items() if before.get(file) != uid}, {}, "nothing of root's is left")

    def test_the_owner_may_write(self) -> None:
        for words in (("migrate", "up"), ("key", "rotate"), ("fsck", "--repair")):
            run = self.run_here(*words)
            self.assertEqual(run.status, 0, run.said)


if __name__ == "__main__":
    unittest.main()
