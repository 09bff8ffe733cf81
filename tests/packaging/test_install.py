"""What `make install` and `make deb` put where; the unit, the man pages, the completions, the scripts."""
from __future__ import annotations

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.e2e.lab.closure import remove_tree
from tests.e2e.lab.ncps import BINARY

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("NCPS_BUILD") or ROOT / "build/release")
DEBIAN = ROOT / "packaging/deb"


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, text=True, capture_output=True, stdin=subprocess.DEVNULL, cwd=ROOT, env=os.environ | environment)


class PackagingCase(unittest.TestCase):
    def setUp(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="ncps-packaging-"))
        self.addCleanup(remove_tree, self.home)

    def check(self, *command: str, **environment: str) -> str:
        done = run(*command, **environment)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def installed(self, prefix: str) -> Path:
        self.check("cmake", "--install", str(BUILD), "--prefix", prefix, DESTDIR=str(self.home))
        return self.home / prefix.lstrip("/")


class Installed(PackagingCase):
    def test_everything_is_where_it_belongs(self) -> None:
        tree = self.installed("/usr")
        for file in ("bin/ncps", "lib/systemd/system/ncps.service", "lib/systemd/system/ncps.socket", "lib/sysusers.d/ncps.conf",
                     "share/man/man1/ncps.1", "share/man/man5/ncps.yaml.5", "share/bash-completion/completions/ncps",
                     "share/zsh/vendor-completions/_ncps", "share/fish/vendor_completions.d/ncps.fish", "share/doc/ncps/copyright",
                     "share/doc/ncps/libraries/libcli11-dev"):
            with self.subTest(file):
                self.assertGreater((tree / file).stat().st_size, 0)
        self.assertEqual(run(str(tree / "bin/ncps"), "--version").returncode, 0)
        unit = (tree / "lib/systemd/system/ncps.service").read_text()
        self.assertIn("ExecStart=/usr/bin/ncps --config /etc/ncps/config.yaml serve\n", unit)
        self.assertNotIn("@NCPS", unit.upper().replace("@PRIVILEGED", ""))

    def test_the_prefix_is_in_the_unit(self) -> None:
        unit = (self.installed("/opt/ncps") / "lib/systemd/system/ncps.service").read_text()
        self.assertIn("ExecStart=/opt/ncps/bin/ncps --config /opt/ncps/etc/ncps/config.yaml serve\n", unit)

    def test_an_outage_at_the_start_does_not_end_the_unit_for_good_but_wrong_options_do(self) -> None:
        unit = (self.installed("/usr") / "lib/systemd/system/ncps.service").read_text().splitlines()
        for line in ("StartLimitIntervalSec=0", "Restart=on-failure", "RestartPreventExitStatus=2"):
            self.assertIn(line, unit)

    def test_the_boot_can_be_told_from_others(self) -> None:
        # /proc/sys/kernel/random/boot_id: without it what a crash has left is known by its age only (storage/spool_owner.h).
        self.assertNotIn("ProcSubset=pid", (self.installed("/usr") / "lib/systemd/system/ncps.service").read_text())

    def test_systemd_understands_the_units_and_finds_them_confined(self) -> None:
        units = self.home / "units"
        units.mkdir()
        tree = self.installed("/usr")
        for name in ("ncps.service", "ncps.socket"):
            text = (tree / "lib/systemd/system" / name).read_text().replace("/usr/bin/ncps", str(BINARY))
            # Man pages and users of this machine are another matter.
            text = re.sub(r"(?m)^(Documentation|User|Group)=.*\n", "", text)
            (units / name).write_text(text)
        done = run("systemd-analyze", "verify", "--man=no", *(str(units / name) for name in ("ncps.service", "ncps.socket")))
        said = [line for line in done.stderr.splitlines() if "ncps" in line]
        self.assertEqual(said, [])
        table = self.check("systemd-analyze", "security", "--offline=true", str(tree / "lib/systemd/system/ncps.service"))
        exposure = float(re.search(r"exposure level for ncps.service: ([0-9.]+)", table)[1])
        self.assertLessEqual(exposure, 1.5, table)

    def test_the_man_pages_are_well_formed_and_say_all(self) -> None:
        manual = self.installed("/usr") / "share/man"
        for page in ("man1/ncps.1", "man5/ncps.yaml.5"):
            done = run("man", "--warnings", "-Tutf8", "-l", str(manual / page), LC_ALL="C.UTF-8", MANWIDTH="100")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertNotIn("`", done.stdout)
            self.assertRegex(self.check("lexgrog", str(manual / page)), r'ncps(\.yaml)? - ')
        options = set(re.findall(r"^  (--[a-z0-9-]+)", run(str(BINARY), "serve", "--help").stdout, re.MULTILINE))
        text = (manual / "man1/ncps.1").read_text().replace("\\-", "-")
        missing = {option for option in options if f"\\fB{option}\\fR" not in text and not option.endswith(("-file", "--help-all"))}
        self.assertEqual(missing, set())

    def test_the_completion_of_zsh_works_as_an_installed_file(self) -> None:
        folder = self.installed("/usr") / "share/zsh/vendor-completions"
        script = f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -D -d {self.home}/dump; print ${{_comps[ncps]}}"
        self.assertEqual(self.check("zsh", "-f", "-c", script).strip(), "_ncps")


class Package(PackagingCase):
    def test_the_debian_package_names_what_it_needs(self) -> None:
        self.check("cpack", "--config", str(BUILD / "CPackConfig.cmake"), "-G", "DEB", "-B", str(self.home))
        deb, = self.home.glob("ncps_*.deb")
        needs = self.check("dpkg-deb", "--field", str(deb), "Depends")
        for library in ("libcurl4", "libssl3", "libsoci-sqlite3-4.0", "libpq5", "ca-certificates", "tzdata"):
            self.assertIn(library, needs)
        files = self.check("dpkg-deb", "--contents", str(deb))
        self.assertNotRegex(files, r"\./etc/|\.a$|\.h$")
        for line in files.splitlines():
            self.assertIn(" root/root ", line)

    def test_its_scripts_are_scripts(self) -> None:
        scripts = [str(DEBIAN / name) for name in ("postinst", "prerm", "postrm")]
        docker = [str(ROOT / "packaging/docker" / name) for name in ("entrypoint", "healthcheck")]
        ours = [str(ROOT / "scripts" / name) for name in ("tarball.sh", "image.sh", "base_image.sh", "hooks/pre-commit")]
        self.check("shellcheck", *scripts, *docker, *ours)

    def test_the_first_configuration_is_right(self) -> None:
        file = self.home / "config.yaml"
        file.write_text((DEBIAN / "config.yaml").read_text().replace("@HOSTNAME@", "cache.example.org"))
        self.check(str(BINARY), "--config", str(file), "config", "check")


if __name__ == "__main__":
    unittest.main()
