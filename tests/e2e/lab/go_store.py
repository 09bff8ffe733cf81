"""Stores and databases as the Go program of this name leaves them, from a binary cache that Nix has made."""
from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path
from typing import Callable

from .closure import Cache, Key, hash_of, nix

Execute = Callable[[str], None]

EARLY_VERSIONS = ("20241210054814", "20241210054829", "20241213014846", "20251230224159")


def in_sqlite(file: Path) -> Execute:
    """Runs statements in a SQLite file, each for itself."""
    def execute(statement: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(file) as connection:
            connection.execute(statement)
        connection.close()
    return execute


def answer_of(file: Path, question: str) -> object:
    connection = sqlite3.connect(file)
    try:
        return connection.execute(question).fetchone()[0]
    finally:
        connection.close()


def signed_by(cache: Cache, key: Key, folder: Path) -> Cache:
    """The same with one more signature on each path, as its proxy adds it."""
    copy = cache.copy(folder)
    nix("nix", "store", "sign", "--store", f"file://{copy.folder}", "--key-file", key.secret_file, "--recursive",
        cache.closure.root)
    return copy


def put(storage: Path, key: str, content: bytes) -> None:
    file = storage / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.chmod(file, 0o400)


def sharded(folder: str, name: str) -> str:
    return f"{folder}/{name[0]}/{name[:2]}/{name}"


def lay_early(storage: Path, cache: Cache, key: Key, execute: Execute) -> dict[str, str]:
    """Files for all, and a row for each narinfo and NAR. The URL of each path."""
    put(storage, "config/cache.key", key.secret_file.read_bytes())
    times = ("created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP, "
             "last_accessed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP")
    execute(f"CREATE TABLE narinfos (id INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL UNIQUE, {times})")
    execute("CREATE TABLE nars (id INTEGER PRIMARY KEY AUTOINCREMENT, narinfo_id INTEGER NOT NULL REFERENCES "
            "narinfos (id) ON DELETE CASCADE, hash TEXT NOT NULL UNIQUE, compression TEXT NOT NULL DEFAULT '', "
            f"file_size INTEGER NOT NULL, query TEXT NOT NULL DEFAULT '', {times})")
    execute("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)")
    for version in EARLY_VERSIONS:
        execute(f"INSERT INTO schema_migrations VALUES ('{version}')")
    urls = {}
    for number, path in enumerate(cache.closure.paths, 1):
        url = urls[path] = cache.nar_url(path)
        name = Path(url).name
        put(storage, sharded("store/narinfo", f"{hash_of(path)}.narinfo"),
            (cache.folder / f"{hash_of(path)}.narinfo").read_bytes())
        put(storage, sharded("store/nar", name), cache.nar_bytes(path))
        execute(f"INSERT INTO narinfos VALUES ({number}, '{hash_of(path)}', '2025-01-01 00:00:00', NULL, "
                f"'2025-02-0{number} 00:00:00')")
        execute(f"INSERT INTO nars VALUES ({number}, {number}, '{name.split('.')[0]}', 'xz', 1, '', "
                f"'2025-01-01 00:00:00', NULL, '2025-03-0{number} 00:00:00')")
    return urls


def zstd(content: bytes) -> bytes:
    return subprocess.run(["zstd", "-qc"], input=content, capture_output=True, check=True).stdout


def lay_late(storage: Path, cache: Cache, key: Key, execute: Execute, mysql: bool = False) -> dict[str, str]:
    """NARs as files, those without compression with zstd; all else in the database. The URL of each path."""
    number = "bigint PRIMARY KEY"
    word = "varchar(255)"
    quote = "`" if mysql else '"'
    times = "created_at timestamp DEFAULT CURRENT_TIMESTAMP, last_accessed_at timestamp NULL"
    execute("CREATE TABLE schema_migrations (id bigint PRIMARY KEY, version_id bigint NOT NULL, "
            "is_applied boolean NOT NULL)")
    execute(f"CREATE TABLE narinfos (id {number}, hash {word} NOT NULL UNIQUE, store_path text, url text, "
            "upstream_url text, compression text, file_hash text, file_size bigint, nar_hash text, nar_size bigint, "
            f"deriver text, {quote}system{quote} text, ca text, {times})")
    execute(f"CREATE TABLE narinfo_references (narinfo_id bigint NOT NULL, reference {word} NOT NULL)")
    execute(f"CREATE TABLE narinfo_signatures (narinfo_id bigint NOT NULL, signature {word} NOT NULL)")
    execute(f"CREATE TABLE nar_files (id {number}, hash {word} NOT NULL, compression {word}, query {word}, "
            f"file_size bigint, total_chunks bigint NOT NULL DEFAULT 0, {times})")
    execute("CREATE TABLE narinfo_nar_files (narinfo_id bigint NOT NULL, nar_file_id bigint NOT NULL)")
    execute(f"CREATE TABLE config (id {number}, {quote}key{quote} {word} NOT NULL UNIQUE, value text NOT NULL)")
    execute(f"INSERT INTO config VALUES (1, 'secret_key', '{key.secret_file.read_text().strip()}')")
    urls = {}
    for i, path in enumerate(cache.closure.paths, 1):
        fields = cache.narinfo(path)
        plain = fields["Compression"] == "none"
        url = urls[path] = f"/nar/{fields['NarHash'].removeprefix('sha256:')}.nar" if plain else "/" + fields["URL"]
        name = Path(url).name + (".zst" if plain else "")
        put(storage, sharded("store/nar", name), zstd(cache.nar_bytes(path)) if plain else cache.nar_bytes(path))
        # Nix writes FileHash and FileSize of a NAR without compression, too; that program drops them.
        file = "NULL, NULL" if plain else f"'{fields['FileHash']}', {fields['FileSize']}"
        execute("INSERT INTO narinfos (id, hash, store_path, url, compression, file_hash, file_size, nar_hash, "
                f"nar_size, created_at, last_accessed_at) VALUES ({i}, '{hash_of(path)}', '{path}', '{url[1:]}', "
                f"'{fields['Compression']}', {file}, '{fields['NarHash']}', {fields['NarSize']}, "
                f"'2025-01-01 00:00:00', '2025-02-0{i} 00:00:00')")
        for reference in fields["References"].split():
            execute(f"INSERT INTO narinfo_references VALUES ({i}, '{reference}')")
        for signature in fields["Sig"].split():
            execute(f"INSERT INTO narinfo_signatures VALUES ({i}, '{signature}')")
        execute(f"INSERT INTO nar_files VALUES ({i}, '{name.split('.')[0]}', '{fields['Compression']}', '', 1, 0, "
                f"'2025-01-01 00:00:00', '2025-03-0{i} 00:00:00')")
        execute(f"INSERT INTO narinfo_nar_files VALUES ({i}, {i})")
    return urls
