#!/usr/bin/env python3
"""Fails if a room includes a room that it does not USE; src/CMakeLists.txt is the map."""
import pathlib
import re
import sys


def read_map(cmake):
    """{room: rooms it uses}, {folder: room}, {room: rooms its tests use}"""
    uses, folder, test_uses = {}, {}, {}
    for name, rest in re.findall(r"^room\(NAME (\w+)(.*)\)$", cmake, re.M):
        words, key = {}, None
        for word in rest.split():
            if word in ("DIR", "USES", "LINKS", "TEST_USES", "WHOLE"):
                key = word
            else:
                words.setdefault(key, []).append(word)
        uses[name] = words.get("USES", [])
        test_uses[name] = words.get("TEST_USES", [])
        folder[words.get("DIR", [name])[0]] = name
    return uses, folder, test_uses


def problems(src):
    uses, folder, test_uses = read_map((src / "CMakeLists.txt").read_text())

    def reach(room):
        return {room}.union(*(reach(r) for r in uses[room]))

    def room_of(path):  # the longest folder that is a room
        fits = [f for f in folder if path == f or path.startswith(f + "/")]
        return folder.get(max(fits, key=len, default=None))

    found = []
    for file in sorted(src.rglob("*.[ch]*")):
        rel = file.relative_to(src)
        here = room_of(str(rel.parent))
        if not here:
            found.append(f"{rel}: lies in no room of src/CMakeLists.txt")
            continue
        allowed = reach(here)
        if "testing" in rel.parts or re.search(r"_(test|bench|fuzz)\.cpp$", rel.name):
            for room in test_uses[here]:
                allowed |= reach(room)
        if rel.name.endswith("_fuzz.cpp"):
            allowed.add("fuzzing")
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = re.match(r'#include "(.+)/[^/]+"', line)
            there = match and room_of(match.group(1))
            if there and there not in allowed:
                found.append(f"{rel}:{number}: {here}/ may not include {there}/ "
                             f"(it uses only: {', '.join(uses[here])})")
            if re.search(r"\bdetached\b", line) and not re.match(r"\s*//", line):
                found.append(f"{rel}:{number}: nobody owns a detached coroutine: use TaskGroup")
    return found, len(uses)


if __name__ == "__main__":
    bad, rooms = problems(pathlib.Path(sys.argv[1]))
    print("\n".join(bad) or f"{rooms} rooms, every include goes downstairs")
    sys.exit(bool(bad))
