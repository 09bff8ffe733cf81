"""The examples of packaging/ for several instances are what the programs they are for understand."""
from __future__ import annotations

import re
import subprocess
import unittest
from pathlib import Path

from .lab.case import LabCase
from .lab.haproxy import EXAMPLE as HAPROXY
from .lab.ncps import BINARY, clean_environment

PACKAGING = Path(__file__).parents[2] / "packaging"
COMPOSE = PACKAGING / "compose/ha.yaml"


class Examples(LabCase):
    def assert_taken(self, *command: str) -> None:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def here(self, file: Path) -> Path:
        """A copy whose instances have addresses; their names need a resolver."""
        copy = self.home / file.name
        text = file.read_text()
        for number in (1, 2, 3):
            text = text.replace(f"ncps-{number}:8501", f"127.0.0.{number}:8501")
        copy.write_text(text)
        return copy

    def test_haproxy_takes_its_configuration(self) -> None:
        self.assert_taken("haproxy", "-c", "-f", str(self.here(HAPROXY)))

    def test_nginx_takes_its_configuration(self) -> None:
        own = f"pid {self.home}/pid;\nerror_log {self.home}/error.log;\n"
        copy = self.here(PACKAGING / "nginx/nginx.conf")
        folders = "".join(f"    {name}_temp_path {self.home}/{name};\n" for name in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        copy.write_text(own + copy.read_text().replace("http {\n", f"http {{\n    access_log off;\n{folders}", 1))
        self.assert_taken("nginx", "-t", "-q", "-c", str(copy), "-p", str(self.home))

    def compose(self) -> dict:
        """As a YAML parser reads it: our own, which refuses what it does not understand."""
        import yaml
        return yaml.safe_load(COMPOSE.read_text())

    def test_the_instances_of_the_compose_file_are_given_what_ncps_understands(self) -> None:
        services = self.compose()["services"]
        instances = {name: service for name, service in services.items() if name.startswith("ncps-")}
        self.assertEqual(len(instances), 3)
        lines = (COMPOSE.parent / "ha.env.example").read_text().splitlines()
        given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        for name, service in instances.items():
            run = subprocess.run([str(BINARY), "config", "check", *service["command"][1:]], capture_output=True, text=True,
                                 env=clean_environment() | given, timeout=30)
            self.assertEqual(run.returncode, 0, f"{name}: {run.stdout}{run.stderr}")
        self.assertEqual(set(re.findall(r"^ *server (\S+) .* check$", HAPROXY.read_text(), re.MULTILINE)), set(instances))
        for service in services.values():
            for other in service.get("depends_on", ()):
                self.assertIn(other, services)


if __name__ == "__main__":
    unittest.main()
