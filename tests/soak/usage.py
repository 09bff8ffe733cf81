"""What a running server uses: memory, threads and descriptors as /proc tells them, and what lies on its disk."""
from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Iterator

from tests.e2e.lab.ncps import Ncps


def usage(server: Ncps) -> dict[str, int]:
    """By the names of flat.MEASURES. While the server works its parts are of slightly different moments."""
    assert server.process
    proc = Path(f"/proc/{server.process.pid}")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    kept = server.home / "storage/store"
    nars = list(sizes(kept / "nar"))
    others = [size for part in kept.iterdir() if part.name not in ("nar", "tmp") for size in sizes(part)]
    temp = [*sizes(kept / "tmp"), *sizes(server.temp)]
    return {"rss": kibibytes(status["VmRSS"]), "anonymous": kibibytes(status["RssAnon"]), "threads": int(status["Threads"]),
            "temp_files": len(temp), "temp_bytes": sum(temp), "store_bytes": sum(nars), "store_files": len(nars) + len(others),
            "database": size_of(server.home / "db.sqlite"), "wal": size_of(server.home / "db.sqlite-wal"),
            **descriptors(proc / "fd", server.home.resolve())}


def descriptors(folder: Path, home: Path) -> dict[str, int]:
    """By kind: connections, NARs that are kept open and the database's are bounded, of all others the number is fixed."""
    kinds = {"sockets": "socket:", "nars_open": f"{home}/storage/store/nar/", "database_open": f"{home}/db.sqlite"}
    counts = dict.fromkeys([*kinds, "other_descriptors"], 0)
    for fd in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            name = os.readlink(fd)
            counts[next((kind for kind, begin in kinds.items() if name.startswith(begin)), "other_descriptors")] += 1
    return counts


def sizes(folder: Path) -> Iterator[int]:
    """Of all files below it, but for the locks of spool folders."""
    for place, _, names in os.walk(folder):
        for name in names:
            if not name.startswith("lock"):
                with contextlib.suppress(FileNotFoundError):
                    yield os.stat(os.path.join(place, name)).st_size


def size_of(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def kibibytes(field: str) -> int:
    return int(field.split()[0]) * 1024
