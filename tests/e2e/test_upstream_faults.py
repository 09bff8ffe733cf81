"""NARs from an upstream that breaks: what can be mended is mended, the rest is seen to fail."""
from __future__ import annotations

import hashlib
import unittest

from .lab import closure, raw
from .lab.case import LabCase
from .lab.ncps import Ncps

CUT = 1_000_000  # in the middle of the 2 MB leaf


class NarFaults(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache("xz")
        self.leaf = self.made.paths[0]
        self.name = self.cache.nar_url(self.leaf)
        self.bytes = self.cache.nar_bytes(self.leaf)
        self.server = self.upstream(self.cache)

    def start(self) -> Ncps:
        return self.ncps((self.server, self.cache))

    def stream(self, proxy: Ncps) -> raw.Stream:
        return raw.Stream(proxy.url, self.nar_target(proxy, self.leaf)).start().join()

    def assert_served(self, proxy: Ncps) -> None:
        self.assert_whole(self.stream(proxy), hashlib.sha256(self.bytes).hexdigest())

    def assert_refused_until_well(self, proxy: Ncps) -> None:
        """The NAR breaks off, nothing of it is kept, and the first request after the fault succeeds."""
        target = self.nar_target(proxy, self.leaf)
        self.assert_not_whole(proxy, target)
        self.assertNotIn(target.rpartition("/")[2], proxy.stored_nars())
        self.server.faults.clear()
        self.assert_served(proxy)

    # --- mended ---

    def assert_resumed(self) -> None:
        proxy = self.start()
        self.assert_served(proxy)
        first, second = self.server.requests(self.name, "GET")
        self.assertIsNone(first.range)
        self.assertRegex(second.range or "", r"^bytes=\d+-$")
        begin = int(second.range[6:-1])
        self.assertTrue(0 < begin <= CUT, f"resumed at {begin}")

    def test_a_transfer_cut_once_is_resumed_and_the_client_sees_nothing(self) -> None:
        self.server.fault(self.name, times=1, cut_at=CUT)
        self.assert_resumed()

    def test_a_transfer_reset_once_is_resumed_too(self) -> None:
        # A reset may take bytes with it that were on the way, so the place of the resume is open.
        self.server.fault(self.name, times=1, cut_at=CUT, reset=True)
        self.assert_served(self.start())
        self.assertEqual(len(self.server.requests(self.name, "GET")), 2)

    def test_an_upstream_that_ignores_range_on_resume_harms_nothing(self) -> None:
        self.server.fault(self.name, ignore_range=True)
        self.server.fault(self.name, times=1, cut_at=CUT)
        self.assert_served(self.start())

    def test_a_nar_without_length_is_served_when_complete(self) -> None:
        self.server.fault(self.name, chunked=True)
        self.assert_served(self.start())

    def test_an_error_status_once_is_absorbed(self) -> None:
        for status in (500, 502, 503):
            with self.subTest(status):
                self.server.fault(self.name, times=1, status=status)
                self.assert_served(self.start())

    def test_a_connection_dropped_before_the_answer_is_absorbed(self) -> None:
        self.server.fault(self.name, times=1, drop=True)
        self.assert_served(self.start())

    def test_a_redirect_is_followed(self) -> None:
        self.server.fault("/elsewhere", body=self.bytes)
        self.server.fault(self.name, redirect="/elsewhere")
        self.assert_served(self.start())

    # --- seen to fail ---

    def test_a_transfer_that_is_always_cut_is_seen_to_fail(self) -> None:
        for fault in ({}, {"reset": True}, {"chunked": True}):
            with self.subTest(fault):
                self.server.fault(self.name, cut_at=CUT, **fault)
                self.assert_refused_until_well(self.start())

    def test_a_cut_before_the_last_byte_is_seen_to_fail(self) -> None:
        self.server.fault(self.name, cut_at=len(self.bytes) - 1)
        self.assert_refused_until_well(self.start())

    def test_a_flipped_bit_is_seen_to_fail(self) -> None:
        for offset in (0, CUT, len(self.bytes) - 1):
            with self.subTest(offset):
                self.server.fault(self.name, flip_at=offset)
                self.assert_refused_until_well(self.start())

    def test_a_bit_flipped_only_in_what_follows_a_resume_is_seen_to_fail(self) -> None:
        self.server.fault(self.name, flip_at=CUT + 1000)
        self.server.fault(self.name, times=1, cut_at=CUT)
        self.assert_refused_until_well(self.start())

    def test_the_nar_of_another_path_is_seen_to_fail(self) -> None:
        self.server.fault(self.name, body=self.cache.nar_bytes(self.made.root))
        self.assert_refused_until_well(self.start())

    def test_a_truncated_file_that_announces_its_own_length_is_seen_to_fail(self) -> None:
        for chunked in (False, True):
            with self.subTest(chunked=chunked):
                self.server.fault(self.name, truncate_to=CUT, chunked=chunked)
                self.assert_refused_until_well(self.start())

    def test_a_file_with_bytes_after_its_end_is_seen_to_fail(self) -> None:
        self.server.fault(self.name, body=self.bytes + b"more")
        self.assert_refused_until_well(self.start())

    def test_an_empty_file_is_seen_to_fail(self) -> None:
        self.server.fault(self.name, body=b"")
        self.assert_refused_until_well(self.start())

    def test_an_upstream_that_is_only_broken_is_a_gateway_error(self) -> None:
        self.server.fault(self.name, status=500)
        proxy = self.start()
        answer = raw.get(proxy.url, self.nar_target(proxy, self.leaf), timeout=60)
        self.assertIn(answer.status, (502, 504))
        self.server.faults.clear()
        self.assert_served(proxy)

    def test_a_nar_that_every_upstream_misses_is_404(self) -> None:
        for status in (404, 403, 410):
            with self.subTest(status):
                self.server.fault(self.name, status=status)
                proxy = self.start()
                answer = raw.get(proxy.url, self.nar_target(proxy, self.leaf))
                self.assertEqual((answer.status, answer.ending), (404, raw.COMPLETE))

    def test_uncompressed_nars_are_checked_in_the_same_way(self) -> None:
        self.cache = self.made.cache("none")
        self.name = self.cache.nar_url(self.leaf)
        for fault in ({"flip_at": CUT}, {"truncate_to": CUT}, {"cut_at": CUT},
                      {"body": self.cache.nar_bytes(self.made.root)}):
            with self.subTest(fault.keys()):
                self.server = self.upstream(self.cache)
                self.server.fault(self.name, **fault)
                proxy = self.start()
                target = self.nar_target(proxy, self.leaf)
                self.assert_not_whole(proxy, target)
                self.assertNotIn(target.rpartition("/")[2], proxy.stored_nars())
                self.server.faults.clear()
                answer = raw.get(proxy.url, target)
                self.assertEqual((answer.status, answer.ending), (200, raw.COMPLETE))


class TwoUpstreams(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache("xz")
        self.leaf = self.made.paths[0]
        self.name = self.cache.nar_url(self.leaf)
        self.first, self.second = self.upstream(self.cache), self.upstream(self.cache)

    def start(self) -> Ncps:
        return self.ncps((self.first, self.cache), (self.second, self.cache))

    def assert_served(self, proxy: Ncps) -> None:
        answer = raw.get(proxy.url, self.nar_target(proxy, self.leaf), timeout=28)  # a download is given up after 30
        self.assert_whole(answer, self.cache.nar_bytes(self.leaf))

    def test_when_the_first_always_breaks_off_the_second_serves_within_seconds(self) -> None:
        self.first.fault(self.name, cut_at=CUT)
        self.assert_served(self.start())

    def test_when_the_first_has_rotten_bytes_the_next_request_succeeds(self) -> None:
        self.first.fault(self.name, flip_at=CUT)
        proxy = self.start()
        target = self.nar_target(proxy, self.leaf)
        try:
            answer = raw.get(proxy.url, target)
            if answer.ending == raw.COMPLETE and answer.status == 200:
                self.assert_whole(answer, self.cache.nar_bytes(self.leaf))
        except raw.Ended:
            pass  # refused before the head: fine too
        self.first.stop()
        self.assert_served(proxy)

    def test_when_the_first_is_down_the_second_serves(self) -> None:
        self.first.stop()
        self.assert_served(self.start())

    def test_when_the_first_lost_the_nar_the_second_serves(self) -> None:
        self.first.fault(self.name, status=404)
        self.assert_served(self.start())

    def test_what_only_the_second_has_is_served(self) -> None:
        other = closure.single(1, "other")
        cache = other.cache("xz")
        self.second = self.upstream(cache)
        proxy = self.ncps((self.first, self.cache), (self.second, cache))
        client = self.client(proxy.pubkey())
        client.copy(proxy.url, self.made.root, other.root)
        client.verify(self.made.root, other.root)


if __name__ == "__main__":
    unittest.main()
