#!/usr/bin/env python3
"""Fails if the table of bounds in docs/architecture.md names a constant that the file named beside it does not have."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
bad, files = [], []
headers = [file.read_text() for file in (root / "src").rglob("*.h")]
table = (root / "docs/architecture.md").read_text().split("\n## Limits and timeouts\n")[1].split("\n## ")[0]
for row in table.splitlines():
    if not row.startswith("| ") or row.count(" | ") < 2:
        continue
    place = row.rsplit(" | ", 1)[1]
    named = [word for word in re.findall(r"`([^`]+)`", place) if re.search(r"/|\.(h|cpp)$", word)]
    if named:  # "there" is the row's before
        files = []
        for name in named:
            files.append(root / name if "/" in name else files[-1].parent / name)
    missing = [str(file) for file in files if not file.exists()]
    text = "".join(file.read_text() for file in files if file.is_file())
    for owner, name in re.findall(r"`(?:(\w+)::)?(k[A-Z]\w*)`", place):
        if text and name not in text and not any(f"class {owner} " in h and name in h for h in headers):
            missing.append(name)
    bad += [f"{name}: not found, in the row: {row}" for name in missing]
print("\n".join(bad) or "every bound is where the table says")
sys.exit(bool(bad))
