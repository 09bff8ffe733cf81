#!/usr/bin/env python3
"""Coverage counts the lines of src, each once, and not those of tests."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from coverage import File, percent, read, section, stretches  # noqa: E402

LCOV = """SF:../../src/base/error.h
FN:3,f
DA:3,1
DA:4,0
end_of_record
SF:/elsewhere/src/base/error.h
DA:4,7
DA:5,0
end_of_record
SF:../../src/base/error_test.cpp
DA:1,1
end_of_record
SF:../../src/storage/testing/memory_blob_store.cpp
DA:1,0
end_of_record
SF:../../build/coverage/embedded_migrations.cpp
DA:1,0
end_of_record
SF:/usr/src/strange/src/base/unknown.h
DA:1,0
end_of_record
SF:../../src/http/range.cpp
DA:9,0
DA:10,18446744073709551615
end_of_record
"""


class Coverage(unittest.TestCase):
    def test_lines_of_src_count_once_and_those_of_tests_do_not(self):
        files = read(LCOV)
        self.assertEqual([(file.name, file.missed, len(file.runs)) for file in files], [("base/error.h", [5], 3), ("http/range.cpp", [9], 2)])
        self.assertEqual(percent(files), 60)

    def test_nothing_counted_is_nothing_covered(self):
        self.assertEqual(percent(read("")), 0)

    def test_lines_are_told_in_stretches(self):
        self.assertEqual(stretches([1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10")

    def test_the_section_has_every_room_and_names_what_failed(self):
        text = section([File("a/x.cpp", {1: 1, 2: 0}), File("a/b/y.cpp", {1: 1})], "unit tests", ["e2e.http"])
        self.assertIn("66.7 % of 3 lines", text)
        self.assertIn("| a | 2 | 1 | 50.0 % |\n| a/b | 1 | 0 | 100.0 % |\n| all | 3 | 1 | 66.7 % |", text)
        self.assertIn("| `src/a/x.cpp` | 2 | 1 |", text)
        self.assertNotIn("`src/a/b/y.cpp`", text)
        self.assertIn("e2e.http", text)


if __name__ == "__main__":
    unittest.main()
