"""An address that takes connections and requests, and never says anything."""
from __future__ import annotations

import contextlib
import socket
import threading


class BlackHole:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: list[str] = []
        self._connections: list[socket.socket] = []

    def start(self) -> "BlackHole":
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def asked(self, suffix: str = "") -> int:
        """How many requests for paths with that ending have come."""
        with self._lock:
            return sum(path.endswith(suffix) for path in self._asked)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with self._lock:
                    self._connections.append(connection)
                threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        heads = b""
        with contextlib.suppress(OSError), connection:
            while piece := connection.recv(65536):
                heads += piece
                *whole, heads = heads.split(b"\r\n\r\n")
                with self._lock:
                    self._asked += [head.split(b" ", 2)[1].decode() for head in whole]
