"""Load by the share of a core that it may cost: a long run goes on beside other work."""
from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Callable

BURST = 1.0  # seconds of CPU that may be made up for at once, after a pause


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used, those of its threads together (proc(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_this() -> float:
    """Of this process, and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Throttle:
    """Lets clients through for as long as all together cost no more than `load` of a core. Thread-safe."""

    def __init__(self, load: float, cpu: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self.load, self._cpu, self._clock = load, cpu, clock
        self._lock = threading.Lock()
        self._credit, self._then, self._used = 0.0, clock(), cpu()

    def may(self) -> bool:
        """Whether another one may begin now."""
        with self._lock:
            now, used = self._clock(), self._cpu()
            earned = self._credit + self.load * (now - self._then) - (used - self._used)
            self._credit, self._then, self._used = min(BURST, earned), now, used
            return self._credit >= 0

    def wait(self) -> None:
        while not self.may():
            time.sleep(0.05)
