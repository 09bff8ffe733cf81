"""The long run in short, and that its judge sees what grows."""
from __future__ import annotations

import unittest

from tests.soak.course import Plan
from tests.soak.endless import empty_cache, lay_out
from tests.soak.flat import MEASURES, grown, table
from tests.soak.long import kept_result, long_soak, text
from tests.soak.throttle import BURST, Throttle

from .lab.case import LabCase
from .lab.closure import signing_key

# Minutes, not seconds: the heap finds its size. All else is as it stays from the beginning.
TAKES_MINUTES = {"rss", "anonymous"}


class ShortRun(LabCase):
    def test_generations_of_new_paths_leave_nothing_behind_at_rest(self) -> None:
        plan = Plan(seconds=0, load=100, seed=5, paths=22, rest_every=0, sample_every=0.3, quiet=0.3, rests=6,
                    slow_faults=False, limit=6 << 20)
        outcome = long_soak(self.folder("long"), plan)
        self.assertEqual(outcome.findings, [], "\n".join(map(str, outcome.findings)))
        grew = {name: words for name, words in grown(outcome.at_rest).items() if name not in TAKES_MINUTES}
        self.assertEqual(grew, {})
        self.assertGreaterEqual(len(outcome.at_rest), 6)
        self.assertGreater(len(outcome.samples), len(outcome.at_rest), "no sample under load")
        self.assertEqual(outcome.paths, 22 * outcome.generations)
        self.assertEqual(outcome.reloads, outcome.generations)
        self.assertGreater(outcome.evicted, 20)
        self.assertGreater(len(outcome.met), 8, outcome.met)
        for kind in ("whole NARs, right", "parts of NARs, right", "narinfos, right", "clients that left", "slow readers",
                     "requests over HTTP/2", "closures copied by Nix", "uploads acknowledged",
                     "paths asked for again", "questions for what nobody has, and for pages"):
            self.assertGreater(outcome.answers[kind], 0, kind)
        self.assertIn("| resident memory |", text(plan, outcome))
        self.assertEqual(len(kept_result(plan, outcome)["samples"]), len(outcome.samples))


def made_up(count: int, **measures) -> list[dict[str, int]]:
    """Samples in which all stays the same, but for these: functions of the number of the sample."""
    return [{m.name: 100 for m in MEASURES} | {name: value(n) for name, value in measures.items()} for n in range(count)]


class Judge(unittest.TestCase):
    def test_what_stays_is_flat(self) -> None:
        self.assertEqual(grown(made_up(30)), {})

    def test_each_measure_that_grows_by_more_than_its_margin_is_found_and_no_other(self) -> None:
        for measure in MEASURES:
            if measure.margin is None:
                continue
            step = measure.margin // 10 + 1  # thirds of ten: their medians are ten steps from each other
            found = grown(made_up(30, **{measure.name: lambda n: n * step}))
            self.assertEqual(set(found), {measure.name})
            self.assertIn(measure.title, found[measure.name])
            self.assertEqual(grown(made_up(30, **{measure.name: lambda n: n * (measure.margin // 10)})), {}, "the margin itself")

    def test_what_grows_at_first_and_then_stays_is_flat(self) -> None:
        self.assertEqual(grown(made_up(30, rss=lambda n: min(n, 10) << 24)), {})

    def test_one_that_grows_only_late_is_found(self) -> None:
        self.assertEqual(set(grown(made_up(30, threads=lambda n: 9 + (n > 23)))), {"threads"})

    def test_what_shrinks_and_single_peaks_are_no_findings(self) -> None:
        self.assertEqual(grown(made_up(30, rss=lambda n: (40 - n) << 24)), {})
        self.assertEqual(grown(made_up(30, other_descriptors=lambda n: 5000 if n in (12, 22, 27) else 20)), {})

    def test_too_few_samples_are_never_called_flat(self) -> None:
        self.assertEqual(set(grown(made_up(5))), {"samples"})
        self.assertEqual(set(grown([])), {"samples"})

    def test_the_table_has_the_medians_by_thirds_and_the_most(self) -> None:
        at_rest = made_up(9, threads=lambda n: 10 * n)
        rows = table([*at_rest, *made_up(1, threads=lambda n: 777)], at_rest)
        self.assertIn("| threads | 10 | 40 | 70 | 777 |", rows)


class Load(unittest.TestCase):
    def test_it_lets_through_what_its_share_of_a_core_pays_for(self) -> None:
        now, used = 0.0, 0.0
        throttle = Throttle(0.25, lambda: used, lambda: now)
        self.assertTrue(throttle.may())
        used = 1.0
        self.assertFalse(throttle.may(), "a second of CPU costs four of time")
        now = 3.9
        self.assertFalse(throttle.may())
        now = 4.1
        self.assertTrue(throttle.may())

    def test_after_a_pause_it_makes_up_for_little(self) -> None:
        now, used = 0.0, 0.0
        throttle = Throttle(0.25, lambda: used, lambda: now)
        now = 3600.0
        self.assertTrue(throttle.may())
        used = BURST + 0.1
        self.assertFalse(throttle.may())


class EndlessPaths(LabCase):
    def test_real_nix_takes_them_with_their_references_and_signatures(self) -> None:
        folders = {part: empty_cache(self.folder(part) / "cache") for part in ("xz", "none")}
        batch = lay_out(self.folder("home"), "batch", 30, folders, signing_key())
        root = next(path for path in reversed(batch.closure.paths) if batch.caches[0].narinfo(path)["References"])
        for part, folder in folders.items():
            with self.subTest(part):
                client = self.client(signing_key().public)
                client.copy(f"file://{folder}", root)
                client.verify(root)

    def test_of_a_batch_that_is_forgotten_nothing_is_left(self) -> None:
        home, folder = self.folder("home"), empty_cache(self.folder("cache") / "xz")
        batch = lay_out(home, "batch", 30, {"xz": folder}, signing_key())
        paths = list(batch.closure.paths)
        batch.forget()
        self.assertEqual([file.name for file in folder.rglob("*") if file.is_file()], ["nix-cache-info"])
        self.assertEqual(list(home.iterdir()), [])
        other = lay_out(home, "other", 30, {"xz": folder}, signing_key())
        self.assertEqual(set(paths) & set(other.closure.paths), set())


if __name__ == "__main__":
    unittest.main()
