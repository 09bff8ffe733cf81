"""Upstreams that want a password: from a netrc file, from the URL; and nobody else learns it."""
from __future__ import annotations

import base64
import unittest
from pathlib import Path

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.ncps import Ncps
from .lab.upstream import Upstream
from .lab.waiting import eventually

USER, PASSWORD = "reader", "p4ss.W0rd-gEhe1m"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class GuardedCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache, auth=f"{USER}:{PASSWORD}")
        self.answers: list[raw.Answer] = []

    def netrc(self, text: str) -> Path:
        file = self.folder("netrc") / "netrc"
        file.write_text(text)
        file.chmod(0o600)
        return file

    def with_netrc(self, text: str, *servers: Upstream) -> Ncps:
        pairs = [(server, self.cache) for server in servers or (self.server,)]
        return self.ncps(*pairs, log_level="trace", more=[f"--netrc-file={self.netrc(text)}"])

    def with_url(self, credentials: str) -> Ncps:
        url = self.server.url.replace("://", f"://{credentials}@")
        proxy = Ncps(self.folder("ncps"), upstreams=[(url, self.cache.key.public)], log_level="trace")
        self.addCleanup(proxy.kill9)
        return proxy.start()

    def get(self, proxy: Ncps, target: str) -> raw.Answer:
        answer = raw.get(proxy.url, target)
        self.answers.append(answer)
        return answer

    def assert_serves(self, proxy: Ncps) -> None:
        narinfo = self.get(proxy, narinfo_target(self.made.root))
        self.assertEqual(narinfo.status, 200, narinfo.body)
        nar = self.get(proxy, "/" + closure.parse_narinfo(narinfo.body.decode())["URL"])
        self.assert_whole(nar, self.cache.nar_bytes(self.made.root))

    def assert_refused(self, proxy: Ncps) -> None:
        """A gateway error that says where credentials come from, and never that there is nothing."""
        answer = self.get(proxy, narinfo_target(self.made.root))
        self.assertEqual(answer.status, 502, answer.body)
        eventually(lambda: "netrc" in answer.body.decode() + str(proxy.lines), "it says whence they come")
        nar = self.get(proxy, self.cache.nar_url(self.made.paths[0]))
        self.assertEqual(nar.status, 502, nar.body)

    def assert_kept_secret(self, proxy: Ncps) -> None:
        """No answer, log line or file of the stopped server has the password, in any form."""
        for target in ("/", "/nix-cache-info", "/nonsense"):
            self.get(proxy, target)
        proxy.stop()
        said = str(proxy.lines) + proxy.stderr() + "".join(f"{a.head} {a.body[:2000]!r}" for a in self.answers)
        for secret in (PASSWORD, BASIC):
            self.assertNotIn(secret, said)
            for file in proxy.home.rglob("*"):
                self.assertFalse(file.is_file() and secret.encode() in file.read_bytes(), file)


class Netrc(GuardedCase):
    def test_the_entry_of_the_host_is_used_for_narinfos_and_nars(self) -> None:
        proxy = self.with_netrc(f"machine elsewhere.example login a password b\n"
                                f"machine 127.0.0.1\n  login {USER}\n  password {PASSWORD}\n")
        self.assert_serves(proxy)
        self.assert_kept_secret(proxy)

    def test_the_default_entry_is_used_for_any_host(self) -> None:
        proxy = self.with_netrc(f"machine elsewhere.example login a password b\ndefault login {USER} password {PASSWORD}\n")
        self.assert_serves(proxy)

    def test_without_wrong_or_foreign_credentials_it_is_a_gateway_error(self) -> None:
        for name, text in (("none", ""), ("wrong", f"machine 127.0.0.1 login {USER} password {PASSWORD}x\n"),
                           ("foreign", f"machine elsewhere.example login {USER} password {PASSWORD}\n")):
            with self.subTest(name):
                proxy = self.with_netrc(text)
                self.assert_refused(proxy)
                self.assert_kept_secret(proxy)
        self.assert_refused(self.ncps((self.server, self.cache)))

    def test_what_was_refused_is_not_remembered_as_missing(self) -> None:
        netrc = self.netrc("")
        proxy = self.ncps((self.server, self.cache), more=[f"--netrc-file={netrc}"])
        self.assert_refused(proxy)
        netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
        proxy.reload()
        self.assert_serves(proxy)

    def test_another_upstream_that_lets_us_in_serves(self) -> None:
        proxy = self.with_netrc("", self.server, self.upstream(self.cache))
        self.assert_serves(proxy)

    def test_the_file_at_home_is_used_and_need_not_be_there(self) -> None:
        home = self.netrc(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
        home = home.rename(home.with_name(".netrc")).parent
        self.assert_serves(self.ncps((self.server, self.cache), environment={"HOME": str(home)}))
        self.assert_refused(self.ncps((self.server, self.cache), environment={"HOME": str(self.folder("empty"))}))


class InTheUrl(GuardedCase):
    def test_credentials_in_the_url_are_used_and_kept_secret(self) -> None:
        proxy = self.with_url(f"{USER}:{PASSWORD}")
        self.assert_serves(proxy)
        self.assert_kept_secret(proxy)

    def test_wrong_credentials_in_the_url_are_kept_secret_too(self) -> None:
        self.server.auth = "somebody:else"
        proxy = self.with_url(f"{USER}:{PASSWORD}")
        self.assert_refused(proxy)
        self.assert_kept_secret(proxy)

    def test_an_upstream_that_is_away_or_broken_is_logged_without_them(self) -> None:
        proxy = self.with_url(f"{USER}:{PASSWORD}")
        self.server.fault(".nar.xz", cut_at=10)
        self.get(proxy, self.cache.nar_url(self.made.paths[0]))
        self.server.stop()
        self.assertEqual(self.get(proxy, narinfo_target(self.made.root)).status, 502)
        eventually(lambda: [l for l in proxy.lines if l["level"] == "warn" and "127.0.0.1" in str(l)], "it is named")
        self.assert_kept_secret(proxy)

    def test_what_is_written_with_percent_signs_is_sent_as_it_is_meant(self) -> None:
        self.server.auth = "a@b:c/d?e#f:g"
        self.assert_serves(self.with_url("a%40b:c%2Fd%3Fe%23f%3Ag"))

    def test_the_url_goes_before_the_netrc_file(self) -> None:
        url = self.server.url.replace("://", f"://{USER}:{PASSWORD}@")
        netrc = self.netrc("machine 127.0.0.1 login somebody password else\n")
        proxy = Ncps(self.folder("ncps"), upstreams=[(url, self.cache.key.public)], more=[f"--netrc-file={netrc}"])
        self.addCleanup(proxy.kill9)
        self.assert_serves(proxy.start())


class OtherHosts(GuardedCase):
    """A redirect, or a narinfo, that leads to another host does not carry the password there."""

    def setUp(self) -> None:
        super().setUp()
        self.other = self.upstream(self.cache, host="127.0.0.3")

    def assert_not_told(self) -> None:
        self.assertTrue(self.other.requests(), "the other host was asked")
        for request in self.other.requests():
            self.assertNotIn("authorization", request.headers)
            self.assertNotIn(PASSWORD, str(request.headers) + request.path)

    def both_ways(self) -> list[Ncps]:
        return [self.with_netrc(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n"),
                self.with_url(f"{USER}:{PASSWORD}")]

    def test_a_redirect_of_a_narinfo_or_nar_does_not_carry_it(self) -> None:
        for target in (narinfo_target(self.made.root), self.cache.nar_url(self.made.root)):
            self.server.fault(target, redirect=self.other.url + target)
        for proxy in self.both_ways():
            self.assert_serves(proxy)
            self.assertTrue(self.server.requests(), "and it was told where it belongs")
            self.assertTrue(all("authorization" in r.headers for r in self.server.requests()))
            self.assert_not_told()
            self.assert_kept_secret(proxy)

    def test_a_redirect_to_another_port_does_not_carry_what_the_url_says(self) -> None:
        self.other = self.upstream(self.cache)
        for target in (narinfo_target(self.made.root), self.cache.nar_url(self.made.root)):
            self.server.fault(target, redirect=self.other.url + target)
        self.assert_serves(self.with_url(f"{USER}:{PASSWORD}"))
        self.assert_not_told()

    def test_a_narinfo_with_the_url_of_another_host_does_not_carry_it(self) -> None:
        target = narinfo_target(self.made.root)
        text = (self.cache.folder / target.lstrip("/")).read_text()
        url = self.cache.nar_url(self.made.root)
        self.server.fault(target, body=text.replace(f"URL: {url[1:]}", f"URL: {self.other.url}{url}").encode())
        for proxy in self.both_ways():
            self.assert_serves(proxy)
            self.assert_not_told()
            self.assert_kept_secret(proxy)


if __name__ == "__main__":
    unittest.main()
