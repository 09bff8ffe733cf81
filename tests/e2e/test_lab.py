"""The lab itself does what the other tests rely on: nothing here needs the program under test."""
from __future__ import annotations

import hashlib
import subprocess
import time
import unittest

from .lab import closure, nar, raw
from .lab.case import LabCase, narinfo_target
from .lab.faults import Gate
from .lab.waiting import eventually


class Closures(LabCase):
    def test_own_nar_code_agrees_with_nix(self) -> None:
        made = closure.small()
        for path in made.paths:
            physical = made.store / path.lstrip("/")
            dumped = subprocess.run(["nix-store", "--dump", str(physical)], capture_output=True, check=True).stdout
            self.assertEqual(nar.hash_and_size(physical), (hashlib.sha256(dumped).hexdigest(), len(dumped)))

    def test_every_compression_is_written_and_can_be_copied_from_by_a_client_that_checks_signatures(self) -> None:
        made = closure.small()
        for compression in closure.COMPRESSIONS:
            with self.subTest(compression):
                cache = made.cache(compression)
                client = self.client(cache.key.public)
                client.copy(self.upstream(cache).url, made.root)
                client.verify(made.root)
                for path in made.paths:
                    self.assertEqual(client.nar_hash(path), nar.hash_and_size(made.store / path.lstrip("/"))[0])

    def test_a_client_refuses_another_key_of_the_same_name_and_an_unsigned_cache(self) -> None:
        made = closure.small()
        other = closure.signing_key(which=1)
        self.assertNotEqual(other.public, closure.signing_key().public)
        for cache in (made.cache(), made.cache(key=None)):
            client = self.client(other.public)
            self.assertNotEqual(client.try_copy(self.upstream(cache).url, made.root).returncode, 0)
            self.assertFalse(client.has(made.root))

    def test_realise_substitutes_with_a_client_cache_that_ends_with_the_client(self) -> None:
        made = closure.small()
        cache = made.cache()
        server = self.upstream(cache)
        for _ in range(2):
            client = self.client(cache.key.public)
            client.realise(server.url, made.root)
            self.assertTrue(client.has(made.paths[0]))
        self.assertEqual(len(server.requests(narinfo_target(made.root), "GET")), 2)


class Faults(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.cache = closure.small().cache("none")
        self.path = closure.small().paths[0]
        self.target = self.cache.nar_url(self.path)
        self.bytes = self.cache.nar_bytes(self.path)
        self.server = self.upstream(self.cache)

    def get(self, **headers: str) -> raw.Answer:
        return raw.get(self.server.url, self.target, headers, timeout=60)

    def test_without_a_fault_get_head_and_range_are_right(self) -> None:
        self.assert_whole(self.get(), self.bytes)
        head = raw.ask(self.server.url, "HEAD", self.target)
        self.assertEqual((head.status, head.get("content-length")), (200, str(len(self.bytes))))
        part = self.get(Range="bytes=10-19")
        self.assertEqual((part.status, part.body), (206, self.bytes[10:20]))
        self.assertEqual(part.get("content-range"), f"bytes 10-19/{len(self.bytes)}")
        self.assertEqual(self.get(Range=f"bytes={len(self.bytes)}-").status, 416)
        self.assertEqual(raw.get(self.server.url, "/nothing").status, 404)
        self.assertEqual(raw.get(self.server.url, "/../etc/passwd").status, 404)

    def test_the_log_has_every_request(self) -> None:
        with raw.Connection(self.server.url) as connection:
            connection.ask("GET", self.target, {"Range": "bytes=5-"})
            connection.ask("HEAD", "/nothing")
        eventually(lambda: all(r.finished for r in self.server.requests()), "both answered")
        first, second = self.server.requests()
        self.assertEqual((first.method, first.path, first.range, first.status), ("GET", self.target, "bytes=5-", 206))
        self.assertEqual((first.sent, first.finished), (len(self.bytes) - 5, True))
        self.assertEqual((second.method, second.path, second.sent), ("HEAD", "/nothing", 0))

    def test_a_status_can_be_given_once(self) -> None:
        self.server.fault(self.target, times=1, status=503, headers={"Retry-After": "1"})
        first = self.get()
        self.assertEqual((first.status, first.get("retry-after")), (503, "1"))
        self.assert_whole(self.get(), self.bytes)

    def test_cuts_end_the_connection_cleanly_or_with_a_reset(self) -> None:
        self.server.fault(self.target, times=1, cut_at=1000)
        self.server.fault(self.target, times=1, cut_at=1000, chunked=True)
        for _ in range(2):
            answer = self.get()
            self.assertEqual((answer.ending, answer.body), (raw.SHORT, self.bytes[:1000]))
        self.server.fault(self.target, times=1, cut_at=1000, reset=True)
        self.assertEqual(self.get().ending, raw.RESET)
        self.server.fault(self.target, times=1, drop=True)
        with self.assertRaises(raw.Ended):
            self.get()

    def test_a_cut_is_at_an_offset_of_the_file_also_for_a_range(self) -> None:
        self.server.fault(self.target, cut_at=1000)
        self.assertEqual(self.get(Range="bytes=400-").body, self.bytes[400:1000])
        self.assertEqual(self.get(Range="bytes=1000-").body, b"")

    def test_a_stall_sends_nothing_more(self) -> None:
        self.server.fault(self.target, stall_at=1000)
        answer = raw.get(self.server.url, self.target, timeout=10)
        self.assertEqual((answer.ending, answer.body), (raw.TIMEOUT, self.bytes[:1000]))

    def test_contents_can_be_flipped_truncated_and_exchanged(self) -> None:
        self.server.fault(self.target, times=1, body=b"another")
        self.assertEqual(self.get().body, b"another")
        self.server.fault(self.target, times=1, truncate_to=77)
        self.assert_whole(self.get(), self.bytes[:77])
        self.server.fault(self.target, times=1, flip_at=500)
        spoiled = self.get().body
        self.assertEqual([n for n, (a, b) in enumerate(zip(spoiled, self.bytes)) if a != b], [500])

    def test_ranges_can_be_ignored_and_lengths_left_out(self) -> None:
        self.server.fault(self.target, times=1, ignore_range=True)
        answer = self.get(Range="bytes=100-")
        self.assert_whole(answer, self.bytes)
        self.assertNotIn("accept-ranges", answer.head.names())
        self.server.fault(self.target, times=1, chunked=True)
        answer = self.get()
        self.assert_whole(answer, self.bytes)
        self.assertNotIn("content-length", answer.head.names())

    def test_chosen_bits_can_be_flipped(self) -> None:
        self.server.fault(self.target, flip_at=500, flip_mask=0x01)
        spoiled = self.get().body
        self.assertEqual([a ^ b for a, b in zip(spoiled, self.bytes) if a != b], [0x01])

    def test_a_range_can_be_answered_with_bytes_from_elsewhere(self) -> None:
        self.server.fault(self.target, range_shift=50)
        part = self.get(Range="bytes=100-")
        self.assertEqual(part.get("content-range"), f"bytes 100-{len(self.bytes) - 1}/{len(self.bytes)}")
        self.assertEqual(part.body, self.bytes[50:-50])
        self.assert_whole(self.get(), self.bytes)

    def test_a_body_can_end_with_the_connection_only(self) -> None:
        self.server.fault(self.target, times=1, http10=True)
        answer = self.get()
        self.assertEqual((answer.status, answer.ending, answer.body), (200, raw.UNTIL_CLOSE, self.bytes))
        self.server.fault(self.target, times=1, http10=True, cut_at=1000)
        answer = self.get()
        self.assertEqual((answer.status, answer.ending, answer.body), (200, raw.UNTIL_CLOSE, self.bytes[:1000]))

    def test_garbage_can_come_instead_of_an_answer(self) -> None:
        self.server.fault(self.target, garbage=b"what?\n")
        with self.assertRaises(raw.Ended) as caught:
            self.get()
        self.assertEqual(caught.exception.received, b"what?\n")

    def test_a_gate_holds_a_transfer_until_it_is_opened(self) -> None:
        gate = Gate()
        self.server.fault(self.target, gate=gate, gate_at=3000)
        stream = raw.Stream(self.server.url, self.target).start()
        self.assertTrue(gate.reached.wait(60))
        eventually(lambda: stream.count == 3000, "all up to the gate")
        gate.open()
        self.assert_whole(stream.join(), hashlib.sha256(self.bytes).hexdigest())

    def test_a_rate_is_kept(self) -> None:
        self.server.fault(self.target, rate=10_000_000)
        begin = time.monotonic()
        self.assert_whole(self.get(), self.bytes)
        self.assertGreater(time.monotonic() - begin, 0.15)

    def test_a_redirect_leads_elsewhere(self) -> None:
        self.server.fault("/old", redirect=self.target)
        answer = raw.get(self.server.url, "/old")
        self.assertEqual((answer.status, answer.get("location")), (302, self.target))

    def test_it_can_be_down_and_come_back_on_the_same_port(self) -> None:
        self.server.fault(self.target, times=1, stall_at=1000)
        stream = raw.Stream(self.server.url, self.target).start()
        eventually(lambda: stream.count == 1000, "the transfer hangs")
        self.server.stop()
        self.assertIn(stream.join().ending, (raw.SHORT, raw.RESET))
        with self.assertRaises(ConnectionRefusedError):
            self.get()
        self.server.start()
        self.assert_whole(self.get(), self.bytes)

    def test_200_megabytes_go_through_in_a_few_seconds(self) -> None:
        big = closure.single(200)
        server = self.upstream(big.cache("none"))
        stream = raw.Stream(server.url, big.cache("none").nar_url(big.root)).start().join()
        self.assert_whole(stream, nar.hash_and_size(big.store / big.root.lstrip("/"))[0])


if __name__ == "__main__":
    unittest.main()
