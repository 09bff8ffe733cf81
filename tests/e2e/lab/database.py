"""A database server as a process of its own, on loopback, in a folder of its own."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .ncps import leave_with_parent
from .ports import free_port

NOBODY = 65534
PATIENCE = 180  # seconds for a start, on a busy machine


def as_nobody() -> None:
    """In the child: database servers refuse root. Being killed with the parent comes after the change of user."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    leave_with_parent()


class DatabaseServer:
    """What PostgreSQL and MariaDB have in common here. `url` names a database that is there."""
    USER, PASSWORD = "ncps", "s3cret/word"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ncps-db-"))
        if os.getuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.log = (self.folder / "log").open("ab")
        try:
            self.make_files()
            self.start()
            self.make_database()
        except BaseException:
            self.close()
            raise

    # --- what each of them does its own way ---

    scheme = ""

    def make_files(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def ask(self, statement: str, database: str = "") -> str:
        """What the administrator is told; CalledProcessError if the server does not answer."""
        raise NotImplementedError

    def make_database(self) -> None:
        raise NotImplementedError

    def forget(self) -> None:
        raise NotImplementedError

    # --- life ---

    def run(self, *command: str) -> str:
        return subprocess.run(command, check=True, preexec_fn=as_nobody, stdout=subprocess.PIPE, stderr=self.log,
                              stdin=subprocess.DEVNULL, text=True, cwd="/", timeout=PATIENCE).stdout

    def start(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            if self.process is None or self.process.poll() is not None:  # again, if a killed one's parts hold on
                self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.log,
                                                stderr=self.log, preexec_fn=as_nobody, cwd="/")
            try:
                self.ask("SELECT 1")
                return
            except subprocess.CalledProcessError:
                if time.monotonic() > until:
                    raise AssertionError((self.folder / "log").read_text()) from None
            time.sleep(0.05)

    def kill9(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self.kill9()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.USER}:{self.PASSWORD.replace('/', '%2F')}@127.0.0.1:{self.port}/ncps"

    def count(self, what: str) -> int:
        """Rows of "table WHERE ..."."""
        return int(self.ask(f"SELECT count(*) FROM {what}", "ncps"))


class OneDatabase:
    """Before a TestCase: one server for all tests of a class, in which each finds an empty database."""
    server_class: type[DatabaseServer]
    database: DatabaseServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.database = cls.server_class()
        cls.addClassCleanup(cls.database.close)

    def setUp(self) -> None:
        self.database.start()  # a test may have ended it
        self.database.forget()
        super().setUp()
