#!/usr/bin/env python3
"""The list of dependencies reads Debian's copyright files right, and refuses what it is there to refuse."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from dependencies import BEGIN, END, HEADERS, NOT_IN_THE_PROGRAM, Source, cmake_names, licences, problems, table, unaccounted  # noqa: E402

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: somebody
License: Expat
 Its text,
 .
 which goes on.

Files: lib/*
Copyright: another
License: LGPL-2.1+

Files: lib/sort.c
       src/hash.h
Copyright: a third
License: ISC

Files: debian/* tests/try.c install-sh lib/examples/one.c
Copyright: those who package it
License: GPL-3+

License: LGPL-2.1+
 The text of that.
"""


class Licences(unittest.TestCase):
    def test_the_librarys_and_those_of_single_files_are_told_apart(self):
        self.assertEqual(licences(COPYRIGHT), ("Expat", ["ISC", "LGPL-2.1+"]))

    def test_of_a_folder_only_what_is_in_it_counts(self):
        self.assertEqual(licences(COPYRIGHT, "lib/*"), ("LGPL-2.1+", ["ISC"]))

    def test_what_cannot_be_read_is_not_guessed(self):
        for text, files in (("This package was made by hand.\nLicense: Expat\n", "*"), (COPYRIGHT, "libmariadb/*"),
                            (COPYRIGHT.replace("License: Expat", "Comment: none"), "*")):
            with self.assertRaises(ValueError):
                licences(text, files)


class Names(unittest.TestCase):
    def test_every_library_that_is_looked_for_is_linked_or_said_to_be_something_else(self):
        known = sorted(HEADERS.keys() | NOT_IN_THE_PROGRAM)
        found = cmake_names("find_package(fmt REQUIRED)\npkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)\n"
                            "find_path(SOCI_INCLUDE NAMES soci/soci.h REQUIRED)\n# find_package(not this)\n")
        self.assertEqual(found, ["fmt", "zlib", "soci"])
        linked = ["libfmt.so.9", "libz.so.1", "zlib", "libsoci_core.so.4.0"]
        self.assertEqual(unaccounted(known + found, linked), [])
        (said,) = unaccounted(known + found + ["lua"], linked)
        self.assertIn("lua", said)
        (said,) = unaccounted(known[1:] + found, linked)
        self.assertIn(known[0], said)


class Problems(unittest.TestCase):
    def setUp(self):
        self.found = [Source("curl", "7.88.1-10", "curl", ["ISC"], {"libcurl4"}, linked=True),
                      Source("cli11", "2.1", "BSD-3-clause", [], {"libcli11-dev"}, headers=True),
                      Source("krb5", "1.20.1-2", "MIT", [], {"libkrb5-3"}, wanted_by={"curl"})]

    def page(self, *names):
        reasons = "\n".join(f"| A library: `{name}` | for `this` | because |" for name in names)
        return f"# X\n\n## Linked into the program\n\n{reasons}\n\n## Versions\n\n" + "\n".join([BEGIN, *table(self.found), END]) + "\n"

    def test_what_is_listed_with_its_reason_is_fine(self):
        self.assertEqual(problems(self.page("curl", "cli11"), self.found), [])
        self.assertEqual(problems(self.page("curl", "cli11", "krb5"), self.found), [])

    def test_a_security_update_is_fine(self):
        page = self.page("curl", "cli11")
        self.found[0].version = "7.88.1-10+deb12u9"
        self.assertEqual(problems(page, self.found), [])

    def test_each_difference_is_refused(self):
        page = self.page("curl", "cli11")
        for change in (lambda: self.found.append(Source("lua", "5.4", "MIT", [], {"liblua"}, wanted_by={"curl"})),
                       lambda: self.found.pop(), lambda: setattr(self.found[2], "licence", "GPL-3"),
                       lambda: self.found[0].of_single_files.clear(), lambda: setattr(self.found[2], "linked", True)):
            self.setUp()
            change()
            with self.subTest(self.found):
                self.assertNotEqual(problems(page, self.found), [])

    def test_a_library_without_a_reason_and_a_reason_without_a_library_are_refused(self):
        (said,) = problems(self.page("curl"), self.found)
        self.assertIn("cli11", said)
        (said,) = problems(self.page("curl", "cli11", "lua"), self.found)
        self.assertIn("lua", said)


if __name__ == "__main__":
    unittest.main()
