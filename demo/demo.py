#!/usr/bin/env python3
"""Shows in some seconds what ncps does: three machines, one upstream, no internet.

An upstream cache with the delay and bandwidth of a far network, ncps in front of it, and three
machines with empty stores that copy the same packages through ncps: cold, warm, and with the
upstream switched off. Everything is real (Nix, HTTP, signatures) and lives in a temporary folder.
"""
from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.e2e.lab import closure  # noqa: E402
from tests.e2e.lab.client import NixClient  # noqa: E402
from tests.e2e.lab.closure import Closure  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402

LATENCY = 0.050         # seconds for each request
BANDWIDTH = 30_000_000  # bytes per second of each transfer
LEAVES, LEAF_SIZE, BIG = 10, 200_000, 40_000_000


def packages() -> Closure:
    """Twelve packages, 42 MB: ten small ones, a big one, and one that needs them all."""
    names = [(f"library-{n}", closure.file_of_random_bytes(f"demo{n}", LEAF_SIZE), []) for n in range(LEAVES)]
    names.append(("big-data", closure.file_of_random_bytes("demo-big", BIG), []))
    names.append(("application", closure.file_of_text("it runs\n"), range(len(names))))
    return closure.make_closure("demo", names)


class Demo:
    def __init__(self, home: Path) -> None:
        self.home = home
        print("Packing twelve packages (42 MB) into an upstream cache ...", flush=True)
        self.packages = packages()
        self.cache = self.packages.cache("zstd")
        self.upstream = Upstream(self.cache.folder, latency=LATENCY, rate=BANDWIDTH)
        self.ncps = Ncps(home / "ncps", upstreams=[], hostname="demo.local")
        self.good = True

    def run(self) -> bool:
        with self.upstream:
            self.ncps.upstreams = [(self.upstream.url, self.cache.key.public)]
            with self.ncps:
                self.introduce()
                cold = self.copy("1  cold: nothing cached")
                warm = self.copy("2  warm: another machine")
                self.upstream.stop()
                down = self.copy("3  upstream switched off")
                print()
                self.verdict("every machine got packages signed by ncps alone", True)
                self.verdict("the upstream sent each byte once",
                             cold[1] <= self.size() * 1.01 and warm[1] == down[1] == 0)
                self.verdict(f"the second machine was {cold[0] / warm[0]:.1f} times as fast", warm[0] < cold[0])
                self.verdict("the third did not notice that the upstream was gone", down[1] == 0)
                self.verdict("ncps leaves cleanly", self.leaves_cleanly())
        return self.good

    def leaves_cleanly(self) -> bool:
        try:
            return self.ncps.stop() == 0
        except AssertionError:
            return False

    def size(self) -> int:
        """What the upstream has to send: all NARs and narinfos."""
        return sum(f.stat().st_size for f in self.cache.folder.rglob("*") if f.is_file())

    def introduce(self) -> None:
        print(f"Upstream  {self.upstream.url}  ({LATENCY * 1000:.0f} ms for each request, "
              f"{BANDWIDTH / 1e6:.0f} MB/s)")
        print(f"ncps      {self.ncps.url}  key {self.ncps.pubkey()[:24]}...\n")
        print(f"{'nix copy into an empty store':<30}{'time':>9}{'from upstream':>16}{'requests':>10}")

    def copy(self, name: str) -> tuple[float, int]:
        """One machine; the time it took, and what the upstream had to send."""
        client = NixClient(self.home / name.partition(" ")[0], [self.ncps.pubkey()])
        self.upstream.forget()
        begin = time.monotonic()
        client.copy(self.ncps.url, self.packages.root)
        seconds = time.monotonic() - begin
        sent, requests = self.upstream.bytes_sent(), len(self.upstream.requests())
        client.verify(self.packages.root)
        print(f"{name:<30}{seconds:>7.2f} s{sent / 1e6:>13.1f} MB{requests:>10}", flush=True)
        return seconds, sent

    def verdict(self, text: str, good: bool) -> None:
        self.good = self.good and good
        print(f"  {'ok  ' if good else 'FAIL'}  {text}")


def main() -> int:
    if not BINARY.exists():
        print(f"{BINARY} is not built yet: make build", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="ncps-demo-") as home:
        try:
            good = Demo(Path(home)).run()
        finally:
            closure.make_removable(Path(home))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
