"""What makes a fault in the program harder to use (cmake/Hardening.cmake) is in the binary that was built, and in how each of its
sources was compiled: in the binary one that was left out would not show beside the others."""
from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("NCPS_BINARY") or ROOT / "build/release/ncps")
BUILD = Path(os.environ.get("NCPS_BUILD") or ROOT / "build/release")
FLAGS = {"-fstack-protector-strong", "-fstack-clash-protection", "-D_FORTIFY_SOURCE=3", "-D_GLIBCXX_ASSERTIONS"}


def readelf(*options: str) -> str:
    return subprocess.run(["readelf", "--wide", *options, str(BINARY)], capture_output=True, text=True, check=True).stdout


class Hardening(unittest.TestCase):
    def test_its_addresses_are_nobodys_to_know(self) -> None:
        self.assertRegex(readelf("--file-header"), r"Type: +DYN \(Position-Independent Executable file\)")

    def test_tables_of_functions_are_read_only_once_it_runs(self) -> None:
        self.assertIn("GNU_RELRO", readelf("--program-headers"))
        self.assertRegex(readelf("--dynamic"), r"FLAGS_1.*\bNOW\b")  # else the table of libraries' functions stays writable

    def test_no_memory_is_both_written_and_executed(self) -> None:
        segments = re.findall(r"^ +(\w+) +(?:0x\w+ +){5}([R ][W ][E ])", readelf("--program-headers"), re.MULTILINE)
        self.assertIn(("GNU_STACK", "RW "), segments)
        self.assertEqual([s for s in segments if "W" in s[1] and "E" in s[1]], [])

    def test_overwritten_stacks_and_buffers_are_noticed(self) -> None:
        wanted = readelf("--dyn-syms")
        self.assertRegex(wanted, r"UND __stack_chk_fail@")
        self.assertRegex(wanted, r"UND __(mem|str|sn?printf|vsn?printf|read|recv)\w*_chk@")  # _FORTIFY_SOURCE

    def test_bounds_of_the_library_are_checked(self) -> None:
        self.assertIn("std::__glibcxx_assert_fail", subprocess.run(
            ["c++filt"], input=readelf("--dyn-syms"), capture_output=True, text=True, check=True).stdout)


class Sources(unittest.TestCase):
    def setUp(self) -> None:
        commands = json.loads((BUILD / "compile_commands.json").read_text())
        self.compiled = {str(Path(entry["file"]).resolve()): shlex.split(entry["command"]) for entry in commands
                         if not re.search(r"_test\.cpp$|\.h\.cxx$", entry["file"])}  # .h.cxx: headers alone, of `make headers`

    def test_each_is_compiled_with_all_of_it(self) -> None:
        for file, command in self.compiled.items():
            with self.subTest(file):
                self.assertEqual(FLAGS - set(command), set())
                self.assertTrue({"-fPIE", "-fPIC"} & set(command), "it has a fixed address")
                # What undoes it; and without optimisation _FORTIFY_SOURCE does nothing.
                self.assertEqual([word for word in command if re.match(r"-fno-(stack|pi)|-U_(FORTIFY|GLIBCXX)|-O0|-no-pie", word)], [])
                self.assertTrue(any(re.fullmatch(r"-O[123s]", word) for word in command))

    def test_all_of_them_are_looked_at(self) -> None:
        sources = {str(file) for file in (ROOT / "src").rglob("*.cpp") if not re.search(r"_(test|fuzz)\.cpp$", file.name)}
        sources.discard(str(ROOT / "src/fuzzing/main.cpp"))  # no part of the program
        self.assertGreater(len(sources), 100)
        self.assertEqual(sources - self.compiled.keys(), set())


if __name__ == "__main__":
    unittest.main()
