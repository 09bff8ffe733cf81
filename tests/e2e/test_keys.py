"""Signing keys and their rotation; tokens of several people, and their limits: `ncps key`, `ncps token`."""
from __future__ import annotations

import re
import stat
import subprocess
import unittest

from .lab import closure, raw
from .lab.case import LabCase, narinfo_target
from .lab.ncps import BINARY, Ncps, clean_environment, run_ncps


class Keys(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache)

    def ncps_key(self, proxy: Ncps, *words: str) -> list[str]:
        run = run_ncps("key", *words, f"--cache-storage-local={proxy.storage}", "--cache-hostname=cache.example",
                       "--cache-upstream-url=http://127.0.0.1:1")
        self.assertEqual(run.status, 0, run.err)
        return run.out.splitlines()

    def public_keys(self, proxy: Ncps) -> list[str]:
        return raw.get(proxy.url, "/pubkey").body.decode().splitlines()

    def signers(self, proxy: Ncps) -> list[str]:
        text = raw.get(proxy.url, narinfo_target(self.made.root)).body.decode()
        names = [line.split()[1].partition(":")[0] for line in text.splitlines() if line.startswith("Sig: ")]
        return sorted(name for name in names if name.startswith("cache.example"))

    def copies_with(self, proxy: Ncps, key: str) -> bool:
        """Whether a client that trusts this key alone takes the closure."""
        return self.client(key).try_copy(proxy.url, self.made.root).returncode == 0

    def test_a_rotation_overlaps_and_no_client_notices(self) -> None:
        proxy = self.ncps((self.server, self.cache))
        [old] = self.public_keys(proxy)
        self.assertEqual(self.signers(proxy), ["cache.example"])
        [new] = self.ncps_key(proxy, "rotate")
        self.assertEqual(new.partition(":")[0], "cache.example-2")
        self.assertEqual(self.public_keys(proxy), [old], "a server that runs is not surprised")
        proxy.reload(0)
        self.assertEqual(self.public_keys(proxy), [new, old])
        self.assertTrue(proxy.find_line("audit", action="sign", keys=f"{new} {old}"), proxy.tail())
        self.assertEqual(self.ncps_key(proxy, "public"), [new, old])
        self.assertEqual(self.signers(proxy), ["cache.example", "cache.example-2"], "also what was in memory")
        self.assertTrue(self.copies_with(proxy, old) and self.copies_with(proxy, new))
        proxy.restart()
        self.assertEqual(self.public_keys(proxy), [new, old])
        self.assertEqual(self.ncps_key(proxy, "retire"), [old])
        proxy.reload(0)
        self.assertEqual(self.public_keys(proxy), [new])
        self.assertEqual(self.signers(proxy), ["cache.example-2"])
        self.assertTrue(self.copies_with(proxy, new))
        self.assertFalse(self.copies_with(proxy, old))

    def test_several_key_files_sign_side_by_side(self) -> None:
        files, publics = [], []
        for name in ("cache.example-b", "cache.example-a"):
            file = self.folder("keys") / "secret"
            run = run_ncps("key", "generate", name, str(file))
            self.assertEqual(run.status, 0, run.err)
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o400)
            files.append(file)
            publics += run_ncps("key", "public", str(file)).out.split()
        more = [f"--cache-secret-key-path={file}" for file in files]
        proxy = self.ncps((self.server, self.cache), more=more)
        self.assertEqual(self.public_keys(proxy), publics)
        self.assertEqual(self.signers(proxy), ["cache.example-a", "cache.example-b"])
        self.assertFalse(proxy.key_file.exists(), "none is made that nobody asked for")
        refused = run_ncps("key", "rotate", more[0], f"--cache-storage-local={proxy.storage}", "--cache-hostname=x")
        self.assertEqual(refused.status, 2)
        self.assertIn("--cache-secret-key-path", refused.err)

    def test_a_key_is_never_written_over_another_file(self) -> None:
        file = self.folder("keys") / "secret"
        file.write_text("precious")
        run = run_ncps("key", "generate", "x-1", str(file))
        self.assertEqual(run.status, 1)
        self.assertIn(str(file), run.err)
        self.assertEqual(file.read_text(), "precious")

    def test_a_key_file_that_everybody_can_read_is_refused(self) -> None:
        file = self.folder("keys") / "secret"
        self.assertEqual(run_ncps("key", "generate", "x-1", str(file)).status, 0)
        file.chmod(0o444)
        run = run_ncps("serve", f"--cache-secret-key-path={file}", f"--cache-storage-local={self.home}",
                       "--cache-hostname=x", "--cache-upstream-url=http://127.0.0.1:1")
        self.assertEqual(run.status, 2)
        self.assertIn("chmod", run.err)


class ClientLines(LabCase):
    """`ncps client-config`: what it prints is what a client needs."""

    def test_a_client_that_has_them_pasted_gets_what_it_asks_for(self) -> None:
        made = closure.single(0.1)
        cache = made.cache("xz")
        proxy = self.ncps((self.upstream(cache), cache))
        run = run_ncps("client-config", proxy.url + "/", f"--cache-storage-local={proxy.storage}", "--cache-hostname=cache.example",
                       "--cache-upstream-url=http://127.0.0.1:1")
        self.assertEqual(run.status, 0, run.said)
        lines = dict(re.findall(r"^extra-([a-z-]+) = (.*)$", run.out, re.MULTILINE))
        self.assertEqual(lines["trusted-public-keys"], proxy.pubkey().strip())
        client = self.client(lines["trusted-public-keys"])
        client.realise(lines["substituters"], made.root)
        self.assertTrue(client.has(made.root))
        self.assertNotIn("netrc", run.out)

    def test_where_there_is_no_key_yet_none_is_made(self) -> None:
        store = self.folder("store")
        for command in (("key", "public"), ("client-config", "http://cache.example:8501")):
            for folder in (store, store / "not-there"):
                run = run_ncps(*command, f"--cache-storage-local={folder}", "--cache-hostname=cache.example")
                self.assertEqual((run.status, run.out), (1, ""), run.err)
                self.assertIn("first start", run.err)
                self.assertEqual(list(store.iterdir()), [])

    def test_a_netrc_only_where_readers_need_a_token_and_never_with_the_token(self) -> None:
        secret = "a-secret-of-32-characters-or-more"
        key = self.folder("keys") / "secret"
        self.assertEqual(run_ncps("key", "generate", "cache.example-1", str(key)).status, 0)
        for flag, asks in (("--cache-get-token", True), ("--cache-put-token", False)):
            run = run_ncps("client-config", f"--cache-storage-local={self.home / 'store'}", "--cache-hostname=cache.example",
                           "--cache-upstream-url=http://127.0.0.1:1", f"--cache-secret-key-path={key}", f"{flag}={secret}")
            self.assertEqual(run.status, 0, run.said)
            self.assertEqual("machine cache.example login" in run.out, asks)
            self.assertIn("http://cache.example:8501", run.out)
            self.assertNotIn(secret, run.said)

    def test_it_asks_for_the_url_where_nothing_says_it(self) -> None:
        run = run_ncps("client-config", "--server-addr=unix:/run/x", f"--cache-storage-local={self.home}", "--cache-hostname=a")
        self.assertEqual((run.status, run.out), (2, ""))
        self.assertIn("ncps client-config http://HOST:PORT", run.err)


class FullDisk(LabCase):
    """What is printed, and is nowhere else, is not lost in silence."""

    def test_what_could_not_be_written_is_an_error(self) -> None:
        storage = f"--cache-storage-local={self.folder('store')}"
        self.assertEqual(run_ncps("key", "rotate", storage, "--cache-hostname=x").status, 0)
        key = self.folder("keys") / "secret"
        self.assertEqual(run_ncps("key", "generate", "x-1", str(key)).status, 0)
        for words in (("key", "generate", "x-1"), ("token", "generate", "ci", "write"), ("key", "public", str(key)),
                      ("key", "public", storage), ("key", "retire", storage, "--cache-hostname=x"),
                      ("client-config", "http://a", storage, "--cache-hostname=x"), ("config", "example")):
            with self.subTest(" ".join(words[:2])), open("/dev/full", "w") as full:
                run = subprocess.run([str(BINARY), *words], env=clean_environment(), stdin=subprocess.DEVNULL, stdout=full,
                                     stderr=subprocess.PIPE, text=True, timeout=60)
                self.assertEqual(run.returncode, 1, run.stderr)
                self.assertIn("No space left on device", run.stderr)


class Tokens(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache)
        self.file = self.folder("tokens") / "tokens"
        self.secrets: dict[str, str] = {}

    def give(self, name: str, rights: str) -> None:
        run = run_ncps("token", "generate", name, rights)
        self.assertEqual(run.status, 0, run.err)
        self.secrets[name] = run.out.strip()
        self.assertGreaterEqual(len(self.secrets[name]), 32)
        self.assertNotIn(self.secrets[name], run.err)
        with self.file.open("a") as file:
            file.write(run.err.splitlines()[-1] + "\n")

    def start(self) -> Ncps:
        return self.ncps((self.server, self.cache), more=[f"--cache-token-file={self.file}", "--cache-allow-delete-verb"])

    def status(self, proxy: Ncps, token: str, method: str = "GET") -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return raw.ask(proxy.url, method, narinfo_target(self.made.root), headers).status

    def test_each_may_do_what_the_file_says_and_a_reload_takes_a_new_one(self) -> None:
        self.give("reader", "read")
        self.give("builder", "write")
        self.give("janitor", "delete")
        proxy = self.start()
        rows = {"": (401, 401), "nonsense": (401, 401), "reader": (200, 403), "builder": (200, 403), "janitor": (200, None)}
        for name, (get, delete) in rows.items():
            with self.subTest(name):
                token = self.secrets.get(name, name)
                self.assertEqual(self.status(proxy, token), get)
                if delete:
                    self.assertEqual(self.status(proxy, token, "DELETE"), delete)
        self.assertNotIn(self.status(proxy, self.secrets["janitor"], "DELETE"), (401, 403))
        gone = self.secrets["reader"]
        self.file.write_text("".join(line for line in self.file.read_text().splitlines(True) if not line.startswith("reader ")))
        self.give("another", "read")
        proxy.reload(0)
        self.assertEqual(self.status(proxy, gone), 401)
        self.assertEqual(self.status(proxy, self.secrets["another"]), 200)

    def test_guessing_is_stopped_and_nobody_else_is(self) -> None:
        self.give("reader", "read")
        proxy = self.start()
        self.assertEqual(self.status(proxy, "wrong"), 401)
        self.assertEqual(self.status(proxy, self.secrets["reader"]), 200)
        statuses = [self.status(proxy, f"guess {number}") for number in range(60)]
        self.assertEqual(set(statuses), {401, 429})
        self.assertEqual(self.status(proxy, self.secrets["reader"]), 200, "it was right from here before")
        self.assertEqual(self.status(proxy, ""), 401)
        answer = raw.get(proxy.url, "/", {"Authorization": "Bearer guess"})
        self.assertEqual(answer.status, 429)
        self.assertGreaterEqual(int(answer.get("retry-after")), 1)

    def test_no_token_is_ever_logged(self) -> None:
        self.give("reader", "read")
        proxy = self.start()
        self.status(proxy, self.secrets["reader"])
        self.status(proxy, "a wrong one that is secret elsewhere")
        self.assertEqual(proxy.stop(), 0)
        said = str(proxy.lines)
        self.assertNotIn(self.secrets["reader"], said)
        self.assertNotIn("secret elsewhere", said)


if __name__ == "__main__":
    unittest.main()
