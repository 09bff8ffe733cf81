"""An upstream that fails is found out, said once, asked once each time, and taken back at its first answer."""
from __future__ import annotations

import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps
from .lab.waiting import eventually


class Standing(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.many(12)
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache)
        self.proxy = self.ncps((self.server, self.cache))
        self.targets = [narinfo_target(path) for path in self.made.paths]

    def ask(self, target: str) -> int:
        return raw.get(self.proxy.url, target).status

    def said(self, proxy: Ncps, message: str) -> list[dict]:
        return [line for line in proxy.lines if line["message"].startswith(message)]

    def assert_said(self, gone: int, back: int) -> None:
        self.proxy.caught_up()
        lost, found = self.said(self.proxy, "an upstream has failed"), self.said(self.proxy, "an upstream is back")
        self.assertEqual((len(lost), len(found)), (gone, back), self.proxy.tail())
        for line in lost + found:
            self.assertEqual(line["upstream"], self.server.url)
        self.assertTrue(all(line["level"] == "warn" and line["error"] for line in lost))
        self.assertTrue(all(line["level"] == "info" for line in found))

    def test_one_that_is_away_and_back_is_told_once_each(self) -> None:
        self.assertEqual(self.ask(self.targets[0]), 200)
        self.assert_said(0, 0)
        for outage in (1, 2):
            self.server.stop()
            for target in self.targets[6:]:
                self.assertEqual(self.ask(target), 502)
            self.assert_said(outage, outage - 1)
            self.server.start()
            self.assertEqual(self.ask(self.targets[outage]), 200, "the first request finds it back")
            self.assert_said(outage, outage)

    def test_one_that_answers_with_errors_is_asked_once_each_time_until_it_answers(self) -> None:
        for kind in (".narinfo", "nix-cache-info"):
            self.server.fault(kind, status=500)
        for target in self.targets[:2]:
            self.assertEqual(self.ask(target), 502)
        self.assert_said(1, 0)
        for target in self.targets[2:6]:
            self.server.forget()
            self.assertEqual(self.ask(target), 502)
            self.assertEqual(len(self.server.requests(target)), 1)
        self.server.faults.clear()
        self.assertEqual(self.ask(self.targets[0]), 200)
        self.assert_said(1, 1)
        self.server.fault(".narinfo", status=500, times=3)
        self.assertEqual(self.ask(self.targets[1]), 200, "and it is tried again, as it used to be")
        self.assert_said(1, 1)

    def test_probes_find_it_back_and_take_its_priority(self) -> None:
        first, second = self.upstream(self.cache), self.upstream(self.cache)
        for server, priority in ((first, 30), (second, 20)):
            server.fault("nix-cache-info", body=f"StoreDir: /nix/store\nPriority: {priority}\n".encode())
        self.proxy = self.ncps((first, self.cache), (second, self.cache))
        for server in (first, second):
            eventually(lambda: any(r.finished for r in server.requests("nix-cache-info")), "it is probed")
        targets = iter(self.targets[:6])

        def second_alone() -> bool:
            target = next(targets)
            self.assertEqual(self.ask(target), 200)
            return bool(second.requests(target)) and not first.requests(target)

        # The answer of a probe takes a moment to count: until then both have 40.
        eventually(second_alone, "the second has the better priority", 20, every=5)
        second.stop()
        self.assertEqual(self.ask(self.targets[7]), 200, "the first one has it")
        eventually(lambda: self.said(self.proxy, "an upstream has failed"), "it is found out")
        second.start()
        eventually(lambda: self.said(self.proxy, "an upstream is back"), "it is probed", 60)

    def test_another_store_dir_is_never_asked_and_said_loudly(self) -> None:
        foreign = self.upstream(self.cache)
        foreign.fault("nix-cache-info", body=b"StoreDir: /gnu/store\nPriority: 1\n")
        self.proxy = self.ncps((foreign, self.cache), (self.server, self.cache))
        line = eventually(lambda: self.said(self.proxy, "an upstream has another StoreDir"), f"it is said\n{self.proxy.tail()}")[0]
        self.assertEqual((line["level"], line["upstream"], line["store_dir"]), ("error", foreign.url, "/gnu/store"))
        foreign.forget()
        for target in self.targets:
            self.assertEqual(self.ask(target), 200)
        self.assertEqual(foreign.requests(".narinfo"), [])

    def test_what_it_does_not_have_says_nothing_against_it(self) -> None:
        for status, seen in ((401, 502), (404, 404)):
            self.server.fault(".narinfo", status=status)
            for target in self.targets:
                self.assertEqual(self.ask(target), seen)
            self.server.faults.clear()
        self.assert_said(0, 0)


if __name__ == "__main__":
    unittest.main()
