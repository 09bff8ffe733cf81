"""The Redis servers of the lab, without ncps."""
from __future__ import annotations

import unittest

from .lab.redis import RedisCluster, RedisServer
from .lab.tls import authority
from .lab.waiting import eventually


class RedisLab(unittest.TestCase):
    def test_a_killed_server_comes_back_without_its_data(self) -> None:
        with RedisServer() as redis:
            redis.ask("SET", "a", "1")
            self.assertEqual(redis.keys(), ["a"])
            redis.kill9()
            self.assertFalse(redis.answers())
            redis.start()
            self.assertEqual(redis.keys(), [])

    def test_a_user_may_use_keys_of_the_prefix_alone(self) -> None:
        with RedisServer(user="ncps", password="s3cret") as redis:
            def as_user(*command: str) -> str:
                return redis.ask("--user", "ncps", "--pass", "s3cret", "--no-auth-warning", *command)
            self.assertEqual(as_user("SET", "ncps:lock:a", "1"), "OK")
            self.assertIn("NOPERM", as_user("SET", "other", "1"))
            self.assertEqual(as_user("PUBLISH", "ncps:lock:x", "1"), "0")
            self.assertIn("NOPERM", as_user("PUBLISH", "other", "1"))

    def test_tls_alone(self) -> None:
        with RedisServer(tls=authority().sign("DNS:localhost")) as redis:
            self.assertEqual(redis.ask("SET", "a", "1"), "OK")
            self.assertTrue(redis.address.startswith("localhost:"))

    def test_a_cluster_gets_over_the_death_of_a_master(self) -> None:
        with RedisCluster() as cluster:
            key = "ncps:lock:{a}"
            first = cluster.master_of(key)
            first.ask("SET", key, "1")
            first.ask("WAIT", "1", "10000")
            first.kill9()
            eventually(lambda: cluster.master_of(key) is not first and cluster.is_ok(), "another one has taken over", 60)
            self.assertEqual(cluster.master_of(key).ask("GET", key), "1")


if __name__ == "__main__":
    unittest.main()
