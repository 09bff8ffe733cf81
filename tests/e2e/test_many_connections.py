"""Thousands of connections at once: what they cost, and that the others are served."""
from __future__ import annotations

import resource
import socket
import unittest

from .lab import raw
from .lab.waiting import eventually
from .test_hostile_clients import GET, Hostile


def make_room_for(count: int) -> None:
    """Descriptors for so many connections, here and in the servers that we start."""
    need = count + 1000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < need:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (need, need))  # root may
        except ValueError:
            raise AssertionError(f"only {most} descriptors may be open, and this test needs {need}: raise the hard limit "
                                 f"(ulimit -Hn; LimitNOFILE= of systemd; --ulimit nofile= of a container)") from None
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Many(Hostile):
    more = ["--server-max-connections-per-client=0", "--server-idle-timeout=1h"]  # to open them takes a while

    def setUp(self) -> None:
        make_room_for(10_000)
        super().setUp()

    def open_many(self, count: int, sent: bytes) -> list[socket.socket]:
        """So many connections on which that has been sent."""
        host, port = self.proxy.url.removeprefix("http://").split(":")
        made = []
        for _ in range(count):
            made.append(socket.create_connection((host, int(port)), timeout=60))
            self.addCleanup(made[-1].close)
            made[-1].sendall(sent)
        return made

    def test_ten_thousand_idle_connections_cost_little(self) -> None:
        count = 10_000
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
        count = 3000
        before = self.proxy.descriptors()  # it may open a few files more by itself
        half = [b"PUT /nar/%052d.nar HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf" % n for n in range(count)]
        made = [self.open_many(1, sent)[0] for sent in half]
        self.assert_serves()
        self.assertLess(self.proxy.rss(), 200 << 20)
        for one in made:
            one.close()
        eventually(lambda: self.proxy.descriptors() < before + 20, "all of them are gone", 60)
        eventually(lambda: not self.proxy.temporary_files(), "nothing temporary is left")


if __name__ == "__main__":
    unittest.main()
