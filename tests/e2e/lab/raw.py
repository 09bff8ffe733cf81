"""HTTP over a bare socket: what really came over the wire, and how it ended."""
from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

COMPLETE = "complete"  # every announced byte came
SHORT = "short"        # the connection was closed cleanly before
RESET = "reset"        # the connection was reset
LEFT = "left"          # this side left
TIMEOUT = "timeout"    # nothing more came in time
UNTIL_CLOSE = "until close"  # neither length nor chunks: nobody can know


@dataclass
class Head:
    status: int
    reason: str
    fields: list[tuple[str, str]]

    def get(self, name: str) -> str | None:
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} twice: {values}"
        return values[0] if values else None

    def names(self) -> set[str]:
        return {key.lower() for key, _ in self.fields}


def parse_head(text: bytes) -> Head:
    """Of an answer, without the empty line."""
    line, *lines = text.decode("latin-1").split("\r\n")
    _, status, *reason = line.split(" ", 2)
    return Head(int(status), "".join(reason), [(n, v.strip()) for n, _, v in (l.partition(":") for l in lines)])


@dataclass
class Answer:
    head: Head
    body: bytes
    ending: str

    @property
    def status(self) -> int:
        return self.head.status

    def get(self, name: str) -> str | None:
        return self.head.get(name)


class Ended(Exception):
    """The connection ended (`how`) before a complete head."""

    def __init__(self, how: str, received: bytes = b"") -> None:
        super().__init__(f"{how} after {received!r}")
        self.how, self.received = how, received


class Connection:
    """One connection; several requests one after the other, or pipelined."""

    def __init__(self, url: str, timeout: float = 60, receive_buffer: int | None = None) -> None:
        """`url`: http://host:port, https://host:port (whoever answers: trust is not tested here), or unix:/path."""
        parts = urlsplit(url)
        unix = parts.scheme == "unix"
        self.host = "localhost" if unix else parts.netloc
        self.socket = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(parts.path if unix else (parts.hostname, parts.port))
        except OSError:
            self.socket.close()
            raise
        if parts.scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket, suppress_ragged_eofs=False)
        self.timeout = timeout
        self._buffer = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def break_off(self) -> None:
        """Ends a read in another thread; the close that follows there sends a reset."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.shutdown(socket.SHUT_RDWR)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)

    def _more(self) -> str | None:
        """Reads once. None, or how the connection ended."""
        try:
            data = self.socket.recv(262144)
        except TimeoutError:
            return TIMEOUT
        except (ConnectionError, ssl.SSLError):  # over TLS the end without a close_notify is one
            return RESET
        self._buffer += data
        return None if data else SHORT

    def read_head(self) -> Head:
        while b"\r\n\r\n" not in self._buffer:
            ended = self._more()
            if ended:
                raise Ended(ended, self._buffer)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return parse_head(head)

    def pieces(self, head: Head, method: str = "GET"):
        """Yields the body as it comes; returns how it ended (`yield from`)."""
        if method == "HEAD" or head.status in (204, 304) or head.status < 200:
            return COMPLETE
        if head.get("transfer-encoding") == "chunked":
            return (yield from self._chunks())
        length = head.get("content-length")
        if length is not None:
            return (yield from self._exactly(int(length)))
        while True:
            if self._buffer:
                piece, self._buffer = self._buffer, b""
                yield piece
            ended = self._more()
            if ended:
                return UNTIL_CLOSE if ended == SHORT else ended

    def _exactly(self, left: int):
        while left:
            if not self._buffer:
                ended = self._more()
                if ended:
                    return ended
            piece, self._buffer = self._buffer[:left], self._buffer[left:]
            left -= len(piece)
            yield piece
        return COMPLETE

    def _chunks(self):
        while True:
            while b"\r\n" not in self._buffer:
                ended = self._more()
                if ended:
                    return ended
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            ended = yield from self._exactly(size)
            while ended == COMPLETE and len(self._buffer) < 2:
                ended = self._more() or COMPLETE
            if ended != COMPLETE:
                return ended
            self._buffer = self._buffer[2:]  # after the last chunk: the end of empty trailers
            if size == 0:
                return COMPLETE

    def read_answer(self, method: str = "GET") -> Answer:
        head = self.read_head()
        body, pieces = bytearray(), self.pieces(head, method)
        while True:
            try:
                body += next(pieces)
            except StopIteration as stop:
                return Answer(head, bytes(body), stop.value)

    def ask(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        self.request(method, target, headers, body)
        return self.read_answer(method)


def ask(url: str, method: str, target: str, headers: dict[str, str] | None = None, timeout: float = 60) -> Answer:
    """One request on a connection of its own."""
    with Connection(url, timeout) as connection:
        return connection.ask(method, target, {"Connection": "close"} | (headers or {}))


def get(url: str, target: str, headers: dict[str, str] | None = None, timeout: float = 60) -> Answer:
    return ask(url, "GET", target, headers, timeout)


@dataclass
class Stream:
    """A GET in a thread of its own: when the first bytes came, how many, their hash, how it ended."""
    url: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 120

    def __post_init__(self) -> None:
        self.head: Head | None = None
        self.first_byte = threading.Event()
        self.first_byte_time: float | None = None
        self.count = 0
        self.ending: str | None = None
        self._digest = hashlib.sha256()
        self._connection: Connection | None = None
        self._left = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Stream":
        self._thread.start()
        return self

    def leave(self) -> None:
        """Resets the connection, also while it waits for bytes, and waits until it is gone."""
        self._left = True
        if self._connection:
            self._connection.break_off()
        self.join()

    def join(self, within: float = 120) -> "Stream":
        self._thread.join(within)
        assert not self._thread.is_alive(), f"{self.target}: still going after {within:g} s, {self.count} bytes"
        return self

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def status(self) -> int | None:
        return self.head.status if self.head else None

    def _run(self) -> None:
        try:
            with Connection(self.url, self.timeout) as connection:
                self._connection = connection
                connection.request("GET", self.target, self.headers | {"Connection": "close"})
                self.head = connection.read_head()
                self.ending = self._receive(connection)
        except Ended as error:
            self.ending = error.how
        except OSError as error:
            self.ending = f"{RESET}: {error}"
        if self._left:
            self.ending = LEFT

    def _receive(self, connection: Connection) -> str:
        assert self.head
        pieces = connection.pieces(self.head)
        while True:
            try:
                piece = next(pieces)
            except StopIteration as stop:
                return stop.value
            if not self.count:
                self.first_byte_time = time.monotonic()
            self.count += len(piece)
            self._digest.update(piece)
            self.first_byte.set()
