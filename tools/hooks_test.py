#!/usr/bin/env python3
"""`make hooks` in a repository of its own: what is badly formatted, or includes upstairs, is not committed."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
GOOD = "int main() {\n  return 0;\n}\n"
MAP = "room(NAME base)\nroom(NAME http USES base)\n"


class Hooks(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="ncps-hooks-"))
        self.addCleanup(shutil.rmtree, self.home)
        for name in ("Makefile", ".clang-format", "tools/check_rooms.py"):
            (self.home / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.home / name)
        shutil.copytree(ROOT / "scripts/hooks", self.home / "scripts/hooks")
        self.run_here("git", "init", "-q")
        self.run_here("make", "hooks")
        self.write("src/CMakeLists.txt", MAP)
        self.write("src/base/x.cpp", GOOD)
        self.write("src/http/y.h", '#include "base/x.h"\n')
        self.assertEqual(self.commit().returncode, 0)

    def run_here(self, *command):
        # Git tells its hooks where their repository is: not ours of this one, if we run in a hook.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        who = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        for role in ("AUTHOR", "COMMITTER"):
            who |= {f"GIT_{role}_NAME": "x", f"GIT_{role}_EMAIL": "x@localhost"}
        return subprocess.run(command, cwd=self.home, env=clean | who, capture_output=True, text=True, timeout=60)

    def write(self, name, text):
        (self.home / name).parent.mkdir(parents=True, exist_ok=True)
        (self.home / name).write_text(text)

    def commit(self, *what):
        self.run_here("git", "add", *(what or ["-A"]))
        return self.run_here("git", "commit", "-qm", "x")

    def test_what_is_badly_formatted_stays_out(self):
        self.write("src/base/bad name.cpp", "int  main( ) {return 0;}\n")
        run = self.commit()
        self.assertEqual(run.returncode, 1)
        self.assertIn("not formatted: src/base/bad name.cpp", run.stderr)
        self.write("src/base/bad name.cpp", GOOD)
        self.assertEqual(self.commit().returncode, 0)

    def test_what_includes_upstairs_stays_out(self):
        self.write("src/base/x.h", '#include "http/y.h"\n')
        run = self.commit()
        self.assertEqual(run.returncode, 1)
        self.assertIn("src/base/x.h:1: base/ may not include http/", run.stderr)

    def test_it_looks_at_what_is_committed_and_at_nothing_else(self):
        self.write("src/base/good.h", "#pragma once\n")
        self.run_here("git", "add", "src/base/good.h")
        self.write("src/base/good.h", '#include  "http/y.h"\n')  # not added
        self.write("src/base/bad.cpp", "int  x ;\n")             # nor this
        self.assertEqual(self.run_here("git", "commit", "-qm", "x").returncode, 0)
        self.assertEqual(self.run_here("git", "show", "HEAD:src/base/good.h").stdout, "#pragma once\n")

    def test_a_commit_without_sources_is_not_held_up(self):
        self.write("README.md", "text\n")
        self.assertEqual(self.commit().returncode, 0)


if __name__ == "__main__":
    unittest.main()
