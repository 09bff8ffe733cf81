"""NARs in a bucket: how they are served from there, and where they are not: clients are sent to the S3 server, or get a
local copy.
"""
from __future__ import annotations

import hashlib
import os
import shutil
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from .lab import closure, raw
from .lab.case import narinfo_target
from .lab.ncps import Ncps
from .lab.s3_case import S3Case, nar_key
from .lab.waiting import eventually
from .lab.wire_proxy import WireProxy, s3_error


class Hits(S3Case):
    HEAD = 1000  # bytes that an S3 server's head does not reach

    def nars_asked(self, wire: WireProxy) -> int:
        return sum(method == "GET" and "store/nar" in asked for method, asked in wire.requests)

    def test_one_after_the_other_they_share_a_connection(self) -> None:
        self.single(1)
        wire = self.wire()
        server = self.serve_kept(wire)
        target = self.nar_target(server, self.made.root)
        wire.requests.clear()
        before = wire.links_made
        for _ in range(20):
            self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        self.assertEqual(self.nars_asked(wire), 20)
        # One, where something else has the connection just then, such as the look for uploads that were left.
        self.assertLessEqual(wire.links_made - before, 1)

    def test_what_the_s3_server_has_sent_the_client_has_though_the_rest_does_not_come(self) -> None:
        self.single(3)
        wire = self.wire()
        server = self.serve_kept(wire)
        target = self.nar_target(server, self.made.root)
        for sent in (2_000, 150_000, 2_000_000):
            with self.subTest(sent):
                wire.requests.clear()
                wire.fault(times=1, method="GET", target="store/nar", stall_at=sent)
                client = raw.Stream(server.url, target).start()
                eventually(lambda: client.count > sent - self.HEAD, "what was sent has come")
                self.assertLess(client.count, sent)
                self.assertIsNone(client.ending)
                self.assertEqual(self.nars_asked(wire), 1)  # the rest has not been asked for anew
                wire.reset_all()
                self.assert_whole(client.join(), self.sha256)


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


class Transfers(S3Case):
    def test_are_so_many_at_once_and_the_others_wait(self) -> None:
        self.single(1)
        wire = self.wire()
        server = self.serve_kept(wire, more=["--cache-storage-s3-max-transfers=16"])
        target = self.nar_target(server, self.made.root)
        wire.fault(method="GET", target="store/nar", delay=2)  # long enough for many to meet, also on a busy machine
        readers = [raw.Stream(server.url, target).start() for _ in range(40)]
        for reader in readers:
            self.assert_whole(reader.join(), self.sha256)
        self.assertGreater(wire.most_links, 8)
        self.assertLessEqual(wire.most_links, 16)


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
        for folder in server.temp.glob("ncps-copies-*/tmp"):  # nothing can be written there
            shutil.rmtree(folder)
            folder.write_bytes(b"")
        for _ in range(4):
            self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
        server.wait_line("no local copy was made")
        self.assertEqual([copy for copy in self.copies(server) if copy.name != "tmp"], [])

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


class BackPressure(S3Case):
    SIZE, CLIENTS = 96 << 20, 6
    # Of one client's: what the kernel holds of its two connections, and what we read ahead.
    BOUND = 32 << 20

    def test_of_what_a_client_does_not_read_little_is_taken_from_the_bucket(self) -> None:
        self.single(0.1)
        stuck, read = ("0" * 51 + digit + ".nar.xz" for digit in "12")
        body = os.urandom(self.SIZE)
        self.s3.put(self.bucket, nar_key(stuck), body)
        self.s3.put(self.bucket, nar_key(read), body)
        wire = self.wire()
        server = self.s3_ncps((self.up, self.cache), url=wire.url)
        before = server.rss()
        clients = [raw.Connection(server.url, receive_buffer=1 << 16) for _ in range(self.CLIENTS)]
        for client in clients:
            self.addCleanup(client.socket.close)
            client.request("GET", f"/nar/{stuck}")
        heads = [client.read_head() for client in clients]
        self.assertEqual([head.status for head in heads], [200] * self.CLIENTS)
        # As long as it takes to take all of it, and again.
        digest = hashlib.sha256(body).hexdigest()
        for _ in range(2):
            self.assert_whole(raw.Stream(server.url, f"/nar/{read}").start().join(), digest)
        taken = wire.taken[f"/{self.bucket}/{nar_key(stuck)}"]
        self.assertLess(taken, self.CLIENTS * self.BOUND)
        self.assertLess(server.rss() - before, self.CLIENTS * self.SIZE / 8)
        self.assertTrue(b"".join(clients[0].pieces(heads[0])) == body)  # and it goes on


if __name__ == "__main__":
    unittest.main()
