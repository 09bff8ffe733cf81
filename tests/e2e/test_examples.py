"""The examples of packaging/ for several instances are what the programs they are for understand."""
from __future__ import annotations

import subprocess
import unittest
from pathlib import Path

from .lab.case import LabCase
from .lab.haproxy import EXAMPLE as HAPROXY

PACKAGING = Path(__file__).parents[2] / "packaging"


class Examples(LabCase):
    def assert_taken(self, *command: str) -> None:
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
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


if __name__ == "__main__":
    unittest.main()
