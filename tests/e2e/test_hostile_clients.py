"""Clients that mean harm: each is bounded and answered right, and the others are served."""
from __future__ import annotations

import collections
import contextlib
import re
import selectors
import socket
import threading
import time
import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.waiting import eventually

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /nar/%s.nar HTTP/1.1\r\nHost: x\r\n" % (b"0" * 52)


def put(lines: bytes, body: bytes = b"") -> bytes:
    return PUT + lines + b"\r\n" + body + SMUGGLED


# Each with the statuses that are right. Behind each of them stands a request that a proxy in front might have
# taken for a part of the body: it must never be answered.
SHAPES = {
    "both, length first": (put(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), {400}),
    "both, chunked first": (put(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n"), {400}),
    "chunked twice": (put(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), {400, 501}),
    "chunked twice in one": (put(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"), {400, 501}),
    "chunked, then identity": (put(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"), {400, 501}),
    "identity": (put(b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n"), {400, 501}),
    "identity beside a length": (put(b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", b"0\r\n\r\n"), {400}),
    "gzip, chunked": (put(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), {400, 501}),
    "xchunked": (put(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), {400, 501}),
    "quoted": (put(b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n"), {400, 501}),
    "vertical tab": (put(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), {400, 501}),
    "NUL behind": (put(b"Transfer-Encoding: chunked\x00\r\n", b"0\r\n\r\n"), {400}),
    "an empty coding": (put(b"Transfer-Encoding:\r\n", b"0\r\n\r\n"), {400, 501}),
    "a comma before": (put(b"Transfer-Encoding: , chunked\r\n", b"0\r\n\r\n"), {400, 501}),
    "space before the colon": (put(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), {400}),
    "tab before the colon": (put(b"Content-Length\t: 5\r\n", b"0\r\n\r\n"), {400}),
    "space before the name": (put(b"X: y\r\n Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"), {400}),
    "first line folded": (PUT.rstrip() + b"\r\n Content-Length: 5\r\n\r\n" + SMUGGLED, {400}),
    "folded value": (put(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"), {400}),
    "bare CR before": (put(b"X: y\rTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), {400}),
    "bare LF before": (put(b"X: y\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), {400}),
    "CR CR LF": (put(b"X: y\r\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), {400}),
    "bare LF at the end of the head": (PUT + b"Content-Length: 5\n\n" + SMUGGLED, {400}),
    "chunked in 1.0": (b"PUT /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, {400}),
    "two lengths": (put(b"Content-Length: 0\r\nContent-Length: 50\r\n"), {400}),
    "the same length twice": (put(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"), {400}),
    "a list of lengths": (put(b"Content-Length: 5, 5\r\n", b"hello"), {400}),
    "a list of other lengths": (put(b"Content-Length: 0, 50\r\n"), {400}),
    "plus": (put(b"Content-Length: +5\r\n", b"hello"), {400}),
    "minus": (put(b"Content-Length: -5\r\n", b"hello"), {400}),
    "minus zero": (put(b"Content-Length: -0\r\n"), {400}),
    "hex": (put(b"Content-Length: 0x5\r\n", b"hello"), {400}),
    "exponent": (put(b"Content-Length: 1e1\r\n", b"hello"), {400}),
    "a fraction": (put(b"Content-Length: 5.0\r\n", b"hello"), {400}),
    "space within": (put(b"Content-Length: 5 0\r\n", b"hello"), {400}),
    "underscore": (put(b"Content-Length: 1_0\r\n", b"hello"), {400}),
    "no length": (put(b"Content-Length:\r\n"), {400}),
    "overflow": (put(b"Content-Length: 18446744073709551621\r\n", b"hello"), {400}),
    "overflow to 5": (put(b"Content-Length: 36893488147419103237\r\n", b"hello"), {400}),
    "a length of other digits": (put("Content-Length: ٥\r\n".encode(), b"hello"), {400}),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n" + SMUGGLED, {400}),
    "two hosts": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + SMUGGLED, {400}),
    "no colon": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n" + SMUGGLED, {400}),
    "an empty name": (b"GET /healthz HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n" + SMUGGLED, {400}),
    "a space in a name": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n" + SMUGGLED, {400}),
    "NUL in a name": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX\0Y: z\r\n\r\n" + SMUGGLED, {400}),
    "NUL in a value": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n" + SMUGGLED, {400}),
    "beyond ASCII in a name": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: z\r\n\r\n" + SMUGGLED, {400}),
    "NUL in the path": (b"GET /heal\0thz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "beyond ASCII in the path": (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "a tab in the path": (b"GET /heal\tthz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "a space in the path": (b"GET /heal thz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "no path": (b"GET HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "a path without slash": (b"GET healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "a URL without host": (b"GET http:///healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "another scheme": (b"GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "authority form": (b"CONNECT localhost:80 HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "authority form of another method": (b"GET localhost:80 HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "beyond ASCII in the method": (b"G\xc3\x89T /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "NUL in the method": (b"GE\0T /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "no method": (b" /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "two spaces": (b"GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "a tab for a space": (b"GET\t/healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "a space behind the version": (b"GET /healthz HTTP/1.1 \r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "version 0.9": (b"GET /healthz\r\n\r\n" + SMUGGLED, {400}),
    "version 1.2": (b"GET /healthz HTTP/1.2\r\nHost: a\r\n\r\n" + SMUGGLED, {505}),
    "version 1.1 in small letters": (b"GET /healthz http/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400}),
    "a PROXY header": (b"PROXY TCP4 6.6.6.6 7.7.7.7 1 1\r\n" + SMUGGLED, {400}),
    "TLS": (b"\x16\x03\x01\x00\x05hello\r\n\r\n" + SMUGGLED, {400}),
    "a huge header": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n" + SMUGGLED, {431}),
    "a huge name": (b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"x" * 40_000 + b": x\r\n\r\n" + SMUGGLED, {431}),
    "a thousand headers": (b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: 30 bytes of a value or so..\r\n" * 1100
                           + b"\r\n" + SMUGGLED, {431}),
    "a huge target": (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {414}),
    "a huge method": (b"X" * 20_000 + b" / HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, {400, 414}),
}

CHUNKS = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a space before": b" 5\r\nhello\r\n0\r\n\r\n",
    "a space behind": b"5 \r\nhello\r\n0\r\n\r\n",
    "overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a thousand zeros": b"0" * 1000 + b"5\r\nhello\r\n0\r\n\r\n",
    "too short": b"4\r\nhello\r\n0\r\n\r\n",
    "too long": b"6\r\nhello\r\n0\r\n\r\n",
    "a bare LF": b"5\nhello\r\n0\r\n\r\n",
    "a bare CR": b"5\rhello\r\n0\r\n\r\n",
    "a bare LF behind": b"5\r\nhello\n0\r\n\r\n",
    "an extension with a bare LF": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "an extension with a bare CR": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "an extension with NUL": b"5;a\0b\r\nhello\r\n0\r\n\r\n",
    "an endless extension": b"5;" + b"x" * 100_000,
    "a folded trailer": b"0\r\nX: y\r\n z\r\n\r\n",
    "a trailer with a bare LF": b"0\r\nX: y\nZ: a\r\n\r\n",
    "endless trailers": b"0\r\n" + b"X: y\r\n" * 20_000,
    "an endless trailer": b"0\r\nX: " + b"y" * 100_000,
}


def everything(url: str, sent: bytes, timeout: float = 60) -> tuple[list[int], str]:
    """The statuses of all that is answered until the connection ends, and how that ended."""
    statuses = []
    with raw.Connection(url, timeout) as connection:
        with contextlib.suppress(ConnectionError):
            connection.send(sent)
        try:
            while True:
                statuses.append(connection.read_answer().status)
        except raw.Ended as ended:
            return statuses, ended.how


class Hostile(LabCase):
    more: list[str] = []

    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache("xz")
        self.up = self.upstream(self.cache)
        self.proxy = self.ncps((self.up, self.cache), more=["--cache-allow-put-verb", *self.more])

    def tearDown(self) -> None:
        self.assert_serves()
        self.assertFalse([line for line in self.proxy.lines if line.get("level") == "panic"], self.proxy.tail())

    def assert_serves(self) -> None:
        self.assertEqual(raw.get(self.proxy.url, "/healthz").status, 200)

    def assert_refused(self, sent: bytes, statuses: set[int]) -> None:
        got, how = everything(self.proxy.url, sent)
        self.assertEqual(len(got), 1, f"{got} for {sent[:300]!r}")
        self.assertIn(got[0], statuses, sent[:300])
        self.assertIn(how, (raw.SHORT, raw.RESET))


class Shapes(Hostile):
    def test_what_can_mean_two_things_means_nothing(self) -> None:
        for name, (sent, statuses) in SHAPES.items():
            with self.subTest(name):
                self.assert_refused(sent, statuses)
                # Nor behind a good request.
                got, _ = everything(self.proxy.url, GET + sent)
                self.assertEqual(got[0], 200)
                self.assertTrue(len(got) == 2 and got[1] in statuses, got)

    def test_broken_chunks_end_the_connection(self) -> None:
        for name, body in CHUNKS.items():
            with self.subTest(name):
                self.assert_refused(put(b"Transfer-Encoding: chunked\r\n", body), {400})

    def tearDown(self) -> None:
        super().tearDown()
        asked = [line["request_uri"] for line in self.proxy.lines if "request_uri" in line]
        self.assertFalse([target for target in asked if "smuggled" in target])
        self.assertEqual([r.path for r in self.up.requests() if not r.path.endswith("nix-cache-info")], [])
        eventually(lambda: not self.proxy.temporary_files(), "nothing temporary is left")


class Names(Hostile):
    """A name that is decoded twice, or once too little, leads nowhere."""

    def test_no_encoding_leads_anywhere(self) -> None:
        key = self.proxy.key_file.read_text()
        leaf = narinfo_target(self.made.root)
        for target in ("/%00", "/healthz%00", "/%2568ealthz", "/%252e%252e/healthz", "/nar/%252e%252e/healthz", "/%c0%ae%c0%ae/",
                       "/..%c0%afconfig/cache.key", "/%e0%80%ae/", "/%uff0e/", "/.%2e/healthz", "/%2e/healthz", "/x/../healthz",
                       "/./healthz", "/healthz/..", "/healthz%2f..", "/\\..\\healthz", "/healthz;x", "/healthz%0d%0aX:%20y",
                       "/nar/%0a.nar", leaf.replace(".", "%252e"), "/%ff", "/%", "/%4", "/%g0", "/healthz#x"):
            with self.subTest(target):
                answer = raw.get(self.proxy.url, target)
                self.assertIn(answer.status, (400, 404))
                self.assertEqual(answer.ending, raw.COMPLETE)
                self.assertNotIn(key.encode(), answer.body)
                self.assertNotIn("x", answer.head.names())
        self.assertEqual([r.path for r in self.up.requests() if not r.path.endswith("nix-cache-info")], [])

    def test_a_url_means_its_path(self) -> None:
        for target in ("http://elsewhere.example/healthz", "HTTPS://u:p@elsewhere.example:1/healthz"):
            self.assertEqual(raw.get(self.proxy.url, target).body, raw.get(self.proxy.url, "/healthz").body)


class Slow(Hostile):
    # Longer than a client of a busy machine takes from one of its steps to the next.
    more = [f"--server-{kind}-timeout=10s" for kind in ("header", "body", "write", "idle")]

    def drip(self, connections: list[raw.Connection]) -> None:
        """A byte on each, as long as they take it."""
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.socket.send(b"x")

    def assert_given_up(self, connections: list[raw.Connection], statuses: set[int]) -> None:
        """Each is told so, or reset, as a byte too much makes the kernel do; at least one is told 408, and none is left to wait."""
        ends: collections.Counter[int | str] = collections.Counter()
        for connection in connections:
            try:
                ends[connection.read_head().status] += 1
            except raw.Ended as ended:
                self.assertIn(ended.how, (raw.SHORT, raw.RESET))
                ends[ended.how] += 1
        self.assertLessEqual(set(ends), statuses | {raw.SHORT, raw.RESET})
        self.assertGreater(ends[408], 0, ends)

    def test_heads_that_drip_are_given_up(self) -> None:
        connections = [raw.Connection(self.proxy.url) for _ in range(200)]
        for connection in connections:
            self.addCleanup(connection.socket.close)
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
        done = threading.Event()
        def go_on() -> None:
            while not done.wait(0.2):
                self.drip(connections)
        dripping = threading.Thread(target=go_on)
        dripping.start()
        try:
            self.assert_given_up(connections, {408})
            self.assert_serves()
        finally:
            done.set()
            dripping.join()

    def test_uploads_that_stall_are_given_up_and_leave_nothing(self) -> None:
        connections = [raw.Connection(self.proxy.url) for _ in range(100)]
        for number, connection in enumerate(connections):
            self.addCleanup(connection.socket.close)
            connection.send(b"PUT /nar/%052d.nar HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf" % number)
        self.assert_serves()
        self.assert_given_up(connections, {408, 503})
        eventually(lambda: not self.proxy.temporary_files() and self.spooled() == 0, "nothing is left", 60)

    def spooled(self) -> int:
        return sum(1 for file in (self.proxy.home / "storage/store/tmp").rglob("*")
                   if file.is_file() and not file.name.startswith("lock"))

    def test_who_never_reads_is_given_up(self) -> None:
        target = self.nar_target(self.proxy, self.made.paths[0])
        self.assert_whole(raw.get(self.proxy.url, target), self.cache.nar_bytes(self.made.paths[0]))
        before = self.proxy.descriptors()  # it may open a few files more by itself
        connections = [raw.Connection(self.proxy.url, receive_buffer=4096) for _ in range(50)]
        for connection in connections:
            self.addCleanup(connection.socket.close)
            connection.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 100)
        self.assert_serves()
        eventually(lambda: self.proxy.descriptors() < before + 20, "their descriptors are given back", 60)

    def test_pipelining_without_end_fills_no_memory(self) -> None:
        self.narinfo_of(self.proxy, self.made.root)
        request = f"GET {narinfo_target(self.made.root)} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 1000
        before = self.proxy.rss()
        selector = selectors.DefaultSelector()
        for _ in range(20):
            connection = raw.Connection(self.proxy.url, receive_buffer=4096)
            self.addCleanup(connection.socket.close)
            connection.socket.setblocking(False)
            selector.register(connection.socket, selectors.EVENT_WRITE)
        end = time.monotonic() + 240
        while selector.get_map() and time.monotonic() < end:
            for key, _ in selector.select(1):
                try:
                    key.fileobj.send(request)
                except BlockingIOError:
                    pass
                except OSError:  # given up
                    selector.unregister(key.fileobj)
            self.assertLess(self.proxy.rss() - before, 64 << 20)
        self.assertFalse(selector.get_map(), "all of them are given up")

    def test_what_is_pipelined_behind_an_answer_that_ends_the_connection_is_not_answered(self) -> None:
        got, _ = everything(self.proxy.url, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + SMUGGLED * 1000)
        self.assertEqual(got, [200])


class Idle(Hostile):
    """With all other times far longer than a client waits."""
    more = ["--server-idle-timeout=10s", *(f"--server-{kind}-timeout=1h" for kind in ("header", "body", "write"))]

    def test_a_connection_that_asks_nothing_more_is_closed_without_a_word(self) -> None:
        connections = [raw.Connection(self.proxy.url) for _ in range(3)]
        for asked, connection in enumerate(connections):
            self.addCleanup(connection.socket.close)
            for _ in range(asked):
                self.assertEqual(connection.ask("GET", "/healthz").status, 200)
        for asked, connection in enumerate(connections):
            with self.subTest(asked=asked):
                with self.assertRaises(raw.Ended) as end:
                    connection.read_head()
                self.assertEqual((end.exception.how, end.exception.received), (raw.SHORT, b""))


class Share(Hostile):
    more = ["--server-max-connections-per-client=10", "--server-max-connections=30", "--prometheus-enabled"]

    def setUp(self) -> None:
        super().setUp()
        self.held: dict[str, list[raw.Connection]] = {}

    def hold(self, source: str, count: int) -> list[raw.Answer]:
        """Answers on so many more connections at once from there, which stay."""
        host, port = self.proxy.url.removeprefix("http://").split(":")
        answers = []
        for _ in range(count):
            connection = raw.Connection.__new__(raw.Connection)
            connection.socket = socket.create_connection((host, int(port)), timeout=60, source_address=(source, 0))
            connection.host, connection.timeout, connection._buffer = host, 20, b""
            self.addCleanup(connection.socket.close)
            with contextlib.suppress(OSError):  # it may have been turned away already
                connection.send(GET)
            answers.append(connection.read_answer())
            self.held.setdefault(source, []).append(connection)
        return answers

    def leave(self, source: str) -> None:
        for connection in self.held.pop(source):
            connection.socket.close()

    def metrics(self) -> str:
        return raw.get(self.proxy.url, "/metrics").body.decode()

    def test_who_takes_too_many_connections_leaves_the_others_theirs(self) -> None:
        taken = self.hold("127.0.0.2", 15)
        self.assertEqual([a.status for a in taken], [200] * 10 + [429] * 5)
        self.assertTrue(all(a.get("retry-after") for a in taken[10:]))
        self.assertEqual([a.status for a in self.hold("127.0.0.3", 5)], [200] * 5)
        metrics = self.metrics()
        self.assertIn("ncps_http_connections_over_share_total 5", metrics)
        self.assertIn("ncps_http_proxy_headers_refused_total 0", metrics)
        self.assertIn("ncps_http_connections_limit 30", metrics)

    def test_beyond_all_connections_is_503_until_some_end(self) -> None:
        crowd = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
        for source in crowd:
            self.assertEqual([a.status for a in self.hold(source, 10)], [200] * 10)
        late = self.hold("127.0.0.5", 5)
        self.assertEqual([a.status for a in late], [503] * 5)
        for answer in late:
            self.assertGreater(int(answer.get("retry-after")), 0)
            self.assertEqual(answer.ending, raw.COMPLETE)
        for source in crowd:  # who was there before is served still
            for connection in self.held[source]:
                self.assertEqual(connection.ask("GET", "/healthz").status, 200)
        self.leave("127.0.0.2")
        eventually(lambda: self.hold("127.0.0.5", 1)[0].status == 200, "there is room again")
        self.leave("127.0.0.3")
        metrics = eventually(lambda: found if "ncps_http_connections_limit" in (found := self.metrics()) else None, "for others as well")
        turned_away = re.search(r"^ncps_http_connections_turned_away_total (\d+)$", metrics, re.MULTILINE)
        self.assertGreaterEqual(int(turned_away[1]), 5)


if __name__ == "__main__":
    unittest.main()
