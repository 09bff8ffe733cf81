#!/usr/bin/env python3
"""Runs fuzzers: the seeds (seeds.py), what was found before (corpus/), and inputs made of both.

    fuzz/run.py --program build/fuzz/ncps_fuzz --seconds 60 [TARGET...]    each so long; --jobs 2: two at once
    fuzz/run.py --program build/asan/ncps_fuzz --runs 10000 range          so many inputs, the same ones each time
    fuzz/run.py --program build/asan/ncps_fuzz --input FILE range          one input, to look at it
    fuzz/run.py --program build/fuzz/ncps_fuzz --where --runs 10000 range  and how many edges of each file they reached

What a fuzzer finds lies in build/fuzz-found/<target>-<what>-<hash>. --write puts the figures into docs/quality.md, those
of fuzzers that did not run stay.
"""
from __future__ import annotations

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))
from fuzz.seeds import SEEDS, WORDS  # noqa: E402

PAGE = HOME.parent / "docs/quality.md"
FOUND = HOME.parent / "build/fuzz-found"
MOST_BYTES = 4096         # of an input
MOST_MEMORY = 1536        # MiB, ASan's own share included
MOST_SECONDS = 20         # one input


def names() -> list[str]:
    return sorted(file.name.removesuffix("_fuzz.cpp") for file in (HOME.parent / "src").rglob("*_fuzz.cpp"))


@dataclass
class Outcome:
    target: str
    tried: int = 0
    edges: int = 0
    failed: bool = False
    said: str = ""


def dictionary(words: list[str | bytes]) -> str:
    def quoted(word: str | bytes) -> str:
        return '"' + "".join(f"\\x{byte:02x}" for byte in (word if isinstance(word, bytes) else word.encode())) + '"'
    return "\n".join(map(quoted, words)) + "\n"


def symbolizer() -> dict[str, str]:
    """For names of functions and files: the sanitizers take none that is a link, as Debian's is."""
    found = shutil.which("llvm-symbolizer")
    return {"ASAN_SYMBOLIZER_PATH": os.path.realpath(found)} if found else {}


def run(program: Path, target: str, how: list[str]) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="ncps-fuzz-") as folder:
        work = Path(folder)
        for name in ("new", "seeds", "found"):
            (work / name).mkdir()
        for number, seed in enumerate(SEEDS[target]):
            (work / "seeds" / f"{number:02}").write_bytes(seed if isinstance(seed, bytes) else seed.encode())
        (work / "words").write_text(dictionary(WORDS.get(target, ["x"])))
        corpus = HOME / "corpus" / target
        folders = [str(work / "new"), str(work / "seeds")] + ([str(corpus)] if corpus.is_dir() else [])
        ran = subprocess.run(
            [str(program), f"-max_len={MOST_BYTES}", f"-rss_limit_mb={MOST_MEMORY}", f"-timeout={MOST_SECONDS}", f"-dict={work / 'words'}",
             f"-artifact_prefix={work / 'found'}/", "-print_final_stats=1", *how, *folders],
            env=symbolizer() | os.environ | {"FUZZ": target, "TZ": "UTC"}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        outcome = Outcome(target, failed=ran.returncode != 0, said=ran.stderr)
        if tried := re.search(r"stat::number_of_executed_units:\s+(\d+)", ran.stderr):
            outcome.tried = int(tried[1])
        if edges := re.findall(r"\bcov: (\d+)", ran.stderr):
            outcome.edges = int(edges[-1])
        for file in (work / "found").iterdir():
            FOUND.mkdir(parents=True, exist_ok=True)
            kept = FOUND / f"{target}-{file.name[:24]}"
            shutil.copy(file, kept)
            print(f"found: {kept}: {file.read_bytes()[:200]!r}")
        if outcome.failed:
            print(ran.stderr[-6000:])
        print(f"{target}: {outcome.tried:,} inputs, {outcome.edges:,} edges{', FAILED' if outcome.failed else ''}", flush=True)
        return outcome


def where(outcome: Outcome) -> str:
    """The files that inputs came to: edges reached, and edges that are there."""
    reached, there = Counter[str](), Counter[str]()
    for some, all_of_it, file in re.findall(r"^(?:UN)?COVERED_FUNC: hits: \d+ edges: (\d+)/(\d+) .* (\S+):\d+$", outcome.said, re.MULTILINE):
        name = os.path.normpath(file).removeprefix(f"{HOME.parent}/")
        reached[name] += int(some)
        there[name] += int(all_of_it)
    return "\n".join(f"{count:6,} of {there[name]:6,}  {name}" for name, count in reached.most_common() if count > 0)


def commit() -> str:
    """Of what is fuzzed; with a + if it is not quite that."""
    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(HOME.parent), *words], capture_output=True, text=True).stdout.strip()
    if not shutil.which("git") or not (HOME.parent / ".git").exists():
        return "unknown"
    return git("rev-parse", "--short=7", "HEAD") + ("+" if git("status", "--porcelain", "--", "src", "cmake", "fuzz") else "")


def rows_of(page: str) -> dict[str, list[str]]:
    """The table that is there now, by fuzzer."""
    section = page.partition("<!-- fuzz:begin -->")[2].partition("<!-- fuzz:end -->")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    return {row[0].removesuffix(" (FAILED)"): row for row in cells if len(row) == 6 and row[1].replace(",", "").isdigit()}


def text(rows: dict[str, list[str]]) -> str:
    lines = [f"`make fuzz`: {len(rows)} fuzzers, {sum(int(row[1].replace(',', '')) for row in rows.values()):,} inputs, under ASan and UBSan; "
             f"{sum(row[0].endswith('(FAILED)') for row in rows.values())} failed. Each row is the last time that this one ran, with the commit "
             "that was fuzzed. What fuzzers have found so far, each with its test: [fuzz/README.md](../fuzz/README.md).",
             "", "| fuzzer | inputs tried | edges reached | seconds | commit | on |", "|---|---:|---:|---:|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for _, row in sorted(rows.items())])


def write(outcomes: list[Outcome], seconds: int) -> None:
    from tests.soak.report import put
    rows, now_there = rows_of(PAGE.read_text()), names()
    of, on = commit(), datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    for o in outcomes:
        rows[o.target] = [o.target + (" (FAILED)" if o.failed else ""), f"{o.tried:,}", f"{o.edges:,}", f"{seconds:,}", of, on]
    put(PAGE, "fuzz", "Fuzzing", text({name: row for name, row in rows.items() if name in now_there}))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--input", type=Path)
    parser.add_argument("--where", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args()
    if options.input:
        return subprocess.run([options.program, options.input], env=symbolizer() | os.environ | {"FUZZ": options.targets[0], "TZ": "UTC"}).returncode
    how = [f"-runs={options.runs}", "-seed=1"] if options.runs else [f"-max_total_time={options.seconds}"]
    how += ["-print_coverage=1"] if options.where else []
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(lambda target: run(options.program, target, how), options.targets or names()))
    if options.where:
        print(*map(where, outcomes), sep="\n")
    if options.write:
        write(outcomes, options.seconds)
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
