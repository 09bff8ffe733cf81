"""The crash soak in short, where things are kept elsewhere: in a bucket, in rows of a database server."""
from __future__ import annotations

import unittest

from tests.soak.crash import crash_soak

from .lab.case import LabCase


class CrashPlaces(LabCase):
    def survives(self, storage: str, database: str) -> None:
        outcome = crash_soak(self.folder("crash"), kills=20, seed=7, storage=storage, database=database)
        self.assertEqual(outcome.findings, [], "\n".join(outcome.findings))
        self.assertEqual(outcome.kills, 20)
        self.assertGreater(outcome.answers, 20, outcome.text())
        self.assertGreater(outcome.broken_off, 5, outcome.text())
        self.assertGreater(outcome.files, 100, outcome.text())
        self.assertGreater(outcome.uploads, 20, outcome.text())
        self.assertGreater(outcome.removals, 1, outcome.text())
        self.assertGreater(outcome.fscks, 3, outcome.text())

    def test_killed_again_and_again_with_a_bucket_and_postgresql_it_keeps_its_promises(self) -> None:
        self.survives("s3", "postgres")

    def test_killed_again_and_again_with_mariadb_it_keeps_its_promises(self) -> None:
        self.survives("local", "mariadb")


if __name__ == "__main__":
    unittest.main()
