"""The server of a long run: it logs for hours, which is counted and thrown away, and says itself when it is at rest."""
from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Sequence

from tests.e2e.lab import raw
from tests.e2e.lab.ncps import Ncps
from tests.e2e.lab.prometheus import Metrics
from tests.e2e.lab.waiting import eventually

FIRST, KEPT = 100, 1000  # lines that stay here, of the start and in all
RELOADED = "new options are in force"
# Everything that costs memory, and needs no other server.
OPTIONS = ("--cache-lru-schedule=@every 1m", "--cache-scrub-schedule=@every 1m",
           "--cache-scrub-rate=2M", "--prometheus-enabled", "--cache-allow-put-verb", "--cache-allow-delete-verb")


class LongServer(Ncps):
    """On local storage."""

    @classmethod
    def made(cls, home: Path, upstreams: Sequence[tuple[str, str]], more: Sequence[str]) -> "LongServer":
        return cls(home, upstreams=upstreams, store=[f"--cache-storage-local={home / 'storage'}"],
                   log_level="info", more=[*OPTIONS, *more])

    def __post_init__(self) -> None:
        super().__post_init__()
        self.said: Counter[tuple[str, str]] = Counter()  # lines by level and message

    def _collect(self, process: subprocess.Popen[bytes], lines: list[dict]) -> None:
        assert process.stdout
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                said = {"message": line.decode(errors="replace").rstrip(), "level": "unparsed"}
            self.said[said["level"], said["message"]] += 1
            if said["message"] != "handled request":
                lines.append(said)
            if len(lines) > KEPT:
                del lines[FIRST:KEPT // 2]

    def reload(self, mistakes: int = 0) -> None:
        before = self.said["info", RELOADED]
        self.send_signal(signal.SIGHUP)
        eventually(lambda: self.said["info", RELOADED] > before, "an answer to SIGHUP", within=60)

    def metrics(self) -> Metrics:
        answer = raw.get(self.url, "/metrics", timeout=30)
        assert (answer.status, answer.ending) == (200, raw.COMPLETE), answer
        return Metrics(answer.body.decode())

    def wait_idle(self, within: float = 120) -> None:
        """Until no client is there but who asks, nothing runs or waits, and every upstream is in good standing."""
        busy = ("ncps_downloads_in_flight", "ncps_downloads_queued", "ncps_uploads_in_flight", "ncps_upstream_transfers")
        left: dict[str, float] = {}

        def idle() -> bool:
            now = self.metrics()
            left.clear()
            left.update({name: now.sum(name) for name in busy if now.sum(name)})
            if now.sum("ncps_http_connections") > 1:
                left["connections"] = now.sum("ncps_http_connections")
            if now.sum("ncps_upstream_count_healthy") < now.sum("ncps_upstream_count_total"):
                left["upstreams in good standing"] = now.sum("ncps_upstream_count_healthy")
            return not left

        try:
            eventually(idle, "the server comes to rest", within, every=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}: {left}") from None
