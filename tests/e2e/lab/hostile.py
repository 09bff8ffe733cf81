"""An upstream that serves a cache, but on chosen paths sends whatever a function says: bytes without end, heads that are none."""
from __future__ import annotations

import contextlib
import socket
import struct
import threading
from pathlib import Path
from typing import Callable

Send = Callable[[bytes], None]
Answer = Callable[[Send, str], None]  # the head of the request; raises OSError when the client is gone

PIECE = 64 << 10
MOST = 2 << 30  # bytes that one answer sends before it gives up: "without end", should nobody stop it


class Hostile:
    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.wrong: dict[str, Answer] = {}  # by end of path
        self.asked: list[str] = []          # the paths that went wrong
        self.most_sent = 0                  # by one answer
        self.ended = 0                      # answers that went wrong, and are over
        self._listener = socket.create_server((host, 0), backlog=256)
        self.host, self.port = host, self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # What one has sent shall be what the other has taken, and little more.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        with contextlib.suppress(OSError, ValueError, IndexError), connection:
            buffered = b""
            while True:
                while b"\r\n\r\n" not in buffered:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    buffered += piece
                head, _, buffered = buffered.partition(b"\r\n\r\n")
                if self._answer(connection, head.decode("latin-1")):
                    return
        self._open.discard(connection)

    def _answer(self, connection: socket.socket, head: str) -> bool:
        """True: it went wrong, and the connection ends."""
        path = head.split(" ")[1].partition("?")[0]
        wrong = next((answer for suffix, answer in list(self.wrong.items()) if path.endswith(suffix)), None)
        if wrong is None:
            file = self.folder / path.lstrip("/")
            content = file.read_bytes() if file.is_file() else None
            connection.sendall(head_of(404 if content is None else 200, f"Content-Length: {len(content or b'')}") +
                               (b"" if head.startswith("HEAD ") else content or b""))
            return False
        self.asked.append(path)
        sent = 0

        def send(data: bytes) -> None:
            nonlocal sent
            connection.sendall(data)
            sent += len(data)
            self.most_sent = max(self.most_sent, sent)
            if sent > MOST:
                raise OSError("nobody stops it")

        try:
            wrong(send, head)
        finally:
            self.ended += 1
        return True


def head_of(status: int, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Status", *lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


# --- what it may send ---

def whole(body: bytes, *lines: str, status: int = 200) -> Answer:
    return lambda send, _: send(head_of(status, f"Content-Length: {len(body)}", *lines) + body)


def in_pieces(body: bytes, *lines: str) -> Answer:
    """The same, so that `most_sent` tells how much of it was taken."""
    def answer(send: Send, _: str) -> None:
        send(head_of(200, f"Content-Length: {len(body)}", *lines))
        for begin in range(0, len(body), PIECE):
            send(body[begin:begin + PIECE])
    return answer


def redirect(where: str, status: int = 302) -> Answer:
    return whole(b"", f"Location: {where}", status=status)


def endless(head: bytes, piece: bytes) -> Answer:
    def answer(send: Send, _: str) -> None:
        send(head)
        while True:
            send(piece)
    return answer


def endless_chunks(piece: bytes, *lines: str) -> Answer:
    return endless(head_of(200, "Transfer-Encoding: chunked", *lines), chunk(piece))


def endless_until_close(piece: bytes, *lines: str) -> Answer:
    return endless(head_of(200, "Connection: close", *lines), piece)


# --- compressed files that become far more than they are, or nothing at all ---

def zstd_with_window(exponent: int) -> bytes:
    """A frame that wants a window of 2^(10 + exponent) bytes, and holds one byte."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([exponent << 3]) + b"\x09\x00\x00x"


def zstd_skipped(size: int) -> bytes:
    """A frame of which nothing comes out."""
    return struct.pack("<II", 0x184D2A50, size) + bytes(size)
