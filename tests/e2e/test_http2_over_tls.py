"""HTTP/2 over TLS, where ALPN chooses it: what a Nix client and curl do by themselves."""
from __future__ import annotations

import unittest

from .lab import closure
from .lab.case import LabCase, narinfo_target
from .lab.http2 import Nghttp, curl, h2load
from .lab.ncps import Ncps
from .lab.tls import Certificate, authority
from .lab.waiting import eventually


class Http2OverTls(LabCase):
    def secured(self, made: closure.Closure, *more: str) -> Ncps:
        cache = made.cache("xz")
        certificate = authority().sign("IP:127.0.0.1")
        options = [f"--server-tls-cert={certificate.file}", f"--server-tls-key={certificate.key}", *more]
        return self.ncps((self.upstream(cache), cache), more=options)

    def url(self, proxy: Ncps) -> str:
        return proxy.url.replace("http://", "https://")

    def test_a_real_client_copies_over_it_and_the_log_says_so(self) -> None:
        made = closure.many(40)
        proxy = self.secured(made)
        client = self.client(proxy.pubkey())
        client.certificates = authority().file
        client.copy(self.url(proxy), made.root)
        client.verify(made.root)
        def handled() -> list[dict]:
            return [line for line in proxy.lines if line["message"] == "handled request" and line["request_uri"] != "/pubkey"]
        eventually(lambda: len(handled()) >= 2 * 40, "a line of each request")
        asked = handled()
        self.assertEqual({line["protocol"] for line in asked}, {"HTTP/2"}, proxy.tail())

    def test_alpn_offers_both_and_neither_is_forced(self) -> None:
        proxy = self.secured(closure.small())
        for option, version in (("--http2", "2"), ("--http1.1", "1.1"), ("--no-alpn", "1.1")):
            run = curl(option, "--cacert", str(authority().file), "--write-out", "%{http_version}", "--output",
                       "/dev/null", self.url(proxy) + "/healthz")
            self.assertEqual((run.returncode, run.stdout.decode()), (0, version), run.stderr)

    def test_off_only_http1_is_offered(self) -> None:
        proxy = self.secured(closure.small(), "--server-http2=false")
        run = curl("--http2", "--cacert", str(authority().file), "--write-out", "%{http_version}", "--output",
                   "/dev/null", self.url(proxy) + "/healthz")
        self.assertEqual((run.returncode, run.stdout.decode()), (0, "1.1"), run.stderr)

    def test_a_reload_offers_what_was_offered_at_the_start(self) -> None:
        cache = closure.small().cache("xz")
        for at_start, version in (("false", "1.1"), ("true", "2")):
            with self.subTest(at_start):
                certificates = [authority().sign("IP:127.0.0.1", name) for name in ("first", "second")]
                file = self.folder("config") / "ncps.yaml"

                def write(certificate: Certificate, http2: str) -> None:
                    file.write_text(f"server:\n  http2: {http2}\n  tls: {{cert: {certificate.file}, key: {certificate.key}}}\n")

                write(certificates[0], at_start)
                proxy = self.ncps((self.upstream(cache), cache), more=["--config", str(file)])
                write(certificates[1], "true" if at_start == "false" else "false")
                proxy.reload()
                self.assertTrue(proxy.find_line("a new value needs a restart", option="--server-http2"), proxy.tail())
                run = curl("--http2", "--cacert", str(authority().file), "--write-out", "%{http_version}", "--output",
                           "/dev/null", self.url(proxy) + "/healthz")
                self.assertEqual((run.returncode, run.stdout.decode()), (0, version), run.stderr)

    def test_many_at_once_over_one_connection(self) -> None:
        made = closure.many(40)
        proxy = self.secured(made)
        urls = [self.url(proxy) + narinfo_target(path) for path in made.paths]
        ended = Nghttp(self.folder("nghttp"), urls, "--no-verify-peer").wait()
        self.assertEqual([(stream.status, stream.whole) for stream in ended], [(200, True)] * len(urls))
        seen = h2load("-n", "10000", "-c", "2", "-m", "150", urls[0])
        self.assertEqual((seen.succeeded, seen.failed), (10_000, 0), seen.said)


if __name__ == "__main__":
    unittest.main()
