"""nginx in two more roles: as an upstream that is fast enough, and as a cache that ncps can be compared with when it is cold."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.e2e.lab import raw
from tests.e2e.lab.ncps import leave_with_parent
from tests.e2e.lab.ports import free_port
from tests.e2e.lab.waiting import eventually

COMMON = """
{user}
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
  {more}
}}
"""

FILES = "server {{ listen 127.0.0.1:{port}; root {folder}; }}"

CACHE = """
  proxy_cache_path {home}/cache keys_zone=cache:10m max_size=10g inactive=60m use_temp_path=off;
  upstream behind {{ server {behind}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache cache;
      proxy_cache_valid 200 60m;
      proxy_cache_lock on;
      proxy_max_temp_file_size 4096m;
    }}
  }}
"""


class Server:
    def __init__(self, home: Path, more: str, port: int, log: str = "off") -> None:
        self.home = home
        home.mkdir()
        self.url = f"http://127.0.0.1:{port}"
        user = "user root;" if os.geteuid() == 0 else ""
        (home / "nginx.conf").write_text(COMMON.format(home=home, user=user, log=log, more=more))

    def __enter__(self):
        self.process = subprocess.Popen(["nginx", "-c", str(self.home / "nginx.conf"), "-p", str(self.home)],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=leave_with_parent)
        eventually(self._answers, "nginx answers")
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.home / "error.log").read_text()
        try:
            return raw.get(self.url, "/").status > 0
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)


class FileServer(Server):
    """A binary cache over a folder, which counts the bytes of bodies that it has sent."""

    def __init__(self, home: Path, folder: Path) -> None:
        port = free_port()
        super().__init__(home, FILES.format(port=port, folder=folder), port, log=f"{home}/sent sent")

    def sent_bytes(self) -> int:
        return sum(map(int, (self.home / "sent").read_text().split()))


class CachingNginx(Server):
    def __init__(self, home: Path, behind: str) -> None:
        port = free_port()
        super().__init__(home, CACHE.format(home=home, port=port, behind=behind.partition("//")[2]), port)
