"""Ranges and validators on NARs: at rest, and while they still arrive."""
from __future__ import annotations

import hashlib
import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.faults import Gate
from .lab.waiting import eventually

GATE_AT = 1_500_000


class Ranges(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.leaf = self.made.paths[0]
        self.cache = self.made.cache("xz")
        self.bytes = self.cache.nar_bytes(self.leaf)
        self.size = len(self.bytes)
        self.server = self.upstream(self.cache)
        self.proxy = self.ncps((self.server, self.cache))

    def get(self, target: str, **headers: str) -> raw.Answer:
        return raw.get(self.proxy.url, target, {n.replace("_", "-"): v for n, v in headers.items()})

    def at_rest(self) -> str:
        target = self.nar_target(self.proxy, self.leaf)
        self.assert_whole(self.get(target), self.bytes)
        self.proxy.wait_at_rest(target.rpartition("/")[2])
        return target

    def assert_part(self, answer: raw.Answer, first: int, last: int) -> None:
        self.assertEqual((answer.status, answer.ending), (206, raw.COMPLETE))
        self.assertEqual(answer.get("content-range"), f"bytes {first}-{last}/{self.size}")
        self.assertEqual(answer.get("content-length"), str(last - first + 1))
        self.assertTrue(answer.body == self.bytes[first:last + 1], "other bytes")

    def test_parts_of_a_nar_at_rest(self) -> None:
        target, size = self.at_rest(), self.size
        for header, first, last in (
                ("bytes=0-0", 0, 0), ("bytes=100-199", 100, 199), ("bytes=1000000-", 1_000_000, size - 1),
                (f"bytes={size - 1}-", size - 1, size - 1), ("bytes=-100", size - 100, size - 1),
                (f"bytes=-{size * 2}", 0, size - 1), (f"bytes=5-{size * 2}", 5, size - 1), ("bytes=0-", 0, size - 1)):
            with self.subTest(header):
                self.assert_part(self.get(target, Range=header), first, last)

    def test_what_lies_beyond_the_end_is_416(self) -> None:
        target = self.at_rest()
        for header in (f"bytes={self.size}-", f"bytes={self.size * 10}-{self.size * 11}", "bytes=-0"):
            with self.subTest(header):
                answer = self.get(target, Range=header)
                self.assertEqual((answer.status, answer.get("content-range")), (416, f"bytes */{self.size}"))

    def test_what_is_no_single_range_is_answered_with_everything(self) -> None:
        target = self.at_rest()
        for header in ("bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=", "bytes=0-1,5-6", "bytes=-", "nonsense",
                       "bytes=99999999999999999999999-"):
            with self.subTest(header):
                answer = self.get(target, Range=header)
                if header.startswith("bytes=999"):
                    self.assertIn(answer.status, (200, 416))
                else:
                    self.assert_whole(answer, self.bytes)

    def test_head_and_get_offer_ranges_and_the_same_etag_everywhere(self) -> None:
        target = self.at_rest()
        whole, part = self.get(target), self.get(target, Range="bytes=5-9")
        head = raw.ask(self.proxy.url, "HEAD", target)
        self.assertEqual({a.get("accept-ranges") for a in (whole, head)}, {"bytes"})
        self.assertRegex(whole.get("etag") or "", r'\A"[^"]+"\Z')
        self.assertEqual({a.get("etag") for a in (part, head)}, {whole.get("etag")})
        self.proxy.restart()
        self.assertEqual(self.get(target).get("etag"), whole.get("etag"), "the same after a restart")

    def test_if_none_match_is_304_for_nars_and_narinfos(self) -> None:
        for target in (self.at_rest(), narinfo_target(self.leaf)):
            etag = self.get(target).get("etag")
            self.assertTrue(etag, target)
            for header in (etag, f"W/{etag}", f'"other", {etag}', "*"):
                with self.subTest(f"{target} {header}"), raw.Connection(self.proxy.url) as connection:
                    answer = connection.ask("GET", target, {"If-None-Match": header})
                    self.assertEqual((answer.status, answer.get("etag")), (304, etag))
                    self.assertEqual(connection.ask("GET", "/healthz").status, 200, "no body followed")
            self.assertEqual(self.get(target, If_None_Match='"other"').status, 200)

    def test_if_range_allows_the_part_only_with_our_etag(self) -> None:
        target = self.at_rest()
        etag = self.get(target).get("etag")
        self.assert_part(self.get(target, Range="bytes=10-19", If_Range=etag), 10, 19)
        for other in ('"other"', f"W/{etag}", "Sun, 22 Nov 2026 08:00:00 GMT"):
            with self.subTest(other):
                self.assert_whole(self.get(target, Range="bytes=10-19", If_Range=other), self.bytes)

    # --- while it arrives ---

    def test_parts_can_be_had_while_the_download_is_running(self) -> None:
        gate = Gate()
        self.server.fault(self.cache.nar_url(self.leaf), gate=gate, gate_at=GATE_AT)
        target = self.nar_target(self.proxy, self.leaf)
        whole = raw.Stream(self.proxy.url, target).start()
        self.assertTrue(gate.reached.wait(60))
        eventually(lambda: whole.count > 0, "bytes come while the upstream waits")

        early = raw.Stream(self.proxy.url, target, {"Range": "bytes=100-199"}).start()
        eventually(lambda: early.count == 99, "a part comes while the upstream waits, but for its last byte")
        self.assertIsNone(early.ending, "nothing ends cleanly before the whole is verified")
        self.assertEqual((early.status, early.head.get("content-range")), (206, f"bytes 100-199/{self.size}"))
        self.assertEqual(self.get(target, Range=f"bytes={self.size}-").status, 416)
        head = raw.ask(self.proxy.url, "HEAD", target)
        self.assertEqual((head.status, head.get("content-length")), (200, str(self.size)))
        self.assertEqual(whole.head.get("content-length"), str(self.size))
        self.assertEqual(whole.head.get("accept-ranges"), "bytes")

        later = [early] + [raw.Stream(self.proxy.url, target, {"Range": header}).start()
                 for header in (f"bytes={GATE_AT + 1000}-{GATE_AT + 1999}", f"bytes={GATE_AT - 1000}-", "bytes=-10")]
        gate.open()
        expected = (self.bytes[100:200], self.bytes[GATE_AT + 1000:GATE_AT + 2000], self.bytes[GATE_AT - 1000:], self.bytes[-10:])
        for stream, part in zip(later, expected):
            stream.join()
            self.assertEqual((stream.status, stream.ending, stream.sha256),
                             (206, raw.COMPLETE, hashlib.sha256(part).hexdigest()))
        self.assert_whole(whole.join(), hashlib.sha256(self.bytes).hexdigest())
        self.assertEqual(len(self.server.requests(self.cache.nar_url(self.leaf), "GET")), 1)
        etag = whole.head.get("etag")
        self.proxy.wait_at_rest(target.rpartition("/")[2])
        self.assertEqual(self.get(target).get("etag"), etag, "the same in flight and at rest")

    def test_a_part_of_a_cold_nar_is_fetched(self) -> None:
        target = self.nar_target(self.proxy, self.leaf)
        self.assert_part(self.get(target, Range="bytes=1000000-1000009"), 1_000_000, 1_000_009)
        self.assert_whole(self.get(target), self.bytes)


if __name__ == "__main__":
    unittest.main()
