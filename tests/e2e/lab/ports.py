"""Ports for servers that are told where to listen, and come back there after they were killed."""
from __future__ import annotations

import random
import socket

# Below the ports that the kernel gives to outgoing connections (32768 and up): or a connection of anybody could sit on the
# port of a server that is away for a moment.
FIRST, LAST = 12_000, 32_000

# By port, what tells other test processes that it is taken, also before anybody listens there and while its server is
# away: a name that goes with this process (unix(7), abstract).
_given: dict[int, socket.socket] = {}


def free_port() -> int:
    """A TCP port of loopback that nobody listens at, and that no test process has, from now on."""
    for _ in range(1000):
        port = random.randint(FIRST, LAST)
        if take(port):
            return port
    raise RuntimeError(f"no port between {FIRST} and {LAST} is free")


def take(port: int) -> bool:
    """Whether that one could be had. It is ours for as long as this process lives."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0ncps-lab-port-{port}")
    except OSError:
        mark.close()
        return False
    if not is_free(port):
        mark.close()
        return False
    _given[port] = mark
    return True


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
