"""`config check`, `config show`, `completion`, help and version: what they say and how they end."""
from __future__ import annotations

import subprocess
import unittest
from pathlib import Path

from .lab import config_file
from .lab.case import LabCase
from .lab.ncps import run_ncps

PASSWORD = "gEhe1m"


class CommandCase(LabCase):
    def file(self, **more: object) -> Path:
        options = {"cache.hostname": "file.example", "cache.storage.local": str(self.home / "storage"),
                   "cache.upstream.urls": [f"http://user:{PASSWORD}@127.0.0.1:9/path?priority=3"]}
        options |= {name.replace("__", ".").replace("_", "-"): value for name, value in more.items()}
        return config_file.write(self.folder("files") / "ncps.yaml", options)


class Check(CommandCase):
    def test_right_options_are_called_right_and_nothing_is_made(self) -> None:
        run = run_ncps("--config", str(self.file()), "config", "check")
        self.assertEqual((run.status, run.out, run.err), (0, "the options are right\n", ""))
        self.assertFalse((self.home / "storage").exists())

    def test_wrong_options_are_refused_as_serve_would(self) -> None:
        file = str(self.file(cache__sign_narinfo="perhaps", log__level="loud"))
        check, serve = run_ncps("--config", file, "config", "check"), run_ncps("--config", file, "serve")
        self.assertEqual((check.status, check.err), (2, serve.err))
        self.assertEqual(check.out, "")

    def test_flags_and_variables_are_looked_at_too(self) -> None:
        file = str(self.file())
        self.assertIn("--cache-hostname", run_ncps("--config", file, "config", "check", "--cache-hostname=a/b").err)
        self.assertIn("SERVER_ADDR", run_ncps("config", "check", NCPS_CONFIG_FILE=file, SERVER_ADDR="x").err)

    def test_what_has_no_effect_is_a_warning_and_right(self) -> None:
        run = run_ncps("--config", str(self.file()), "config", "check", "--cache-cdc-enabled")
        self.assertEqual(run.status, 0)
        self.assertIn("--cache-cdc-enabled", run.err)
        self.assertEqual(len(run.err.splitlines()), 1)


class Show(CommandCase):
    def shown(self, *arguments: str, **environment: str) -> dict[str, str]:
        run = run_ncps("--config", str(self.file()), "config", "show", *arguments, **environment)
        self.assertEqual(run.status, 0, run.said)
        self.assertNotIn(PASSWORD, run.said)
        return dict(line.split(" = ", 1) for line in run.out.splitlines())

    def test_each_value_is_shown_with_its_origin(self) -> None:
        shown = self.shown("--server-addr=127.0.0.1:1234", CACHE_SIGN_NARINFO="false")
        self.assertEqual(shown["server.addr"], "127.0.0.1:1234  (--server-addr)")
        self.assertEqual(shown["cache.sign-narinfo"], "false  (the variable CACHE_SIGN_NARINFO)")
        self.assertRegex(shown["cache.hostname"], r"^file\.example  \(.*/ncps\.yaml line \d+\)$")
        self.assertEqual(shown["log.level"], "info  (the default)")

    def test_secrets_are_masked_wherever_they_come_from(self) -> None:
        secret = self.home / "secret"
        secret.write_text(PASSWORD)
        shown = self.shown(f"--cache-redis-password={PASSWORD}", CACHE_GET_TOKEN=f"file:{secret}",
                           CACHE_STORAGE_S3_SECRET_ACCESS_KEY_FILE=str(secret),
                           CACHE_DATABASE_URL=f"postgresql://user:{PASSWORD}@db.example/ncps")
        for key in ("cache.redis.password", "cache.get-token", "cache.storage.s3.secret-access-key"):
            self.assertTrue(shown[key].startswith("********  ("), shown[key])
        self.assertIn("db.example/ncps", shown["cache.database-url"])
        self.assertIn("127.0.0.1:9/path", shown["cache.upstream.urls"])

    def test_what_serve_refuses_is_shown_with_the_mistakes(self) -> None:
        run = run_ncps("--config", str(self.file(log__level="loud")), "config", "show")
        self.assertEqual(run.status, 2)
        self.assertIn("log.level = loud", run.out)
        self.assertIn("--log-level 'loud'", run.err)


class Others(CommandCase):
    def test_completions_are_scripts_that_name_the_flags(self) -> None:
        for shell in ("bash", "zsh", "fish"):
            with self.subTest(shell):
                run = run_ncps("completion", shell)
                self.assertEqual((run.status, run.err), (0, ""))
                self.assertIn("cache-hostname", run.out)
        script = run_ncps("completion", "bash").out
        self.assertEqual(subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr, "")

    def test_the_completion_of_bash_completes_a_flag(self) -> None:
        ask = ('COMP_WORDS=(ncps serve --cache-hostn); COMP_CWORD=2; COMP_LINE="ncps serve --cache-hostn"; '
               'COMP_POINT=${#COMP_LINE}\n'
               'name=$(complete -p ncps | sed -n "s/.*-F \\([^ ]*\\).*/\\1/p"); $name ncps --cache-hostn serve\n'
               'printf "%s\\n" "${COMPREPLY[@]}"\n')
        run = subprocess.run(["bash", "-c", run_ncps("completion", "bash").out + "\n" + ask], text=True,
                             capture_output=True)
        self.assertEqual(run.stdout.split(), ["--cache-hostname="])  # and compopt says no space after it

    def test_another_shell_is_refused_by_name_of_those_there_are(self) -> None:
        run = run_ncps("completion", "csh")
        self.assertEqual(run.status, 2)
        self.assertIn("fish", run.err)

    def test_help_is_there_for_every_command_and_tells_the_exit_status(self) -> None:
        for command in ([], ["serve"], ["config"], ["config", "check"], ["config", "show"], ["completion"]):
            with self.subTest(command):
                run = run_ncps(*command, "--help")
                self.assertEqual((run.status, run.err), (0, ""))
                self.assertIn(command[-1] if command else "serve", run.out)
        self.assertIn("Exit status", run_ncps("--help").out)
        for part in ("--cache-upstream-url", "CACHE_UPSTREAM_URLS", "--netrc-file", "8501"):
            self.assertIn(part, run_ncps("serve", "--help").out)

    def test_the_version_is_one_line(self) -> None:
        run = run_ncps("--version")
        self.assertEqual((run.status, run.err), (0, ""))
        self.assertRegex(run.out, r"\Ancps version \d+\.\d+\.\d+\S*\n\Z")


if __name__ == "__main__":
    unittest.main()
