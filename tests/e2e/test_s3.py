"""The server with a bucket as its storage, on a real S3 server: what lies there, what is served from there, and what
happens when the S3 server goes, fails, cuts and comes back.
"""
from __future__ import annotations

import threading
import unittest

from .lab import closure, go_store, raw
from .lab.case import narinfo_target
from .lab.ncps import run_ncps
from .lab.s3_case import S3Case, nar_key, narinfo_key
from .lab.upstream import Upstream
from .lab.waiting import eventually
from .lab.wire_proxy import s3_error


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
        self.assertEqual(refused.wait(), 1)
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
                self.assertEqual(server.wait(), 1)
                self.assertIn(reason, server.stderr())
                for secret in (self.place.secret_key, "wr0ngsecret"):
                    self.assertNotIn(secret, server.stderr() + str(server.lines))

    def changed(self, changes: dict[str, str]) -> list[str]:
        return self.store(**{name.replace("_", "-"): value for name, value in changes.items()})

    @staticmethod
    def up_url(up: Upstream) -> str:
        """A server that speaks HTTP, but not S3."""
        return up.url


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
        server.wait_line("NAR not stored", 60)
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
        server.wait_line("NAR not stored", 60)
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
            self.assertIn(raw.get(server.url, target, timeout=60).status, (503, 200))
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
