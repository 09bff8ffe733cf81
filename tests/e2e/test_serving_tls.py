"""TLS on the listening side: real clients, versions, client certificates, new certificates under load, mistakes."""
from __future__ import annotations

import hashlib
import re
import shutil
import socket
import ssl
import subprocess
import threading
import unittest
from pathlib import Path

from .lab import closure, nar, raw
from .lab.case import LabCase, narinfo_target
from .lab.closure import file_of_random_bytes, file_of_text, make_closure, signing_key
from .lab.database import OneDatabase
from .lab.faults import Gate
from .lab.ncps import Ncps, run_ncps
from .lab.postgres import Postgres
from .lab.redis import RedisServer
from .lab.systemd import hand_over
from .lab.tls import Certificate, authority
from .lab.waiting import eventually

OURS = "DNS:localhost,IP:127.0.0.1"


class ServingTls(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.origin = self.upstream(self.cache)
        folder = self.folder("tls")
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self.install(authority().sign(OURS, "first"))

    def install(self, made: Certificate) -> None:
        shutil.copy(made.file, self.cert)
        shutil.copy(made.key, self.key)

    @property
    def options(self) -> list[str]:
        return [f"--server-tls-cert={self.cert}", f"--server-tls-key={self.key}"]

    def server(self, *more: str, **options) -> Ncps:
        return self.ncps((self.origin, self.cache), more=[*self.options, *more], **options)

    def curl(self, url: str, *more: str | Path, trusted: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30", "--include",
                               "--cacert", str(trusted or authority().file), *map(str, more), url],
                              capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=60)

    def status(self, url: str, *more: str | Path) -> int:
        """0: no answer at all."""
        return int(self.curl(url, "--write-out", "\n%{http_code}", *more).stdout.rpartition("\n")[2])

    def s_client(self, proxy: Ncps, *more: str) -> str:
        run = subprocess.run(["openssl", "s_client", "-connect", proxy.url.removeprefix("https://"), "-CAfile",
                              str(authority().file), "-cipher", "ALL:@SECLEVEL=0", *more], input="", text=True,
                             capture_output=True, timeout=60)
        return run.stdout + run.stderr

    def serial(self, proxy: Ncps) -> bytes:
        host, _, port = proxy.url.removeprefix("https://").rpartition(":")
        return hashlib.sha256(ssl.get_server_certificate((host, int(port)), timeout=60).encode()).digest()


class Clients(ServingTls):
    def test_nix_copies_from_it_and_to_it(self) -> None:
        proxy = self.server("--cache-allow-put-verb")
        self.assertTrue(proxy.url.startswith("https://"))
        client = self.client(self.cache.key.public)
        self.assertNotEqual(client.try_copy(proxy.url, self.made.root).returncode, 0, "it does not trust us yet")
        client.certificates = authority().file
        client.copy(proxy.url, self.made.root)
        client.verify(self.made.root)

        name = "over-tls"
        sent = make_closure(name, [("lib", file_of_random_bytes(name, 3_000_000), []),
                                   ("app", file_of_text(name), [0])])
        key = signing_key("over-tls-1")
        client.check("nix", "store", "sign", "--store", str(sent.store), "--key-file", str(key.secret_file),
                     "--recursive", *sent.paths)
        client.check("nix", "copy", "--from", str(sent.store), "--to", proxy.url, "--no-check-sigs", *sent.paths)
        taker = self.client(key.public)
        taker.certificates = authority().file
        taker.copy(proxy.url, sent.root)
        for path in sent.paths:
            self.assertEqual(taker.nar_hash(path), nar.hash_and_size(sent.store / path.lstrip("/"))[0])

    def test_ranges_heads_and_old_http(self) -> None:
        proxy = self.server()
        target = self.nar_target(proxy, self.made.root)
        body = self.cache.nar_bytes(self.made.root)
        with raw.Connection(proxy.url) as connection:
            whole = connection.ask("GET", target)
            self.assertTrue(whole.body == body and whole.ending == raw.COMPLETE)
            part = connection.ask("GET", target, {"Range": "bytes=10-19"})
            self.assertEqual((part.status, part.body), (206, body[10:20]))
            self.assertEqual(connection.ask("HEAD", target).get("Content-Length"), str(len(body)))
        for asked, spoken in (("--http1.0", "HTTP/1.1 200"), ("--http1.1", "HTTP/1.1 200"), ("--http2", "HTTP/2 200"),
                              ("--tlsv1.3", "HTTP/2 200")):
            self.assertTrue(self.curl(f"{proxy.url}/nix-cache-info", asked).stdout.startswith(spoken), asked)

    def test_the_front_page_names_itself_as_it_was_asked(self) -> None:
        proxy = self.server()
        for version in ("--http1.1", "--http2"):
            page = self.curl(proxy.url + "/", version, "--header", "Accept: text/html").stdout
            self.assertIn(f"extra-substituters = {proxy.url}\n", page, version)
            self.assertNotIn(proxy.url.replace("https:", "http:"), page, version)

    def test_plain_http_is_told_what_to_do(self) -> None:
        proxy = self.server()
        answer = self.curl(proxy.url.replace("https:", "http:") + "/nix-cache-info").stdout
        self.assertIn(" 400 ", answer)
        self.assertIn("https://", answer)
        proxy.wait_line("plain HTTP came to a port that speaks TLS", within=60, level="warn")

    def test_the_health_check_of_the_image_knows_tls(self) -> None:
        check = Path(__file__).parents[2] / "packaging/docker/healthcheck"
        proxy = self.server(f"--server-tls-client-ca={authority('people').file}")
        for tls, status in ((str(self.cert), 0), ("", 1)):
            run = subprocess.run(["bash", str(check)], timeout=60, capture_output=True, text=True, env={
                "PATH": "/usr/bin:/bin", "SERVER_ADDR": proxy.url.removeprefix("https://"), "SERVER_TLS_CERT": tls,
                "NCPS_COMMAND_LINE": "/dev/null"})
            self.assertEqual(run.returncode, status, run.stderr)

    def test_versions_and_protocols(self) -> None:
        proxy = self.server()
        for flag in ("-tls1", "-tls1_1"):
            self.assertIn("alert protocol version", self.s_client(proxy, flag), flag)
        for flag, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            said = self.s_client(proxy, flag, "-alpn", "h2,http/1.1")
            self.assertRegex(said, rf"New, {name}, Cipher is \S+(GCM|POLY1305)", flag)
            self.assertIn("Verify return code: 0 (ok)", said)
        self.assertIn("no application protocol", self.s_client(proxy, "-alpn", "imap"))

    def test_a_transfer_that_breaks_is_seen_to(self) -> None:
        proxy, target = self.server(), self.cache.nar_url(self.made.root)
        self.origin.fault(target, flip_at=100)
        self.assert_not_whole(proxy, target)

    def test_a_client_with_time_does_not_hold_up_others(self) -> None:
        big = closure.single(32)
        cache = big.cache("none")
        origin = self.upstream(cache)
        proxy = self.ncps((origin, cache), more=self.options)
        target = self.nar_target(proxy, big.root)
        self.assertEqual(raw.get(proxy.url, target, timeout=60).status, 200)
        slow = [raw.Connection(proxy.url, timeout=60, receive_buffer=4096) for _ in range(8)]
        for connection in slow:
            self.addCleanup(connection.socket.close)
            connection.request("GET", target)
        for _ in range(20):
            self.assertEqual(raw.get(proxy.url, narinfo_target(big.root)).status, 200)
        quick = raw.Stream(proxy.url, target).start().join(60)
        self.assertEqual((quick.status, quick.ending), (200, raw.COMPLETE))


class HandedOver(ServingTls):
    """Sockets that systemd has bound."""

    def test_a_tcp_socket_speaks_tls(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            proxy = self.server(address="192.0.2.1:1", **hand_over(listening))
            self.assertEqual(proxy.url, "https://%s:%d" % listening.getsockname())
        self.assertEqual(self.status(f"{proxy.url}/nix-cache-info"), 200)
        self.assertIn(" 400 ", self.curl(proxy.url.replace("https:", "http:") + "/nix-cache-info").stdout)
        client = self.client(proxy.pubkey())
        client.certificates = authority().file
        client.copy(proxy.url, self.made.root)
        client.verify(self.made.root)

    def test_a_unix_socket_is_refused(self) -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(self.home / "s"))
            listening.listen()
            proxy = self.ncps_before_start((self.origin, self.cache), more=self.options, **hand_over(listening))
            self.assertNotEqual(proxy.start(wait=False).wait(), 0)
        self.assertIn("Unix", proxy.stderr())


class ClientCertificates(ServingTls):
    def setUp(self) -> None:
        super().setUp()
        self.people = authority("people")
        self.ask = f"--server-tls-client-ca={self.people.file}"

    def shown(self, name: str, by: str = "people") -> list[str | Path]:
        made = authority(by).sign(f"DNS:{name}.example", name)
        return ["--cert", made.file, "--key", made.key]

    def test_are_required_but_for_health(self) -> None:
        proxy = self.server(self.ask)
        self.assertEqual(self.status(f"{proxy.url}/nix-cache-info"), 403)
        self.assertIn("client certificate", self.curl(f"{proxy.url}/nix-cache-info").stdout)
        self.assertEqual(self.status(f"{proxy.url}/healthz"), 200)
        self.assertEqual(self.status(f"{proxy.url}/nix-cache-info", *self.shown("ci")), 200)
        self.assertEqual(self.status(f"{proxy.url}/nix-cache-info", *self.shown("ci", by="strangers")), 0)

    def test_are_worth_what_the_file_of_tokens_says_and_the_audit_names_them(self) -> None:
        tokens = self.folder("tokens") / "tokens"
        tokens.write_text("builders write cert:ci.example\nreaders read cert:bob\n")
        proxy = self.server(self.ask, "--server-tls-client-auth=optional", "--cache-allow-put-verb",
                            f"--cache-token-file={tokens}")
        info = f"{proxy.url}/nix-cache-info"
        self.assertEqual([self.status(info), self.status(info, *self.shown("eve")), self.status(info, *self.shown("bob")),
                          self.status(info, *self.shown("ci"))], [401, 401, 200, 200])
        log = proxy.url + "/log/" + closure.hash_of(self.made.root) + "-x.drv"
        body = self.home / "log"
        body.write_text("built\n")
        put = lambda *who: self.status(log, "--upload-file", body, *who)
        self.assertEqual([put(), put(*self.shown("bob")), put(*self.shown("ci"))], [401, 403, 204])
        for action, token, status in (("refused", "", 401), ("refused", "readers", 403), ("upload", "builders", 204)):
            proxy.wait_line("audit", within=60, action=action, token=token, status=status)
        # Taking the line away takes the right away, on the next request.
        tokens.write_text("readers read cert:bob\nothers write cert:nobody\n")
        proxy.reload()
        self.assertEqual([put(*self.shown("ci")), put(*self.shown("bob"))], [401, 403])
        proxy.wait_line("audit", within=60, action="refused", token="cert:ci.example")

    def test_another_authority_counts_after_a_reload(self) -> None:
        authorities = self.folder("authorities") / "ca.pem"
        shutil.copy(self.people.file, authorities)
        proxy = self.server(f"--server-tls-client-ca={authorities}")

        def statuses() -> list[int]:
            return [self.status(f"{proxy.url}/nix-cache-info", *self.shown("ci", by)) for by in ("people", "strangers")]
        self.assertEqual(statuses(), [200, 0])
        shutil.copy(authority("strangers").file, authorities)
        proxy.reload()
        self.assertEqual(statuses(), [0, 200])
        # What is no authority leaves the last one in force: nobody is let in by a mistake, and nobody shut out.
        for broken in (b"", b"no certificate\n", authorities.read_bytes()[:200]):
            authorities.write_bytes(broken)
            proxy.reload(mistakes=1)
            self.assertEqual(statuses(), [0, 200], broken)
        shutil.copy(self.people.file, authorities)
        proxy.reload()
        self.assertEqual(statuses(), [200, 0])


class Reload(ServingTls):
    def test_a_metric_says_when_the_certificate_expires(self) -> None:
        proxy = self.server("--prometheus-enabled=true")
        for days in (30, 5):
            self.install(authority().sign(OURS, days=days))
            proxy.reload()
            told = float(re.search(r"^ncps_tls_certificate_expires_timestamp_seconds (\S+)$",
                                   raw.get(proxy.url, "/metrics").body.decode(), re.MULTILINE)[1])
            end = subprocess.run(["openssl", "x509", "-in", self.cert, "-noout", "-enddate"], check=True, capture_output=True, text=True)
            self.assertEqual(told, ssl.cert_time_to_seconds(end.stdout.strip().removeprefix("notAfter=")))

    def test_another_certificate_under_load_fails_no_request(self) -> None:
        proxy = self.server()
        first = self.serial(proxy)
        self.narinfo_of(proxy, self.made.root)
        stop, errors, asked = threading.Event(), [], []

        def ask(keep: bool) -> None:
            try:
                connection = raw.Connection(proxy.url)
                while not stop.is_set():
                    answer = connection.ask("GET", narinfo_target(self.made.root))
                    assert (answer.status, answer.ending) == (200, raw.COMPLETE), answer
                    asked.append(keep)
                    if not keep:
                        connection.socket.close()
                        connection = raw.Connection(proxy.url)
                connection.socket.close()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=ask, args=(number % 2 == 0,), daemon=True) for number in range(4)]
        for thread in threads:
            thread.start()
        for number in range(6):
            seen = len(asked)
            self.install(authority().sign(OURS, ("second", "first")[number % 2]))
            proxy.reload()
            eventually(lambda: errors or len(asked) > seen + 20, "requests go on", 60)
        self.install(authority().sign(OURS, "second"))
        proxy.reload()
        self.assertNotEqual(self.serial(proxy), first)
        stop.set()
        for thread in threads:
            thread.join(90)
        self.assertEqual(errors, [])
        self.assertEqual({True, False}, set(asked))

    def test_what_is_wrong_leaves_the_old_one_in_force(self) -> None:
        proxy = self.server()
        first = self.serial(proxy)
        good = self.cert.read_bytes()
        for text in (b"", good[:200], authority().sign(OURS, "second").file.read_bytes()):
            self.cert.write_bytes(text)
            before = proxy.count_lines("wrong option, the old ones stay in force")
            proxy.reload(mistakes=1)
            self.assertEqual(proxy.count_lines("wrong option, the old ones stay in force"), before + 1, proxy.tail())
            self.assertEqual(self.serial(proxy), first)
        self.cert.write_bytes(good)
        proxy.reload()
        self.assertEqual(self.serial(proxy), first)

    def test_a_certificate_that_has_expired_is_warned_of_and_used(self) -> None:
        self.install(authority().sign(OURS, "over", days=-1))
        expired = r"--server-tls-cert: the certificate of localhost has expired, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
        proxy = self.server()
        self.assertEqual(len([l for l in proxy.lines if l["level"] == "warn" and re.search(expired, l["message"])]), 1, proxy.tail())
        self.assertEqual(raw.get(proxy.url, "/nix-cache-info").status, 200)  # of who does not look at the certificate
        self.assertIn("certificate has expired", self.curl(f"{proxy.url}/nix-cache-info").stderr)
        self.install(authority().sign(OURS, "first"))
        proxy.reload()
        self.assertEqual(self.status(f"{proxy.url}/nix-cache-info"), 200)

    def test_a_certificate_without_its_key_is_refused(self) -> None:
        run = run_ncps("serve", "--cache-hostname=a", "--cache-upstream-url=http://127.0.0.1:1", *self.options[:1],
                       f"--cache-storage-local={self.home / 'x'}")
        self.assertEqual(run.status, 2, run.said)
        self.assertIn("--server-tls-key", run.err)


class Peers(OneDatabase, ServingTls):
    server_class = Postgres

    def setUp(self) -> None:
        super().setUp()
        self.redis = RedisServer()
        self.addCleanup(self.redis.close)

    def test_one_reads_from_the_other_over_tls(self) -> None:
        made = closure.single(8)
        cache = made.cache("zstd")
        origin, storage = self.upstream(cache), self.folder("shared")
        name = cache.nar_url(made.root)
        file = (cache.folder / name.lstrip("/")).read_bytes()
        more = [*self.options, f"--cache-database-url={self.database.url}", "--server-drain-delay=0", *self.redis.flags()]

        def instance(*others: str) -> Ncps:
            return self.ncps((origin, cache), store=[f"--cache-storage-local={storage}"], more=[*more, *others],
                             environment={"SSL_CERT_FILE": str(authority().file)})
        a, b = instance(), instance()
        gate = Gate()
        origin.fault(name, gate=gate, gate_at=len(file) // 2, times=1)
        target = self.nar_target(a, made.root)
        streams = []
        for server in (a, b):
            streams.append(raw.Stream(server.url, target).start())
            self.assertTrue(streams[-1].first_byte.wait(60), server.tail())
        self.assertEqual(len(origin.requests(name, "GET")), 1)
        gate.open()
        for stream in streams:
            self.assert_whole(stream.join(60), hashlib.sha256(file).hexdigest())
        self.assertEqual(len(origin.requests(name, "GET")), 1, f"{a.tail()}\n{b.tail()}")

    def test_a_peers_proof_needs_no_certificate(self) -> None:
        proxy = self.server(f"--server-tls-client-ca={authority('people').file}",
                            f"--cache-database-url={self.database.url}", "--server-drain-delay=0", *self.redis.flags())
        answer = self.curl(f"{proxy.url}/peer{self.cache.nar_url(self.made.root)}").stdout
        self.assertIn("for other instances of this cache alone", answer)
        self.assertEqual(self.status(f"{proxy.url}{self.cache.nar_url(self.made.root)}"), 403)


if __name__ == "__main__":
    unittest.main()
