"""A TCP proxy between two parts, whatever they speak: the network that is cut, or carries nothing.

  cut     connections are refused, and those that are open are reset
  stall   connections are taken and nothing is carried, both ways or one; what waits goes on with `mend`
"""
from __future__ import annotations

import contextlib
import socket
import struct
import threading

FORTH, BACK = "forth", "back"  # from the client, from the server


class TcpProxy:
    def __init__(self, host: str, port: int) -> None:
        self.server = (host, port)
        self.port = 0
        self._changed = threading.Condition()
        self._stalled: frozenset[str] = frozenset()
        self._links: set[_Link] = set()
        self._listener: socket.socket | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> "TcpProxy":
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            self._listener.close()
            self._listener = None
        with self._changed:
            links = list(self._links)
        for link in links:
            link.end()
        self._set_stalled()

    cut = stop

    def stall(self, *ways: str) -> None:
        """Carries nothing more; without `ways` both."""
        self._set_stalled(*(ways or (FORTH, BACK)))

    def mend(self) -> None:
        self._set_stalled()
        if self._listener is None:
            self.start()

    def wait_until_carried(self, way: str, ended: threading.Event) -> None:
        with self._changed:
            self._changed.wait_for(lambda: way not in self._stalled or ended.is_set())

    def forget(self, link: "_Link") -> None:
        with self._changed:
            self._links.discard(link)
            self._changed.notify_all()

    def _set_stalled(self, *ways: str) -> None:
        with self._changed:
            self._stalled = frozenset(ways)
            self._changed.notify_all()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            link = _Link(self, client)
            with self._changed:
                self._links.add(link)
            threading.Thread(target=link.run, daemon=True).start()


class _Link:
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
            if side:
                with contextlib.suppress(OSError):
                    if reset:
                        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    side.shutdown(socket.SHUT_RD)  # wakes the thread that reads: it would keep the socket open
                side.close()
        self._proxy.forget(self)
