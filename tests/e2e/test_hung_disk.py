"""An instance that lives, and whose disk hangs, in the middle of a download: the others do without it."""
from __future__ import annotations

from .lab import raw
from .lab.faults import Gate
from .lab.freezer import Freezer
from .lab.ncps import Ncps
from .lab.postgres import Postgres
from .lab.redis import RedisServer
from .lab.s3_case import S3Case, nar_key
from .lab.waiting import eventually

# Four times that without a step, and a download has lost its lease; which else lives for five minutes.
PATIENCE = "--cache-download-poll-timeout=2s"


class HungDisk(S3Case):
    def setUp(self) -> None:
        super().setUp()
        self.single(8)
        self.database = Postgres()
        self.addCleanup(self.database.close)
        self.redis = RedisServer()
        self.addCleanup(self.redis.close)
        self.disk = Freezer(self.folder("freezer"))
        self.addCleanup(self.disk.close)

    def instance(self, *more: str, url: str | None = None) -> Ncps:
        return self.s3_ncps((self.up, self.cache), url=url, more=[
            f"--cache-database-url={self.database.url}", *self.redis.flags(), "--server-drain-delay=0",
            "--cache-prefetch=off", PATIENCE, *more])

    def test_it_loses_its_lease_another_one_goes_on_and_it_publishes_nothing_when_it_is_back(self) -> None:
        wire = self.wire()
        a, b = self.instance(f"--cache-temp-path={self.disk.path}", url=wire.url), self.instance()
        self.addCleanup(self.disk.thaw)  # before it is killed
        lease = f"ncps:lock:{{download:nar:{self.name[1:]}}}"
        gate = Gate()
        self.addCleanup(gate.open)
        self.up.fault(self.name, times=1, gate=gate, gate_at=3_000_000)
        target = self.nar_target(a, self.made.root)
        first = raw.Stream(a.url, target).start()
        eventually(lambda: first.count > 2_000_000, "its client reads", 60)
        self.disk.freeze()
        gate.open()
        eventually(lambda: lease not in self.redis.keys(), "it has lost the lease", 60)
        a.wait_line("a lease was lost", 60)
        self.assertNotIn(nar_key(self.name), self.s3.keys(self.bucket))
        # Its own client waits; those of the other one do not.
        self.assert_whole(raw.Stream(b.url, target).start().join(60), self.sha256)
        b.wait_line("NAR stored", 60)
        self.assertIsNone(first.ending)
        self.disk.thaw()
        self.assert_whole(first.join(60), self.sha256)
        a.wait_line("NAR stored", 60)  # as it finds
        self.assertFalse([one for one in wire.requests if one[0] in ("PUT", "POST") and "store/nar/" in one[1]],
                         "it has sent none of it")
        for proxy in (a, b):
            self.assert_whole(raw.get(proxy.url, target), self.file.read_bytes())
