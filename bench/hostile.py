#!/usr/bin/env python3
"""What others notice of hostile clients: how long hits take with them and without: bench/hostile.py [--short]

One server, and so many hits a second of narinfos and of small NARs in turn, the same in all rounds and far from all it could do;
in every other round attackers are at it, from another process: connections that never say anything, heads that drip, uploads
that stop in their middle, clients who pipeline requests for a large NAR and never read (that the server is stuck in its
answer to each of them is looked for), and shapes of smuggling one after the other. Writes bench/results/<date>-hostile.json
and the table in docs/measurements.md; --short only checks that all of it works, and writes nothing. The target, and else exit
status 1: 99 of 100 hits of each kind take at most twice as long beside the attackers.
"""
from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import resource
import selectors
import socket
import struct
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
from tests.e2e.lab.closure import parse_narinfo  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402
from tests.e2e.lab.waiting import eventually  # noqa: E402
from tests.e2e.test_hostile_clients import SHAPES  # noqa: E402
from tests.e2e.test_many_connections import make_room_for  # noqa: E402

MOST = 2.0  # times as long
KINDS = ("narinfos", "NARs")
LARGE = 8  # MB: more than ever waits in sockets for a client of this machine (src/http/on_the_way.h)


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
                f"who pipeline and never read, each in the middle of an answer of {LARGE} MB, {self.shapes} malformed requests a second")


def not_taken(port: int) -> set[int]:
    """The ports of the clients of the server there that do not take what it has sent (tx_queue of /proc/net/tcp)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows
            if int(row[1].rpartition(":")[2], 16) == port and int(row[4].partition(":")[0], 16) > 0}


def stuck(port: int, readers: list[socket.socket]) -> bool:
    """Each of them has the beginning of a large answer before it, and the server cannot send the rest."""
    def has_begun(one: socket.socket) -> bool:
        try:
            text, end, _ = one.recv(2048, socket.MSG_PEEK).partition(b"\r\n\r\n")
        except BlockingIOError:
            return False
        head = raw.parse_head(text) if end else None
        return head is not None and head.status == 200 and int(head.get("Content-Length") or 0) >= LARGE * 1_000_000
    return all(map(has_begun, readers)) and {one.getsockname()[1] for one in readers} <= not_taken(port)


def leave(one: socket.socket) -> None:
    """At once: in TIME_WAIT its port would be missing in the next rounds."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


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
    eventually(lambda: stuck(int(port), readers), "the server is stuck in its answer to each client who never reads", 60)
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
    assert stuck(int(port), readers), "clients who never read have been given up, or were never stuck"
    for one in [*idle, *readers, *(one for one, _ in dripping)]:
        leave(one)


def load(url: str, targets: dict[str, list[str]], rate: int, seconds: int) -> dict[str, dict]:
    """Hits of each kind in turn, `rate` a second of each, one after the other on some connections, each when it is due: what is
    slow delays nobody else's clock."""
    connections = [raw.Connection(url) for _ in range(8)]
    took: dict[str, list[float]] = {kind: [] for kind in targets}
    begin = time.monotonic()
    for number in range(rate * seconds):
        for turn, (kind, of_it) in enumerate(targets.items()):
            due = begin + (number + turn / len(targets)) / rate
            time.sleep(max(0.0, due - time.monotonic()))
            sent = time.monotonic()
            answer = connections[number % len(connections)].ask("GET", of_it[number % len(of_it)])
            took[kind].append(time.monotonic() - sent)
            assert (answer.status, answer.ending) == (200, raw.COMPLETE)
    for connection in connections:
        connection.socket.close()
    seconds_in_all = time.monotonic() - begin
    return {kind: summary(sorted(times)) | {"seconds": seconds_in_all} for kind, times in took.items()}


def summary(took: list[float]) -> dict:
    return {"p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], "most": took[-1], "requests": len(took)}


def round_of(url: str, targets: dict[str, list[str]], large: str, rate: int, seconds: int, kinds: Attack | None) -> dict[str, dict]:
    if kinds is None:
        return load(url, targets, rate, seconds)
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    attacker = context.Process(target=attack, args=(url, large, kinds, ready, end), daemon=True)
    attacker.start()
    try:
        eventually(lambda: ready.is_set() or not attacker.is_alive(), "the attackers have come through", 120)
        assert attacker.is_alive(), "the attackers have failed"
        measured = load(url, targets, rate, seconds)
        end.set()
        attacker.join(60)
        assert attacker.exitcode == 0, "the attackers have failed"
        return measured
    finally:
        attacker.kill()


Results = dict[str, list[dict[str, dict]]]  # "quiet" and "attacked": of each round what was measured of each kind


def middle(results: Results, how: str, kind: str, key: str) -> float:
    return median(one[kind][key] for one in results[how])


def ratio(results: Results, kind: str) -> float:
    return middle(results, "attacked", kind, "p99") / middle(results, "quiet", kind, "p99")


def table(results: Results, kinds: Attack, rounds: int, seconds: int, rate: int, date: str) -> str:
    where = report.machine()

    def cells(how: str, kind: str) -> str:
        return " | ".join(f"{1000 * middle(results, how, kind, key):.2f} ms" for key in ("p50", "p99", "most"))
    ratios = ", ".join(f"of {kind} {ratio(results, kind):.2f}x" for kind in KINDS)
    aim = report.judged(f"at most {MOST:g}x", all(ratio(results, kind) <= MOST for kind in KINDS))
    rows = [f"| {kind}, {title} | {cells(how, kind)} |" for kind in KINDS
            for how, title in (("quiet", "alone"), ("attacked", "beside the attackers"))]
    return "\n".join([
        f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}; server, client and attackers share the cores.",
        f"`bench/hostile.py --rounds {rounds} --seconds {seconds} --rate {rate}`: medians of {rounds} rounds in turns, {rate:,} hits a "
        f"second of narinfos and as many of NARs of a few KB. Attackers: {kinds}. "
        f"99 of 100 hits take beside them {ratios} as long (aim: {aim}).", "",
        "| hits | median | 99 of 100 | slowest |", "|---|---:|---:|---:|", *rows])


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
    kinds = Attack(50, 5, 5, 5, 20) if chosen.short else Attack(10_000, 500, 500, 100, 200)
    make_room_for(kinds.idle + kinds.heads + kinds.uploads + kinds.readers)
    made, large = closure.many(100), closure.single(LARGE)
    cache, with_large = made.cache("xz"), large.cache("zstd")
    results: Results = {"quiet": [], "attacked": []}
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as folder, Upstream(cache.folder) as first, Upstream(with_large.folder) as second:
        home = Path(folder)
        server = Ncps(home / "ncps", upstreams=[(one.url, cache.key.public) for one in (first, second)], log_level="error",
                      address=f"127.0.0.1:{free_port()}",
                      more=["--cache-allow-put-verb", "--server-max-connections-per-client=0"]).start_quiet()
        try:
            narinfos, large_nar = fill(server, made.paths[:-1], large.root)
            nars = ["/" + parse_narinfo(server.get(target).decode())["URL"] for target in narinfos]
            targets = dict(zip(KINDS, (narinfos, nars)))
            for number in range(rounds):
                for name in ("quiet", "attacked") if number % 2 == 0 else ("attacked", "quiet"):
                    measured = round_of(server.url, targets, large_nar, chosen.rate, seconds, kinds if name == "attacked" else None)
                    results[name].append(measured)
                    for kind, one in measured.items():
                        print(f"{name:<9} {kind:<9} median {1000 * one['p50']:6.2f} ms   99 of 100 {1000 * one['p99']:6.2f} ms   "
                              f"slowest {1000 * one['most']:6.2f} ms", flush=True)
            assert server.stop(within=60) == 0
        finally:
            server.kill9()
    if chosen.short:
        return 0
    report.write_section(ROOT, "hostile", {"rounds": rounds, "seconds": seconds, "attackers": str(kinds), "measured": results},
                         lambda date: table(results, kinds, rounds, seconds, chosen.rate, date))
    missed = [kind for kind in KINDS if ratio(results, kind) > MOST]
    for kind in missed:
        print(f"too slow: 99 of 100 hits of {kind} take {ratio(results, kind):.2f}x as long beside the attackers, the aim is at most "
              f"{MOST:g}x", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
