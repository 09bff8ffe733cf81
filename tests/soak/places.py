"""Where a server that is killed keeps what it stores: how what is at rest is read, and what a kill may leave there."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from tests.e2e.lab import s3_gateway
from tests.e2e.lab.bucket import Bucket
from tests.e2e.lab.ncps import Ncps
from tests.e2e.lab.waiting import eventually
from tests.e2e.lab.wire_proxy import WireProxy, http_answer

CLOSE_WAIT = "08"  # of /proc/net/tcp: the other side has gone, this one has not noticed yet


class Place(Protocol):
    options: list[str]         # of the server, and of fsck
    bucket: Bucket | None      # see Ncps.storage
    longest: float             # seconds from the first request to the kill
    starting: float            # seconds in which a start may be killed

    def spools(self, server: Ncps) -> list[Path]:
        """The spool folders of processes."""

    def settle(self) -> None:
        """Waits until nothing of a process that was killed can still change what is stored."""

    def flaw_of_uploads(self, server: Ncps) -> str | None:
        """Starts and stops the server a day later: what is left then of uploads that kills have broken off."""

    def remove(self) -> None: ...


class Folder:
    bucket = None
    longest, starting = 0.25, 0.08

    def __init__(self, home: Path) -> None:
        self.options = [f"--cache-storage-local={home / 'storage'}"]

    def spools(self, server: Ncps) -> list[Path]:
        return [path for path in (server.storage / "store/tmp").iterdir() if path.is_dir()]

    def settle(self) -> None:
        pass

    def flaw_of_uploads(self, server: Ncps) -> str | None:
        return None

    def remove(self) -> None:
        pass


class InBucket:
    """A bucket of its own in the real S3 server."""
    longest, starting = 0.5, 0.2

    def __init__(self, home: Path) -> None:
        self.place = s3_gateway.shared()
        self.s3 = self.place.client()
        self.bucket = Bucket(self.place.new_bucket())
        self.options = self.bucket.options
        self.aborted = 0

    def spools(self, server: Ncps) -> list[Path]:
        folder = server.temp / f"ncps-spool-{os.getuid()}"
        return [path for path in folder.iterdir() if path.is_dir()]

    def settle(self) -> None:
        """What was sent before the kill is still carried out: until then the S3 server does not look at the connection."""
        port = f":{urlsplit(self.place.url).port:04X}"

        def busy() -> bool:
            lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            return any(line[1].endswith(port) and line[3] == CLOSE_WAIT for line in lines)

        eventually(lambda: not busy(), "the S3 server has noticed the kill", 60)

    def flaw_of_uploads(self, server: Ncps) -> str | None:
        left = self.s3.uploads(self.bucket.name)
        if not left:
            return None
        listed = "".join(f"<Upload><Key>{key}</Key><UploadId>{upload}</UploadId>"
                         "<Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>" for key, upload in left)
        body = f"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{listed}</ListMultipartUploadsResult>"
        parts = urlsplit(self.place.url)
        with_store, wire = server.store, WireProxy(parts.hostname or "", parts.port or 0).start()
        try:
            wire.fault(method="GET", target="uploads", answer=http_answer(200, body.encode(), "Content-Type: application/xml"))
            server.store = [option.replace(self.place.url, wire.url) for option in with_store]
            server.start()
            line = server.wait_line("aborted uploads that were left", 60)
            status = server.stop()
        finally:
            server.store = with_store
            wire.stop()
        self.aborted += line["uploads"]
        still = self.s3.uploads(self.bucket.name)
        return f"{status}, uploads that were left: {len(left)}, still there: {still}" if status or still else None

    def remove(self) -> None:
        for key in self.s3.keys(self.bucket.name):
            self.s3.ask("DELETE", f"/{self.bucket.name}/{key}")
