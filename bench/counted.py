"""What a server does for its requests, counted: instructions and calls by callgrind, system calls by strace.

Counts do not depend on what else the machine does, unlike times. A count for one request is the difference between
two stretches of different length, so that what happens once, or each second, hardly shows.
"""
from __future__ import annotations

import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from bench import cpu
from tests.e2e.lab.waiting import eventually

ALLOCATIONS = re.compile(r"^(malloc|calloc|realloc)$")  # what hands out aligned memory calls these
LOCKS = re.compile(r"^(__)?pthread_(mutex_(try|timed|clock)?lock|rwlock_(rd|wr)lock|spin_lock)")


def tool(folder: Path) -> list[str]:
    """The command in front of a server that is to be counted."""
    return ["valgrind", "--tool=callgrind", "--separate-threads=no", f"--callgrind-out-file={folder}/out", "--quiet"]


def readable(binary: Path, folder: Path) -> Path:
    """A copy without the debug information, which valgrind of Debian 12 cannot read (it is clang's)."""
    copy = folder / binary.name
    subprocess.run(["objcopy", "--strip-debug", binary, copy], check=True)
    return copy


@dataclass(frozen=True)
class Profile:
    """Of one stretch."""
    instructions: int
    calls: dict[str, int]  # by the name of what was called

    def count(self, names: re.Pattern[str]) -> int:
        return sum(calls for name, calls in self.calls.items() if names.match(name))


def parse(text: str) -> Profile:
    """A file of callgrind's: lines "fn=(id) name" and, for calls, "cfn=(id) name" followed by "calls=count ..."."""
    names: dict[str, str] = {}
    calls: dict[str, int] = {}
    called = ""
    total = 0
    for line in text.splitlines():
        if line.startswith(("fn=", "cfn=")):
            number, _, name = line.partition("=")[2].partition(" ")
            if name:
                names[number] = name.partition("'")[0]  # without the number of a recursion
            if line.startswith("cfn="):
                called = names[number]
        elif line.startswith("calls="):
            calls[called] = calls.get(called, 0) + int(line[6:].split()[0])
        elif line.startswith(("summary:", "totals:")):
            total = max(total, int(line.split()[1]))
    return Profile(total, calls)


class Counted:
    """A process under callgrind: what happens between two calls of cut()."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid, self.folder = pid, folder

    def cut(self) -> Profile:
        file = self.folder / f"out.{sum(1 for _ in self.folder.glob('out.*')) + 1}"  # callgrind numbers them
        subprocess.run(["vgdb", f"--pid={self.pid}", "dump"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        eventually(lambda: file.exists() and "totals:" in file.read_text()[-200:], f"callgrind writes {file}")
        return parse(file.read_text())


def per_request(counted: Counted, ask: Callable[[int], None], few: int, many: int) -> tuple[float, Callable[[re.Pattern[str]], float], Profile]:
    """Instructions of one request, a function that gives its calls by name, and the longer stretch."""
    ask(few)
    counted.cut()
    ask(few)
    short = counted.cut()
    ask(many)
    long = counted.cut()
    n = many - few
    return (long.instructions - short.instructions) / n, lambda names: (long.count(names) - short.count(names)) / n, long


def system_calls(pid: int, work: Callable[[], None]) -> dict[str, int]:
    """How often each was made while `work` ran, by all threads and children of the process."""
    with tempfile.NamedTemporaryFile(prefix="ncps-strace-") as out:
        which = [part for member in cpu.family(pid) for part in ("-p", str(member))]
        tracer = subprocess.Popen(["strace", "-f", "-c", "-q", "-U", "name,calls", "-o", out.name, *which], stderr=subprocess.PIPE)
        try:
            eventually(lambda: all(traced(member) for member in cpu.family(pid)), "strace has attached")
            time.sleep(0.1)  # callers that were in a system call are in it again
            work()
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(20)
            assert tracer.stderr
            tracer.stderr.close()
        rows = [line.split() for line in Path(out.name).read_text().splitlines()]
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit() and row[0] != "total"}


def traced(pid: int) -> bool:
    return all("TracerPid:\t0" not in (task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir())


def calls_per_request(pid: int, ask: Callable[[int], None], few: int, many: int) -> dict[str, float]:
    """System calls of one request, without those that are rarer than one in a hundred requests."""
    short = system_calls(pid, lambda: ask(few))
    long = system_calls(pid, lambda: ask(many))
    each = {name: (long[name] - short.get(name, 0)) / (many - few) for name in long}
    return {name: count for name, count in sorted(each.items(), key=lambda pair: -pair[1]) if count > 0.01}
