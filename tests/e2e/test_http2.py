"""HTTP/2 without TLS, as proxies speak it: every route as over HTTP/1.1, much at once, and what fails fails alone."""
from __future__ import annotations

import hashlib
import signal
import unittest
from urllib.parse import urlsplit

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.closure import hash_of
from .lab.faults import Gate
from .lab.haproxy import Haproxy
from .lab.http2 import BY, Nghttp, Stream, curl, h2load
from .lab.ncps import Ncps
from .lab.waiting import eventually


class Http2Case(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache("xz")
        self.server = self.upstream(self.cache)

    def ask(self, url: str, *arguments: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers without Date, and body."""
        body = self.folder("asked") / "body"
        run = curl(BY, "--dump-header", "-", "--output", str(body), *arguments, url)
        self.assertEqual(run.returncode, 0, run.stderr)
        *_, head = run.stdout.decode().strip().split("\r\n\r\n")  # interim answers stand before it
        line, *fields = head.splitlines()
        self.assertEqual(line.split()[0], "HTTP/2")
        pairs = [tuple(field.split(": ", 1)) for field in fields if not field.lower().startswith("date:")]
        return int(line.split()[1]), sorted(pairs), body.read_bytes() if body.exists() else b""

    def whole_nar(self, server: Ncps) -> tuple[str, bytes]:
        """A NAR that is at rest: its target and its bytes."""
        target = self.nar_target(server, self.made.paths[0])
        expected = self.cache.nar_bytes(self.made.paths[0])
        self.assert_whole(raw.get(server.url, target), expected)
        server.wait_at_rest(target.rpartition("/")[2])
        return target, expected


class Routes(Http2Case):
    def test_every_route_answers_as_over_http1(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        nar, _ = self.whole_nar(proxy)
        leaf = narinfo_target(self.made.paths[0])
        for target in ("/", "/nix-cache-info", "/pubkey", "/healthz", leaf, nar, "/nothing", narinfo_target("0" * 32),
                       "/nar/nonsense.nar", f"/{hash_of(self.made.paths[0])}.ls", "/a%20b", "/?x=y"):
            for method, option in (("GET", []), ("HEAD", ["--head"]), ("DELETE", ["--request", "DELETE"])):
                with self.subTest(target, method=method), raw.Connection(proxy.url) as connection:
                    plain = connection.ask(method, target)
                    fields = sorted((n.lower(), v) for n, v in plain.head.fields
                                    if n.lower() not in ("date", "connection"))
                    answer = self.ask(proxy.url + target, *option)
                    # HTTP/1 sends what it knows no length of in chunks.
                    fields = [field for field in fields if field[0] != "transfer-encoding"]
                    body = answer[2] if method != "HEAD" else b""
                    self.assertEqual((answer[0], answer[1], body), (plain.status, fields, plain.body))
        line = proxy.wait_line("handled request", request_uri=nar, protocol="HTTP/2", method="GET")
        self.assertEqual((line["status"], line["from"], line["cache"]), (200, "127.0.0.1", "hit"))

    def test_ranges_and_conditions(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        nar, expected = self.whole_nar(proxy)
        for text, begin, end in (("0-0", 0, 1), ("100-70000", 100, 70_001), ("-5", len(expected) - 5, len(expected))):
            status, fields, body = self.ask(proxy.url + nar, "--range", text)
            self.assertEqual((status, body), (206, expected[begin:end]), text)
            self.assertIn(("content-range", f"bytes {begin}-{end - 1}/{len(expected)}"), fields)
        self.assertEqual(self.ask(proxy.url + nar, "--range", f"{len(expected)}-")[0], 416)
        etag = dict(self.ask(proxy.url + nar)[1])["etag"]
        status, fields, body = self.ask(proxy.url + nar, "--header", f"If-None-Match: {etag}")
        self.assertEqual((status, body), (304, b""))

    def test_uploads(self) -> None:
        proxy = self.ncps((self.server, self.cache), more=["--cache-allow-put-verb", "--cache-put-token=a-good-token"])
        made = closure.single(3, "h2-upload")
        sent = made.cache("xz", None)
        text = (sent.folder / f"{hash_of(made.root)}.narinfo").read_bytes()
        nar, narinfo = self.home / "sent.nar.xz", self.home / "sent.narinfo"
        nar.write_bytes(sent.nar_bytes(made.root))
        narinfo.write_bytes(text)
        token = ["--header", "Authorization: Bearer a-good-token"]
        url = proxy.url + sent.nar_url(made.root)
        self.assertEqual(self.ask(url, "--upload-file", str(nar))[0], 401)
        short = self.home / "short"
        short.write_bytes(nar.read_bytes()[:-1])
        self.assertEqual(self.ask(url, *token, "--upload-file", str(short))[0], 422)
        self.assertEqual({}, proxy.stored_nars())
        for expect in ("Expect: 100-continue", "Expect:"):
            self.assertIn(self.ask(url, *token, "--header", expect, "--upload-file", str(nar))[0], (200, 201, 204))
        url = proxy.url + narinfo_target(made.root)
        self.assertIn(self.ask(url, *token, "--upload-file", str(narinfo))[0], (200, 201, 204))
        self.assert_whole(raw.get(proxy.url, sent.nar_url(made.root)), nar.read_bytes())
        eventually(lambda: not proxy.temporary_files(), "nothing temporary is left")

    def test_off_it_is_refused_and_http1_goes_on(self) -> None:
        proxy = self.ncps((self.server, self.cache), more=["--server-http2=false"])
        self.assertNotEqual(curl(BY, proxy.url + "/healthz").returncode, 0)
        self.assertEqual(raw.get(proxy.url, "/healthz").status, 200)
        with raw.Connection(proxy.url) as connection:
            connection.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            self.assertEqual(connection.read_head().status, 505)


class Many(Http2Case):
    def test_hundreds_at_once_are_all_right_and_whole(self) -> None:
        made = closure.many(100)
        cache = made.cache("xz")
        proxy = self.ncps((self.upstream(cache), cache))
        for kind in ("cold", "warm"):
            narinfos = Nghttp(self.folder(kind), [proxy.url + narinfo_target(path) for path in made.paths]).wait()
            self.assertEqual({(stream.status, stream.whole) for stream in narinfos}, {(200, True)}, kind)
            targets = [self.nar_target(proxy, path) for path in made.paths]
            nars = Nghttp(self.folder(kind), [proxy.url + target for target in targets]).wait()
            self.assertEqual([(stream.status, stream.whole, stream.bytes) for stream in nars],
                             [(200, True, len(cache.nar_bytes(path))) for path in made.paths], kind)
        for path, target in list(zip(made.paths, targets))[:20]:
            self.assertTrue(self.ask(proxy.url + target)[2] == cache.nar_bytes(path), path)

    def test_it_announces_at_least_125_streams(self) -> None:
        """h2load keeps to what it is told, so that no load would show less."""
        proxy = self.ncps((self.server, self.cache))
        asked = Nghttp(self.folder("nghttp"), [proxy.url + "/nix-cache-info"])
        self.assertEqual([stream.status for stream in asked.wait()], [200])
        self.assertGreaterEqual(asked.announced()["MAX_CONCURRENT_STREAMS"], 125)

    def test_h2load_with_more_than_125_streams(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        target, expected = self.whole_nar(proxy)
        hit = raw.get(proxy.url, narinfo_target(self.made.root))
        for url, size, requests in ((proxy.url + narinfo_target(self.made.root), len(hit.body), 20_000),
                                    (proxy.url + target, len(expected), 300)):
            seen = h2load("-n", str(requests), "-c", "2", "-m", "150", url)
            self.assertEqual((seen.succeeded, seen.failed), (requests, 0), seen.said)
            self.assertEqual(seen.statuses["2xx"], requests, seen.said)
            self.assertEqual(seen.body_bytes, requests * size, seen.said)


class BehindHaproxy(Http2Case):
    """A proxy that speaks HTTP/2 to us, as `proto h2` makes it."""

    def test_what_a_real_client_and_many_at_once_get_through_it_is_right(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        home = self.folder("haproxy")
        haproxy = Haproxy(home, [])
        haproxy.file.write_text(f"""global
    stats socket {haproxy.stats} mode 600 level admin
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend all
    bind 127.0.0.1:{haproxy.port}
    default_backend ncps
backend ncps
    http-reuse always
    server one {proxy.url.removeprefix('http://')} proto h2
""")
        self.addCleanup(haproxy.stop)
        haproxy.start()
        client = self.client(proxy.pubkey())
        client.copy(haproxy.url, self.made.root)
        client.verify(self.made.root)
        streams = [raw.Stream(haproxy.url, self.cache.nar_url(self.made.paths[0])).start() for _ in range(20)]
        digest = hashlib.sha256(self.cache.nar_bytes(self.made.paths[0])).hexdigest()
        for stream in streams:
            self.assert_whole(stream.join(), digest)
        proxy.caught_up()
        asked = [line for line in proxy.lines if line["message"] == "handled request" and line["method"] == "GET"]
        self.assertEqual({line["protocol"] for line in asked if line["request_uri"].startswith("/nar/")}, {"HTTP/2"})


class InFlight(Http2Case):
    """NARs that are on their way here, over one connection."""

    def setUp(self) -> None:
        super().setUp()
        self.made = closure.many(20, 100_000)
        self.cache = self.made.cache("zstd")
        self.server = self.upstream(self.cache)
        self.proxy = self.ncps((self.server, self.cache), more=["--cache-prefetch=off"])
        self.bytes = [self.cache.nar_bytes(path) for path in self.made.paths]

    def ask_all(self) -> Nghttp:
        self.asked = [self.proxy.url + self.nar_target(self.proxy, path) for path in self.made.paths]
        transfers = Nghttp(self.folder("nghttp"), self.asked)
        self.addCleanup(transfers.kill)
        return transfers

    def assert_whole_ones(self, streams: list[Stream]) -> None:
        sizes = dict(zip([urlsplit(url).path for url in self.asked], map(len, self.bytes)))
        for stream in streams:
            self.assertEqual((stream.status, stream.whole, stream.bytes, stream.reset),
                             (200, True, sizes[stream.path], ""), self.proxy.tail())

    def test_one_that_stalls_holds_up_none_of_the_others(self) -> None:
        gate = Gate()
        self.server.fault(self.cache.nar_url(self.made.paths[0]), gate=gate, gate_at=50_000)
        transfers = self.ask_all()
        eventually(lambda: all(s.whole for s in transfers.streams()[1:]), "all but one are here", 60)
        self.assertFalse(transfers.streams()[0].whole)
        self.assert_whole_ones(transfers.streams()[1:])
        gate.open()
        self.assert_whole_ones(transfers.wait())

    def test_one_that_fails_is_reset_and_only_that(self) -> None:
        self.server.fault(self.cache.nar_url(self.made.paths[0]), cut_at=50_000)
        failed, *others = self.ask_all().wait()
        self.assertEqual((failed.whole, failed.reset), (False, "INTERNAL_ERROR(0x02)"))
        self.assert_whole_ones(others)

    def test_a_killed_upstream_breaks_off_only_what_comes_from_it(self) -> None:
        gate = Gate()
        self.server.fault(self.cache.nar_url(self.made.paths[0]), gate=gate, gate_at=50_000)
        transfers = self.ask_all()
        eventually(lambda: all(s.whole for s in transfers.streams()[1:]) and transfers.streams()[0].bytes > 0,
                   "one is in its middle", 60)
        self.server.stop()
        failed, *others = transfers.wait(90)
        self.assertEqual((failed.whole, failed.reset), (False, "INTERNAL_ERROR(0x02)"))
        self.assert_whole_ones(others)

    def test_a_stop_lets_all_of_them_finish(self) -> None:
        gate = Gate()
        for path in self.made.paths[:10]:
            self.server.fault(self.cache.nar_url(path), gate=gate, gate_at=50_000)
        transfers = self.ask_all()
        eventually(lambda: all(stream.bytes > 0 for stream in transfers.streams()), "all have begun", 60)
        self.proxy.send_signal(signal.SIGTERM)
        eventually(self.proxy.refuses_connections, "it has begun to stop")
        gate.open()
        self.assert_whole_ones(transfers.wait())
        self.assertEqual(self.proxy.wait(), 0)


if __name__ == "__main__":
    unittest.main()
