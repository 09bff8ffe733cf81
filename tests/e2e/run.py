#!/usr/bin/env python3
"""Runs the end-to-end tests: tests/e2e/run.py [-v] [-k pattern] [test_http ...]"""
from __future__ import annotations

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> None:
    sys.path.insert(0, str(ROOT))
    known = {file.stem for file in HERE.glob("test_*.py")}
    chosen = [a for a in arguments if a in known]
    others = [a for a in arguments if a not in known]
    names = [f"tests.e2e.{name}" for name in chosen or sorted(known)]
    unittest.main(module=None, argv=["run.py", *others, *names])


if __name__ == "__main__":
    main(sys.argv[1:])
