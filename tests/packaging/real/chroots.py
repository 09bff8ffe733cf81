"""A world without packages: Debian's smallest tree as an image, and containers of images, by buildah.

As root. Everything lies in one temporary folder (NCPS_PACKAGES_TMP keeps it and what is in it between runs).
"""
from __future__ import annotations

import atexit
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("NCPS_BUILD") or ROOT / "build/release")
BASE = "localhost/debian:bookworm-slim"


@functools.cache
def environment() -> dict[str, str]:
    kept = os.environ.get("NCPS_PACKAGES_TMP")
    folder = Path(kept or tempfile.mkdtemp(prefix="ncps-packages-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not kept:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = folder / "storage.conf"
    settings.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/images"\nrunroot = "{folder}/run"\n')
    return os.environ | {"CONTAINERS_STORAGE_CONF": str(settings), "BUILDAH_ISOLATION": "chroot", "TMPDIR": str(folder)}


def run(*command: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment(), text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          cwd=ROOT, **options)


def check(*command: str) -> str:
    done = run(*command)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def package() -> Path:
    """What `make deb` has made last."""
    return max((BUILD / "packages").glob("ncps_*.deb"), key=lambda file: file.stat().st_mtime)


@functools.cache
def base() -> str:
    """Debian, as the Dockerfile names it."""
    if run("buildah", "inspect", "--type", "image", BASE).returncode:
        check("scripts/base_image.sh", BASE)
    return BASE


@functools.cache
def image() -> str:
    """The image, by its own Dockerfile; but with a package that is there already instead of one that is built inside."""
    with tempfile.TemporaryDirectory(dir=environment()["TMPDIR"]) as context:
        shutil.copy(package(), Path(context) / "ncps.deb")
        check("buildah", "build", "--format", "docker", "--pull-never", "--network", "host", "--build-context",
              f"package={context}", "--build-arg", f"BASE={base()}", "--file", "packaging/docker/Dockerfile", "--tag", "ncps", ".")
    return "ncps"


class Container:
    """One of an image; what it runs has the network of this machine."""

    def __init__(self, of: str) -> None:
        self.name = check("buildah", "from", "--pull-never", of).strip()
        self.tree = Path(check("buildah", "mount", self.name).strip())

    def remove(self) -> None:
        check("buildah", "rm", self.name)

    def command(self, *words: str, user: str = "", **variables: str) -> list[str]:
        """By the image's entry point, if it has one, as `docker run` would."""
        settings = [f"--env={name}={value}" for name, value in variables.items()]
        entry = json.loads(check("buildah", "inspect", self.name))["Docker"]["config"].get("Entrypoint") or []
        return ["buildah", "run", *settings, *([f"--user={user}"] if user else []), self.name, "--", *entry, *words]

    def run(self, *words: str, user: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return run(*self.command(*words, user=user, **variables))

    def check(self, *words: str, user: str = "", **variables: str) -> str:
        return check(*self.command(*words, user=user, **variables))


class Serving:
    """`ncps serve` in a container, until it is stopped."""

    def __init__(self, container: Container, *words: str, user: str = "", **variables: str) -> None:
        self.said: list[str] = []
        self.process = subprocess.Popen(container.command(*words, user=user, **variables), env=environment(), cwd=ROOT,
                                        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r'"addr":"([^"]+)".*"message":"listening"', line):
                self.address = found[1]
                break
        else:
            raise AssertionError("it does not listen:\n" + "".join(self.said))
        self.reader = threading.Thread(target=lambda: self.said.extend(self.process.stdout or ()))
        self.reader.start()
        self.pid = self._listener(int(self.address.rsplit(":", 1)[1]))

    @staticmethod
    def _listener(port: int) -> int:
        """buildah does not say whom it has started: whoever listens on that port."""
        return int(re.search(r"pid=(\d+)", check("ss", "-Hltnp", f"sport = :{port}"))[1])

    def user(self) -> int:
        return os.stat(f"/proc/{self.pid}").st_uid

    def stop(self) -> str:
        """All that it has said, to the end."""
        os.kill(self.pid, signal.SIGTERM)
        self.process.wait(60)
        self.reader.join(10)
        self.process.stdout.close()
        return "".join(self.said)
