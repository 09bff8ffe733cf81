"""The TestCase for upstreams that mean harm: what each attack may cost, and what must not come of it."""
from __future__ import annotations

import contextlib
import functools
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

from . import closure, raw
from .case import LabCase, narinfo_target
from .hostile import Answer, Hostile
from .ncps import Ncps

MOST_MEMORY = 160 << 20  # that an attack may add to the process
MOST_SECONDS = 60        # until its client knows
# What is asked for after an attack has to come in that time, too, from an upstream that shares a busy machine.
IMPATIENT = ("--cache-upstream-dialer-timeout=1s", "--cache-upstream-response-header-timeout=1s")
PIECE = b"x" * 65_536
# Of a document that may have 1 MiB: with what fills the receiver's socket meanwhile.
MOST_TAKEN = 8 << 20


class HostileCase(LabCase):
    compression = "xz"

    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache(self.compression)
        self.path, self.other = self.made.paths[0], self.made.paths[1]
        self.target = narinfo_target(self.path)
        self.server = self.hostile()

    def hostile(self, host: str = "127.0.0.1") -> Hostile:
        server = Hostile(self.cache.folder, host)
        self.addCleanup(server.stop)
        return server

    def start(self, *more: str, server: Hostile | None = None) -> Ncps:
        proxy = Ncps(self.folder("ncps"), upstreams=[((server or self.server).url, self.cache.key.public)],
                     more=("--cache-prefetch=off", *IMPATIENT, *more),
                     environment={"ASAN_OPTIONS": "quarantine_size_mb=16"})  # it counts as memory
        self.addCleanup(proxy.kill9)
        return proxy.start()

    @contextlib.contextmanager
    def bounded(self, proxy: Ncps, disk: int = 64 << 20) -> Iterator[None]:
        """Watches memory and temporary files meanwhile."""
        before, most, on_disk, done = proxy.rss(), 0, 0, threading.Event()

        def watch() -> None:
            nonlocal most, on_disk
            while not done.wait(0.02):
                with contextlib.suppress(OSError):
                    most = max(most, proxy.rss())
                    on_disk = max(on_disk, sum(file.stat().st_size for file in proxy.temporary_files() if file.is_file()))

        watcher = threading.Thread(target=watch)
        watcher.start()
        begin = time.monotonic()
        try:
            yield
        finally:
            done.set()
            watcher.join()
        self.assertLess(most - before, MOST_MEMORY, proxy.tail())
        self.assertLess(on_disk, disk, "temporary files")
        self.assertLess(time.monotonic() - begin, MOST_SECONDS)

    def assert_nothing_kept(self, proxy: Ncps) -> None:
        self.assertEqual((proxy.stored_narinfos(), proxy.stored_nars()), ({}, {}))

    def assert_serves(self, proxy: Ncps, path: str | None = None) -> None:
        path = path or self.path
        self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path), timeout=60), self.cache.nar_bytes(path))

    def refuse_narinfo(self, proxy: Ncps, answer: Answer, server: Hostile | None = None) -> None:
        """With that answer to a request for a narinfo."""
        server = server or self.server
        server.wrong = {self.target: answer}
        with self.bounded(proxy):
            said = raw.get(proxy.url, self.target, timeout=MOST_SECONDS)
        self.assertIn(said.status, (502, 504), proxy.tail())
        self.assertTrue(server.asked)
        self.assert_nothing_kept(proxy)
        server.wrong = {}

    def refuse_each(self, answers: dict[str, Answer], most_sent: int | None = None, most_asked: int | None = None) -> None:
        """Each with an upstream and a server of its own, four at a time: most of it is waiting. At most so many bytes of one
        answer were taken, and so often it was asked for."""
        def one(answer: Answer) -> None:
            server = self.hostile()
            proxy = self.start(server=server)
            self.refuse_narinfo(proxy, answer, server)
            self.assert_serves(proxy)
            proxy.kill9()
            if most_sent is not None:
                self.assertLess(server.most_sent, most_sent)
            if most_asked is not None:
                self.assertLessEqual(len(server.asked), most_asked)

        with ThreadPoolExecutor(4) as pool:
            running = {name: pool.submit(one, answer) for name, answer in answers.items()}
        for name, each in running.items():
            with self.subTest(name):
                each.result()


@functools.cache
def zeros(size: int, tool: str) -> bytes:
    run = subprocess.run(["/bin/sh", "-c", f"head -c {size} /dev/zero | {tool}"], capture_output=True, check=True)
    return run.stdout
