"""How long an upstream is waited for is what the options say, and no other of them."""
from __future__ import annotations

import contextlib
import re
import socket
import unittest

from .lab import closure, raw
from .lab.black_hole import BlackHole
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps

PATIENT = 30  # seconds, for a busy machine; less than the 35 s after which a client is told so in any case


class Waits(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()

    def ask(self, url: str, *more: str) -> str:
        """What a client is told, which is a failure, well before any other time is over."""
        proxy = Ncps(self.folder("ncps"), upstreams=[(url, None)], more=("--cache-prefetch=off", *more))
        self.addCleanup(proxy.kill9)
        proxy.start()
        answer = raw.get(proxy.url, narinfo_target(self.made.root), timeout=PATIENT)
        self.assertEqual((answer.status, answer.ending), (504, raw.COMPLETE), proxy.tail())
        return answer.body.decode()

    def test_for_an_answer(self) -> None:
        silent = BlackHole().start()
        self.addCleanup(silent.stop)
        said = self.ask(silent.url, "--cache-upstream-dialer-timeout=100ms", "--cache-upstream-response-header-timeout=100ms",
                        "--cache-upstream-stall-timeout=1h")
        # The sum of both, where each attempt has twice as long for the answer as the one before, or four times at once.
        self.assertRegex(said, r"no answer within 0\.[2359] s")
        self.assertGreater(silent.asked(narinfo_target(self.made.root)), 0)

    @contextlib.contextmanager
    def full(self):
        """A port whose queue of connections is full: further ones are neither taken nor refused."""
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _ in range(64):
                one = stack.enter_context(socket.socket())
                one.settimeout(0.3)
                try:
                    one.connect(listener.getsockname())
                except TimeoutError:
                    break
            else:
                self.fail("its queue has no end")
            yield "http://127.0.0.1:%d" % listener.getsockname()[1]

    def test_for_a_connection(self) -> None:
        with self.full() as url:
            said = self.ask(url, "--cache-upstream-dialer-timeout=100ms", "--cache-upstream-response-header-timeout=1h",
                            "--cache-upstream-stall-timeout=1h")
        waited = re.search(r"Failed to connect .* after (\d+) ms", said)
        self.assertTrue(waited, said)
        self.assertLess(int(waited[1]), 3000, "that is the default")


if __name__ == "__main__":
    unittest.main()
