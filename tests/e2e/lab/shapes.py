"""Binary caches as other programs write them: made from one of Nix, with other NAR URLs and other fields.

A signature covers the store path, NarHash, NarSize and references, so it stays good.
"""
from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import nar
from .closure import Cache, hash_of, parse_narinfo


@dataclass(frozen=True)
class Facts:
    """What a name can be made of."""
    store: str      # the 32 characters of the store path
    nar: bytes      # SHA-256 of the NAR
    file: bytes     # SHA-256 of its file
    size: int       # of the NAR


@dataclass(frozen=True)
class Shape:
    name: str
    compression: str
    url: Callable[[Facts], str]
    file: Callable[[Facts], str] | None = None  # where the NAR lies, if not at the URL; may hold a "?query"
    drop: tuple[str, ...] = ()                  # lines left out
    change: Callable[[Facts], dict[str, str]] = lambda facts: {}  # lines with other values
    text: Callable[[str], str] = lambda text: text                # the whole narinfo, in the end


def sri(digest: bytes) -> str:
    return "sha256-" + base64.b64encode(digest).decode()


def uuid(facts: Facts) -> str:
    text = facts.file.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))


def snix(facts: Facts) -> str:
    name = base64.urlsafe_b64encode(facts.nar).decode().rstrip("=")
    return f"nar/snix-castore/{name}?narsize={facts.size}"


NO_FILE = ("FileHash", "FileSize")

SHAPES = (
    Shape("nix, hydra: named by the file's hash", "xz", lambda f: f"nar/{nar.nix32(f.file)}.nar.xz"),
    Shape("cache.nixos.org today: named by the NarHash", "zstd", lambda f: f"nar/{nar.nix32(f.nar)}.nar.zst"),
    Shape("nix-serve", "none", lambda f: f"nar/{f.store}-{nar.nix32(f.nar)}.nar", drop=NO_FILE),
    Shape("harmonia", "none", lambda f: f"nar/{nar.nix32(f.nar)}.nar?hash={f.store}", drop=NO_FILE),
    Shape("attic", "zstd", lambda f: f"nar/{f.store}.nar"),
    Shape("attic without compression", "none", lambda f: f"nar/{f.store}.nar"),
    Shape("cachix: hex", "xz", lambda f: f"nar/{f.file.hex()}.nar.xz",
          change=lambda f: {"FileHash": f"sha256:{f.file.hex()}"}),
    Shape("cachix: UUID", "zstd", lambda f: f"nar/{uuid(f)}.nar.zst"),
    Shape("snix", "none", snix, drop=NO_FILE),
    Shape("hashes in hex", "xz", lambda f: f"nar/{nar.nix32(f.file)}.nar.xz",
          change=lambda f: {"NarHash": f"sha256:{f.nar.hex()}", "FileHash": f"sha256:{f.file.hex()}"}),
    Shape("hashes as SRI", "xz", lambda f: f"nar/{nar.nix32(f.file)}.nar.xz",
          change=lambda f: {"NarHash": sri(f.nar), "FileHash": sri(f.file)}),
    Shape("no FileHash, no FileSize", "xz", lambda f: f"nar/{nar.nix32(f.file)}.nar.xz", drop=NO_FILE),
    Shape("no Compression: bzip2", "bzip2", lambda f: f"nar/{nar.nix32(f.file)}.nar.bz2", drop=("Compression",)),
    Shape("empty Compression: bzip2", "bzip2", lambda f: f"nar/{nar.nix32(f.file)}.nar.bz2",
          change=lambda f: {"Compression": ""}),
    Shape("an extension that lies", "xz", lambda f: f"nar/{nar.nix32(f.file)}.nar"),
    Shape("zstd by name, nothing by the narinfo", "none", lambda f: f"nar/{nar.nix32(f.nar)}.nar.zst", drop=NO_FILE),
    Shape("unknown deriver and unknown keys", "xz", lambda f: f"nar/{nar.nix32(f.file)}.nar.xz",
          change=lambda f: {"Deriver": "unknown-deriver", "X-Unknown": "value: with a colon"}),
    Shape("CRLF and no last line end", "xz", lambda f: f"nar/{nar.nix32(f.file)}.nar.xz",
          text=lambda text: text.replace("\n", "\r\n").removesuffix("\r\n")),
    Shape("a leading slash", "xz", lambda f: f"/nar/{f.file.hex()}.nar.xz", lambda f: f"nar/{f.file.hex()}.nar.xz"),
    Shape("dots", "xz", lambda f: f"../nar/{f.file.hex()}.nar.xz", lambda f: f"nar/{f.file.hex()}.nar.xz"),
    Shape("another folder, a required query", "xz", lambda f: f"files/{f.file.hex()}?token={f.store}"),
)


def reshaped(cache: Cache, folder: Path, shape: Shape) -> Cache:
    """The same cache in that shape, in the empty `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "nix-cache-info").write_bytes((cache.folder / "nix-cache-info").read_bytes())
    for path in cache.closure.paths:
        _reshape(cache, path, folder, shape)
    return Cache(folder, cache.closure, cache.key)


def facts_of(cache: Cache, path: str) -> Facts:
    content = cache.nar_bytes(path)
    nar_hash, size = nar.hash_and_size(cache.closure.store / path.lstrip("/"))
    return Facts(hash_of(path), bytes.fromhex(nar_hash), hashlib.sha256(content).digest(), size)


def _reshape(cache: Cache, path: str, folder: Path, shape: Shape) -> None:
    facts = facts_of(cache, path)
    narinfo = f"{hash_of(path)}.narinfo"
    fields = parse_narinfo((cache.folder / narinfo).read_text()) | {"URL": shape.url(facts)} | shape.change(facts)
    text = "".join(f"{name}: {value}\n" for name, value in fields.items() if name not in shape.drop)
    (folder / narinfo).write_bytes(shape.text(text).encode())
    place = folder / (shape.file or shape.url)(facts)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(cache.nar_bytes(path))
