"""What is fetched before anybody asks for it: for a GET, never for a HEAD, and only what the option says."""
from __future__ import annotations

import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps
from .lab.waiting import eventually


class Prefetch(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache)
        self.root, self.others = self.made.root, self.made.paths[:-1]

    def start(self, *more: str) -> Ncps:
        return self.ncps((self.server, self.cache), more=more)

    def ask(self, proxy: Ncps, method: str, path: str) -> None:
        self.assertEqual(raw.ask(proxy.url, method, narinfo_target(path)).status, 200)

    def narinfos_come(self, proxy: Ncps) -> None:
        wanted = {narinfo_target(path)[1:] for path in self.made.paths}
        eventually(lambda: wanted == set(proxy.stored_narinfos()), "the narinfos of the whole closure")

    def nar_comes(self, proxy: Ncps, path: str) -> None:
        proxy.wait_stored(self.cache.nar_url(path).rpartition("/")[2])

    def asked_in_all(self, proxy: Ncps) -> list[str]:
        """What was asked for, once everything that had begun has ended."""
        self.assertEqual(proxy.stop(), 0)
        return sorted(r.path for r in self.server.requests() if r.path != "/nix-cache-info")

    def targets(self, *paths: str) -> list[str]:
        return sorted(map(narinfo_target, paths))

    def nars(self, *paths: str) -> list[str]:
        return sorted(map(self.cache.nar_url, paths))

    def test_a_get_fetches_the_nar_and_the_narinfos_of_the_whole_closure_once_each(self) -> None:
        proxy = self.start()
        self.ask(proxy, "GET", self.root)
        self.narinfos_come(proxy)
        self.nar_comes(proxy, self.root)
        self.assertEqual(self.asked_in_all(proxy), sorted(self.targets(*self.made.paths) + self.nars(self.root)))

    def test_a_head_fetches_only_what_it_asks_for(self) -> None:
        proxy = self.start()
        self.ask(proxy, "HEAD", self.root)
        # What a HEAD had set going would be under way before this, which came later, is done.
        leaf = self.others[0]
        self.ask(proxy, "GET", leaf)
        self.nar_comes(proxy, leaf)
        self.assertEqual(self.asked_in_all(proxy), sorted(self.targets(self.root, leaf) + self.nars(leaf)))

    def test_the_get_after_a_head_fetches_as_if_it_had_come_first(self) -> None:
        for nothing_between in (True, False):
            with self.subTest(nothing_between=nothing_between):
                proxy = self.start()
                self.ask(proxy, "HEAD", self.root)
                if not nothing_between:
                    self.ask(proxy, "HEAD", self.root)
                self.ask(proxy, "GET", self.root)
                self.narinfos_come(proxy)
                self.nar_comes(proxy, self.root)

    def test_a_nar_follows_when_a_client_comes_for_a_narinfo_that_was_fetched_ahead(self) -> None:
        proxy = self.start()
        self.ask(proxy, "GET", self.root)
        self.narinfos_come(proxy)
        self.ask(proxy, "GET", self.others[0])
        self.nar_comes(proxy, self.others[0])
        self.nar_comes(proxy, self.root)
        self.assertEqual(self.asked_in_all(proxy),
                         sorted(self.targets(*self.made.paths) + self.nars(self.root, self.others[0])))

    def test_off_fetches_nothing_ahead(self) -> None:
        proxy = self.start("--cache-prefetch=off")
        for method in ("HEAD", "GET"):
            self.ask(proxy, method, self.root)
        self.assertEqual(self.asked_in_all(proxy), self.targets(self.root))

    def test_nar_fetches_nars_only(self) -> None:
        proxy = self.start("--cache-prefetch=nar")
        self.ask(proxy, "GET", self.root)
        self.nar_comes(proxy, self.root)
        self.assertEqual(self.asked_in_all(proxy), sorted(self.targets(self.root) + self.nars(self.root)))

    def test_narinfo_fetches_narinfos_only(self) -> None:
        proxy = self.start("--cache-prefetch=narinfo")
        self.ask(proxy, "GET", self.root)
        self.narinfos_come(proxy)
        self.assertEqual(self.asked_in_all(proxy), self.targets(*self.made.paths))

    def test_a_reference_that_is_missing_or_broken_hurts_nobody(self) -> None:
        one, two = self.others[1], self.others[2]
        self.server.fault(narinfo_target(two), status=404)
        self.server.fault(narinfo_target(one), status=500)
        proxy = self.start()
        self.ask(proxy, "GET", self.root)
        self.nar_comes(proxy, self.root)
        self.server.faults.clear()
        self.ask(proxy, "GET", one)

    def test_a_wide_walk_by_a_real_client_costs_one_request_for_each_path(self) -> None:
        made = closure.many(100)
        cache = made.cache("zstd")
        server = self.upstream(cache)
        proxy = self.ncps((server, cache))
        listed = self.client().check("nix", "path-info", "--recursive", "--store", proxy.url, made.root)
        self.assertEqual(sorted(listed.split()), sorted(made.paths))
        self.assertEqual(sorted(r.path for r in server.requests(".narinfo")), sorted(map(narinfo_target, made.paths)))


if __name__ == "__main__":
    unittest.main()
