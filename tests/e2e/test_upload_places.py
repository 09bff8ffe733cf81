"""Uploads in a bucket and with the other databases; tokens that are taken away; pins, downloads and stalls beside them."""
from __future__ import annotations

import hashlib
import unittest
from concurrent.futures import ThreadPoolExecutor

from .lab import closure, raw
from .lab.case import narinfo_target
from .lab.closure import signing_key
from .lab.database import OneDatabase
from .lab.mariadb import MariaDb
from .lab.ncps import Ncps, size_of
from .lab.postgres import Postgres
from .lab.s3_case import S3Case
from .lab.waiting import eventually
from .test_upload import DELETE, PUT, UploadCase, fresh


class Everywhere:
    """The tests; the classes below run them on each storage and database."""
    def where(self) -> dict:
        """Where the server keeps its things: options of ncps()."""
        raise NotImplementedError

    def serve(self, *more: str) -> Ncps:
        self.up = self.upstream(self.elsewhere)
        where = self.where()
        return self.ncps((self.up, self.elsewhere), **where | {"more": [PUT, DELETE, *more, *where.get("more", [])]})

    def kept(self, server: Ncps, target: str) -> int:
        return raw.ask(server.url, "HEAD", "/upload" + target).status

    def test_sent_signed_again_fetched_and_removed(self) -> None:
        first, second = signing_key("builder-1"), signing_key("builder-2")
        server = self.serve()
        made = fresh("places")
        self.sign(made, first)
        self.send(server, made, store="/upload")
        self.sign(made, second, store=server.url)
        server.restart()
        sigs = self.narinfo_of(server, made.root)["Sig"]
        self.assertTrue("builder-1:" in sigs and "builder-2:" in sigs, sigs)
        self.assert_arrives(server, made, first)
        self.assert_arrives(server, made, second)
        nar_targets = [self.nar_target(server, path) for path in made.paths]
        self.assertEqual(204, raw.ask(server.url, "DELETE", "/upload" + narinfo_target(made.paths[0])).status)
        self.assertEqual(204, raw.ask(server.url, "DELETE", nar_targets[1]).status)
        for target in (*nar_targets, *map(narinfo_target, made.paths)):
            self.assertEqual(404, raw.get(server.url, target).status, target)
        self.send(server, made)
        self.assert_arrives(server, made, first)

    def test_twenty_at_once_send_one_path(self) -> None:
        server = self.serve()
        target, text, nar_target, bytes_ = self.pair(fresh("places-crowd", 2_000_000), compression="zstd")

        def one(_: int) -> tuple[int, int]:
            return self.put(server, nar_target, bytes_).status, self.put(server, target, text).status

        with ThreadPoolExecutor(20) as pool:
            self.assertEqual({(204, 204)}, set(pool.map(one, range(20))), server.tail())
        self.assertEqual(bytes_, server.get(nar_target))
        self.assertEqual(200, raw.get(server.url, target).status)

    def test_a_kill_while_one_is_sent_leaves_nothing_of_it_and_loses_nothing(self) -> None:
        server = self.serve()
        target, text, nar_target, bytes_ = self.pair(fresh("places-before"))
        self.assertEqual(204, self.put(server, nar_target, bytes_).status)
        later = self.pair(fresh("places-killed", 20_000_000), compression="zstd")  # a bucket has parts of it by then
        with raw.Connection(server.url) as connection:
            connection.request("PUT", later[2], {"Content-Length": str(len(later[3]))}, later[3][:-1])
            folders = server.storage / "store/tmp", server.temp
            eventually(lambda: any(size_of(f) > 10_000_000 for folder in folders for f in folder.rglob("*")
                                   if f.is_file()), "most has arrived")
            server.kill9()
        server.start()
        self.assertEqual(404, self.kept(server, later[2]))
        self.assertEqual(200, self.kept(server, nar_target))
        for one in (later[2], later[3]), (later[0], later[1]), (target, text):
            self.assertEqual(204, self.put(server, *one).status)
        self.assertEqual(later[3], server.get(later[2]))


class InABucket(Everywhere, UploadCase, S3Case):
    def where(self) -> dict:
        return {"store": self.store()}


class WithADatabaseServer(OneDatabase, Everywhere):
    def where(self) -> dict:
        return {"more": [f"--cache-database-url={self.database.url}"]}


class WithPostgres(WithADatabaseServer, UploadCase):
    server_class = Postgres


class WithMariaDb(WithADatabaseServer, UploadCase):
    server_class = MariaDb


class Beside(UploadCase):
    def test_a_token_that_was_taken_away_sends_nothing_any_more(self) -> None:
        tokens = self.folder("tokens") / "tokens"
        line = lambda name, secret: f"{name} write sha256:{hashlib.sha256(secret.encode()).hexdigest()}\n"
        tokens.write_text(line("old", "the first secret") + line("new", "the second one"))
        server = self.server(DELETE, f"--cache-token-file={tokens}")
        target, text, nar_target, bytes_ = self.pair(fresh("replayed"))
        request = {"Authorization": "Bearer the first secret"}
        self.assertEqual(204, self.put(server, nar_target, bytes_, **request).status)
        tokens.write_text(line("new", "the second one"))
        server.reload()
        for one in ((target, text), (nar_target, bytes_), ("/upload" + target, text)):
            self.assertEqual(401, self.put(server, *one, **request).status)
        self.assertEqual(401, raw.ask(server.url, "DELETE", nar_target, request).status)
        self.assertEqual({}, server.stored_narinfos())
        self.assertEqual(bytes_, server.get(nar_target))
        self.assertEqual(204, self.put(server, target, text, Authorization="Bearer the second one").status)

    def test_what_is_pinned_can_be_deleted_and_its_pin_stays(self) -> None:
        server = self.server(DELETE)
        target, text, nar_target, bytes_ = self.pair(fresh("pinned"))
        for one in ((nar_target, bytes_), (target, text)):
            self.assertEqual(204, self.put(server, *one).status)
        self.assertEqual(200, raw.ask(server.url, "POST", "/pin" + target).status)
        self.assertEqual(204, raw.ask(server.url, "DELETE", target).status)
        self.assertEqual(404, raw.get(server.url, target).status)
        self.assertIn(target[1:33].encode(), raw.get(server.url, "/pins").body)

    def test_what_is_on_its_way_here_can_be_sent_meanwhile(self) -> None:
        made = closure.small()
        server = self.server("--cache-prefetch=off")
        lib = made.paths[0]
        nar_target = self.nar_target(server, lib)
        bytes_ = self.elsewhere.nar_bytes(lib)
        self.up.fault(nar_target, rate=len(bytes_) / 4)
        stream = raw.Stream(server.url, nar_target).start()
        eventually(lambda: stream.status == 200, "it has begun")
        self.assertEqual(204, self.put(server, nar_target, bytes_).status)
        stream.join()
        self.assertEqual((raw.COMPLETE, len(bytes_)), (stream.ending, stream.count))
        self.assertEqual(bytes_, server.get(nar_target))
        self.assertEqual(1, len(server.stored_nars()))
        eventually(lambda: not server.temporary_files(), "nothing temporary is left")

    def test_a_body_that_stalls_is_given_up_and_nothing_is_kept(self) -> None:
        server = self.server("--server-body-timeout=3s")
        _, _, nar_target, bytes_ = self.pair(fresh("stalled"))
        with raw.Connection(server.url, timeout=60) as connection:
            connection.request("PUT", nar_target, {"Content-Length": str(len(bytes_))}, bytes_[:-1])
            self.assertEqual(408, connection.read_answer().status)
        self.assertEqual({}, server.stored_nars())
        eventually(lambda: not server.temporary_files(), "nothing temporary is left")


if __name__ == "__main__":
    unittest.main()
