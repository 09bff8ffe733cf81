"""Proxies before us that say whose request they pass on: a real haproxy, by PROXY headers and by X-Forwarded-For."""
from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import unittest

from .lab import closure, raw
from .lab.case import LabCase
from .lab.http2 import curl
from .lab.ncps import Ncps, leave_with_parent
from .lab.ports import free_port
from .lab.systemd import hand_over
from .lab.tls import authority
from .lab.waiting import eventually

CONFIGURATION = """
global
  maxconn 1000
defaults
  mode {mode}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout check 3s
listen one
  bind 127.0.0.1:{port}
  {more}
  server ncps {server} {how}
"""


class Behind(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache("xz")
        self.up = self.upstream(self.cache)

    def server(self, *more: str, **options) -> Ncps:
        return self.ncps((self.up, self.cache), more=more, **options)

    def haproxy(self, server: str, how: str, mode: str = "tcp", more: str = "", tls: bool = False) -> str:
        """haproxy before that server; its URL. `tls`: what it passes on is TLS."""
        port = free_port()
        file = self.folder("haproxy") / "haproxy.cfg"
        file.write_text(CONFIGURATION.format(port=port, server=server, how=how, mode=mode, more=more))
        process = subprocess.Popen(["haproxy", "-db", "-f", str(file)], preexec_fn=leave_with_parent,
                                   env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        def listens() -> bool:
            self.assertIsNone(process.poll())
            try:
                return raw.get(url, "/healthz", timeout=60).status == 200
            except (OSError, raw.Ended):
                return False
        eventually(listens, "haproxy passes on", 60)
        return url

    def get_from(self, source: str, url: str, target: str, headers: bytes = b"") -> bytes:
        """All that comes back for one request from that address."""
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 60, (source, 0)) as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode() + headers + b"\r\n")
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        return answer

    def assert_client(self, server: Ncps, target: str, client: str) -> None:
        self.assertEqual(server.wait_line("handled request", request_uri=target)["from"], client, server.tail())


class ProxyHeaders(Behind):
    def test_of_both_versions_name_the_client(self) -> None:
        server = self.server("--server-proxy-protocol-from=127.0.0.1")
        address = server.url.removeprefix("http://")
        for number, how in enumerate(("send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id,crc32c",
                                      "send-proxy check inter 100ms", "send-proxy-v2 check inter 100ms")):
            with self.subTest(how):
                url = self.haproxy(address, how)
                target = f"/nothing-{number}"
                self.assertTrue(self.get_from("127.0.0.2", url, target).startswith(b"HTTP/1.1 404 "))
                self.assert_client(server, target, "127.0.0.2")
        nar = self.nar_target_through(url)
        self.assert_whole(raw.get(url, nar), self.cache.nar_bytes(self.made.root))
        self.assertEqual(server.count_lines("a connection that must begin with a PROXY header did not: closed"), 0)

    def nar_target_through(self, url: str) -> str:
        answer = raw.get(url, f"/{closure.hash_of(self.made.root)}.narinfo")
        self.assertEqual(answer.status, 200)
        return "/" + closure.parse_narinfo(answer.body.decode())["URL"]

    def test_are_needed_from_there_and_from_nobody_else(self) -> None:
        server = self.server("--server-proxy-protocol-from=127.0.0.3,10.0.0.0/8")
        self.assertEqual(raw.get(server.url, "/healthz").status, 200)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = self.get_from("127.0.0.3", server.url, "/without")
        self.assertEqual(answer, b"")
        line = server.wait_line("a connection that must begin with a PROXY header did not: closed")
        self.assertEqual((line["from"], line["error"]), ("127.0.0.3", "there is none"))
        with raw.Connection(server.url) as connection:
            connection.send(b"PROXY TCP4 6.6.6.6 7.7.7.7 1 1\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(connection.read_answer().status, 400)

    def test_come_before_tls(self) -> None:
        made = authority().sign("DNS:localhost,IP:127.0.0.1", "behind a proxy")
        server = self.server("--server-proxy-protocol-from=127.0.0.1", f"--server-tls-cert={made.file}",
                             f"--server-tls-key={made.key}")
        for number, how in enumerate(("send-proxy", "send-proxy-v2")):
            with self.subTest(how):
                url = self.haproxy(server.url.removeprefix("https://"), how, tls=True)
                for protocol, spoken in (("--http1.1", b"HTTP/1.1"), ("--http2", b"HTTP/2")):
                    target = f"/nothing-{number}-{protocol}"
                    said = curl("--interface", "127.0.0.2", "--cacert", str(authority().file), protocol, "--include",
                                url + target)
                    self.assertTrue(said.stdout.startswith(spoken + b" 404"), said)
                    self.assert_client(server, target, "127.0.0.2")
        # Without one the handshake does not even begin.
        said = curl("--cacert", str(authority().file), server.url + "/without")
        self.assertEqual((said.returncode != 0, said.stdout), (True, b""))
        line = server.wait_line("a connection that must begin with a PROXY header did not: closed")
        self.assertEqual((line["from"], line["error"]), ("127.0.0.1", "there is none"))

    def test_that_do_not_come_are_waited_for_as_long_as_is_said(self) -> None:
        impatient = self.server("--server-proxy-protocol-from=127.0.0.1", "--server-proxy-header-timeout=1s")
        patient = self.server("--server-proxy-protocol-from=127.0.0.1", "--server-proxy-header-timeout=1h")
        with self.connected(patient) as later, self.connected(impatient) as first:
            ready, _, _ = select.select([first, later], [], [], 60)
            self.assertEqual(ready, [first])

    def connected(self, server: Ncps) -> socket.socket:
        host, port = server.url.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), 60)

    def test_on_a_unix_socket(self) -> None:
        path = self.home / "ncps.sock"
        server = self.server("--server-proxy-protocol-from=unix", address=f"unix:{path}")
        url = self.haproxy(f"unix@{path}", "send-proxy-v2")
        self.get_from("127.0.0.2", url, "/nothing")
        self.assert_client(server, "/nothing", "127.0.0.2")

    def test_on_a_socket_that_systemd_hands_over(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            server = self.server("--server-proxy-protocol-from=127.0.0.1", **hand_over(listening))
            url = self.haproxy(f"127.0.0.1:{port}", "send-proxy")
            self.get_from("127.0.0.2", url, "/nothing")
            self.assert_client(server, "/nothing", "127.0.0.2")

    def test_guesses_of_tokens_count_against_the_client_not_the_proxy(self) -> None:
        server = self.server("--server-proxy-protocol-from=127.0.0.1", "--cache-get-token=a-very-secret-token")
        url = self.haproxy(server.url.removeprefix("http://"), "send-proxy")
        wrong = b"Authorization: Bearer wrong\r\n"
        statuses = {self.get_from("127.0.0.2", url, "/x", wrong)[9:12] for _ in range(40)}
        self.assertEqual(statuses, {b"401", b"429"})
        self.assertEqual(self.get_from("127.0.0.3", url, "/x", wrong)[9:12], b"401")


class Forwarded(Behind):
    def test_by_a_trusted_proxy_names_the_client_whatever_the_client_says(self) -> None:
        server = self.server("--server-trusted-proxies=127.0.0.1", "--server-max-connections-per-client=1")
        url = self.haproxy(server.url.removeprefix("http://"), "", "http", "option forwardfor")
        self.get_from("127.0.0.2", url, "/one")
        self.assert_client(server, "/one", "127.0.0.2")
        self.get_from("127.0.0.2", url, "/two", b"X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n")
        self.assert_client(server, "/two", "127.0.0.2")

    def test_by_anybody_else_is_ignored(self) -> None:
        server = self.server("--server-trusted-proxies=127.0.0.9")
        self.get_from("127.0.0.2", server.url, "/one", b"X-Forwarded-For: 6.6.6.6\r\n")
        self.assert_client(server, "/one", "127.0.0.2")

    def test_in_the_header_that_the_proxy_writes(self) -> None:
        server = self.server("--server-trusted-proxies=127.0.0.1", "--server-forwarded-header=Forwarded")
        url = self.haproxy(server.url.removeprefix("http://"), "", "http",
                           "http-request add-header Forwarded for=%[src];proto=http")
        self.get_from("127.0.0.2", url, "/one", b"Forwarded: for=\"6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n")
        self.assert_client(server, "/one", "127.0.0.2")

    def test_on_a_unix_socket(self) -> None:
        path = self.home / "ncps.sock"
        server = self.server("--server-trusted-proxies=unix", address=f"unix:{path}")
        url = self.haproxy(f"unix@{path}", "", "http", "option forwardfor")
        self.get_from("127.0.0.2", url, "/one")
        self.assert_client(server, "/one", "127.0.0.2")


if __name__ == "__main__":
    unittest.main()
