"""The load program, src/load_bench (bench/load.cpp), and what a server takes while it runs."""
from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Iterator
from urllib.parse import urlsplit

from bench import cpu
from tests.e2e.lab.ncps import BINARY, leave_with_parent

PROGRAM = BINARY.parent / "src/load_bench"
MIB = 1 << 20


def load(what: str, url: str, *more: object, targets: list[str]) -> dict:
    out = subprocess.run([PROGRAM, what, urlsplit(url).netloc, *map(str, more)], input="\n".join(targets) + "\n",
                         capture_output=True, text=True, timeout=600)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


@contextlib.contextmanager
def held(url: str, connections: int, target: str) -> Iterator[None]:
    """So many connections that have got it once, until the block ends."""
    process = subprocess.Popen([PROGRAM, "hold", urlsplit(url).netloc, str(connections), target], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, preexec_fn=leave_with_parent)
    assert process.stdin and process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def resident(pid: int) -> int:
    """Bytes, of the family."""
    pages = sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in cpu.family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE")
