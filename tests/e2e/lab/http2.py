"""HTTP/2 with real peers: curl; nghttp, many requests over one connection; h2load."""
from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence
from urllib.parse import urlsplit

# Prior knowledge: no upgrade is asked for. Over TLS ALPN decides, and curl takes the same option for it.
BY = "--http2-prior-knowledge"


def curl(*arguments: str, within: float = 60) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["curl", "--silent", "--show-error", "--max-time", str(within), *arguments],
                          capture_output=True, timeout=within + 20, env=os.environ | {"no_proxy": "*"})


@dataclass
class Stream:
    """What came of one request, by the frames that nghttp saw."""
    path: str
    status: int = 0
    bytes: int = 0
    whole: bool = False
    reset: str = ""  # why: "INTERNAL_ERROR(0x02)"


class Nghttp:
    """Several GETs at once over one connection. (Debian's curl cannot, without TLS: curl's issue 10634.)"""

    def __init__(self, folder: Path, urls: Sequence[str], *more: str) -> None:
        self.paths = [urlsplit(url).path for url in urls]
        self.log = folder / "nghttp.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(["nghttp", "--null-out", "--verbose", "--no-dep", *more, *urls],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def streams(self) -> list[Stream]:
        """As they are by now, in the order of the URLs."""
        found: dict[int, Stream] = {}
        number, what = 0, ""
        for line in self.log.read_text(errors="replace").splitlines():
            if frame := re.search(r"(send|recv) (\w+) frame <length=(\d+), flags=0x(\w+), stream_id=(\d+)>", line):
                what, number = f"{frame[1]} {frame[2]}", int(frame[5])
                if what == "recv DATA":
                    found[number].bytes += int(frame[3])
                if what in ("recv DATA", "recv HEADERS") and int(frame[4], 16) & 1:
                    found[number].whole = True
            elif path := re.match(r" +:path: (\S+)", line):
                found[number] = Stream(path[1])
            elif status := re.search(r"recv \(stream_id=(\d+)\) :status: (\d+)", line):
                found[int(status[1])].status = int(status[2])
            elif (why := re.match(r" +\(error_code=(\S+?\))", line)) and what == "recv RST_STREAM":
                found[number].reset = why[1]
        by_path = {stream.path: stream for stream in found.values()}
        return [by_path.get(path, Stream(path)) for path in self.paths]

    def announced(self) -> dict[str, int]:
        """The server's settings: {"MAX_CONCURRENT_STREAMS": 100}. (nghttp's own stand in the log, too.)"""
        found: dict[str, int] = {}
        of_the_server = False
        for line in self.log.read_text(errors="replace").splitlines():
            if frame := re.search(r"(send|recv) (\w+) frame <", line):
                of_the_server = frame[0].startswith("recv SETTINGS ")
            elif of_the_server and (one := re.match(r" +\[SETTINGS_(\w+)\(0x\w+\):(\d+)\]", line)):
                found[one[1]] = int(one[2])
        return found

    def wait(self, within: float = 120) -> list[Stream]:
        self.process.wait(within)
        return self.streams()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Loaded:
    """What h2load saw."""
    succeeded: int
    failed: int      # errors and timeouts among them
    statuses: dict[str, int]
    body_bytes: int
    said: str


def h2load(*arguments: str, within: float = 60) -> Loaded:
    run = subprocess.run(["h2load", *arguments], capture_output=True, text=True, timeout=within)
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    requests = dict((what, int(count)) for count, what in re.findall(r"(\d+) (total|succeeded|failed)", said))
    statuses = {what: int(count) for count, what in re.findall(r"(\d+) ([2345]xx)", said)}
    data = re.search(r"\((\d+)\) data", said)
    assert data, said
    return Loaded(requests["succeeded"], requests["failed"], statuses, int(data.group(1)), said)
