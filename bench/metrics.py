#!/usr/bin/env python3
"""What it costs to be looked at: hits of narinfos per second with /metrics on and scraped each second, and without.

Rounds alternate between the servers, so that whatever else the machine does hits all of them. The log is off in all, because
its price is another question. With --baseline a third server takes part: another binary, such as one from before there were
metrics. The result goes to stdout; the target is that being looked at costs at most 5 %.
"""
from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.servers import fill  # noqa: E402
from bench.wrk import Load  # noqa: E402
from tests.e2e.lab import closure, ncps, raw  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5, help="of each round at each server")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--baseline", type=Path, help="another binary to compare with")
    parser.add_argument("--short", action="store_true", help="only to see that it works")
    given = parser.parse_args()
    if given.short:
        given.rounds, given.seconds = 2, 1
    made = closure.many(100)
    cache = made.cache("xz")
    rates: dict[str, list[float]] = {"off": [], "on": []}
    with tempfile.TemporaryDirectory(prefix="ncps-bench-") as folder, Upstream(cache.folder) as upstream:
        home = Path(folder)

        def server(name: str, binary: Path, *more: str) -> ncps.Ncps:
            before, ncps.BINARY = ncps.BINARY, binary
            try:
                (home / name).mkdir()
                one = ncps.Ncps(home / name, upstreams=[(upstream.url, cache.key.public)], log_level="error",
                                address=f"127.0.0.1:{free_port()}", more=more).start_quiet()
            finally:
                ncps.BINARY = before
            return one

        servers = {"off": server("off", ncps.BINARY), "on": server("on", ncps.BINARY, "--prometheus-enabled=true")}
        if given.baseline:
            servers["baseline"], rates["baseline"] = server("baseline", given.baseline), []
        try:
            for one in servers.values():
                targets, _ = fill(one, made.paths[:-1], made.root)
            load = Load("narinfo hits", "requests/s", targets, given.connections)
            load.check(*(one.url for one in servers.values()))
            for number in range(given.rounds):
                names = list(servers) if number % 2 == 0 else list(servers)[::-1]
                for name in names:
                    if name == "on":
                        with Scraper(servers[name].url):
                            rates[name].append(load.run(servers[name].url, given.seconds, home))
                    else:
                        rates[name].append(load.run(servers[name].url, given.seconds, home))
        finally:
            for one in servers.values():
                one.kill9()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, values in rates.items():
        print(f"{name:9} {medians[name]:10.0f} requests/s   ({min(values):.0f} to {max(values):.0f}, {len(values)} rounds)")
    for name in rates:
        if name != "on":
            print(f"on against {name}: {100 * (1 - medians['on'] / medians[name]):+.1f} % slower")


if __name__ == "__main__":
    main()
