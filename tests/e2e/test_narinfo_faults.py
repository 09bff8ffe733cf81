"""narinfos from an upstream that is wrong, broken or away. 404 means: every upstream said missing."""
from __future__ import annotations

import time
import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps
from .lab.waiting import eventually


class NarinfoFaults(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache("xz")
        self.root = self.made.root
        self.target = narinfo_target(self.root)
        self.server = self.upstream(self.cache)

    def start(self) -> Ncps:
        return self.ncps((self.server, self.cache))

    def status(self, proxy: Ncps, target: str | None = None) -> int:
        answer = raw.get(proxy.url, target or self.target, timeout=60)
        self.assertEqual(answer.ending, raw.COMPLETE)
        return answer.status

    # --- missing, and not to be found out ---

    def test_what_the_upstream_says_is_missing_is_404(self) -> None:
        for status in (404, 403, 410):
            with self.subTest(status):
                self.server.fault(self.target, status=status)
                self.assertEqual(self.status(self.start()), 404)

    def test_a_passing_error_is_absorbed(self) -> None:
        for status, headers in ((500, {}), (502, {}), (503, {"Retry-After": "1"}), (429, {"Retry-After": "1"})):
            with self.subTest(status):
                self.server.fault(self.target, times=1, status=status, headers=headers)
                self.assertEqual(self.status(self.start()), 200)

    def test_a_lasting_error_is_a_gateway_error_and_leaves_no_trace_when_it_is_over(self) -> None:
        for status in (500, 503):
            with self.subTest(status):
                self.server.fault(self.target, status=status)
                proxy = self.start()
                self.assertIn(self.status(proxy), (502, 504))
                self.server.faults.clear()
                self.assertEqual(self.status(proxy), 200)

    def test_with_the_upstream_down_hits_go_on_and_misses_are_gateway_errors_never_404(self) -> None:
        leaf = self.made.paths[0]  # refers to nothing: whatever is fetched ahead, the root is not known
        proxy = self.start()
        target = self.nar_target(proxy, leaf)
        self.assert_whole(raw.get(proxy.url, target), self.cache.nar_bytes(leaf))
        self.server.stop()
        begin = time.monotonic()
        self.assertIn(self.status(proxy), (502, 504))
        self.assertLess(time.monotonic() - begin, 28)  # a search has 30
        self.assertEqual(self.status(proxy, narinfo_target(leaf)), 200)
        self.assert_whole(raw.get(proxy.url, target), self.cache.nar_bytes(leaf))
        self.server.start()
        self.assertEqual(self.status(proxy), 200)

    def test_started_while_the_upstream_is_down_it_serves_as_soon_as_that_is_up(self) -> None:
        self.server.stop()
        proxy = self.start()
        self.assertEqual(self.status(proxy, "/nix-cache-info"), 200)
        self.assertIn(self.status(proxy), (502, 504))
        self.server.start()
        self.assertEqual(self.status(proxy), 200)

    def test_an_error_of_one_upstream_is_not_made_a_404_by_another_that_misses(self) -> None:
        empty = self.folder("empty")
        other = self.upstream(empty)
        for broken_first in (True, False):
            with self.subTest(broken_first=broken_first):
                self.server.fault(self.target, status=500)
                pairs = [(self.server, self.cache), (other, self.cache)]
                proxy = self.ncps(*(pairs if broken_first else pairs[::-1]))
                self.assertIn(self.status(proxy), (502, 504))

    def test_what_is_missing_everywhere_is_404(self) -> None:
        other = self.upstream(self.folder("empty"))
        proxy = self.ncps((self.server, self.cache), (other, self.cache))
        target = "/" + "0" * 32 + ".narinfo"
        self.assertEqual(self.status(proxy, target), 404)
        self.assertEqual((len(self.server.requests(target)), len(other.requests(target))), (1, 1))

    def test_a_redirect_is_followed(self) -> None:
        self.server.fault("/elsewhere", body=(self.cache.folder / self.target[1:]).read_bytes())
        self.server.fault(self.target, redirect="/elsewhere")
        self.assertEqual(self.status(self.start()), 200)

    def test_a_narinfo_cut_in_the_middle_is_not_taken_for_a_short_one(self) -> None:
        for chunked in (False, True):
            with self.subTest(chunked=chunked):
                self.server.fault(self.target, cut_at=60, chunked=chunked)
                self.assert_refused()

    # --- wrong ---

    def assert_refused(self) -> None:
        proxy = self.start()
        self.assertNotEqual(self.status(proxy), 200, proxy.tail())
        self.assertNotIn(self.target[1:], proxy.stored_narinfos())
        self.assertEqual(proxy.stored_nars(), {})
        proxy.restart()
        self.assertNotEqual(self.status(proxy), 200, "kept after all")
        self.server.faults.clear()

    def test_an_unsigned_narinfo_is_refused(self) -> None:
        unsigned = self.made.cache("xz", key=None)
        self.server.fault(self.target, body=unsigned.folder / self.target[1:])
        self.assert_refused()

    def test_a_narinfo_signed_with_another_key_of_the_same_name_is_refused(self) -> None:
        wrong = self.made.cache("xz", key=closure.signing_key(which=1))
        self.server.fault(self.target, body=wrong.folder / self.target[1:])
        self.assert_refused()

    def test_a_narinfo_changed_after_signing_is_refused(self) -> None:
        text = (self.cache.folder / self.target[1:]).read_text()
        size = self.cache.narinfo(self.root)["NarSize"]
        self.server.fault(self.target, body=text.replace(f"NarSize: {size}", f"NarSize: {int(size) + 8}").encode())
        self.assert_refused()

    def flip(self, offset: int, times: int | None = None) -> None:
        """Another digit of NarSize, which the signature covers."""
        text = (self.cache.folder / self.target[1:]).read_bytes()
        self.server.fault(self.target, times=times, flip_at=text.index(b"NarSize: ") + 9 + offset, flip_mask=1)

    def test_a_bit_that_flips_once_where_the_signature_sees_it_is_mended(self) -> None:
        self.flip(0, times=1)
        self.assertEqual(self.status(self.start()), 200)

    def test_bits_that_flip_each_time_elsewhere_are_an_error_not_a_404(self) -> None:
        self.flip(1)
        self.flip(0, times=1)
        proxy = self.start()
        self.assertEqual(self.status(proxy), 502)
        self.server.faults.clear()
        self.assertEqual(self.status(proxy), 200)

    def test_a_fault_at_the_second_look_is_an_error_not_a_404(self) -> None:
        self.server.fault(self.target, status=400)
        self.flip(0, times=1)
        self.assertEqual(self.status(self.start()), 502)

    def test_a_signature_that_does_not_fit_twice_in_the_same_way_is_for_others(self) -> None:
        self.flip(0)
        proxy = self.start()
        self.assertEqual(self.status(proxy), 404)
        self.assertEqual(len(self.server.requests(self.target)), 2)
        self.server.faults.clear()
        self.assertEqual(self.status(proxy), 200, "not remembered")

    def test_the_narinfo_of_another_path_is_refused(self) -> None:
        other = narinfo_target(self.made.paths[0])
        self.server.fault(self.target, body=(self.cache.folder / other[1:]))
        self.assert_refused()

    def test_what_is_no_narinfo_is_refused(self) -> None:
        for body in (b"", b"\n\n", b"<html>captive portal</html>\n", bytes(range(256)), b"StorePath: /nix/store/x\n"):
            with self.subTest(body[:20]):
                self.server.fault(self.target, body=body)
                self.assert_refused()

    def test_an_enormous_narinfo_is_refused_in_bounded_memory(self) -> None:
        text = (self.cache.folder / self.target[1:]).read_bytes()
        self.server.fault(self.target, body=text + b"X: " + b"x" * (64 << 20) + b"\n")
        proxy = self.start()
        before = proxy.rss()
        self.assertNotEqual(self.status(proxy), 200)
        self.assertLess(proxy.rss() - before, 40 << 20)
        self.assertEqual(proxy.stored_narinfos(), {})

    def test_after_a_wrong_narinfo_the_right_one_is_taken_at_once(self) -> None:
        self.server.fault(self.target, times=1, body=b"<html></html>\n")
        proxy = self.start()
        eventually(lambda: self.status(proxy) == 200, "the right narinfo is served")


if __name__ == "__main__":
    unittest.main()
