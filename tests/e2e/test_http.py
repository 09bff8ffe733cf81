"""The HTTP surface: routes, methods, limits, and what hostile or odd requests get."""
from __future__ import annotations

import json
import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.closure import hash_of

CACHE_INFO = b"StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 10"


class Surface(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache("xz")
        self.server = self.upstream(self.cache)
        self.proxy = self.ncps((self.server, self.cache))
        self.url = self.proxy.url

    def fetch_leaf(self) -> str:
        """Brings the leaf into the store; its NAR's target."""
        target = self.nar_target(self.proxy, self.made.paths[0])
        self.assert_whole(raw.get(self.url, target), self.cache.nar_bytes(self.made.paths[0]))
        self.proxy.wait_at_rest(target.rpartition("/")[2])
        return target

    def asked_upstream(self) -> list[str]:
        return [r.path for r in self.server.requests() if not r.path.endswith("nix-cache-info")]


class Routes(Surface):
    def test_every_route_answers_get_and_head_alike(self) -> None:
        nar = self.fetch_leaf()
        leaf = narinfo_target(self.made.paths[0])
        for target in ("/", "/nix-cache-info", "/pubkey", "/healthz", leaf, nar, "/nothing", narinfo_target("0" * 32)):
            with self.subTest(target), raw.Connection(self.url) as connection:
                get, head = connection.ask("GET", target), connection.ask("HEAD", target)
                self.assertEqual((head.status, head.body), (get.status, b""))
                self.assertEqual(get.status, 404 if "nothing" in target or "0000" in target else 200)
                def without_date(answer: raw.Answer) -> list:
                    return sorted((n.lower(), v) for n, v in answer.head.fields if n.lower() != "date")
                self.assertEqual(without_date(head), without_date(get))
                self.assertEqual(get.get("content-length"), str(len(get.body)))
                self.assertEqual(connection.ask("GET", "/healthz").status, 200, "the connection is in step")

    def test_contents_and_types(self) -> None:
        info = raw.get(self.url, "/nix-cache-info")
        self.assertEqual(info.body.rstrip(b"\n"), CACHE_INFO)
        self.assertIn(info.get("content-type").partition(";")[0], ("text/x-nix-cache-info", "text/plain"))
        key = raw.get(self.url, "/pubkey")
        self.assertRegex(key.body.decode(), r"\Acache\.example:[0-9A-Za-z+/]{43}=\Z")
        self.assertEqual(raw.get(self.url, "/healthz").body.strip(), b".")
        root = json.loads(raw.get(self.url, "/").body)
        self.assertEqual((root["hostname"], root["publicKey"]), ("cache.example", key.body.decode()))
        nar = raw.get(self.url, self.fetch_leaf())
        self.assertEqual(nar.get("content-type"), "application/x-nix-nar")
        narinfo = raw.get(self.url, narinfo_target(self.made.paths[0]))
        self.assertEqual(narinfo.get("content-type"), "text/x-nix-narinfo")
        self.assertTrue(narinfo.body.endswith(b"\n"))
        self.assertNotIn(b"\n\n", narinfo.body)
        self.assertNotIn(b"\r", narinfo.body)

    def test_local_routes_need_no_upstream(self) -> None:
        self.server.stop()
        for target in ("/", "/nix-cache-info", "/pubkey", "/healthz"):
            self.assertEqual(raw.get(self.url, target).status, 200, target)

    def test_head_of_a_cold_narinfo_is_right_and_what_it_promises_is_kept(self) -> None:
        target = narinfo_target(self.made.root)
        head = raw.ask(self.url, "HEAD", target)
        get = raw.get(self.url, target)
        self.assertEqual((head.status, get.status), (200, 200))
        self.assertEqual(head.get("content-length"), str(len(get.body)))

    def test_head_of_a_cold_nar_gives_its_size(self) -> None:
        head = raw.ask(self.url, "HEAD", self.nar_target(self.proxy, self.made.paths[0]))
        size = len(self.cache.nar_bytes(self.made.paths[0]))
        self.assertEqual((head.status, head.get("content-length")), (200, str(size)))

    def test_a_double_slash_an_escape_and_a_query_lead_to_the_same_nar(self) -> None:
        nar = self.fetch_leaf()
        expected = self.cache.nar_bytes(self.made.paths[0])
        escaped = nar.replace(".nar.", "%2Enar%2e")
        for target in ("/" + nar, escaped, nar + "?hash=" + hash_of(self.made.paths[0])):
            with self.subTest(target):
                self.assert_whole(raw.get(self.url, target), expected)

    def test_nothing_is_ever_content_encoded_that_is_compressed_already(self) -> None:
        nar = self.fetch_leaf()
        for target in ("/", "/nix-cache-info", narinfo_target(self.made.paths[0]), nar):
            answer = raw.get(self.url, target, {"Accept-Encoding": "zstd, br, gzip, deflate, bzip2, xz, identity"})
            self.assertNotIn("content-encoding", answer.head.names(), target)

    def test_nothing_is_changed_by_other_methods(self) -> None:
        nar = self.fetch_leaf()
        asked = self.asked_upstream()
        for target in ("/", "/nix-cache-info", "/pubkey", narinfo_target(self.made.paths[0]), nar):
            for method in ("PUT", "POST", "DELETE", "PATCH", "OPTIONS"):
                with self.subTest(f"{method} {target}"):
                    with raw.Connection(self.url) as connection:
                        answer = connection.ask(method, target, {"Content-Length": "5"}, b"hello")
                    self.assertEqual((answer.status, answer.ending), (405, raw.COMPLETE))
                    allowed = {m.strip() for m in (answer.get("allow") or "").split(",")}
                    self.assertTrue({"GET", "HEAD"} <= allowed, allowed)
        self.assertEqual(self.asked_upstream(), asked)
        self.assertEqual(raw.get(self.url, nar).status, 200)
        self.assertEqual(raw.get(self.url, "/nix-cache-info").body.rstrip(b"\n"), CACHE_INFO)


class OddNames(Surface):
    def assert_not_found(self, target: str, also: int = 404) -> None:
        answer = raw.get(self.url, target)
        self.assertIn(answer.status, (404, also), target)
        self.assertEqual(answer.ending, raw.COMPLETE)
        self.assertEqual((answer.get("content-type") or "").partition(";")[0], "text/plain")
        self.assertLess(len(answer.body), 500)

    def tearDown(self) -> None:
        self.assertEqual(self.asked_upstream(), [], "an impossible name was asked of the upstream")

    def test_malformed_narinfo_names_are_404(self) -> None:
        good = hash_of(self.made.root)
        names = [good[:31], good + "0", "", good.upper() if good != good.lower() else "A" * 32, "." * 32]
        names += [good[:31] + letter for letter in "eoutEZ-_~"] + [good[:31] + "%00", good[:30] + "%C3%A9"]
        for name in names:
            with self.subTest(name):
                self.assert_not_found(f"/{name}.narinfo", also=400)
        for target in (f"/{good}", f"/{good}.narinfo/", f"/x/{good}.narinfo", f"/{good}.NARINFO",
                       f"/{good}.narinfo.xz"):
            with self.subTest(target):
                self.assert_not_found(target)

    def test_malformed_nar_names_are_404(self) -> None:
        good = self.cache.nar_url(self.made.root).removeprefix("/nar/").partition(".")[0]
        for name in ("", ".nar", "x" * 3000 + ".nar", f"{good}.tar", f"{good}.nar.exe", f"{good}.nar.xz.xz", "a b.nar",
                     f"{good}.nar/", f"{good}.nar%2Fx", "e" * 52 + ".nar.", "%00.nar"):
            with self.subTest(name[:80]):
                self.assert_not_found("/nar/" + name.replace(" ", "%20"), also=400)

    def test_no_way_leads_out_of_the_store(self) -> None:
        self.proxy.pubkey()
        up = ("../", "%2e%2e/", "..%2f", "%2E%2E%2F", "..%5c", "%252e%252e/", "....//", ".%00./")
        for way in up:
            for depth in (1, 3, 6):
                for end in ("config/cache.key", "etc/passwd"):
                    for begin in ("/", "/nar/", "/nar//"):
                        target = begin + way * depth + end
                        with self.subTest(target):
                            self.assert_not_found(target, also=400)
        for target in ("/config/cache.key", "//etc/passwd", "/store/nar/", "/nar/..", "/nar/%2e%2e", "/%2e%2e", "/.."):
            with self.subTest(target):
                self.assert_not_found(target, also=400)

    def test_unknown_routes_are_404(self) -> None:
        for target in ("/favicon.ico", "/metrics", "/nar", "/nar/", "/log/x.drv", "/%", "/%zz", "/nix-cache-info/"):
            with self.subTest(target):
                self.assert_not_found(target, also=400)


class Wire(Surface):
    def test_pipelined_requests_are_answered_in_order(self) -> None:
        nar = self.fetch_leaf()
        targets = ["/healthz", nar, "/nothing", narinfo_target(self.made.root), nar, "/pubkey"]
        with raw.Connection(self.url) as connection:
            connection.send(b"".join(f"GET {t} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for t in targets))
            answers = [connection.read_answer() for _ in targets]
        self.assertEqual([a.status for a in answers], [200, 200, 404, 200, 200, 200])
        self.assertEqual(answers[1].body, self.cache.nar_bytes(self.made.paths[0]))
        self.assertEqual(answers[4].body, answers[1].body)
        self.assertIn(b"StorePath: ", answers[3].body)
        self.assertTrue(answers[5].body.startswith(b"cache.example:"))

    def test_a_connection_serves_many_requests(self) -> None:
        with raw.Connection(self.url) as connection:
            self.assertEqual({connection.ask("GET", "/healthz").status for _ in range(500)}, {200})

    def test_connection_close_and_http_1_0_are_respected(self) -> None:
        for request in (b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                        b"GET /healthz HTTP/1.0\r\n\r\n"):
            with self.subTest(request), raw.Connection(self.url) as connection:
                connection.send(request)
                self.assertEqual(connection.read_answer().status, 200)
                with self.assertRaises(raw.Ended) as ended:
                    connection.read_head()
                self.assertEqual(ended.exception.how, raw.SHORT)

    def test_expect_100_continue_gets_an_answer_without_the_body(self) -> None:
        with raw.Connection(self.url) as connection:
            connection.request("PUT", narinfo_target(self.made.root), {"Expect": "100-continue", "Content-Length": "9"})
            head = connection.read_head()
            if head.status == 100:
                connection.send(b"some text")
                head = connection.read_head()
            self.assertEqual(head.status, 405)

    def test_a_body_is_never_taken_for_a_request(self) -> None:
        smuggled = b"GET /pubkey HTTP/1.1\r\nHost: x\r\n\r\n"
        for method, status in (("PUT", 405), ("POST", 405), ("GET", 200)):
            with self.subTest(method), raw.Connection(self.url) as connection:
                connection.request(method, "/healthz", {"Content-Length": str(len(smuggled))}, smuggled)
                self.assertIn(connection.read_answer().status, (status, 400))
                try:
                    connection.request("GET", "/nothing")
                    self.assertEqual(connection.read_answer().status, 404)
                except (raw.Ended, ConnectionError):
                    pass  # closed instead: as good

    def refused_with(self, request: bytes) -> int:
        with raw.Connection(self.url) as connection:
            connection.send(request)
            return connection.read_head().status

    def test_heads_and_targets_have_limits(self) -> None:
        self.assertEqual(self.refused_with(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40_000 + b"\r\n\r\n"), 431)
        many = b"".join(b"X-%d: y\r\n" % n for n in range(5000))
        self.assertEqual(self.refused_with(b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n"), 431)
        self.assertEqual(self.refused_with(b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"), 414)
        self.assertEqual(raw.get(self.url, "/healthz").status, 200)

    def test_what_is_no_http_is_refused(self) -> None:
        for request in (b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n\r\n", b"GET\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"):
            with self.subTest(request):
                try:
                    self.assertEqual(self.refused_with(request), 400)
                except raw.Ended as ended:
                    self.assertIn(ended.how, (raw.SHORT, raw.RESET))
        self.assertEqual(raw.get(self.url, "/healthz").status, 200)


if __name__ == "__main__":
    unittest.main()
