"""Which cores a process runs on. What shares its cores with a server takes from it what on another machine it would not."""
from __future__ import annotations

import contextlib
import os
from pathlib import Path


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


def let_main_thread_first() -> None:
    """The other threads of this process, such as a receiver's, take no time from what the main thread has started."""
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, int(task.name), 19)
