"""--cache-upstream-mode=offline: what is here is served, the rest is not there, and nobody is asked."""
from __future__ import annotations

import unittest

from .lab import closure, config_file, raw
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps
from .lab.waiting import eventually


class Offline(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.many(5)
        self.cache = self.made.cache("zstd")
        self.server = self.upstream(self.cache)
        self.here, self.elsewhere = self.made.paths[0], self.made.paths[1]

    def fill(self, proxy: Ncps) -> None:
        """One path, with its NAR; it refers to nothing."""
        self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, self.here)), self.cache.nar_bytes(self.here))
        proxy.wait_stored(self.cache.nar_url(self.here).rpartition("/")[2])

    def assert_offline(self, proxy: Ncps) -> None:
        self.server.forget()
        self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, self.here)), self.cache.nar_bytes(self.here))
        for target in (narinfo_target(self.elsewhere), self.cache.nar_url(self.elsewhere)):
            for method in ("HEAD", "GET"):
                with self.subTest(f"{method} {target}"):
                    self.assertEqual(raw.ask(proxy.url, method, target).status, 404)
        self.assertEqual(raw.get(proxy.url, "/nix-cache-info").status, 200)
        self.assertEqual(self.server.requests(), [])

    def in_file(self, mode: str) -> Ncps:
        self.options_now = self.options((self.server, self.cache), cache__upstream__mode=mode)
        self.file = config_file.write(self.folder("files") / "ncps.yaml", self.options_now)
        return self.ncps_given("--config", str(self.file), "serve")

    def switch(self, proxy: Ncps, mode: str) -> None:
        self.options_now["cache.upstream.mode"] = mode
        config_file.write(self.file, self.options_now)
        proxy.reload()

    def test_by_option(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        self.fill(proxy)
        proxy.more = ("--cache-upstream-mode=offline",)
        proxy.restart()
        self.assert_offline(proxy)

    def test_by_reload_and_back(self) -> None:
        proxy = self.in_file("auto")
        storage = self.options_now["cache.storage.local"]
        self.narinfo_of(proxy, self.here)
        target = self.nar_target(proxy, self.here)
        self.assert_whole(raw.get(proxy.url, target), self.cache.nar_bytes(self.here))
        eventually(lambda: proxy.find_line("NAR stored"), f"the NAR is kept in {storage}")
        eventually(lambda: self.server.requests("/nix-cache-info"), "the upstream has been probed")
        self.switch(proxy, "offline")
        self.assert_offline(proxy)
        self.switch(proxy, "auto")
        self.narinfo_of(proxy, self.elsewhere)
        self.assert_whole(raw.get(proxy.url, self.cache.nar_url(self.elsewhere)), self.cache.nar_bytes(self.elsewhere))

    def test_a_real_client_builds_from_what_is_here(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        client = self.client(proxy.pubkey())
        client.copy(proxy.url, self.made.root)
        for path in self.made.paths:
            proxy.wait_stored(self.cache.nar_url(path).rpartition("/")[2])
        proxy.more = ("--cache-upstream-mode=offline",)
        proxy.restart()
        self.server.forget()
        other = self.client(client.settings["trusted-public-keys"])
        other.copy(proxy.url, self.made.root)
        other.verify(self.made.root)
        self.assertEqual(self.server.requests(), [])

    def test_a_word_that_is_no_mode_is_refused(self) -> None:
        proxy = self.ncps_before_start((self.server, self.cache), more=("--cache-upstream-mode=sometimes",))
        proxy.start(wait=False)
        self.assertEqual(proxy.wait(), 2)
        self.assertIn("--cache-upstream-mode", proxy.stderr())


if __name__ == "__main__":
    unittest.main()
