"""A TCP proxy between two parts, whatever they speak: the network that is cut, or carries nothing.

  cut     connections are refused, and those that are open are reset
  stall   connections are taken and nothing is carried, both ways or one; what waits goes on with `mend`
"""
from __future__ import annotations

import socket
import threading

from .relay import Link, Relay, close, reset_when_closed

FORTH, BACK = "forth", "back"  # from the client, from the server


class TcpProxy(Relay):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._changed = threading.Condition()
        self._stalled: frozenset[str] = frozenset()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def link(self, client: socket.socket) -> "_Link":
        return _Link(self, client)

    def stop(self) -> None:
        super().stop()
        self._set_stalled()

    cut = stop

    def stall(self, *ways: str) -> None:
        """Carries nothing more; without `ways` both."""
        self._set_stalled(*(ways or (FORTH, BACK)))

    def mend(self) -> None:
        self._set_stalled()
        if not self.listens:
            self.start()

    def wait_until_carried(self, way: str, ended: threading.Event) -> None:
        with self._changed:
            self._changed.wait_for(lambda: way not in self._stalled or ended.is_set())

    def forget(self, link: Link) -> None:
        super().forget(link)
        with self._changed:
            self._changed.notify_all()  # it may wait to be carried

    def _set_stalled(self, *ways: str) -> None:
        with self._changed:
            self._stalled = frozenset(ways)
            self._changed.notify_all()


class _Link(Link):
    def __init__(self, proxy: TcpProxy, client: socket.socket) -> None:
        self._proxy, self._client = proxy, client
        self._server: socket.socket | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        try:
            self._proxy.wait_until_carried(FORTH, self._ended)
            self._server = socket.create_connection(self._proxy.server, timeout=10)
            self._server.settimeout(None)
            for end in (self._client, self._server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            return self.end()
        threading.Thread(target=self._pump, args=(self._server, self._client, BACK), daemon=True).start()
        self._pump(self._client, self._server, FORTH)

    def _pump(self, source: socket.socket, target: socket.socket, way: str) -> None:
        try:
            while data := source.recv(65536):
                self._proxy.wait_until_carried(way, self._ended)
                target.sendall(data)
            self._proxy.wait_until_carried(way, self._ended)
            target.shutdown(socket.SHUT_WR)
            if way == BACK:
                self.end(reset=False)
        except OSError:
            self.end()

    def end(self, reset: bool = True) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        for side in (self._client, self._server):
            if side and reset:
                reset_when_closed(side)
        close(self._client, self._server)
        self._proxy.forget(self)
