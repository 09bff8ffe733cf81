"""A TCP proxy that spoils what goes through it, before any server that speaks HTTP/1.1 without TLS.

A fault belongs to a request: the newest rule that fits its method and target. Bytes are counted from the
beginning of that request's answer (head and body), or of the request itself.
"""
from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections import Counter
from dataclasses import dataclass

from .relay import Link, Relay, close, reset_when_closed

REQUEST = re.compile(rb"(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP/1\.1\r\n")


@dataclass(frozen=True)
class WireFault:
    delay: float = 0                     # seconds before the answer's first byte
    answer: bytes | None = None          # this instead of asking the server; then the connection is closed
    cut_at: int | None = None            # end the connection after so many bytes of the answer ...
    reset: bool = False                  # ... (or of the upload) with a reset instead of a clean close
    stall_at: int | None = None          # send nothing after so many bytes of the answer
    upload_cut_at: int | None = None     # end the connection after so many bytes of the request


def http_answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Told", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def s3_error(status: int, code: str, *headers: str) -> bytes:
    """An error as an S3 server words it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>told to</Message></Error>".encode()
    return http_answer(status, body, "Content-Type: application/xml", *headers)


@dataclass
class _Rule:
    method: str
    target: str
    fault: WireFault
    left: int | None


class WireProxy(Relay):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._rules: list[_Rule] = []
        self.requests: list[tuple[str, str]] = []  # (method, target)
        self.taken: Counter[str] = Counter()       # bytes that the server has sent us of the answers, by target

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self, client: socket.socket) -> "_Link":
        return _Link(self, client)

    def fault(self, times: int | None = None, method: str = "", target: str = "", **fault: object) -> None:
        """For the next `times` requests (or for ever) of that method whose target holds `target`."""
        with self._lock:
            self._rules.insert(0, _Rule(method, target, WireFault(**fault), times))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def count(self, target: str, size: int) -> None:
        with self._lock:
            self.taken[target] += size

    def take(self, method: str, target: str) -> WireFault:
        with self._lock:
            self.requests.append((method, target))
            for rule in self._rules:
                if rule.left != 0 and rule.method in ("", method) and rule.target in target:
                    if rule.left is not None:
                        rule.left -= 1
                    return rule.fault
        return WireFault()


class _Link(Link):
    def __init__(self, proxy: WireProxy, client: socket.socket) -> None:
        self._proxy, self._client = proxy, client
        self._server: socket.socket | None = None
        self._ended = threading.Event()
        self._fault = WireFault()
        self._target = ""
        self._answered = True   # the last request's answer has begun: what the client says next is a new one
        self._received = 0      # of the answer
        self._uploaded = 0      # of the request

    def run(self) -> None:
        try:
            self._server = socket.create_connection(self._proxy.server, timeout=10)
            self._server.settimeout(None)
            threading.Thread(target=self._pump, args=(self._server, self._answer_bytes), daemon=True).start()
            self._pump(self._client, self._request_bytes)
        except OSError:
            self.end(reset=True)

    def end(self, reset: bool = False) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        if reset:
            reset_when_closed(self._client)
        else:
            with contextlib.suppress(OSError):
                self._client.shutdown(socket.SHUT_WR)
        close(self._client, self._server)
        self._proxy.forget(self)

    def _pump(self, source: socket.socket, forward) -> None:
        with contextlib.suppress(OSError):
            while not self._ended.is_set():
                data = source.recv(65536)
                if not data or not forward(data):
                    break
        self.end()

    def _request_bytes(self, data: bytes) -> bool:
        head = REQUEST.match(data) if self._answered else None
        if head:
            self._target = head[2].decode()
            self._fault = self._proxy.take(head[1].decode(), self._target)
            self._answered, self._received, self._uploaded = False, 0, 0
            if self._fault.answer is not None:
                self._ended.wait(self._fault.delay)
                self._client.sendall(self._fault.answer)
                return self._finish_telling()
        keep = self._up_to(data, self._uploaded, self._fault.upload_cut_at)
        self._uploaded += len(keep)
        assert self._server
        self._server.sendall(keep)
        if len(keep) < len(data):
            self.end(self._fault.reset)
        return not self._ended.is_set()

    def _finish_telling(self) -> bool:
        """Takes what the client still sends, so that no reset overtakes the answer."""
        self._client.shutdown(socket.SHUT_WR)
        while self._client.recv(65536):
            pass
        return False

    def _answer_bytes(self, data: bytes) -> bool:
        fault = self._fault
        self._proxy.count(self._target, len(data))
        if not self._answered:
            self._answered = True
            self._ended.wait(fault.delay)
        if fault.stall_at is not None and self._received + len(data) > fault.stall_at:
            self._client.sendall(self._up_to(data, self._received, fault.stall_at))
            self._ended.wait()
            return False
        keep = self._up_to(data, self._received, fault.cut_at)
        self._received += len(keep)
        self._client.sendall(keep)
        if len(keep) < len(data):
            self.end(fault.reset)
        return not self._ended.is_set()

    @staticmethod
    def _up_to(data: bytes, before: int, limit: int | None) -> bytes:
        return data if limit is None else data[:max(0, limit - before)]
