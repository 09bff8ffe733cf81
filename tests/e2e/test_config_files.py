"""Configuration files: in each language, from each place, under flags and variables, and those that others wrote."""
from __future__ import annotations

import json
import unittest
from pathlib import Path

from .lab import closure, config_file, raw
from .lab.case import LabCase
from .lab.ncps import Ncps


class FileCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache)

    def file(self, options: config_file.Options, name: str = "ncps.yaml") -> Path:
        return config_file.write(self.folder("files") / name, options)

    def usual(self, **changes: object) -> dict[str, object]:
        return self.options((self.server, self.cache), **changes)

    def assert_serves(self, proxy: Ncps) -> None:
        """A narinfo that its upstream has signed, and its NAR."""
        root = self.made.root
        narinfo = self.narinfo_of(proxy, root)
        self.assertEqual(narinfo["NarHash"], self.cache.narinfo(root)["NarHash"])
        self.assertIn(self.cache.narinfo(root)["Sig"], narinfo["Sig"])
        self.assert_whole(raw.get(proxy.url, "/" + narinfo["URL"]), self.cache.nar_bytes(root))

    def hostname(self, proxy: Ncps) -> str:
        return json.loads(proxy.get("/"))["hostname"]

    def warnings(self, proxy: Ncps) -> list[str]:
        return [line["message"] for line in proxy.lines if line["level"] == "warn"]


class FromAFileAlone(FileCase):
    def test_a_file_in_any_language_is_all_a_server_needs(self) -> None:
        for language in config_file.FORMATS:
            with self.subTest(language):
                file = self.file(self.usual(cache__hostname=f"{language}.example"), f"ncps.{language}")
                proxy = self.ncps_given("--config", str(file), "serve")
                self.assertEqual(self.hostname(proxy), f"{language}.example")
                self.assert_serves(proxy)
                self.assertEqual(proxy.stop(), 0)

    def test_the_file_can_be_named_after_the_command_and_by_a_variable(self) -> None:
        file = str(self.file(self.usual()))
        self.assert_serves(self.ncps_given("serve", f"--config={file}"))
        self.assert_serves(self.ncps_given("serve", NCPS_CONFIG_FILE=file))

    def test_the_usual_places_are_looked_at(self) -> None:
        home, xdg = self.folder("home"), self.folder("xdg")
        config_file.write(home / ".config/ncps/config.yaml", self.usual(cache__hostname="home.example"))
        config_file.write(xdg / "ncps/config.yaml", self.usual(cache__hostname="xdg.example"))
        at_home = self.ncps_given("serve", HOME=str(home))
        self.assertEqual(self.hostname(at_home), "home.example")
        self.assert_serves(at_home)
        at_xdg = self.ncps_given("serve", HOME=str(home), XDG_CONFIG_HOME=str(xdg))
        self.assertEqual(self.hostname(at_xdg), "xdg.example")
        self.assert_serves(at_xdg)

    def test_a_file_that_is_named_is_the_only_one(self) -> None:
        xdg = self.folder("xdg")
        config_file.write(xdg / "ncps/config.yaml", {"cache.hostnam": "a mistake that nobody reads"})
        named, other = self.file(self.usual(cache__hostname="flag.example")), self.file({"cache.hostnam": "x"})
        proxy = self.ncps_given("--config", str(named), "serve", NCPS_CONFIG_FILE=str(other), XDG_CONFIG_HOME=str(xdg))
        self.assertEqual(self.hostname(proxy), "flag.example")


class Precedence(FileCase):
    def test_a_flag_goes_before_a_variable_and_that_before_the_file(self) -> None:
        file = str(self.file(self.usual(cache__hostname="file.example")))
        by_file = self.ncps_given("--config", file, "serve")
        self.assertEqual(self.hostname(by_file), "file.example")
        self.assertEqual(by_file.stop(), 0)
        by_variable = self.ncps_given("--config", file, "serve", CACHE_HOSTNAME="variable.example")
        self.assertEqual(self.hostname(by_variable), "variable.example")
        self.assertEqual(by_variable.stop(), 0)
        by_flag = self.ncps_given("--config", file, "serve", "--cache-hostname=flag.example",
                                  CACHE_HOSTNAME="variable.example")
        self.assertEqual(self.hostname(by_flag), "flag.example")

    def test_a_list_is_replaced_as_a_whole(self) -> None:
        nobody = self.upstream(self.folder("empty"))
        file = str(self.file(self.usual(cache__upstream__urls=[nobody.url])))
        self.assert_serves(self.ncps_given("--config", file, "serve", f"--cache-upstream-url={self.server.url}"))
        self.assertEqual(nobody.requests(), [])

    def test_a_list_can_be_one_text_with_commas_in_a_file_too(self) -> None:
        nobody = self.upstream(self.folder("empty"))
        file = str(self.file(self.usual(cache__upstream__urls=f"{nobody.url}?priority=1,{self.server.url}?priority=2")))
        self.assert_serves(self.ncps_given("--config", file, "serve"))
        self.assertNotEqual(nobody.requests(), [])

    def test_a_variable_that_is_empty_is_not_set(self) -> None:
        file = str(self.file(self.usual(cache__hostname="file.example")))
        proxy = self.ncps_given("--config", file, "serve", CACHE_HOSTNAME="", CACHE_UPSTREAM_URLS="")
        self.assertEqual(self.hostname(proxy), "file.example")


class WrittenByOthers(FileCase):
    """Set-ups that exist start unchanged."""

    def test_the_json_of_the_nixos_module_starts(self) -> None:
        home = self.folder("nixos")
        (home / "db").mkdir()
        # Every key the module writes while nothing but the required is set: it leaves out what is null
        # or empty, and writes what is false or 0.
        options = {
            "log": {"level": "info"},
            "analytics": {"reporting": {"enabled": True, "samples": False}},
            "server": {"addr": "127.0.0.1:0"},
            "cache": {
                "allow-delete-verb": False, "allow-put-verb": False, "hostname": "ncps",
                "database-url": f"sqlite:{home}/db/db.sqlite",
                "database": {"pool": {"max-open-conns": 0, "max-idle-conns": 0}},
                "cdc": {"enabled": False, "min": 16384, "avg": 65536, "max": 262144},
                "lru": {"timezone": "Local"}, "sign-narinfo": True,
                "storage": {"local": str(home)}, "temp-path": str(self.folder("tmp")),
                "upstream": {"urls": [self.server.url], "public-keys": [self.cache.key.public],
                             "dialer-timeout": "3s", "response-header-timeout": "3s"},
                "lock": {"backend": "local", "redis": {"key-prefix": "ncps:lock:"}, "download-lock-ttl": "5m0s",
                         "lru-lock-ttl": "30m0s", "allow-degraded-mode": False,
                         "retry": {"max-attempts": 3, "initial-delay": "100ms", "max-delay": "2s", "jitter": True}}}}
        file = self.folder("files") / "ncps-config.json"
        file.write_text(json.dumps(options))
        proxy = self.ncps_given("--config", str(file), "serve")
        self.assertEqual(self.hostname(proxy), "ncps")
        self.assert_serves(proxy)
        old = [warning for warning in self.warnings(proxy) if "old name" in warning]
        self.assertEqual(old, [])

    def test_the_advanced_options_of_the_nixos_module_start_too(self) -> None:
        file = self.file(self.usual(**{
            "cache__max_size": "50G", "cache__lru__schedule": "0 2 * * *", "cache__lru__timezone": "UTC",
            "cache__allow_put_verb": True, "cache__allow_delete_verb": True, "prometheus__enabled": True}), "c.json")
        key = closure.signing_key("ncps.example")
        proxy = self.ncps_given("--config", str(file), "serve", CACHE_SECRET_KEY_PATH=str(key.secret_file))
        self.assertEqual(proxy.pubkey(), key.public)
        self.assert_serves(proxy)

    def test_the_command_lines_of_the_documentation_start(self) -> None:
        usual = ["--cache-hostname=your-ncps-hostname", "--cache-storage-local={storage}"]
        database, upstream = "--cache-database-url=sqlite:{storage}/var/ncps/db/db.sqlite", "--cache-upstream-url={url}"
        key = f"--cache-upstream-public-key={self.cache.key.public}"
        another = ["--cache-upstream-url={another}",
                   "--cache-upstream-public-key=nix-community.cachix.org-1:mB9FSh9qf2dCimDSUo8Zy7bkq5CX+/rkCWyvRCYg3Fs="]
        lines = {
            "docker": [*usual, database, upstream, key],
            "compose": [*usual, database, upstream, another[0], key, another[1]],
            "kubernetes": [*usual, "--cache-temp-path={temp}", database, upstream, another[0], key, another[1]],
            "slow networks": [*usual, upstream, "--cache-upstream-dialer-timeout=10s",
                              "--cache-upstream-response-header-timeout=10s"]}
        nobody = self.upstream(self.folder("empty"))
        for name, line in lines.items():
            with self.subTest(name):
                places = {"storage": str(self.folder("storage")), "temp": str(self.home / f"temp of {name}"),
                          "url": self.server.url, "another": nobody.url}
                arguments = [part.format(**places) for part in line]
                proxy = self.ncps_given("serve", *arguments, SERVER_ADDR="127.0.0.1:0")
                self.assertEqual(self.hostname(proxy), "your-ncps-hostname")
                self.assert_serves(proxy)
                self.assertTrue((Path(places["storage"]) / "var/ncps/db/db.sqlite").exists())
                self.assertEqual(proxy.stop(), 0)

    def test_the_old_names_work_with_a_warning_each(self) -> None:
        options = self.usual()
        for old, new in (("cache.data-path", "cache.storage.local"), ("cache.upstream.caches", "cache.upstream.urls")):
            options[old] = options.pop(new)
        options["cache.upstream.public-keys"] = []
        proxy = self.ncps_given("--config", str(self.file(options)), "serve", "--upstream-dialer-timeout=4s",
                                UPSTREAM_PUBLIC_KEYS=self.cache.key.public)
        self.assert_serves(proxy)
        old = [warning for warning in self.warnings(proxy) if "old name" in warning]
        self.assertEqual(len(old), 4, old)
        for new in ("--cache-storage-local", "--cache-upstream-url", "--cache-upstream-public-key",
                    "--cache-upstream-dialer-timeout"):
            self.assertEqual(sum(f"write {new} " in warning for warning in old), 1, new)

    def test_what_later_versions_have_is_accepted_with_one_warning_each(self) -> None:
        absent = {"--cache-cdc-enabled": "true", "--cache-cdc-min": "16384", "--cache-cdc-avg": "65536",
                  "--cache-cdc-max": "262144", "--cache-cdc-lazy-chunking-enabled": "true",
                  "--cache-cdc-background-workers": "4", "--cache-cdc-delete-delay": "24h",
                  "--cache-inflight-staging-enabled": "true", "--cache-inflight-staging-retention": "5m",
                  "--pprof-addr": "127.0.0.1:6060"}
        everywhere = ["--analytics-reporting-enabled=false", "--use-xz-binary=true", "--xz-binary-path=/usr/bin/xz"]
        file = str(self.file(self.usual()))
        proxy = self.ncps_given("--config", file, *everywhere, "serve", *(f"{n}={v}" for n, v in absent.items()))
        self.assert_serves(proxy)
        said = [warning for warning in self.warnings(proxy) if "no effect" in warning]
        names = [*absent, *(flag.partition("=")[0] for flag in everywhere)]
        self.assertEqual(sorted(line.partition(" ")[0] for line in said), sorted(names))


if __name__ == "__main__":
    unittest.main()
