#!/usr/bin/env python3
"""Fails if a header has more than 200 lines or a source more than 500: which two subjects does it hold?"""
import pathlib
import re
import sys

bad = []
for file in sorted(pathlib.Path(sys.argv[1]).rglob("*.[ch]*")):
    if re.search(r"_test\.cpp$", file.name):
        continue
    lines, most = len(file.read_text().splitlines()), 200 if file.suffix == ".h" else 500
    if lines > most:
        bad.append(f"{file}: {lines} lines, the house style ends at {most}")
print("\n".join(bad) or "every file is of a size to be read")
sys.exit(bool(bad))
