"""Many clients, one download: shared, streamed while it arrives, and independent of any of them."""
from __future__ import annotations

import hashlib
import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.faults import Gate
from .lab.ncps import Ncps
from .lab.waiting import eventually

CLIENTS = 50


class Coalescing(LabCase):
    def prepare(self, megabytes: float, gate_share: float) -> tuple[Ncps, Gate, str]:
        """A proxy in front of an upstream that holds the NAR at a share of it, and the NAR's target."""
        made = closure.single(megabytes)
        self.cache = made.cache("zstd")
        self.name = self.cache.nar_url(made.root)
        self.file = self.cache.folder / self.name.lstrip("/")
        self.server, gate = self.upstream(self.cache), Gate()
        self.size = self.file.stat().st_size
        self.gate_at = int(self.size * gate_share)
        self.server.fault(self.name, gate=gate, gate_at=self.gate_at)
        proxy = self.ncps((self.server, self.cache))
        return proxy, gate, self.nar_target(proxy, made.root)

    def sha256(self) -> str:
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def gets(self) -> int:
        return len(self.server.requests(self.name, "GET"))

    def streams(self, proxy: Ncps, target: str, count: int) -> list[raw.Stream]:
        """That many clients, all of them with their first bytes."""
        made = [raw.Stream(proxy.url, target).start() for _ in range(count)]
        for stream in made:
            self.assertTrue(stream.first_byte.wait(60), f"no first byte, {stream.ending}\n{proxy.tail()}")
        return made

    def test_fifty_clients_of_a_cold_200_megabyte_nar_cost_one_upstream_request(self) -> None:
        proxy, gate, target = self.prepare(200, gate_share=0.05)
        before = proxy.rss()
        streams = self.streams(proxy, target, CLIENTS)  # first bytes while the upstream holds at 5 %
        self.assertLessEqual(self.server.bytes_sent(self.name), self.gate_at)
        gate.open()
        for stream in streams:
            stream.join(120)
        self.assertEqual({(s.status, s.ending, s.count, s.sha256) for s in streams},
                         {(200, raw.COMPLETE, self.size, self.sha256())})
        self.assertEqual(self.gets(), 1)
        self.assertEqual(self.server.bytes_sent(self.name), self.size)
        self.assertLess(proxy.rss() - before, 100 << 20, "the NAR is held in memory")

    def test_one_client_that_leaves_hurts_nobody(self) -> None:
        proxy, gate, target = self.prepare(20, gate_share=0.5)
        streams = self.streams(proxy, target, 5)
        for leaving in (streams.pop(0), streams.pop()):  # the first, that began the download, too
            leaving.leave()
        gate.open()
        for stream in streams:
            self.assert_whole(stream.join(), self.sha256())
        self.assertEqual(self.gets(), 1)

    def test_when_all_leave_the_download_goes_on_and_is_kept(self) -> None:
        proxy, gate, target = self.prepare(20, gate_share=0.5)
        for stream in self.streams(proxy, target, 3):
            stream.leave()
        gate.open()
        proxy.wait_stored(target.rpartition("/")[2])
        self.server.stop()
        self.assert_whole(raw.get(proxy.url, target), self.file.read_bytes())
        self.assertEqual(self.gets(), 1)

    def test_a_client_that_does_not_read_stalls_nobody(self) -> None:
        proxy, gate, target = self.prepare(20, gate_share=0.1)
        with raw.Connection(proxy.url, receive_buffer=4096) as lazy:
            lazy.request("GET", target)
            self.assertEqual(lazy.read_head().status, 200)
            streams = self.streams(proxy, target, 3)
            gate.open()
            for stream in streams:
                self.assert_whole(stream.join(), self.sha256())
            proxy.wait_stored(target.rpartition("/")[2])

    def test_a_client_that_comes_late_gets_everything_too(self) -> None:
        proxy, gate, target = self.prepare(20, gate_share=0.8)
        first = self.streams(proxy, target, 1)
        eventually(lambda: first[0].count > self.size // 2, "half has arrived")
        late = self.streams(proxy, target, 1)
        gate.open()
        for stream in first + late:
            self.assert_whole(stream.join(), self.sha256())
        self.assertEqual(self.gets(), 1)

    def test_clients_of_one_cold_narinfo_share_one_upstream_request(self) -> None:
        made = closure.small()
        cache = made.cache()
        server, gate = self.upstream(cache), Gate()
        server.fault(narinfo_target(made.root), gate=gate)
        proxy = self.ncps((server, cache))
        streams = [raw.Stream(proxy.url, narinfo_target(made.root)).start() for _ in range(CLIENTS)]
        self.assertTrue(gate.reached.wait(60))
        gate.open()
        self.assertEqual({(s.join().status, s.ending) for s in streams}, {(200, raw.COMPLETE)})
        self.assertEqual(len({s.sha256 for s in streams}), 1)
        self.assertEqual(len(server.requests(narinfo_target(made.root))), 1)


if __name__ == "__main__":
    unittest.main()
