#!/usr/bin/env python3
"""The check of the table of bounds refuses what is not there, or is something else."""
import pathlib
import tempfile
import unittest

from check_bounds import flaws

TREE = {"src/room/a.h": "struct Options {\n  std::chrono::milliseconds settling{10'000};  // = 2 s, once\n  std::size_t most = 16'384;\n};\n"
                        "class Box final : public A {\n  static constexpr std::size_t kMost =\n      2ul * 1024 * 1024;  // bytes\n};\n",
        "src/room/b.h": "class Other {\n  static constexpr std::size_t kMost = 7, kLeast = 3;\n};\n",
        "src/room/b.cpp": "constexpr auto kTime = std::chrono::minutes(5);\nconstexpr auto kPause = 250ms;\nconstexpr Policy kTries{.attempts = 6};\n"
                          "constexpr std::chrono::hours kLife{24};\nconstexpr std::size_t kSend = 64 << 10;\n"}


class CheckBounds(unittest.TestCase):
    def check(self, *rows: str) -> list[str]:
        """The names that are refused."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            page = "# A\n\n## Limits and timeouts\n\n| what | value | set in |\n|---|---|---|\n" + "\n".join(rows) + "\n\n## More\n"
            for name, content in (TREE | {"docs/architecture.md": page}).items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(content)
            return [pathlib.Path(line.split()[0].rstrip(":")).name for line in flaws(root)]

    def test_what_is_there_is_fine(self):
        self.assertEqual(self.check(
            "| a; b; c | 10 s; 16,384; 2 MiB | `settling`, `most`, `Box::kMost`, `src/room/a.h` |", "| of that | 10 s | `settling`, there |",
            "| two | 7; 3 | `Other::kMost`, `kLeast`, `src/room/b.h` |", "| without folder | 7 | `Other::kMost`, `src/room/` |",
            "| times | 5 min; 250 ms; 24 h; 64 KiB | `kTime`, `kPause`, `kLife`, `kSend`, `src/room/b.cpp` |",
            "| others | 300 s; 0.25 s; 1 days; 65,536 bytes | `kTime`, `kPause`, `kLife`, `kSend`, `src/room/a.h`, `b.cpp` |",
            "| nobody can tell | many | `kTries`, `Options`, `src/room/b.cpp` |"), [])

    def test_what_is_not_there_is_refused(self):
        self.assertEqual(self.check("| a | 1 | `kNothing`, `src/room/a.h` |", "| b | 1 | `src/room/c.h` |",
                                    "| c | 7 | `Box::kLeast`, `src/room/a.h` |"), ["kNothing", "c.h", "kLeast"])

    def test_another_value_is_refused(self):
        for cell, place, name in (("2 s", "`settling`, `src/room/a.h`", "settling"), ("1 MiB", "`Box::kMost`, `src/room/a.h`", "kMost"),
                                  ("7", "`Box::kMost`, `src/room/a.h`", "kMost"), ("2 MiB", "`Other::kMost`, `src/room/b.h`", "kMost"),
                                  ("5 s", "`kTime`, `src/room/b.cpp`", "kTime"), ("64 s", "`kSend`, `src/room/b.cpp`", "kSend"),
                                  ("65,536 s", "`kSend`, `src/room/b.cpp`", "kSend")):
            self.assertEqual(self.check(f"| a | {cell} | {place} |"), [name], cell)


if __name__ == "__main__":
    unittest.main()
