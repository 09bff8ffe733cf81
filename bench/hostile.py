#!/usr/bin/env python3
"""What others notice of hostile clients: how long narinfo hits take with them and without: bench/hostile.py [--short]

One server, and so many hits a second, the same in all rounds and far from all it could do; in every other round attackers
are at it, from another process: connections that never say anything, heads that drip, uploads that stop in their middle,
clients who pipeline and never read, and shapes of smuggling one after the other. Writes bench/results/<date>-hostile.json
and the table in docs/measurements.md; --short only checks that all of it works, and writes nothing. The target: 99 of 100
hits take at most twice as long beside the attackers.
"""
from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import resource
import selectors
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import report  # noqa: E402
from bench.servers import fill  # noqa: E402
from tests.e2e.lab import closure, raw  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402
from tests.e2e.test_hostile_clients import SHAPES  # noqa: E402

@dataclass(frozen=True)
class Attack:
    """How many of each kind at once; `shapes`: a second."""
    idle: int
    heads: int
    uploads: int
    readers: int
    shapes: int

    def __str__(self) -> str:
        return (f"{self.idle:,} idle connections, {self.heads} heads and {self.uploads} uploads that drip, {self.readers} clients "
                f"who pipeline and never read, {self.shapes} malformed requests a second")


def attack(url: str, target: str, kinds: Attack, ready: Event, end: Event) -> None:
    """Until `end`. A connection that the server has closed is made again."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    host, port = url.removeprefix("http://").split(":")

    def connected(sent: bytes, receive_buffer: int = 0) -> socket.socket:
        made = socket.socket()
        if receive_buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.settimeout(120)
        made.connect((host, int(port)))
        made.sendall(sent)
        made.setblocking(False)
        return made

    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "
    upload = b"PUT /nar/%052d.nar HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhalf"
    pipelined = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 20
    idle = [connected(b"") for _ in range(kinds.idle)]
    readers = [connected(pipelined, 4096) for _ in range(kinds.readers)]
    dripping = [(connected(head), head) for _ in range(kinds.heads)]
    dripping += [(connected(upload % n), upload % n) for n in range(kinds.uploads)]
    shapes = [sent for sent, _ in SHAPES.values()]
    ready.set()
    turn, beat = 0, 1 / max(1, kinds.shapes)
    due = time.monotonic()
    while not end.is_set():
        turn += 1
        with contextlib.suppress(OSError), connected(shapes[turn % len(shapes)]) as one:
            with selectors.DefaultSelector() as selector:
                selector.register(one, selectors.EVENT_READ)
                selector.select(1)
        place = turn % len(dripping)
        one, begin = dripping[place]
        try:
            one.send(b"x")
        except OSError:
            one.close()
            with contextlib.suppress(OSError):
                dripping[place] = connected(begin), begin
        due = max(due + beat, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))
    for one in [*idle, *readers, *(one for one, _ in dripping)]:
        one.close()


def load(url: str, targets: list[str], rate: int, seconds: int) -> dict:
    """Hits, one after the other on some connections in turn, each when it is due: what is slow delays nobody else's clock."""
    connections = [raw.Connection(url) for _ in range(8)]
    took = []
    begin = time.monotonic()
    for number in range(rate * seconds):
        due = begin + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        sent = time.monotonic()
        answer = connections[number % len(connections)].ask("GET", targets[number % len(targets)])
        took.append(time.monotonic() - sent)
        assert (answer.status, answer.ending) == (200, raw.COMPLETE)
    for connection in connections:
        connection.socket.close()
    took.sort()
    return {"p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], "most": took[-1], "requests": len(took),
            "seconds": time.monotonic() - begin}


def round_of(url: str, targets: list[str], nar: str, rate: int, seconds: int, kinds: Attack | None) -> dict:
    if kinds is None:
        return load(url, targets, rate, seconds)
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    attacker = context.Process(target=attack, args=(url, nar, kinds, ready, end), daemon=True)
    attacker.start()
    try:
        assert ready.wait(120), "the attackers did not come through"
        measured = load(url, targets, rate, seconds)
        assert attacker.is_alive()
        return measured
    finally:
        end.set()
        attacker.join(30)
        if attacker.is_alive():
            attacker.kill()


def table(results: dict[str, list[dict]], kinds: Attack, rounds: int, seconds: int, rate: int, date: str) -> str:
    where = report.machine()

    def cells(name: str) -> str:
        return " | ".join(f"{1000 * median(r[key] for r in results[name]):.2f} ms" for key in ("p50", "p99", "most"))
    ratio = median(r["p99"] for r in results["attacked"]) / median(r["p99"] for r in results["quiet"])
    return "\n".join([
        f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}; server, client and attackers share the cores.",
        f"`bench/hostile.py --rounds {rounds} --seconds {seconds} --rate {rate}`: medians of {rounds} rounds in turns, {rate:,} hits a "
        f"second. Attackers: {kinds}. 99 of 100 hits take {ratio:.2f}x as long beside them (aim: at most 2x).", "",
        "| hits of narinfos | median | 99 of 100 | slowest |", "|---|---:|---:|---:|",
        f"| alone | {cells('quiet')} |", f"| beside the attackers | {cells('attacked')} |"])


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one short round with few attackers, nothing is written")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=10)
    arguments.add_argument("--rate", type=int, default=500, help="hits a second")
    chosen = arguments.parse_args()
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    rounds, seconds = (1, 1) if chosen.short else (chosen.rounds, chosen.seconds)
    kinds = Attack(50, 5, 5, 5, 20) if chosen.short else Attack(5000, 500, 500, 100, 200)
    made = closure.many(100)
    cache = made.cache("xz")
    results: dict[str, list[dict]] = {"quiet": [], "attacked": []}
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as folder, Upstream(cache.folder) as upstream:
        home = Path(folder)
        server = Ncps(home / "ncps", upstreams=[(upstream.url, cache.key.public)], log_level="error",
                      address=f"127.0.0.1:{free_port()}",
                      more=["--cache-allow-put-verb", "--server-max-connections-per-client=0"]).start_quiet()
        try:
            targets, nar = fill(server, made.paths[:-1], made.root)
            for number in range(rounds):
                for name in ("quiet", "attacked") if number % 2 == 0 else ("attacked", "quiet"):
                    measured = round_of(server.url, targets, nar, chosen.rate, seconds, kinds if name == "attacked" else None)
                    results[name].append(measured)
                    print(f"{name:<9} median {1000 * measured['p50']:6.2f} ms   99 of 100 {1000 * measured['p99']:6.2f} ms   "
                          f"slowest {1000 * measured['most']:6.2f} ms", flush=True)
            assert server.stop(within=60) == 0
        finally:
            server.kill9()
    if not chosen.short:
        report.write_section(ROOT, "hostile", {"rounds": rounds, "seconds": seconds, "attackers": str(kinds), "measured": results},
                             lambda date: table(results, kinds, rounds, seconds, chosen.rate, date))
    return 0


if __name__ == "__main__":
    sys.exit(main())
