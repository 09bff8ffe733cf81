"""Uploads and room: a full disk makes some, all that is sent counts, what can never fit is refused unread."""
from __future__ import annotations

import os
import subprocess
import unittest

from .lab import raw
from .lab.ncps import Ncps, size_of
from .test_upload import PUT, UploadCase, fresh


class FullDisk(UploadCase):
    """On a real file system that is too small: a tmpfs, seen by the server alone."""

    def small_disk(self, kilobytes: int) -> Ncps:
        self.up = self.upstream(self.elsewhere)
        server = self.ncps_before_start((self.up, self.elsewhere), more=[PUT, "--cache-prefetch=off"])
        self.disk = self.folder("disk")
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(self.disk)]
        subprocess.run(mount, check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.disk)], check=True)
        self.addCleanup(server.kill9)  # before that
        server.store = [f"--cache-storage-local={self.disk}"]
        return server.start()

    def test_uploads_make_room_too(self) -> None:
        server = self.small_disk(1500)
        for number in range(8):
            target, text, nar_target, bytes_ = self.pair(fresh(f"room-{number}"))
            self.assertEqual(204, self.put(server, nar_target, bytes_).status, number)
            self.assertEqual(204, self.put(server, target, text).status, number)
            self.assertEqual(raw.get(server.url, nar_target).body, bytes_)
        server.wait_line("made room")

    def test_a_narinfo_makes_room_too(self) -> None:
        server = self.small_disk(1500)
        pairs = [self.pair(fresh(f"narinfo-{number}")) for number in range(2)]
        for target, text, nar_target, bytes_ in pairs:
            self.assertEqual(204, self.put(server, nar_target, bytes_).status)
            if target == pairs[0][0]:
                self.assertEqual(204, self.put(server, target, text).status)
        target, text, nar_target, bytes_ = pairs[1]
        with open(self.disk / "ballast", "wb", buffering=0) as ballast:  # somebody else's
            with self.assertRaises(OSError):
                while True:
                    ballast.write(bytes(4096))
        self.assertEqual(204, self.put(server, target, text).status)
        self.assertEqual(raw.get(server.url, nar_target).body, bytes_)
        server.wait_line("made room", nars=1)

    def test_logs_make_room_too(self) -> None:
        server = self.small_disk(1500)
        for number in range(12):
            body = os.urandom(200_000)
            log = f"/log/{number:032d}-x.drv"
            self.assertEqual(204, self.put(server, log, body).status, number)
            self.assertEqual(raw.get(server.url, "/upload" + log).body, body)
        server.wait_line("made room")


class Limit(UploadCase):
    def kept(self, server: Ncps) -> int:
        return sum(size_of(f) for f in (server.storage / "store").rglob("*") if f.is_file())

    def test_uploaded_logs_count_and_go(self) -> None:
        server = self.server("--cache-max-size=1000000B")
        for number in range(20):
            self.assertEqual(204, self.put(server, f"/log/{number:032d}-x.drv", os.urandom(200_000)).status)
            self.assertLessEqual(self.kept(server), 1_000_000)
        self.assertGreater(self.kept(server), 500_000)

    def test_what_can_never_fit_is_refused_unread(self) -> None:
        server = self.server("--cache-max-size=100K")
        _, _, nar_target, bytes_ = self.pair(fresh("large"))
        with raw.Connection(server.url) as connection:
            connection.request("PUT", nar_target, {"Content-Length": str(len(bytes_)), "Expect": "100-continue"})
            self.assertEqual(connection.read_head().status, 413)


if __name__ == "__main__":
    unittest.main()
