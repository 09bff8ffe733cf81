"""Spans of what several instances share: the calls to a real S3 server, to Redis, to PostgreSQL, and to each other."""
from __future__ import annotations

import json

from .lab import raw
from .lab.faults import Gate
from .lab.ncps import Ncps
from .lab.otlp_receiver import OtlpReceiver
from .lab.postgres import Postgres
from .lab.redis import RedisServer
from .lab.s3_case import S3Case
from .test_otlp import QUICK, SAMPLED, TRACE

PASSWORD = "s3cret-of-redis"
CLIENT = 3  # SPAN_KIND_CLIENT


class SharedParts(S3Case):
    def setUp(self) -> None:
        super().setUp()
        self.single(2)
        self.receiver = OtlpReceiver().start()
        self.addCleanup(self.receiver.stop)
        self.database = Postgres()
        self.addCleanup(self.database.close)
        self.redis = RedisServer(password=PASSWORD)
        self.addCleanup(self.redis.close)

    def instance(self) -> Ncps:
        return self.s3_ncps((self.up, self.cache), environment=QUICK, more=[
            f"--cache-database-url={self.database.url}", *self.redis.flags(), "--server-drain-delay=0",
            "--cache-prefetch=off", "--otel-enabled=true", f"--otel-grpc-url=http://{self.receiver.address}"])

    def test_each_call_is_a_span_within_what_it_was_made_for_and_no_secret_is_in_it(self) -> None:
        a, b = self.instance(), self.instance()
        gate = Gate()
        self.addCleanup(gate.open)
        self.up.fault(self.name, gate=gate, gate_at=1_000_000, times=1)
        target = self.nar_target(a, self.made.root)
        first = raw.Stream(a.url, target, SAMPLED).start()
        self.assertTrue(first.first_byte.wait(60), a.tail())
        second = raw.Stream(b.url, target, SAMPLED).start()
        self.assertTrue(second.first_byte.wait(60), b.tail())
        gate.open()
        for stream in (first, second):
            self.assert_whole(stream.join(60), self.sha256)
        a.wait_line("NAR stored", 60)
        b.wait_line("NAR passed on", 60)
        for proxy in (a, b):
            self.assertEqual(proxy.stop(), 0)  # sends what waits
        spans = [span for span in self.receiver.spans() if span["trace_id"] == TRACE]
        by_id = {span["span_id"]: span for span in spans}

        def within(span: dict) -> list[str]:
            names = []
            while span := by_id.get(span.get("parent_span_id", "")):
                names.append(span["name"])
            return names

        leases = [span for span in spans if span["name"] == "lock.take"]
        self.assertGreaterEqual(len(leases), 2, "one that had it, one that asked")
        for span in leases:
            self.assertEqual((span["kind"], span["attributes"]["ncps.lock"]), (CLIENT, f"download:nar:{self.name[1:]}"))
        self.assertTrue([span for span in spans if span["name"] == "peer.GET"])
        stores = [span for span in spans if span["name"].startswith("s3.")]
        self.assertTrue({"s3.GET", "s3.PUT"} <= {span["name"] for span in stores}, stores)
        for span in (*leases, *stores, *(span for span in spans if span["name"] in ("peer.GET", "db"))):
            self.assertEqual(span["kind"], CLIENT, span)
            self.assertIn("GET /nar/{name}", within(span), span)
        for span in leases:
            self.assertIn("cache.download", within(span))
        sent = json.dumps([self.receiver.spans(), self.receiver.lines(), self.receiver.metrics()])
        for secret in (PASSWORD, self.place.secret_key, "Signature="):
            self.assertNotIn(secret, sent)

    def test_a_lease_that_cannot_be_had_and_an_answer_of_the_bucket_that_breaks_off_are_spans_that_failed(self) -> None:
        wire = self.wire()
        proxy = self.ncps((self.up, self.cache), store=self.store(wire.url), environment=QUICK, more=[
            f"--cache-database-url={self.database.url}", *self.redis.flags(), "--server-drain-delay=0",
            "--cache-prefetch=off", "--otel-enabled=true", f"--otel-grpc-url=http://{self.receiver.address}"])
        target = self.nar_target(proxy, self.made.root)
        self.redis.kill9()
        wire.fault(times=1, method="GET", target="store/nar", cut_at=60, reset=True)  # within the head; it is asked again
        self.assertEqual(raw.get(proxy.url, target, SAMPLED, timeout=60).status, 503)
        self.assertEqual(proxy.stop(), 0)
        failed = {span["name"] for span in self.receiver.spans()
                  if span.get("status", {}).get("code") in (2, "STATUS_CODE_ERROR") and span["trace_id"] == TRACE}
        self.assertTrue({"lock.take", "s3.GET"} <= failed, failed)
