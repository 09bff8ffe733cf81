"""The token that readers must send."""
from __future__ import annotations

import base64
import unittest

from .lab import closure, config_file, raw
from .lab.case import LabCase, narinfo_target

TOKEN = "tok3n/with:colon"


class ReaderToken(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        server = self.upstream(self.cache)
        options = self.options((server, self.cache), cache__get_token=TOKEN)
        file = config_file.write(self.folder("files") / "ncps.yaml", options)
        self.proxy = self.ncps_given("--config", str(file), "serve")
        self.host = self.proxy.url.partition("://")[2]

    def get(self, target: str, authorization: str = "") -> raw.Answer:
        return raw.get(self.proxy.url, target, {"Authorization": authorization} if authorization else {})

    def test_without_the_token_nothing_is_read_but_the_health(self) -> None:
        wrong = base64.b64encode(b"user:wrong").decode()
        for target in ("/", "/pubkey", "/nix-cache-info", narinfo_target(self.made.root), "/nar/x.nar", "/none"):
            for authorization in ("", "Bearer wrong", f"Basic {wrong}", "Basic !"):
                with self.subTest(target=target, authorization=authorization):
                    answer = self.get(target, authorization)
                    self.assertEqual(answer.status, 401)
                    offered = [value.split()[0] for name, value in answer.head.fields if name.lower() == "www-authenticate"]
                    self.assertEqual(offered, ["Bearer", "Basic"])
        self.assertEqual(self.get("/healthz").status, 200)

    def test_with_it_as_bearer_or_as_password_everything_is(self) -> None:
        pair = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
        for authorization in (f"Bearer {TOKEN}", f"Basic {pair}"):
            with self.subTest(authorization):
                answer = self.get(narinfo_target(self.made.root), authorization)
                self.assertEqual(answer.status, 200)
                self.assertTrue(answer.get("cache-control").startswith("private"), "no cache between may share it")
        self.assertEqual(self.get(narinfo_target(self.made.root)).status, 401, "also from memory")

    def test_a_real_client_reads_with_netrc_and_not_without(self) -> None:
        key = self.get("/pubkey", f"Bearer {TOKEN}").body.decode()
        client = self.client(key)
        self.assertNotEqual(client.try_copy(self.proxy.url, self.made.root).returncode, 0)
        netrc = self.folder("netrc") / "netrc"
        netrc.write_text(f"machine {self.host.rpartition(':')[0]} login anybody password {TOKEN}\n")
        client = self.client(key, **{"netrc-file": str(netrc)})
        client.copy(self.proxy.url, self.made.root)
        client.verify(self.made.root)

    def test_the_token_is_never_said(self) -> None:
        self.get("/", f"Bearer {TOKEN}")
        self.get(f"/?token={TOKEN}")
        self.assertEqual(self.proxy.stop(), 0)
        said = [line for line in self.proxy.lines if TOKEN in str(line) and "token=" not in str(line)]
        self.assertEqual(said, [])


if __name__ == "__main__":
    unittest.main()
