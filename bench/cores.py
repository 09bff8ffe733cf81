"""Which cores a process runs on. What shares its cores with a server takes from it what on another machine it would not."""
from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Iterator

from bench import cpu


def halves() -> tuple[list[int], list[int]]:
    """Of the cores that we may use; on a machine of one, both are that one."""
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    return cores[:half] or cores, cores[half:]


def keep_to(pid: int, cores: list[int]) -> None:
    """All threads of the process; those to come, and its children, inherit it."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), cores)


@contextlib.contextmanager
def apart(*servers: int) -> Iterator[None]:
    """These processes and their children on one half of the cores; we, and what we start meanwhile, on the other."""
    everywhere = sorted(os.sched_getaffinity(0))
    ours, theirs = halves()

    def spread(of_servers: list[int], of_us: list[int]) -> None:
        for server in servers:
            for process in cpu.family(server):
                keep_to(process, of_servers)
        keep_to(os.getpid(), of_us)

    spread(ours, theirs)
    try:
        yield
    finally:
        spread(everywhere, everywhere)


def give_way(pid: int, but: int = 0) -> None:
    """All threads of the process, but that one, take no time from others who want it; nor do threads that they begin."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if int(task.name) != but:
            with contextlib.suppress(ProcessLookupError):
                os.sched_setscheduler(int(task.name), os.SCHED_IDLE, os.sched_param(0))
