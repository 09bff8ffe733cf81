"""The commands of the documents: those of getting started, of a backup and of another store are run as they stand there, all
others of `ncps` and `make` are looked up."""
from __future__ import annotations

import functools
import re
import shlex
import shutil
import subprocess
import unittest
from pathlib import Path

from tests.e2e.lab import closure
from tests.e2e.lab.case import LabCase
from tests.e2e.lab.closure import Cache, hash_of, nix_environment
from tests.e2e.lab.ncps import BINARY, Ncps, clean_environment, run_ncps
from tests.e2e.lab.ports import free_port

from .test_docs import DOCUMENTS, ROOT, blocks

KEY = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="


def commands(text: str) -> list[str]:
    """The command lines of a block, continued ones as one."""
    lines = text.replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+#.*$", "", line).strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def section(document: str, title: str) -> list[str]:
    """The blocks below a heading."""
    text = (ROOT / "docs" / document).read_text()
    part = re.split(r"^## ", text.split(f"\n## {title}", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"(?:(?<=\n\n))(?:    .*\n|\n(?=    ))+", part)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found]


class Walk(LabCase):
    """Commands of a document in a world where its names mean something of ours."""

    def setUp(self) -> None:
        super().setUp()
        self.made = closure.single(0.1, "hello")
        self.cache: Cache = self.made.cache("xz")
        self.server = self.upstream(self.cache)
        self.address = f"127.0.0.1:{free_port()}"
        self.work = self.folder("work")
        (self.work / "backup").mkdir()
        (self.work / "bin").mkdir()
        (self.work / "bin/ncps").symlink_to(BINARY.resolve())

    def here(self, command: str) -> str:
        assert self.cache.key
        for theirs, ours in (("https://cache.nixos.org", self.server.url), (KEY, self.cache.key.public), ("/var/lib/ncps", f"{self.work}/lib"),
                             ("/var/tmp/ncps", f"{self.work}/tmp"), ("/backup", f"{self.work}/backup"), ("localhost:8501", self.address),
                             ("/nix/store/...-hello-2.12.1", self.made.root)):
            command = command.replace(theirs, ours)
        return command

    def sh(self, command: str) -> str:
        environment = clean_environment() | nix_environment(self.folder("home"))
        environment["PATH"] = f"{self.work}/bin:{environment['PATH']}"
        if command.startswith("nix copy"):
            command += " --option trusted-public-keys " + shlex.quote(self.keys)
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", self.here(command)], cwd=self.work, env=environment, text=True,
                             capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
        self.assertEqual(run.returncode, 0, f"{command}\n{run.stdout}{run.stderr}")
        return run.stdout

    def serve(self, command: str) -> Ncps:
        words = shlex.split(self.here(command))
        self.assertEqual(words[:2], ["ncps", "serve"])
        server = self.ncps_given(*words[1:], f"--server-addr={self.address}", CACHE_TEMP_PATH=str(self.folder("temp")))
        self.keys = server.pubkey()
        return server

    def test_getting_started(self) -> None:
        found = [command for block in blocks(ROOT / "docs/getting-started.md") for command in commands(block)]
        self.assertGreater(len(found), 8)
        said = {}
        server = self.serve(found[0])
        for command in found[1:]:
            said[command] = self.sh(command)
        self.assertIn('"status":"ok"', said["curl http://localhost:8501/readyz"])
        lines = next(text for command, text in said.items() if command.startswith("ncps client-config"))
        self.assertIn(f"extra-trusted-public-keys = {server.pubkey()}\n", lines)
        self.assertIn(f"extra-substituters = http://{self.address}\n", lines)
        self.assertTrue(any(command.startswith("nix copy") for command in said))
        self.assertEqual(len(self.server.requests(self.cache.nar_url(self.made.root), "GET")), 1)

    def test_a_backup_is_one(self) -> None:
        save, restore, upgrade = section("operations.md", "Backup, and getting it back")[:2] + section("operations.md", "Upgrading")
        serve = commands(blocks(ROOT / "docs/getting-started.md")[0])[0]
        server = self.serve(serve)
        client = self.client(server.pubkey())
        client.realise(server.url, self.made.root)
        server.wait_line("NAR stored")  # the client has it before the store has, and so before the backup
        self.sh(f"ncps pin add {self.made.root} --cache-storage-local=/var/lib/ncps")
        for command in commands(save):
            self.sh(command)
        key = server.pubkey()
        self.assertEqual(server.stop(), 0)
        shutil.rmtree(self.work / "lib")
        (self.work / "lib").mkdir()
        for command in commands(restore):
            self.sh(command)
        self.assertEqual((self.work / "backup/cache.key").read_text(), (self.work / "lib/config/cache.key").read_text())
        self.assertIn(hash_of(self.made.root), self.sh("ncps pin list --cache-storage-local=/var/lib/ncps"))
        self.server.stop()
        again = self.serve(serve)
        self.assertEqual(again.pubkey(), key)
        late = self.client(key)
        late.realise(again.url, self.made.root)
        self.assertTrue(late.has(self.made.root))
        self.assertEqual(again.stop(), 0)
        for command in commands(upgrade):
            self.sh(command)

    def test_the_stores_of_storage_md_are_taken(self) -> None:
        found = [command for block in blocks(ROOT / "docs/storage.md") + blocks(ROOT / "docs/security.md") for command in commands(block)]
        served = [command for command in found if command.startswith("ncps serve")]
        self.assertEqual(len(served), 3)
        for command in served:
            words = [word for word in shlex.split(self.here(command)) if "/etc/ncps" not in word]
            self.assertEqual(run_ncps("config", "check", *words[2:]).status, 0, command)
        server = self.serve(served[0])
        self.nar_target(server, self.made.root)
        self.assertEqual(server.stop(), 0)
        (self.work / "lib/var/ncps/db/db.sqlite").unlink()
        self.sh(next(command for command in found if "fsck" in command))
        again = self.serve(served[0])
        client = self.client(again.pubkey())
        client.realise(again.url, self.made.root)
        self.assertTrue(client.has(self.made.root))


    def test_what_curl_is_told_to_ask_is_there(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        asked = set()
        for file in DOCUMENTS:
            for command in (command for block in blocks(file) for command in commands(block)):
                if not command.startswith("curl ") or ":8501/" not in command:
                    continue
                command = re.sub(r"<32 characters of the store path>|<hash>", hash_of(self.made.root), command)
                command = re.sub(r"http://[\w.-]+:8501/", proxy.url + "/", command)
                run = subprocess.run(["bash", "-c", f"{command} --silent --show-error --fail"], capture_output=True, text=True, timeout=60,
                                     env=clean_environment(), cwd=self.work)
                with self.subTest(f"{file.name}: {command}"):
                    self.assertEqual(run.returncode, 0, run.stderr)
                asked.add(command)
        self.assertGreater(len(asked), 2)


class LookedUp(unittest.TestCase):
    def test_every_command_of_ncps_is_one_and_has_these_options(self) -> None:
        @functools.cache
        def options(*words: str) -> set[str]:
            """Of this command; none: there is no such."""
            run = run_ncps(*words, "--help")
            return set(re.findall(r"(--[a-z0-9-]+)", run.out)) if run.status == 0 else set()

        looked = 0
        for file in DOCUMENTS:
            for command in (command for block in blocks(file) for command in commands(block)):
                found = re.search(r"(?:^|[\s/])ncps ((?:serve|config|import|fsck|stats|migrate|pin|key|token|client-config|completion|dbmate)\b.*)", command)
                if not found or "docker" in command or "dbmate" in command:
                    continue
                words = re.split(r"[|;<>(]", found[1])[0].split()
                given = {word.split("=")[0] for word in words if re.match(r"--[a-z]", word)}
                with self.subTest(f"{file.name}: {command}"):
                    path = [word for word in words[:2] if re.fullmatch(r"[a-z][a-z-]*", word)]
                    self.assertTrue(options(path[0]), "there is such a command")
                    taken = options() | options(path[0]) | (options(*path) if words[0] in ("config", "migrate", "pin", "key", "token") else set())
                    self.assertLessEqual({name if name in taken else name.removesuffix("-file") for name in given}, taken)
                    looked += 1
        self.assertGreater(looked, 25)

    def test_every_target_of_make_is_one(self) -> None:
        targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        for file in [*DOCUMENTS, ROOT / "CONTRIBUTING.md", *(ROOT / "tests").rglob("README.md")]:
            for target in re.findall(r"(?:^    |`)(?:sudo )?make ([a-z0-9-]+)", file.read_text(), re.MULTILINE):
                with self.subTest(f"{file.name}: {target}"):
                    self.assertIn(target, targets)


if __name__ == "__main__":
    unittest.main()
