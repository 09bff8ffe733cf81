"""Real Nix commands, each client in a world of its own: home, client cache, chroot store, keys."""
from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Sequence

from . import nar
from .closure import nix_environment


@functools.cache
def another_loopback_address() -> None:
    """With nothing but 127.0.0.1 configured `nix` believes there is no network; give it 127.0.0.2."""
    subprocess.run(["ip", "addr", "add", "127.0.0.2/8", "dev", "lo"], capture_output=True)


class NixClient:
    """A machine with an empty store that trusts only `keys`."""

    def __init__(self, home: Path, keys: Sequence[str] = (), timeout: float = 300, **settings: str) -> None:
        another_loopback_address()
        self.home, self.timeout = home, timeout
        self.store = home / "root"
        self.settings = {"trusted-public-keys": " ".join(keys)} | settings
        self.certificates: Path | None = None  # of authorities that it trusts, instead of the system's

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """The finished command, whatever its exit code."""
        environment = nix_environment(self.home, **self.settings | settings)
        if self.certificates:
            environment["NIX_SSL_CERT_FILE"] = str(self.certificates)
        return subprocess.run(command, env=environment,
                              stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=self.timeout)

    def check(self, *command: str, **settings: str) -> str:
        run = self.run(*command, **settings)
        if run.returncode:
            raise AssertionError(f"{' '.join(command)} failed with {run.returncode}:\n{run.stderr}")
        return run.stdout

    def copy(self, url: str, *paths: str) -> str:
        """Copies the closures into the store of this client, checking signatures."""
        return self.check("nix", "copy", "--from", url, "--to", str(self.store), *paths)

    def try_copy(self, url: str, *paths: str) -> subprocess.CompletedProcess[str]:
        return self.run("nix", "copy", "--from", url, "--to", str(self.store), *paths)

    def realise(self, url: str, path: str) -> str:
        """Substitutes as a build would."""
        return self.check("nix-store", "--store", str(self.store), "--realise", path, substituters=url)

    def verify(self, *paths: str) -> str:
        """Contents and signatures of what is in the store, with the closures."""
        return self.check("nix", "store", "verify", "--store", str(self.store), "--recursive", *paths)

    def path_info(self, url: str, path: str) -> dict:
        """What `url` says about a path."""
        return json.loads(self.check("nix", "path-info", "--store", url, "--json", "--sigs", path))[0]

    def has(self, path: str) -> bool:
        return os.path.lexists(self.physical(path))

    def physical(self, path: str) -> Path:
        """Where a store path of this client really lies."""
        return self.store / path.lstrip("/")

    def nar_hash(self, path: str) -> str:
        """SHA-256 in hex of what arrived."""
        return nar.hash_and_size(self.physical(path))[0]
