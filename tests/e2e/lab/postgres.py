"""A real PostgreSQL."""
from __future__ import annotations

from .database import DatabaseServer

BIN = "/usr/lib/postgresql/15/bin"


class Postgres(DatabaseServer):
    scheme = "postgresql"

    def make_files(self) -> None:
        self.run(f"{BIN}/initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-E", "UTF8", "--locale=C",
                 "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256")

    def command(self) -> list[str]:
        return [f"{BIN}/postgres", "-D", str(self.folder / "data"), "-k", str(self.folder), "-h", "127.0.0.1",
                "-p", str(self.port), "-F", "-c", "shared_buffers=32MB"]

    def ask(self, statement: str, database: str = "") -> str:
        return self.run(*self.session(database), "-c", statement)

    def session(self, database: str = "") -> list[str]:
        """The command of an administrator who stays connected."""
        return [f"{BIN}/psql", "-X", "-A", "-t", "-h", str(self.folder), "-p", str(self.port), "-U", "postgres",
                "-d", database or "postgres"]

    def make_database(self) -> None:
        self.ask(f"CREATE ROLE {self.USER} LOGIN CREATEDB PASSWORD '{self.PASSWORD}'")
        self.ask(f"CREATE DATABASE ncps OWNER {self.USER}")

    def forget(self) -> None:
        """An empty database again."""
        self.ask("DROP DATABASE ncps WITH (FORCE)")
        self.ask(f"CREATE DATABASE ncps OWNER {self.USER}")
