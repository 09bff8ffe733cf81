"""Uploads with the real client, in both directions; what must not get in; what is left after a kill; removals."""
from __future__ import annotations

import gzip
import lzma
import threading

from .lab import closure, config_file, nar, raw
from .lab.case import LabCase, narinfo_target
from .lab.closure import Closure, Key, file_of_random_bytes, file_of_text, hash_of, make_closure, signing_key
from .lab.ncps import Ncps, size_of
from .lab.waiting import eventually
from .test_s3 import S3Case

PUT = "--cache-allow-put-verb"
DELETE = "--cache-allow-delete-verb"


def fresh(name: str, size: int = 300_000) -> Closure:
    """Two paths that no upstream has."""
    return make_closure(name, [("lib", file_of_random_bytes(name, size), []), ("app", file_of_text(f"{name}\n"), [0])])


class UploadCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.elsewhere = closure.small().cache()  # what the upstream has

    def server(self, *more: str, **options) -> Ncps:
        self.up = self.upstream(self.elsewhere)
        return self.ncps((self.up, self.elsewhere), more=[PUT, *more], **options)

    def send(self, server: Ncps, made: Closure, store: str = "", query: str = "", paths: list[str] | None = None,
             **settings: str) -> str:
        """`nix copy --to`, as a user has it."""
        url = server.url + store + (f"?{query}" if query else "")
        return self.client().check("nix", "copy", "--from", str(made.store), "--to", url, "--no-check-sigs",
                                   *(paths or made.paths), **settings)

    def sign(self, made: Closure, key: Key, store: str | None = None) -> None:
        self.client().check("nix", "store", "sign", "--store", store or str(made.store), "--key-file",
                            str(key.secret_file), "--recursive", *made.paths)

    def assert_arrives(self, server: Ncps, made: Closure, key: Key) -> None:
        """Another machine, that trusts the key, gets it and finds it right."""
        client = self.client(key.public)
        client.copy(server.url, made.root)
        client.verify(made.root)
        for path in made.paths:
            self.assertEqual(client.nar_hash(path), nar.hash_and_size(made.store / path.lstrip("/"))[0])

    def put(self, server: Ncps, target: str, body: bytes, **headers: str) -> raw.Answer:
        fields = {"Content-Length": str(len(body))} | {n.replace("_", "-"): v for n, v in headers.items()}
        with raw.Connection(server.url) as connection:
            return connection.ask("PUT", target, fields, body)

    def pair(self, made: Closure, number: int = 0, compression: str = "xz", key: Key | None = None):
        """What a client sends for one path: (narinfo target, its text, NAR target, its bytes)."""
        cache = made.cache(compression, key)
        path = made.paths[number]
        text = (cache.folder / f"{hash_of(path)}.narinfo").read_bytes()
        return narinfo_target(path), text, cache.nar_url(path), cache.nar_bytes(path)


class RealClient(UploadCase):
    def test_every_compression_comes_back_right(self) -> None:
        key = signing_key("builder-1")
        server = self.server()
        for compression in ("xz", "zstd", "none", "bzip2", "br", "gzip"):
            for parallel in ("false", "true") if compression in ("xz", "zstd") else ("false",):
                made = fresh(f"up-{compression}-{parallel}")
                self.sign(made, key)
                self.send(server, made, query=f"compression={compression}&parallel-compression={parallel}")
                self.assert_arrives(server, made, key)
        eventually(lambda: not server.temporary_files(), "nothing temporary is left")

    def test_below_upload_all_that_is_missing_here_is_sent(self) -> None:
        server = self.server()
        made = closure.small()
        target = narinfo_target(made.root)
        self.assertEqual(404, raw.get(server.url, "/upload" + target).status)
        self.assertEqual(404, raw.ask(server.url, "HEAD", "/upload" + self.elsewhere.nar_url(made.root)).status)
        self.send(server, made, store="/upload")
        self.assertEqual([], [r.path for r in self.up.requests() if r.path != "/nix-cache-info"])
        self.assertEqual(200, raw.get(server.url, "/upload" + target).status)
        for path in ("/upload/nix-cache-info", "/upload/pubkey", "/upload/"):
            self.assertEqual(200, raw.get(server.url, path).status, path)

    def test_sent_again_signed_later_and_after_a_restart(self) -> None:
        first, second = signing_key("builder-1"), signing_key("builder-2")
        server = self.server()
        made = fresh("again")
        self.sign(made, first)
        self.send(server, made)
        self.send(server, made)
        self.sign(made, second, store=server.url)
        server.restart()
        sigs = self.narinfo_of(server, made.root)["Sig"]
        self.assertIn("builder-1:", sigs)
        self.assertIn("builder-2:", sigs)
        for key in (first, second):
            self.assert_arrives(server, made, key)

    def test_with_a_token_in_its_netrc_it_may_and_without_it_may_not(self) -> None:
        key = signing_key("builder-1")
        server = self.server("--cache-put-token=one that nobody guesses")
        made = fresh("netrc")
        self.sign(made, key)
        with self.assertRaises(AssertionError):
            self.send(server, made)
        self.assertEqual({}, server.stored_nars())
        netrc = self.folder("netrc") / "netrc"
        host = server.url.partition("://")[2].rpartition(":")[0]
        netrc.write_text(f'machine {host} login ci password "one that nobody guesses"\n')
        client = self.client(**{"netrc-file": str(netrc)})
        client.check("nix", "copy", "--from", str(made.store), "--to", server.url, "--no-check-sigs", *made.paths)
        self.assert_arrives(server, made, key)
        server.caught_up()
        said = [line for line in server.lines if line["message"] == "audit"]
        self.assertEqual({("refused", ""), ("upload", "put-token"), ("sign", None)},
                         {(line["action"], line.get("token")) for line in said}, server.tail())

    def test_a_listing_and_a_log_are_sent_too(self) -> None:
        server = self.server()
        made = fresh("listed")
        self.send(server, made, query="write-nar-listing=true")
        answer = raw.get(server.url, f"/{hash_of(made.root)}.ls")
        self.assertEqual(200, answer.status)
        self.assertIn(b'"version":1', answer.body.replace(b" ", b""))

    def test_settings_for_encoded_documents_change_nothing_for_this_client(self) -> None:
        """It has them for stores in S3 only: what encoded narinfos, listings and logs do is tested without it."""
        key = signing_key("builder-1")
        server = self.server()
        made = fresh("encoded")
        self.sign(made, key)
        said = self.client().run("nix", "copy", "--from", str(made.store), "--no-check-sigs", "--to",
                                 f"{server.url}?narinfo-compression=gzip&ls-compression=gzip&log-compression=gzip",
                                 *made.paths)
        self.assertEqual(0, said.returncode, said.stderr)
        for setting in ("narinfo", "ls", "log"):
            self.assertIn(f"unknown setting '{setting}-compression'", said.stderr)
        self.assert_arrives(server, made, key)

    def test_unsigned_paths_are_not_signed_by_us_and_stay_after_a_restart(self) -> None:
        server = self.server()
        made = fresh("unsigned")
        self.send(server, made)
        for _ in range(2):
            self.assertNotIn("Sig", self.narinfo_of(server, made.root))
            server.restart()

    def test_without_its_rows_the_store_still_knows(self) -> None:
        server = self.server()
        made = fresh("rowless")
        self.send(server, made)
        self.assertEqual(0, server.stop())
        for file in server.home.glob("db.sqlite*"):
            file.unlink()
        server.start()
        self.assertNotIn("Sig", self.narinfo_of(server, made.root))
        self.assertEqual(200, raw.get(server.url, self.nar_target(server, made.root)).status)

    def test_only_who_vouches_is_signed_for(self) -> None:
        key = signing_key("builder-1")
        server = self.server(f"--cache-trusted-upload-key={key.public}")
        made = fresh("vouched")
        self.sign(made, key)
        self.send(server, made)
        self.assertIn("cache.example:", self.narinfo_of(server, made.root)["Sig"])
        other = fresh("stranger")
        self.sign(other, signing_key("builder-2"))
        self.send(server, other)
        self.assertNotIn("cache.example:", self.narinfo_of(server, other.root)["Sig"])

    def test_twenty_at_once_and_one_wins(self) -> None:
        server = self.server()
        made = fresh("crowd", 3_000_000)
        failures: list[object] = []
        def one() -> None:
            try:
                self.send(server, made, query="compression=zstd")  # xz would be all that takes time
            except BaseException as error:  # noqa: B902: whatever it was, the test must say so
                failures.append(error)
        threads = [threading.Thread(target=one) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
        self.sign(made, signing_key("builder-1"), store=server.url)
        self.assert_arrives(server, made, signing_key("builder-1"))
        self.assertEqual(2, len(server.stored_nars()))


class Trust(UploadCase):
    def test_a_trusted_signature_may_be_required(self) -> None:
        key = signing_key("builder-1")
        server = self.server("--cache-require-trusted-signature", f"--cache-trusted-upload-key={key.public}")
        good, unsigned, foreign = fresh("good"), fresh("bad"), fresh("foreign")
        self.sign(good, key)
        self.sign(foreign, signing_key("builder-1", which=1))
        self.send(server, good)
        for made in (unsigned, foreign):
            target, text, nar_target, bytes_ = self.pair(made) if made is unsigned else self.pair(
                made, key=signing_key("builder-1", which=1))
            self.assertEqual(204, self.put(server, nar_target, bytes_).status)
            self.assertEqual(403, self.put(server, target, text).status)
            self.assertEqual(404, raw.get(server.url, target).status)
        self.assert_arrives(server, good, key)

    def test_contents_may_stand_for_a_signature(self) -> None:
        key = signing_key("builder-1")
        server = self.server("--cache-require-trusted-signature", f"--cache-trusted-upload-key={key.public}")
        client = self.client()
        client.store.mkdir()
        (client.home / "folder").mkdir()
        (client.home / "folder/file").write_text("in a folder\n")
        (client.home / "flat.txt").write_text("flat\n")
        store = str(client.store)
        paths = [client.check("nix-store", "--store", store, "--add", str(client.home / "folder")).strip(),
                 client.check("nix-store", "--store", store, "--add-fixed", "sha256", str(client.home / "flat.txt")).strip(),
                 client.check("nix-instantiate", "--store", store, "--eval", "--read-write-mode", "-E",
                              'builtins.toFile "text" "see ${builtins.toFile "inner" "inner"}"').strip().strip('"')]
        client.check("nix", "copy", "--from", store, "--to", server.url, "--no-check-sigs", *paths)
        other = self.client(server.pubkey())
        for path in paths:
            self.assertIn("cache.example:", self.narinfo_of(server, path)["Sig"])
            other.copy(server.url, path)
            other.verify(path)

    def test_a_verified_path_is_not_replaced_by_another(self) -> None:
        made = closure.small()
        server = self.server()
        before = self.narinfo_of(server, made.paths[0])
        self.assertEqual(200, raw.get(server.url, "/" + before["URL"]).status)
        other = fresh("imposter")
        _, _, nar_target, bytes_ = self.pair(other)
        self.assertEqual(204, self.put(server, nar_target, bytes_).status)
        fields = other.cache("xz", None).narinfo(other.paths[0])
        fields["StorePath"] = made.paths[0]
        text = "".join(f"{n}: {v}\n" for n, v in fields.items()).encode()
        self.assertEqual(409, self.put(server, narinfo_target(made.paths[0]), text).status)
        self.assertEqual(before, self.narinfo_of(server, made.paths[0]))

    def test_references_may_be_required(self) -> None:
        server = self.server("--cache-upload-require-references")
        made = fresh("refs")
        target, text, nar_target, bytes_ = self.pair(made, 1)
        self.assertEqual(204, self.put(server, nar_target, bytes_).status)
        answer = self.put(server, target, text)
        self.assertEqual(422, answer.status)
        self.assertIn(made.paths[0].encode(), answer.body)
        self.send(server, made)


class Poison(UploadCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = fresh("poison")
        self.target, self.text, self.nar_target, self.nar = self.pair(self.made)

    def assert_nothing_kept(self, server: Ncps) -> None:
        self.assertEqual({}, server.stored_nars())
        self.assertEqual({}, server.stored_narinfos())
        eventually(lambda: not server.temporary_files(), "nothing temporary is left")
        self.assertEqual(404, raw.get(server.url, self.target).status)

    def test_wrong_bytes_are_refused(self) -> None:
        server = self.server()
        flipped = bytearray(self.nar)
        flipped[len(flipped) // 2] ^= 1
        other_nar = lzma.compress(b"".join(nar.dump(self.made.store / self.made.paths[1].lstrip("/"))))
        for wrong in (bytes(flipped), self.nar[:-7], self.nar + b"x", b"", b"x", b"hello" * 1000, other_nar):
            answer = self.put(server, self.nar_target, wrong)
            self.assertEqual(422, answer.status, answer.body)
        self.assert_nothing_kept(server)

    def test_a_narinfo_that_does_not_fit_is_refused(self) -> None:
        server = self.server()
        self.assertEqual(422, self.put(server, self.target, self.text).status)  # its NAR is not here
        self.assertEqual(204, self.put(server, self.nar_target, self.nar).status)
        fields = self.made.cache("xz", None).narinfo(self.made.paths[0])
        other = self.made.cache("xz", None).narinfo(self.made.paths[1])
        wrong = [fields | {"StorePath": self.made.paths[1]}, fields | {"NarHash": other["NarHash"]},
                 fields | {"NarSize": "1"}, fields | {"FileSize": "1"}, fields | {"FileHash": other["FileHash"]},
                 fields | {"Compression": "zstd"}, fields | {"URL": other["URL"]},
                 fields | {"URL": "nar/../../config/cache.key"}, fields | {"URL": "http://elsewhere.example/x.nar"},
                 {n: v for n, v in fields.items() if n != "NarHash"}]
        for one in wrong:
            text = "".join(f"{n}: {v}\n" for n, v in one.items()).encode()
            self.assertEqual(422, self.put(server, self.target, text).status, one)
        self.assertEqual(422, self.put(server, narinfo_target(self.made.paths[1]), self.text).status)
        self.assertEqual(422, self.put(server, self.target, b"\0" * 100).status)
        self.assertEqual(413, self.put(server, self.target, b"x" * 2_000_000).status)
        self.assertEqual({}, server.stored_narinfos())
        self.assertEqual(404, raw.get(server.url, self.target).status)
        self.assertEqual(204, self.put(server, self.target, self.text).status)

    def test_no_name_leads_anywhere_else(self) -> None:
        server = self.server(DELETE)
        for target in ("/nar/../config/cache.key", "/nar/%2e%2e%2fx.nar", "/config/cache.key", "/nar/a/b.nar.xz",
                       "/log/../x", "/upload/../x.narinfo", "/x.narinfo", "/upload/nar/..%2fx.nar"):
            for method in ("PUT", "DELETE"):
                with raw.Connection(server.url) as connection:
                    answer = connection.ask(method, target, {"Content-Length": "3"}, b"abc")
                self.assertIn(answer.status, (400, 404, 405), f"{method} {target}")
        for target in ("/nix-cache-info", "/upload/nix-cache-info", "/pubkey", "/"):
            answer = self.put(server, target, b"StoreDir: /nix/store\n")
            self.assertEqual((405, "GET, HEAD"), (answer.status, answer.get("Allow")), target)

    def test_another_file_under_the_same_name_is_a_conflict(self) -> None:
        server = self.server()
        name = "/nar/" + nar.nix32(bytes.fromhex(
            nar.hash_and_size(self.made.store / self.made.paths[0].lstrip("/"))[0])) + ".nar.xz"
        plain = b"".join(nar.dump(self.made.store / self.made.paths[0].lstrip("/")))
        one, other = lzma.compress(plain, preset=1), lzma.compress(plain, check=lzma.CHECK_CRC32)
        self.assertEqual([204, 204, 409], [self.put(server, name, body).status for body in (one, one, other)])
        self.assertEqual(one, server.get(name))

    def test_more_than_may_be_is_refused_before_and_while_it_comes(self) -> None:
        server = self.server("--cache-max-upload-size=100K")
        with raw.Connection(server.url) as connection:
            connection.request("PUT", self.nar_target, {"Content-Length": str(10 << 30), "Expect": "100-continue"})
            self.assertEqual(413, connection.read_answer().status)
        with raw.Connection(server.url) as connection:
            connection.request("PUT", self.nar_target, {"Transfer-Encoding": "chunked"})
            connection.send(b"20000\r\n" + self.nar[:0x20000] + b"\r\n")
            self.assertEqual(413, connection.read_answer().status)
        with raw.Connection(server.url) as connection:
            connection.request("PUT", self.nar_target, {})
            self.assertEqual(411, connection.read_answer().status)
        self.assert_nothing_kept(server)

    def test_a_short_body_is_never_kept_and_a_slow_one_is(self) -> None:
        server = self.server()
        with raw.Connection(server.url) as connection:
            connection.request("PUT", self.nar_target, {"Content-Length": str(len(self.nar))}, self.nar[:-1])
        self.assert_nothing_kept(server)
        with raw.Connection(server.url, timeout=60) as connection:
            connection.request("PUT", self.nar_target, {"Content-Length": str(len(self.nar)), "Expect": "100-continue"})
            self.assertEqual(100, connection.read_head().status)
            step = len(self.nar) // 20 + 1
            for start in range(0, len(self.nar), step):
                connection.send(self.nar[start:start + step])
                eventually(lambda: True, "a pause", every=0.05)
            self.assertEqual(204, connection.read_answer().status)
        self.assertEqual(self.nar, server.get(self.nar_target))

    def test_a_kill_in_the_middle_leaves_nothing_and_loses_nothing(self) -> None:
        server = self.server()
        self.assertEqual(204, self.put(server, self.nar_target, self.nar).status)
        other = fresh("second")
        target, text, nar_target, bytes_ = self.pair(other)
        with raw.Connection(server.url) as connection:
            connection.request("PUT", nar_target, {"Content-Length": str(len(bytes_))}, bytes_[:-1])
            eventually(lambda: any(size_of(f) > 100_000 for f in (server.storage / "store/tmp").rglob("*")
                                   if f.is_file()), "most of it has arrived")
            server.kill9()
        server.start()
        self.assertEqual(404, raw.ask(server.url, "HEAD", "/upload" + nar_target).status)
        self.assertEqual([], server.temporary_files())
        self.assertEqual(200, raw.ask(server.url, "HEAD", "/upload" + self.nar_target).status)  # waits for its narinfo
        self.assertEqual(204, self.put(server, self.target, self.text).status)
        self.assertEqual(204, self.put(server, nar_target, bytes_).status)
        self.assertEqual(204, self.put(server, target, text).status)

    def test_encoded_narinfos_and_logs_are_decoded(self) -> None:
        server = self.server()
        self.assertEqual(204, self.put(server, self.nar_target, self.nar).status)
        answer = self.put(server, self.target, gzip.compress(self.text), Content_Encoding="gzip")
        self.assertEqual(204, answer.status)
        self.assertEqual(self.made.paths[0], self.narinfo_of(server, self.made.paths[0])["StorePath"])
        log = f"/log/{hash_of(self.made.paths[0])}-x.drv"
        self.assertEqual(204, self.put(server, log, lzma.compress(b"it was built\n"), Content_Encoding="xz").status)
        self.assertEqual(b"it was built\n", server.get(log))
        bomb = gzip.compress(b"x" * 200_000_000)
        self.assertEqual(413, self.put(server, log, bomb, Content_Encoding="gzip").status)
        self.assertEqual(415, self.put(server, log, b"x", Content_Encoding="deflate").status)
        self.assertEqual(415, self.put(server, self.nar_target, b"x", Content_Encoding="gzip").status)
        self.assertEqual(422, self.put(server, log, b"not xz", Content_Encoding="xz").status)
        self.assertEqual(b"it was built\n", server.get(log))
        trace = "/realisations/sha256:" + "0" * 64 + "!out.doi"
        self.assertEqual(422, self.put(server, trace, b"<html>").status)
        self.assertEqual(204, self.put(server, trace, b'{"id": 1}').status)
        self.assertEqual(b'{"id": 1}', server.get(trace))


class Gates(UploadCase):
    def test_closed_unless_the_operator_opens_them(self) -> None:
        self.up = self.upstream(self.elsewhere)
        server = self.ncps((self.up, self.elsewhere))
        target, text, nar_target, bytes_ = self.pair(fresh("gate"))
        for one in (target, nar_target, "/upload" + target):
            for method in ("PUT", "DELETE"):
                with raw.Connection(server.url) as connection:
                    answer = connection.ask(method, one, {"Content-Length": "3"}, b"abc")
                self.assertEqual((405, "GET, HEAD"), (answer.status, answer.get("Allow")))

    def test_what_is_deleted_is_gone(self) -> None:
        server = self.server(DELETE)
        made = fresh("gone")
        self.send(server, made)
        lib, app = made.paths
        self.assertEqual(200, raw.get(server.url, narinfo_target(lib)).status)
        nar_target = self.nar_target(server, lib)
        self.assertEqual(204, raw.ask(server.url, "DELETE", narinfo_target(lib)).status)
        self.assertEqual(404, raw.get(server.url, narinfo_target(lib)).status)
        self.assertEqual(404, raw.get(server.url, nar_target).status)
        self.assertEqual(404, raw.ask(server.url, "DELETE", narinfo_target(lib)).status)
        nar_target = self.nar_target(server, app)
        self.assertEqual(204, raw.ask(server.url, "DELETE", nar_target).status)
        self.assertEqual(404, raw.get(server.url, narinfo_target(app)).status)
        self.assertEqual(404, raw.ask(server.url, "DELETE", nar_target).status)
        self.assertEqual(({}, {}), (server.stored_nars(), server.stored_narinfos()))
        self.assertEqual([], [f for f in (server.storage / "store/uploaded").rglob("*") if f.is_file()])
        self.send(server, made)
        self.assertEqual(200, raw.get(server.url, narinfo_target(lib)).status)

    def test_each_of_them_is_in_the_log(self) -> None:
        server = self.server(DELETE)
        target, text, nar_target, bytes_ = self.pair(fresh("audit"))
        self.put(server, target, text)
        self.put(server, nar_target, bytes_)
        raw.ask(server.url, "DELETE", nar_target)
        for path, action, status in ((target, "upload", 422), (nar_target, "upload", 204),
                                     (nar_target, "delete", 204)):
            line = server.wait_line("audit", path=path, action=action, status=status)
            self.assertEqual("127.0.0.1", line["from"])

    def test_who_must_send_a_token_to_read_must_send_it_to_write(self) -> None:
        server = self.server(DELETE, "--cache-get-token=secret")
        _, _, nar_target, bytes_ = self.pair(fresh("token"))
        answer = self.put(server, nar_target, bytes_, Expect="100-continue")
        self.assertEqual(401, answer.status)
        self.assertEqual({}, server.stored_nars())
        self.assertEqual(401, raw.ask(server.url, "DELETE", nar_target).status)
        self.assertEqual(204, self.put(server, nar_target, bytes_, Authorization="Bearer secret").status)

    def test_they_can_be_opened_and_closed_while_it_runs(self) -> None:
        self.up = self.upstream(self.elsewhere)
        options = self.options((self.up, self.elsewhere))
        file = config_file.write(self.folder("files") / "ncps.yaml", options)
        server = self.ncps_given("--config", str(file), "serve")
        _, _, nar_target, bytes_ = self.pair(fresh("reload"))
        for allowed, status in ((True, 204), (False, 405)):
            config_file.write(file, options | {"cache.allow-put-verb": allowed})
            server.reload()
            self.assertEqual(status, self.put(server, nar_target, bytes_).status)


class InABucket(S3Case):
    def test_uploaded_there_and_back(self) -> None:
        cache = closure.small().cache()
        up = self.upstream(cache)
        server = self.s3_ncps((up, cache), more=[PUT, DELETE])
        key = signing_key("builder-1")
        made = make_closure("bucket", [("big", file_of_random_bytes("bucket", 20_000_000), []),
                                       ("app", file_of_text("bucket\n"), [0])])
        client = self.client()
        client.check("nix", "store", "sign", "--store", str(made.store), "--key-file", str(key.secret_file),
                     "--recursive", *made.paths)
        client.check("nix", "copy", "--from", str(made.store), "--to", f"{server.url}/upload?compression=zstd",
                     "--no-check-sigs", *made.paths)
        other = self.client(key.public)
        other.copy(server.url, made.root)
        other.verify(made.root)
        big = narinfo_target(made.paths[0])
        nar_target = self.nar_target(server, made.paths[0])
        with raw.Connection(server.url) as connection:
            connection.request("PUT", nar_target, {"Content-Length": "100"}, b"x" * 100)
            self.assertEqual(422, connection.read_answer().status)
        self.assertEqual(204, raw.ask(server.url, "DELETE", big).status)
        self.assertEqual(404, raw.get(server.url, big).status)
        self.assertEqual(404, raw.get(server.url, nar_target).status)
        self.assertEqual([], [k for k in self.s3.keys(self.bucket) if hash_of(made.paths[0]) in k])
