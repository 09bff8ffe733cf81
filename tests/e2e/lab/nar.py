"""The NAR format: hash and size of a file tree, as `nix-store --dump` writes it."""
from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import Iterator

PIECE = 1 << 20
NIX32 = "0123456789abcdfghijklmnpqrsvwxyz"


def _string(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data + bytes(-len(data) % 8)


def _strings(*texts: str) -> bytes:
    return b"".join(_string(text.encode()) for text in texts)


def _node(path: Path) -> Iterator[bytes]:
    yield _strings("(", "type")
    if path.is_symlink():
        yield _strings("symlink", "target", os.readlink(path))
    elif path.is_dir():
        yield _strings("directory")
        for name in sorted(os.listdir(path)):
            yield _strings("entry", "(", "name", name, "node")
            yield from _node(path / name)
            yield _strings(")")
    else:
        yield _strings("regular")
        status = path.stat()
        if status.st_mode & 0o100:
            yield _strings("executable", "")
        yield _strings("contents") + struct.pack("<Q", status.st_size)
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
        yield bytes(-status.st_size % 8)
    yield _strings(")")


FILE_END = _strings(")")  # of a file whose length is a multiple of 8


def file_head(size: int) -> bytes:
    """What stands before the bytes of a NAR that is one file of that size."""
    return _strings("nix-archive-1", "(", "type", "regular", "contents") + struct.pack("<Q", size)


def dump(path: Path) -> Iterator[bytes]:
    """The NAR of `path`, in pieces."""
    yield _strings("nix-archive-1")
    yield from _node(path)


def hash_and_size(path: Path) -> tuple[str, int]:
    """SHA-256 of the NAR in hex, and its size."""
    digest, size = hashlib.sha256(), 0
    for piece in dump(path):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def nix32(digest: bytes) -> str:
    """Nix's base 32: least significant digit last, bytes little end first."""
    number = int.from_bytes(digest, "little")
    length = (len(digest) * 8 - 1) // 5 + 1
    return "".join(NIX32[(number >> (5 * i)) & 31] for i in reversed(range(length)))
