"""What systemd is told, the socket it hands over, and the confinement of its unit."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import unittest

from .lab import closure, raw
from .lab.case import LabCase
from .lab.ncps import Ncps
from .lab.systemd import NOBODY, NotifySocket, confined, hand_over
from .lab.waiting import eventually


class SystemdCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.single(0.1)
        self.cache = self.made.cache("xz")
        self.server = self.upstream(self.cache)

    def supervised(self, **variables: str) -> tuple[Ncps, NotifySocket]:
        told = NotifySocket(self.home / "notify")
        self.addCleanup(told.socket.close)
        environment = {"NOTIFY_SOCKET": str(told.file)} | variables
        return self.ncps((self.server, self.cache), environment=environment), told

    def listening(self) -> socket.socket:
        """What a socket unit has bound."""
        made = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(made.close)
        return made


class Told(SystemdCase):
    def test_when_it_is_ready_when_it_reloads_and_when_it_stops(self) -> None:
        proxy, told = self.supervised()
        self.assertEqual(told.next(), {"READY": "1", "STATUS": f"listening on {proxy.url.removeprefix('http://')}"})
        proxy.send_signal(signal.SIGHUP)
        reloading = told.next()
        self.assertEqual(reloading.pop("RELOADING"), "1")
        self.assertGreater(int(reloading.pop("MONOTONIC_USEC")), 0)
        self.assertEqual(told.next()["READY"], "1")
        self.assertEqual(proxy.stop(), 0)
        self.assertEqual(told.next()["STOPPING"], "1")

    def test_that_it_lives_while_somebody_wants_to_know(self) -> None:
        proxy, told = self.supervised(WATCHDOG_USEC="200000")
        eventually(lambda: told.any().get("READY"), "it is ready")
        for _ in range(3):
            self.assertEqual(told.any(), {"WATCHDOG": "1"})
        self.assertEqual(proxy.stop(), 0)

    def test_nothing_that_is_not_true_when_it_cannot_start(self) -> None:
        told = NotifySocket(self.home / "notify")
        self.addCleanup(told.socket.close)
        proxy = self.ncps_before_start((self.server, self.cache), address="192.0.2.1:1",
                                       environment={"NOTIFY_SOCKET": str(told.file)})
        self.assertEqual(proxy.start(wait=False).wait(), 1)
        told.socket.settimeout(0)
        self.assertRaises(BlockingIOError, told.any)


class HandedOver(SystemdCase):
    def test_a_socket_is_taken_instead_of_the_address(self) -> None:
        made = self.listening()
        proxy = self.ncps((self.server, self.cache), address="192.0.2.1:1", **hand_over(made))
        self.assertEqual(proxy.url, "http://%s:%d" % made.getsockname())
        self.client(proxy.pubkey()).copy(proxy.url, self.made.root)

    def test_who_comes_between_two_instances_is_answered_by_the_second(self) -> None:
        made = self.listening()
        first = self.ncps((self.server, self.cache), **hand_over(made))
        self.assertEqual(first.stop(), 0)
        client = raw.Connection("http://%s:%d" % made.getsockname())
        self.addCleanup(client.socket.close)
        client.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.ncps((self.server, self.cache), **hand_over(made))
        self.assertTrue(client.socket.recv(1000).startswith(b"HTTP/1.1 200 "))

    def test_by_systemds_own_program(self) -> None:
        path = self.home / "s"
        proxy = self.ncps_before_start((self.server, self.cache), wrapper=["systemd-socket-activate", "-l", str(path)])
        proxy.start(wait=False)
        eventually(path.exists, "systemd-socket-activate listens")
        url = f"unix:{path}"
        self.assertEqual(raw.get(url, "/healthz").status, 200)
        self.assertEqual(proxy.wait_line("listening")["addr"], url)
        self.assertEqual(proxy.stop(), 0)
        self.assertTrue(path.exists(), "the file belongs to whoever made it")

    def test_what_does_not_listen_is_refused(self) -> None:
        made = socket.socket()
        self.addCleanup(made.close)
        proxy = self.ncps_before_start((self.server, self.cache), **hand_over(made))
        self.assertEqual(proxy.start(wait=False).wait(), 1)
        self.assertIn("is no stream socket that listens", proxy.stderr())


class Confined(SystemdCase):
    """The unit's SystemCallFilter= and MemoryDenyWriteExecute=, laid on by seccomp; a breach kills."""

    def test_the_filter_kills(self) -> None:
        self.assertEqual(subprocess.run([*confined(), "/usr/sbin/chroot", "/"]).returncode, -signal.SIGSYS)
        mapping = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"
        self.assertEqual(subprocess.run([*confined(), "/usr/bin/python3", "-c", mapping]).returncode, -signal.SIGSYS)

    def test_it_serves_reloads_and_stops(self) -> None:
        proxy = self.ncps_before_start((self.server, self.cache), wrapper=confined(), more=["--cache-max-size=1G"])
        if os.geteuid() == 0:
            self.home.chmod(0o711)
            for file in (proxy.home, *proxy.home.rglob("*")):
                os.chown(file, NOBODY, NOBODY)
        proxy.start()
        self.client(proxy.pubkey()).copy(proxy.url, self.made.root)
        proxy.wait_stored(self.cache.nar_url(self.made.root).rpartition("/")[2])
        proxy.reload()
        self.client(proxy.pubkey()).copy(proxy.url, self.made.root)
        self.assertEqual(proxy.stop(), 0)


if __name__ == "__main__":
    unittest.main()
