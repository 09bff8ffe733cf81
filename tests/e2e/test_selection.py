"""Which upstream is asked first, and which never: ?priority=, nix-cache-info, StoreDir."""
from __future__ import annotations

import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps
from .lab.upstream import Upstream
from .lab.waiting import eventually

ODD = {
    "lines that nobody knows": b"StoreDir: /nix/store\nFoo: bar\nWantMassQuery: perhaps\nno colon\n\n:\nPriority: 40\n",
    "a priority that is no number": b"StoreDir: /nix/store\nPriority: abc\n",
    "a priority that is too large": b"StoreDir: /nix/store\nPriority: 99999999999999999999\n",
    "CRLF": b"StoreDir: /nix/store\r\nWantMassQuery: 1\r\nPriority: 40\r\n",
    "a slash at the end of the StoreDir": b"StoreDir: /nix/store/\n",
    "no newline at the end": b"StoreDir: /nix/store",
    "nothing": b"",
    "a web page": b"<!doctype html>\n<title>Welcome: to nginx</title>\n",
    "binary": bytes(range(256)) * 10,
}


class SelectionCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.many(60)
        self.cache = self.made.cache("zstd")
        self.paths = iter(self.made.paths)

    def says(self, info: bytes | None = None, status: int | None = None) -> Upstream:
        """An upstream with that nix-cache-info."""
        server = self.upstream(self.cache)
        server.fault("/nix-cache-info", body=info, status=status)
        return server

    def behind(self, *urls: str) -> Ncps:
        proxy = Ncps(self.folder("ncps"), upstreams=[(url, self.cache.key.public) for url in urls],
                     more=("--cache-prefetch=off",))
        self.addCleanup(proxy.kill9)
        return proxy.start()

    def status(self, proxy: Ncps, path: str) -> int:
        return raw.get(proxy.url, narinfo_target(path)).status

    def asked_first(self, proxy: Ncps, *servers: Upstream) -> Upstream:
        """Who is asked for a path that nobody has asked for before; both are quick, so nobody else is."""
        path = next(self.paths)
        self.assertEqual(self.status(proxy, path), 200)
        asked = [(r.time, n) for n, server in enumerate(servers) for r in server.requests(narinfo_target(path))]
        return servers[min(asked)[1]]

    def probed(self, *servers: Upstream) -> None:
        for server in servers:
            eventually(lambda: any(r.finished for r in server.requests("/nix-cache-info")), "it is probed")


class Priority(SelectionCase):
    def test_of_equal_ones_the_first_in_the_options_is_asked(self) -> None:
        first, second = self.says(b"Priority: 40\n"), self.says(b"Priority: 40\n")
        proxy = self.behind(first.url, second.url)
        self.probed(first, second)
        for _ in range(5):
            self.assertIs(self.asked_first(proxy, first, second), first)

    def test_the_lower_one_of_the_options_is_asked(self) -> None:
        first, second = self.upstream(self.cache), self.upstream(self.cache)
        proxy = self.behind(f"{first.url}?priority=50", f"{second.url}?priority=10")
        self.assertIs(self.asked_first(proxy, first, second), second)

    def test_what_nix_cache_info_says_counts_where_the_options_say_nothing(self) -> None:
        first, second = self.says(b"Priority: 50\n"), self.says(b"Priority: 10\n")
        proxy = self.behind(first.url, second.url)
        eventually(lambda: self.asked_first(proxy, first, second) is second, "the second is asked first", every=1)  # there are 60 paths
        self.assertIs(self.asked_first(proxy, first, second), second)

    def test_the_options_win_over_nix_cache_info(self) -> None:
        first, second = self.says(b"Priority: 1\n"), self.says(b"Priority: 50\n")
        third = self.says(b"Priority: 30\n")  # once this one is ahead of the second, all have been heard
        proxy = self.behind(f"{first.url}?priority=60", second.url, third.url)
        eventually(lambda: self.asked_first(proxy, first, second, third) is third, "the third is asked first", every=1)
        self.probed(first)
        for _ in range(5):
            self.assertIs(self.asked_first(proxy, first, second, third), third)

    def test_the_priority_is_not_sent_along(self) -> None:
        server = self.upstream(self.cache)
        proxy = self.behind(f"{server.url}?priority=5")
        self.probed(server)
        self.assertEqual(self.status(proxy, next(self.paths)), 200)
        self.assertEqual({r.query for r in server.requests()}, {""})


class NixCacheInfo(SelectionCase):
    def test_odd_ones_keep_nobody_from_serving(self) -> None:
        for name, info in ODD.items():
            with self.subTest(name):
                server = self.says(info)
                proxy = self.behind(server.url)
                self.probed(server)
                self.assertEqual(self.status(proxy, self.made.paths[0]), 200, proxy.tail())
                self.assertEqual(proxy.stop(), 0)
                self.assertIsNone(proxy.find_line("an upstream has another StoreDir than ours: IT IS NOT ASKED"))

    def test_nor_does_one_that_is_missing_or_forbidden(self) -> None:
        for status in (404, 403, 401, 500):
            with self.subTest(status):
                server = self.says(status=status)
                proxy = self.behind(server.url)
                self.probed(server)
                self.assertEqual(self.status(proxy, self.made.paths[0]), 200, proxy.tail())

    def test_ours_does_not_wait_for_theirs(self) -> None:
        server = self.upstream(self.cache)
        server.fault("/nix-cache-info", delay=600)
        proxy = self.behind(server.url)
        answer = raw.get(proxy.url, "/nix-cache-info")
        self.assertEqual((answer.status, answer.body.splitlines()[0]), (200, b"StoreDir: /nix/store"))
        self.assertEqual(self.status(proxy, self.made.paths[0]), 200)


class AnotherStoreDir(SelectionCase):
    REFUSED = "an upstream has another StoreDir than ours: IT IS NOT ASKED"

    def test_it_is_never_asked_and_the_log_says_so(self) -> None:
        foreign, ours = self.says(b"StoreDir: /gnu/store\nPriority: 1\n"), self.upstream(self.cache)
        proxy = self.behind(foreign.url, ours.url)
        line = proxy.wait_line(self.REFUSED, store_dir="/gnu/store")
        self.assertEqual((line["level"], line["upstream"]), ("error", foreign.url))
        foreign.forget()
        for path in self.made.paths[:10]:
            self.assertEqual(self.status(proxy, path), 200)
            self.assertEqual(raw.get(proxy.url, self.cache.nar_url(path)).status, 200)
        self.assertEqual([r for r in foreign.requests() if r.path != "/nix-cache-info"], [])

    def test_whatever_it_calls_it_the_log_stays_readable(self) -> None:
        foreign = self.says(b'StoreDir: /\xff\xfe"store\n')
        proxy = self.behind(foreign.url)
        proxy.wait_line(self.REFUSED, store_dir='/\ufffd\ufffd"store')

    def test_also_where_nobody_else_is(self) -> None:
        foreign = self.says(b"StoreDir: /nix/storage\n")
        proxy = self.behind(foreign.url)
        proxy.wait_line(self.REFUSED)
        foreign.forget()
        self.assertNotEqual(self.status(proxy, self.made.paths[0]), 200)
        self.assertEqual(foreign.requests(".narinfo"), [])


if __name__ == "__main__":
    unittest.main()
