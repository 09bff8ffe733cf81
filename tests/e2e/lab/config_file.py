"""Configuration files of the program in its three languages, from options by their key."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Mapping

Options = Mapping[str, object]  # by key, with dots: "cache.hostname"
FORMATS = ("yaml", "toml", "json")


def write(file: Path, options: Options) -> Path:
    """Puts the file in place at once, as an editor does; its ending says in which language."""
    text = {".yaml": _yaml, ".toml": _toml, ".json": _json}[file.suffix](options)
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(file.name + ".new")
    new.write_text(text)
    new.replace(file)
    return file


def _nested(options: Options) -> dict:
    tree: dict = {}
    for key, value in options.items():
        *parents, last = key.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[last] = value
    return tree


def _json(options: Options) -> str:
    return json.dumps(_nested(options))


def _yaml(options: Options) -> str:
    def lines(tree: dict, depth: int):
        for name, value in tree.items():
            indent = "  " * depth
            if isinstance(value, dict):
                yield f"{indent}{name}:"
                yield from lines(value, depth + 1)
            elif isinstance(value, list) and value:
                yield f"{indent}{name}:"
                yield from (f"{indent}  - {json.dumps(item)}" for item in value)
            else:
                yield f"{indent}{name}: {json.dumps(value)}"
    return "".join(line + "\n" for line in lines(_nested(options), 0))


def _toml(options: Options) -> str:
    """A table for each parent; what JSON writes for a plain value or a list of them, TOML reads."""
    tables: dict[str, list[str]] = {}
    for key, value in options.items():
        parent, _, last = key.rpartition(".")
        tables.setdefault(parent, []).append(f"{last} = {json.dumps(value)}\n")
    return "".join((f"[{table}]\n" if table else "") + "".join(lines) for table, lines in sorted(tables.items()))
