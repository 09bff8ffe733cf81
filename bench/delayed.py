"""A binary cache over a folder that is far away: each answer takes so long, any number beside each
other. One thread for all connections."""
from __future__ import annotations

import asyncio
import threading
from pathlib import Path


class DelayedUpstream:
    def __init__(self, folder: Path, delay: float) -> None:
        self.folder, self.delay = folder, delay
        self.requests = 0
        self.most_at_once = 0
        self._now = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "DelayedUpstream":
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self.url = "http://127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, target, _ = head.split(b" ", 2)
                self.requests += 1
                self._now += 1
                self.most_at_once = max(self.most_at_once, self._now)
                await asyncio.sleep(self.delay)
                self._now -= 1
                writer.write(self._answer(method, target.decode().partition("?")[0]))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, method: bytes, target: str) -> bytes:
        file = (self.folder / target.lstrip("/")).resolve()
        found = file.is_relative_to(self.folder.resolve()) and file.is_file()
        body = file.read_bytes() if found else b"404\n"
        head = (f"HTTP/1.1 {'200 OK' if found else '404 Not Found'}\r\nContent-Length: {len(body)}\r\n"
                "Accept-Ranges: bytes\r\nContent-Type: application/octet-stream\r\n\r\n")
        return head.encode() + (b"" if method == b"HEAD" else body)
