"""What the database of a server that is not running, or goes on running, says: read from a copy."""
from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path


def noted_nars(database: Path) -> dict[str, int]:
    """NARs noted as stored, by file name, and their bytes. None, if there is no database yet."""
    if not database.exists():
        return {}
    with tempfile.TemporaryDirectory(prefix="ncps-rows-") as folder:
        for end in ("", "-wal"):  # a copy: who opens a WAL mends it, and that is the server's work
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(f"{database}{end}", folder)
        with contextlib.closing(sqlite3.connect(Path(folder) / database.name)) as copy:
            tables = {name for name, in copy.execute("SELECT name FROM sqlite_master")}
            if "nar_urls" not in tables:
                return {}
            rows = copy.execute("SELECT url, stored_size FROM nar_urls WHERE stored_size IS NOT NULL")
            return {url.rpartition("/")[2]: size for url, size in rows}
