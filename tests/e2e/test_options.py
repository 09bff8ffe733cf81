"""The command line and the environment: right things start, wrong things say what is wrong."""
from __future__ import annotations

import socket
import subprocess
import unittest

from .lab import closure, raw
from .lab.case import LabCase
from .lab.ncps import BINARY, Ncps, clean_environment
from .lab.waiting import eventually


class Options(LabCase):
    def run_to_its_end(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Exit status, and everything it said."""
        self.assertTrue(BINARY.exists(), f"{BINARY} is not built")
        try:
            run = subprocess.run([str(BINARY), *arguments], env=clean_environment() | environment, text=True,
                                 stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        except subprocess.TimeoutExpired as error:
            self.fail(f"still there after 60 s: {arguments}\n{error.stdout}\n{error.stderr}")
        return run.returncode, run.stdout + run.stderr

    def complete(self, **changes: str | None) -> list[str]:
        """A command line that would start, with changes; None leaves an option out."""
        storage = self.folder("storage")
        options = {"cache-hostname": "cache.example", "cache-storage-local": str(storage),
                   "cache-database-url": f"sqlite:{self.home}/db.sqlite", "cache-temp-path": str(self.folder("temp")),
                   "cache-upstream-url": "http://127.0.0.1:9", "server-addr": "127.0.0.1:0"}
        options |= {name.replace("_", "-"): value for name, value in changes.items()}
        return ["serve", *(f"--{name}={value}" for name, value in options.items() if value is not None)]

    def assert_refused(self, *arguments: str, naming: str, status: tuple[int, ...] = (2,), **environment: str) -> None:
        code, said = self.run_to_its_end(*arguments, **environment)
        self.assertIn(code, status, said)
        self.assertIn(naming, said)
        self.assertLess(len(said), 4000, "a short message, not a manual")

    def test_what_is_missing_is_named(self) -> None:
        for name in ("cache-hostname", "cache-storage-local", "cache-upstream-url"):
            with self.subTest(name):
                self.assert_refused(*self.complete(**{name: None}), naming=name)

    def test_unknown_options_and_commands_are_refused(self) -> None:
        self.assert_refused(*self.complete(), "--cache-hostnam=x", naming="cache-hostnam", status=(1, 2))
        code, _ = self.run_to_its_end("sevre")
        self.assertNotEqual(code, 0)

    def test_wrong_values_are_refused_and_named(self) -> None:
        for name, value in (("cache-hostname", "http://cache.example"), ("cache-hostname", "a/b"),
                            ("cache-upstream-public-key", "no-colon"), ("server-addr", "127.0.0.1:99999"),
                            ("cache-sign-narinfo", "perhaps")):
            with self.subTest(f"{name}={value}"):
                self.assert_refused(*self.complete(**{name: value}), naming=name, status=(1, 2))

    def test_a_key_file_that_holds_no_key_is_refused_and_left_as_it_is(self) -> None:
        file = self.home / "no-key"
        for text in ("", "no key\n", "cache.example:c2hvcnQ=\n"):
            with self.subTest(text):
                file.write_text(text)
                self.assert_refused(*self.complete(cache_secret_key_path=str(file)), naming=str(file), status=(1, 2))
                self.assertEqual(file.read_text(), text)

    def test_a_taken_port_is_an_error_that_names_the_address(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = "127.0.0.1:%d" % listener.getsockname()[1]
            self.assert_refused(*self.complete(server_addr=address), naming=address, status=(1, 2))

    def test_help_and_version_are_answered(self) -> None:
        for arguments, part in ((["--help"], "serve"), (["serve", "--help"], "cache-hostname"), (["--version"], ".")):
            with self.subTest(arguments):
                code, said = self.run_to_its_end(*arguments)
                self.assertEqual(code, 0)
                self.assertIn(part, said)


class Environment(LabCase):
    def start(self, arguments: list[str], environment: dict[str, str]) -> Ncps:
        class Bare(Ncps):
            def command(self) -> list[str]:
                return [str(BINARY), *arguments]
        server = Bare(self.folder("bare"), environment=environment)
        self.addCleanup(server.kill9)
        return server.start()

    def settings(self) -> dict[str, str]:
        made = closure.small()
        cache = made.cache()
        first, second = self.upstream(self.folder("empty")), self.upstream(cache)
        return {"LOG_LEVEL": "info", "CACHE_HOSTNAME": "from.environment", "SERVER_ADDR": "127.0.0.1:0",
                "CACHE_STORAGE_LOCAL": str(self.folder("storage")), "CACHE_TEMP_PATH": str(self.folder("temp")),
                "CACHE_DATABASE_URL": f"sqlite:{self.home}/env.sqlite",
                "CACHE_UPSTREAM_URLS": f"{first.url},{second.url}",
                "CACHE_UPSTREAM_PUBLIC_KEYS": cache.key.public, "CACHE_SIGN_NARINFO": "false"}

    def test_everything_can_be_set_by_environment_variables(self) -> None:
        server = self.start(["serve"], self.settings())
        self.assertTrue(server.pubkey().startswith("from.environment:"))
        root = closure.small().root
        self.assertNotIn("from.environment", self.narinfo_of(server, root)["Sig"])
        answer = raw.get(server.url, self.nar_target(server, root))
        self.assert_whole(answer, closure.small().cache().nar_bytes(root))

    def test_the_command_line_wins_over_the_environment(self) -> None:
        server = self.start(["serve", "--cache-hostname=from.command"], self.settings())
        self.assertTrue(server.pubkey().startswith("from.command:"))

    def test_requests_are_logged_with_the_fields_that_scripts_read(self) -> None:
        server = self.start(["serve"], self.settings())
        raw.get(server.url, "/pubkey")
        line = eventually(lambda: next((l for l in server.lines if l.get("request_uri") == "/pubkey"), None),
                          "a log line of the request")
        self.assertEqual((line["method"], line["status"]), ("GET", 200))
        self.assertGreaterEqual(line.keys(), {"level", "time", "message", "bytes", "elapsed"})


if __name__ == "__main__":
    unittest.main()
