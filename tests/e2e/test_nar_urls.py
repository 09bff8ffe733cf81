"""NAR URLs as caches in the field write them: each is served under one that every client can ask for, and that
stays good."""
from __future__ import annotations

import subprocess
import unittest

from .lab import closure, nar, raw, shapes
from .lab.case import LabCase
from .lab.ncps import Ncps
from .lab.shapes import SHAPES, Shape
from .lab.waiting import eventually

ANNOUNCED = r"^nar/[0-9a-zA-Z_-]+\.nar(\.[a-z0-9]+)?$"
BY_NAME = {shape.name: shape for shape in SHAPES}


def decompressed(content: bytes, compression: str) -> bytes:
    if compression == "none":
        return content
    tool = {"xz": "xz", "zstd": "zstd", "bzip2": "bzip2"}[compression]
    return subprocess.run([tool, "-dc"], input=content, capture_output=True, check=True).stdout


class NarUrlCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.leaf = self.made.paths[0]

    def serve(self, shape: Shape, **options) -> Ncps:
        """A proxy before an upstream of that shape."""
        self.cache = shapes.reshaped(self.made.cache(shape.compression), self.folder("shape"), shape)
        self.server = self.upstream(self.cache, **options)
        return self.ncps((self.server, self.cache))

    def nar_of(self, path: str) -> bytes:
        return b"".join(nar.dump(self.made.store / path.lstrip("/")))

    def assert_serves_nar(self, proxy: Ncps, target: str, compression: str) -> None:
        answer = raw.get(proxy.url, target)
        self.assertEqual((answer.status, answer.ending), (200, raw.COMPLETE), proxy.tail())
        self.assertTrue(decompressed(answer.body, compression) == self.nar_of(self.leaf), "another NAR")

    def evict(self, proxy: Ncps) -> None:
        for file in proxy.stored_nars().values():
            file.unlink()

    def lose_database(self, proxy: Ncps) -> None:
        self.assertEqual(proxy.stop(), 0)
        for file in proxy.home.glob("db.sqlite*"):
            file.unlink()
        proxy.start()


class Shapes(NarUrlCase):
    def test_a_client_gets_a_closure_of_every_shape_and_the_next_one_without_the_upstream(self) -> None:
        for shape in SHAPES:
            with self.subTest(shape.name):
                proxy = self.serve(shape)
                for path in self.made.paths:
                    self.assertRegex(self.narinfo_of(proxy, path)["URL"], ANNOUNCED)
                first = self.client(proxy.pubkey())
                first.copy(proxy.url, self.made.root)
                self.server.stop()
                second = self.client(proxy.pubkey())
                second.realise(proxy.url, self.made.root)
                for client in (first, second):
                    client.verify(self.made.root)
                    for path in self.made.paths:
                        self.assertEqual(client.nar_hash(path),
                                         nar.hash_and_size(self.made.store / path.lstrip("/"))[0])
                # Clients have all of it before the store has.
                eventually(lambda: len(proxy.stored_nars()) >= len(self.made.paths), "all NARs are kept", 60)
                self.assertEqual(len(proxy.stored_nars()), len(self.made.paths), "something is kept twice")
                proxy.kill9()

    def test_what_was_announced_can_be_had_again_after_it_is_gone_from_the_store(self) -> None:
        for shape in SHAPES:
            with self.subTest(shape.name):
                proxy = self.serve(shape)
                served = self.narinfo_of(proxy, self.leaf)
                self.assert_serves_nar(proxy, "/" + served["URL"], served["Compression"])
                proxy.wait_stored(served["URL"].rpartition("/")[2])
                self.assertEqual(proxy.stop(), 0)
                self.evict(proxy)
                proxy.start()
                self.assert_serves_nar(proxy, "/" + served["URL"], served["Compression"])
                proxy.kill9()

    def test_a_nar_on_another_host_is_fetched_there_and_served_by_us(self) -> None:
        for scheme in ("http", "HTTP"):
            with self.subTest(scheme):
                nars = self.upstream(self.made.cache("xz"), host="127.0.0.3")
                base = nars.url.replace("http", scheme, 1)
                elsewhere = Shape("elsewhere", "xz", lambda f: f"{base}/nar/{nar.nix32(f.file)}.nar.xz",
                                  lambda f: "unused")
                proxy = self.serve(elsewhere)
                client = self.client(proxy.pubkey())
                client.copy(proxy.url, self.made.root)
                client.verify(self.made.root)
                self.assertEqual(len(nars.requests(".nar.xz", "GET")), len(self.made.paths))

    def test_attic_may_send_us_elsewhere_in_chunks_and_without_ranges(self) -> None:
        for name in ("attic", "attic without compression"):
            with self.subTest(name):
                proxy = self.serve(BY_NAME[name])
                bucket = self.upstream(self.cache, host="127.0.0.3")
                url = self.cache.nar_url(self.leaf)
                bucket.fault(url, chunked=True, ignore_range=True)
                self.server.fault(url, redirect=bucket.url + url)
                served = self.narinfo_of(proxy, self.leaf)
                self.assert_serves_nar(proxy, "/" + served["URL"], served["Compression"])


class LostAndForeignNames(NarUrlCase):
    def test_with_the_database_lost_the_store_path_in_the_name_leads_to_the_nar(self) -> None:
        proxy = self.serve(BY_NAME["attic"])
        target = self.nar_target(proxy, self.leaf)
        proxy.wait_stored(target.rpartition("/")[2])
        self.evict(proxy)
        self.lose_database(proxy)
        self.assert_serves_nar(proxy, target, "zstd")

    def test_a_nar_asked_for_by_its_upstreams_own_url_has_that_upstreams_bytes(self) -> None:
        for name in ("nix-serve", "attic without compression", "attic"):
            for known in (True, False):
                with self.subTest(name, narinfo_known=known):
                    shape = BY_NAME[name]
                    proxy = self.serve(shape)
                    if known:
                        self.nar_target(proxy, self.leaf)
                    self.assert_serves_nar(proxy, self.cache.nar_url(self.leaf), shape.compression)
                    # And both ways on from there.
                    served = self.narinfo_of(proxy, self.leaf)
                    self.assert_serves_nar(proxy, "/" + served["URL"], served["Compression"])
                    proxy.kill9()

    def test_a_store_path_that_nobody_has_is_no_nar(self) -> None:
        proxy = self.serve(BY_NAME["attic"])
        for name in ("0" * 32, "0" * 32 + "-" + "1" * 52):
            self.assertEqual(raw.get(proxy.url, f"/nar/{name}.nar").status, 404)
        self.server.fault(".narinfo", status=503)
        self.assertIn(raw.get(proxy.url, f"/nar/{'1' * 32}.nar", timeout=60).status, (502, 504))

    def test_our_urls_may_be_written_in_other_ways(self) -> None:
        proxy = self.serve(BY_NAME["harmonia"])
        target = self.nar_target(proxy, self.leaf)
        name = target.removeprefix("/nar/")
        for written in (target, target + "?hash=" + closure.hash_of(self.leaf), target + "?sha256=x&y=%20",
                        "//nar/" + name, "/%6ear/" + name.replace(".", "%2E"), "/nar//" + name):
            with self.subTest(written):
                self.assert_serves_nar(proxy, written, "zstd")
        self.assertEqual(len([r for r in self.server.requests(method="GET") if "/nar/" in r.path]), 1)


class WrongHashes(NarUrlCase):
    def test_a_wrong_file_hash_is_seen_to_fail_also_if_the_nar_is_right(self) -> None:
        for change in ({"FileHash": "sha256:" + "0" * 64}, {"FileSize": "12345"}):
            with self.subTest(change):
                proxy = self.serve(Shape("wrong", "xz", lambda f: f"nar/{nar.nix32(f.file)}.nar.xz",
                                         change=lambda f: change))
                target = self.nar_target(proxy, self.leaf)
                self.assert_not_whole(proxy, target)
                self.assertEqual(proxy.stored_nars(), {})

    def test_of_a_nar_that_we_compress_nothing_is_said_that_the_upstream_says_of_its_file(self) -> None:
        proxy = self.serve(Shape("wrong", "none", lambda f: f"nar/{f.store}.nar",
                                 change=lambda f: {"FileHash": "sha256:" + "0" * 64, "FileSize": "12345"}))
        served = self.narinfo_of(proxy, self.leaf)
        self.assertFalse(served.keys() & {"FileHash", "FileSize"})
        self.assert_serves_nar(proxy, "/" + served["URL"], "zstd")


if __name__ == "__main__":
    unittest.main()
