"""Stopping, being killed, starting again, and two instances side by side."""
from __future__ import annotations

import hashlib
import random
import signal
import sqlite3
import stat
import unittest
from pathlib import Path

from .lab import closure, raw
from .lab.black_hole import BlackHole
from .lab.case import LabCase
from .lab.closure import nix
from .lab.faults import Gate
from .lab.ncps import Ncps
from .lab.opened import OpenedFolders
from .lab.ports import free_port
from .lab.waiting import eventually


class LifecycleCase(LabCase):
    MEGABYTES = 20.0

    def setUp(self) -> None:
        super().setUp()
        self.made = closure.single(self.MEGABYTES)
        self.cache = self.made.cache("zstd")
        self.name = self.cache.nar_url(self.made.root)
        self.bytes = self.cache.nar_bytes(self.made.root)
        self.sha256 = hashlib.sha256(self.bytes).hexdigest()
        self.server = self.upstream(self.cache)

    def held_transfer(self, proxy: Ncps, gate_at: int = 5_000_000) -> tuple[Gate, raw.Stream]:
        """A client in the middle of a NAR that the upstream holds back."""
        gate = Gate()
        self.server.fault(self.name, gate=gate, gate_at=gate_at)
        stream = raw.Stream(proxy.url, self.nar_target(proxy, self.made.root)).start()
        self.assertTrue(gate.reached.wait(60))
        eventually(lambda: stream.count > 0, "the first bytes")
        return gate, stream


class Start(LabCase):
    """While something makes the start wait: here a database that another process holds, or an S3 server that says nothing."""

    def held(self) -> tuple[Ncps, sqlite3.Connection]:
        cache = closure.small().cache("xz")
        proxy = self.ncps_before_start((self.upstream(cache), cache))
        holder = sqlite3.connect(proxy.home / "db.sqlite", isolation_level=None)
        self.addCleanup(holder.close)
        holder.execute("BEGIN EXCLUSIVE")
        proxy.start(wait=False)
        self.wait_until_it_hears(proxy)
        return proxy, holder

    def wait_until_it_hears(self, proxy: Ncps) -> None:
        assert proxy.process
        tasks = Path(f"/proc/{proxy.process.pid}/task")
        eventually(lambda: any((task / "comm").read_text() == "start signals\n" for task in tasks.iterdir()), "its thread is there")

    def test_a_signal_ends_it_at_once(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                proxy, holder = self.held()
                self.assertEqual(proxy.stop(number), 0)
                self.assertIn("asked to stop while starting", proxy.stderr())
                holder.close()

    def test_so_it_does_before_a_bucket_that_does_not_answer(self) -> None:
        silent = BlackHole().start()
        self.addCleanup(silent.stop)
        proxy = self.ncps_before_start(store=["--cache-storage-s3-bucket=bucket", f"--cache-storage-s3-endpoint={silent.url}",
                                              "--cache-storage-s3-access-key-id=a", "--cache-storage-s3-secret-access-key=s"],
                                       more=["--cache-upstream-url=http://127.0.0.1:1"])
        proxy.start(wait=False)
        eventually(lambda: silent.asked() > 0, "it asks")
        self.assertEqual(proxy.stop(), 0)  # 1: it has given up by itself

    def test_a_reload_waits_and_the_end_after_it_is_clean(self) -> None:
        proxy, holder = self.held()
        proxy.send_signal(signal.SIGHUP)
        holder.execute("ROLLBACK")
        proxy.wait_listening()
        proxy.wait_line("new options are in force")
        self.assertEqual(proxy.stop(), 0)
        self.assertTrue(proxy.find_line("stopped", clean=True), proxy.tail())


class Stop(LifecycleCase):
    def test_sigterm_during_a_transfer_lets_it_finish_and_then_leaves_with_0(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                proxy = self.ncps((self.server, self.cache))
                gate, stream = self.held_transfer(proxy)
                proxy.send_signal(number)
                eventually(proxy.refuses_connections, "no new connections while it drains")
                self.assertIsNone(stream.ending)
                gate.open()
                self.assert_whole(stream.join(), self.sha256)
                self.assertEqual(proxy.wait(), 0)
                self.server.faults.clear()

    def test_a_second_signal_leaves_at_once_and_the_transfer_is_seen_to_break(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                proxy = self.ncps((self.server, self.cache))
                _, stream = self.held_transfer(proxy)
                proxy.send_signal(number)
                eventually(proxy.refuses_connections, "it drains")
                proxy.send_signal(number)
                self.assertEqual(proxy.wait(), 128 + number)
                self.assertIn(stream.join().ending, (raw.SHORT, raw.RESET))
                self.server.faults.clear()

    def test_idle_connections_do_not_delay_the_end(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        with raw.Connection(proxy.url) as idle, raw.Connection(proxy.url):
            self.assertEqual(idle.ask("GET", "/healthz").status, 200)
            self.assertEqual(proxy.stop(), 0)  # 1: they had to be cut off

    def test_after_a_clean_stop_nothing_temporary_is_left(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        target = self.nar_target(proxy, self.made.root)
        self.assert_whole(raw.get(proxy.url, target), self.bytes)
        self.assertEqual(proxy.stop(), 0)
        leftovers = [f for f in proxy.temporary_files() if f.stat().st_size > 4096]  # a lock file may stay
        self.assertEqual(leftovers, [])


class Kill(LifecycleCase):
    def assert_sound(self, proxy: Ncps) -> None:
        """After a new start: only whole NARs, no leftovers, everything servable."""
        name = self.name.rpartition("/")[2]
        stored = proxy.stored_nars()
        self.assertLessEqual(stored.keys(), {name})
        for file in stored.values():
            self.assertTrue(file.read_bytes() == self.bytes, "a NAR that is not whole is kept")
        target = self.nar_target(proxy, self.made.root)
        self.assert_whole(raw.get(proxy.url, target), self.bytes)
        try:
            eventually(lambda: not proxy.temporary_files(), "only what this process holds is in store/tmp")
        except AssertionError as error:
            self.fail(f"{error}; left: {proxy.temporary_files()}")

    def test_killed_at_exact_places_of_a_download_it_starts_clean(self) -> None:
        for share in (0, 0.1, 0.5, 0.99, 1.0):
            with self.subTest(share):
                gate, gate_at = Gate(), int(len(self.bytes) * share)
                self.server.fault(self.name, gate=gate, gate_at=gate_at)
                proxy = self.ncps((self.server, self.cache))
                stream = raw.Stream(proxy.url, self.nar_target(proxy, self.made.root)).start()
                self.assertTrue(gate.reached.wait(60))
                eventually(lambda: stream.count >= gate_at * 0.8, "most of it is through")
                proxy.kill9()
                self.assertNotEqual(stream.join().ending, raw.TIMEOUT)
                self.server.faults.clear()
                proxy.start()
                self.assert_sound(proxy)

    def test_killed_at_random_moments_it_starts_clean(self) -> None:
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        for round_ in range(6):
            with self.subTest(f"round {round_} of seed {seed}"):
                self.server.fault(self.name, rate=60_000_000)
                proxy = self.ncps((self.server, self.cache))
                stream = raw.Stream(proxy.url, self.nar_target(proxy, self.made.root)).start()
                moment = chance.randrange(len(self.bytes))
                eventually(lambda: stream.count >= moment or stream.ending, "that far", every=0.001)
                proxy.kill9()
                self.server.faults.clear()
                proxy.start()
                self.assert_sound(proxy)

    def test_what_was_kept_survives_a_kill_without_the_upstream(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        target = self.nar_target(proxy, self.made.root)
        self.assert_whole(raw.get(proxy.url, target), self.bytes)
        proxy.wait_at_rest(target.rpartition("/")[2])  # the file precedes its row
        proxy.kill9()
        self.server.stop()
        proxy.start()
        self.assertEqual(self.nar_target(proxy, self.made.root), target)
        self.assert_whole(raw.get(proxy.url, target), self.bytes)


class Recovery(LifecycleCase):
    MEGABYTES = 1.0

    def test_a_start_after_a_kill_looks_through_nothing_that_is_kept(self) -> None:
        """However many objects there are: it looks into store/tmp alone."""
        home = self.folder("folder")
        proxy = self.ncps((self.server, self.cache), store=[f"--cache-storage-local={home / 'storage'}"],
                          more=["--cache-max-size=1G"])
        store = home / "storage/store"
        self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, self.made.root)), self.bytes)
        eventually(lambda: list((store / "nar").glob("*/*/*")), "it is kept")
        kept = [path for kind in ("nar", "narinfo") for path in (store / kind, *(store / kind).rglob("*")) if path.is_dir()]
        self.assertEqual(len(kept), 6)
        proxy.kill9()
        opened = OpenedFolders(*kept, store / "tmp")
        self.addCleanup(opened.close)
        self.assertEqual(opened.take(), set())
        proxy.start()
        self.assertEqual(raw.get(proxy.url, "/readyz").status, 200)
        self.assertEqual(proxy.stop(), 0)
        self.assertEqual({path for path in opened.take() if store / "tmp" not in (path, *path.parents)}, set())
        list((store / "nar").iterdir())
        self.assertIn(store / "nar", opened.take(), "this test would see it")


class KeyFile(LifecycleCase):
    MEGABYTES = 1.0

    def test_a_key_is_made_once_for_its_owner_only_and_survives_restarts(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        text, public = proxy.key_file.read_text(), proxy.pubkey()
        self.assertRegex(text, r"\Acache\.example:[0-9A-Za-z+/]{86}==\n?\Z")
        self.assertEqual(stat.S_IMODE(proxy.key_file.stat().st_mode), 0o400)
        self.assertEqual(nix("nix", "key", "convert-secret-to-public", stdin=text.strip()).strip(), public)
        proxy.restart()
        proxy.kill9()
        proxy.start()
        self.assertEqual((proxy.key_file.read_text(), proxy.pubkey()), (text, public))

    def test_a_key_given_as_a_file_is_used_and_none_is_made(self) -> None:
        key = closure.signing_key("given.example-1")
        proxy = self.ncps((self.server, self.cache), secret_key=key.secret_file)
        self.assertEqual(proxy.pubkey(), key.public)
        self.assertFalse(proxy.key_file.exists())
        client = self.client(key.public)
        client.copy(proxy.url, self.made.root)
        client.verify(self.made.root)

    def test_the_secret_is_in_no_log_line(self) -> None:
        proxy = self.ncps((self.server, self.cache), log_level="trace")
        self.narinfo_of(proxy, self.made.root)
        secret = proxy.key_file.read_text().strip().partition(":")[2]
        proxy.stop()
        self.assertNotIn(secret, str(proxy.lines) + proxy.stderr())


class SideBySide(LifecycleCase):
    def another(self, first: Ncps, **options) -> Ncps:
        second = Ncps(first.home, upstreams=first.upstreams, **options)
        self.addCleanup(second.kill9)
        return second

    def test_two_that_start_at_once_on_an_empty_storage_agree_on_one_key(self) -> None:
        for round_ in range(5):
            with self.subTest(round_):
                first = self.ncps_before_start((self.server, self.cache))
                second = self.another(first)
                for each in (first, second):
                    each.start(wait=False)
                for each in (first, second):
                    each.wait_listening()
                self.assertEqual(first.pubkey(), second.pubkey())
                for each in (first, second):
                    self.assertEqual(each.stop(), 0)

    def test_a_second_may_start_on_the_same_address_while_the_first_drains(self) -> None:
        first = self.ncps((self.server, self.cache), address=f"127.0.0.1:{free_port()}")
        gate, stream = self.held_transfer(first)
        first.send_signal(signal.SIGTERM)
        eventually(first.refuses_connections, "the first drains")

        second = self.another(first, address=first.url.removeprefix("http://")).start()
        self.assertEqual(second.url, first.url)
        self.assertEqual(raw.get(second.url, "/healthz").status, 200)
        self.assertEqual(self.narinfo_of(second, self.made.root)["NarHash"],
                         self.cache.narinfo(self.made.root)["NarHash"])

        gate.open()  # the start of the second has taken nothing from under the first
        self.assert_whole(stream.join(), self.sha256)
        self.assertEqual(first.wait(), 0)
        self.assert_whole(raw.get(second.url, self.nar_target(second, self.made.root)), self.bytes)
        self.assertEqual(second.stop(), 0)


if __name__ == "__main__":
    unittest.main()
