#!/usr/bin/env python3
"""Runs fuzzers: the seeds (seeds.py), what was found before (corpus/), and inputs made of both.

    fuzz/run.py --program build/fuzz/ncps_fuzz --seconds 60 [TARGET...]    each so long
    fuzz/run.py --program build/asan/ncps_fuzz --runs 10000 range          so many inputs, the same ones each time
    fuzz/run.py --program build/asan/ncps_fuzz --input FILE range          one input, to look at it

What a fuzzer finds lies in build/fuzz-found/<target>-<what>-<hash>. --write puts the figures into docs/quality.md.
"""
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME.parent))
from fuzz.seeds import SEEDS, WORDS  # noqa: E402

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


def dictionary(words: list[str | bytes]) -> str:
    def quoted(word: str | bytes) -> str:
        return '"' + "".join(f"\\x{byte:02x}" for byte in (word if isinstance(word, bytes) else word.encode())) + '"'
    return "\n".join(map(quoted, words)) + "\n"


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
            env=os.environ | {"FUZZ": target, "TZ": "UTC"}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        outcome = Outcome(target, failed=ran.returncode != 0)
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
        print(f"{target}: {outcome.tried:,} inputs{', FAILED' if outcome.failed else ''}", flush=True)
        return outcome


def text(outcomes: list[Outcome], seconds: int) -> str:
    lines = [f"`make fuzz FUZZ_SECONDS={seconds}`: {len(outcomes)} fuzzers, {sum(o.tried for o in outcomes):,} inputs, under ASan and UBSan; "
             f"{sum(o.failed for o in outcomes)} failed. What fuzzers have found so far, each with its test: "
             "[fuzz/README.md](../fuzz/README.md).",
             "", "| fuzzer | inputs tried | edges reached |", "|---|---:|---:|"]
    lines += [f"| {o.target}{' (FAILED)' if o.failed else ''} | {o.tried:,} | {o.edges:,} |" for o in outcomes]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--input", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args()
    if options.input:
        return subprocess.run([options.program, options.input], env=os.environ | {"FUZZ": options.targets[0], "TZ": "UTC"}).returncode
    how = [f"-runs={options.runs}", "-seed=1"] if options.runs else [f"-max_total_time={options.seconds or 60}"]
    outcomes = [run(options.program, target, how) for target in options.targets or names()]
    if options.write:
        from tests.soak.report import put
        put(HOME.parent / "docs/quality.md", "fuzz", "Fuzzing", text(outcomes, options.seconds or 60))
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
