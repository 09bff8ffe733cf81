#!/usr/bin/env python3
"""What it costs to be looked at: hits of narinfos with /metrics scraped each second, with all signals over OTLP, and without.

Rounds alternate between the servers, so that whatever else the machine does hits all of them. The servers have one half of
the cores; the clients have the other, and, when these leave time, the collector and who scrapes: what they cost is not ours. The log
goes to a file and to the collector, and holds errors alone; in the last row each request for which there is time: how many
lines were not written is told. With --baseline another server takes part: another binary, such as one from before there were
metrics. Writes the table in docs/measurements.md; --short only checks that all of it works.
"""
from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import cores, cpu, report  # noqa: E402
from bench.servers import fill  # noqa: E402
from bench.wrk import Load  # noqa: E402
from tests.e2e.lab import closure, ncps, raw  # noqa: E402
from tests.e2e.lab.otlp_receiver import OtlpReceiver  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402


LAST = 3  # of the ways: all that there is


class Scraper:
    """Reads /metrics once a second, as an eager Prometheus would."""

    def __init__(self, url: str) -> None:
        self.url, self.scrapes, self._end = url, 0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._end.wait(1):
            assert raw.get(self.url, "/metrics").status == 200
            self.scrapes += 1

    def __enter__(self) -> "Scraper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


@dataclass
class Watched:
    """A way to be looked at, and what it was measured with: one number for each round."""
    name: str
    server: ncps.Ncps
    scraped: bool = False
    rates: list[float] = field(default_factory=list)  # requests a second
    costs: list[float] = field(default_factory=list)  # microseconds of CPU for each request
    requests: float = 0

    def run(self, load: Load, seconds: int, home: Path) -> None:
        assert self.server.process
        before = cpu.seconds(self.server.process.pid)
        with Scraper(self.server.url) if self.scraped else contextlib.nullcontext():
            self.rates.append(load.run(self.server.url, seconds, home))
        self.requests += self.rates[-1] * seconds
        self.costs.append((cpu.seconds(self.server.process.pid) - before) * 1e6 / (self.rates[-1] * seconds))

    def metric(self, sample: str) -> float:
        """That of /metrics."""
        text = raw.get(self.server.url, "/metrics").body.decode()
        return float(re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)[1])

    def told(self) -> dict[str, float]:
        """What reached the log and the collector, of each hundred requests."""
        lost = self.metric("ncps_log_lines_dropped_total")
        spans = self.metric('ncps_otlp_sent_total{signal="traces"}')
        return {"lines of the log": 100 * (1 - lost / self.requests), "spans": 100 * spans / self.requests}


def table(ways: list[Watched], date: str, given: argparse.Namespace) -> str:
    where, off = report.machine(), ways[0]
    lines = [f"{date}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}; the servers on one half of the cores, load generator, "
             "collector and who scrapes on the other.",
             f"`bench/metrics.py --rounds {given.rounds} --seconds {given.seconds}`: hits of narinfos, {given.connections} connections, medians of "
             f"{given.rounds} rounds in turns.", "", "| | requests/s | | CPU | |", "|---|---:|---:|---:|---:|"]
    for way in ways:
        rate, cost = median(way.rates), median(way.costs)
        lines.append(f"| {way.name} | {rate:,.0f} | {rate / median(off.rates):.2f}x | {cost:.2f} µs/request | {cost / median(off.costs):.2f}x |")
    lines += ["", "Of a hundred requests at that rate, in the last row: " + ", ".join(f"{of:.0f} {what}" for what, of in ways[LAST].told().items())
              + "; for the others there was no time, and they are counted as lost."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5, help="of each round at each server")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--baseline", type=Path, help="another binary to compare with")
    parser.add_argument("--short", action="store_true", help="only to see that it works")
    given = parser.parse_args()
    if given.short:
        given.rounds, given.seconds = 1, 1
    made = closure.many(20 if given.short else 100)
    cache = made.cache("xz")
    ours, others = cores.halves()
    cores.keep_to(os.getpid(), others)
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ncps-bench-")))
        upstream = stack.enter_context(Upstream(cache.folder))
        collector = OtlpReceiver()
        stack.callback(collector.stop)
        collector.start()
        cores.give_way(collector.pid)
        collector.tell("take")

        def server(name: str, *more: str, binary: Path = ncps.BINARY, log_level: str = "error") -> ncps.Ncps:
            folder = home / name
            folder.mkdir()
            before, ncps.BINARY = ncps.BINARY, binary
            try:
                one = ncps.Ncps(folder, upstreams=[(upstream.url, cache.key.public)], log_level=log_level,
                                address=f"127.0.0.1:{free_port()}", more=more, wrapper=("sh", "-c", f'exec "$@" >{folder}/log', "sh")).start_quiet()
            finally:
                ncps.BINARY = before
            stack.callback(one.kill9)
            assert one.process
            cores.keep_to(one.process.pid, ours)
            return one

        prometheus = "--prometheus-enabled=true"
        otlp = ("--otel-enabled=true", f"--otel-grpc-url=http://{collector.address}")
        ways = [Watched("nothing", server("off")),
                Watched("`/metrics`, scraped each second", server("metrics", prometheus), scraped=True),
                Watched("that, and metrics and traces over OTLP", server("otlp", prometheus, *otlp), scraped=True),
                Watched("that, and a line of the log for each request", server("all", prometheus, *otlp, log_level="info"), scraped=True)]
        if given.baseline:
            ways.append(Watched("nothing, the other binary", server("baseline", binary=given.baseline)))
        for way in ways:
            targets, _ = fill(way.server, made.paths[:-1], made.root)
        load = Load("narinfo hits", "requests/s", targets, given.connections)
        load.check(*(way.server.url for way in ways))
        for number in range(given.rounds):
            for way in ways if number % 2 == 0 else reversed(ways):
                cores.give_way(os.getpid(), but=os.getpid())  # the upstream, who scrapes, and who reads what the collector says
                way.run(load, given.seconds, home)
        assert all(ways[LAST].told().values()), f"something was not told: {ways[LAST].told()}"
        print(table(ways, "now", given))
        if not given.short:
            rows = {way.name: {"requests/s": way.rates, "us of CPU": way.costs} for way in ways}
            report.write_section(ROOT, "metrics", {"rows": rows}, lambda date: table(ways, date, given))


if __name__ == "__main__":
    main()
