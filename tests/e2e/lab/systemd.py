"""systemd, as far as a service sees it: the socket that it is told on, sockets it hands over, its system call filter."""
from __future__ import annotations

import socket
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
UNIT = ROOT / "packaging/systemd/ncps.service.in"
NOBODY = 65534  # whom confine.py becomes
# Becomes the program with descriptor $0 as number 3, told so as sd_listen_fds(3) says.
HAND_OVER = ["bash", "-c", 'eval "exec 3<&$0"; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"']


class NotifySocket:
    """What NOTIFY_SOCKET names."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(file))
        self.socket.settimeout(60)

    def next(self) -> dict[str, str]:
        """What a service says next, apart from signs of life."""
        while (said := self.any()).keys() == {"WATCHDOG"}:
            pass
        return said

    def any(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())


def hand_over(listening: socket.socket) -> dict:
    """The options of an Ncps that takes over this socket."""
    return {"wrapper": [*HAND_OVER, str(listening.fileno())], "pass_fds": [listening.fileno()]}


def unit_settings(name: str) -> list[str]:
    return [line.split("=", 1)[1] for line in UNIT.read_text().splitlines() if line.startswith(f"{name}=")]


def members(group: str) -> set[str]:
    """The system calls of a group such as @system-service, with those of the groups in it."""
    run = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, text=True, capture_output=True)
    words = [line.strip() for line in run.stdout.splitlines()[1:]]
    names = {word for word in words if word and word[0] not in "#@"}
    return names.union(*(members(word) for word in words if word.startswith("@")))


def allowed_calls() -> set[str]:
    """What the unit's SystemCallFilter= lines leave."""
    allowed: set[str] = set()
    for setting in unit_settings("SystemCallFilter"):
        change = set().union(*(members(word) if word[0] == "@" else {word} for word in setting.lstrip("~").split()))
        allowed = allowed - change if setting.startswith("~") else allowed | change
    return allowed


def confined() -> list[str]:
    """A command that becomes the program under the unit's filter: any other call kills it. Needs Debian's python3-seccomp."""
    return ["/usr/bin/python3", str(Path(__file__).with_name("confine.py")), ",".join(sorted(allowed_calls()))]


