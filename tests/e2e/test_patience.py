"""What hangs is given up, what is only slow is not. All at once, because each takes most of a minute."""
from __future__ import annotations

import contextlib
import socket
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.postgres import Postgres
from .lab.redis import RedisServer
from .lab.waiting import eventually

GIVEN_UP = 40.0
GONE = 55.0  # after a signal: 30 s of grace, 15 to unwind, and some for a loaded machine
SOME_MORE = 10.0  # for a loaded machine


class Patience(LabCase):
    def test_what_stalls_is_given_up_within_40_seconds_and_what_is_slow_goes_on(self) -> None:
        slow, stalled = closure.small(), closure.single(2, "stalled")
        slow_cache, stalled_cache = slow.cache("xz"), stalled.cache("xz")
        slow_server, stalled_server = self.upstream(slow_cache), self.upstream(stalled_cache)
        slow_leaf = slow.paths[0]
        slow_server.fault(slow_cache.nar_url(slow_leaf), rate=len(slow_cache.nar_bytes(slow_leaf)) / 45)
        stalled_server.fault(stalled_cache.nar_url(stalled.root), stall_at=1_000_000)
        slow_proxy = self.ncps((slow_server, slow_cache))
        stalled_proxy = self.ncps((stalled_server, stalled_cache))

        with (raw.Connection(slow_proxy.url, timeout=90) as half_a_head, self.stopping_with_far_ranges(),
              self.a_removal_at_another_instance(), self.an_upstream_that_never_answers()):
            half_a_head.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
            begin = time.monotonic()
            slow_stream = raw.Stream(slow_proxy.url, self.nar_target(slow_proxy, slow_leaf)).start()
            target = self.nar_target(stalled_proxy, stalled.root)
            stream = raw.Stream(stalled_proxy.url, target).start()

            stream.join(GIVEN_UP + SOME_MORE)
            self.assertIn(stream.ending, (raw.SHORT, raw.RESET), "a stalled transfer ends as a broken one")
            stalled_server.faults.clear()
            self.assert_whole(raw.get(stalled_proxy.url, target), stalled_cache.nar_bytes(stalled.root))

            half_a_head.socket.settimeout(max(0.1, begin + GIVEN_UP + SOME_MORE - time.monotonic()))
            self.assert_closed(half_a_head.socket)
            self.assertLess(time.monotonic() - begin, GIVEN_UP + SOME_MORE)

            slow_stream.join(90)
            self.assertEqual((slow_stream.status, slow_stream.ending), (200, raw.COMPLETE))
            self.assertGreater(time.monotonic() - begin, GIVEN_UP)

    @contextlib.contextmanager
    def a_removal_at_another_instance(self):
        """Meanwhile: what one of two instances has in its memory is removed by means of the other."""
        made = closure.small()
        cache = made.cache("xz")
        server = self.upstream(cache)
        redis, database = RedisServer(), Postgres()
        self.addCleanup(redis.close)
        self.addCleanup(database.close)
        shared = self.folder("shared")
        one, other = [self.ncps((server, cache), store=[f"--cache-storage-local={shared}"], more=[
            f"--cache-database-url={database.url}", "--cache-allow-delete-verb", "--server-drain-delay=0",
            *redis.flags()]) for _ in range(2)]
        target = narinfo_target(made.root)
        for instance in (one, other):
            for _ in range(2):
                self.assertEqual(raw.get(instance.url, target).status, 200)
        server.fault(".narinfo", status=404)
        self.assertEqual(raw.ask(one.url, "DELETE", target).status, 204)
        self.assertEqual(raw.get(one.url, target).status, 404)
        yield
        eventually(lambda: raw.get(other.url, target).status == 404, "the other one knows", within=90)

    @contextlib.contextmanager
    def stopping_with_far_ranges(self):
        """Meanwhile: SIGTERM, while clients wait for ranges that a stalled and a slow download are far from."""
        made = [closure.single(2, name) for name in ("stopping stalled", "stopping slow")]
        caches = [each.cache("xz") for each in made]
        servers = [self.upstream(cache) for cache in caches]
        servers[0].fault(".nar.xz", stall_at=100_000)
        servers[1].fault(".nar.xz", rate=10_000)
        proxy = self.ncps(*zip(servers, caches))
        streams = [raw.Stream(proxy.url, self.nar_target(proxy, each.root), {"Range": "bytes=1900000-"}).start()
                   for each in made]
        for server in servers:
            eventually(lambda: server.bytes_sent(".nar.xz") > 0, "the download runs")
        for stream in streams:
            eventually(lambda: stream.head, "the client has a head, and waits")
        proxy.send_signal()
        begin = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            gone = pool.submit(lambda: (proxy.wait(GONE), time.monotonic() - begin))
            yield
            status, seconds = gone.result()
        self.assertLess(seconds, GONE)
        self.assertIn(status, (0, 1))
        for stream in streams:
            stream.join(60)
            broken = stream.status in (None, 206) and stream.ending in (raw.SHORT, raw.RESET)
            self.assertTrue(broken or stream.status in (500, 502, 503, 504), (stream.status, stream.ending))
        self.assertEqual(proxy.stored_nars(), {})

    def assert_closed(self, connection: socket.socket) -> None:
        """Perhaps an answer, 408, and then the end."""
        received = b""
        try:
            while piece := connection.recv(4096):
                received += piece
        except ConnectionError:
            pass
        except TimeoutError:
            self.fail("half a request head is still waited for")
        self.assertTrue(received == b"" or received.startswith(b"HTTP/1.1 408"), received[:100])

    @contextlib.contextmanager
    def an_upstream_that_never_answers(self):
        """Meanwhile: that is a gateway error within 40 seconds."""
        made = closure.small()
        cache = made.cache()
        server = self.upstream(cache)
        server.fault(narinfo_target(made.root), delay=600)
        proxy = self.ncps((server, cache))
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(raw.get, proxy.url, narinfo_target(made.root), timeout=GIVEN_UP + SOME_MORE)
            yield
            self.assertIn(asked.result().status, (502, 504))
        server.faults.clear()
        eventually(lambda: raw.get(proxy.url, narinfo_target(made.root)).status == 200, "well again")


if __name__ == "__main__":
    unittest.main()
