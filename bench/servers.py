"""What is compared: ncps with its storage filled, and nginx over the same files."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench import counted
from tests.e2e.lab import raw
from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.closure import parse_narinfo
from tests.e2e.lab.ncps import Ncps, leave_with_parent
from tests.e2e.lab.ports import free_port
from tests.e2e.lab.waiting import eventually


CONFIGURATION = """
{user}
worker_processes 2;
pid {home}/pid;
error_log {home}/error.log;
daemon off;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10000;
  keepalive_requests 100000000;
  types {{ text/x-nix-narinfo narinfo; }}
  default_type application/x-nix-nar;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  server {{ listen 127.0.0.1:{port}; root {home}/files; }}
}}
"""


def fill(proxy: Ncps, paths: list[str], big: str) -> tuple[list[str], str]:
    """Brings all of it into the storage of ncps. Targets of the narinfos, and of the big NAR."""
    for path in (*paths, big):
        answer = raw.get(proxy.url, narinfo_target(path))
        assert answer.status == 200, f"{path}: {answer.status}"
        nar = "/" + parse_narinfo(answer.body.decode())["URL"]
        assert raw.get(proxy.url, nar).ending == raw.COMPLETE
        proxy.wait_stored(nar.rpartition("/")[2])
    return [narinfo_target(path) for path in paths], nar


class Nginx:
    """Static files: the NAR as ncps stores it, the narinfos as ncps serves them."""

    def __init__(self, home: Path, proxy: Ncps, narinfos: list[str], *nars: str, under: Path | None = None) -> None:
        """`under`: a folder for callgrind, which then counts what its only process does."""
        self.home, self.port, self.under = home, free_port(), under
        self.url = f"http://127.0.0.1:{self.port}"
        files = home / "files"
        (files / "nar").mkdir(parents=True)
        for target in narinfos:
            (files / target[1:]).write_bytes(raw.get(proxy.url, target).body)
        for nar in nars:
            (files / nar[1:]).symlink_to(proxy.stored_nars()[nar.rpartition("/")[2]])
        user = "user root;" if os.geteuid() == 0 else ""
        if under:
            user += " master_process off;"
        (home / "nginx.conf").write_text(CONFIGURATION.format(home=home, port=self.port, user=user))

    def __enter__(self) -> "Nginx":
        self.process = subprocess.Popen(
            [*(counted.tool(self.under) if self.under else []), "nginx", "-c", str(self.home / "nginx.conf"), "-p", str(self.home)], stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=leave_with_parent)
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
        self.process.wait(10)


PASSING_ON = """
global
  nbthread 2
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option splice-response
frontend clients
  bind 127.0.0.1:{port}
  default_backend behind
backend behind
  http-request set-header Host {server}
  http-reuse always
  server behind {server}
"""


class PlainProxy:
    """haproxy, which passes on what a server says: what any proxy costs on the machine at hand."""

    def __init__(self, home: Path, server: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        home.mkdir()
        (home / "haproxy.cfg").write_text(PASSING_ON.format(port=port, server=server))
        self.process = subprocess.Popen(["haproxy", "-db", "-f", str(home / "haproxy.cfg")], preexec_fn=leave_with_parent,
                                        env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        eventually(self.answers, "haproxy answers", 10)

    def answers(self) -> bool:
        try:
            return bool(raw.get(self.url, "/").status)
        except ConnectionRefusedError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
