"""The server with a bucket as its storage, on a real S3 server: what lies there, what is served from there, and what
happens when the S3 server goes, fails, cuts and comes back.
"""
from __future__ import annotations

import hashlib
import shutil
import threading
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from .lab import closure, go_store, raw, s3_gateway
from .lab.case import LabCase, narinfo_target
from .lab.closure import Cache, hash_of
from .lab.ncps import Ncps, run_ncps
from .lab.upstream import Upstream
from .lab.waiting import eventually
from .lab.wire_proxy import WireProxy, s3_error


def nar_key(url: str) -> str:
    """Where the NAR of that URL lies: store/nar/h/ha/<name>."""
    name = url.rpartition("/")[2]
    return f"store/nar/{name[0]}/{name[:2]}/{name}"


def narinfo_key(path: str) -> str:
    digest = hash_of(path)
    return f"store/narinfo/{digest[0]}/{digest[:2]}/{digest}.narinfo"


class S3Case(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.place = s3_gateway.shared()
        self.s3 = self.place.client()
        self.bucket = self.place.new_bucket()

    def store(self, url: str | None = None, **changes: str) -> list[str]:
        """The options of our bucket."""
        said = {"bucket": self.bucket, "endpoint": url or self.place.url, "region": "us-east-1",
                "access-key-id": self.place.access_key, "secret-access-key": self.place.secret_key} | changes
        return [f"--cache-storage-s3-{name.replace('_', '-')}={value}" for name, value in said.items()]

    def s3_ncps(self, *upstreams: tuple[Upstream, Cache], url: str | None = None, **options) -> Ncps:
        return self.ncps(*upstreams, store=self.store(url), **options)

    def wire(self) -> WireProxy:
        """Between the server and the S3 server."""
        parts = urlsplit(self.place.url)
        proxy = WireProxy(parts.hostname, parts.port).start()
        self.addCleanup(proxy.stop)
        return proxy

    def wait_kept(self, *keys: str, within: float = 30) -> None:
        eventually(lambda: set(keys) <= set(self.s3.keys(self.bucket)), f"{keys} are in the bucket", within)

    def single(self, megabytes: float) -> None:
        """A path with a NAR of that size, its upstream, and what is expected."""
        self.made = closure.single(megabytes)
        self.cache = self.made.cache("zstd")
        self.up = self.upstream(self.cache)
        self.name = self.cache.nar_url(self.made.root)
        self.file = self.cache.folder / self.name.lstrip("/")
        with self.file.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    def serve_kept(self, proxy: WireProxy, **options) -> Ncps:
        """A server behind `proxy` whose NAR is in the bucket, and whose upstream is gone."""
        server = self.s3_ncps((self.up, self.cache), url=proxy.url, **options)
        target = self.nar_target(server, self.made.root)

        def read_from_there() -> bool:
            proxy.requests.clear()
            self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
            return any(method == "GET" and "store/nar" in asked for method, asked in proxy.requests)

        server.wait_line("NAR stored", 30)
        eventually(read_from_there, "it is read from the bucket")
        self.up.stop()
        return server


class S3Storage(S3Case):
    def test_a_closure_arrives_cold_and_warm_and_after_a_restart_without_the_upstream(self) -> None:
        made = closure.small()
        for compression in ("xz", "none"):
            with self.subTest(compression):
                self.bucket = self.place.new_bucket()
                cache = made.cache(compression)
                up = self.upstream(cache)
                server = self.s3_ncps((up, cache))
                first = self.client(server.pubkey())
                first.copy(server.url, made.root)
                first.verify(made.root)
                eventually(lambda: server.count_lines("NAR stored") == len(made.paths), "all are stored")
                up.stop()
                second = self.client(server.pubkey())
                second.copy(server.url, made.root)
                second.verify(made.root)
                server.restart()
                third = self.client(server.pubkey())
                third.copy(server.url, made.root)
                third.verify(made.root)
                keys = self.s3.keys(self.bucket)
                self.assertEqual(sum(k.startswith("store/nar/") for k in keys), len(made.paths))
                self.assertLessEqual({narinfo_key(p) for p in made.paths} | {"config/cache.key"}, set(keys))
                self.assertEqual(self.s3.uploads(self.bucket), [])
                self.assertEqual(list(server.storage.iterdir()), [])
                eventually(lambda: not [f for f in server.temporary_files() if f.name != "lock"], "no file is left")
                self.assertEqual(server.stop(), 0, server.tail())

    def test_what_is_stored_is_what_the_upstream_has(self) -> None:
        self.single(30)
        server = self.s3_ncps((self.up, self.cache))
        self.narinfo_of(server, self.made.root)  # the NAR is fetched ahead
        self.wait_kept(nar_key(self.name))
        self.assertTrue(self.s3.find(self.bucket, nar_key(self.name)) == self.file.read_bytes())
        self.assertEqual(self.s3.find(self.bucket, narinfo_key(self.made.root)),
                         (self.cache.folder / narinfo_target(self.made.root).lstrip("/")).read_bytes())

    def test_ranges_and_heads_of_what_is_at_rest_cost_one_request(self) -> None:
        self.single(3)
        wire = self.wire()
        server = self.serve_kept(wire)
        whole, target = self.file.read_bytes(), self.nar_target(server, self.made.root)
        for said, first, last in (("0-0", 0, 0), ("100-200", 100, 200), ("-5", len(whole) - 5, len(whole) - 1),
                                  (f"{1 << 20}-", 1 << 20, len(whole) - 1)):
            wire.requests.clear()
            answer = raw.get(server.url, target, {"Range": f"bytes={said}"})
            self.assertEqual((answer.status, answer.ending), (206, raw.COMPLETE), said)
            self.assertTrue(answer.body == whole[first:last + 1], said)
            self.assertEqual(len(wire.requests), 1, wire.requests)
        self.assertEqual(raw.get(server.url, target, {"Range": f"bytes={len(whole)}-"}).status, 416)
        wire.requests.clear()
        head = raw.ask(server.url, "HEAD", target)
        self.assertEqual((head.status, head.get("Content-Length")), (200, str(len(whole))))
        self.assertEqual(len(wire.requests), 1, wire.requests)

    def test_what_nobody_has_is_404(self) -> None:
        made = closure.small()
        cache = made.cache()
        server = self.s3_ncps((self.upstream(cache), cache))
        for target in ("/" + "0" * 32 + ".narinfo", "/nar/" + "0" * 52 + ".nar.xz"):
            self.assertEqual(raw.get(server.url, target).status, 404, target)

    def test_a_bucket_that_is_there_is_taken_over(self) -> None:
        made = closure.small()
        cache = made.cache()
        up = self.upstream(cache)
        up.stop()
        for path in made.paths:
            narinfo = (cache.folder / narinfo_target(path).lstrip("/")).read_bytes()
            self.s3.put(self.bucket, narinfo_key(path), narinfo)
            url = cache.nar_url(path)
            self.s3.put(self.bucket, nar_key(url), (cache.folder / url.lstrip("/")).read_bytes())
        other = self.ncps((up, cache))
        self.s3.put(self.bucket, "config/cache.key", other.key_file.read_bytes())
        server = self.s3_ncps((up, cache))
        self.assertEqual(server.pubkey(), other.pubkey())
        client = self.client(server.pubkey())
        client.copy(server.url, made.root)
        client.verify(made.root)

    def test_two_instances_that_start_on_an_empty_bucket_agree_on_a_key(self) -> None:
        made = closure.small()
        cache = made.cache()
        up = self.upstream(cache)
        for _ in range(3):
            self.bucket = self.place.new_bucket()
            both = [self.ncps_before_start((up, cache), store=self.store()) for _ in range(2)]
            for server in both:
                server.start(wait=False)
            for server in both:
                server.wait_listening()
            self.assertEqual(both[0].pubkey(), both[1].pubkey())
            for server in both:
                server.stop()

    def test_objects_lie_behind_the_prefix_and_tls_needs_the_certificate(self) -> None:
        made = closure.small()
        cache = made.cache()
        up = self.upstream(cache)
        store = self.store(self.place.tls_url, key_prefix="team/cache", ca_file=self.place.ca_file)
        server = self.ncps((up, cache), store=store)
        client = self.client(server.pubkey())
        client.copy(server.url, made.root)
        keys = self.s3.keys(self.bucket)
        self.assertTrue(keys and all(key.startswith("team/cache/") for key in keys), keys)
        refused = self.ncps_before_start((up, cache), store=self.store(self.place.tls_url)).start(wait=False)
        self.assertEqual(refused.wait(40), 1)
        self.assertIn("certificate", refused.stderr())

    def test_a_bucket_that_cannot_be_used_is_refused_with_the_reason(self) -> None:
        made = closure.small()
        cache = made.cache()
        up = self.upstream(cache)
        for changes, reason in (({"bucket": "not-there"}, "the bucket does not exist"),
                                ({"secret_access_key": "wr0ngsecret"}, "the secret access key is wrong"),
                                ({"access_key_id": "NOBODY"}, "does not know this access key"),
                                ({"endpoint": self.up_url(up)}, "S3 server")):
            with self.subTest(reason):
                server = self.ncps_before_start((up, cache), store=self.changed(changes)).start(wait=False)
                self.assertEqual(server.wait(40), 1)
                self.assertIn(reason, server.stderr())
                for secret in (self.place.secret_key, "wr0ngsecret"):
                    self.assertNotIn(secret, server.stderr() + str(server.lines))

    def changed(self, changes: dict[str, str]) -> list[str]:
        return self.store(**{name.replace("_", "-"): value for name, value in changes.items()})

    @staticmethod
    def up_url(up: Upstream) -> str:
        """A server that speaks HTTP, but not S3."""
        return up.url


class Redirect(S3Case):
    REDIRECT = ["--cache-storage-s3-redirect"]

    def followed(self, location: str, method: str = "GET", headers: dict[str, str] | None = None) -> raw.Answer:
        parts = urlsplit(location)
        return raw.ask(f"http://{parts.netloc}", method, f"{parts.path}?{parts.query}", headers or {})

    def test_what_is_at_rest_is_had_from_the_s3_server_itself(self) -> None:
        self.single(3)
        wire = self.wire()
        server = self.s3_ncps((self.up, self.cache), url=wire.url, more=self.REDIRECT)
        target = self.nar_target(server, self.made.root)
        self.wait_kept(nar_key(self.name))
        eventually(lambda: raw.get(server.url, target).status == 307, "the client is sent there")
        wire.requests.clear()
        answer = raw.get(server.url, target)
        self.assertEqual((answer.status, answer.body, answer.get("Cache-Control")), (307, b"", "no-store"))
        self.assertEqual(len(wire.requests), 1, wire.requests)  # whether it is there
        location = answer.get("Location")
        self.assertNotIn(self.place.secret_key, location)
        self.assertTrue(self.followed(location).body == self.file.read_bytes())
        part = self.followed(location, headers={"Range": "bytes=5-9"})
        self.assertEqual((part.status, part.body), (206, self.file.read_bytes()[5:10]))
        self.assertEqual(self.followed(location, "HEAD").status, 403)  # it is for GET only
        self.assertEqual(self.followed(location.replace("Expires=300", "Expires=600")).status, 403)
        head = raw.ask(server.url, "HEAD", target)
        self.assertEqual(head.status, 307)
        said = self.followed(head.get("Location"), "HEAD")
        self.assertEqual((said.status, said.get("Content-Length")), (200, str(self.file.stat().st_size)))
        self.assertEqual(raw.get(server.url, target, {"If-None-Match": f'"{target.rpartition("/")[2]}"'}).status, 304)
        self.assertEqual(raw.get(server.url, narinfo_target(self.made.root)).status, 200)

    def test_real_clients_follow_cold_and_warm_and_what_is_not_there_is_not_promised(self) -> None:
        made = closure.small()
        cache = made.cache()
        up = self.upstream(cache)
        server = self.s3_ncps((up, cache), more=self.REDIRECT)
        cold = self.client(server.pubkey())
        cold.copy(server.url, made.root)
        cold.verify(made.root)
        eventually(lambda: server.count_lines("NAR stored") == len(made.paths), "all are stored")
        warm = self.client(server.pubkey())
        warm.copy(server.url, made.root)
        warm.verify(made.root)
        targets = [self.nar_target(server, path) for path in made.paths]
        self.assertEqual([raw.get(server.url, t).status for t in targets], [307] * len(targets))
        for key in self.s3.keys(self.bucket, "store/nar/"):  # behind its back
            self.assertEqual(self.s3.ask("DELETE", f"/{self.bucket}/{key}").status, 204)
        answer = raw.get(server.url, targets[0])  # had from the upstream once more
        self.assertEqual((answer.status, answer.ending), (200, raw.COMPLETE))

    def test_without_the_s3_server_nobody_is_sent_there(self) -> None:
        self.single(1)
        wire = self.wire()
        server = self.s3_ncps((self.up, self.cache), url=wire.url, more=self.REDIRECT)
        target = self.nar_target(server, self.made.root)
        eventually(lambda: raw.get(server.url, target).status == 307, "the client is sent there")
        wire.fault(method="GET", target="store/nar", answer=s3_error(403, "AccessDenied"))
        self.assertEqual(raw.get(server.url, target).status, 503)


class LocalCopies(S3Case):
    SIZE = ["--cache-storage-s3-local-cache-size=32M"]

    def hot(self, server: Ncps, wire: WireProxy, target: str) -> None:
        """Read until it is served without the S3 server."""
        def served_from_here() -> bool:
            wire.requests.clear()
            self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
            return not wire.requests
        eventually(served_from_here, "it is served from its local copy")

    def copies(self, server: Ncps) -> list[Path]:
        return [f for f in server.temp.glob("ncps-copies-*/*") if f.is_file()]

    def test_a_hot_nar_is_served_without_the_s3_server_also_after_a_kill(self) -> None:
        self.single(5)
        wire = self.wire()
        server = self.serve_kept(wire, more=self.SIZE)
        target = self.nar_target(server, self.made.root)
        self.hot(server, wire, target)
        self.assertEqual([f.read_bytes() for f in self.copies(server)], [self.file.read_bytes()])
        wire.requests.clear()
        part = raw.get(server.url, target, {"Range": "bytes=-7"})
        self.assertEqual((part.status, part.body), (206, self.file.read_bytes()[-7:]))
        wire.stop()
        self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        wire.start()
        server.kill9()
        server.start()
        wire.requests.clear()
        self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        self.assertEqual([r for r in wire.requests if "store/nar" in r[1]], [])
        self.assertEqual(server.stop(), 0, server.tail())

    def test_a_copy_that_cannot_be_finished_is_none_and_costs_no_request(self) -> None:
        self.single(5)
        wire = self.wire()
        server = self.serve_kept(wire, more=self.SIZE)
        target = self.nar_target(server, self.made.root)
        for folder in server.temp.glob("ncps-copies-*/tmp/*"):  # as if the disk were full
            shutil.rmtree(folder)
        for _ in range(4):
            self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        server.wait_line("no local copy was made")
        self.assertEqual(self.copies(server), [])

    def test_killed_while_it_copies_it_starts_with_nothing_half_done(self) -> None:
        self.single(10)
        wire = self.wire()
        server = self.serve_kept(wire, more=self.SIZE)
        target = self.nar_target(server, self.made.root)
        self.assertEqual(self.copies(server), [])
        wire.fault(method="GET", target="store/nar", stall_at=4_000_000)  # whoever asks now
        readers = [raw.Stream(server.url, target).start() for _ in range(2)]
        half = eventually(lambda: [f for f in server.temp.glob("ncps-copies-*/tmp/*/*")
                                   if f.name != "lock" and f.stat().st_size > 1 << 20], "a copy has begun")
        server.kill9()
        for reader in readers:
            reader.join()
        wire.clear()
        server.start()
        self.assertFalse(half[0].exists())
        self.assertEqual(self.copies(server), [])
        self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)


class S3Faults(S3Case):
    def test_a_body_that_is_cut_in_the_middle_is_whole_for_the_client(self) -> None:
        self.single(20)
        wire = self.wire()
        server = self.serve_kept(wire)
        target = self.nar_target(server, self.made.root)
        for fault in ({"cut_at": 3_000_000}, {"cut_at": 5_000_000, "reset": True}, {"cut_at": 400_000}):
            wire.clear()
            wire.requests.clear()
            wire.fault(times=3, method="GET", target="store/nar", **fault)
            self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
            self.assertEqual(sum("store/nar" in asked for _, asked in wire.requests), 4, fault)

    def test_a_server_that_asks_for_patience_is_asked_again(self) -> None:
        self.single(2)
        wire = self.wire()
        server = self.serve_kept(wire)
        target = self.nar_target(server, self.made.root)
        for status, code in ((503, "SlowDown"), (500, "InternalError"), (503, "ServiceUnavailable")):
            wire.clear()
            wire.fault(times=2, method="GET", target="store/nar", answer=s3_error(status, code))
            self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)

    def test_what_the_s3_server_does_not_know_is_503_and_never_404(self) -> None:
        self.single(2)
        wire = self.wire()
        server = self.serve_kept(wire)
        target = self.nar_target(server, self.made.root)
        for answer in (s3_error(403, "AccessDenied"), s3_error(503, "SlowDown"), s3_error(404, "NoSuchBucket"),
                       b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"):
            wire.clear()
            wire.fault(method="GET", target="store/nar", answer=answer)
            self.assertEqual(raw.get(server.url, target).status, 503, answer)
        wire.clear()
        self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)

    def test_uploads_that_break_are_sent_again_and_what_is_stored_is_right(self) -> None:
        self.single(40)
        wire = self.wire()
        wire.fault(times=2, method="PUT", target="partNumber=2", upload_cut_at=2_000_000, reset=True)
        wire.fault(times=2, method="PUT", target="partNumber=1", answer=s3_error(503, "SlowDown"))
        wire.fault(times=1, method="POST", target="uploads", answer=s3_error(500, "InternalError"))
        wire.fault(times=1, method="POST", target="uploadId", cut_at=10)  # it is completed, and the answer lost
        server = self.s3_ncps((self.up, self.cache), url=wire.url)
        self.assert_whole(raw.Stream(server.url, self.nar_target(server, self.made.root)).start().join(), self.sha256)
        server.wait_line("NAR stored", 60)
        self.assertTrue(self.s3.find(self.bucket, nar_key(self.name)) == self.file.read_bytes())
        eventually(lambda: not self.s3.uploads(self.bucket), "no upload is left")

    def test_an_upload_that_fails_for_good_leaves_nothing_and_the_client_gets_its_bytes(self) -> None:
        self.single(40)
        wire = self.wire()
        wire.fault(method="PUT", target="partNumber=2", answer=s3_error(403, "QuotaExceeded"))
        server = self.s3_ncps((self.up, self.cache), url=wire.url)
        target = self.nar_target(server, self.made.root)
        self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        server.wait_line("NAR not stored", 30)
        self.assertIsNone(self.s3.find(self.bucket, nar_key(self.name)))
        eventually(lambda: not self.s3.uploads(self.bucket), "no upload is left")
        wire.clear()
        self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        self.wait_kept(nar_key(self.name))

    def test_a_nar_that_turns_out_wrong_is_not_stored_though_parts_of_it_were_sent(self) -> None:
        self.single(40)
        self.up.fault(self.name, flip_at=self.file.stat().st_size - 100)
        server = self.s3_ncps((self.up, self.cache))
        self.narinfo_of(server, self.made.root)
        server.wait_line("NAR not stored", 30)
        self.assertIsNone(self.s3.find(self.bucket, nar_key(self.name)))
        eventually(lambda: not self.s3.uploads(self.bucket), "no upload is left")

    def test_with_the_s3_server_away_nothing_is_404_and_back_again_all_is_well_under_load(self) -> None:
        self.single(20)
        wire = self.wire()
        server = self.serve_kept(wire)
        target = self.nar_target(server, self.made.root)
        stop = threading.Event()
        wrong: list[str] = []

        def load() -> None:
            while not stop.is_set():
                try:
                    answer = raw.Stream(server.url, target).start().join()
                except Exception as error:  # noqa: BLE001: whatever it is, it is wrong
                    return wrong.append(repr(error))
                if answer.ending == raw.COMPLETE and answer.status == 200:
                    if answer.sha256 != self.sha256:
                        wrong.append("other bytes")
                elif answer.status not in (200, 503):
                    wrong.append(f"{answer.status} {answer.ending}")

        threads = [threading.Thread(target=load) for _ in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = len(wire.requests)
            eventually(lambda: len(wire.requests) > before + 5, "requests go through")
            wire.reset_all()
            wire.stop()
            self.assertIn(raw.get(server.url, target, timeout=40).status, (503, 200))
            wire.start()
        stop.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual(wrong, [])
        self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        self.assertEqual(server.stop(), 0, server.tail())


class Import(S3Case):
    def test_the_bucket_of_the_go_program_is_imported_and_served_without_an_upstream(self) -> None:
        made = closure.small()
        key = closure.signing_key("cache.example")
        cache = go_store.signed_by(made.cache("xz"), key, self.folder("signed") / "cache")
        home = self.folder("go")
        database = self.folder("database") / "db.sqlite"
        urls = go_store.lay_early(home, cache, key, go_store.in_sqlite(database))
        for file in filter(lambda f: f.is_file(), home.rglob("*")):
            self.s3.put(self.bucket, str(file.relative_to(home)), file.read_bytes())
        before = {k: self.s3.find(self.bucket, k) for k in self.s3.keys(self.bucket)}
        options = [*self.store(), f"--cache-database-url=sqlite:{database}",
                   f"--cache-temp-path={self.folder('temp')}",
                   f"--cache-upstream-public-key={cache.key.public}"]
        for more, words in (("--dry-run",), "narinfos to adopt"), ((), "narinfos adopted"):
            run = run_ncps("import", *options, *more, within=60)
            self.assertEqual(run.status, 0, run.said)
            self.assertIn(f"{words}: {len(urls)}", run.out)
            self.assertIn(f"NARs at rest: {len(urls)}", run.out)
            self.assertIn("narinfos without their NAR: 0", run.out)
            self.assertEqual({k: self.s3.find(self.bucket, k) for k in self.s3.keys(self.bucket)}, before)
        proxy = self.ncps_given("serve", "--cache-hostname=cache.example", "--server-addr=127.0.0.1:0",
                                "--cache-upstream-url=http://127.0.0.1:9", *options)
        client = self.client(key.public)
        client.copy(proxy.url, made.root)
        client.verify(made.root)
        for path, url in urls.items():
            self.assertEqual(self.nar_target(proxy, path), url)


if __name__ == "__main__":
    unittest.main()
