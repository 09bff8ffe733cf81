"""What a binary cache has besides narinfos and NARs: listings, build logs, realisations, debug links."""
from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import subprocess
import unittest
from pathlib import Path

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.closure import Cache, hash_of, nix
from .lab.faults import Gate
from .lab.ncps import Ncps

DRV = "26xbg1ndr7hbcncrlf9nhx5is2b25d13-gtk+3.drv"
LOG = f"/log/{DRV}"
LOG_TEXT = b"unpacking\nbuilding\n" * 1000
SHA = "0123456789abcdef" * 4
BUILD_ID = "0123456789abcdef0123456789abcdef01234567"
DOCUMENTS = {f"/realisations/sha256:{SHA}!out.doi": f"/realisations/sha256:{SHA}%21out.doi",
             f"/build-trace-v2/{DRV}/out.doi": "/build-trace-v2/" + DRV.replace("+", "%2B") + "/out.doi",
             f"/debuginfo/{BUILD_ID}": f"/debuginfo/{BUILD_ID}",
             f"/debuginfo/{BUILD_ID}.debug": f"/debuginfo/{BUILD_ID}%2edebug"}


def put(cache: Cache, target: str, content: bytes) -> None:
    file = cache.folder / target.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def listing_target(path: str) -> str:
    return f"/{hash_of(path)}.ls"


def files_of(node: dict) -> list[dict]:
    """Every regular file of a listing."""
    if node["type"] == "directory":
        return [file for entry in node["entries"].values() for file in files_of(entry)]
    return [node] if node["type"] == "regular" else []


class ObjectCase(LabCase):
    """A proxy before an upstream whose folder may be written to."""

    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache().copy(self.folder("cache") / "copy")
        self.server = self.upstream(self.cache)

    def kept(self, proxy: Ncps) -> list[Path]:
        folders = ("log", "listing", "realisations", "build-trace-v2", "debuginfo")
        return [f for name in folders for f in (proxy.storage / "store" / name).rglob("*") if f.is_file()]


class Objects(ObjectCase):
    def test_each_is_fetched_once_in_any_spelling_and_served_without_the_upstream_after_a_restart(self) -> None:
        put(self.cache, LOG, LOG_TEXT)
        spellings = {LOG: LOG.replace("+", "%2B")} | DOCUMENTS
        wanted = {LOG: LOG_TEXT} | {target: json.dumps({"of": target}).encode() for target in DOCUMENTS}
        for target, content in wanted.items():
            put(self.cache, target, content)
        proxy = self.ncps((self.server, self.cache))
        for target, content in wanted.items():
            for spelling in (target, spellings[target]):
                self.assert_whole(raw.get(proxy.url, spelling), content)
            self.assertEqual(len(self.server.requests(target)), 1, target)
        self.server.stop()
        proxy.restart()
        for target, content in wanted.items():
            self.assert_whole(raw.get(proxy.url, spellings[target]), content)

    def test_an_encoded_log_is_kept_and_served_decoded(self) -> None:
        self.server.fault(LOG, body=gzip.compress(LOG_TEXT), headers={"Content-Encoding": "gzip"})
        proxy = self.ncps((self.server, self.cache))
        for _ in range(2):
            answer = raw.get(proxy.url, LOG)
            self.assert_whole(answer, LOG_TEXT)
            self.assertIsNone(answer.get("content-encoding"))
        self.assertEqual(len(self.server.requests(LOG)), 1)

    def test_what_is_missing_is_404_and_what_could_not_be_asked_is_not(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        for target in (LOG, *DOCUMENTS, f"/{'a' * 32}.ls"):
            self.assertEqual(raw.get(proxy.url, target).status, 404, target)
            self.server.fault(target, status=500)
            self.assertEqual(raw.get(proxy.url, target).status, 404 if target.endswith(".ls") else 502, target)
        self.server.stop()
        for target in (LOG, *DOCUMENTS, f"/{'b' * 32}.ls"):
            self.assertIn(raw.get(proxy.url, target).status, (502, 504), target)
        self.server.start().faults.clear()
        put(self.cache, LOG, LOG_TEXT)
        self.assert_whole(raw.get(proxy.url, LOG), LOG_TEXT)

    def test_what_is_broken_or_no_document_is_never_kept(self) -> None:
        put(self.cache, LOG, LOG_TEXT)
        proxy = self.ncps((self.server, self.cache))
        for broken in ({"cut_at": 10_000}, {"cut_at": 10_000, "reset": True}, {"cut_at": 10_000, "chunked": True}):
            with self.subTest(broken):
                self.server.fault(LOG, **broken)
                self.assertEqual(raw.get(proxy.url, LOG).status, 502)
                self.server.faults.clear()
        for target in DOCUMENTS:
            self.server.fault(target, body=b"<html>this page does not exist</html>")
            self.assertEqual(raw.get(proxy.url, target).status, 502, target)
        self.assertEqual(self.kept(proxy), [])
        self.assertEqual(proxy.temporary_files(), [])
        self.server.faults.clear()
        self.assert_whole(raw.get(proxy.url, LOG), LOG_TEXT)

    def test_a_log_that_breaks_once_is_fetched_again(self) -> None:
        put(self.cache, LOG, LOG_TEXT)
        self.server.fault(LOG, times=1, cut_at=10_000)
        proxy = self.ncps((self.server, self.cache))
        self.assert_whole(raw.get(proxy.url, LOG), LOG_TEXT)

    def test_an_upstream_whose_log_stalls_is_not_asked_again_but_the_next_is(self) -> None:
        put(self.cache, LOG, LOG_TEXT)
        second = self.upstream(self.cache)
        self.server.fault(LOG, stall_at=10_000)
        proxy = self.ncps((self.server, self.cache), (second, self.cache), more=["--cache-upstream-stall-timeout=2s"])
        self.assert_whole(raw.get(proxy.url, LOG, timeout=60), LOG_TEXT)
        self.assertEqual(len(self.server.requests(LOG)), 1)

    def test_a_stop_finishes_a_log_that_is_on_its_way(self) -> None:
        put(self.cache, LOG, LOG_TEXT)
        gate = Gate()
        self.server.fault(LOG, gate=gate, gate_at=10_000)
        proxy = self.ncps((self.server, self.cache))
        stream = raw.Stream(proxy.url, LOG).start()
        self.assertTrue(gate.reached.wait(60))
        proxy.send_signal()
        proxy.wait_line("stopping: finishing what is in flight; a second signal ends it at once")
        gate.open()
        self.assert_whole(stream.join(), hashlib.sha256(LOG_TEXT).hexdigest())
        self.assertEqual(proxy.wait(), 0)

    def test_an_enormous_log_is_refused_in_bounded_memory(self) -> None:
        large = self.folder("large") / "log"
        with large.open("wb") as file:
            file.truncate(200 << 20)
        proxy = self.ncps((self.server, self.cache))
        raw.get(proxy.url, LOG)
        before = proxy.rss()
        for fault in ({"chunked": True}, {}):
            with self.subTest(fault):
                self.server.fault(LOG, body=large, **fault)
                self.assertEqual(raw.get(proxy.url, LOG).status, 502)
        self.assertLess(proxy.rss() - before, 48 << 20)
        self.assertEqual(self.kept(proxy), [])

    def test_no_other_path_reaches_the_upstream(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        for target in ("/log/x.drv", "/log/../secret", f"/log/%2e%2e/{hash_of(self.made.root)}.narinfo",
                       "/log/http:%2f%2f169.254.169.254%2f-x.drv", f"/log/{DRV}%2f..%2fx.drv", f"/log/{DRV}%00",
                       f"/debuginfo/{BUILD_ID}0", "/realisations/sha256:x!out.doi", f"/build-trace-v2/{DRV}/../x.doi"):
            self.assertEqual(raw.get(proxy.url, target).status, 404, target)
        self.assertEqual(self.server.requests(), [])

    def test_readers_need_the_token_and_no_cache_between_may_share_it(self) -> None:
        put(self.cache, LOG, LOG_TEXT)
        proxy = self.ncps((self.server, self.cache), environment={"CACHE_GET_TOKEN": "tok3n"})
        for target in (LOG, *DOCUMENTS, listing_target(self.made.root)):
            self.assertEqual(raw.get(proxy.url, target).status, 401, target)
        self.assertEqual(self.server.requests(), [])
        answer = raw.get(proxy.url, LOG, {"Authorization": "Bearer tok3n"})
        self.assert_whole(answer, LOG_TEXT)
        self.assertTrue(answer.get("cache-control").startswith("private"))


class Listings(ObjectCase):
    def listings_by_nix(self, made: closure.Closure) -> dict[str, bytes]:
        """What Nix itself writes, by path."""
        folder = self.folder("listed")
        nix("nix", "copy", "--store", made.store, "--from", made.store, "--no-check-sigs",
            "--to", f"file://{folder}?write-nar-listing=true", *made.paths)
        return {path: (folder / listing_target(path)[1:]).read_bytes() for path in made.paths}

    def test_one_that_we_make_is_what_nix_would_have_written(self) -> None:
        def write_odd(path: Path) -> None:
            (path / "a/b/c").mkdir(parents=True)
            (path / "a/b/c/deep").write_text("deep")
            (path / "empty-folder").mkdir()
            for name in ("with space", 'quote"back\\slash', "tab\tnew\nline", "\u00e9\u4e2d\U0001f600", "+=?~!"):
                (path / name).write_text(name)
            (path / "link").symlink_to('some "where"/\u00e9')
            (path / "run").write_text("#!/bin/sh\n")
            (path / "run").chmod(0o555)

        odd = closure.make_closure("odd-names", [("odd-1.0", write_odd, [])])
        for made in (odd, self.made):
            wanted = {path: json.loads(listing) for path, listing in self.listings_by_nix(made).items()}
            for compression in closure.COMPRESSIONS if made is self.made else ("xz",):
                cache = made.cache(compression)
                server = self.upstream(cache)
                proxy = self.ncps((server, cache))
                for path in made.paths:
                    with self.subTest(compression=compression, path=path):
                        answer = raw.get(proxy.url, listing_target(path))
                        self.assertEqual((answer.status, answer.get("content-type")), (200, "application/json"))
                        self.assertEqual(json.loads(answer.body), wanted[path])
                        ordered = json.dumps(wanted[path], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                        self.assertEqual(answer.body.decode(), ordered)
                self.assertEqual(proxy.stop(), 0)

    def test_names_that_are_no_utf_8_are_written_as_they_are(self) -> None:
        store = self.folder("store")
        odd = bytes(store / "odd")
        os.mkdir(odd)
        for name in (b"latin-1-\xe9", b"\xff", "\U0001f600".encode()):
            with open(odd + b"/" + name, "wb") as file:
                file.write(name)
        made = closure.Closure(store, [nix("nix", "store", "add-path", "--store", store, store / "odd").strip()])
        cache = made.cache()
        proxy = self.ncps((self.upstream(cache), cache))

        def read(listing: bytes) -> dict:
            return json.loads(listing.decode(errors="surrogateescape"))

        wanted = self.listings_by_nix(made)[made.root]
        self.assertIn(b"\xff", wanted)
        self.assertEqual(read(proxy.get(listing_target(made.root))), read(wanted))

    def test_its_offsets_are_those_of_the_nar_that_is_served(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        leaf = self.made.paths[0]
        archive = lzma.decompress(proxy.get(self.nar_target(proxy, leaf)))
        tree = json.loads(proxy.get(listing_target(leaf)))["root"]
        self.assertEqual(len(files_of(tree)), 3)
        at = tree["entries"]["bin"]["entries"]["hello"]
        self.assertEqual(archive[at["narOffset"]:][:at["size"]], b"#!/bin/sh\necho hello\n")
        at = tree["entries"]["data"]
        self.assertEqual(archive[at["narOffset"]:][:at["size"]], closure.random_bytes("leaf", 2_000_000))

    def test_of_a_nar_that_is_here_it_is_ours_and_of_another_the_upstreams(self) -> None:
        theirs = b'{"root":{"theirs":1},"version":1}'
        here, elsewhere = self.made.paths[1], self.made.paths[2]
        for path in (here, elsewhere):
            put(self.cache, listing_target(path), theirs)
        proxy = self.ncps((self.server, self.cache))
        target = self.nar_target(proxy, here)
        proxy.get(target)
        proxy.wait_at_rest(target.rpartition("/")[2])
        self.assertEqual(json.loads(proxy.get(listing_target(here)))["root"]["type"], "regular")
        self.assertEqual(self.server.requests(listing_target(here)), [])
        self.assertEqual(proxy.get(listing_target(elsewhere)), theirs)
        self.assertEqual(self.server.requests(self.cache.nar_url(elsewhere)), [])

    def test_a_page_in_its_place_or_a_broken_nar_gives_none(self) -> None:
        path = self.made.paths[0]
        proxy = self.ncps((self.server, self.cache))
        self.server.fault(".ls", body=b"<html></html>")
        self.assertEqual(raw.get(proxy.url, listing_target(path)).status, 502)
        self.server.faults.clear()
        self.server.fault(".nar.xz", flip_at=1000)
        self.assertEqual(raw.get(proxy.url, listing_target(path)).status, 502)
        self.assertEqual(self.kept(proxy), [])
        self.server.faults.clear()
        self.assertEqual(len(files_of(json.loads(proxy.get(listing_target(path)))["root"])), 3)

    def test_of_what_nobody_trusted_has_signed_there_is_none(self) -> None:
        cache = self.made.cache(key=None)
        server = self.upstream(cache)
        proxy = self.ncps((server, self.cache))
        self.assertEqual(raw.get(proxy.url, listing_target(self.made.root)).status, 404)
        self.assertEqual([r.path for r in server.requests()], [narinfo_target(self.made.root)])


class RealClient(ObjectCase):
    PLAIN = 'derivation { name = "hello++-1.0"; system = "x86_64-linux"; builder = "/none"; }'
    ADDRESSED = """derivation { name = "hello++-1.0"; system = "x86_64-linux"; builder = "/none";
        __contentAddressed = true; outputHashAlgo = "sha256"; outputHashMode = "recursive"; }"""

    def test_nix_log_shows_the_log_through_us_also_when_the_upstream_is_gone(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        client = self.client(proxy.pubkey(), substituters=proxy.url)
        derivation = client.check("nix-instantiate", "--store", str(client.store), "-E", self.PLAIN).strip()
        missing = client.run("nix", "log", "--store", str(client.store), derivation)
        self.assertIn("is not available", missing.stderr)
        put(self.cache, f"/log/{Path(derivation).name}", LOG_TEXT)
        shown = client.check("nix", "log", "--store", str(client.store), derivation)
        self.assertEqual(shown, LOG_TEXT.decode())
        self.server.stop()
        shown = client.check("nix", "log", "--store", str(client.store), derivation)
        self.assertEqual(shown, LOG_TEXT.decode())

    def test_a_content_addressed_derivation_is_substituted_by_its_realisation(self) -> None:
        store = self.folder("store")
        file = store / "file"
        file.write_text("hello\n")
        path = nix("nix", "store", "add-path", "--store", store, "--name", "hello++-1.0", file).strip()
        nix("nix", "copy", "--store", store, "--from", store, "--no-check-sigs",
            "--to", f"file://{self.cache.folder}?secret-key={closure.signing_key().secret_file}", path)
        proxy = self.ncps((self.server, self.cache))

        def build() -> subprocess.CompletedProcess[str]:
            client = self.client(proxy.pubkey())
            return client.run("nix", "build", "--store", str(client.store), "--impure", "--no-link", "--json",
                              "--expr", self.ADDRESSED,
                              **{"experimental-features": "nix-command ca-derivations", "max-jobs": "0",
                                 "substituters": proxy.url})

        self.assertNotEqual(build().returncode, 0)
        asked = self.server.requests(".doi")
        self.assertEqual(len(asked), 1, proxy.tail())
        put(self.cache, asked[0].path, json.dumps({
            "dependentRealisations": {}, "id": Path(asked[0].path).name.removesuffix(".doi"),
            "outPath": path.removeprefix("/nix/store/"), "signatures": []}).encode())
        for _ in range(2):
            built = build()
            self.assertEqual(built.returncode, 0, built.stderr + proxy.tail())
            self.assertEqual(json.loads(built.stdout)[0]["outputs"], {"out": path})
        self.assertEqual(len(self.server.requests(".doi")), 2, "once missing, once fetched")


if __name__ == "__main__":
    unittest.main()
