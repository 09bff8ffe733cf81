"""Stopping an instance behind a balancer, and one whose disk hangs."""
from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import threading
import unittest
from pathlib import Path

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.cluster import Cluster, Plan
from .lab.ncps import Ncps
from .lab.postgres import Postgres
from .lab.waiting import eventually


NOT_THE_DISK = 9  # seconds: what waits for a disk that hangs takes 10 (DiskCalls::kPatience)


def readiness(server: Ncps) -> int:
    return raw.get(server.url, "/readyz", timeout=NOT_THE_DISK).status


class Draining(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache)

    def draining(self, delay: str) -> Ncps:
        proxy = self.ncps((self.server, self.cache), more=[f"--server-drain-delay={delay}"])
        proxy.send_signal(signal.SIGTERM)
        proxy.wait_line("draining: /readyz says 503, everything is served still")
        return proxy

    def test_first_it_says_so_and_serves_everybody(self) -> None:
        proxy = self.draining("10m")  # a loaded machine takes its time for all this
        answer = raw.get(proxy.url, "/readyz")
        self.assertEqual((answer.status, b'"status":"draining"' in answer.body), (503, True), answer.body)
        self.assertEqual(raw.get(proxy.url, "/healthz").status, 200)
        self.client(proxy.pubkey()).copy(proxy.url, self.made.root)  # new connections, and a download

    def test_then_it_stops(self) -> None:
        self.assertEqual(self.draining("1s").wait(), 0)

    def test_a_second_signal_ends_it_at_once(self) -> None:
        proxy = self.draining("10m")
        self.assertEqual(readiness(proxy), 503)
        proxy.send_signal(signal.SIGTERM)
        self.assertEqual(proxy.wait(within=60), 128 + signal.SIGTERM)

    def test_a_single_instance_does_not_wait(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        self.assertEqual(proxy.stop(), 0)
        self.assertIsNone(proxy.find_line("draining: /readyz says 503, everything is served still"))


class Load:
    """Clients that ask again and again: curl for NARs, and real Nix with an empty store each time."""

    def __init__(self, case: LabCase, url: str, key: str, made: closure.Closure, cache: closure.Cache) -> None:
        self.failures: list[str] = []
        self.done = {"curl": 0, "nix": 0}
        self._case, self._url, self._key, self._made = case, url, key, made
        self._expected = {cache.nar_url(path): hashlib.sha256(cache.nar_bytes(path)).hexdigest()
                          for path in made.paths}
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(self._nix,), daemon=True)]
        self._threads += [threading.Thread(target=self._repeat, args=(self._curl,), daemon=True) for _ in range(3)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)

    def _repeat(self, ask) -> None:
        while not self._stopping.is_set() and len(self.failures) < 10:
            try:
                ask()
            except Exception as error:  # whatever it is, it is a request that failed
                self.failures.append(str(error))

    def _curl(self) -> None:
        for path in self._made.paths:
            self._run_curl(narinfo_target(path))
        for target, digest in self._expected.items():
            if hashlib.sha256(self._run_curl(target)).hexdigest() != digest:
                raise AssertionError(f"{target}: other bytes")
        self.done["curl"] += 1

    def _run_curl(self, target: str) -> bytes:
        run = subprocess.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "60", self._url + target],
                             capture_output=True, timeout=90, env=os.environ | {"no_proxy": "*"})
        if run.returncode:
            raise AssertionError(f"{target}: {run.stderr.decode()}")
        return run.stdout

    def _nix(self) -> None:
        client = self._case.client(self._key)
        client.copy(self._url, self._made.root)
        self.done["nix"] += 1

    def wait_rounds(self, count: int) -> None:
        """Until each kind of client has come through so often from now on, or one has failed."""
        until = {kind: done + count for kind, done in self.done.items()}
        eventually(lambda: self.failures or all(self.done[kind] >= until[kind] for kind in until), "clients", 120)


class RollingRestart(LabCase):
    def test_three_instances_one_after_the_other_and_no_request_fails(self) -> None:
        made = closure.small()
        cache = made.cache()
        upstream = self.upstream(cache)
        database = Postgres()
        self.addCleanup(database.close)
        shared = self.folder("shared")
        cluster = Cluster(self.folder("cluster"), Plan(
            upstreams=[(upstream.url, cache.key.public)], database=database,
            store=[f"--cache-storage-local={shared}"], more=["--server-drain-delay=10s"]))  # haproxy looks each second, where it has the time
        self.addCleanup(cluster.stop)
        cluster.start()
        key = cluster.instances[0].pubkey()
        with Load(self, cluster.url, key, made, cache) as load:
            load.wait_rounds(1)
            for number, instance in enumerate(cluster.instances):
                instance.send_signal(signal.SIGTERM)
                expected = ["UP"] * len(cluster.instances)
                expected[number] = "DOWN"
                cluster.haproxy.wait(*expected)
                self.assertEqual(instance.wait(60), 0, cluster.tail())
                instance.start()
                cluster.haproxy.wait(*["UP"] * len(cluster.instances))
                load.wait_rounds(1)
        self.assertEqual(load.failures, [], cluster.tail())
        self.assertEqual({instance.pubkey() for instance in cluster.instances}, {key})


class DiskThatHangs(LabCase):
    """A pipe without a writer hangs in open(2), as does a file of a file server that is away."""

    def test_it_takes_its_threads_and_nothing_else(self) -> None:
        made = closure.many(12)
        cache = made.cache()
        server = self.upstream(cache)
        shared = self.folder("shared")
        proxy = self.ncps((server, cache), store=[f"--cache-storage-local={shared}"],
                          more=["--cache-upstream-mode=auto"])
        targets = [self.nar_target(proxy, path) for path in made.paths]
        self.assert_whole(raw.get(proxy.url, targets[9]), cache.nar_bytes(made.paths[9]))
        # Prefetching is over when all are at rest; then nine of them hang.
        # (Until a download has ended in every respect, who comes joins it.)
        eventually(lambda: len(list((shared / "store/nar").glob("*/*/*"))) == len(made.paths), "all are kept")
        eventually(lambda: not json.loads(proxy.get("/status"))["downloads"]["transfers"], "all are at rest")
        pipes = [self.make_hang(shared, target) for target in targets[:9]]
        asked = [raw.Stream(proxy.url, target).start() for target in targets[:9]]
        eventually(lambda: readiness(proxy) == 503, "its store does not answer", 60)
        for path in made.paths:  # from memory
            self.assertEqual(raw.get(proxy.url, narinfo_target(path), timeout=NOT_THE_DISK).status, 200)
        self.assertEqual(raw.get(proxy.url, "/healthz", timeout=NOT_THE_DISK).status, 200)
        # No thread is left to open it; one that was asked for lately may be open still.
        self.assertEqual(raw.get(proxy.url, targets[10], timeout=60).status, 503)
        for stream in asked:
            self.assertEqual(stream.join().status, 503)

        for pipe in pipes:
            os.close(os.open(pipe, os.O_RDWR))
            pipe.unlink()
        eventually(lambda: readiness(proxy) == 200, "it answers again")
        for number in (0, 10):
            self.assert_whole(raw.get(proxy.url, targets[number]), cache.nar_bytes(made.paths[number]))
        self.assertEqual(proxy.stop(), 0, proxy.tail())

    @staticmethod
    def make_hang(shared: Path, target: str) -> Path:
        file = next((shared / "store/nar").glob(f"*/*/{target.rpartition('/')[2]}"))
        file.unlink()
        os.mkfifo(file)
        return file


if __name__ == "__main__":
    unittest.main()
