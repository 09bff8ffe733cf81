"""Upstreams that are dead, silent or slow where another can help: nobody waits for them, nobody hears 404."""
from __future__ import annotations

import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from tests.soak.clients import served_at_once
from tests.soak.judge import Judge
from tests.soak.soak import visit
from tests.soak.world import World, unused_url

from .lab import closure, raw
from .lab.black_hole import BlackHole
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps
from .lab.waiting import eventually

GONE = "an upstream has failed: others are asked first until it is back"
BACK = "an upstream is back"
NO_PREFETCH = ("--cache-prefetch=off",)


class StandingCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.many(60)
        self.cache = self.made.cache("zstd")

    def behind(self, *urls: str, more: tuple[str, ...] = NO_PREFETCH) -> Ncps:
        """A server with these upstreams."""
        proxy = Ncps(self.folder("ncps"), upstreams=[(url, self.cache.key.public) for url in urls], more=more)
        self.addCleanup(proxy.kill9)
        return proxy.start()

    def status(self, proxy: Ncps, path: str) -> int:
        answer = raw.get(proxy.url, narinfo_target(path), timeout=60)
        self.assertEqual(answer.ending, raw.COMPLETE)
        return answer.status

    def serve(self, proxy: Ncps, paths: list[str]) -> None:
        for path in paths:
            self.assertEqual(self.status(proxy, path), 200, proxy.tail())


class FirstUpstreamIsDead(StandingCase):
    def setUp(self) -> None:
        super().setUp()
        self.second = self.upstream(self.cache)

    def test_where_nobody_listens_the_second_serves_everything(self) -> None:
        proxy = self.behind(unused_url().rstrip("/"), self.second.url)
        self.serve(proxy, self.made.paths[:20])
        proxy.wait_line(GONE)
        self.assertEqual(len(self.second.requests(".narinfo")), 20)

    def test_a_silent_one_is_asked_no_more_but_probed(self) -> None:
        silent = BlackHole().start()
        self.addCleanup(silent.stop)
        proxy = self.behind(silent.url, self.second.url)
        self.serve(proxy, self.made.paths[:3])
        proxy.wait_line(GONE, within=60)
        self.serve(proxy, self.made.paths[3:])
        self.assertGreater(silent.asked(narinfo_target(self.made.paths[0])), 0)
        self.assertEqual([path for path in self.made.paths[3:] if silent.asked(narinfo_target(path))], [])
        probes = silent.asked("/nix-cache-info")
        eventually(lambda: silent.asked("/nix-cache-info") > probes, "it is probed again", within=60)

    def test_nars_come_from_the_second_as_well(self) -> None:
        proxy = self.behind(unused_url().rstrip("/"), self.second.url)
        client = self.client(proxy.pubkey())
        client.copy(proxy.url, self.made.root)
        client.verify(self.made.root)

    def test_what_only_the_dead_one_may_have_is_a_gateway_error_every_time(self) -> None:
        other = self.upstream(self.folder("empty"))
        proxy = self.behind(unused_url().rstrip("/"), other.url)
        for _ in range(3):
            self.assertIn(self.status(proxy, self.made.root), (502, 504))

    def test_with_all_of_them_dead_what_is_kept_is_served_also_after_a_restart(self) -> None:
        first = self.upstream(self.cache)
        proxy = self.behind(first.url, self.second.url)
        kept, other = self.made.paths[:3], self.made.paths[3]
        for path in kept:
            self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
            proxy.wait_at_rest(self.cache.nar_url(path).rpartition("/")[2])
        for server in (first, self.second):
            server.stop()
        for _ in range(2):
            for path in kept:
                self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
            self.assertIn(self.status(proxy, other), (502, 504))
            proxy.restart()

    def test_all_of_them_dead_is_a_gateway_error_and_the_first_that_lives_serves(self) -> None:
        first = self.upstream(self.cache)
        for server in (first, self.second):
            server.stop()
        proxy = self.behind(first.url, self.second.url)
        self.assertEqual(raw.get(proxy.url, "/nix-cache-info").status, 200)
        for path in self.made.paths[:3]:
            self.assertIn(self.status(proxy, path), (502, 504))
        self.second.start()
        self.serve(proxy, self.made.paths[:3])


class UpstreamComesBack(StandingCase):
    def test_it_is_asked_first_again(self) -> None:
        first, second = self.upstream(self.cache), self.upstream(self.cache)
        first.stop()
        proxy = self.behind(first.url, second.url)
        self.serve(proxy, self.made.paths[:3])
        proxy.wait_line(GONE)
        first.start()
        proxy.wait_line(BACK, within=60)
        second.forget()
        self.serve(proxy, self.made.paths[3:4])
        # Where that takes longer than usual, the second is asked, too.
        asked = [(request.time, server.url) for server in (first, second) for request in server.requests(".narinfo")]
        self.assertEqual(min(asked)[1], first.url)

    def test_what_was_missing_before_is_asked_for_again(self) -> None:
        late = self.cache.copy(self.folder("late") / "cache")
        path = self.made.paths[0]
        narinfo = late.folder / narinfo_target(path)[1:]
        kept = narinfo.read_bytes()
        narinfo.unlink()
        empty, server = self.upstream(self.folder("empty")), self.upstream(late)
        proxy = self.behind(empty.url, server.url)
        self.assertEqual(self.status(proxy, path), 404)
        narinfo.write_bytes(kept)
        self.assertEqual(self.status(proxy, path), 404, "remembered")
        server.stop()
        self.assertIn(self.status(proxy, self.made.paths[1]), (502, 504))
        proxy.wait_line(GONE)
        server.start()
        proxy.wait_line(BACK, within=60)
        self.assertEqual(self.status(proxy, path), 200)


class FirstUpstreamIsSlow(StandingCase):
    def test_the_second_answers_while_the_first_says_nothing(self) -> None:
        first, second = self.upstream(self.cache), self.upstream(self.cache)
        path = self.made.paths[0]
        first.fault(narinfo_target(path), delay=600)
        proxy = self.behind(first.url, second.url)
        self.serve(proxy, [path])
        slow, = first.requests(narinfo_target(path))
        self.assertFalse(slow.finished)
        self.assertEqual(len(second.requests(narinfo_target(path))), 1)

    def test_a_slow_but_steady_one_costs_less_than_one_extra_request_in_ten(self) -> None:
        made = closure.many(300)
        self.cache = made.cache("zstd")
        first, second = self.upstream(self.cache, latency=0.35), self.upstream(self.cache)
        proxy = self.behind(first.url, second.url)
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda path: self.status(proxy, path), made.paths))
        self.assertEqual(set(statuses), {200})
        self.assertEqual(len(first.requests(".narinfo")), 300)
        self.assertLess(len(second.requests(".narinfo")), 30)


class Toggling(LabCase):
    def test_upstreams_that_go_and_come_under_load_cause_no_wrong_answer(self) -> None:
        with World.of(200, seed=1) as world:
            judge = Judge(world)
            proxy = Ncps(self.folder("ncps"), more=("--cache-upstream-response-header-timeout=1s",),
                         upstreams=[(place.server.url, world.key) for place in world.places])
            self.addCleanup(proxy.kill9)
            proxy.start()
            toggled, over = self.toggle(world, judge)
            visit(world, judge, proxy.url, clients=12)
            over.set()
            toggled.join()
            self.assertTrue(all(served_at_once(judge, proxy.url, path) for path in world.paths), proxy.tail())
            self.assertEqual(judge.findings, [], "\n".join(map(str, judge.findings)))
            self.assertGreaterEqual(self.turns, 3, "no upstream went away in the middle of it")
            self.assertEqual(proxy.stop(within=60), 0)
            judge.stored(proxy.stored_nars(), proxy.stored_narinfos())
            self.assertEqual(judge.findings, [])

    def toggle(self, world: World, judge: Judge) -> tuple[threading.Thread, threading.Event]:
        """One upstream after the other is down, each for so many answers to clients; at the end all are up."""
        over, self.turns = threading.Event(), 0

        def answers() -> int:
            return sum(judge.answers.values())

        def turn() -> None:
            while not over.is_set():
                server = world.places[self.turns % len(world.places)].server
                server.stop()
                before = answers()
                while not over.wait(0.01) and answers() < before + 40:
                    pass
                server.start()
                self.turns += 1

        thread = threading.Thread(target=turn, daemon=True)
        thread.start()
        return thread, over


class Missing(StandingCase):
    """404, remembered for a while; errors never."""

    def setUp(self) -> None:
        super().setUp()
        self.late = self.cache.copy(self.folder("late") / "cache")
        self.path = self.made.paths[0]
        self.target = narinfo_target(self.path)
        self.narinfo = self.late.folder / self.target[1:]
        self.text = self.narinfo.read_bytes()
        self.narinfo.unlink()
        self.first, self.second = self.upstream(self.folder("empty")), self.upstream(self.late)

    def start(self, *more: str) -> Ncps:
        return self.behind(self.first.url, self.second.url, more=(*NO_PREFETCH, *more))

    def asked(self) -> tuple[int, int]:
        return len(self.first.requests(self.target)), len(self.second.requests(self.target))

    def test_each_upstream_is_asked_once(self) -> None:
        proxy = self.start()
        for method in ("GET", "HEAD", "GET"):
            self.assertEqual(raw.ask(proxy.url, method, self.target).status, 404)
        self.assertEqual(self.asked(), (1, 1))

    def test_it_is_forgotten_after_its_time(self) -> None:
        proxy = self.start("--cache-negative-ttl=1s")
        self.assertEqual(self.status(proxy, self.path), 404)
        self.narinfo.write_bytes(self.text)
        eventually(lambda: self.status(proxy, self.path) == 200, "the path is found", 40)  # not the usual 60 s

    def test_with_0_nothing_is_remembered(self) -> None:
        proxy = self.start("--cache-negative-ttl=0")
        self.assertEqual(self.status(proxy, self.path), 404)
        self.narinfo.write_bytes(self.text)
        self.assertEqual(self.status(proxy, self.path), 200)
        self.assertEqual(self.asked(), (2, 2))

    def test_an_error_of_one_is_never_remembered(self) -> None:
        for fault in ({"status": 500}, {"drop": True}, {"status": 401}, {"cut_at": 0}, {"body": b"no narinfo\n"}):
            with self.subTest(fault):
                self.narinfo.write_bytes(self.text)
                self.second.fault(self.target, **fault)
                proxy = self.start()
                self.assertIn(self.status(proxy, self.path), (502, 504))
                self.second.faults.clear()
                self.assertEqual(self.status(proxy, self.path), 200)

    def test_a_narinfo_for_others_is_not_remembered_as_missing(self) -> None:
        unsigned = self.made.cache("zstd", key=None)
        self.narinfo.write_bytes((unsigned.folder / self.target[1:]).read_bytes())
        proxy = self.start()
        self.assertNotEqual(self.status(proxy, self.path), 200)
        self.narinfo.write_bytes(self.text)
        self.assertEqual(self.status(proxy, self.path), 200)


if __name__ == "__main__":
    unittest.main()
