"""`make dev` and its sisters (scripts/dev.py): start, one change, started again; Ctrl-C leaves nothing."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from .lab import raw
from .lab.case import LabCase
from .lab.ncps import BINARY, clean_environment, leave_with_parent
from .lab.waiting import eventually

DEV = Path(__file__).parents[2] / "scripts/dev.py"
PATIENCE = 240  # seconds: services, three instances and haproxy, on a busy machine


class Dev:
    """scripts/dev.py as a process, with a source and a build of the test's own, and no upstream that is asked."""

    def __init__(self, home: Path, mode: str) -> None:
        self.source = home / "source"
        self.source.mkdir(exist_ok=True)
        (self.source / "a.cpp").touch()
        self.environment = clean_environment() | {
            "HOME": str(home), "NCPS_BINARY": str(BINARY), "NCPS_DEV_DATA": str(home / "data"), "NCPS_DEV_PORT": "0",
            "NCPS_DEV_WATCH": str(self.source), "NCPS_DEV_BUILD": f"test ! -e {home}/broken && echo built >> {home}/builds"}
        self.process = subprocess.Popen([sys.executable, str(DEV), mode, "--cache-upstream-mode=offline"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment, text=True,
                                        preexec_fn=leave_with_parent)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self._reader.start()

    @property
    def said(self) -> str:
        return "".join(list(self.lines))

    def wait(self, pattern: str, times: int = 1) -> re.Match[str]:
        def look() -> bool:
            found = len(re.findall(pattern, self.said)) >= times
            assert found or self.process.poll() is None, f"ended before it said {pattern}\n{self.said}"
            return found
        try:
            eventually(look, pattern, PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said}") from None
        return list(re.finditer(pattern, self.said))[-1]

    @property
    def url(self) -> str:
        return self.wait(r"serving at (\S+);")[1]

    def pids(self) -> list[int]:
        """Of all servers that it has started, in order."""
        return [int(pid) for pid in re.findall(r"^dev: (?:ncps|instance \d) (\d+) at", self.said, re.MULTILINE)]

    def change(self, text: str) -> None:
        new = self.source.with_name("new")  # put in place at once: written in two steps it might be seen to change twice
        new.write_text(text)
        new.replace(self.source / "a.cpp")

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(60)
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self._reader.join(60)
            self.process.stdout.close()


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class DevCase(LabCase):
    def dev(self, mode: str) -> Dev:
        made = Dev(self.home, mode)
        self.addCleanup(made.kill)
        return made

    def service_pids(self, dev: Dev, name: str = "own-services") -> list[int]:
        """The holder, and all that it has started."""
        holder = json.loads((self.home / f"data/{name}.json").read_text())["pid"]
        children = Path(f"/proc/{holder}/task/{holder}/children").read_text().split()
        return [holder, *map(int, children)]

    def assert_gone(self, pids: list[int]) -> None:
        self.assertTrue(pids)
        eventually(lambda: not any(map(lives, pids)), f"{pids} are gone", PATIENCE)


class OneInstance(DevCase):
    def test_a_change_is_built_and_started(self) -> None:
        dev = self.dev("local")
        key = raw.get(dev.url, "/pubkey").body
        self.assertTrue((self.home / "data/local/config/cache.key").exists())
        dev.change("1")
        dev.wait("dev: ncps", times=2)
        self.assertEqual((self.home / "builds").read_text(), "built\n")
        first, second = dev.pids()
        self.assertFalse(lives(first))
        self.assertEqual(raw.get(dev.url, "/pubkey").body, key)

        (self.home / "broken").touch()
        dev.change("22")
        dev.wait("what ran before runs on")
        self.assertTrue(lives(second))
        self.assertEqual(raw.get(dev.url, "/pubkey").body, key)

        self.assertEqual(dev.stop(), 0, dev.said)
        self.assert_gone(dev.pids())

    def test_with_a_bucket(self) -> None:
        dev = self.dev("s3")
        key = raw.get(dev.url, "/pubkey").body
        services = self.service_pids(dev)
        dev.change("1")
        dev.wait("dev: ncps", times=2)
        self.assertEqual(raw.get(dev.url, "/pubkey").body, key, "it lies in the bucket")
        self.assertFalse((self.home / "data/local").exists())
        self.assertEqual(dev.stop(signal.SIGTERM), 0, dev.said)
        self.assert_gone(dev.pids() + services)

    def test_services_end_with_who_was_killed(self) -> None:
        dev = self.dev("s3")
        self.assertTrue(dev.url)
        services = self.service_pids(dev)
        dev.kill()
        self.assert_gone(dev.pids() + services)


class Several(DevCase):
    def test_three_instances_with_the_services_that_are_up(self) -> None:
        def call(what: str) -> str:
            environment = clean_environment() | {"HOME": str(self.home), "NCPS_DEV_DATA": str(self.home / "data")}
            run = subprocess.run([sys.executable, str(DEV), what], capture_output=True, text=True, timeout=PATIENCE, env=environment)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            return run.stdout
        self.addCleanup(call, "services-down")
        self.assertIn("--cache-redis-addrs=127.0.0.1:", call("services-up"))
        dev = self.dev("ha")
        key = raw.get(dev.url, "/pubkey").body
        self.assertIn("uses the services that are up", dev.said)
        services = self.service_pids(dev, "services")
        self.assertEqual(oct((self.home / "data/services.json").stat().st_mode & 0o777), "0o600", "it holds passwords")
        dev.change("1")
        dev.wait(r"dev: instance \d", times=6)
        self.assertEqual(len(set(dev.pids())), 6)
        self.assertEqual({raw.get(dev.url, "/pubkey").body for _ in range(6)}, {key})
        self.assertEqual(dev.stop(), 0, dev.said)
        self.assert_gone(dev.pids())
        self.assertTrue(all(map(lives, services)), "they are not ours to end")
        self.assertIn("the services are up", call("services-up"), "they are still there")
        self.assertEqual(self.service_pids(dev, "services"), services)
        call("services-down")
        self.assert_gone(services)
        self.assertIn("no services are up", call("services-down"))


if __name__ == "__main__":
    unittest.main()
