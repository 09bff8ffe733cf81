"""Upstreams over TLS: whom we trust, HTTP/2, servers that say goodbye, and the way through a proxy."""
from __future__ import annotations

import base64
import select
import socket
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps
from .lab.nginx import Nginx
from .lab.tls import authority

SYSTEM_FILE, SYSTEM_DIRECTORY = "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs"


class TlsCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()

    def nginx(self, name: str = "DNS:localhost", cache: closure.Cache | None = None, **options) -> Nginx:
        server = Nginx(self.folder("nginx"), (cache or self.cache).folder, authority().sign(name), **options)
        self.addCleanup(server.stop)
        return server.start()

    def before(self, server: Nginx, *more: str, **environment: str | Path) -> Ncps:
        """An ncps whose only upstream that is."""
        proxy = Ncps(self.folder("ncps"), upstreams=[(server.url, self.cache.key.public)], more=more,
                     environment={name: str(value) for name, value in environment.items()})
        self.addCleanup(proxy.kill9)
        return proxy.start()

    def assert_serves(self, proxy: Ncps) -> None:
        for path in self.made.paths:
            self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))


class Trust(TlsCase):
    def assert_refused(self, proxy: Ncps, why: str) -> None:
        answer = raw.get(proxy.url, narinfo_target(self.made.root))
        self.assertIn(answer.status, (502, 504), answer.body)
        proxy.caught_up()
        said = str(proxy.lines)
        self.assertIn(why, said)
        gone = [l for l in proxy.lines if l["message"].startswith("an upstream has failed")]
        self.assertEqual(len(gone), 1, said)
        self.assertIn("localhost", gone[0]["upstream"])

    def test_an_authority_of_the_environment_is_trusted(self) -> None:
        server, other = self.nginx(), authority("other").file
        for environment in ({"SSL_CERT_FILE": authority().file}, {"NIX_SSL_CERT_FILE": authority().file},
                            {"NIX_SSL_CERT_FILE": authority().file, "SSL_CERT_FILE": other},
                            {"SSL_CERT_DIR": authority().directory()},
                            {"SSL_CERT_FILE": SYSTEM_FILE, "SSL_CERT_DIR": authority().directory()},
                            {"SSL_CERT_FILE": authority().file, "SSL_CERT_DIR": SYSTEM_DIRECTORY},
                            {"SSL_CERT_FILE": other, "SSL_CERT_DIR": authority().directory()}):
            with self.subTest(list(environment)):
                self.assert_serves(self.before(server, **environment))

    def test_a_strange_authority_is_refused_and_the_log_says_so(self) -> None:
        server = self.nginx()
        for environment in ({}, {"SSL_CERT_FILE": SYSTEM_FILE, "SSL_CERT_DIR": SYSTEM_DIRECTORY},
                            {"SSL_CERT_FILE": authority("other").file}, {"SSL_CERT_DIR": "/nonexistent"},
                            {"NIX_SSL_CERT_FILE": authority("other").file, "SSL_CERT_FILE": authority().file}):
            with self.subTest(environment):
                self.assert_refused(self.before(server, **environment), "certificate")
        self.assertEqual(server.log(), [], "nothing was asked over such a connection")

    def test_the_certificate_of_another_host_is_refused(self) -> None:
        server = self.nginx("DNS:elsewhere.example")
        self.assert_refused(self.before(server, SSL_CERT_FILE=authority().file), "localhost")

    def test_a_file_that_is_not_there_is_named(self) -> None:
        self.assert_refused(self.before(self.nginx(), SSL_CERT_FILE="/nonexistent.pem"), "/nonexistent.pem")


class Http2(TlsCase):
    def test_is_spoken_where_the_server_can_and_else_it_is_http_1(self) -> None:
        for http2, protocol in ((True, "HTTP/2.0"), (False, "HTTP/1.1")):
            server = self.nginx(http2=http2)
            self.assert_serves(self.before(server, SSL_CERT_FILE=authority().file))
            self.assertEqual({entry[0] for entry in server.log()}, {protocol})

    def test_large_bodies_that_come_faster_than_they_are_taken_arrive_whole(self) -> None:
        made = closure.many(6, 30_000_000)
        cache = made.cache("none")
        server = self.nginx(cache=cache)
        proxy = self.before(server, "--cache-prefetch=off", SSL_CERT_FILE=authority().file)
        targets = {self.nar_target(proxy, path): path for path in made.paths}
        streams = [raw.Stream(proxy.url, target, timeout=60).start() for target in targets]
        for stream in streams:
            stream.join()
            self.assertEqual((stream.status, stream.ending), (200, raw.COMPLETE), proxy.tail())
        for target in targets:
            proxy.wait_stored(target.rpartition("/")[2], within=60)
        self.assertEqual({entry[0] for entry in server.log()}, {"HTTP/2.0"})
        self.assertEqual(proxy.count_lines("a download broke, going on"), 0, proxy.tail())

    def test_a_server_that_says_goodbye_again_and_again_is_served_from_without_an_error(self) -> None:
        """GOAWAY after each third request, and from all connections at reloads in the middle of it."""
        made = closure.many(120, 60_000)
        cache = made.cache()
        server = self.nginx(cache=cache, requests=3)
        proxy = self.before(server, SSL_CERT_FILE=authority().file)

        def fetch(path: str) -> None:
            narinfo = raw.get(proxy.url, narinfo_target(path), timeout=60)
            self.assertEqual((narinfo.status, narinfo.ending), (200, raw.COMPLETE), f"{narinfo.body!r}\n{proxy.tail()}")
            url = closure.parse_narinfo(narinfo.body.decode())["URL"]
            self.assert_whole(raw.get(proxy.url, f"/{url}", timeout=60), cache.nar_bytes(path))

        with ThreadPoolExecutor(24) as pool:
            running = [pool.submit(fetch, path) for path in made.paths]
            for quarter in range(3):
                running[(quarter + 1) * len(running) // 4].result(60)
                server.reload()
            for each in running:
                each.result(120)
        self.assertEqual({entry[0] for entry in server.log()}, {"HTTP/2.0"})
        self.assertGreater(len({entry[1] for entry in server.log()}), 40, "it did say goodbye")


class Tunnel(threading.Thread):
    """A proxy that does CONNECT and nothing else."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heads: list[str] = []
        self.start()

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(4096)
                if not piece:
                    return
                head += piece
            self.heads.append(head.decode())
            host, _, port = head.split()[1].decode().rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                ends = {client: server, server: client}
                while True:
                    for ready in select.select(list(ends), [], [])[0]:
                        piece = ready.recv(65536)
                        if not piece:
                            return
                        ends[ready].sendall(piece)


class ThroughAProxy(TlsCase):
    PASSWORD = "p4ss-gEhe1m"

    def test_a_tunnel_is_dug_and_its_password_is_nowhere_to_be_read(self) -> None:
        tunnel, server = Tunnel(), self.nginx()
        self.addCleanup(tunnel.listener.close)
        proxy = self.before(server, SSL_CERT_FILE=authority().file, LOG_LEVEL="trace",
                            https_proxy=f"http://me:{self.PASSWORD}@127.0.0.1:{tunnel.port}")
        self.assert_serves(proxy)
        sent = base64.b64encode(f"me:{self.PASSWORD}".encode()).decode()
        self.assertTrue(tunnel.heads)
        for head in tunnel.heads:
            self.assertIn(f"CONNECT localhost:{server.port} ", head)
            self.assertIn(f"Basic {sent}", head)
        proxy.stop()
        self.assertNotIn(self.PASSWORD, str(proxy.lines))

    def test_a_proxy_that_is_none_is_an_error_without_its_password(self) -> None:
        server = self.nginx()
        proxy = self.before(server, SSL_CERT_FILE=authority().file,
                            https_proxy=f"http://me:{self.PASSWORD}@no such host:1")
        answer = raw.get(proxy.url, narinfo_target(self.made.root))
        self.assertEqual(answer.status, 502)
        proxy.stop()
        self.assertNotIn(self.PASSWORD, str(proxy.lines) + str(answer.body))
        self.assertIn("proxy of the environment", str(proxy.lines))

    def test_a_host_of_no_proxy_is_asked_directly(self) -> None:
        tunnel = Tunnel()
        self.addCleanup(tunnel.listener.close)
        proxy = self.before(self.nginx(), SSL_CERT_FILE=authority().file, no_proxy="localhost",
                            https_proxy=f"http://127.0.0.1:{tunnel.port}")
        self.assert_serves(proxy)
        self.assertEqual(tunnel.heads, [])


if __name__ == "__main__":
    unittest.main()
