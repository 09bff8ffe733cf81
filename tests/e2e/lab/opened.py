"""Which folders somebody looks into meanwhile: inotify(7), as far as a test needs it."""
from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

IN_OPEN, IN_ISDIR, IN_NONBLOCK = 0x20, 0x4000_0000, 0o4000
HEAD = struct.Struct("iIII")  # struct inotify_event


class OpenedFolders:
    """Of `folders`, those that were opened since."""

    def __init__(self, *folders: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(IN_NONBLOCK)
        assert self._fd >= 0, os.strerror(ctypes.get_errno())
        self._names: dict[int, Path] = {}
        for folder in folders:
            watch = libc.inotify_add_watch(self._fd, os.fsencode(folder), IN_OPEN)
            assert watch >= 0, f"{folder}: {os.strerror(ctypes.get_errno())}"
            self._names[watch] = folder

    def take(self) -> set[Path]:
        found = set()
        while True:
            try:
                events = os.read(self._fd, 1 << 16)
            except BlockingIOError:
                return found
            while events:
                watch, mask, _, length = HEAD.unpack_from(events)
                name = events[HEAD.size:HEAD.size + length].rstrip(b"\0")
                if mask & IN_ISDIR and watch in self._names:
                    found.add(self._names[watch] / os.fsdecode(name))
                events = events[HEAD.size + length:]

    def close(self) -> None:
        os.close(self._fd)
