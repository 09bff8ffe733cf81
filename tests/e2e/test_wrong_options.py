"""Wrong options: every mistake is said in a line of its own, no secret is, and nothing is touched."""
from __future__ import annotations

import base64
import socket
import unittest
from pathlib import Path

from .lab import config_file
from .lab.case import LabCase
from .lab.ncps import Run, run_ncps

SECRET = "gEhe1m"


class RefusalCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.place = self.folder("place")

    def good(self) -> dict[str, object]:
        return {"cache.hostname": "cache.example", "cache.storage.local": str(self.place / "storage"),
                "cache.temp-path": str(self.place / "temp"), "cache.database-url": f"sqlite:{self.place}/db.sqlite",
                "cache.upstream.urls": ["http://127.0.0.1:9"], "server.addr": "127.0.0.1:0"}

    def with_good(self, *more: str, **environment: str) -> Run:
        """`serve` with a file of good options, and with more that are not."""
        file = config_file.write(self.folder("files") / "good.yaml", self.good())
        return run_ncps("--config", str(file), "serve", *more, **environment)

    def mistakes(self, run: Run) -> list[str]:
        """The lines that say what is wrong; asserts what is so of every refusal."""
        self.assertEqual(run.status, 2, run.said)
        self.assertLess(run.seconds, 20)  # whatever is named there is not tried
        self.assertEqual(run.out, "")
        *lines, advice = run.err.splitlines()
        self.assertIn("--help", advice)
        for line in lines:
            self.assertTrue(line.startswith("ncps: "), run.err)
        self.assertEqual(list(self.place.iterdir()), [], "something was made")
        self.assertNotIn(SECRET, run.err)
        return [line.removeprefix("ncps: ") for line in lines]

    def assert_one(self, run: Run, *parts: str) -> None:
        lines = self.mistakes(run)
        self.assertEqual(len(lines), 1, run.err)
        for part in parts:
            self.assertIn(part, lines[0])


class EachMistake(RefusalCase):
    VALUES = {  # key: (flag, variable, wrong value, what would be right)
        "cache.hostname": ("--cache-hostname", "CACHE_HOSTNAME", "https://cache.example", "host name alone"),
        "cache.sign-narinfo": ("--cache-sign-narinfo", "CACHE_SIGN_NARINFO", "perhaps", "true nor false"),
        "cache.max-size": ("--cache-max-size", "CACHE_MAX_SIZE", "12Q", "500M"),
        "cache.lru.timezone": ("--cache-lru-schedule-timezone", "CACHE_LRU_SCHEDULE_TZ", "Atlantis/Capital", "zone"),
        "cache.upstream.dialer-timeout": ("--cache-upstream-dialer-timeout", "CACHE_UPSTREAM_DIALER_TIMEOUT",
                                          "soon", "300ms"),
        "cache.upstream.urls": ("--cache-upstream-url", "CACHE_UPSTREAM_URLS", "cache.example.org", "http"),
        "cache.upstream.public-keys": ("--cache-upstream-public-key", "CACHE_UPSTREAM_PUBLIC_KEYS", "nokey", "name"),
        "cache.lock.backend": ("--cache-lock-backend", "CACHE_LOCK_BACKEND", "postgres", "local or redis"),
        "cache.redis.pool-size": ("--cache-redis-pool-size", "CACHE_REDIS_POOL_SIZE", "-1", "whole number"),
        "log.level": ("--log-level", "LOG_LEVEL", "loud", "debug"),
        "server.addr": ("--server-addr", "SERVER_ADDR", "127.0.0.1:99999", "127.0.0.1:8501"),
        "cache.secret-key-path": ("--cache-secret-key-path", "CACHE_SECRET_KEY_PATH", "/nonexistent/key", "read"),
        "cache.netrc-file": ("--netrc-file", "NETRC_FILE", "/nonexistent/netrc", "read"),
    }

    def test_a_wrong_flag_is_named_with_its_value_and_what_would_be_right(self) -> None:
        for flag, _, value, right in self.VALUES.values():
            with self.subTest(flag):
                self.assert_one(self.with_good(f"{flag}={value}"), flag, f"'{value}'", right)

    def test_a_wrong_variable_is_named_too(self) -> None:
        for flag, variable, value, right in self.VALUES.values():
            with self.subTest(variable):
                self.assert_one(self.with_good(**{variable: value}), variable, flag, f"'{value}'", right)

    def test_a_wrong_key_is_named_with_file_and_line_in_every_language(self) -> None:
        for key, (flag, _, value, right) in self.VALUES.items():
            for language in config_file.FORMATS:
                with self.subTest(f"{key} in {language}"):
                    file = self.folder("files") / f"wrong.{language}"
                    config_file.write(file, self.good() | {key: value})
                    wrong = next(n for n, line in enumerate(file.read_text().splitlines(), 1) if f'"{value}"' in line)
                    self.assert_one(run_ncps("--config", str(file), "serve"), flag, f"'{value}'", right, str(file))
                    _, _, line = self.mistakes(run_ncps("--config", str(file), "serve"))[0].partition(" line ")
                    # A list may be named by the line where it begins.
                    self.assertIn(int(line.split(":")[0]), (wrong, wrong - 1 if key.endswith("s") else wrong))

    def test_all_mistakes_are_said_together(self) -> None:
        file = self.folder("files") / "wrong.yaml"
        config_file.write(file, self.good() | {"cache.hostname": "a/b", "cache.max-sise": "10G", "log.level": "loud"})
        run = run_ncps("--config", str(file), "serve", "--server-addr=nowhere", CACHE_SIGN_NARINFO="perhaps")
        lines = self.mistakes(run)
        self.assertEqual(len(lines), 5, run.err)
        for part in ("--cache-hostname 'a/b'", "'cache.max-sise'; did you mean 'cache.max-size'?",
                     "--log-level 'loud'", "--server-addr: 'nowhere'", "CACHE_SIGN_NARINFO"):
            self.assertEqual(sum(part in line for line in lines), 1, part)

    def test_nothing_at_all_is_answered_by_what_is_missing(self) -> None:
        lines = self.mistakes(run_ncps("serve"))
        self.assertEqual([line.split()[0] for line in lines],
                         ["--cache-hostname", "--cache-storage-local", "--cache-upstream-url"])

    def test_a_value_with_line_breaks_is_still_one_line(self) -> None:
        self.assert_one(self.with_good(CACHE_HOSTNAME="a\nncps: all is well\n b"), "CACHE_HOSTNAME")

    def test_options_that_do_not_go_together_are_refused(self) -> None:
        self.assert_one(self.with_good("--cache-lru-schedule=@daily"), "--cache-lru-schedule", "--cache-max-size")
        lines = self.mistakes(self.with_good("--cache-storage-s3-bucket=bucket"))
        self.assertTrue(any("exclude each other" in line for line in lines), lines)

    def test_a_wrong_schedule_is_repeated_as_it_was_given(self) -> None:
        for schedule in ("0 2 * *", "@everyday", "CRON_TZ=UTC @every 1x"):
            with self.subTest(schedule):
                run = self.with_good("--cache-max-size=10G", f"--cache-lru-schedule={schedule}")
                self.assert_one(run, f"--cache-lru-schedule: '{schedule}'")

    def test_a_mistake_is_said_before_the_address_is_looked_at(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            taken = "127.0.0.1:%d" % listener.getsockname()[1]
            self.assert_one(self.with_good(f"--server-addr={taken}", "--log-level=loud"), "--log-level")


class Files(RefusalCase):
    def test_a_file_that_is_named_must_be_there(self) -> None:
        missing = str(self.place / "missing.yaml")
        self.assertIn(missing, self.mistakes(run_ncps("--config", missing, "serve"))[0])
        self.assertIn(missing, self.mistakes(run_ncps("serve", NCPS_CONFIG_FILE=missing))[0])

    def test_a_file_that_cannot_be_read_is_named_with_its_line(self) -> None:
        for name, text, line in (("bad.yaml", "cache:\n  hostname: [a\n", 0), ("bad.toml", "[cache]\nhostname = \n", 2),
                                 ("bad.json", '{"cache": {"hostname": "a"\n', 0)):
            with self.subTest(name):
                file = self.folder("files") / name
                file.write_text(text)
                first = self.mistakes(run_ncps("--config", str(file), "serve"))[0]
                self.assertIn(str(file), first)
                self.assertIn(f"line {line}" if line else "line ", first)

    def test_a_folder_is_no_file(self) -> None:
        folder = str(self.folder("folder"))
        self.assertIn(folder, self.mistakes(run_ncps("--config", folder, "serve"))[0])

    def test_a_key_that_stands_twice_is_refused(self) -> None:
        file = self.folder("files") / "twice.yaml"
        config_file.write(file, self.good())
        lines = len(file.read_text().splitlines())
        file.write_text(file.read_text() + "cache:\n  hostname: another.example\n  max-size: 10G\n")
        self.assert_one(run_ncps("--config", str(file), "serve"), f"{file}: line {lines + 2}", "cache.hostname")

    def test_a_key_with_line_breaks_is_still_one_line(self) -> None:
        file = self.folder("files") / "breaks.json"
        file.write_text('{"cache\\nncps: fake": 1}')
        self.assertEqual(len(self.mistakes(run_ncps("--config", str(file), "serve"))), 4)

    def test_an_unknown_flag_is_named_with_the_nearest(self) -> None:
        self.assert_one(self.with_good("--cache-hostnam=x"), "--cache-hostnam;", "--cache-hostname?")

    def test_an_unknown_command_is_answered_by_the_commands(self) -> None:
        run = run_ncps("sevre")
        self.assertEqual(run.status, 2)
        self.assertIn("serve", run.err.splitlines()[0])


class Secrets(RefusalCase):
    """What is given wrongly is not repeated if it may be a secret."""

    def test_a_password_in_a_wrong_url_is_not_said(self) -> None:
        for url in (f"ftp://user:{SECRET}@host", f"http://user:a/{SECRET}@host", f"http://user:{SECRET}/a@host",
                    f"http://user:{SECRET}?a@host", f"http://user:{SECRET}#a@host", f"http://user:{SECRET}@",
                    f"http://user:{SECRET},b@host", f"http://user:a,{SECRET}@host", f"http://user:{SECRET}",
                    f"http://user:{SECRET}@host:99999", f"http://host?priority=x&token={SECRET}"):
            with self.subTest(url):
                self.assertTrue(self.mistakes(self.with_good(f"--cache-upstream-url={url}")))
                self.assertNotIn(SECRET, run_ncps("config", "show", CACHE_UPSTREAM_URLS=url).said)

    def test_a_wrong_database_url_is_not_said(self) -> None:
        for url in (f"postgre://user:{SECRET}@host/db", f"{SECRET}", f"postgresql://user:{SECRET}/@host/db"):
            with self.subTest(url):
                self.mistakes(self.with_good(f"--cache-database-url={url}"))
                self.assertNotIn(SECRET, run_ncps("config", "show", CACHE_DATABASE_URL=url).said)

    def test_a_secret_key_in_the_place_of_a_public_one_or_of_a_path_is_not_said(self) -> None:
        half = base64.b64encode(bytes(range(32, 96))).decode()
        for flag in ("--cache-upstream-public-key", "--cache-trusted-upload-key", "--cache-secret-key-path"):
            with self.subTest(flag):
                run = self.with_good(f"{flag}=cache.example:{half}")
                self.assert_one(run, flag)
                self.assertNotIn(half[:20], run.said)

    def test_the_value_of_an_unknown_flag_is_not_said(self) -> None:
        self.assert_one(self.with_good(f"--cache-redis-pasword={SECRET}"), "--cache-redis-password?")
        self.assert_one(self.with_good("--cache-redis-pasword", SECRET), "--cache-redis-password?")

    def test_a_file_for_a_secret_that_is_missing_or_empty_is_named(self) -> None:
        empty = self.home / "empty"
        empty.write_text("\n")
        for file in (str(empty), "/nonexistent/password"):
            for run in (self.with_good(f"--cache-redis-password=file:{file}"), self.with_good(CACHE_GET_TOKEN_FILE=file)):
                with self.subTest(file):
                    self.assertIn(file, self.mistakes(run)[0])


if __name__ == "__main__":
    unittest.main()
