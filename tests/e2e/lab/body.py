"""One file as the body of an answer, with what a Fault says happens to it on the way."""
from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate

from .faults import Fault

PIECE = 256 * 1024
REASONS = {200: "OK", 206: "Partial Content", 302: "Found", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           416: "Range Not Satisfiable", 429: "Too Many Requests", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Service Unavailable"}


@dataclass
class Request:
    """One line of the request log."""
    method: str
    path: str
    headers: dict[str, str]
    query: str = ""
    time: float = field(default_factory=time.monotonic)
    status: int = 0
    sent: int = 0           # body bytes given to the socket
    fault: str = ""         # name of the fault it met
    finished: bool = False  # the whole answer was given to the socket
    port: int = 0           # of who asks

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


class Gone(Exception):
    """This connection ends here."""


class Body:
    """Sends one file, as the fault says."""

    def __init__(self, connection: socket.socket, request: Request, fault: Fault, etags: bool,
                 stopping: threading.Event) -> None:
        self.connection, self.request, self.fault = connection, request, fault
        self.etags, self.stopping = etags, stopping

    def send(self, fd: int, size: int) -> None:
        fault, request = self.fault, self.request
        first, last, status = 0, size - 1, 200
        if request.range and not fault.ignore_range:
            first, last, status = _range(request.range, size)
        request.status = status
        if status == 416:
            self.connection.sendall(head_of(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"}))
            return
        version = "1.0" if fault.http10 else "1.1"
        headers = self._headers(first, last, size, status) | dict(fault.headers)
        self.connection.sendall(head_of(status, headers, version))
        if request.method == "HEAD":
            return
        self._pieces(fd, first, last + 1, fault.range_shift if status == 206 else 0)
        if fault.http10:
            request.finished = True
            self._cut()
        if fault.chunked:
            self.connection.sendall(b"0\r\n\r\n")

    def _headers(self, first: int, last: int, size: int, status: int) -> dict[str, str]:
        path = self.request.path
        kind = "text/x-nix-narinfo" if path.endswith(".narinfo") else "application/x-nix-nar"
        headers = {"Content-Type": "text/x-nix-cache-info" if path.endswith("nix-cache-info") else kind}
        if self.fault.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif self.fault.http10:
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = str(last - first + 1)
        if not self.fault.ignore_range:
            headers["Accept-Ranges"] = "bytes"
        if self.etags:
            headers["ETag"] = '"' + hashlib.sha256(f"{path} {size}".encode()).hexdigest()[:16] + '"'
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return headers

    def _pieces(self, fd: int, position: int, end: int, shift: int) -> None:
        fault = self.fault
        gate = fault.gate
        piece_size = PIECE if fault.rate is None else max(1, min(PIECE, int(fault.rate / 50)))
        started, sent = time.monotonic(), 0
        while True:
            if gate and position >= fault.gate_at:
                gate.wait(self.stopping)
                gate = None
            if fault.stall_at is not None and position >= fault.stall_at:
                self._stall()
            if fault.cut_at is not None and position >= fault.cut_at:
                self._cut()
            if self.stopping.is_set():
                raise Gone
            if position >= end:
                return
            stops = [end, position + piece_size, fault.cut_at, fault.stall_at, fault.gate_at if gate else None]
            stop = min(s for s in stops if s is not None and s > position)
            self._piece(os.pread(fd, stop - position, max(0, position - shift)), position)
            sent += stop - position
            position = stop
            if fault.rate:
                self.stopping.wait(max(0.0, started + sent / fault.rate - time.monotonic()))

    def _piece(self, data: bytes, position: int) -> None:
        flip = self.fault.flip_at
        if flip is not None and position <= flip < position + len(data):
            spoiled = bytearray(data)
            spoiled[flip - position] ^= self.fault.flip_mask
            data = bytes(spoiled)
        if self.fault.chunked:
            self.connection.sendall(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self.connection.sendall(data)
        self.request.sent += len(data)

    def _stall(self) -> None:
        """For ever: until the peer leaves or the upstream stops."""
        self.connection.settimeout(0.1)
        while not self.stopping.is_set():
            try:
                if not self.connection.recv(4096):
                    break
            except TimeoutError:
                pass
        raise Gone

    def _cut(self) -> None:
        if self.fault.reset:
            reset(self.connection)
        else:
            self.connection.shutdown(socket.SHUT_WR)
        raise Gone


def head_of(status: int, headers: dict[str, str], version: str = "1.1") -> bytes:
    lines = [f"HTTP/{version} {status} {REASONS.get(status, 'Status')}", f"Date: {formatdate(usegmt=True)}"]
    return "\r\n".join(lines + [f"{name}: {value}" for name, value in headers.items()] + ["", ""]).encode()


def _range(header: str, size: int) -> tuple[int, int, int]:
    """First and last byte and status for `bytes=N-`, `bytes=N-M` and `bytes=-N`."""
    first, _, last = header.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, size - int(last)), size - 1, 206
    if int(first) >= size:
        return 0, -1, 416
    return int(first), min(int(last or size), size - 1), 206


def reset(connection: socket.socket, how: int | None = None) -> None:
    """Makes the next close send a reset; with `how` ends what is going on at once."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how is not None:
            connection.shutdown(how)
