"""haproxy before several instances, configured by packaging/haproxy/haproxy.cfg: the example is what is tested."""
from __future__ import annotations

import csv
import socket
import subprocess
from pathlib import Path

from . import raw
from .ncps import leave_with_parent
from .ports import free_port
from .waiting import eventually

EXAMPLE = Path(__file__).parents[3] / "packaging/haproxy/haproxy.cfg"
BEGIN, END = "# servers: begin", "# servers: end"


def configuration(listen: str, stats: Path, servers: list[str]) -> str:
    """The example, for this machine: its addresses, and a socket that tells how the servers are."""
    text = EXAMPLE.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    lines = [f"    server ncps-{n} {server} check" for n, server in enumerate(servers)]
    lines += [f"    server ncps-{n}-unchecked {server} backup" for n, server in enumerate(servers)]
    text = before + "\n".join(lines) + after
    assert text.count("bind :8501") == 1 and text.count("global\n") == 1
    text = text.replace("bind :8501", f"bind {listen}")
    return text.replace("global\n", f"global\n    stats socket {stats} mode 600 level admin\n")


class Haproxy:
    def __init__(self, home: Path, servers: list[str], port: int = 0) -> None:
        """`servers`: host:port of each; they need not be there yet."""
        self.home, self.stats = home, home / "haproxy.sock"
        self.port = port or free_port()
        self.file = home / "haproxy.cfg"
        self.file.write_text(configuration(f"127.0.0.1:{self.port}", self.stats, servers))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Haproxy":
        log = (self.home / "haproxy.log").open("ab")
        with log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", str(self.file)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=leave_with_parent)
        eventually(self._listens, "haproxy listens")
        return self

    def _listens(self) -> bool:
        assert self.process and self.process.poll() is None, (self.home / "haproxy.log").read_text()
        try:
            raw.Connection(self.url, timeout=2).socket.close()
            return self.stats.exists()  # which gets its name a moment later
        except OSError:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def states(self) -> dict[str, str]:
        """What it believes of each checked server: UP, DOWN, ..."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(60)
            asked.connect(str(self.stats))
            asked.sendall(b"show stat\n")
            answer = b""
            while piece := asked.recv(65536):
                answer += piece
        rows = csv.DictReader(answer.decode().removeprefix("# ").splitlines())
        return {row["svname"]: row["status"] for row in rows
                if row["svname"].startswith("ncps-") and "unchecked" not in row["svname"]}

    def wait(self, *expected: str, within: float = 90) -> None:
        """Until the servers are believed to be so, in their order."""
        def look() -> bool:
            states = self.states()
            return [states[f"ncps-{n}"].split()[0] for n in range(len(states))] == list(expected)
        eventually(look, f"haproxy sees {expected}", within)
