"""Thousands of connections at once: what they cost, and that the others are served."""
from __future__ import annotations

import resource
import socket
import unittest

from .lab import raw
from .lab.waiting import eventually
from .test_hostile_clients import GET, Hostile


def room_for(count: int) -> int:
    """So many descriptors, or as many as may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return count if most == resource.RLIM_INFINITY else min(count, most - 1000)


class Many(Hostile):
    more = ["--server-max-connections-per-client=0"]

    def open_many(self, count: int, sent: bytes) -> list[socket.socket]:
        """So many connections on which that has been sent."""
        host, port = self.proxy.url.removeprefix("http://").split(":")
        made = []
        for _ in range(count):
            made.append(socket.create_connection((host, int(port)), timeout=30))
            self.addCleanup(made[-1].close)
            made[-1].sendall(sent)
        return made

    def test_ten_thousand_idle_connections_cost_little(self) -> None:
        count = room_for(10_000)
        before = self.proxy.rss()
        idle = self.open_many(count, GET)
        for one in idle:
            self.assertTrue(one.recv(4096).startswith(b"HTTP/1.1 200 "))
        cost = self.proxy.rss() - before
        print(f"\n{count} idle connections: {cost / 2**20:.1f} MiB, {cost / count:.0f} bytes each")
        self.assertLess(self.proxy.rss(), 150 << 20)
        self.assert_serves()
        eventually(lambda: self.proxy.descriptors() >= count, "they are still there")

    def test_thousands_of_uploads_that_never_end_cost_little_and_leave_nothing(self) -> None:
        count = room_for(3000)
        before = self.proxy.descriptors()  # it may open a few files more by itself
        half = [b"PUT /nar/%052d.nar HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf" % n for n in range(count)]
        made = [self.open_many(1, sent)[0] for sent in half]
        self.assert_serves()
        self.assertLess(self.proxy.rss(), 200 << 20)
        for one in made:
            one.close()
        eventually(lambda: self.proxy.descriptors() < before + 20, "all of them are gone", 30)
        self.assertEqual(self.proxy.temporary_files(), [])


if __name__ == "__main__":
    unittest.main()
