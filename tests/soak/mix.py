"""The mixed load of a long run: what clients do with a path, and what else comes their way."""
from __future__ import annotations

import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from random import Random
from typing import Callable

from tests.e2e.lab import raw
from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.client import NixClient
from tests.e2e.lab.closure import Key, hash_of, remove_tree
from tests.e2e.lab.http2 import BY, curl

from .clients import PATIENCE, Run, ask, attempt, problem_of_serving
from .endless import lay_out, unknown_path
from .judge import FAILING, STRANGE, WRONG_BODY, Judge
from .uploads import UPLOADERS, Known, Ledger, Uploader

SLOW_PIECES = 40  # that a slow reader takes slowly; then it hurries up, so that the load is many clients, not one
PAGES = ("/nix-cache-info", "/status", "/metrics", "/")


class LongRun(Run):
    """Also slow readers, and HTTP/2."""

    def kinds(self) -> list[Callable[[], None]]:
        return [*super().kinds(), self._slowly, self._over_http2]

    def _slowly(self) -> None:
        answer = attempt(self.judge, f"GET /nar/{self.name}, slowly", lambda: slow_get(self.url, f"/nar/{self.name}"))
        if answer:
            self.judge.count("slow readers")
            self.judge.whole_nar(self.path, self.name, answer)

    def _over_http2(self) -> None:
        answer = attempt(self.judge, f"GET /nar/{self.name}, HTTP/2", lambda: get_over_http2(self.url, f"/nar/{self.name}"))
        if answer:
            self.judge.count("requests over HTTP/2")
            self.judge.whole_nar(self.path, self.name, answer)


def slow_get(url: str, target: str) -> raw.Answer:
    with raw.Connection(url, PATIENCE, receive_buffer=4096) as connection:
        connection.request("GET", target, {"Connection": "close"})
        head = connection.read_head()
        body, pieces, taken = bytearray(), connection.pieces(head), 0
        while True:
            try:
                body += next(pieces)
            except StopIteration as stop:
                return raw.Answer(head, bytes(body), stop.value)
            taken += 1
            if taken < SLOW_PIECES:
                time.sleep(0.03)  # it is what this client does


def get_over_http2(url: str, target: str) -> raw.Answer:
    run = curl(BY, "--insecure", "--write-out", "%{stderr}status %{http_code}\n", url + target, within=PATIENCE)
    said = re.search(rb"status (\d+)", run.stderr)
    status = int(said[1]) if said else 0
    how = raw.COMPLETE if run.returncode == 0 else raw.TIMEOUT if run.returncode == 28 else raw.SHORT
    if not status:
        raise raw.Ended(how, run.stderr)
    return raw.Answer(raw.Head(status, "", []), run.stdout, how)


def visit_again(judge: Judge, url: str, path: str) -> None:
    """A path of before, on which there is no spell. It may have had to go meanwhile."""
    problem_of_serving(judge, url, path)
    judge.count("paths asked for again")


def wander(judge: Judge, url: str, dice: Random) -> None:
    """What nobody has, and what is there for others than Nix."""
    target = dice.choice([narinfo_target(unknown_path(dice)), f"/nowhere/{dice.random()}",
                          f"/{hash_of(unknown_path(dice))}.ls", *PAGES])
    answer = ask(judge, url, dice.choice(["GET", "GET", "HEAD"]), target)
    if not answer:
        return
    judge.count("questions for what nobody has, and for pages")
    if answer.status in FAILING:
        judge.count(f"status {answer.status}")
    elif answer.status != (200 if target in PAGES else 404):
        judge.find(STRANGE, f"{target}: {answer.status}")


def copy_by_nix(judge: Judge, url: str, home: Path, key: str, path: str, authority: Path | None) -> bool:
    """Whether a real client got the closure. It verifies what it has got, also here."""
    with tempfile.TemporaryDirectory(prefix="nix-", dir=home) as folder:
        client = NixClient(Path(folder), [key])
        client.certificates = authority
        try:
            done = client.try_copy(url, path).returncode == 0
            if done:
                client.verify(path)
                judge.count("closures copied by Nix")
            return done
        except subprocess.TimeoutExpired:
            return False
        except AssertionError as error:
            judge.find(WRONG_BODY, f"{path}: {error}")
            return False
        finally:
            if client.store.exists():
                remove_tree(client.store)


class Uploads:
    """Some paths that no upstream has, sent, pinned and removed at random; in the end no pin stays, and no NAR that
    nothing leads to, since those are not evicted for an hour."""
    COUNT = 16

    def __init__(self, home: Path, url: str, name: str, key: Key, folder: Path) -> None:
        self.url = url
        self.batch = lay_out(home, name, self.COUNT, {"xz": folder}, key)
        self.ledger = Ledger(self.batch.caches[0])
        self.uploaders = [Uploader(url, self.ledger, n, name, evicts=True) for n in range(UPLOADERS)]
        self._free = [threading.Lock() for _ in self.uploaders]

    def step(self, judge: Judge) -> None:
        for uploader, free in zip(self.uploaders, self._free):
            if free.acquire(blocking=False):
                try:
                    uploader.step()
                except (raw.Ended, OSError, ValueError):
                    judge.count("uploads that broke off")
                finally:
                    free.release()
                return

    def end(self, judge: Judge) -> None:
        for path in self.ledger.paths:
            if path in self.ledger.pins and self.ledger.pins[path].known is not Known.ABSENT:
                ask(judge, self.url, "DELETE", f"/pin/{hash_of(path)}.narinfo")
            leads = self.ledger.narinfos[path].known is Known.PRESENT
            if not leads and self.ledger.nars[path].known is not Known.ABSENT:
                ask(judge, self.url, "DELETE", self.ledger.cache.nar_url(path))
        for uploader in self.uploaders:
            for finding in uploader.findings:
                judge.find(STRANGE, finding)
            judge.answers["uploads acknowledged"] += uploader.done
            judge.answers["removals acknowledged"] += uploader.removed
            judge.answers["uploads refused"] += uploader.refused
        self.batch.forget()
