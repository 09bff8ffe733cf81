"""What proxies of ours have in common: a listener that can be closed and opened again, and connections to reset."""
from __future__ import annotations

import contextlib
import socket
import struct
import threading

from .ports import free_port


class Link:
    """A client's connection and its counterpart at the server."""

    def run(self) -> None:
        raise NotImplementedError

    def end(self, reset: bool) -> None:
        """Also from other threads."""
        raise NotImplementedError


class Relay:
    def __init__(self, host: str, port: int) -> None:
        self.server = (host, port)
        self.port = 0  # until it is started for the first time
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._links: set[Link] = set()
        self.most_links = 0  # at once
        self.links_made = 0

    def link(self, client: socket.socket) -> Link:
        raise NotImplementedError

    def start(self):
        """Listens; after a stop on the same port again."""
        self.port = self.port or free_port()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    @property
    def listens(self) -> bool:
        return self._listener is not None

    def stop(self) -> None:
        """Connections are refused from now on, and those that are open are reset."""
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            self._listener.close()
            self._listener = None
        self.reset_all()

    def reset_all(self) -> None:
        with self._lock:
            links = list(self._links)
        for link in links:
            link.end(reset=True)

    def forget(self, link: Link) -> None:
        with self._lock:
            self._links.discard(link)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            link = self.link(client)
            with self._lock:
                self._links.add(link)
                self.links_made += 1
                self.most_links = max(self.most_links, len(self._links))
            threading.Thread(target=link.run, daemon=True).start()


def reset_when_closed(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(*sides: socket.socket | None) -> None:
    for side in sides:
        if side:
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RD)  # wakes the thread that reads: it would keep the socket open
            side.close()
