"""nginx in two more roles: as an upstream that is fast enough, and as a cache that ncps can be compared with when it is cold."""
from __future__ import annotations

from pathlib import Path

from bench.nginx import NginxProcess
from tests.e2e.lab.ports import free_port

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


class FileServer(NginxProcess):
    """A binary cache over a folder, which counts the bytes of bodies that it has sent."""

    def __init__(self, home: Path, folder: Path) -> None:
        port = free_port()
        super().__init__(home, port, FILES.format(port=port, folder=folder), log=f"{home}/sent sent")

    def sent_bytes(self) -> int:
        return sum(map(int, (self.home / "sent").read_text().split()))


class CachingNginx(NginxProcess):
    def __init__(self, home: Path, behind: str) -> None:
        port = free_port()
        super().__init__(home, port, CACHE.format(home=home, port=port, behind=behind.partition("//")[2]))
