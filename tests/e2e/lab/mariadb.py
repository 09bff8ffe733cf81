"""A real MariaDB."""
from __future__ import annotations

from .database import DatabaseServer


class MariaDb(DatabaseServer):
    scheme = "mysql"

    def make_files(self) -> None:
        self.run("/usr/bin/mariadb-install-db", "--no-defaults", f"--datadir={self.folder / 'data'}",
                 "--auth-root-authentication-method=normal", "--skip-test-db")

    def command(self) -> list[str]:
        return ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.folder / 'data'}",
                f"--socket={self.folder / 'socket'}", f"--port={self.port}", "--bind-address=127.0.0.1",
                f"--pid-file={self.folder / 'pid'}", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=2",
                "--innodb-flush-method=nosync", "--innodb-buffer-pool-size=32M"]

    def ask(self, statement: str, database: str = "") -> str:
        return self.run("/usr/bin/mariadb", "--no-defaults", f"--socket={self.folder / 'socket'}", "-u", "root", "-N",
                        "-B", "-e", statement, *([database] if database else []))

    def make_database(self) -> None:
        self.ask(f"CREATE USER '{self.USER}'@'%' IDENTIFIED BY '{self.PASSWORD}'")
        self.ask(f"GRANT ALL ON *.* TO '{self.USER}'@'%'")
        self.ask("CREATE DATABASE ncps")

    def forget(self) -> None:
        """An empty database again."""
        self.ask("DROP DATABASE ncps; CREATE DATABASE ncps")
