"""The limits that can be set: beyond each there is the right answer, and below it again everything."""
from __future__ import annotations

import json
import select
import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.faults import Gate
from .lab.http2 import BY, Nghttp, curl
from .lab.ncps import Ncps
from .lab.waiting import eventually

SIZE = 300_000


class Limits(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.make_closure("limits", [
            (f"path-{n}", closure.file_of_random_bytes(f"limits{n}", SIZE), []) for n in range(3)])
        self.cache = self.made.cache("xz")
        self.up = self.upstream(self.cache)

    def server(self, *more: str) -> Ncps:
        return self.ncps((self.up, self.cache), more=["--cache-prefetch=off", "--cache-allow-put-verb", *more])

    def held(self, server: Ncps, path: str, at: int) -> tuple[raw.Stream, Gate]:
        """A download that stands still after so many bytes."""
        gate = Gate()
        self.addCleanup(gate.open)
        name = self.cache.nar_url(path)
        self.up.fault(name, gate=gate, gate_at=at)
        stream = raw.Stream(server.url, self.nar_target(server, path)).start()
        eventually(lambda: self.up.bytes_sent(name) >= at, "it stands still", 60)
        return stream, gate

    def assert_busy(self, server: Ncps, target: str) -> None:
        answer = raw.get(server.url, target)
        self.assertEqual(answer.status, 503, server.tail())
        self.assertTrue(answer.get("retry-after"))

    def test_downloads_at_once_and_waiting(self) -> None:
        server = self.server("--cache-max-downloads=1", "--cache-max-queued-downloads=1")
        targets = [self.nar_target(server, path) for path in self.made.paths]
        one, gate = self.held(server, self.made.paths[0], 1000)
        waiting = raw.Stream(server.url, targets[1]).start()
        def queue() -> bool:
            return json.loads(raw.get(server.url, "/status").body)["downloads"]["queued_clients"] == 1
        eventually(queue, "the second one waits", 60)
        self.assert_busy(server, targets[2])
        self.assertEqual(self.up.requests(self.cache.nar_url(self.made.paths[1])), [])
        gate.open()
        for stream in (one.join(), waiting.join()):
            self.assertEqual((stream.status, stream.ending), (200, raw.COMPLETE))
        self.assert_whole(raw.get(server.url, targets[2]), self.cache.nar_bytes(self.made.paths[2]))

    def test_temporary_space(self) -> None:
        server = self.server("--cache-max-temp-size=100K")
        other = self.nar_target(server, self.made.paths[1])
        one, gate = self.held(server, self.made.paths[0], 200_000)
        def refused() -> bool:
            return raw.get(server.url, other).status == 503
        eventually(refused, "the bytes are counted", 60)
        self.assert_busy(server, other)
        gate.open()
        one.join()
        self.assertEqual((one.status, one.ending), (200, raw.COMPLETE), "what has begun goes on")
        eventually(lambda: not refused(), "there is room again", 60)
        self.assert_whole(raw.get(server.url, other), self.cache.nar_bytes(self.made.paths[1]))

    def test_uploads_at_once(self) -> None:
        server = self.server("--cache-max-uploads=1", "--cache-max-queued-uploads=1", "--prometheus-enabled=true")
        half = b"PUT /nar/%s.nar HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf"
        nar = self.cache.nar_bytes(self.made.paths[0])
        whole = ("PUT", "/" + self.cache.nar_url(self.made.paths[0]).lstrip("/"), {"Content-Length": str(len(nar))}, nar)
        def uploads(state: str) -> bool:
            return f'ncps_uploads_in_flight{{state="{state}"}} 1' in server.get("/metrics").decode()
        with raw.Connection(server.url) as second:
            with raw.Connection(server.url) as first:
                first.send(half % (b"0" * 52))
                eventually(lambda: uploads("running"), "the first one is taken in", 60)
                second.request(*whole)
                eventually(lambda: uploads("waiting"), "the second one waits", 60)
                with raw.Connection(server.url) as third:
                    third.request(*whole)
                    answer = third.read_answer()
                self.assertEqual((answer.status, bool(answer.get("retry-after"))), (503, True))
                self.assertEqual(select.select([second.socket], [], [], 0)[0], [], "it waits still")
            self.assertEqual(second.read_answer().status, 204)

    def test_narinfos_looked_for_at_once(self) -> None:
        server = self.server("--cache-max-narinfo-searches=1")
        one, other, kept = (narinfo_target(path) for path in self.made.paths)
        self.assertEqual(raw.get(server.url, kept).status, 200)
        gate = Gate()
        self.addCleanup(gate.open)
        self.up.fault(one, gate=gate)
        stream = raw.Stream(server.url, one).start()
        self.assertTrue(gate.reached.wait(60))
        self.assert_busy(server, other)
        self.assertEqual(raw.get(server.url, kept).status, 200)
        gate.open()
        self.assertEqual(stream.join().status, 200)
        self.assertEqual(raw.get(server.url, other).status, 200)

    def test_the_patience_with_an_upstream_that_falls_silent(self) -> None:
        server = self.server("--cache-upstream-stall-timeout=1s")
        name = self.cache.nar_url(self.made.root)
        target = self.nar_target(server, self.made.root)
        self.up.fault(name, times=1, stall_at=100_000)
        self.assert_whole(raw.get(server.url, target, timeout=60), self.cache.nar_bytes(self.made.root))
        line = server.wait_line("a download broke, going on")
        self.assertIn("stalled: not a byte for 1.0 s", line["error"])

    def test_the_target_of_a_request(self) -> None:
        for size, options in ((8 << 10, []), (1 << 10, ["--server-max-target-size=1K"]),
                              (20 << 10, ["--server-max-target-size=20K"])):
            server = self.server(*options)
            for bytes, status in ((size, 404), (size + 1, 414)):
                self.assertEqual(raw.get(server.url, "/" + "x" * (bytes - 1)).status, status)
                asked = curl(BY, "--write-out", "%{http_code}", "--output", "/dev/null", server.url + "/" + "x" * (bytes - 1))
                self.assertEqual(asked.stdout, str(status).encode())

    def test_the_requests_of_one_http2_connection(self) -> None:
        server = self.server("--server-http2-max-streams=2")
        said = Nghttp(self.folder("nghttp"), [server.url + "/healthz"])
        self.assertEqual([stream.status for stream in said.wait()], [200])
        self.assertIn("[SETTINGS_MAX_CONCURRENT_STREAMS(0x03):2]", said.log.read_text())

    def test_the_head_of_a_request(self) -> None:
        server = self.server("--server-max-header-size=4K")
        self.assertEqual(raw.get(server.url, "/healthz", {"X": "x" * 3000}).status, 200)
        self.assertEqual(raw.get(server.url, "/healthz", {"X": "x" * 5000}).status, 431)
        self.assertIn(raw.get(server.url, "/" + "x" * 5000).status, (414, 431))

    def test_a_narinfo(self) -> None:
        server = self.server("--cache-max-narinfo-size=4K")
        target = narinfo_target(self.made.root)
        with raw.Connection(server.url) as connection:
            connection.request("PUT", target, {"Content-Length": "5000"})
            self.assertEqual(connection.read_answer().status, 413)
        text = (self.cache.folder / target[1:]).read_bytes()
        self.up.fault(target, body=text + b"X: " + b"x" * 4096 + b"\n", times=1)
        self.assertEqual(raw.get(server.url, target).status, 502)
        self.assertEqual(raw.get(server.url, target).status, 200)


if __name__ == "__main__":
    unittest.main()
