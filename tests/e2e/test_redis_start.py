"""What a start and a stop do with Redis: one that is there, away, or does not let us in."""
from __future__ import annotations

from .lab import closure
from .lab.case import LabCase
from .lab.database import OneDatabase
from .lab.ncps import Ncps
from .lab.postgres import Postgres
from .lab.redis import RedisCluster, RedisServer
from .lab.tls import authority
from .lab.waiting import eventually

PASSWORD = "s3cret/of-redis"
AWAY = "no leases from Redis"


class RedisStart(OneDatabase, LabCase):
    server_class = Postgres

    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache("zstd")
        self.origin = self.upstream(self.cache)

    def proxy(self, *flags: str, **options) -> Ncps:
        return self.ncps_before_start((self.origin, self.cache), more=[
            f"--cache-database-url={self.database.url}", "--server-drain-delay=0", *flags], **options)

    def redis(self, **options) -> RedisServer:
        server = RedisServer(**options)
        self.addCleanup(server.close)
        return server

    def said(self, proxy: Ncps) -> str:
        return str(proxy.lines) + proxy.stderr()

    def assert_gives_leases(self, proxy: Ncps, redis: RedisServer) -> None:
        """The start takes one for a try, and gives it back; its fence stays."""
        proxy.start()
        self.assertIn("ncps:lock:{start}:fence", redis.keys())
        eventually(lambda: "ncps:lock:{start}" not in redis.keys(), "it is given back")
        self.assertNotIn(AWAY, self.said(proxy))
        self.assertNotIn(PASSWORD, self.said(proxy))
        self.assertEqual(proxy.stop(), 0)

    def assert_serves_and_warns(self, proxy: Ncps, *pieces: str) -> None:
        proxy.start()
        for piece in (AWAY, *pieces):
            self.assertIn(piece, self.said(proxy))
        self.assertNotIn(PASSWORD, self.said(proxy))
        self.assertEqual(proxy.stop(), 0)

    def test_a_server_with_a_user(self) -> None:
        redis = self.redis(user="ncps", password=PASSWORD)
        self.assert_gives_leases(self.proxy(*redis.flags()), redis)

    def test_tls_by_a_ca_file_and_by_ssl_cert_file(self) -> None:
        redis = self.redis(tls=authority().sign("DNS:localhost"), password=PASSWORD)
        self.assert_gives_leases(self.proxy(*redis.flags(), f"--cache-redis-ca-file={authority().file}"), redis)
        self.assert_gives_leases(
            self.proxy(*redis.flags(), environment={"SSL_CERT_FILE": str(authority().file)}), redis)

    def test_a_cluster_with_tls_whose_nodes_announce_the_name_in_their_certificates(self) -> None:
        cluster = RedisCluster(authority=authority())
        self.addCleanup(cluster.close)
        # One address is enough to be sent to all others, each by its name: the certificate is for no address.
        flags = [f"--cache-redis-addrs={cluster.nodes[0].address}", "--cache-redis-use-tls",
                 f"--cache-redis-ca-file={authority().file}"]
        proxy = self.proxy(*flags).start()
        client = self.client(proxy.pubkey())
        client.copy(proxy.url, self.made.root)
        client.verify(self.made.root)
        names = [f"ncps:lock:{{{name}}}:fence" for name in (
            "start", *(f"download:nar:{self.cache.nar_url(path)[1:]}" for path in self.made.paths))]
        masters = set()
        for name in names:
            master = cluster.master_of(name)
            self.assertIn(name, master.keys(), "it had its lease")
            masters.add(master.port)
        self.assertGreater(len(masters), 1, "they were on several nodes")
        self.assertNotIn(AWAY, self.said(proxy))
        self.assertEqual(proxy.stop(), 0)

    def test_what_nobody_vouches_for_is_not_spoken_to(self) -> None:
        redis = self.redis(tls=authority().sign("DNS:localhost"), password=PASSWORD)
        self.assert_serves_and_warns(self.proxy(*redis.flags()), "not trusted", redis.address)
        self.assertEqual(redis.keys(), [])

    def test_a_wrong_password_is_said_to_be_one(self) -> None:
        redis = self.redis(password="another")
        flags = [f"--cache-redis-addrs={redis.address}", f"--cache-redis-password={PASSWORD}"]
        self.assert_serves_and_warns(self.proxy(*flags), "--cache-redis-password", redis.address)

    def test_one_that_is_away_is_found_when_it_is_there(self) -> None:
        redis = self.redis()
        redis.kill9()
        proxy = self.proxy(*redis.flags()).start()
        self.assertIn(AWAY, self.said(proxy))
        self.assertIn(redis.address, self.said(proxy))
        redis.start()
        eventually(lambda: "Redis answers again" in self.said(proxy), "it is found", 60)
        self.assertEqual(proxy.stop(), 0)

    def test_without_redis_degraded_mode_says_what_it_means(self) -> None:
        redis = self.redis()
        redis.kill9()
        self.assert_serves_and_warns(self.proxy(*redis.flags(), "--cache-lock-allow-degraded-mode"), "with its own")

    def test_one_that_stands_still_delays_a_start_for_seconds_only(self) -> None:
        redis = self.redis()
        redis.pause()
        self.assert_serves_and_warns(self.proxy(*redis.flags()), "no answer in time")

    def test_sqlite_goes_with_no_redis(self) -> None:
        proxy = self.ncps_before_start((self.origin, self.cache), more=["--cache-redis-addrs=127.0.0.1:1"])
        proxy.start(wait=False)
        self.assertEqual(proxy.wait(), 2)
        self.assertIn("cannot share SQLite", proxy.stderr())
