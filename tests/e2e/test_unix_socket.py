"""Listening on a Unix socket: its file appears, is taken over from the dead, and goes."""
from __future__ import annotations

import stat
import unittest

from .lab import closure, raw
from .lab.case import LabCase
from .lab.waiting import eventually


class UnixSocket(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache)
        self.path = self.home / "ncps.sock"
        self.proxy = self.ncps_before_start((self.server, self.cache), address=f"unix:{self.path}")

    def test_everything_is_served_on_it(self) -> None:
        self.proxy.start()
        self.assertEqual(self.proxy.url, f"unix:{self.path}")
        self.assertTrue(stat.S_ISSOCK(self.path.stat().st_mode))
        narinfo = self.narinfo_of(self.proxy, self.made.root)
        self.assert_whole(raw.get(self.proxy.url, "/" + narinfo["URL"]), self.cache.nar_bytes(self.made.root))
        part = raw.get(self.proxy.url, "/" + narinfo["URL"], {"Range": "bytes=10-19"})
        self.assertEqual((part.status, part.body), (206, self.cache.nar_bytes(self.made.root)[10:20]))
        with raw.Connection(self.proxy.url) as connection:
            for _ in range(3):
                self.assertEqual(connection.ask("GET", "/healthz").status, 200)

    def test_the_file_goes_with_a_clean_stop(self) -> None:
        self.proxy.start()
        self.assertEqual(self.proxy.stop(), 0)
        self.assertFalse(self.path.exists())

    def test_a_file_that_a_killed_server_left_is_replaced(self) -> None:
        self.proxy.start()
        self.proxy.kill9()
        self.assertTrue(self.path.exists())
        self.proxy.start()
        self.assertTrue(self.proxy.pubkey())
        self.assertEqual(self.proxy.stop(), 0)
        self.assertFalse(self.path.exists())

    def test_the_socket_of_a_living_server_is_left_alone(self) -> None:
        self.proxy.start()
        second = self.ncps_before_start((self.server, self.cache), address=f"unix:{self.path}")
        second.start(wait=False)
        self.assertEqual(second.wait(), 1)
        self.assertIn(str(self.path), second.stderr())
        self.assertTrue(self.proxy.pubkey())

    def test_a_file_that_is_no_socket_is_left_alone(self) -> None:
        self.path.write_text("precious")
        self.proxy.start(wait=False)
        self.assertEqual(self.proxy.wait(), 1)
        self.assertEqual(self.path.read_text(), "precious")
        self.assertIn(str(self.path), self.proxy.stderr())

    def test_a_transfer_ends_well_after_the_file_was_taken_away_by_a_stop(self) -> None:
        self.proxy.start()
        target = self.nar_target(self.proxy, self.made.paths[0])
        self.server.fault(self.cache.nar_url(self.made.paths[0]), rate=2_000_000)
        with raw.Connection(self.proxy.url) as connection:
            connection.request("GET", target, {"Connection": "close"})
            self.assertEqual(connection.read_head().status, 200)
            self.proxy.send_signal()
            eventually(self.proxy.refuses_connections, "it drains")
            left = b"".join(iter(lambda: connection.socket.recv(1 << 20), b""))
        self.assertTrue((connection._buffer + left) == self.cache.nar_bytes(self.made.paths[0]))
        self.assertEqual(self.proxy.wait(), 0)

    def test_a_path_that_is_too_long_is_a_mistake_and_not_a_cut_path(self) -> None:
        long = self.home / ("x" * 120)
        proxy = self.ncps_before_start((self.server, self.cache), address=f"unix:{long}")
        proxy.start(wait=False)
        self.assertEqual(proxy.wait(), 2)
        self.assertIn("--server-addr", proxy.stderr())
        self.assertEqual([f for f in self.home.iterdir() if f.name.startswith("x")], [])


if __name__ == "__main__":
    unittest.main()
