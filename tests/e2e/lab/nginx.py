"""nginx over a folder: a real server with TLS and HTTP/2, and with graceful restarts."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

from .ncps import leave_with_parent
from .ports import free_port
from .tls import Certificate
from .waiting import eventually

CONFIGURATION = """
{user}
worker_processes 1;
pid {home}/pid;
error_log {home}/error.log;
daemon off;
events {{ worker_connections 1024; }}
http {{
  log_format lab '$server_protocol $connection $status $request_method $uri';
  access_log {home}/access.log lab;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl {http2};
    ssl_certificate {certificate.file};
    ssl_certificate_key {certificate.key};
    keepalive_requests {requests};
    root {folder};
  }}
}}
"""


class Nginx:
    def __init__(self, home: Path, folder: Path, certificate: Certificate, http2: bool = True,
                 requests: int = 1000) -> None:
        """After so many `requests` on one connection it says goodbye (GOAWAY) and closes that."""
        self.home = home
        self.port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        self.file = home / "nginx.conf"
        self.file.write_text(CONFIGURATION.format(
            home=home, folder=folder, port=self.port, user=user, certificate=certificate,
            http2="http2" if http2 else "", requests=requests))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def start(self) -> "Nginx":
        self.process = subprocess.Popen(["nginx", "-c", str(self.file), "-p", str(self.home)],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=leave_with_parent)
        eventually(self._listens, "nginx listens")
        return self

    def _listens(self) -> bool:
        assert self.process and self.process.poll() is None, (self.home / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def reload(self) -> None:
        """New workers; the old ones finish what they are at, and say goodbye on every connection."""
        assert self.process
        before = self._workers()
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: self._workers() - before, "there is a new worker")

    def _workers(self) -> set[str]:
        assert self.process
        return set(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())

    def log(self) -> list[list[str]]:
        """Of each request: protocol, number of the connection, status, method, path."""
        return [line.split() for line in (self.home / "access.log").read_text().splitlines()]
