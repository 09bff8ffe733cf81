"""What the documents tell people to do: the options, files, Nix code and nix.conf in them are right."""
from __future__ import annotations

import re
import shlex
import subprocess
import unittest
from pathlib import Path

from tests.e2e.lab import closure
from tests.e2e.lab.case import LabCase
from tests.e2e.lab.closure import nix_environment
from tests.e2e.lab.ncps import run_ncps

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "packaging/README.md", *(ROOT / "docs").glob("*.md")]


def blocks(file: Path) -> list[str]:
    """What is indented by four spaces, after an empty line."""
    found = re.findall(r"(?:(?<=\n\n))(?:    .*\n|\n(?=    ))+", file.read_text())
    return ["".join(line[4:] if line.strip() else line for line in block.splitlines(keepends=True)) for block in found]


def anchors(file: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


class Documents(LabCase):
    def test_links_lead_somewhere(self) -> None:
        for file in DOCUMENTS:
            for target in re.findall(r"\]\(([^)#: ]*(?:#[^)]*)?)\)", file.read_text()):
                path, _, place = target.partition("#")
                linked = (file.parent / path) if path else file
                with self.subTest(f"{file.name}: {target}"):
                    self.assertTrue(linked.exists())
                    if place and linked.suffix == ".md":
                        self.assertIn(place, anchors(linked))

    def test_the_server_takes_the_command_lines(self) -> None:
        checked = 0
        for name in ("README.md", "docs/install.md"):
            for block in blocks(ROOT / name):
                for line in block.replace("\\\n", " ").splitlines():
                    if " serve " not in line or "--cache-hostname" not in line:
                        continue
                    flags = shlex.split(line, comments=True)
                    run = run_ncps("config", "check", *flags[flags.index("serve") + 1:])
                    self.assertEqual(run.status, 0, f"{line}\n{run.said}")
                    checked += 1
        self.assertGreaterEqual(checked, 2)

    def test_targets_and_files_in_commands_are_there(self) -> None:
        targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        for name in ("README.md", "CONTRIBUTING.md", "docs/install.md", "docs/packaging-status.md"):
            text = (ROOT / name).read_text()
            for target in re.findall(r"(?:^    |`)(?:sudo )?make ([a-z0-9-]+)", text, re.MULTILINE):
                self.assertIn(target, targets, name)
            for file in re.findall(r"(?<!tests/)\bpackaging/[\w./-]+[\w]", text):
                self.assertTrue((ROOT / file).exists(), f"{name}: {file}")

    def test_the_nix_code_is_nix(self) -> None:
        found = [block for name in ("install.md", "clients.md") for block in blocks(ROOT / "docs" / name) if block.startswith("{\n")]
        self.assertEqual(len(found), 3)
        for block in found:
            run = subprocess.run(["nix-instantiate", "--parse", "-E", block], text=True, capture_output=True,
                                 env=nix_environment(self.home))
            self.assertEqual(run.returncode, 0, f"{block}\n{run.stderr}")

    def test_a_client_with_the_nix_conf_of_the_document_gets_what_it_asks_for(self) -> None:
        made = closure.single(0.1)
        cache = made.cache("xz")
        proxy = self.ncps((self.upstream(cache), cache))
        conf = next(block for block in blocks(ROOT / "docs/clients.md") if block.startswith("substituters = "))
        settings = dict(line.split(" = ") for line in conf.replace("http://HOST:8501", proxy.url)
                        .replace("KEY", proxy.pubkey().strip()).splitlines() if line)
        client = self.client(settings.pop("trusted-public-keys"))
        client.realise(settings.pop("substituters"), made.root)
        self.assertTrue(client.has(made.root))
        self.assertEqual(settings, {})

    def test_whatever_is_logged_as_wrong_is_explained(self) -> None:
        explained = (ROOT / "docs/troubleshooting.md").read_text()
        missing = set()
        for file in (ROOT / "src").rglob("*.cpp"):
            if file.name.endswith(("_test.cpp", "_bench.cpp")) or "testing" in file.parts:
                continue
            for literals in re.findall(r'log::(?:warn|error)\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', file.read_text()):
                message = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
                if f"`{message}`" not in explained:
                    missing.add(f"{message}   ({file.relative_to(ROOT)})")
        self.assertEqual(missing, set(), "say in docs/troubleshooting.md what these mean")


if __name__ == "__main__":
    unittest.main()
