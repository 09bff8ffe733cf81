"""What a server says at /metrics; and a real Prometheus that scrapes it, and what that makes of expressions."""
from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from .ncps import leave_with_parent
from .waiting import eventually


class Metrics:
    """The text of /metrics, read."""

    def __init__(self, text: str) -> None:
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        self.helped = set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
        self.values: dict[str, float] = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                self.values[name] = float(value)

    def sum(self, name: str, *parts: str) -> float:
        """Of all samples of that name with these parts of labels, such as 'object="nar"'."""
        return sum(value for key, value in self.values.items()
                   if re.fullmatch(rf"{name}(\{{.*\}})?", key) and all(part in key for part in parts))

    def has(self, name: str) -> bool:
        return name in self.types or any(name == base + end and self.types.get(base) == "histogram"
                                         for base in self.types for end in ("_bucket", "_sum", "_count"))


class Prometheus:
    """Scrapes `target` (host:port) five times a second, with the rules of those files. Keeps all in `folder`."""

    def __init__(self, folder: Path, target: str, rules: tuple[Path, ...] = (), token: str = "") -> None:
        self.folder, self.process, self.url = folder, None, ""
        config = {"global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
                  "rule_files": [str(rule) for rule in rules],
                  "scrape_configs": [{"job_name": "ncps", "static_configs": [{"targets": [target]}]}]}
        if token:
            config["scrape_configs"][0]["authorization"] = {"credentials": token}
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML

    def start(self) -> "Prometheus":
        self._log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder / 'prometheus.yml'}", f"--storage.tsdb.path={self.folder / 'data'}",
             "--web.listen-address=127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            preexec_fn=leave_with_parent)
        pattern = re.compile(r'msg="Listening on" address=(\S+)')
        found = eventually(lambda: pattern.search(self.log()), "Prometheus listens", 60)
        self.url = f"http://{found[1]}"
        eventually(self._ready, "Prometheus is ready", 60)
        return self

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=60) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self._log.close()

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def ask(self, path: str, **query: str) -> dict:
        request = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def up(self) -> bool:
        """Whether it has scraped the server, and could read all of it."""
        targets = self.ask("targets")["data"]["activeTargets"]
        return bool(targets) and targets[0]["health"] == "up"

    def query(self, expression: str) -> list[dict]:
        """The result of an expression, which must be one."""
        answer = self.ask("query", query=expression)
        if answer["status"] != "success":
            raise AssertionError(f"{expression}: {answer.get('error')}")
        return answer["data"]["result"]

    def value(self, expression: str) -> float | None:
        """That of the only sample; None: there is none."""
        result = self.query(expression)
        return float(result[0]["value"][1]) if result else None
