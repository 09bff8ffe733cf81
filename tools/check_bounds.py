#!/usr/bin/env python3
"""Fails if the table of bounds in docs/architecture.md names something that the file named beside it does not have, or that has
another value there than the table says: where it is a number, a size or a time that can be told without a compiler."""
from __future__ import annotations

import pathlib
import re
import sys

SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
TIMES = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "days": 86400.0,
         "milliseconds": 0.001, "seconds": 1.0, "minutes": 60.0, "hours": 3600.0}
Value = tuple[str, float]  # "" (numbers and bytes) or "s"


def said(cell: str) -> set[Value]:
    """All that the table's cell says: "256 KiB; 1,000, 60 s"."""
    found = set()
    for number, unit in re.findall(r"(\d+(?:,\d{3})*(?:\.\d+)?)(?: (KiB|MiB|GiB|TiB|ms|s|min|h|days|million)\b)?", cell):
        value = float(number.replace(",", ""))
        found.add(("s", value * TIMES[unit]) if unit in TIMES else ("", value * SIZES.get(unit, 10**6 if unit == "million" else 1)))
    return found


def evaluated(type_name: str, text: str) -> Value | None:
    """`64 << 10`, `std::chrono::seconds(60)`, `5min`, or `10'000` of that type; None: something else."""
    text = text.strip().replace("'", "")
    if time := re.fullmatch(r"(?:std::chrono::)?(hours|minutes|seconds|milliseconds)[({](\d+)[)}]|(\d+)(h|min|s|ms)", text):
        return "s", int(time[2] or time[3]) * TIMES[time[1] or time[4]]
    text = re.sub(r"(?<=\d)[uUlL]+\b", "", text)
    if not re.fullmatch(r"\d+(?:\s*(?:<<|\*)\s*\d+)*", text):
        return None
    number = eval(text)  # digits, << and * alone
    return ("s", number * TIMES[type_name]) if type_name in TIMES else ("", float(number))


def values(source: str, name: str) -> set[Value]:
    """What it is set to in that text; empty: nothing that could be told."""
    code = re.sub(r"//.*", "", source)
    found = set()
    for type_name, braced, equals in re.findall(rf"(\w+)\s+{name}\s*(?:\{{([^;{{}}]*)\}}|=\s*([^;,]+))[;,]", code):
        found.add(evaluated(type_name, braced or equals))
    return {value for value in found if value is not None}


def flaws(root: pathlib.Path) -> list[str]:
    bad, files = [], []
    headers = [file.read_text() for file in (root / "src").rglob("*.h")]
    table = (root / "docs/architecture.md").read_text().split("\n## Limits and timeouts\n")[1].split("\n## ")[0]
    for row in table.splitlines():
        if not row.startswith("| ") or row.count(" | ") < 2:
            continue
        before, place = row.rsplit(" | ", 1)
        cell = before.rsplit(" | ", 1)[1]
        named = [word for word in re.findall(r"`([^`]+)`", place) if re.search(r"/|\.(h|cpp)$", word)]
        if named:  # "there" is the row's before
            files = []
            for name in named:
                files.append(root / name if "/" in name else files[-1].parent / name)
        bad += [f"{file}: not found, in the row: {row}" for file in files if not file.exists()]
        texts = [file.read_text() for file in files if file.is_file()]
        for owner, name in re.findall(r"`(?:(\w+)::)?(k[A-Z]\w*|[a-z]\w+)`", place):
            having = [text for text in texts if name in text]
            if owner and not any(values(text, name) for text in having):
                having += [h for h in headers if re.search(rf"\b(?:class|struct) {owner}\b[^;]*\{{", h) and name in h]
            if texts and not having:
                bad.append(f"{name}: not found, in the row: {row}")
            for text in having:
                is_set_to = values(text, name)
                if is_set_to and not is_set_to & said(cell):
                    shown = " or ".join(f"{value:g}{unit and ' ' + unit}" for unit, value in sorted(is_set_to))
                    bad.append(f"{name} is {shown}, but the row says: {row}")
    return bad


if __name__ == "__main__":
    found = flaws(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "every bound is where the table says")
    sys.exit(bool(found))
