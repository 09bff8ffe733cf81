"""The rows of a server that is not running any more: where they are, and what they say."""
from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Protocol

from tests.e2e.lab.database import DatabaseServer
from tests.e2e.lab.mariadb import MariaDb
from tests.e2e.lab.postgres import Postgres
from tests.e2e.lab.waiting import eventually

NOTED = "SELECT url, stored_size FROM nar_urls WHERE stored_size IS NOT NULL"


class Rows(Protocol):
    options: list[str]

    def exist(self) -> bool:
        """Whether there is a database; fsck looks at no other."""

    def settle(self) -> None:
        """Waits until nothing of a process that was killed can still change a row."""

    def noted_nars(self) -> dict[str, int]:
        """NARs noted as stored, by file name, and their bytes. None, if there are no tables yet."""


class SqliteRows:
    def __init__(self, home: Path) -> None:
        self.file = home / "db.sqlite"
        self.options = [f"--cache-database-url=sqlite:{self.file}"]

    def exist(self) -> bool:
        return self.file.exists()

    def settle(self) -> None:
        pass

    def noted_nars(self) -> dict[str, int]:
        if not self.exist():
            return {}
        with tempfile.TemporaryDirectory(prefix="ncps-rows-") as folder:
            for end in ("", "-wal"):  # a copy: who opens a WAL mends it, and that is the server's work
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(f"{self.file}{end}", folder)
            with contextlib.closing(sqlite3.connect(Path(folder) / self.file.name)) as copy:
                tables = {name for name, in copy.execute("SELECT name FROM sqlite_master")}
                return by_name(copy.execute(NOTED)) if "nar_urls" in tables else {}


class ServerRows:
    """An empty database of a server; it lives longer than who uses it."""
    OURS = {Postgres: f"pg_stat_activity WHERE usename = '{DatabaseServer.USER}'",
            MariaDb: f"information_schema.processlist WHERE user = '{DatabaseServer.USER}'"}

    def __init__(self, server: DatabaseServer) -> None:
        self.server = server
        server.forget()
        self.options = [f"--cache-database-url={server.url}"]

    def exist(self) -> bool:
        return True

    def settle(self) -> None:
        """A transaction that was sent before the kill is still carried out."""
        ours = self.OURS[type(self.server)]
        eventually(lambda: self.server.count(ours) == 0, "the database server has noticed the kill", 60)

    def noted_nars(self) -> dict[str, int]:
        if not self.server.count("information_schema.tables WHERE table_name = 'nar_urls'"):
            return {}
        lines = self.server.ask(NOTED, "ncps").replace("\t", "|").splitlines()
        return by_name((url, int(size)) for url, size in (line.split("|") for line in lines))


def by_name(rows) -> dict[str, int]:
    return {url.rpartition("/")[2]: size for url, size in rows}
