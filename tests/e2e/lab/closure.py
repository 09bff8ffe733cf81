"""Small real store paths, and binary caches of them made by `nix copy --to file://`.

The paths are input-addressed (a client needs a signature for them), so they are not built but laid
into a chroot store and registered there. Everything lives in one temporary folder per test
process, is made once, and goes with the process.
"""
from __future__ import annotations

import atexit
import functools
import hashlib
import os
import random
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from . import nar

COMPRESSIONS = ("xz", "zstd", "bzip2", "gzip", "br", "lz4", "lzip", "none")
UPSTREAM_KEY_NAME = "upstream.example-1"


def make_removable(path: Path) -> None:
    """Makes folders writable that a store made read-only."""
    for folder, _, _ in os.walk(path):  # top down: a folder can be entered once it is writable
        os.chmod(folder, stat.S_IRWXU)
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, stat.S_IRWXU)


def remove_tree(path: Path) -> None:
    make_removable(path)
    shutil.rmtree(path)


@functools.cache
def workshop() -> Path:
    """The folder of this process."""
    folder = Path(tempfile.mkdtemp(prefix="ncps-lab-"))
    owner = os.getpid()
    atexit.register(lambda: remove_tree(folder) if os.getpid() == owner else None)
    return folder


def nix_environment(home: Path, **settings: str) -> dict[str, str]:
    """An environment in which Nix knows nothing of this machine."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "conf").mkdir(exist_ok=True)
    config = {"experimental-features": "nix-command", "substituters": "", "trusted-public-keys": "",
              "sandbox": "false", "build-users-group": ""} | settings
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NIX_", "XDG_")) and "proxy" not in k.lower()}
    return kept | {
        "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "NIX_CONF_DIR": str(home / "conf"),
        "NIX_CONFIG": "".join(f"{name} = {value}\n" for name, value in config.items())}


def nix(*arguments: str | Path, home: Path | None = None, stdin: str = "", timeout: float = 600) -> str:
    run = subprocess.run([str(a) for a in arguments], env=nix_environment(home or workshop() / "home"),
                         input=stdin, text=True, capture_output=True, timeout=timeout)
    if run.returncode:
        raise AssertionError(f"{' '.join(map(str, arguments))} failed:\n{run.stderr}")
    return run.stdout


@dataclass(frozen=True)
class Key:
    secret_file: Path
    public: str


@functools.cache
def signing_key(name: str = UPSTREAM_KEY_NAME, which: int = 0) -> Key:
    """A key pair; another `which` gives another key of the same name."""
    file = workshop() / f"{name}.{which}.sec"
    file.touch(mode=0o600)  # nobody else's, or ncps refuses it
    file.write_text(nix("nix", "key", "generate-secret", "--key-name", name))
    return Key(file, nix("nix", "key", "convert-secret-to-public", stdin=file.read_text()).strip())


def parse_narinfo(text: str) -> dict[str, str]:
    """Fields of a narinfo; several Sig lines are joined with spaces."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        fields[name] = f"{fields[name]} {value}" if name in fields else value
    return fields


@dataclass(frozen=True)
class Cache:
    """A folder as `nix copy --to file://` leaves it."""
    folder: Path
    closure: "Closure"
    key: Key | None

    def narinfo(self, path: str) -> dict[str, str]:
        return parse_narinfo((self.folder / f"{hash_of(path)}.narinfo").read_text())

    def nar_url(self, path: str) -> str:
        return "/" + self.narinfo(path)["URL"]

    def nar_bytes(self, path: str) -> bytes:
        return (self.folder / self.narinfo(path)["URL"]).read_bytes()

    def copy(self, folder: Path) -> "Cache":
        """The same in another place, to be spoiled."""
        shutil.copytree(self.folder, folder)
        return Cache(folder, self.closure, self.key)


@dataclass
class Closure:
    """Valid paths in a chroot store; the last one is the root that refers to the others."""
    store: Path
    paths: list[str]

    def __post_init__(self) -> None:
        self._caches: dict[tuple, Cache] = {}

    @property
    def root(self) -> str:
        return self.paths[-1]

    def cache(self, compression: str = "xz", key: Key | None | str = "default") -> Cache:
        """A binary cache of the closure. key=None: unsigned."""
        signer = signing_key() if key == "default" else key
        known = self._caches.get((compression, signer))
        if known:
            return known
        folder = Path(tempfile.mkdtemp(prefix=f"cache-{compression}-", dir=workshop()))
        url = f"file://{folder}?compression={compression}" + (f"&secret-key={signer.secret_file}" if signer else "")
        nix("nix", "copy", "--store", self.store, "--from", self.store, "--to", url, "--no-check-sigs", *self.paths)
        cache = self._caches[compression, signer] = Cache(folder, self, signer)
        return cache


def hash_of(path: str) -> str:
    """The 32 characters of a store path."""
    return path.removeprefix("/nix/store/")[:32]


Writer = Callable[[Path], None]


def make_closure(name: str, writers: Sequence[tuple[str, Writer, Sequence[int]]]) -> Closure:
    """Lays out store paths. Each is (name, what writes it, numbers of the paths it refers to)."""
    store = Path(tempfile.mkdtemp(prefix=f"store-{name}-", dir=workshop()))
    physical = store / "nix/store"
    physical.mkdir(parents=True)
    paths: list[str] = []
    registration = []
    for part, write, references in writers:
        digest = nar.nix32(hashlib.sha256(f"{name}/{part}".encode()).digest()[:20])
        base = f"{digest}-{part}"
        write(physical / base)
        _canonical(physical / base)
        nar_hash, size = nar.hash_and_size(physical / base)
        names = sorted(paths[n] for n in references)
        paths.append(f"/nix/store/{base}")
        registration += [paths[-1], nar_hash, str(size), "", str(len(names)), *names]
    nix("nix-store", "--store", store, "--load-db", stdin="\n".join(registration) + "\n")
    return Closure(store, paths)


def _canonical(path: Path) -> None:
    for folder, folders, files in os.walk(path, topdown=False):
        for entry in files + folders:
            _canonical_entry(os.path.join(folder, entry))
    _canonical_entry(str(path))


def _canonical_entry(name: str) -> None:
    if not os.path.islink(name):
        mode = os.stat(name).st_mode
        os.chmod(name, 0o555 if stat.S_ISDIR(mode) or mode & 0o100 else 0o444)
    os.utime(name, (1, 1), follow_symlinks=False)


def random_bytes(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def file_of_random_bytes(seed: str, size: int) -> Writer:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            for start in range(0, size, nar.PIECE):
                file.write(random_bytes(f"{seed}{start}", min(nar.PIECE, size - start)))
    return write


def file_of_text(text: str) -> Writer:
    return lambda path: path.write_text(text) and None


def _write_leaf(path: Path) -> None:
    """A 2 MB file, something executable, a symlink, an empty file and a folder."""
    (path / "bin").mkdir(parents=True)
    (path / "data").write_bytes(random_bytes("leaf", 2_000_000))
    (path / "bin/hello").write_text("#!/bin/sh\necho hello\n")
    (path / "bin/hello").chmod(0o555)
    (path / "bin/hi").symlink_to("hello")
    (path / "empty").write_text("")


@functools.cache
def small() -> Closure:
    """A chain of three, and below it a leaf of 2 MB: leaf, one, two, three (the root)."""
    return make_closure("small", [
        ("leaf-1.0", _write_leaf, []), ("one-1.0", file_of_text("one\n" * 500), [0]),
        ("two-1.0", file_of_text("two\n" * 500), [1]), ("three-1.0", file_of_text("three\n" * 500), [0, 2])])


@functools.cache
def single(megabytes: float, seed: str = "single") -> Closure:
    """One path: a file of random bytes, that no compression makes smaller."""
    return make_closure(f"{seed}-{megabytes:g}",
                        [("blob-1.0", file_of_random_bytes(seed, int(megabytes * 1_000_000)), [])])


@functools.cache
def many(count: int, size: int = 2_000) -> Closure:
    """`count` small paths, and a root that refers to them all."""
    leaves = [(f"item-{n}", file_of_random_bytes(f"many{n}", size), []) for n in range(count - 1)]
    return make_closure(f"many-{count}-{size}", [*leaves, ("root", file_of_text("root\n"), range(count - 1))])
