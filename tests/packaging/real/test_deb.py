"""The Debian package in a Debian without anything: installed, started, upgraded, removed, purged."""
from __future__ import annotations

import shutil
import unittest
import urllib.request

from . import chroots


class Deb(unittest.TestCase):
    def setUp(self) -> None:
        self.container = chroots.Container(chroots.base())
        self.addCleanup(self.container.remove)
        shutil.copy(chroots.package(), self.container.tree / "ncps.deb")

    def test_the_life_of_the_package(self) -> None:
        tree, check = self.container.tree, self.container.check
        check("apt-get", "update", "-qq")
        check("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends", "/ncps.deb")
        self.assertNotIn("@", (tree / "etc/ncps/config.yaml").read_text())
        unit = (tree / "usr/lib/systemd/system/ncps.service").read_text()
        command = next(line.split("=", 1)[1] for line in unit.splitlines() if line.startswith("ExecStart="))

        check("install", "-d", "-o", "ncps", "-g", "ncps", "-m", "0700", "/var/lib/ncps")  # StateDirectory=
        server = chroots.Serving(self.container, *command.split(), user="ncps", SERVER_ADDR="127.0.0.1:0")
        with urllib.request.urlopen(f"http://{server.address}/healthz", timeout=20) as answer:
            self.assertEqual(answer.status, 200)
        self.assertIn('"clean":true', server.stop())
        self.assertTrue((tree / "var/lib/ncps/var/ncps/db/db.sqlite").exists())

        (tree / "etc/ncps/config.yaml").write_text("mine\n")
        check("dpkg", "--install", "/ncps.deb")
        self.assertEqual((tree / "etc/ncps/config.yaml").read_text(), "mine\n")
        check("dpkg", "--remove", "ncps")
        self.assertTrue((tree / "var/lib/ncps").exists())
        check("dpkg", "--purge", "ncps")
        left = [file for file in ("etc/ncps", "var/lib/ncps", "usr/bin/ncps", "usr/lib/systemd/system/ncps.service", "usr/share/ncps")
                if (tree / file).exists()]
        self.assertEqual(left, [])

    def test_the_tarball_needs_nothing_but_glibc(self) -> None:
        archive = max((chroots.BUILD / "packages").glob("ncps-*.tar.gz"), key=lambda file: file.stat().st_mtime)
        shutil.copy(archive, self.container.tree / "ncps.tar.gz")
        self.container.check("sh", "-c", "mkdir '/a place' && tar -xzf /ncps.tar.gz -C '/a place' && ln -s '/a place'/ncps-*/bin/ncps /usr/bin/ncps")
        self.assertRegex(self.container.check("ncps", "--version"), r"\d+\.\d+\.\d+")
        self.assertIn("cache:", self.container.check("ncps", "config", "example"))


if __name__ == "__main__":
    unittest.main()
