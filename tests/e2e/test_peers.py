"""Two instances with one folder, one PostgreSQL and one Redis: a NAR is transferred once, by one of them."""
from __future__ import annotations

import hashlib
import subprocess

from .lab import closure, raw
from .lab.case import LabCase
from .lab.database import OneDatabase
from .lab.faults import Gate
from .lab.ncps import Ncps
from .lab.postgres import Postgres
from .lab.redis import RedisServer
from .lab.waiting import eventually

MEGABYTES = 8
SHORT = "--cache-lock-download-ttl=10s"  # but long enough that a busy machine renews it in time
SECRET = "the secret of all instances"


class Peers(OneDatabase, LabCase):
    server_class = Postgres

    def setUp(self) -> None:
        super().setUp()
        self.redis = RedisServer()
        self.addCleanup(self.redis.close)
        self.made = closure.single(MEGABYTES)
        self.cache = self.made.cache("zstd")
        self.name = self.cache.nar_url(self.made.root)
        self.file = (self.cache.folder / self.name.lstrip("/")).read_bytes()
        self.sha256 = hashlib.sha256(self.file).hexdigest()
        self.origin = self.upstream(self.cache)
        self.storage = self.folder("shared")

    def instance(self, *more: str) -> Ncps:
        return self.ncps((self.origin, self.cache), store=[f"--cache-storage-local={self.storage}"], more=[
            f"--cache-database-url={self.database.url}", "--server-drain-delay=0", *self.redis.flags(), *more])

    def gate(self, share: float = 0.5) -> Gate:
        gate = Gate()
        self.origin.fault(self.name, gate=gate, gate_at=int(len(self.file) * share), times=1)
        return gate

    def stream(self, proxy: Ncps, target: str) -> raw.Stream:
        stream = raw.Stream(proxy.url, target).start()
        self.assertTrue(stream.first_byte.wait(60), f"no first byte, {stream.ending}\n{proxy.tail()}")
        return stream

    def gets(self) -> int:
        return len(self.origin.requests(self.name, "GET"))

    def logged(self, proxy: Ncps, message: str) -> bool:
        return any(message in str(line) for line in proxy.lines)

    def test_the_other_one_reads_from_whoever_transfers_it(self) -> None:
        a, b = self.instance(), self.instance()
        gate = self.gate()
        target = self.nar_target(a, self.made.root)
        first = self.stream(a, target)
        second = self.stream(b, target)  # while the upstream holds
        self.assertEqual(self.gets(), 1)
        gate.open()
        for stream in (first, second):
            self.assert_whole(stream.join(60), self.sha256)
        self.assertEqual(self.gets(), 1)
        self.assertEqual(self.origin.bytes_sent(self.name), len(self.file))
        eventually(lambda: self.logged(a, "NAR stored") and self.logged(b, "NAR passed on"), "one keeps it")
        self.assertFalse(self.logged(b, "NAR stored"))
        self.assert_whole(raw.get(b.url, target), self.file)

    def test_whoever_is_left_goes_on_where_the_other_was_killed(self) -> None:
        a, b = (self.instance(SHORT) for _ in range(2))
        self.gate()
        target = self.nar_target(a, self.made.root)
        self.stream(a, target)
        second = self.stream(b, target)
        a.kill9()
        self.assert_whole(second.join(60), self.sha256)
        self.assertEqual(self.gets(), 2)
        self.assertIsNotNone(self.origin.requests(self.name, "GET")[1].headers.get("range"), "it resumed")
        eventually(lambda: self.logged(b, "NAR stored"), "it keeps it")

    def test_without_the_secret_nobody_is_answered(self) -> None:
        a = self.instance("--cache-get-token=reader-of-everything")
        b = self.instance("--cache-get-token=reader-of-everything", f"--cache-peer-secret={SECRET}",
                          "--cache-download-poll-timeout=1s")
        token = {"Authorization": "Bearer reader-of-everything"}
        gate = self.gate()
        for headers in ({}, token, {"Authorization": "ncps-peer 0:00"}):
            self.assertEqual(raw.get(a.url, f"/peer{self.name}", headers).status, 403)
        narinfo = raw.get(a.url, f"/{closure.hash_of(self.made.root)}.narinfo", token)
        target = "/" + closure.parse_narinfo(narinfo.body.decode())["URL"]
        eventually(lambda: self.gets() == 1, "it is fetched ahead")
        # Its own transfer, after a second.
        self.assert_whole(raw.get(b.url, target, token), self.file)
        self.assertEqual(self.gets(), 2)
        eventually(lambda: self.logged(b, "another secret"), f"it is said\n{b.tail()}")
        self.assertNotIn(SECRET, str(a.lines) + str(b.lines) + a.stderr() + b.stderr())
        gate.open()
        eventually(lambda: self.logged(a, "NAR stored"), "the first one keeps it")

    def test_what_the_holder_compresses_reaches_clients_of_the_other_as_it_is(self) -> None:
        self.made = closure.single(MEGABYTES)
        self.cache = self.made.cache("none")
        self.name = self.cache.nar_url(self.made.root)
        self.file = (self.cache.folder / self.name.lstrip("/")).read_bytes()
        self.origin = self.upstream(self.cache)
        a, b = self.instance(), self.instance()
        gate = self.gate()
        target = self.nar_target(a, self.made.root)
        self.assertTrue(target.endswith(".nar.zst"), target)
        first = self.stream(a, target)
        second = self.stream(b, target)  # while the upstream holds
        self.assertEqual(self.gets(), 1)
        gate.open()
        first.join(60), second.join(60)
        kept = eventually(lambda: next((p for p in self.storage.glob("store/nar/*/*/*.nar.zst")), None), "it is kept")
        packed = kept.read_bytes()
        for stream in (first, second):
            self.assert_whole(stream, hashlib.sha256(packed).hexdigest())
        self.assertEqual(subprocess.run(["zstd", "-dc"], input=packed, capture_output=True, check=True).stdout, self.file)
        self.assertEqual(self.gets(), 1)
        self.assertEqual(self.origin.bytes_sent(self.name), len(self.file))
        for proxy in (a, b):  # a client that believes no bytes
            client = self.client(proxy.pubkey())
            client.copy(proxy.url, self.made.root)
            client.verify(self.made.root)

    def test_who_takes_over_what_the_holder_was_compressing_starts_at_its_first_byte(self) -> None:
        self.cache = self.made.cache("none")
        self.name = self.cache.nar_url(self.made.root)
        self.file = (self.cache.folder / self.name.lstrip("/")).read_bytes()
        self.origin = self.upstream(self.cache)
        a, b = (self.instance(SHORT) for _ in range(2))
        self.gate()
        target = self.nar_target(a, self.made.root)
        self.stream(a, target)
        second = self.stream(b, target)
        a.kill9()
        second.join(60)
        self.assertEqual((second.status, second.ending), (200, raw.COMPLETE), b.tail())
        self.assertEqual(self.gets(), 2)
        self.assertIsNone(self.origin.requests(self.name, "GET")[1].headers.get("range"))
        eventually(lambda: self.logged(b, "NAR stored"), "it keeps it")
        packed = raw.get(b.url, target).body
        self.assertEqual(hashlib.sha256(packed).hexdigest(), second.sha256, "not two packings")
        self.assertEqual(subprocess.run(["zstd", "-dc"], input=packed, capture_output=True, check=True).stdout, self.file)

    def test_the_only_instance_has_no_such_path(self) -> None:
        alone = self.ncps((self.origin, self.cache))
        self.assertEqual(raw.get(alone.url, f"/peer{self.name}").status, 404)
