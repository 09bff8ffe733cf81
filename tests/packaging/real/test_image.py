"""The image, really built and run: every command that the instructions of the original show works with it."""
from __future__ import annotations

import unittest
import urllib.request

from . import chroots

KEY = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="
DIRECTORIES = "mkdir -m 0755 -p /storage/var && mkdir -m 0700 -p /storage/var/ncps && mkdir -m 0700 -p /storage/var/ncps/db"
DATABASE = "sqlite:/storage/var/ncps/db/db.sqlite"
SERVE = ("serve", "--cache-hostname=your-ncps-hostname", "--cache-storage-local=/storage", f"--cache-database-url={DATABASE}",
         "--cache-upstream-url=https://cache.nixos.org", f"--cache-upstream-public-key={KEY}", "--server-addr=127.0.0.1:0")


class Image(unittest.TestCase):
    def setUp(self) -> None:
        self.container = chroots.Container(chroots.image())
        self.addCleanup(self.container.remove)

    def serves(self, *words: str, owner: int = 1000, **options: str) -> None:
        server = chroots.Serving(self.container, *words, **options)
        self.assertEqual(server.user(), owner)
        with urllib.request.urlopen(f"http://{server.address}/pubkey", timeout=20) as answer:
            self.assertIn(b"your-ncps-hostname:", answer.read())
        self.assertIn('"clean":true', server.stop())

    def test_the_quick_start_as_it_is_written(self) -> None:
        self.container.check("/bin/sh", "-c", DIRECTORIES)  # as root, as alpine does it
        self.assertIn("applied", self.container.check("/bin/dbmate", f"--url={DATABASE}", "migrate", "up"))
        self.serves("/bin/ncps", *SERVE)
        self.serves(*SERVE)
        self.assertIn("up to date", self.container.check("dbmate", f"--url={DATABASE}", "migrate", "up"))

    def test_nothing_has_to_be_prepared(self) -> None:
        self.serves(*SERVE)

    def test_the_store_of_a_version_that_ran_as_root_becomes_ours(self) -> None:
        self.container.check("/bin/sh", "-c", f"{DIRECTORIES}; mkdir -p /storage/store/nar; chown -R root:root /storage")
        self.serves(*SERVE)
        self.assertEqual(self.container.check("stat", "-c", "%u", "/storage/store/nar").strip(), "1000")

    def test_as_another_user_from_the_start(self) -> None:
        self.container.check("chown", "4711:4711", "/storage")
        self.serves(*SERVE, owner=4711, user="4711:4711")

    def test_variables_instead_of_flags(self) -> None:
        self.serves("serve", CACHE_HOSTNAME="your-ncps-hostname", CACHE_STORAGE_LOCAL="/data/ncps", SERVER_ADDR="127.0.0.1:0",
                    CACHE_UPSTREAM_URLS="https://cache.nixos.org", CACHE_UPSTREAM_PUBLIC_KEYS=KEY)

    def test_what_is_in_it(self) -> None:
        for words in (("/bin/ncps", "--version"), ("ncps", "--version"), ("--version",), ("config", "example"),
                      ("/bin/sh", "-c", "test -s /etc/ssl/certs/ca-certificates.crt"), ("test", "-f", "/usr/share/zoneinfo/Europe/Berlin"),
                      ("test", "-k", "/tmp"), ("getent", "passwd", "ncps")):
            with self.subTest(words):
                self.container.check(*words)
        self.assertEqual(self.container.run("serve").returncode, 2)
        self.assertIn("--cache-hostname is missing", self.container.run("serve").stderr)

    def test_its_health_check(self) -> None:
        server = chroots.Serving(self.container, *SERVE)
        # buildah's containers share this machine's processes: number 1 is another one.
        words = [*SERVE[:-1], f"--server-addr={server.address}"]
        (self.container.tree / "command").write_bytes("\0".join(words).encode() + b"\0")
        healthy = ("/usr/lib/ncps/healthcheck",)
        self.container.check(*healthy, NCPS_COMMAND_LINE="/command")
        server.stop()
        self.assertNotEqual(self.container.run(*healthy, NCPS_COMMAND_LINE="/command").returncode, 0)


if __name__ == "__main__":
    unittest.main()
