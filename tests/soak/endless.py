"""Store paths without end, laid out in binary caches without Nix: cheap enough to make some each second, for hours.

A batch is laid out whole, and thrown away whole, so that what lies on the disk stays small however long it goes on.
"""
from __future__ import annotations

import base64
import ctypes
import functools
import hashlib
import lzma
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.e2e.lab import nar
from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.closure import Cache, Closure, Key, remove_tree

FAMILY = 8            # paths that may refer to each other: the largest closure
LARGE = 3_000_000     # bytes of every fortieth path
CACHE_INFO = "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n"


@functools.cache
def _sodium() -> ctypes.CDLL:
    return ctypes.CDLL("libsodium.so.23")  # which ncps itself is linked to


def sign(text: str, key: Key) -> str:
    """As in a narinfo's Sig: the name of the key, and Ed25519 over the text."""
    name, _, secret = key.secret_file.read_text().strip().partition(":")
    signature = ctypes.create_string_buffer(64)
    message = text.encode()
    _sodium().crypto_sign_detached(signature, None, message, ctypes.c_ulonglong(len(message)), base64.b64decode(secret))
    return f"{name}:{base64.b64encode(signature.raw).decode()}"


@dataclass
class Batch:
    """Some paths, all of them in each of the caches."""
    closure: Closure
    caches: list[Cache]
    files: list[Path] = field(default_factory=list)  # in the caches

    def forget(self) -> None:
        """The caches have these paths no more."""
        for file in self.files:
            file.unlink()
        remove_tree(self.closure.store)


def empty_cache(folder: Path) -> Path:
    (folder / "nar").mkdir(parents=True)
    (folder / "nix-cache-info").write_text(CACHE_INFO)
    return folder


def lay_out(home: Path, name: str, count: int, places: dict[str, Path], key: Key) -> Batch:
    """`count` paths of that name, which makes their hashes and bytes, in the folder of each compression: xz, none.
    The name of a batch may not be used again while the batch is there."""
    store = home / name
    (store / "nix/store").mkdir(parents=True)
    batch = Batch(Closure(store, []), [])
    batch.caches = [Cache(folder, batch.closure, key) for folder in places.values()]
    dice = Random(f"endless/{name}")
    for number in range(count):
        digest = hashlib.sha256(f"{name}/{number}".encode()).digest()[:20]
        path = f"/nix/store/{nar.nix32(digest)}-endless-{number}"
        family = batch.closure.paths[number - number % FAMILY:]
        references = sorted(dice.sample(family, min(len(family), dice.randint(0, 3))))
        (store / path.lstrip("/")).write_bytes(dice.randbytes(LARGE if number % 40 == 20 else _usual_size(dice)))
        whole = b"".join(nar.dump(store / path.lstrip("/")))
        for compression, folder in places.items():
            batch.files += _put(folder, path, compression, whole, references, key)
        batch.closure.paths.append(path)
    return batch


def _usual_size(dice: Random) -> int:
    return int(dice.choice([dice.uniform(1, 3_000), dice.uniform(3_000, 60_000), 10 ** dice.uniform(4, 5.47)]))


def _put(folder: Path, path: str, compression: str, whole: bytes, references: list[str], key: Key) -> list[Path]:
    """Narinfo and NAR as `nix copy` would leave them there."""
    data, ending = (lzma.compress(whole, preset=0), ".nar.xz") if compression == "xz" else (whole, ".nar")
    nar_hash, file_hash = (f"sha256:{nar.nix32(hashlib.sha256(some).digest())}" for some in (whole, data))
    fields = {"StorePath": path, "URL": f"nar/{file_hash.removeprefix('sha256:')}{ending}", "Compression": compression,
              "FileHash": file_hash, "FileSize": len(data), "NarHash": nar_hash, "NarSize": len(whole),
              "References": " ".join(one.removeprefix("/nix/store/") for one in references),
              "Sig": sign(f"1;{path};{nar_hash};{len(whole)};{','.join(references)}", key)}
    narinfo, file = folder / narinfo_target(path)[1:], folder / str(fields["URL"])
    file.write_bytes(data)
    narinfo.write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))
    return [narinfo, file]


def unknown_path(dice: Random) -> str:
    """That nobody has."""
    return f"/nix/store/{nar.nix32(dice.randbytes(20))}-unknown"
