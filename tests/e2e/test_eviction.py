"""The size limit: what goes, what stays, what clients notice of it (nothing). Pins, full disks, schedules."""
from __future__ import annotations

import contextlib
import json
import os
import subprocess
import unittest
from pathlib import Path

from .lab import closure, config_file, raw, s3_gateway
from .lab.case import LabCase, narinfo_target
from .lab.closure import hash_of
from .lab.database import DatabaseServer
from .lab.mariadb import MariaDb
from .lab.ncps import Ncps, run_ncps, size_of
from .lab.postgres import Postgres
from .lab.waiting import eventually

COUNT, SIZE = 12, 100_000
LIMIT = 700_000  # about half of all


class EvictionCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.many(COUNT, SIZE)
        self.cache = self.made.cache("zstd")
        self.up = self.upstream(self.cache)

    def limited(self, *more: str, limit: int = LIMIT, **options) -> Ncps:
        return self.ncps((self.up, self.cache), more=[f"--cache-max-size={limit}B", *more], **options)

    def pull(self, proxy: Ncps, path: str) -> None:
        """As a client does, and waits until what becomes of it is decided."""
        self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
        proxy.wait_line("NAR stored", nar=self.cache.nar_url(path)[1:])

    def sizes(self, proxy: Ncps) -> int:
        return proxy.stored_bytes()

    def is_here(self, proxy: Ncps, path: str) -> bool:
        return self.cache.nar_url(path).rpartition("/")[2] in proxy.stored_nars()


class Limit(EvictionCase):
    def test_it_is_held_whatever_is_pulled_and_the_oldest_goes_with_its_narinfo(self) -> None:
        proxy = self.limited("--cache-prefetch=off")
        for path in self.made.paths:
            self.pull(proxy, path)
            self.assertLessEqual(self.sizes(proxy), LIMIT)
        self.assertGreater(self.sizes(proxy), LIMIT // 2)
        first = self.made.paths[0]
        self.assertFalse(self.is_here(proxy, first))
        digest = hash_of(first)
        self.assertFalse((proxy.storage / f"store/narinfo/{digest[0]}/{digest[:2]}/{digest}.narinfo").exists())
        self.up.forget()
        self.pull_again(proxy, first)
        self.assertTrue(self.up.requests(narinfo_target(first)), "its narinfo was evicted, from memory too")

    def pull_again(self, proxy: Ncps, path: str) -> None:
        self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))

    def test_a_real_client_pulls_a_closure_that_is_larger_than_the_limit(self) -> None:
        proxy = self.limited()
        client = self.client(proxy.pubkey())
        client.copy(proxy.url, self.made.root)
        client.verify(self.made.root)
        eventually(lambda: self.sizes(proxy) <= LIMIT, "the limit is held")

    def test_a_client_that_remembers_a_narinfo_gets_the_evicted_nar(self) -> None:
        proxy = self.limited("--cache-prefetch=off", limit=350_000)
        path = self.made.paths[0]
        client = self.client(proxy.pubkey(), **{"narinfo-cache-positive-ttl": "1000000"})
        self.assertEqual(client.path_info(proxy.url, path)["path"], path)  # now in its own cache
        self.pull(proxy, path)
        for other in self.made.paths[1:8]:
            self.pull(proxy, other)
        self.assertFalse(self.is_here(proxy, path))
        self.up.forget()
        client.copy(proxy.url, path)
        client.verify(path)
        self.assertEqual(self.up.requests(narinfo_target(path)), [], "nobody asked for the narinfo again")
        self.assertTrue(self.up.requests(self.cache.nar_url(path)), "the NAR came from the upstream again")

    def test_it_can_be_lowered_while_it_runs(self) -> None:
        options = self.options((self.up, self.cache), cache__max_size="10M", cache__prefetch=["off"])
        file = config_file.write(self.folder("files") / "ncps.yaml", options)
        proxy = self.ncps_given("--config", str(file), "serve")
        store = Path(str(options["cache.storage.local"])) / "store/nar"
        for path in self.made.paths:
            self.pull(proxy, path)
        options["cache.max-size"] = "300000B"
        config_file.write(file, options)
        proxy.reload()
        size = lambda: sum(map(size_of, store.rglob("*.nar*")))
        eventually(lambda: size() <= 300_000, "the new limit is held")

    def test_the_schedule_makes_room_ahead(self) -> None:
        proxy = self.limited("--cache-prefetch=off")
        for path in self.made.paths[:6]:
            self.pull(proxy, path)
        kept = self.sizes(proxy) + 6 * 1024
        proxy.more = ["--cache-prefetch=off", f"--cache-max-size={kept + 10_000}B", "--cache-lru-schedule=@every 1s"]
        proxy.restart()
        line = proxy.wait_line("made room", nars=1)
        self.assertLessEqual(line["kept"], (kept + 10_000) * 0.95)

    def test_what_is_larger_than_the_limit_is_served_but_not_kept(self) -> None:
        proxy = self.limited("--cache-prefetch=off", limit=50_000)
        for path in self.made.paths[:3]:
            self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
        said = "there is no room: what does not fit is served, but not kept"
        proxy.wait_line(said)
        self.assertEqual(self.sizes(proxy), 0)
        self.assertEqual(proxy.count_lines(said), 1, "once, not for each request")

    def test_what_is_sent_counts_and_goes_also_if_nobody_asks_for_it(self) -> None:
        proxy = self.limited("--cache-allow-put-verb", limit=300_000)
        body = os.urandom(50_000).hex().encode()
        for path in self.made.paths:
            with raw.Connection(proxy.url) as connection:
                answer = connection.ask("PUT", f"/log/{hash_of(path)}-x.drv", {"Content-Length": str(len(body))}, body)
            self.assertEqual(204, answer.status)
        kept = lambda: [file for file in (proxy.storage / "store/log").rglob("*.drv")]
        eventually(lambda: len(kept()) * len(body) <= 300_000, "the limit is held")
        self.assertTrue(kept(), "not all had to go")

    def test_logs_and_listings_count_and_go(self) -> None:
        proxy = self.limited("--cache-prefetch=off")
        listing = f"/{hash_of(self.made.paths[0])}.ls"
        self.pull(proxy, self.made.paths[0])
        self.assertEqual(raw.get(proxy.url, listing).status, 200)
        self.assertEqual(len(list((proxy.storage / "store/listing").rglob("*.ls"))), 1)
        self.assertEqual(proxy.stop(), 0)  # what was used is noted
        proxy.start()

        def gone_after_more() -> bool:
            for path in self.made.paths[1:]:
                self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
            return not list((proxy.storage / "store/listing").rglob("*.ls"))

        eventually(gone_after_more, "the listing went in its turn", 60)


class Pins(EvictionCase):
    def storage(self, proxy: Ncps) -> list[str]:
        return [f"--cache-storage-local={proxy.storage}", f"--cache-database-url=sqlite:{proxy.home / 'db.sqlite'}"]

    def fill(self, proxy: Ncps) -> None:
        for path in self.made.paths:
            if path != self.made.root:
                self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))

    def test_what_is_pinned_stays_by_http(self) -> None:
        proxy = self.limited("--cache-prefetch=off", "--cache-allow-put-verb")
        path, other = self.made.paths[0], self.made.paths[1]
        self.pull(proxy, path)
        target = f"/pin/{hash_of(path)}.narinfo"
        self.assertEqual(raw.ask(proxy.url, "POST", target).status, 200)
        self.assertEqual(raw.ask(proxy.url, "POST", target).status, 200)
        self.assertEqual(json.loads(raw.get(proxy.url, "/pins").body), [hash_of(path)])
        self.pull(proxy, other)
        self.fill(proxy)
        self.assertTrue(self.is_here(proxy, path))
        self.assertFalse(self.is_here(proxy, other))
        self.assertEqual(raw.ask(proxy.url, "DELETE", target).status, 200)
        self.assertEqual(raw.ask(proxy.url, "DELETE", target).status, 404)
        self.assertEqual(json.loads(raw.get(proxy.url, "/pins").body), [])
        self.assertEqual(raw.ask(proxy.url, "POST", f"/pin/{'0' * 32}.narinfo").status, 404)
        self.assertEqual(raw.ask(proxy.url, "POST", "/pin/nonsense.narinfo").status, 405)

    def test_without_leave_nothing_is_pinned(self) -> None:
        proxy = self.limited()
        for method in ("POST", "DELETE"):
            self.assertEqual(raw.ask(proxy.url, method, f"/pin/{hash_of(self.made.root)}.narinfo").status, 405)
        self.assertEqual(json.loads(raw.get(proxy.url, "/pins").body), [])

    def test_by_command_beside_a_server_and_with_its_closure(self) -> None:
        proxy = self.limited("--cache-prefetch=off", limit=500_000)
        leaf = self.made.paths[0]
        self.narinfo_of(proxy, self.made.root)  # refers to them all
        self.pull(proxy, leaf)
        pin = lambda *arguments: run_ncps("pin", arguments[0], *self.storage(proxy), *arguments[1:])
        self.assertEqual(pin("list").out, "")
        run = pin("add", leaf)
        self.assertEqual((run.status, "pinned;" in run.out), (0, True), run.said)
        self.assertEqual(pin("add", leaf).status, 1)
        self.fill(proxy)
        self.assertTrue(self.is_here(proxy, leaf))
        self.assertEqual(pin("list").out, leaf + "\n")
        self.assertEqual(pin("remove", hash_of(leaf)).status, 0)
        self.assertEqual(pin("remove", leaf).status, 1)
        self.assertEqual(pin("add", "nonsense").status, 2)
        self.narinfo_of(proxy, self.made.root)  # it may have been evicted
        self.assertEqual(pin("add", self.made.root).status, 0)
        before = set(proxy.stored_nars())
        self.fill(proxy)
        self.assertLessEqual(before, set(proxy.stored_nars()), "the whole closure is pinned")



class FullDisk(EvictionCase):
    """On a real file system that is too small: a tmpfs, seen by the server alone."""

    def small_disk(self, kilobytes: int, *more: str) -> Ncps:
        proxy = self.ncps_before_start((self.up, self.cache), more=["--cache-prefetch=off", *more])
        disk = self.folder("disk")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=True)
        self.addCleanup(proxy.kill9)  # before that
        proxy.store = [f"--cache-storage-local={disk}"]
        self.disk = disk
        return proxy.start()

    def nars(self) -> list[Path]:
        return [file for file in (self.disk / "store/nar").rglob("*") if file.is_file()]

    def test_the_oldest_makes_room_without_any_limit(self) -> None:
        proxy = self.small_disk(900)
        for path in self.made.paths * 2:
            self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
        proxy.wait_line("made room")
        self.assertGreater(len(self.nars()), 2)

    def test_with_nothing_to_evict_clients_are_served_all_the_same_and_later_it_is_kept(self) -> None:
        proxy = self.small_disk(1000)
        free = os.statvfs(self.disk)
        ballast = self.disk / "ballast"  # somebody else's
        ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - 40_000))
        for path in self.made.paths:
            self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
        said = "there is no room: what does not fit is served, but not kept"
        proxy.wait_line(said)
        self.assertEqual(proxy.count_lines(said), 1, proxy.tail(40))
        self.assertTrue(all(file.stat().st_size < 40_000 for file in self.nars()), "only what is small had room")
        ballast.unlink()
        path = self.made.paths[0]
        self.pull(proxy, path)
        self.assertEqual(proxy.stop(), 0)

    def test_some_of_it_is_kept_free(self) -> None:
        proxy = self.small_disk(1600, "--cache-min-free=50%")
        for path in self.made.paths:
            self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
        def free() -> float:
            about = os.statvfs(self.disk)
            return about.f_bavail / about.f_blocks
        eventually(lambda: free() >= 0.5, "half of it is free")
        self.assertGreater(len(self.nars()), 2)


class OnS3(EvictionCase):
    def test_the_limit_holds_for_a_bucket(self) -> None:
        place = s3_gateway.shared()
        s3, bucket = place.client(), place.new_bucket()
        store = [f"--cache-storage-s3-{name}={value}" for name, value in
                 {"bucket": bucket, "endpoint": place.url, "region": "us-east-1",
                  "access-key-id": place.access_key, "secret-access-key": place.secret_key}.items()]
        proxy = self.limited("--cache-prefetch=off", store=store)
        for path in self.made.paths:
            self.pull(proxy, path)
        kept = lambda kind: [key for key in s3.keys(bucket) if key.startswith(f"store/{kind}/")]
        self.assertLessEqual(len(kept("nar")) * SIZE, LIMIT)
        self.assertGreater(len(kept("nar")) * SIZE, LIMIT // 2)
        eventually(lambda: len(kept("narinfo")) == len(kept("nar")), "they go together")
        path = self.made.paths[0]
        self.assert_whole(raw.get(proxy.url, self.cache.nar_url(path)), self.cache.nar_bytes(path))


class OnAServer:
    server_class: type[DatabaseServer]

    def test_the_limit_holds(self) -> None:
        database = self.server_class()
        self.addCleanup(database.close)
        database.start()
        proxy = self.limited("--cache-prefetch=off", f"--cache-database-url={database.url}")
        for path in self.made.paths:
            self.pull(proxy, path)
            self.assertLessEqual(self.sizes(proxy), LIMIT)
        self.assertEqual(database.count("nar_urls"), COUNT, "the way to each stays")
        # A round goes on after it has made enough room, and takes a row before its file.
        eventually(lambda: database.count("nar_urls WHERE stored_size > 0") == database.count("narinfos") == len(proxy.stored_nars()),
                   "rows and files are the same")
        path = self.made.paths[0]
        self.assert_whole(raw.get(proxy.url, self.cache.nar_url(path)), self.cache.nar_bytes(path))


class OnPostgres(OnAServer, EvictionCase):
    server_class = Postgres


class OnMariaDb(OnAServer, EvictionCase):
    server_class = MariaDb


if __name__ == "__main__":
    unittest.main()
