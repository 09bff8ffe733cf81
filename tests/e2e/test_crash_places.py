"""The crash soak in short, where things are kept elsewhere: in a bucket, in rows of a database server."""
from __future__ import annotations

import unittest

from tests.soak.crash import crash_soak

from .lab.case import LabCase


class CrashPlaces(LabCase):
    def survives(self, storage: str, database: str, kills: int) -> None:
        outcome = crash_soak(self.folder("crash"), kills=kills, seed=7, storage=storage, database=database)
        self.assertFalse(outcome.findings, "\n".join(finding[:3000] for finding in outcome.findings[:8]) + "\n" + outcome.text())
        self.assertEqual(outcome.kills, kills)
        self.assertGreater(outcome.answers, 10, outcome.text())
        self.assertGreater(outcome.broken_off, 5, outcome.text())
        self.assertGreater(outcome.files, 100, outcome.text())
        self.assertGreater(outcome.uploads, 10, outcome.text())
        self.assertGreater(outcome.fscks, 3, outcome.text())

    def test_killed_again_and_again_with_a_bucket_and_postgresql_it_keeps_its_promises(self) -> None:
        self.survives("s3", "postgres", kills=12)

    def test_killed_again_and_again_with_mariadb_it_keeps_its_promises(self) -> None:
        self.survives("local", "mariadb", kills=20)


if __name__ == "__main__":
    unittest.main()
