"""The crash soak in short: killed a hundred times, nothing is lost and nothing half-done is seen."""
from __future__ import annotations

import unittest

from tests.soak.crash import crash_soak

from .lab.case import LabCase


class Crash(LabCase):
    def test_killed_a_hundred_times_it_keeps_its_promises(self) -> None:
        outcome = crash_soak(self.folder("crash"), kills=100, seed=7)
        self.assertFalse(outcome.findings, "\n".join(finding[:3000] for finding in outcome.findings[:8]) + "\n" + outcome.text())
        self.assertEqual(outcome.kills, 100)
        self.assertGreater(outcome.answers, 100, outcome.text())
        self.assertGreater(outcome.broken_off, 20, outcome.text())
        self.assertGreater(outcome.files, 500, outcome.text())
        self.assertGreater(outcome.uploads, 50, outcome.text())
        self.assertGreater(outcome.removals, 0, outcome.text())
        self.assertGreater(outcome.pins, 0, outcome.text())
        self.assertGreater(outcome.evicted, 5, outcome.text())
        self.assertGreater(outcome.stops, 0, outcome.text())


if __name__ == "__main__":
    unittest.main()
