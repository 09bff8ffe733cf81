"""What is right: every answer, and everything that was stored, against the truth.

An answer that fails visibly (an error status, a transfer that breaks off) is never a finding; one
that ends cleanly must be right in every byte.

Of a narinfo the signature covers StorePath, NarHash, NarSize and References only. Over plain HTTP
nobody can see a bit that flips in its URL, Compression, FileHash or FileSize; such a path is
DAMAGED: it may stay unserved, and is counted, but what is served of its NAR must be right.
"""
from __future__ import annotations

import hashlib
import lzma
import re
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.lab import nar, raw
from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.closure import hash_of, parse_narinfo

from .world import SIGNED, World

WRONG_BODY = "clean wrong bodies"
SHORT_BODY = "clean short bodies"
FALSE_404 = "false 404s"
CORRUPT = "corrupt objects stored"
STRANGE = "answers that make no sense"
HANGS = "requests without an end"
LEFT_OVER = "temporary files left over"
NOT_SERVED = "paths not served after the faults"
LEAKED = "descriptors not given back"
FINDINGS = (CORRUPT, SHORT_BODY, WRONG_BODY, FALSE_404, STRANGE, HANGS, NOT_SERVED, LEFT_OVER, LEAKED)

BROKE_OFF = "transfers that broke off"
DAMAGED = "paths whose narinfo was damaged where no signature covers it"
HELD_BACK = 4096           # bytes at the end of a NAR that nobody gets before all is checked
FAILING = (502, 504)       # what may be said when no upstream could answer


@dataclass(frozen=True)
class Finding:
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


def uncompressed(data: bytes, name: str) -> bytes | None:
    """The NAR in a file of that name; None if it is broken."""
    if name.endswith(".xz"):
        try:
            return lzma.decompress(data)
        except (lzma.LZMAError, EOFError):
            return None
    if name.endswith(".zst"):
        run = subprocess.run(["zstd", "-dcq"], input=data, capture_output=True)
        return None if run.returncode else run.stdout
    return data


class Judge:
    """Thread-safe: clients report from their threads."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.findings: list[Finding] = []
        self.answers: Counter[str] = Counter()  # what clients saw
        self._lock = threading.Lock()
        self.slowest = (0.0, "nothing")         # seconds, what was asked
        self.damaged: set[str] = set()          # paths
        self._made: dict[str, bytes] = {}  # SHA-256 of whole NARs under names that no upstream has
        self._nars = {path: nar.hash_and_size(world.closure.store / path.lstrip("/")) for path in world.paths}

    def count(self, what: str) -> None:
        with self._lock:
            self.answers[what] += 1

    def find(self, kind: str, what: str) -> None:
        with self._lock:
            self.findings.append(Finding(kind, what))

    def took(self, seconds: float, what: str) -> None:
        with self._lock:
            self.slowest = max(self.slowest, (seconds, what))

    # --- narinfos ---

    def narinfo(self, path: str, answer: raw.Answer) -> str | None:
        """The name of the NAR it announces, if it is a good one."""
        target = narinfo_target(path)
        if not self._ended_well(target, answer):
            return None
        if answer.status == 404:
            self.not_found(target, [(place, target) for place in self.world.places])
        if answer.status != 200:
            return None
        problem = self.problem_of_narinfo(path, answer.body)
        if problem:
            self.find(WRONG_BODY, f"{target}: {problem}")
            return None
        self.count("narinfos, right")
        got = parse_narinfo(answer.body.decode("latin-1"))
        if self._is_damaged(path, got):
            with self._lock:
                self.damaged.add(path)
        return got["URL"].removeprefix("nar/")

    def _is_damaged(self, path: str, got: dict[str, str]) -> bool:
        """Whether what no signature covers is not as any upstream has it, or may have led elsewhere."""
        name = got["URL"].removeprefix("nar/")
        if name not in self._names(path) or name.endswith(".nar.xz") and not self.world.nar_file(name):
            return True  # an xz file of another name than its upstream's: the URL there made no sense
        fields = ("Compression", "FileHash", "FileSize")
        places = [place for place, _ in self.world.backers(path, name)]
        truths = [[place.cache.narinfo(path).get(field) for field in fields] for place in places]
        if self.world.nar_file(name) and [got.get(field) for field in fields] not in truths:
            return True
        return any(place.may_misdirect(path) for place in places)

    def problem_of_narinfo(self, path: str, body: bytes) -> str | None:
        """What is covered by the signature must be as it was; the rest must be possible."""
        truth = self.world.places[0].cache.narinfo(path)
        got = parse_narinfo(body.decode("latin-1"))
        for name in SIGNED:
            if got.get(name, "") != truth[name]:
                return f"{name} is {got.get(name)!r}, not {truth[name]!r}"
        if not set(truth["Sig"].split()) <= set(got.get("Sig", "").split()):
            return "the upstream's signature is lost"
        return None if got.get("URL") else "no URL"

    # --- NARs ---

    def whole_nar(self, path: str, name: str, answer: raw.Answer) -> None:
        """The answer to a GET without Range."""
        target = f"/nar/{name}"
        if not self._ended_well(target, answer):
            return
        if answer.status == 404:
            self.nar_not_found(path, name)
        elif answer.status == 200:
            problem = self.problem_of_nar(path, name, answer.body)
            if problem:
                self.find(*problem)
            else:
                self.count("whole NARs, right")

    def problem_of_nar(self, path: str, name: str, body: bytes) -> tuple[str, str] | None:
        """Kind and words of what is wrong with a whole NAR."""
        file = self.world.nar_file(name)
        if file:
            truth = file.read_bytes()
            if body == truth:
                return None
            kind = SHORT_BODY if truth.startswith(body) else WRONG_BODY
            return kind, f"nar/{name}: {len(body)} bytes of {len(truth)}"
        unpacked = uncompressed(body, name)
        if unpacked is None or (hashlib.sha256(unpacked).hexdigest(), len(unpacked)) != self._nars[path]:
            return WRONG_BODY, f"nar/{name}: {len(body)} bytes that are not the NAR"
        with self._lock:
            if self._made.setdefault(name, hashlib.sha256(body).digest()) != hashlib.sha256(body).digest():
                return WRONG_BODY, f"nar/{name}: other bytes than before under the same name"
        return None

    def part(self, path: str, name: str, answer: raw.Answer, asked: str) -> None:
        """The answer to a GET with Range. Before all is checked, all but the end may be wrong in
        place, where an upstream sends wrong bytes: docs/architecture.md, "The life of a NAR"."""
        if answer.status != 206:
            return self.whole_nar(path, name, answer)
        if not self._ended_well(f"/nar/{name}", answer):
            return None
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.get("Content-Range") or "")
        if not match:
            return self.find(STRANGE, f"nar/{name}: Content-Range {answer.get('Content-Range')!r}")
        first, last, total = map(int, match.groups())
        file = self.world.nar_file(name)
        spoiled = any(s.corrupts for place, target in self.world.backers(path, name) for s in place.spells.get(target, []))
        if len(answer.body) != last - first + 1:
            return self.find(SHORT_BODY, f"nar/{name} {asked}: {len(answer.body)} bytes, not {last - first + 1}")
        if file and (answer.body, total) != (file.read_bytes()[first:last + 1], file.stat().st_size):
            if not spoiled or last >= total - HELD_BACK:
                return self.find(WRONG_BODY, f"nar/{name} {asked}: other bytes")
            return self.count("parts of what was not yet checked, wrong")
        return self.count("parts of NARs, right")

    # --- what holds for all ---

    def _ended_well(self, target: str, answer: raw.Answer) -> bool:
        """Whether it came to a clean end, so that a client will believe it."""
        if answer.ending == raw.TIMEOUT:
            self.find(HANGS, f"{target}: {answer.status}, then nothing")
        elif answer.ending == raw.UNTIL_CLOSE:
            self.find(STRANGE, f"{target}: {answer.status} without a length")
        elif answer.ending != raw.COMPLETE:
            self.count(BROKE_OFF)
        elif answer.status in FAILING:
            self.count(f"status {answer.status}")
        elif answer.status not in (200, 206, 404):
            self.find(STRANGE, f"{target}: {answer.status} {answer.body[:200]!r}")
        return answer.ending == raw.COMPLETE

    def not_found(self, target: str, backers: list) -> None:
        """404 is true if each that has the file said that it has not."""
        silent = [place.server.url for place, there in backers if not place.said_missing(there)]
        if silent or not backers:
            self.find(FALSE_404, f"{target}: {', '.join(silent) or 'nobody'} did not say missing")
        else:
            self.count("true 404s")

    def nar_not_found(self, path: str, name: str) -> None:
        if path in self.damaged:
            self.count("404s for a NAR whose narinfo was damaged")
        else:
            self.not_found(f"/nar/{name}", self.world.backers(path, name))

    # --- what was kept ---

    def stored(self, nars: dict[str, Path], narinfos: dict[str, Path]) -> None:
        by_hash = {hash_of(path): path for path in self.world.paths}
        by_name = {name: path for path in self.world.paths for name in self._names(path)}
        for name, file in nars.items():
            if name not in by_name:
                self.find(CORRUPT, f"nar/{name}: no NAR of that name")
            elif problem := self.problem_of_nar(by_name[name], name, file.read_bytes()):
                self.find(CORRUPT, problem[1])
        for name, file in narinfos.items():
            path = by_hash.get(name.removesuffix(".narinfo"))
            problem = self.problem_of_narinfo(path, file.read_bytes()) if path else "nobody asked for it"
            if problem:
                self.find(CORRUPT, f"{name}: {problem}")
        self.answers["NARs stored, right"] = len(nars)
        self.answers["narinfos stored, right where signed"] = len(narinfos)
        self.answers[DAMAGED] = len(self.damaged)

    def _names(self, path: str) -> set[str]:
        """Under which its NAR may be announced."""
        names = {place.cache.nar_url(path).removeprefix("/nar/") for place in self.world.places}
        digest = self.world.places[0].cache.narinfo(path)["NarHash"].removeprefix("sha256:")
        return names | {f"{digest}.nar{ending}" for ending in ("", ".xz", ".zst")}
