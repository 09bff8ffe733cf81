"""Upstreams that mean harm, by their heads, their narinfos, and where they lead us (bodies: test_hostile_bodies).

Each time: the right status, never 404; bounded memory and disk; nothing kept; and what is asked for next works.
"""
from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import subprocess
import time
import unittest
from typing import Iterator

from .lab import raw
from .lab.hostile import Answer, Hostile, endless, endless_chunks, endless_until_close, head_of, in_pieces, redirect, whole, zstd_with_window
from .lab.hostile_case import MOST_SECONDS, MOST_TAKEN, PIECE, HostileCase, zeros
from .lab.ncps import Ncps
from .lab.waiting import eventually


class Heads(HostileCase):
    def test_heads_without_end_are_given_up(self) -> None:
        lines = (f"X-{i}: {'y' * 1000}\r\n".encode() for i in itertools.count())

        def many_lines(send, _) -> None:
            send(b"HTTP/1.1 200 OK\r\n")
            for line in lines:
                send(line)

        self.refuse_each({
            "one line of status": endless(b"HTTP/1.1 200 ", PIECE), "one header": endless(b"HTTP/1.1 200 OK\r\nX: ", PIECE),
            "many headers": many_lines, "not HTTP": endless(b"", PIECE), "zeros": endless(b"", bytes(65_536)),
            "early hints": endless(b"", head_of(103, "Link: </x>")), "continue": endless(b"", head_of(100)),
            "trailers": endless(head_of(200, "Transfer-Encoding: chunked") + b"0\r\n", b"X: y\r\n"),
            "a chunk's line": endless(head_of(200, "Transfer-Encoding: chunked") + b"5;", PIECE)})

    def test_heads_that_drip_gain_no_time(self) -> None:
        def drip(piece: bytes) -> Answer:
            def answer(send, _) -> None:
                send(b"HTTP/1.1 103 Hints\r\n\r\n")
                while True:
                    send(piece)
                    time.sleep(0.1)
            return answer
        self.refuse_each({"a header": drip(b"X: y\r\n"), "hints": drip(b"HTTP/1.1 103 Hints\r\n\r\n"), "bytes": drip(b"y")})

    def test_lengths_that_lie_are_errors(self) -> None:
        text = (self.cache.folder / self.target[1:]).read_bytes()
        self.refuse_each({
            "two": whole(text, f"Content-Length: {len(text) - 20}"), "negative": lambda send, _: send(head_of(200, "Content-Length: -1") + text),
            "too long": lambda send, _: send(head_of(200, f"Content-Length: {1 << 62}") + text),
            "larger than any": lambda send, _: send(head_of(200, f"Content-Length: {1 << 70}") + text),
            "chunk too long": lambda send, _: send(head_of(200, "Transfer-Encoding: chunked") + b"ffffffffffffffffff\r\n" + text),
            "chunk negative": lambda send, _: send(head_of(200, "Transfer-Encoding: chunked") + b"-5\r\n" + text)})


class NarInfos(HostileCase):
    def test_bombs_are_refused(self) -> None:
        text = (self.cache.folder / self.target[1:]).read_bytes()
        reference = b" " + self.other.removeprefix("/nix/store/").encode()
        self.refuse_each({
            "50 MB": in_pieces(text + b"X: " + b"x" * 50_000_000),
            "a million references": in_pieces(text + b"References:" + reference * 1_000_000),
            "without end": endless_chunks(text), "without end, to the close": endless_until_close(text)}, most_sent=MOST_TAKEN)

    def test_encodings_that_are_bombs_are_refused(self) -> None:
        self.refuse_each({
            "gzip": whole(zeros(256 << 20, "gzip -9"), "Content-Encoding: gzip"),
            "gzip of gzip": whole(gzip.compress(zeros(256 << 20, "gzip -9")), "Content-Encoding: gzip, gzip"),
            "zstd": whole(zeros(1 << 30, "zstd -19"), "Content-Encoding: zstd"),
            "zstd window": whole(zstd_with_window(21), "Content-Encoding: zstd"),
            "gzip without end": endless_chunks(gzip.compress(PIECE), "Content-Encoding: gzip"),
            "fifty times": whole(b"x", "Content-Encoding: " + ", ".join(["gzip"] * 50))})

    def test_what_signs_nothing_is_not_signed(self) -> None:
        """Fields with line breaks of other kinds, NULs, and a second StorePath: nothing of it gets our signature."""
        text = (self.cache.folder / self.target[1:]).read_text()
        size = self.cache.narinfo(self.path)["NarSize"]
        proxy = self.start()
        for body in (text.replace(f"NarSize: {size}", f"NarSize: {1 << 63}"), text.replace(f"NarSize: {size}", "NarSize: -1"),
                     text + f"StorePath: {self.other}\n", text.replace("\n", "\0"), text.replace("StorePath: /nix", "StorePath: /../nix"),
                     text.replace("\n", "\u2028")):
            self.server.wrong = {self.target: whole(body.encode())}
            said = raw.get(proxy.url, self.target, timeout=MOST_SECONDS)
            self.assertNotEqual(said.status, 200, said.body)
            self.assert_nothing_kept(proxy)
        self.server.wrong = {}
        self.assert_serves(proxy)


class Elsewhere(HostileCase):
    def test_redirects_without_end_are_given_up(self) -> None:
        counter = itertools.count()
        self.refuse_each({"to itself": redirect(self.target),
                          "to ever others": lambda send, _: redirect(f"/{next(counter)}{self.target}")(send, _)},
                         most_asked=4 * 11)  # four attempts, each with ten redirects

    def test_no_other_scheme_is_followed(self) -> None:
        secret = self.home / "secret"
        secret.write_bytes((self.cache.folder / self.target[1:]).read_bytes())
        self.refuse_each({scheme: redirect(where) for scheme, where in {
            "file": f"file://{secret}", "file of localhost": f"file://localhost{secret}", "ftp": f"ftp://127.0.0.1:{self.server.port}/x",
            "gopher": f"gopher://127.0.0.1:{self.server.port}/x", "unix": "unix:///run/x", "nothing": "", "no host": "http://"}.items()})

    def test_the_metadata_of_a_cloud_is_not_asked(self) -> None:
        proxy = self.start("--cache-upstream-redirects=public")
        for where in ("http://169.254.169.254/latest", "http://[fe80::1]/x", "http://2852039166/x", "http://0xa9.0xfe.0xa9.0xfe/x"):
            self.refuse_narinfo(proxy, redirect(where))
        self.assert_serves(proxy)

    def test_another_host_is_followed_or_not_as_the_option_says(self) -> None:
        elsewhere = self.hostile("127.0.0.2")
        for option, good in (("any", True), ("public", True), ("same-host", False)):
            with self.subTest(option):
                proxy = self.start(f"--cache-upstream-redirects={option}")
                answer = redirect(elsewhere.url + self.target)
                if good:
                    self.server.wrong = {self.target: answer}
                    self.assertEqual(raw.get(proxy.url, self.target).status, 200, proxy.tail())
                    continue
                self.refuse_narinfo(proxy, answer)
                eventually(lambda: "leads to another host" in str(proxy.lines), "the log says why")
                self.assert_serves(proxy)

    @contextlib.contextmanager
    def public_address(self) -> Iterator[str]:
        """One that is none of ours to any program: of a network for documentation, on lo for a moment."""
        address = f"203.0.113.{os.getpid() % 250 + 1}"
        subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
        try:
            yield address
        finally:
            subprocess.run(["ip", "addr", "del", f"{address}/32", "dev", "lo"], check=True)

    def test_from_the_internet_nothing_leads_to_our_own_network(self) -> None:
        inside = self.hostile()
        with self.public_address() as address:
            self.server = self.hostile(address)
            named = f"http://localhost:{inside.port}"
            for option, good in (("public", False), ("any", True)):
                proxy = self.start(f"--cache-upstream-redirects={option}")
                for host in (inside.url, named, f"http://[::ffff:127.0.0.1]:{inside.port}"):
                    with self.subTest(option=option, host=host):
                        inside.wrong = {self.target: whole((self.cache.folder / self.target[1:]).read_bytes())}
                        inside.asked.clear()
                        if not good:
                            self.refuse_narinfo(proxy, redirect(host + self.target))
                            self.assertEqual(inside.asked, [], "not a byte was sent")
                            eventually(lambda: "not of the internet" in str(proxy.lines), "the log says why")
                        elif "ffff" not in host:
                            self.server.wrong = {self.target: redirect(host + self.target)}
                            self.assertEqual(raw.get(proxy.url, self.target).status, 200, proxy.tail())
                            break
                if not good:
                    self.nar_url_leads_nowhere(proxy, inside)
                    self.assert_serves(proxy, self.other)

    def nar_url_leads_nowhere(self, proxy: Ncps, inside: Hostile) -> None:
        """A narinfo's URL is covered by no signature either."""
        text = (self.cache.folder / self.target[1:]).read_text()
        url = self.cache.nar_url(self.path)[1:]
        self.assertIn(f"URL: {url}\n", text)
        inside.wrong, inside.asked = {url: whole(b"never sent")}, []
        self.server.wrong = {self.target: whole(text.replace(f"URL: {url}", f"URL: {inside.url}/{url}").encode())}
        self.assert_not_whole(proxy, self.nar_target(proxy, self.path), timeout=MOST_SECONDS)
        self.assertEqual(inside.asked, [])
        self.server.wrong = {}


if __name__ == "__main__":
    unittest.main()
