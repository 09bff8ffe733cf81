"""One kind of load, made by wrk."""
from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.lab import raw

SCRIPT = """
local targets = {%s}
local requests = {}
local next = 0
init = function()
  for i, target in ipairs(targets) do requests[i] = wrk.format("GET", target) end
end
request = function()
  next = next %% #requests + 1
  return requests[next]
end
done = function(summary)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%%d,"bytes":%%d,"microseconds":%%d,"errors":%%d}\\n', summary.requests,
    summary.bytes, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    name: str
    unit: str  # "requests/s" or "MB/s"
    targets: list[str]
    connections: int
    aim: float = 0       # of the other server's rate
    apart: bool = False  # servers on one half of the cores, and wrk on the other

    def check(self, *urls: str) -> None:
        """Warms the servers, and makes sure that both give the same bytes for the same work."""
        for target in self.targets:
            sizes = set()
            for url in urls:
                answer = raw.get(url, target)
                assert (answer.status, answer.ending) == (200, raw.COMPLETE), f"{url}{target}: {answer.status}"
                sizes.add(len(answer.body) if self.unit == "MB/s" else 0)
            assert len(sizes) == 1, f"{target}: different sizes {sizes}"

    def run(self, url: str, seconds: int, home: Path) -> float:
        script = home / "load.lua"
        script.write_text(SCRIPT % ", ".join(f'"{target}"' for target in self.targets))
        run = subprocess.run(
            ["wrk", f"-t{min(2, self.connections)}", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), url],
            capture_output=True, text=True, timeout=seconds + 60, check=True)
        summary = json.loads(run.stdout.strip().splitlines()[-1])
        assert summary["errors"] == 0 and summary["bytes"] > 0, run.stdout
        amount = summary["bytes"] / 1e6 if self.unit == "MB/s" else summary["requests"]
        return amount / (summary["microseconds"] / 1e6)
