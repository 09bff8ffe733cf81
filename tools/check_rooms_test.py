#!/usr/bin/env python3
"""The check of the rooms refuses what it is there to refuse."""
import pathlib
import tempfile
import unittest

from check_rooms import problems

MAP = """room(NAME base LINKS fmt::fmt)
room(NAME cache USES base TEST_USES lab)
room(NAME lab DIR lab USES base)
"""


class CheckRooms(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as folder:
            src = pathlib.Path(folder)
            (src / "CMakeLists.txt").write_text(MAP)
            for name, text in files.items():
                (src / name).parent.mkdir(exist_ok=True)
                (src / name).write_text(text)
            return problems(src)[0]

    def test_downstairs_is_fine(self):
        self.assertEqual(self.check({"cache/a.h": '#include "base/b.h"\n'}), [])

    def test_upstairs_is_refused(self):
        (found,) = self.check({"base/b.h": '\n#include "cache/a.h"\n'})
        self.assertIn("base/b.h:2: base/ may not include cache/", found)

    def test_only_tests_may_use_what_is_for_tests(self):
        include = '#include "lab/fake.h"\n'
        self.assertEqual(self.check({"cache/a_test.cpp": include}), [])
        self.assertEqual(len(self.check({"cache/a.cpp": include})), 1)

    def test_detached_is_refused(self):
        self.assertEqual(len(self.check({"cache/a.cpp": "co_spawn(io, f(), detached);\n"})), 1)

    def test_a_folder_off_the_map_is_refused(self):
        self.assertEqual(len(self.check({"attic/a.cpp": "\n"})), 1)


if __name__ == "__main__":
    unittest.main()
