"""Three instances behind haproxy with a real database, a real Redis, and a bucket or a shared folder."""
from __future__ import annotations

import hashlib
import signal
import tempfile
import unittest
from pathlib import Path
from typing import Callable

from .lab import raw
from .lab.case import LabCase, narinfo_target
from .lab.closure import remove_tree
from .lab.cluster import Cluster, Plan
from .lab.faults import Gate
from .lab.ncps import Ncps
from .lab.mariadb import MariaDb
from .lab.redis import RedisCluster, RedisServer
from .lab.several import LEASES, Clients, Several, closure_of, retried_once
from .lab.tls import authority
from .lab.waiting import eventually

COLD, LATE, HELD = 8, 12, 6  # paths of each size below


class OnSeveral:
    """One set of parts for all tests of a class; each takes paths that nobody has asked for yet."""
    bucket: bool
    several: Several

    @classmethod
    def setUpClass(cls) -> None:
        home = Path(tempfile.mkdtemp(prefix="ncps-several-"))
        cls.addClassCleanup(remove_tree, home)
        made = closure_of("several", [2] * COLD + [0.2] * LATE + [8] * HELD)
        cls.several = Several(home, made, cls.bucket)
        cls.addClassCleanup(cls.several.close)
        cls.cold, cls.late, cls.held = made.paths[:COLD], made.paths[COLD:-HELD], made.paths[-HELD:]

    def setUp(self) -> None:
        super().setUp()
        self.several.upstream.faults.clear()

    def fail_with_logs(self, text: str) -> None:
        self.fail(f"{text}\n{self.several.cluster.tail()}")

    def assert_no_errors(self, errors: list[BaseException]) -> None:
        if errors:
            self.fail_with_logs("\n".join(map(repr, errors[:5])))

    def holding(self, path: str) -> tuple[Gate, Ncps]:
        """A download that the upstream holds back in its middle, and the instance that does it."""
        gate = Gate()
        self.several.upstream.fault(self.several.nar(path), times=1, gate=gate, gate_at=4_000_000)
        self.addCleanup(gate.open)
        self.several.narinfo(path)  # which fetches the NAR ahead
        self.assertTrue(gate.reached.wait(60))
        return gate, eventually(lambda: self.several.fetches(path), "somebody fetches it")

    def others(self, one: Ncps) -> list[Ncps]:
        return [instance for instance in self.several.instances if instance is not one]

    def wait_stored(self, path: str, within: float = 60) -> None:
        eventually(lambda: self.several.is_stored(path), f"{path} is kept\n{self.several.cluster.tail()}", within)

    # --- without faults ---

    def test_all_that_started_at_once_on_nothing_have_one_key(self) -> None:
        self.assertEqual(len({instance.pubkey() for instance in self.several.instances}), 1)

    def test_fifty_clients_cost_one_transfer_for_each_nar(self) -> None:
        several = self.several
        for path in self.cold:
            several.upstream.fault(several.nar(path), rate=500_000)  # long enough for all to meet, also on a loaded machine
        self.assert_no_errors(Clients([lambda n=n: several.pull(self.cold[n % COLD]) for n in range(50)]).join())
        self.assertEqual({path: several.transfers(path) for path in self.cold}, dict.fromkeys(self.cold, 1))
        eventually(lambda: any(line.get("cache") == "peer" for instance in several.instances for line in list(instance.lines)),
                   "some came from another instance")
        for path in self.cold:
            self.wait_stored(path)

    # --- an instance ---

    def test_the_downloading_instance_is_killed_in_the_middle(self) -> None:
        several, path = self.several, self.held[0]
        gate, holder = self.holding(path)
        clients = Clients([retried_once(lambda: several.pull(path)) for _ in range(12)])
        streams = [raw.Stream(other.url, several.nar(path)).start() for other in self.others(holder)]
        for stream in streams:
            eventually(lambda: stream.count > 0, "followers have its first bytes")
        holder.kill9()
        gate.open()
        self.assert_no_errors(clients.join())
        for stream in streams:  # they need no retry
            self.assert_whole(stream.join(), several.digest(path))
        self.wait_stored(path)
        holder.start()
        several.cluster.haproxy.wait("UP", "UP", "UP")
        several.pull(path, holder.url)

    def test_a_holder_that_slept_beyond_its_lease_publishes_nothing(self) -> None:
        several, path = self.several, self.held[1]
        gate, holder = self.holding(path)
        holder.send_signal(signal.SIGSTOP)
        try:
            eventually(lambda: not several.is_leased(path), "its lease has ended", 60)  # by itself it would last for minutes
            several.pull(path, self.others(holder)[0].url)
            self.wait_stored(path)
            before = several.identity(path)
        finally:
            holder.send_signal(signal.SIGCONT)
        gate.open()
        several.pull(path, holder.url)
        eventually(lambda: several.upstream.requests(several.nar(path), "GET")[0].finished, "it has all of it")
        self.assertEqual(several.identity(path), before, several.cluster.tail())
        several.cluster.haproxy.wait("UP", "UP", "UP")

    # --- what they share ---

    def test_without_redis_hits_go_on_misses_are_503_and_all_is_well_when_it_is_back(self) -> None:
        several = self.several
        hit, miss = self.late[:2]
        several.pull(hit)
        self.wait_stored(hit)
        several.redis.kill9()
        try:
            for instance in several.instances:
                several.pull(hit, instance.url)
                self.assertEqual(raw.get(instance.url, "/readyz").status, 200)
            several.narinfo(miss)  # which needs no lease
            answer = raw.get(several.url, several.nar(miss), timeout=60)
            self.assertEqual(answer.status, 503, several.cluster.tail())
            self.assertIsNotNone(answer.get("Retry-After"))
            self.assertEqual(several.transfers(miss), 0)
        finally:
            several.redis.start()
        for instance in several.instances:  # each finds out by itself that it is back
            eventually(lambda: raw.get(instance.url, several.nar(miss), timeout=60).status == 200, "it is fetched", 60)
        several.pull(miss)
        self.wait_stored(miss)

    def test_the_network_between_one_instance_and_redis_is_cut_and_carries_nothing(self) -> None:
        several, first = self.several, self.several.instances[0]
        wire = several.cluster.wires[0, "redis"]
        for fault in (wire.cut, wire.stall):
            with self.subTest(fault.__name__):
                path = self.late[4 if fault == wire.cut else 5]
                fault()
                try:
                    several.pull(path, several.instances[1].url)
                    self.wait_stored(path)
                    several.pull(path, first.url)  # at rest: no lease
                finally:
                    wire.mend()

    def test_the_database_is_killed_and_back(self) -> None:
        several = self.several
        hit, miss = self.late[6:8]
        several.pull(hit)
        self.wait_stored(hit)
        for instance in several.instances:
            several.pull(hit, instance.url)  # hot
        several.database.kill9()
        try:
            for instance in several.instances:
                several.pull(hit, instance.url)
                self.assertEqual(raw.get(instance.url, "/readyz", timeout=60).status, 200)
            status = raw.get(several.url, narinfo_target(miss), timeout=60).status
            self.assertIn(status, (200, 503))
        finally:
            several.database.start()
        eventually(lambda: raw.get(several.url, narinfo_target(miss), timeout=60).status == 200, "it comes back", 60)
        several.pull(miss)


class OnPostgresAndABucket(OnSeveral, LabCase):
    bucket = True

    def test_the_bucket_is_cut_off_and_back(self) -> None:
        several, path = self.several, self.late[8]
        several.pull(path)
        self.wait_stored(path)
        several.cluster.cut("store")
        try:
            eventually(lambda: raw.get(several.instances[0].url, "/readyz", timeout=60).status == 503, "not ready", 60)
            self.assertEqual(raw.get(several.instances[0].url, "/healthz").status, 200)
            answer = raw.get(several.instances[0].url, several.nar(path), timeout=60)
            self.assertEqual(answer.status, 503)
        finally:
            several.cluster.mend("store")
        several.cluster.haproxy.wait("UP", "UP", "UP")
        several.pull(path)

    def test_one_whose_bucket_is_cut_off_is_asked_for_nothing(self) -> None:
        several, path = self.several, self.late[9]
        several.pull(path)
        self.wait_stored(path)
        wire = several.cluster.wires[0, "store"]
        wire.cut()
        try:
            several.cluster.haproxy.wait("DOWN", "UP", "UP")
            for _ in range(6):
                several.pull(path)
        finally:
            wire.mend()
        several.cluster.haproxy.wait("UP", "UP", "UP")


class OnMariaDbAndAFolder(OnSeveral, LabCase):
    bucket = False


class OneRoundAtATime(LabCase):
    def test_of_three_instances_one_makes_room_at_a_time(self) -> None:
        made = closure_of("rounds", [0.5] * 24)
        several = Several(self.folder("several"), made, bucket=False, log_level="debug",
                          more=["--cache-max-size=3M", "--cache-lru-schedule=@every 1s"])
        self.addCleanup(several.close)

        def pulled_until_rounds() -> list[tuple[str, str, int]] | None:
            """All of them again: those that had to make room come back, and others go."""
            works = [retried_once(lambda n=n, path=path: several.pull(path, several.instances[n % 3].url))
                     for n, path in enumerate(made.paths)]
            self.assertEqual(Clients(works).join(), [])
            return found if len(found := self.rounds(several)) >= 3 else None

        rounds = eventually(pulled_until_rounds, "some rounds", 120)
        for (_, end, one), (begin, _, other) in zip(rounds, rounds[1:]):
            self.assertTrue(one == other or end <= begin, f"two at once: {rounds}")
        eventually(lambda: sum(len(several.stored(p) or b"") for p in made.paths) <= 3_000_000, "the limit", 60)

    @staticmethod
    def rounds(several: Several) -> list[tuple[str, str, int]]:
        """Of each round that removed NARs: when the first went, and the last, and whose round it was.

        That it made room it says when another may have begun already."""
        found = []
        for number, instance in enumerate(several.instances):
            removed: list[str] = []
            for line in list(instance.lines):
                if line.get("message") == "evicted":
                    removed.append(line["time"])
                elif line.get("message") == "made room" and removed:
                    found.append((removed[0], removed[-1], number))
                    removed = []
        return sorted(found)


class KindsOfRedis(LabCase):
    """One transfer for two instances, whatever Redis is like."""

    def setUp(self) -> None:
        super().setUp()
        self.made = closure_of("kinds", [4] * 4)
        self.cache = self.made.cache("zstd")
        self.server = self.upstream(self.cache)
        self.database = MariaDb()
        self.addCleanup(self.database.close)

    def assert_one_transfer(self, path: str, *flags: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        assert self.cache.key
        cluster = Cluster(self.folder("cluster"), Plan(
            upstreams=[(self.server.url, self.cache.key.public)], database=self.database, redis=flags,
            store=[f"--cache-storage-local={self.home / 'shared'}"], more=LEASES), count=2)
        self.addCleanup(cluster.stop)
        cluster.start()
        target = self.cache.nar_url(path)
        gate = Gate()
        self.server.fault(target, times=1, gate=gate, gate_at=2_000_000)
        self.addCleanup(gate.open)
        streams = [raw.Stream(instance.url, target).start() for instance in cluster.instances]
        for stream in streams:
            eventually(lambda: stream.count > 0, f"both have bytes\n{cluster.tail()}", 60)
        meanwhile()
        gate.open()
        for stream in streams:
            self.assert_whole(stream.join(), hashlib.sha256(self.cache.nar_bytes(path)).hexdigest())
        self.assertEqual(len(self.server.requests(target, "GET")), 1, cluster.tail())
        cluster.stop()

    def test_with_a_user_and_a_password(self) -> None:
        with RedisServer(user="ncps", password="s3cret") as redis:
            self.assert_one_transfer(self.made.paths[0], *redis.flags())

    def test_with_tls(self) -> None:
        with RedisServer(tls=authority().sign("DNS:localhost")) as redis:
            self.assert_one_transfer(self.made.paths[1], *redis.flags(), f"--cache-redis-ca-file={authority().file}")

    def test_as_a_cluster_and_when_its_master_fails_in_the_middle_all_bytes_are_right(self) -> None:
        with RedisCluster() as redis:
            self.assert_one_transfer(self.made.paths[2], *redis.flags())
            lease = f"ncps:lock:{{download:nar:{self.cache.nar_url(self.made.paths[3])[1:]}}}"

            def fail() -> None:
                redis.master_of(lease).kill9()
                eventually(redis.is_ok, "a replica has taken over", 60)

            self.assert_one_transfer(self.made.paths[3], *redis.flags(), meanwhile=fail)


class DegradedMode(LabCase):
    def test_without_redis_misses_go_on_where_that_is_allowed(self) -> None:
        made = closure_of("degraded", [0.2] * 4)
        several = Several(self.folder("several"), made, bucket=False, count=2,
                          more=["--cache-lock-allow-degraded-mode=true"])
        self.addCleanup(several.close)
        several.pull(made.paths[0])
        several.redis.kill9()
        for path in made.paths[1:3]:
            several.pull(path)
        several.redis.start()
        several.pull(made.paths[3])
        for path in made.paths:
            eventually(lambda: several.is_stored(path), f"{path} is kept\n{several.cluster.tail()}", 60)


if __name__ == "__main__":
    unittest.main()
