"""The Compose files: complete in themselves, and every option in them is one that this program has."""
from __future__ import annotations

import re
import unittest

from tests.e2e.lab.ncps import run_ncps

from . import compose

FILES = sorted(file.name for file in compose.FOLDER.glob("*.yaml"))


class Compose(unittest.TestCase):
    def test_there_are_three(self) -> None:
        self.assertEqual(FILES, ["ha.yaml", "s3.yaml", "single.yaml"])

    def test_its_commands_and_variables_are_right(self) -> None:
        checked = 0
        for name in FILES:
            for title, service in compose.load(name)["services"].items():
                if service["image"] != "ncps":
                    continue
                with self.subTest(f"{name}: {title}"):
                    first, *flags = service["command"]
                    self.assertEqual(first, "serve")
                    run = run_ncps("config", "check", *flags, **service.get("environment", {}))
                    self.assertEqual(run.status, 0, run.said)
                    checked += 1
        self.assertEqual(checked, 5)

    def test_what_is_named_is_there(self) -> None:
        for name in FILES:
            whole = compose.load(name)
            for title, service in whole["services"].items():
                with self.subTest(f"{name}: {title}"):
                    self.assertLessEqual(set(service.get("depends_on", ())), set(whole["services"]))
                    for volume in service.get("volumes", ()):
                        source = volume.split(":")[0]
                        found = (compose.FOLDER / source).exists() if source.startswith(".") else source in whole["volumes"]
                        self.assertTrue(found, volume)
                    if "build" in service:
                        context = compose.FOLDER / service["build"]["context"]
                        self.assertTrue((context / service["build"]["dockerfile"]).exists())
                        self.assertIn("stop_grace_period", service)

    def test_no_secret_has_a_default(self) -> None:
        for name in ("s3.yaml", "ha.yaml"):
            self.assertRaises(KeyError, compose.load, name, {})

    def test_haproxy_knows_the_instances(self) -> None:
        services = compose.load("ha.yaml")["services"]
        text = (compose.FOLDER / "../haproxy/haproxy.cfg").read_text()
        hosts = re.findall(r"^ +server \S+ ([\w-]+):8501", text, re.MULTILINE)
        self.assertGreaterEqual(len(hosts), 3)
        self.assertLessEqual(set(hosts), set(services))


if __name__ == "__main__":
    unittest.main()
