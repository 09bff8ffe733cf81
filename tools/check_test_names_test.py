#!/usr/bin/env python3
"""The check of the tests' names refuses names of tests that are not there."""
import pathlib
import tempfile
import unittest

from check_test_names import missing

TREE = {"src/room/x_test.cpp": "TEST(Suite, DoesWhatItSays) {}\nTEST_P(\n    Other, AlsoDoesIt) {}\n",
        "src/room/testing/contract.h": "TEST_P(Contract, IsKept) {}\n",
        "src/room/x.cpp": "// TEST(Suite, IsNoTest)\nTEST(Suite, IsNotOneEither) {}\n",
        "tests/e2e/test_file.py": "class A:\n    def test_one(self):\n",
        "tests/e2e/test_more.py": "class More:\n    def test_more(self):\n"}


class CheckTestNames(unittest.TestCase):
    def check(self, text: str) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, content in (TREE | {"d.md": text}).items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(content)
            return [line.rpartition(" ")[2] for line in missing(root, ("d.md",))]

    def test_what_is_there_is_fine(self):
        self.assertEqual(self.check("`Suite.DoesWhatItSays`, `Other.AlsoDoesIt`, `Contract.IsKept`, `Suite.*`, `test_one`, "
                                    "`test_file.py`, `tests/e2e/test_file.py`, `room/x_test.cpp`, `src/room/x_test.cpp`"), [])

    def test_what_is_not_there_is_refused(self):
        for name in ("Suite.IsNotOneEither", "Suite.DoesNothing", "Nothing.*", "test_two", "test_other.py",
                     "tests/e2e/test_other.py", "room/y_test.cpp", "other/x_test.cpp"):
            self.assertEqual(self.check(f"| a | `{name}` |"), [name])

    def test_what_is_in_another_file_is_refused(self):
        self.assertEqual(self.check("`A` in `test_file.py`, `A` and `test_one` in `tests/e2e/test_file.py`; of `B`: `test_file.py`"), [])
        self.assertEqual(self.check("`A` and `B` in `test_file.py`, `C` in `tests/e2e/test_file.py`"), ["B", "C"])
        self.assertEqual(self.check("`test_one` in `test_more.py`"), ["test_one"])

    def test_other_words_are_not_looked_at(self):
        self.assertEqual(self.check("`Limits::kMost`, `README.md`, `a.b`, `std.Foo`, `H2Session`, Suite.DoesNothing"), [])


if __name__ == "__main__":
    unittest.main()
