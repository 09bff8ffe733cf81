"""Upstreams that have NARs without compression: clients get zstd, stored once, however the bytes travel to us."""
from __future__ import annotations

import hashlib
import subprocess
import unittest

from .lab import closure, nar, raw, shapes
from .lab.case import LabCase, narinfo_target
from .lab.faults import Gate
from .lab.ncps import Ncps
from .lab.upstream import Upstream, encode

CLIENTS = 100
HARMONIA = next(s for s in shapes.SHAPES if s.name == "harmonia")
ENCODINGS = (None, "zstd", "gzip")


def unzstd(content: bytes) -> bytes:
    return subprocess.run(["zstd", "-dc"], input=content, capture_output=True, check=True).stdout


class Uncompressed(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.leaf = self.made.paths[0]
        self.prepare(self.made, self.leaf)

    def prepare(self, made: closure.Closure, path: str) -> None:
        self.made, self.leaf = made, path
        self.cache = shapes.reshaped(made.cache("none"), self.folder("harmonia"), HARMONIA)
        self.nar = made.cache("none").nar_bytes(path)
        self.name = self.cache.nar_url(path).partition("?")[0]
        self.server = self.upstream(self.cache)

    def start(self, *more: Upstream) -> Ncps:
        return self.ncps((self.server, self.cache), *((server, self.cache) for server in more))

    def fetch(self, proxy: Ncps) -> bytes:
        """The NAR as announced, whole and right; the file."""
        answer = raw.get(proxy.url, self.nar_target(proxy, self.leaf))
        self.assertEqual((answer.status, answer.ending), (200, raw.COMPLETE), proxy.tail())
        self.assertTrue(unzstd(answer.body) == self.nar, "another NAR")
        return answer.body

    def gets(self, server: Upstream | None = None) -> list:
        return (server or self.server).requests(self.name, "GET")

    # --- what is announced, and kept ---

    def test_the_narinfo_says_zstd_and_is_there_before_the_nar(self) -> None:
        gate = Gate()
        self.addCleanup(gate.open)
        self.server.fault(self.name, gate=gate)
        proxy = self.start()
        served, original = self.narinfo_of(proxy, self.leaf), self.cache.narinfo(self.leaf)
        self.assertEqual(served["URL"], f"nar/{original['NarHash'].removeprefix('sha256:')}.nar.zst")
        self.assertEqual(served["Compression"], "zstd")
        self.assertFalse(served.keys() & {"FileHash", "FileSize"})
        for name in ("StorePath", "NarHash", "NarSize", "References"):
            self.assertEqual(served[name], original[name])

    def test_one_frame_of_zstd_is_stored_once_and_served_for_ever(self) -> None:
        proxy = self.start()
        body = self.fetch(proxy)
        name = self.nar_target(proxy, self.leaf).rpartition("/")[2]
        self.assertEqual(proxy.wait_stored(name).read_bytes(), body)
        listing = subprocess.run(["zstd", "-lv", str(proxy.stored_nars()[name])], capture_output=True, text=True,
                                 check=True).stdout
        self.assertRegex(listing, r"Zstandard Frames: 1\b")
        self.assertRegex(listing, r"Check: XXH64")
        self.server.stop()
        proxy.restart()
        self.assertEqual(self.fetch(proxy), body)
        self.assertEqual(list(proxy.stored_nars()), [name])

    # --- however it travels ---

    def test_an_encoding_of_the_upstream_is_undone_and_the_bytes_kept_are_the_same(self) -> None:
        bodies = set()
        for encoding in ENCODINGS:
            with self.subTest(encoding):
                self.server.forget()
                self.server.fault(self.name, encoding=encoding)
                proxy = self.start()
                bodies.add(self.fetch(proxy))
                (request,) = self.gets()
                for name in ("zstd", "gzip"):
                    self.assertIn(name, request.headers["accept-encoding"])
                if encoding:
                    self.assertLess(request.sent, len(encode(encoding, self.nar)) + 1)
        self.assertEqual(len(bodies), 1)

    def test_a_break_in_the_middle_is_resumed_at_its_place_in_the_nar(self) -> None:
        whole = self.fetch(self.start())
        for encoding in ENCODINGS:
            for ranges in (True, False):
                with self.subTest(encoding, ranges=ranges):
                    self.server.faults.clear()
                    self.server.forget()
                    self.server.fault(self.name, ignore_range=not ranges)
                    self.server.fault(self.name, times=1, cut_at=1_000_000, encoding=encoding)
                    self.assertEqual(self.fetch(self.start()), whole)
                    first, second = self.gets()
                    self.assertIsNone(first.range)
                    begin = int((second.range or "bytes=0-")[6:-1])
                    self.assertTrue(0 < begin <= 1_500_000, f"resumed at {begin}")
                    self.assertNotIn("zstd", second.headers.get("accept-encoding", ""))  # positions would mean nothing

    def test_it_is_resumed_from_another_upstream(self) -> None:
        for encoding in ENCODINGS:
            with self.subTest(encoding):
                self.server.faults.clear()
                self.server.fault(self.name, cut_at=1_000_000, encoding=encoding)  # always
                other = self.upstream(self.cache)
                self.fetch(self.start(other))
                (request,) = self.gets(other)
                self.assertRegex(request.range or "", r"^bytes=\d{6,}-$")
                other.stop()

    def test_who_encodes_also_a_part_does_no_harm(self) -> None:
        self.server.fault(self.name, headers={"Content-Encoding": "gzip"})  # of the whole: no part is a stream
        self.server.fault(self.name, times=1, cut_at=1_000_000)
        other = self.upstream(self.cache)
        self.fetch(self.start(other))

    # --- what is wrong ---

    def assert_refused_until_well(self, proxy: Ncps) -> None:
        target = self.nar_target(proxy, self.leaf)
        self.assert_not_whole(proxy, target)
        self.assertEqual(proxy.stored_nars(), {})
        self.server.faults.clear()
        self.fetch(proxy)

    def test_a_wrong_nar_is_seen_to_fail(self) -> None:
        spoiled = bytearray(self.nar)
        spoiled[1_000_000] ^= 1
        for encoding in ENCODINGS:
            for body in (bytes(spoiled), self.nar[:-8], self.nar + b"more", b""):
                with self.subTest(encoding, size=len(body)):
                    self.server.fault(self.name, body=body, encoding=encoding)
                    self.assert_refused_until_well(self.start())

    def test_a_body_without_end_is_left_at_its_nar_size(self) -> None:
        gate = Gate()  # opened by nobody: who waited for the end would wait for ever
        self.addCleanup(gate.open)
        more = self.nar + bytes(20_000_000)
        for fault in ({"gate": gate, "gate_at": len(more) - 1}, {"encoding": "zstd"}):
            with self.subTest(fault):
                self.server.fault(self.name, body=more, chunked=True, **fault)
                self.assert_refused_until_well(self.start())

    def test_while_no_upstream_answers_it_is_a_gateway_error(self) -> None:
        proxy = self.start()
        self.server.fault(self.name, status=503)
        target = self.nar_target(proxy, self.leaf)
        self.assertIn(raw.get(proxy.url, target, timeout=60).status, (502, 504))

    # --- while it grows ---

    def grow(self) -> tuple[Ncps, Gate, str]:
        self.prepare(closure.single(20), closure.single(20).root)
        gate = Gate()
        self.addCleanup(gate.open)
        self.server.fault(self.name, gate=gate, gate_at=10_000_000)
        proxy = self.start()
        return proxy, gate, self.nar_target(proxy, self.leaf)

    def test_a_hundred_clients_get_their_bytes_while_it_grows_from_one_transfer(self) -> None:
        proxy, gate, target = self.grow()
        streams = [raw.Stream(proxy.url, target).start() for _ in range(CLIENTS)]
        for stream in streams:
            self.assertTrue(stream.first_byte.wait(60), f"no first byte, {stream.ending}\n{proxy.tail()}")
            self.assertIsNone(stream.head.get("content-length"))
        gate.open()
        for stream in streams:
            stream.join(120)
        kept = proxy.wait_stored(target.rpartition("/")[2]).read_bytes()
        self.assertTrue(unzstd(kept) == self.nar)
        self.assertEqual({(s.status, s.ending, s.sha256) for s in streams},
                         {(200, raw.COMPLETE, hashlib.sha256(kept).hexdigest())})
        self.assertEqual(len(self.gets()), 1)

    def test_a_range_while_it_grows_waits_for_the_size_and_is_the_same_at_rest(self) -> None:
        proxy, gate, target = self.grow()
        wanted = {"Range": "bytes=1000-1999"}
        growing = raw.Stream(proxy.url, target, wanted).start()
        whole = raw.Stream(proxy.url, target).start()
        self.assertTrue(whole.first_byte.wait(60))
        self.assertIsNone(growing.head)  # the head would have to tell the size
        gate.open()
        growing.join(), whole.join()
        kept = proxy.wait_stored(target.rpartition("/")[2]).read_bytes()
        self.assertEqual((growing.status, growing.ending, growing.sha256),
                         (206, raw.COMPLETE, hashlib.sha256(kept[1000:2000]).hexdigest()))
        self.assertEqual(growing.head.get("content-range"), f"bytes 1000-1999/{len(kept)}")
        at_rest = raw.get(proxy.url, target, wanted)
        self.assertEqual((at_rest.status, at_rest.body), (206, kept[1000:2000]))

    def test_head_tells_no_length_until_it_is_at_rest_and_does_not_download(self) -> None:
        proxy = self.start()
        self.assertEqual(raw.ask(proxy.url, "HEAD", narinfo_target(self.leaf)).status, 200)
        target = f"/nar/{self.cache.narinfo(self.leaf)['NarHash'].removeprefix('sha256:')}.nar.zst"
        with raw.Connection(proxy.url) as connection:
            answer = connection.ask("HEAD", target)
            self.assertEqual((answer.status, answer.get("content-length")), (200, None))
            self.assertEqual(connection.ask("GET", "/healthz").status, 200)  # usable after it
        self.assertEqual(self.gets(), [])
        body = self.fetch(proxy)
        proxy.wait_at_rest(target.rpartition("/")[2])
        self.assertEqual(raw.ask(proxy.url, "HEAD", target).get("content-length"), str(len(body)))

    def test_real_clients_of_a_cold_closure_that_is_encoded_on_the_way(self) -> None:
        for encoding in ENCODINGS:
            with self.subTest(encoding):
                self.server.fault(".nar", encoding=encoding)
                proxy = self.start()
                client = self.client(proxy.pubkey())
                client.copy(proxy.url, self.made.root)
                client.verify(self.made.root)
                for path in self.made.paths:
                    self.assertEqual(client.nar_hash(path), nar.hash_and_size(self.made.store / path.lstrip("/"))[0])


if __name__ == "__main__":
    unittest.main()
