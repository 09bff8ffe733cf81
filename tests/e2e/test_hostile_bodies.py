"""Upstreams that mean harm, by what they send as NARs, logs, listings, nix-cache-info, or in place of TLS.

Each time: the right status, never 404; bounded memory and disk; nothing kept; and what is asked for next works.
"""
from __future__ import annotations

import bz2
import contextlib
import gzip
import itertools
import lzma
import socket
import threading
import unittest
import zlib

from .lab import nar, raw
from .lab.fake_time import with_clock_off
from .lab.go_store import zstd
from .lab.hostile import Answer, endless, endless_chunks, endless_until_close, head_of, in_pieces, whole, zstd_skipped, zstd_with_window
from .lab.hostile_case import IMPATIENT, MOST_SECONDS, MOST_TAKEN, PIECE, HostileCase, zeros
from .lab.ncps import Ncps
from .lab.nginx import Nginx
from .lab.tls import authority
from .lab.waiting import eventually


class Objects(HostileCase):
    def test_encodings_that_are_bombs_are_refused(self) -> None:
        derivation = "/log/" + self.path.removeprefix("/nix/store/") + ".drv"
        listing = self.target.replace(".narinfo", ".ls")
        bombs = {"gzip": whole(zeros(256 << 20, "gzip -9"), "Content-Encoding: gzip"),
                 "zstd": whole(zeros(1 << 30, "zstd -19"), "Content-Encoding: zstd"), "endless": endless_chunks(PIECE)}
        proxy = self.start()
        for target, (name, bomb) in itertools.product((derivation, listing), bombs.items()):
            with self.subTest(target[:5] + name):
                self.server.wrong = {target: bomb}
                with self.bounded(proxy, disk=160 << 20):  # a log may have 64 MiB, and is tried again
                    said = raw.get(proxy.url, target, timeout=MOST_SECONDS)
                self.assertIn(said.status, (502, 504), proxy.tail())
                self.server.wrong = {}
        self.assert_serves(proxy)


class Nars(HostileCase):
    def nar_fails(self, proxy: Ncps, answer: Answer) -> None:
        target = self.nar_target(proxy, self.path)
        self.server.wrong = {target: answer}
        with self.bounded(proxy):
            self.assert_not_whole(proxy, target, timeout=MOST_SECONDS)
        self.assertEqual(proxy.stored_nars(), {})
        self.server.wrong = {}
        self.assert_serves(proxy)

    def test_bodies_without_end_are_given_up(self) -> None:
        for name, answer in {"chunks": endless_chunks(PIECE), "until close": endless_until_close(PIECE),
                             "long": endless(head_of(200, f"Content-Length: {1 << 60}"), PIECE),
                             "redirect": endless(head_of(302, "Location: ?again", f"Content-Length: {1 << 60}"), PIECE)}.items():
            with self.subTest(name):
                proxy = self.start()
                self.nar_fails(proxy, answer)
                proxy.kill9()

    def describe(self, **fields: str | None) -> None:
        """The narinfo with other fields that no signature covers; None: without."""
        info = self.cache.narinfo(self.path) | {"URL": "nar/described.nar.zst", "Compression": "zstd"} | fields
        text = "".join(f"{name}: {value}\n" for name, value in info.items() if value is not None)
        self.server.wrong[self.target] = whole(text.encode())

    def test_a_file_that_adds_nothing_without_end_is_given_up(self) -> None:
        """No NarSize stops it, and FileSize is what the upstream says."""
        for size in (None, str(1 << 62)):
            with self.subTest(size):
                proxy = self.start()
                self.server.wrong = {}
                self.describe(FileHash=None, FileSize=size)
                target = self.nar_target(proxy, self.path)
                self.server.wrong[target] = endless_chunks(zstd_skipped(65_536))
                with self.bounded(proxy):
                    self.assert_not_whole(proxy, target, timeout=MOST_SECONDS)
                self.assertLess(self.server.most_sent, 64 << 20)
                self.assertEqual(proxy.stored_nars(), {})
                proxy.kill9()

    def stops(self, compression: str, body: bytes, why: str) -> None:
        """With a length and without, and nothing but the bytes to tell that it is wrong: no FileSize, no FileHash."""
        for answer in (whole(body), lambda send, _: send(head_of(200, "Connection: close") + body)):
            proxy = self.start()
            self.server.wrong = {}
            self.describe(FileHash=None, FileSize=None, Compression=compression)
            target = self.nar_target(proxy, self.path)
            self.server.wrong[target], self.server.asked = answer, []
            with self.bounded(proxy):
                self.assert_not_whole(proxy, target, timeout=MOST_SECONDS)
            self.assertIn(target, self.server.asked)
            self.assertIn(why, proxy.wait_line("NAR not stored")["error"])
            self.assertEqual(proxy.stored_nars(), {})
            self.assert_serves(proxy, self.other)
            proxy.kill9()

    def test_bombs_stop_at_the_size_of_the_nar(self) -> None:
        """They begin as a NAR does: only its size tells that something is wrong, and the line of the log that this was it."""
        head, size = nar.file_head(4 << 30), int(self.cache.narinfo(self.path)["NarSize"])
        for compression, body in {"xz": lzma.compress(head) + zeros(64 << 20, "xz -1") * 64,
                                  "zstd": zstd(head) + zeros(1 << 30, "zstd -1") * 4,
                                  "bzip2": bz2.compress(head) + bz2.compress(bytes(64 << 20)) * 64,
                                  "gzip": gzip.compress(head) + zeros(64 << 20, "gzip -9") * 16}.items():
            with self.subTest(compression):
                self.assertLess(len(body), size, "its length alone must not be what is refused")
                self.stops(compression, body, f"the NAR is larger than its NarSize {size}")

    def test_what_wants_gigabytes_to_be_unpacked_is_refused(self) -> None:
        xz = bytearray(lzma.compress(b"x"))
        xz[16] = 39  # the dictionary: 3 GiB
        xz[20:24] = zlib.crc32(bytes(xz[12:20])).to_bytes(4, "little")
        too_much = "needs more than 256 MiB of memory"
        for compression, body, why in (("xz", bytes(xz), too_much), ("zstd", zstd_with_window(21), "too much memory"),
                                       ("lzma", b"\x5d\xff\xff\xff\xff" + b"\xff" * 8 + bytes(100), too_much)):
            with self.subTest(compression):
                self.stops(compression, body, why)


class CacheInfos(HostileCase):
    def test_one_that_is_odd_harms_nothing(self) -> None:
        for name, answer in {
                "50 MB": in_pieces(b"StoreDir: /nix/store\n" + b"x" * 50_000_000), "endless": endless_chunks(PIECE),
                "priority": whole(b"StoreDir: /nix/store\nPriority: -99999999999999999999\nPriority: 99999999999\n"),
                "negative": whole(b"StoreDir: /nix/store\nPriority: -5\n"),
                "gzip": whole(gzip.compress(b"StoreDir: /nix/store\nPriority: 7\n"), "Content-Encoding: gzip"),
                "bomb": whole(zeros(256 << 20, "gzip -9"), "Content-Encoding: gzip")}.items():
            with self.subTest(name):
                self.server.wrong, self.server.ended, self.server.most_sent = {"/nix-cache-info": answer}, 0, 0
                proxy = self.start()
                with self.bounded(proxy):
                    self.assert_serves(proxy)
                    eventually(lambda: self.server.ended, f"it was asked for, and given up\n{proxy.tail()}")
                proxy.kill9()
                self.assertLess(self.server.most_sent, MOST_TAKEN)


class Tls(HostileCase):
    def refused_by(self, url: str, **environment: str) -> None:
        proxy = Ncps(self.folder("ncps"), upstreams=[(url, self.cache.key.public)], more=IMPATIENT,
                     environment={"SSL_CERT_FILE": str(authority().file)} | environment)
        self.addCleanup(proxy.kill9)
        proxy.start()
        with self.bounded(proxy):
            said = raw.get(proxy.url, self.target, timeout=MOST_SECONDS)
        self.assertIn(said.status, (502, 504), proxy.tail())
        self.assert_nothing_kept(proxy)
        proxy.kill9()

    def test_what_is_no_tls_is_an_error(self) -> None:
        for name, junk in {"plain": head_of(200), "zeros": bytes(4096), "alert": b"\x15\x03\x03\x00\x02\x02\x28",
                           "hello of 16 KiB": b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(16_380), "nothing": b""}.items():
            with self.subTest(name), socket.create_server(("127.0.0.1", 0)) as listener:
                threading.Thread(target=self._send_junk, args=(listener, junk), daemon=True).start()
                self.refused_by(f"https://localhost:{listener.getsockname()[1]}")

    @staticmethod
    def _send_junk(listener: socket.socket, junk: bytes) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), connection:
                    connection.recv(4096)
                    connection.sendall(junk)

    def test_a_certificate_that_has_expired_or_is_not_valid_yet_is_refused(self) -> None:
        server = Nginx(self.folder("nginx"), self.cache.folder, authority().sign("DNS:localhost"))
        self.addCleanup(server.stop)
        server.start()
        for clock in ("+90d", "-90d"):
            with self.subTest(clock):
                self.refused_by(server.url, **with_clock_off(clock))


if __name__ == "__main__":
    unittest.main()
