"""An HTTP/1.1 binary cache over a folder, with keep-alive, HEAD, Range, a request log, and faults.

A thread per connection. It can be stopped and started again on the same port: an upstream that is
down, and back.
"""
from __future__ import annotations

import base64
import contextlib
import gzip
import os
import socket
import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from .body import REASONS, Body, Gone, Request, head_of, reset
from .faults import BOTH, Fault, Faults
from .ports import free_port


class Upstream:
    def __init__(self, folder: Path, latency: float = 0, rate: float | None = None, etags: bool = True,
                 auth: str | None = None, host: str = "127.0.0.1") -> None:
        """`auth`, "user:password", is what it wants to hear; `host` is any address of 127.0.0.0/8."""
        self.folder = folder
        self.host = host
        self.auth = auth
        self.faults = Faults()
        self.usual = Fault(delay=latency, rate=rate)
        self.etags = etags
        self.port = 0  # until it is started for the first time
        self._log: list[Request] = []
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._stopping = threading.Event()

    # --- life ---

    def start(self) -> "Upstream":
        self.port = self.port or free_port()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(256)
        self._listener, self._stopping = listener, threading.Event()
        threading.Thread(target=self._accept, args=(listener, self._stopping), daemon=True).start()
        return self

    def stop(self) -> None:
        """Refuses new connections and resets the open ones."""
        if self._listener is None:
            return
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        with self._lock:
            for connection in self._connections:
                reset(connection, socket.SHUT_RDWR)

    def __enter__(self) -> "Upstream":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    # --- what it was asked ---

    def requests(self, suffix: str = "", method: str | None = None) -> list[Request]:
        """Of that suffix; without one all but probes, which come when they like."""
        with self._lock:
            return [r for r in self._log if r.path.endswith(suffix) and method in (None, r.method)
                    and (suffix or not r.path.endswith("/nix-cache-info"))]

    def bytes_sent(self, suffix: str = "") -> int:
        return sum(r.sent for r in self.requests(suffix))

    def forget(self) -> None:
        with self._lock:
            self._log.clear()

    def fault(self, suffix: str, times: int | None = None, methods: tuple[str, ...] = BOTH, **what) -> None:
        """Misbehave on paths with that ending, for the next `times` requests or for ever."""
        self.faults.add(suffix, Fault(**what), times, methods)

    # --- serving ---

    def _accept(self, listener: socket.socket, stopping: threading.Event) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection, stopping), daemon=True).start()

    def _serve(self, connection: socket.socket, stopping: threading.Event) -> None:
        buffered = b""
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not stopping.is_set():
                while b"\r\n\r\n" not in buffered:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    buffered += piece
                head, _, buffered = buffered.partition(b"\r\n\r\n")
                self._answer(connection, head.decode("latin-1"), stopping, connection.getpeername()[1])
        except (OSError, Gone):
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
                connection.close()

    def _answer(self, connection: socket.socket, head: str, stopping: threading.Event, port: int) -> None:
        line, *lines = head.split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (h.partition(":") for h in lines)}
        path, _, query = target.partition("?")
        request = Request(method, path := unquote(path), headers, query, port=port)
        with self._lock:
            self._log.append(request)
        fault = self.faults.take(method, path, self.usual)
        request.fault = fault.name
        if fault.delay:
            stopping.wait(fault.delay)
        if fault.drop or stopping.is_set():
            raise Gone
        if fault.garbage is not None:
            connection.sendall(fault.garbage)
            raise Gone
        if not self._may(headers):
            self._text(connection, request, 401, {"WWW-Authenticate": 'Basic realm="lab"'})
        elif fault.redirect is not None:
            self._text(connection, request, 302, {"Location": fault.redirect} | dict(fault.headers))
        elif fault.status is not None:
            self._text(connection, request, fault.status, fault.headers)
        else:
            with contextlib.ExitStack() as stack:
                content = self._open(request, fault, stack)
                if content is None:
                    self._text(connection, request, 404, {})
                else:
                    fd, size, fault = _encoded(*content, request, fault, stack)
                    Body(connection, request, fault, self.etags, stopping).send(fd, size)
        request.finished = True

    def _may(self, headers: dict[str, str]) -> bool:
        wanted = self.auth and "Basic " + base64.b64encode(self.auth.encode()).decode()
        return not wanted or headers.get("authorization") == wanted

    def _open(self, request: Request, fault: Fault, stack: contextlib.ExitStack) -> tuple[int, int] | None:
        """Descriptor and size of what is to be sent. A file with a "?" in its name needs that query."""
        if isinstance(fault.body, bytes):
            fd = _memory(fault.body)
        else:
            file = fault.body or self.folder / request.path.lstrip("/")
            with_query = file.with_name(f"{file.name}?{request.query}")
            file = (with_query if request.query and with_query.exists() else file).resolve()
            if fault.body is None and not file.is_relative_to(self.folder.resolve()) or not file.is_file():
                return None
            fd = os.open(file, os.O_RDONLY)
        stack.callback(os.close, fd)
        size = os.fstat(fd).st_size
        return fd, size if fault.truncate_to is None else min(size, fault.truncate_to)

    def _text(self, connection: socket.socket, request: Request, status: int, headers) -> None:
        body = f"{REASONS.get(status, 'Status')}\n".encode()
        request.status = status
        connection.sendall(head_of(status, {"Content-Length": str(len(body)), "Content-Type": "text/plain"}
                                   | dict(headers)) + (b"" if request.method == "HEAD" else body))


def _memory(content: bytes) -> int:
    fd = os.memfd_create("body")
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(content)
    return fd


def _encoded(fd: int, size: int, request: Request, fault: Fault,
             stack: contextlib.ExitStack) -> tuple[int, int, Fault]:
    """The same, encoded on the way if that is what is to happen. Offsets of the fault are then those of
    the encoded bytes, and no position in them can be asked for."""
    accepted = request.headers.get("accept-encoding", "")
    if fault.encoding is None or request.range or fault.encoding not in accepted:
        return fd, size, fault
    encoded = encode(fault.encoding, os.pread(fd, size, 0))
    stack.callback(os.close, fd := _memory(encoded))
    headers = dict(fault.headers) | {"Content-Encoding": fault.encoding, "Vary": "Accept-Encoding"}
    return fd, len(encoded), replace(fault, headers=headers, chunked=True, ignore_range=True)


def encode(encoding: str, content: bytes) -> bytes:
    if encoding == "gzip":
        return gzip.compress(content, 1)
    return subprocess.run([encoding, "-c", "-1"], input=content, capture_output=True, check=True).stdout
