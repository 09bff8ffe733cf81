"""A NAR of some GiB that nobody has yet, through ncps into a bucket: what is resident meanwhile, and how soon after the
upstream's last byte it is stored. The upstream makes the NAR as it sends it; but for the S3 server nobody here holds it.
"""
from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Iterator
from urllib.parse import urlsplit

from tests.e2e.lab import nar, raw
from tests.e2e.lab.ncps import Ncps
from tests.e2e.lab.s3_client import S3Client
from tests.e2e.lab.s3_gateway import Gateway
from tests.e2e.lab.waiting import eventually

BUCKET = "large"
BLOCK = 128 << 10  # of zstd: as large as one may be
PART = 8 << 20     # of an upload, as ours are
AT_ONCE = 3
STORE_HASH = "0" * 32


class LargeNar:
    """One file of that many MiB as a NAR, in a frame of zstd whose blocks are not compressed: nothing makes it shorter,
    and to verify it costs what a NAR costs."""

    def __init__(self, mebibytes: int) -> None:
        self.contents = mebibytes << 20
        self.name = f"{STORE_HASH}-large"
        self._noise = os.urandom(BLOCK - 8)
        inner, outer = hashlib.sha256(), hashlib.sha256()
        self.nar_size = self.file_size = 0
        for raw_bytes, framed in self._blocks():
            inner.update(raw_bytes)
            outer.update(framed)
            self.nar_size += len(raw_bytes)
            self.file_size += len(framed)
        self.nar_hash, self.file_hash = nar.nix32(inner.digest()), nar.nix32(outer.digest())
        self.sha256 = outer.hexdigest()
        self.target = f"/nar/{self.file_hash}.nar.zst"
        self.key = f"store/nar/{self.file_hash[0]}/{self.file_hash[:2]}/{self.file_hash}.nar.zst"

    def _blocks(self) -> Iterator[tuple[bytes, bytes]]:
        """Stretches of the NAR, and what each is in the file. Source: RFC 8878, sections 3.1.1 and 3.1.1.2."""
        yield b"", b"\x28\xb5\x2f\xfd\x00\x38"  # a frame without its length, of a window of 128 KiB
        yield self._block(nar.file_head(self.contents))
        for number in range(self.contents // BLOCK):
            yield self._block(number.to_bytes(8, "big") + self._noise)
        yield self._block(nar.FILE_END, last=1)

    @staticmethod
    def _block(data: bytes, last: int = 0) -> tuple[bytes, bytes]:
        return data, struct.pack("<I", len(data) << 3 | last)[:3] + data

    def file(self) -> Iterator[bytes]:
        return (framed for _, framed in self._blocks())

    def parts(self) -> Iterator[bytes]:
        part = bytearray()
        for piece in self.file():
            part += piece
            if len(part) >= PART:
                yield bytes(part)
                part.clear()
        yield bytes(part)

    @property
    def narinfo(self) -> bytes:
        return (f"StorePath: /nix/store/{self.name}\nURL: {self.target[1:]}\nCompression: zstd\n"
                f"FileHash: sha256:{self.file_hash}\nFileSize: {self.file_size}\nNarHash: sha256:{self.nar_hash}\n"
                f"NarSize: {self.nar_size}\nReferences: \n").encode()


class MakingUpstream:
    """Has just that. `rate`: bytes in a second; absent: as they are taken."""

    def __init__(self, made: LargeNar, rate: float | None) -> None:
        self.sent_all = Event()
        self.ended = 0.0  # when its last byte was sent
        upstream = self
        texts = {"/nix-cache-info": b"StoreDir: /nix/store\n", f"/{STORE_HASH}.narinfo": made.narinfo}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path != made.target:
                    return self.answer(texts.get(self.path))
                self.head(200, made.file_size)
                begun, sent = time.monotonic(), 0
                for piece in made.file():
                    self.wfile.write(piece)
                    sent += len(piece)
                    if rate:
                        time.sleep(max(0.0, begun + sent / rate - time.monotonic()))
                upstream.ended = time.monotonic()
                upstream.sent_all.set()

            do_HEAD = do_GET

            def answer(self, text: bytes | None) -> None:
                self.head(200 if text else 404, len(text or b""))
                if self.command == "GET":
                    self.wfile.write(text or b"")

            def head(self, status: int, size: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(size))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Cold:
    mebibytes: int
    seconds: float        # until the client had all of it
    after: float          # seconds from the upstream's last byte to "stored"
    peak_mebibytes: float # of ncps, resident
    right: bool           # the object in the bucket has the hash of what the upstream sent


def read_through(url: str, target: str) -> int:
    """How many bytes of the body came."""
    with raw.Connection(url, timeout=300) as connection:
        connection.request("GET", target, {"Connection": "close"})
        head = connection.read_head()
        assert head.status == 200, head
        return sum(len(piece) for piece in connection.pieces(head))


def hash_in_bucket(s3: S3Client, key: str) -> str:
    parts = urlsplit(s3.url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    connection.request("GET", s3.presigned(f"/{BUCKET}/{key}"))
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    digest = hashlib.sha256()
    while piece := answer.read(1 << 20):
        digest.update(piece)
    connection.close()
    return digest.hexdigest()


def peak(pid: int) -> float:
    """MiB that were resident at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def cold(home: Path, gateway: Gateway, mebibytes: int, rate: float | None) -> tuple[Cold, LargeNar]:
    place = gateway.place
    assert place
    made = LargeNar(mebibytes)
    with contextlib.ExitStack() as stack:
        upstream = MakingUpstream(made, rate)
        stack.callback(upstream.stop)
        store = [f"--cache-storage-s3-{name}={value}" for name, value in
                 (("bucket", BUCKET), ("endpoint", place.url), ("access-key-id", place.access_key),
                  ("secret-access-key", place.secret_key))]
        proxy = Ncps(home, upstreams=[(upstream.url, None)], store=store,
                     more=["--cache-sign-unverified", "--cache-prefetch=off"])
        stack.callback(proxy.kill9)
        proxy.start()
        proxy.get(f"/{STORE_HASH}.narinfo")
        begun = time.monotonic()
        got = read_through(proxy.url, made.target)
        took = time.monotonic() - begun
        assert got == made.file_size, (got, made.file_size, proxy.tail())
        eventually(lambda: proxy.count_lines("NAR stored"), "it is stored", 300)
        after = time.monotonic() - upstream.ended
        assert proxy.process
        return Cold(mebibytes, took, after, peak(proxy.process.pid),
                    hash_in_bucket(place.client(), made.key) == made.sha256), made


def upload_alone(s3: S3Client, made: LargeNar) -> float:
    """Seconds that it takes a client to upload it who has all of it and does nothing else: the same parts, as many at once."""
    key = f"/{BUCKET}/alone"
    upload, = s3.ask("POST", key, {"uploads": ""}).texts("UploadId")

    def put(numbered: tuple[int, bytes]) -> None:
        number, part = numbered
        answer = s3.ask("PUT", key, {"partNumber": str(number), "uploadId": upload}, part)
        assert answer.status == 200, answer

    spent = 0.0
    with ThreadPoolExecutor(AT_ONCE) as workers:
        some: list[tuple[int, bytes]] = []
        for numbered in enumerate(made.parts(), 1):  # made while the clock stands still
            some.append(numbered)
            if len(some) == 4 * AT_ONCE or len(numbered[1]) < PART:
                begun = time.monotonic()
                list(workers.map(put, some))
                spent += time.monotonic() - begun
                some.clear()
    s3.ask("DELETE", key, {"uploadId": upload})
    return spent


def measure(home: Path, mebibytes: int, mebibytes_paced: int, rate: float) -> dict:
    """Both, each with a server of its own, in an S3 server of their own."""
    gateway = Gateway()
    try:
        assert gateway.start()
        assert gateway.place
        s3 = gateway.place.client()
        s3.make_bucket(BUCKET)
        fast, _ = cold(home / "fast", gateway, mebibytes, None)
        print(fast, flush=True)
        paced, made = cold(home / "paced", gateway, mebibytes_paced, rate)
        print(paced, flush=True)
        alone = upload_alone(s3, made)
        print(f"uploaded alone in {alone:.2f} s", flush=True)
        assert fast.right and paced.right
        return {"fast": asdict(fast), "paced": asdict(paced), "rate": rate, "uploaded alone": alone}
    finally:
        gateway.stop()


def table(measured: dict, where: dict, date: str) -> str:
    fast, paced, alone = measured["fast"], measured["paced"], measured["uploaded alone"]
    rows = [(f"NAR of {fast['mebibytes']:,} MiB, as fast as it goes", fast, fast["mebibytes"] / paced["mebibytes"] * alone),
            (f"NAR of {paced['mebibytes']:,} MiB, upstream of {measured['rate'] / 1e6:.0f} MB/s", paced, alone)]
    lines = [f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, Ceph RADOS Gateway with objects in memory; all "
             f"share the cores. Load average of the machine before: {measured['load before']:.1f}. `bench/s3.py --only large`: NARs that only the upstream has, read by one "
             "client. What lies in the bucket afterwards has the hash of what was sent.", "",
             "| | ncps: resident at most | the client has all after | stored, after the upstream's last byte | "
             "uploading all of it only then would take | |", "|---|---:|---:|---:|---:|---:|"]
    lines += [f"| {name} | {one['peak_mebibytes']:.0f} MiB | {one['seconds']:.1f} s | {one['after']:.2f} s | {whole:.1f} s | "
              f"{one['after'] / whole:.2f}x |" for name, one, whole in rows]
    return "\n".join(lines)
