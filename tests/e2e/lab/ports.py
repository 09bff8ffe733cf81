"""Ports for servers that are told where to listen, and come back there after they were killed."""
from __future__ import annotations

import random
import socket

# Below the ports that the kernel gives to outgoing connections (32768 and up): or a connection of anybody could sit on the
# port of a server that is away for a moment.
FIRST, LAST = 12_000, 32_000

_given: set[int] = set()


def free_port() -> int:
    """A TCP port of loopback that nobody listens at, and that was not given to anybody here before."""
    for _ in range(1000):
        port = random.randint(FIRST, LAST)
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise RuntimeError(f"no port between {FIRST} and {LAST} is free")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
