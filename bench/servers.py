"""What is compared: ncps with its storage filled, and nginx over the same files."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench import counted
from bench.nginx import NginxProcess
from tests.e2e.lab import raw
from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.closure import parse_narinfo
from tests.e2e.lab.ncps import Ncps, leave_with_parent
from tests.e2e.lab.ports import free_port
from tests.e2e.lab.waiting import eventually

STATIC = """
  tcp_nopush on;
  open_file_cache max=10000;
  types {{ text/x-nix-narinfo narinfo; }}
  server {{ listen 127.0.0.1:{port}; root {home}/files; }}
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


class Nginx(NginxProcess):
    """Static files: the NAR as ncps stores it, the narinfos as ncps serves them."""

    def __init__(self, home: Path, proxy: Ncps, narinfos: list[str], *nars: str, under: Path | None = None) -> None:
        """`under`: a folder for callgrind, which then counts what its only process does."""
        self.under, port = under, free_port()
        super().__init__(home, port, STATIC.format(home=home, port=port), main="master_process off;" if under else "",
                         tool=counted.tool(under) if under else ())
        files = home / "files"
        (files / "nar").mkdir(parents=True)
        for target in narinfos:
            (files / target[1:]).write_bytes(raw.get(proxy.url, target).body)
        for nar in nars:
            (files / nar[1:]).symlink_to(proxy.stored_nars()[nar.rpartition("/")[2]])


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
