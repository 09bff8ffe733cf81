"""The image's entrypoint: what it gives to ncps. Its functions alone, in a folder that stands for a volume, as root would run them."""
from __future__ import annotations

import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.e2e.lab.closure import remove_tree

ENTRYPOINT = Path(__file__).resolve().parents[2] / "packaging/docker/entrypoint"
# `stat` says that all is root's, and `chown` only what it would do: neither needs root.
STANDINS = """
in_a_volume() { case "$1/" in "$VOLUME"/*) ;; *) return 1 ;; esac; }
stat() { echo 0; }
chown() { echo "chown $*"; }
install() { echo "install $*"; }
"""


class Entrypoint(unittest.TestCase):
    def setUp(self) -> None:
        self.volume = Path(tempfile.mkdtemp(prefix="ncps-entrypoint-"))
        self.addCleanup(remove_tree, self.volume)
        self.elsewhere = Path(tempfile.mkdtemp(prefix="ncps-elsewhere-"))
        self.addCleanup(remove_tree, self.elsewhere)

    def owned(self, call: str) -> list[str]:
        text = ENTRYPOINT.read_text()
        functions = text[text.index("complain()"):text.index("\nown_tree /storage")]
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", functions + STANDINS + call], text=True, capture_output=True, timeout=60,
                             env={"VOLUME": str(self.volume), "PATH": "/usr/bin:/bin"})
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.splitlines()

    def test_the_database_and_the_way_to_it(self) -> None:
        folder = self.volume / "var/db"
        folder.mkdir(parents=True)
        for name in ("db.sqlite", "db.sqlite-wal"):
            (folder / name).touch()
        self.assertEqual(self.owned(f"own_sqlite sqlite:{folder}/db.sqlite"),
                         [f"chown -h ncps:ncps {file}" for file in (folder / "db.sqlite", folder / "db.sqlite-wal", folder, folder.parent, self.volume)])

    def test_no_link_leads_root_elsewhere(self) -> None:
        (self.elsewhere / "passwd").touch()
        (self.volume / "db.sqlite").touch()
        (self.volume / "db.sqlite-wal").symlink_to(self.elsewhere / "passwd")
        self.assertEqual(self.owned(f"own_sqlite sqlite:{self.volume}/db.sqlite"),
                         [f"chown -h ncps:ncps {file}" for file in (self.volume / "db.sqlite", self.volume)])
        (self.volume / "folder").symlink_to(self.elsewhere)
        (self.elsewhere / "db.sqlite").touch()
        for call in (f"own_sqlite sqlite:{self.volume}/folder/db.sqlite", f"own_tree {self.volume}/folder"):
            with self.subTest(call):
                self.assertEqual(self.owned(call), [])

    def test_nor_a_link_in_the_middle_of_the_way(self) -> None:
        (self.elsewhere / "deep").mkdir()
        (self.volume / "other").mkdir()
        for name, target in (("out", self.elsewhere), ("in", self.volume / "other")):
            (self.volume / name).symlink_to(target)
        (self.volume / "other/deep").mkdir()
        for name in ("out", "in"):
            for way in (f"{self.volume}/{name}/deep", f"{self.volume}/{name}/", f"{self.volume}//{name}/deep/", f"{self.volume}/{name}/../other"):
                with self.subTest(way):
                    self.assertEqual(self.owned(f"own_tree {way}"), [])
                    self.assertEqual(self.owned(f"own_sqlite sqlite:{way}/db.sqlite"), [])

    def test_a_link_of_the_image_itself_leads_on(self) -> None:
        (self.volume / "storage").mkdir()
        (self.elsewhere / "run").symlink_to(self.volume)  # no volume: nobody but the image has put it there
        way = f"{self.elsewhere}/run/storage"
        self.assertEqual(self.owned(f"by_a_link {way} || echo no"), ["no"])
        self.assertEqual(self.owned(f"own_sqlite sqlite:{way}/db.sqlite"),
                         [f"chown -h ncps:ncps {folder}" for folder in (self.volume / "storage", self.volume)])
        (self.volume / "link").symlink_to(self.volume / "storage")
        self.assertEqual(self.owned(f"own_tree {self.elsewhere}/run/link/storage"), [], "a link in the volume behind it")

    def test_a_tree(self) -> None:
        (self.volume / "storage").mkdir()
        self.assertEqual(self.owned(f"own_tree {self.volume}/storage"), [f"chown -hR ncps:ncps {self.volume}/storage"])
        self.assertEqual(self.owned(f"own_tree {self.elsewhere}"), [], "no volume")


if __name__ == "__main__":
    unittest.main()
