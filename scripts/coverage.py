#!/usr/bin/env python3
"""Which lines of src the tests run:   scripts/coverage.py [--write] [unit]

Builds the preset `coverage` and runs every test with it that a sanitizer would run too (unit: without the end-to-end
tests), then counts. --write puts the outcome into docs/quality.md. It fails where less than ENOUGH of the lines were run.

Counters lie in memory shared with a file ("%c", which wants -runtime-counter-relocation on Linux), so that a server that
was killed has counted, too. A test that fails is named and does not stop the count: it is `make test` that judges tests.
What was never run, line by line: build/coverage/not-run.txt.
"""
from __future__ import annotations

import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
BUILD = ROOT / "build/coverage"
ENOUGH = 90  # percent
GAPS = 10    # files named
NOT_OURS = re.compile(r"(_test|_fuzz|_bench)\.(cpp|h)$|/testing/|^fuzzing/")


@dataclass
class File:
    """Of src: how often each line with code was run."""
    name: str  # below src
    runs: dict[int, int]

    @property
    def missed(self) -> list[int]:
        return sorted(line for line, count in self.runs.items() if not count)


def read(lcov: str) -> list[File]:
    """The files of src, but not of tests, in a report as `llvm-cov export --format=lcov` writes it. One that is there more
    than once, because programs were built at different places, counts once."""
    found: dict[str, File] = {}
    current: File | None = None
    for line in lcov.splitlines():
        if line.startswith("SF:"):
            name = line.rpartition("/src/")[2]
            current = found.setdefault(name, File(name, {})) if (ROOT / "src" / name).is_file() and not NOT_OURS.search(name) else None
        elif line.startswith("DA:") and current:
            number, count = map(int, line[3:].split(",")[:2])
            current.runs[number] = max(current.runs.get(number, 0), count)
    return sorted((file for file in found.values() if file.runs), key=lambda file: file.name)


def stretches(lines: list[int]) -> str:
    """1, 2, 3, 7 as 1-3, 7."""
    parts: list[list[int]] = []
    for line in lines:
        if parts and parts[-1][1] == line - 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def percent(files: list[File]) -> float:
    lines = sum(len(file.runs) for file in files)
    return 100 * (lines - sum(len(file.missed) for file in files)) / lines if lines else 0.0


def section(files: list[File], what: str, failed: list[str]) -> str:
    rooms: dict[str, list[File]] = collections.defaultdict(list)
    for file in files:
        rooms[file.name.rpartition("/")[0] or "src"].append(file)

    def row(name: str, those: list[File]) -> str:
        return f"| {name} | {sum(len(file.runs) for file in those):,} | {sum(len(file.missed) for file in those):,} | {percent(those):.1f} % |"

    said = [f"`make coverage` ({what}): {percent(files):.1f} % of {sum(len(file.runs) for file in files):,} lines of `src` with code, "
            f"without tests and what is for tests, were run at least once. What the compiler runs itself (`constexpr`) counts as not run."]
    if failed:
        said.append(f"Tests that failed under it: {', '.join(failed)}.")
    worst = sorted(files, key=lambda file: (-len(file.missed), file.name))[:GAPS]
    return "\n".join([" ".join(said), "", "| room | lines | not run | run |", "|---|---:|---:|---:|",
                      *(row(name, those) for name, those in sorted(rooms.items())), row("all", files),
                      "", "| most lines not run | lines | not run |", "|---|---:|---:|",
                      *(f"| `src/{file.name}` | {len(file.runs)} | {len(file.missed)} |" for file in worst if file.missed)])


def tests(unit: bool) -> list[str]:
    """Runs them; the names of those that failed."""
    profiles = BUILD / "profiles"
    shutil.rmtree(profiles, ignore_errors=True)
    profiles.mkdir()
    environment = os.environ | {"LLVM_PROFILE_FILE": f"{profiles}/%2m%c.profraw"}
    without = "e2e" if unit else "timing|release"
    ran = subprocess.run(["ctest", "--preset", "coverage", "-j", str(os.cpu_count()), "-LE", without, "--output-log", str(BUILD / "tests.log")],
                         cwd=ROOT, env=environment)
    if ran.returncode == 0:
        return []
    return sorted(set(re.findall(r"^\s*\d+ - (\S+) \(", (BUILD / "tests.log").read_text(errors="replace"), re.MULTILINE)))


def counted() -> str:
    """llvm-cov's report of all programs at once."""
    merged = BUILD / "all.profdata"
    subprocess.run(["llvm-profdata-19", "merge", "--sparse", "-o", merged, *sorted((BUILD / "profiles").glob("*.profraw"))], check=True)
    programs = [BUILD / "ncps", *sorted(file for file in (BUILD / "src").glob("*_test") if file.is_file())]
    objects = [f"--object={program}" for program in programs[1:]]
    return subprocess.run(["llvm-cov-19", "export", "--format=lcov", "--skip-branches", f"--instr-profile={merged}", programs[0], *objects],
                          check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("what", nargs="?", choices=["unit", "full"], default="full")
    options = parser.parse_args()
    jobs = os.environ.get("JOBS") or str(os.cpu_count())
    subprocess.run(["cmake", "--preset", "coverage"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "coverage", "-j", jobs], cwd=ROOT, check=True)
    failed = tests(options.what == "unit")
    files = read(counted())
    (BUILD / "not-run.txt").write_text("".join(f"src/{file.name}: {stretches(file.missed)}\n" for file in files if file.missed))
    text = section(files, "unit tests only" if options.what == "unit" else "unit and end-to-end tests", failed)
    print(text)
    if options.write:
        from tests.soak.report import put
        put(ROOT / "docs/quality.md", "coverage", "Coverage", text)
    return int(percent(files) < ENOUGH)


if __name__ == "__main__":
    sys.exit(main())
