"""The NixOS module, package and flake: parsed, and evaluated with a stand-in for lib, as nixpkgs is not here."""
from __future__ import annotations

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.e2e.lab.closure import nix_environment, remove_tree
from tests.e2e.lab.ncps import run_ncps
from tests.e2e.lab.systemd import unit_settings

ROOT = Path(__file__).resolve().parents[2]
NIX = Path(__file__).parent / "nix"
KEY = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="

BASIC = f"""
  enable = true;
  cache.hostName = "your-ncps-hostname";
  cache.upstream = {{ urls = [ "https://cache.nixos.org" ]; publicKeys = [ "{KEY}" ]; }};
"""
# As the instructions of the original have it, under the old names.
ADVANCED = f"""
  enable = true;
  cache = {{
    hostName = "your-ncps-hostname";
    dataPath = "/path/to/ncps/data";
    tempPath = "/path/to/ncps/tmp";
    databaseURL = "sqlite:/path/to/ncps/db/db.sqlite";
    maxSize = "50G";
    lru.schedule = "0 2 * * *";
    allowPutVerb = true;
    allowDeleteVerb = true;
  }};
  server.addr = "0.0.0.0:8501";
  upstream = {{
    caches = [ "https://cache.nixos.org" "https://nix-community.cachix.org" ];
    publicKeys = [ "{KEY}" "nix-community.cachix.org-1:mB9FSh9qf2dCimDSUo8Zy7bkq5CX+/rkCWyvRCYg3Fs=" ];
  }};
"""
# Every option that there is, apart from those above.
ALL = """
  enable = true;
  analytics.reporting = { enable = false; samples = false; };
  openTelemetry = { enable = true; grpcURL = "http://otel:4317"; };
  prometheus.enable = true;
  logLevel = "debug";
  netrcFile = "/etc/netrc";
  settings.cache.min-free = "0";
  cache = {
    hostName = "your-ncps-hostname";
    databaseURLFile = "/secrets/url";
    database.pool = { maxOpenConns = 20; maxIdleConns = 5; };
    lru.scheduleTimeZone = "Europe/Berlin";
    secretKeyPath = "/secrets/key";
    getTokenFile = "/secrets/get";
    putTokenFile = "/secrets/put";
    signNarinfo = true;
    storage.s3 = { bucket = "bucket"; endpoint = "https://s3.example.org"; region = "eu-1"; forcePathStyle = true;
                   accessKeyIdPath = "/secrets/id"; secretAccessKeyPath = "/secrets/secret"; };
    upstream = { urls = [ "https://cache.nixos.org" ]; dialerTimeout = "5s"; responseHeaderTimeout = "9s"; };
    redis = { addresses = [ "redis:6379" ]; database = 1; username = "u"; passwordFile = "/secrets/redis"; poolSize = 5; useTLS = false; };
    lock = { backend = "redis"; redisKeyPrefix = "x:"; downloadTTL = "10m"; lruTTL = "1h"; allowDegradedMode = true;
             retry = { maxAttempts = 5; initialDelay = "200ms"; maxDelay = "3s"; jitter = true; }; };
    cdc = { enabled = true; min = 1; avg = 2; max = 3; };
  };
"""


class NixosCase(unittest.TestCase):
    def setUp(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="ncps-nixos-"))
        self.addCleanup(remove_tree, self.home)

    def nix(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["nix-instantiate", *words], text=True, capture_output=True, env=nix_environment(self.home))

    def evaluated(self, *words: str) -> dict:
        run = self.nix("--eval", "--strict", "--json", *words)
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def module(self, definitions: str) -> dict:
        return self.evaluated(str(NIX / "evaluate.nix"), "--arg", "definitions", f"{{ services.ncps = {{ {definitions} }}; }}")

    def service(self, definitions: str) -> dict:
        return self.module(definitions)["systemd"]["services"]["ncps"]["serviceConfig"]

    def file(self, service: dict) -> dict:
        return json.loads(re.fullmatch(r"/ncps/bin/ncps --config (.*) serve", service["ExecStart"])[1])

    def assert_taken(self, service: dict) -> str:
        """What the unit starts is right for this program, with credentials that are there."""
        credentials = self.home / "credentials"
        credentials.mkdir(exist_ok=True)
        texts = {"databaseURL": "postgresql://u:p@db/ncps", "netrc": "machine a login b password c\n", "getToken": "g" * 32, "putToken": "p" * 32,
                 "secretKey": "", "redisPassword": "r", "s3AccessKeyId": "id", "s3SecretAccessKey": "k"}
        for credential in service["LoadCredential"]:
            name = credential.split(":")[0]
            (credentials / name).write_text(texts[name])
            (credentials / name).chmod(0o400)
        if (credentials / "secretKey").exists():
            (credentials / "secretKey").unlink()
            self.assertEqual(run_ncps("key", "generate", "your-ncps-hostname", str(credentials / "secretKey")).status, 0)
        environment = dict(one.replace("%d", str(credentials)).split("=", 1) for one in service["Environment"])
        config = self.home / "ncps.json"
        config.write_text(json.dumps(self.file(service)))
        run = run_ncps("--config", str(config), "config", "check", **environment)
        self.assertEqual(run.status, 0, run.said)
        self.assertNotIn("is no option", run.said)
        return run.said


class Parsed(NixosCase):
    def test_every_file(self) -> None:
        for file in [ROOT / "flake.nix", *(ROOT / "packaging/nixos").glob("*.nix"), *NIX.glob("*.nix")]:
            with self.subTest(file.name):
                run = self.nix("--parse", str(file))
                self.assertEqual(run.returncode, 0, run.stderr)


class Module(NixosCase):
    def test_what_it_starts_is_taken_by_this_program(self) -> None:
        for definitions in (BASIC, ADVANCED, ALL):
            self.assert_taken(self.service(definitions))

    def test_it_does_nothing_unless_it_is_enabled(self) -> None:
        self.assertEqual(self.module(""), {})

    def test_old_names_arrive_at_the_new_ones(self) -> None:
        made = self.file(self.service(ADVANCED))["cache"]
        self.assertEqual(made["storage"], {"local": "/path/to/ncps/data"})
        self.assertEqual(len(made["upstream"]["urls"]), 2)
        self.assertEqual(len(made["upstream"]["public-keys"]), 2)

    def test_folders_elsewhere_are_made_and_may_be_written(self) -> None:
        folders = ["/path/to/ncps/data", "/path/to/ncps/db", "/path/to/ncps/tmp"]
        made = self.module(ADVANCED)
        self.assertEqual(made["systemd"]["services"]["ncps"]["serviceConfig"]["ReadWritePaths"], folders)
        self.assertEqual(made["systemd"]["tmpfiles"]["rules"], [f"d {folder} 0700 ncps ncps -" for folder in folders])
        self.assertEqual(self.service(BASIC)["ReadWritePaths"], [])

    def test_only_what_the_unit_has_anyway_is_left_out(self) -> None:
        for storage, temp, folders in (("/var/lib/ncps-data", "/tmp/x", ["/var/lib/ncps-data"]), ("/var/lib/ncps", "/var/tmp", []),
                                       ("/var/lib/ncps/a", "/var/tmp/ncps", []), ("/tmpfs", "/tmp/", ["/tmpfs"]),
                                       ("/srv/a", "/var/tmpx", ["/srv/a", "/var/tmpx"])):
            with self.subTest((storage, temp)):
                service = self.service(BASIC + f'cache.storage.local = "{storage}"; cache.tempPath = "{temp}";')
                self.assertEqual(service["ReadWritePaths"], folders)

    def test_an_outage_at_the_start_does_not_end_it_for_good(self) -> None:
        self.assertEqual(self.module(BASIC)["systemd"]["services"]["ncps"]["startLimitIntervalSec"], 0)

    def test_secrets_are_credentials_and_nowhere_else(self) -> None:
        service = self.service(ALL)
        self.assertEqual(len(service["LoadCredential"]), 8)
        self.assertNotIn("/secrets", service["ExecStart"] + "".join(service["Environment"]))
        self.assertNotIn("database-url", self.file(service)["cache"])

    def test_what_cannot_work_is_refused(self) -> None:
        for definitions, said in (
                ('enable = true; cache.hostName = "a";', "cache.upstream.urls is empty"),
                ('enable = true; cache.upstream.urls = [ "a" ];', "services.ncps.cache.hostName is used but not defined"),
                (BASIC + "cache.hostname = 1;", "there is no option services.ncps.cache.hostname"),
                (BASIC + "cache.maxSize = 5;", "services.ncps.cache.maxSize is no nullOr str"),
                (BASIC + 'cache.lock.backend = "redis";', "name the server"),
                (BASIC + 'cache.storage.s3.bucket = "b";', "s3.endpoint is missing")):
            with self.subTest(said):
                run = self.nix("--eval", "--strict", "--json", str(NIX / "evaluate.nix"), "--arg", "definitions",
                               f"{{ services.ncps = {{ {definitions} }}; }}")
                self.assertNotEqual(run.returncode, 0)
                self.assertIn(said, run.stderr)

    def test_it_is_confined_as_the_unit_that_is_tested_under_its_filter(self) -> None:
        service = self.service(BASIC)
        one_a_line = [f"~{word}" if setting[0] == "~" else word
                      for setting in unit_settings("SystemCallFilter") for word in setting.lstrip("~").split()]
        self.assertEqual(service["SystemCallFilter"], one_a_line)
        words = {True: "yes", False: "no"}
        self.assertNotIn("ProcSubset", service)
        for name, value in service.items():
            if name.startswith(("Protect", "Private", "Restrict", "Lock", "Memory", "NoNew", "Remove", "Device")):
                shown = " ".join(value) if isinstance(value, list) else words[value] if isinstance(value, bool) else str(value)
                with self.subTest(name):
                    self.assertEqual([shown], unit_settings(name))


class Flake(NixosCase):
    def test_it_makes_what_it_is_to_make(self) -> None:
        made = self.evaluated(str(NIX / "flake.nix"))
        self.assertEqual(set(made["packages"]["x86_64-linux"]), {"default", "ncps"})
        self.assertEqual(made["checks"]["aarch64-linux"]["vm"], {"nodes": ["client", "harmonia", "ncps"]})
        self.assertEqual(made["module"], [str(ROOT / "packaging/nixos/module.nix")])
        self.assertEqual(made["overlay"]["made"], str(ROOT / "packaging/nixos/package.nix"))

    def test_the_package_has_the_version_and_every_folder_it_names(self) -> None:
        text = (ROOT / "packaging/nixos/package.nix").read_text()
        for folder in re.findall(r"^ +(\.\./\.\./\S+)$", text, re.MULTILINE):
            self.assertTrue((ROOT / "packaging/nixos" / folder).exists(), folder)
        version, = re.findall(r"^ +version = (.*);$", text, re.MULTILINE)
        expression = version.replace("../../CMakeLists.txt", str(ROOT / "CMakeLists.txt"))
        self.assertIn(self.evaluated("--expr", expression), run_ncps("--version").out)


if __name__ == "__main__":
    unittest.main()
