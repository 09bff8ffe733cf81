"""nginx as a process of its own, on loopback, in a folder of its own."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Sequence

from tests.e2e.lab import raw
from tests.e2e.lab.ncps import leave_with_parent
from tests.e2e.lab.waiting import eventually

CONFIGURATION = """
{main}
worker_processes 2;
pid {home}/pid;
error_log {home}/error.log;
daemon off;
events {{ worker_connections 4096; }}
http {{
  log_format sent '$body_bytes_sent';
  access_log {log};
  sendfile on;
  keepalive_requests 100000000;
  default_type application/x-nix-nar;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  {http}
}}
"""


class NginxProcess:
    def __init__(self, home: Path, port: int, http: str, main: str = "", log: str = "off", tool: Sequence[str] = ()) -> None:
        """`http`, `main`: lines of these contexts. `tool`: what it is to run under."""
        self.home, self.port, self.tool = home, port, tool
        self.url = f"http://127.0.0.1:{port}"
        home.mkdir(parents=True, exist_ok=True)
        user = "user root; " if os.geteuid() == 0 else ""
        (home / "nginx.conf").write_text(CONFIGURATION.format(home=home, main=user + main, log=log, http=http))

    def __enter__(self):
        self.process = subprocess.Popen([*self.tool, "nginx", "-c", str(self.home / "nginx.conf"), "-p", str(self.home)],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=leave_with_parent)
        eventually(self._answers, "nginx answers", 60)
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.home / "error.log").read_text()
        try:
            return raw.get(self.url, "/").status > 0
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)
