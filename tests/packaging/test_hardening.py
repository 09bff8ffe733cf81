"""What makes a fault in the program harder to use (cmake/Hardening.cmake) is in the binary that was built."""
from __future__ import annotations

import os
import re
import subprocess
import unittest
from pathlib import Path

BINARY = Path(os.environ.get("NCPS_BINARY") or Path(__file__).parents[2] / "build/release/ncps")


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


if __name__ == "__main__":
    unittest.main()
