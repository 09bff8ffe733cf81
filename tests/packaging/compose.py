"""Compose files: read as docker compose reads them, as far as ours go."""
from __future__ import annotations

import re
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "packaging/compose"
# What ${NAME:?} asks the user for.
GIVEN = {"POSTGRES_PASSWORD": "secret-1", "REDIS_PASSWORD": "secret-2", "S3_ACCESS_KEY_ID": "id", "S3_SECRET_ACCESS_KEY": "secret-3",
         "S3_BUCKET": "bucket", "S3_ENDPOINT": "https://s3.example.org"}


def filled(text: str, given: dict[str, str]) -> str:
    """${NAME:?}, ${NAME:-default} and $$."""
    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match[1] in given:
            return given[match[1]]
        if match[2] != "-":
            raise KeyError(match[1])
        return match[3]
    return re.sub(r"\$\$|\$\{(\w+):([-?])([^}]*)\}", value, text)


def load(name: str, given: dict[str, str] = GIVEN) -> dict:
    def fill(node: object) -> object:
        if isinstance(node, str):
            return filled(node, given)
        if isinstance(node, list):
            return [fill(item) for item in node]
        if isinstance(node, dict):
            return {key: fill(item) for key, item in node.items()}
        return node
    return fill(yaml.safe_load((FOLDER / name).read_text()))
