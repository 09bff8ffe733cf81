"""The S3 server itself killed and started again, and a way to it that fails in every manner, while clients read what is
there and what is not there yet: nothing wrong is stored, nothing short is served as whole, nothing is called missing.
"""
from __future__ import annotations

import hashlib
import random
import threading
import unittest
from urllib.parse import urlsplit

from .lab import closure, raw
from .lab.case import narinfo_target
from .lab.ncps import Ncps
from .lab.s3_case import S3Case, nar_key
from .lab.s3_gateway import Gateway
from .lab.waiting import eventually
from .lab.wire_proxy import WireProxy, s3_error

PATHS, BYTES = 24, 400_000


class Outages(S3Case):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.gateway = Gateway()  # our own, to be killed
        cls.addClassCleanup(cls.gateway.stop)
        cls.own_place = cls.gateway.start()

    def setUp(self) -> None:
        super().setUp()
        self.place = self.own_place
        self.s3 = self.place.client()
        self.bucket = self.place.new_bucket()
        self.made = closure.many(PATHS, BYTES)
        self.cache = self.made.cache("zstd")
        self.up = self.upstream(self.cache)
        self.big = closure.single(24)  # in parts
        self.big_cache = self.big.cache("zstd")
        self.big_up = self.upstream(self.big_cache)
        self.files = {}  # NARs: what is expected, by target
        for made, cache in ((self.made, self.cache), (self.big, self.big_cache)):
            for path in made.paths:
                name = cache.nar_url(path).lstrip("/")
                self.files["/" + name] = (cache.folder / name).read_bytes()
        self.sums = {target: hashlib.sha256(body).hexdigest() for target, body in self.files.items()}
        self.paths = [*self.made.paths, *self.big.paths]

    def load(self, server: Ncps, stop: threading.Event, wrong: list[str], seed: int) -> None:
        """One client that asks for anything, until it is stopped. What it may see: all of it, or a failure."""
        chance = random.Random(seed)
        while not stop.is_set():
            try:
                answer = raw.get(server.url, narinfo_target(chance.choice(self.paths)), timeout=60)
                if answer.status not in (200, 502, 503, 504):
                    wrong.append(f"narinfo: {answer.status}")
                target = chance.choice(list(self.files))
                stream = raw.Stream(server.url, target).start().join()
            except Exception as error:  # noqa: BLE001: whatever it is, it is wrong
                return wrong.append(repr(error))
            if stream.ending == raw.COMPLETE and stream.status == 200:
                if stream.sha256 != self.sums[target]:
                    wrong.append(f"{target}: other bytes")
            elif stream.ending in (raw.TIMEOUT, raw.COMPLETE) and stream.status not in (502, 503, 504):
                wrong.append(f"{target}: {stream.status} {stream.ending}")

    def under_load(self, server: Ncps, trouble) -> None:
        """Runs `trouble` beside the clients; then all is well again, and what is stored is right."""
        stop, wrong = threading.Event(), []
        threads = [threading.Thread(target=self.load, args=(server, stop, wrong, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        try:
            trouble()
        finally:
            stop.set()
            for thread in threads:
                thread.join(90)
        self.assertEqual(wrong, [])
        self.assertFalse(any(thread.is_alive() for thread in threads))
        for target, sha256 in self.sums.items():
            self.assert_whole(raw.Stream(server.url, target).start().join(), sha256)
        self.wait_kept(*(nar_key(target) for target in self.files))
        for target, body in self.files.items():
            self.assertTrue(self.s3.find(self.bucket, nar_key(target)) == body, target)
        self.assertEqual(server.stop(), 0, server.tail())
        # An upload may be left whose beginning was answered to nobody: a start finds it when it is a day old.
        self.assertEqual(set(self.s3.keys(self.bucket, "store/nar/")), {nar_key(target) for target in self.files})

    def started(self, url: str | None = None) -> Ncps:
        """With the names of all NARs known, and nothing but them."""
        server = self.s3_ncps((self.up, self.cache), (self.big_up, self.big_cache), url=url,
                              more=["--cache-prefetch=off"])
        for path in self.paths:
            self.narinfo_of(server, path)
        return server

    def test_the_s3_server_is_killed_and_started_again(self) -> None:
        server = self.started()

        def trouble() -> None:
            for _ in range(2):
                seen = server.count_lines("NAR stored")
                eventually(lambda: server.count_lines("NAR stored") > seen or seen > PATHS, "something is stored", 60)
                self.gateway.stop_gateway()
                self.assertIn(raw.get(server.url, next(iter(self.files)), timeout=60).status, (200, 503))
                self.gateway.start_gateway()
        self.under_load(server, trouble)

    def test_the_way_to_it_fails_in_every_manner(self) -> None:
        parts = urlsplit(self.place.url)
        wire = WireProxy(parts.hostname, parts.port).start()
        self.addCleanup(wire.stop)
        server = self.started(wire.url)
        chance = random.Random(7)
        faults = [dict(method="GET", cut_at=100_000), dict(method="GET", cut_at=20_000, reset=True), dict(cut_at=0),
                  dict(method="PUT", upload_cut_at=150_000), dict(method="PUT", upload_cut_at=3_000_000, reset=True),
                  dict(answer=s3_error(503, "SlowDown")), dict(answer=s3_error(500, "InternalError")),
                  dict(answer=s3_error(503, "ServiceUnavailable")), dict(method="POST", cut_at=10),
                  dict(method="GET", answer=b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")]

        def trouble() -> None:
            for _ in range(15):
                wire.fault(times=chance.randrange(1, 4), **chance.choice(faults))
                before = len(wire.requests)
                eventually(lambda: len(wire.requests) > before + 4, "requests go through", 60)
            wire.clear()
        self.under_load(server, trouble)


if __name__ == "__main__":
    unittest.main()
