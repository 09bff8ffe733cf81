"""The S3 bench: the gateway is a real server, which takes our signatures and whose documents we read; the proxy
spoils on command.

What our program signs is sent here as it stands, by a client that knows nothing of S3.
"""
from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from .lab import raw, s3_gateway
from .lab.ncps import BINARY
from .lab.s3_client import Answer, send
from .lab.waiting import eventually
from .lab.wire_proxy import WireProxy, s3_error

PROBE = Path(os.environ.get("NCPS_S3_PROBE") or BINARY.parent / "src/s3_probe")
UNSIGNED = "UNSIGNED-PAYLOAD"
ODD_KEYS = ["plain", "with space", "a+b", "100%", "%41", "ü/ö", "~tilde", "a//b", "=&?#", "!$'()*,;:@", "x.nar.xz"]


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.place = s3_gateway.shared()
        cls.server = cls.place.client()
        cls.probe = subprocess.Popen([str(PROBE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls._end_probe)

    @classmethod
    def _end_probe(cls) -> None:
        cls.probe.communicate(timeout=60)

    def setUp(self) -> None:
        self.bucket = self.place.new_bucket()

    def tell_probe(self, **said) -> dict:
        print(json.dumps(said), file=self.probe.stdin, flush=True)
        return json.loads(self.probe.stdout.readline())

    def read(self, what: str, answer: Answer):
        """What our program takes from an answer."""
        return self.tell_probe(read=what, body=answer.body.decode(), status=answer.status)["result"]

    def sign(self, method: str, key: str | None = None, body: bytes = b"", **options) -> dict:
        """What our program would send; `options` as s3_probe takes them."""
        ask = {"method": method, "endpoint": self.place.url, "bucket": self.bucket, "region": "us-east-1",
               "access_key": self.place.access_key, "secret_key": self.place.secret_key, "time": int(time.time()),
               "payload": hashlib.sha256(body).hexdigest()} | options
        if key is not None:
            ask["key"] = key
        return self.tell_probe(**ask)

    def ask(self, method: str, key: str | None = None, body: bytes = b"", **options) -> Answer:
        signed = self.sign(method, key, body, **options)
        target = signed["path"] + ("?" + signed["query"] if signed["query"] else "")
        headers = {"Host": signed["host"]} | dict(signed["headers"])
        headers |= dict(options.get("headers", []))
        return send(options.get("url", signed["origin"]), method, target, headers, body, self.place.ca_file)


class Server(Bench):
    def test_what_we_sign_is_taken_for_every_key(self) -> None:
        for key in ODD_KEYS:
            with self.subTest(key):
                body = key.encode() * 3
                self.assertEqual(self.ask("PUT", key, body).status, 200)
                self.assertEqual(self.server.find(self.bucket, key), body)
                self.assertEqual(self.ask("GET", key).body, body)
                part = self.ask("GET", key, headers=[["Range", "bytes=1-3"]])
                self.assertEqual((part.status, part.body), (206, body[1:4]))
        self.assertEqual(sorted(self.server.keys(self.bucket)), sorted(ODD_KEYS))

    def test_listings_are_signed_with_their_queries(self) -> None:
        for key in ODD_KEYS:
            self.server.put(self.bucket, key, b"x")
        for prefix in ("", "a", "ü/", "with ", "100%", "=&"):
            query = [["list-type", "2"], ["prefix", prefix], ["max-keys", "100"], ["delimiter", ""]]
            answer = self.ask("GET", query=query)
            self.assertEqual(answer.status, 200, answer.body)
            expected = sorted([k, 1] for k in ODD_KEYS if k.startswith(prefix))
            self.assertEqual(self.read("objects", answer), {"objects": expected, "next": ""})

    def test_listings_in_pages_are_whole(self) -> None:
        keys = [f"{n:03}" for n in range(25)]
        for key in keys:
            self.server.put(self.bucket, key, b"x")
        found, more = [], []
        while True:
            page = self.read("objects", self.ask("GET", query=[["list-type", "2"], ["max-keys", "10"], *more]))
            found += [key for key, _ in page["objects"]]
            if not page["next"]:
                break
            more = [["continuation-token", page["next"]]]
        self.assertEqual(found, keys)

    def test_a_multipart_upload_goes_through(self) -> None:
        begun = self.ask("POST", "big", query=[["uploads", ""]], headers=[["Content-Type", "application/x-nix-nar"]])
        self.assertEqual(begun.status, 200, begun.body)
        upload = self.read("upload_id", begun)
        self.assertEqual(self.server.uploads(self.bucket), [("big", upload)])
        listed = self.read("uploads", self.ask("GET", query=[["uploads", ""]]))
        self.assertEqual([u[:2] for u in listed["uploads"]], [["big", upload]])
        self.assertLess(abs(listed["uploads"][0][2] - time.time()), 300)
        parts = [bytes([65 + n]) * (5 << 20) for n in range(2)] + [b"end"]
        tags = []
        for number, part in enumerate(parts, 1):
            query = [["partNumber", str(number)], ["uploadId", upload]]
            answer = self.ask("PUT", "big", part, query=query)
            self.assertEqual(answer.status, 200, answer.body)
            tags.append(answer.headers["ETag"])
        document = self.tell_probe(parts=list(enumerate(tags, 1)))["result"].encode()
        self.assertIsNone(self.server.find(self.bucket, "big"))
        wrong = document.replace(tags[0].strip('"').encode(), b"0")
        refused = self.ask("POST", "big", wrong, query=[["uploadId", upload]])
        self.assertIn("InvalidPart", self.read("meaning", refused))
        done = self.ask("POST", "big", document, query=[["uploadId", upload]])
        self.assertEqual(done.status, 200, done.body)
        self.assertEqual(self.read("completion", done)[1], "")
        gone = self.ask("PUT", "big", b"late", query=[["partNumber", "9"], ["uploadId", upload]])
        self.assertIn("NoSuchUpload: there is no such upload", self.read("meaning", gone))
        self.assertTrue(self.server.find(self.bucket, "big") == b"".join(parts))
        self.assertEqual(self.ask("DELETE", "big").status, 204)
        self.assertIsNone(self.server.find(self.bucket, "big"))

    def test_over_tls_the_payload_need_not_be_signed(self) -> None:
        answer = self.ask("PUT", "x", b"bytes", endpoint=self.place.tls_url, payload=UNSIGNED)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(self.ask("GET", "x", endpoint=self.place.tls_url, payload=UNSIGNED).body, b"bytes")

    def test_another_body_than_was_signed_is_refused(self) -> None:
        signed = self.sign("PUT", "x", b"signed")
        answer = send(signed["origin"], "PUT", signed["path"], {"Host": signed["host"]} | dict(signed["headers"]), b"change")
        self.assertEqual((answer.status, answer.texts("Code")), (400, ["XAmzContentSHA256Mismatch"]))
        self.assertIsNone(self.server.find(self.bucket, "x"))

    def test_a_bucket_in_the_host_and_a_key_prefix_lead_to_the_same_object(self) -> None:
        self.server.put(self.bucket, "some/prefix/x", b"bytes")
        self.assertEqual(self.ask("GET", "x", prefix="some/prefix").body, b"bytes")
        host = f"{self.bucket}.{self.place.domain}:{urlsplit(self.place.url).port}"
        signed = self.sign("GET", host=host, path="/some/prefix/x")
        answer = send(self.place.url, "GET", signed["path"], {"Host": host} | dict(signed["headers"]))
        self.assertEqual((answer.status, answer.body), (200, b"bytes"))

    def test_presigned_urls_work_for_their_method_and_until_they_expire(self) -> None:
        for key in ODD_KEYS:
            self.server.put(self.bucket, key, b"0123456789")
            signed = self.sign("GET", key, presign=60)
            target = signed["path"] + "?" + signed["query"]
            answer = send(signed["origin"], "GET", target, {"Host": signed["host"], "Range": "bytes=2-4"})
            self.assertEqual((answer.status, answer.body), (206, b"234"), key)
            self.assertEqual(send(signed["origin"], "PUT", target, {"Host": signed["host"]}, b"x").status, 403)
        late = self.sign("GET", "plain", presign=60, time=int(time.time()) - 120)
        answer = send(late["origin"], "GET", late["path"] + "?" + late["query"], {"Host": late["host"]})
        self.assertEqual(answer.status, 403)

    def test_the_reasons_of_a_refusal_are_told_apart(self) -> None:
        self.server.put(self.bucket, "x", b"bytes")
        answered = "the S3 server answered "
        cases = [({}, "good"),
                 ({"secret_key": "wrong"}, "403 SignatureDoesNotMatch: the secret access key is wrong"),
                 ({"access_key": "NOBODY"}, "403 InvalidAccessKeyId: the server does not know this access key"),
                 ({"time": int(time.time()) - 3600},
                  "403 RequestTimeTooSkewed: this machine's clock and the server's differ"),
                 ({"key": "absent"}, "404 NoSuchKey: there is no such object"),
                 ({"bucket": "no-such-bucket"}, "404 NoSuchBucket: the bucket does not exist"),
                 ({"headers": [["Range", "bytes=5-"]]}, "416 InvalidRange: the object is shorter than that")]
        for options, expected in cases:
            with self.subTest(str(options)):
                answer = self.ask("GET", options.pop("key", "x"), **options)
                self.assertIn(expected, self.read("meaning", answer).removeprefix(answered))
        anonymous = send(self.place.url, "GET", f"/{self.bucket}/x", {"Host": urlsplit(self.place.url).netloc})
        self.assertIn("403 AccessDenied: the key may not", self.read("meaning", anonymous))

    def test_this_server_has_conditional_writes(self) -> None:
        once = {"headers": [["If-None-Match", "*"]]}
        self.assertEqual(self.ask("PUT", "once", b"first", **once).status, 200)
        again = self.ask("PUT", "once", b"second", **once)
        self.assertIn("the object exists already", self.read("meaning", again))
        self.assertEqual(self.server.find(self.bucket, "once"), b"first")


class Proxy(Bench):
    def setUp(self) -> None:
        super().setUp()
        parts = urlsplit(self.place.url)
        self.proxy = WireProxy(parts.hostname, parts.port).start()
        self.addCleanup(self.proxy.stop)
        self.body = os.urandom(300_000)
        self.server.put(self.bucket, "x", self.body)
        self.through = self.place.client(self.proxy.url)

    def get(self, timeout: float = 60) -> raw.Answer:
        """A presigned GET through the proxy, judged by how it ended."""
        signed = self.sign("GET", "x", presign=60, endpoint=self.proxy.url)
        return raw.get(self.proxy.url, signed["path"] + "?" + signed["query"], {"Host": signed["host"]}, timeout)

    def test_without_a_fault_nothing_is_changed(self) -> None:
        self.assertTrue(self.get().body == self.body)
        self.through.put(self.bucket, "y", self.body)
        self.assertTrue(self.server.find(self.bucket, "y") == self.body)
        self.assertEqual([method for method, _ in self.proxy.requests], ["GET", "PUT"])

    def test_answers_are_cut_cleanly_or_with_a_reset_and_stall(self) -> None:
        self.proxy.fault(1, cut_at=100_000)
        cut = self.get()
        self.assertEqual((cut.status, cut.ending), (200, raw.SHORT))
        self.assertTrue(0 < len(cut.body) < 100_000 and self.body.startswith(cut.body))
        self.proxy.fault(1, cut_at=100_000, reset=True)
        self.assertEqual(self.get().ending, raw.RESET)
        self.proxy.fault(1, stall_at=100_000)
        self.assertEqual(self.get(timeout=10).ending, raw.TIMEOUT)
        self.assertTrue(self.get().body == self.body)

    def test_an_upload_that_is_cut_leaves_nothing(self) -> None:
        self.proxy.fault(1, method="PUT", upload_cut_at=50_000, reset=True)
        with self.assertRaises(OSError):
            self.through.put(self.bucket, "y", self.body)
        self.assertIsNone(self.server.find(self.bucket, "y"))

    def test_an_answer_can_be_told_for_some_requests_only(self) -> None:
        self.proxy.fault(2, method="GET", target="/x", answer=s3_error(503, "SlowDown", "Retry-After: 1"))
        self.through.put(self.bucket, "y", b"1")
        self.assertEqual([self.get().status for _ in range(3)], [503, 503, 200])
        self.proxy.fault(answer=s3_error(500, "InternalError"))
        self.assertEqual(self.get().status, 500)
        self.proxy.clear()
        self.assertEqual(self.get().status, 200)

    def test_requests_on_one_connection_are_told_apart(self) -> None:
        signed = [self.sign("GET", "x", presign=60, endpoint=self.proxy.url) for _ in range(3)]
        self.proxy.fault(1, method="HEAD", cut_at=0)
        with raw.Connection(self.proxy.url) as connection:
            for one in signed:
                answer = connection.ask("GET", one["path"] + "?" + one["query"], {"Host": one["host"]})
                self.assertTrue(answer.body == self.body)
            with self.assertRaises(raw.Ended):
                connection.ask("HEAD", "/")
        self.assertEqual([method for method, _ in self.proxy.requests], ["GET"] * 3 + ["HEAD"])

    def test_it_can_be_down_and_come_back_on_the_same_port(self) -> None:
        self.proxy.stop()
        with self.assertRaises(ConnectionRefusedError):
            self.get()
        self.proxy.start()
        self.assertTrue(self.get().body == self.body)


class Life(unittest.TestCase):
    def test_a_gateway_of_its_own_can_be_restarted_with_what_it_stores(self) -> None:
        gateway = s3_gateway.Gateway()
        self.addCleanup(gateway.stop)
        place = gateway.start()
        bucket = place.new_bucket()
        place.client().put(bucket, "x", b"bytes")
        gateway.stop_gateway()
        with self.assertRaises(ConnectionRefusedError):
            place.client().find(bucket, "x")
        gateway.start_gateway()
        self.assertEqual(place.client().find(bucket, "x"), b"bytes")
        gateway.stop()
        self.assertFalse(gateway.home.exists())

    def test_the_fixture_starts_and_stops_and_a_killed_one_leaves_nothing(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "gateway.json"
            self.addCleanup(self.fixture, "stop", file)
            for end in (self.stop_it, self.kill_it):
                with self.subTest(end.__name__):
                    self.assertEqual(self.fixture("start", file), 0)
                    place = s3_gateway.Place(**json.loads(file.read_text()))
                    home = Path(place.ca_file).parent
                    self.assertEqual(place.client().ask("GET", "/").status, 200)
                    daemons = self.daemons_of(home)
                    self.assertEqual(len(daemons), 3)
                    end(file, place)
                    eventually(lambda: not self.daemons_of(home), "the daemons are gone")
                    s3_gateway.remove_leftovers()
                    self.assertFalse(home.exists())

    def test_the_fixture_ends_with_the_process_that_started_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "gateway.json"
            self.addCleanup(self.fixture, "stop", file)
            code = ("import subprocess, sys; subprocess.run([sys.executable, '-m', 'tests.e2e.lab.s3_gateway', "
                    f"'start', {str(file)!r}], check=True); input()")
            runner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.assertIn(b"http://", runner.stdout.readline())
            home = Path(json.loads(file.read_text())["ca_file"]).parent
            runner.kill()
            runner.communicate()  # its output ends: the holder does not hold on to it
            eventually(lambda: not home.exists() and not file.exists(), "it has gone")
            self.assertEqual(self.daemons_of(home), [])

    def fixture(self, *arguments: object) -> int:
        command = [sys.executable, "-m", "tests.e2e.lab.s3_gateway", *map(str, arguments)]
        return subprocess.run(command, stdout=subprocess.DEVNULL, timeout=300).returncode

    def stop_it(self, file: Path, place: s3_gateway.Place) -> None:
        self.assertEqual(self.fixture("stop", file), 0)
        self.assertFalse(file.exists())

    def kill_it(self, file: Path, place: s3_gateway.Place) -> None:
        os.kill(place.holder, signal.SIGKILL)

    def daemons_of(self, home: Path) -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"CEPH_CONF={home}/ceph.conf".encode() in (process / "environ").read_bytes():
                    found.append(int(process.name))
            except OSError:
                pass
        return found


if __name__ == "__main__":
    unittest.main()
