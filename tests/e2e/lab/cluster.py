"""Several instances behind haproxy, with one database, one storage and, if given, one Redis.

A part that an instance talks to may be reached through a proxy of that instance's own (`wires`), so that the network
between just these two can be cut.
"""
from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence
from urllib.parse import urlsplit

from .database import DatabaseServer
from .haproxy import Haproxy
from .ncps import Ncps
from .ports import free_port
from .tcp_proxy import TcpProxy
from .upstream import Upstream


@dataclass
class Plan:
    """What the instances share. Addresses are host:port."""
    upstreams: Sequence[tuple[str, str | None]]       # (URL, public key)
    database: DatabaseServer
    store: Sequence[str]                              # options
    redis: Sequence[str] = ()                         # options; empty: local locks
    more: Sequence[str] = ()
    log_level: str = "info"
    wired: dict[str, str] = field(default_factory=dict)  # part to its address as it stands in the options above


class Cluster:
    def __init__(self, home: Path, plan: Plan, count: int = 3) -> None:
        self.plan = plan
        self.wires: dict[tuple[int, str], TcpProxy] = {}  # of an instance to a part
        self._stack = contextlib.ExitStack()
        self.instances = [self._instance(home / f"instance-{number}", number) for number in range(count)]
        for instance in self.instances:
            self._stack.callback(instance.kill9)
        (home / "haproxy").mkdir()
        self.haproxy = Haproxy(home / "haproxy", [instance.address for instance in self.instances])

    def _instance(self, home: Path, number: int) -> Ncps:
        home.mkdir()
        options = [f"--cache-database-url={self.plan.database.url}", *self.plan.redis, *self.plan.more]
        store = list(self.plan.store)
        for part, address in self.plan.wired.items():
            host, _, port = address.rpartition(":")
            wire = self.wires[number, part] = TcpProxy(host, int(port)).start()
            self._stack.callback(wire.stop)
            wired = f"{host}:{wire.port}"  # by the same name, which a certificate may be for
            options = [option.replace(address, wired) for option in options]
            store = [option.replace(address, wired) for option in store]
        return Ncps(home, upstreams=self.plan.upstreams, address=f"127.0.0.1:{free_port()}", store=store, more=options,
                    log_level=self.plan.log_level)

    def start(self) -> "Cluster":
        """All at once, on whatever is there."""
        for instance in self.instances:
            instance.start(wait=False)
        for instance in self.instances:
            instance.wait_listening()
        self._stack.callback(self.haproxy.stop)
        self.haproxy.start()
        self.haproxy.wait(*["UP"] * len(self.instances))
        return self

    def stop(self) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return self.haproxy.url

    def cut(self, part: str) -> None:
        for (_, name), wire in self.wires.items():
            if name == part:
                wire.cut()

    def stall(self, part: str, *ways: str) -> None:
        for (_, name), wire in self.wires.items():
            if name == part:
                wire.stall(*ways)

    def mend(self, part: str) -> None:
        for (_, name), wire in self.wires.items():
            if name == part:
                wire.mend()

    def tail(self) -> str:
        def last(instance: Ncps) -> str:
            lines = [line for line in list(instance.lines) if line.get("request_uri") != "/readyz"]
            return "\n".join(map(str, lines[-20:])) + instance.stderr()[-1000:]
        return "\n".join(f"== instance {n}\n{last(instance)}" for n, instance in enumerate(self.instances))


def address_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"


def transfers(upstream: Upstream, targets: Sequence[str]) -> dict[str, int]:
    """How often each of these was asked of the upstream, by GET."""
    return {target: len(upstream.requests(target, "GET")) for target in targets}
