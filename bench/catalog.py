#!/usr/bin/env python3
"""A million narinfos and NARs in SQLite: bench/catalog.py [--short] [--rows N]

How long the server takes to start with them, also after a kill and with as many files in the store, what a lookup costs,
what a round of eviction costs and does to lookups beside it, in rows alone and with files; what memory the server takes once
it was asked for all narinfos; and the same with a tenth and a hundredth, for how all of it grows. Writes bench/results/<date>-catalog.json and the tables in docs/measurements.md; --short only checks that all of it
works, and writes nothing.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench import load_bench, report  # noqa: E402
from tests.e2e.lab import nar, raw  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402

PROGRAM = BINARY.parent / "src/catalog_bench"


def start_time(proxy: Ncps) -> tuple[float, float]:
    """Seconds until the server listens, and the MB that it has then."""
    begin = time.monotonic()
    try:
        proxy.start()
        return time.monotonic() - begin, proxy.rss() / (1 << 20)
    finally:
        proxy.kill9()


def limited_start(home: Path) -> dict[str, float]:
    """With a limit: seconds until it listens, until it has counted what is kept, and the slowest of the answers
    that it gives meanwhile."""
    proxy = Ncps(home, upstreams=[("http://127.0.0.1:9", None)], log_level="debug",
                 more=["--cache-upstream-mode=offline", "--cache-max-size=1000T"])
    begin = time.monotonic()
    try:
        proxy.start()
        listens, slowest, answers = time.monotonic() - begin, 0.0, 0
        while not proxy.find_line("counted what is kept"):
            asked = time.monotonic()
            status = raw.get(proxy.url, f"/{answers:032}.narinfo").status  # looked up, and not found
            assert status == 404, status
            slowest, answers = max(slowest, time.monotonic() - asked), answers + 1
            assert asked - begin < 120, "it does not come to count"
        return {"listens_s": listens, "counted_s": time.monotonic() - begin, "answers": answers,
                "slowest_ms": slowest * 1000, "resident_mb": proxy.rss() / (1 << 20)}
    finally:
        proxy.kill9()


HALF_WRITTEN = 100  # files that dead processes have left, in as many folders


def fill_store(storage: Path, count: int) -> None:
    """So many empty files where narinfos and NARs lie."""
    letters = "0123456789abcdfghijklmnpqrsvwxyz"
    for kind, end in (("narinfo", ".narinfo"), ("nar", ".nar.xz")):
        for number in range(count // 2):
            first, second = letters[number % 32], letters[number // 32 % 32]
            folder = storage / "store" / kind / first / (first + second)
            if number < 1024:
                folder.mkdir(parents=True)
            os.close(os.open(f"{folder}/{first}{second}{number:030}{end}", os.O_CREAT | os.O_WRONLY, 0o400))


def leave_half_written(storage: Path) -> None:
    machine = next((storage / "store/tmp").iterdir()).name.partition("-")[0]
    for number in range(HALF_WRITTEN):
        folder = storage / f"store/tmp/{machine}-{4_000_000 + number}-{number}"  # beyond any process id
        folder.mkdir()
        (folder / "lock").touch()
        (folder / "1").write_bytes(b"half")


def recovery(home: Path, objects: int) -> dict[str, float]:
    """After a kill, with so many objects in the store: seconds until it listens; then nothing half-written is left."""
    proxy = Ncps(home, upstreams=[("http://127.0.0.1:9", None)], more=["--cache-upstream-mode=offline"])
    storage = home / "storage"
    fill_store(storage, objects)
    proxy.start()
    raw.get(proxy.url, f"/{'0' * 32}.narinfo")
    proxy.kill9()
    leave_half_written(storage)
    begin = time.monotonic()
    try:
        proxy.start()
        listens = time.monotonic() - begin
        left = [path for path in (storage / "store/tmp").iterdir() if path.is_dir()]
        assert len(left) == 1, f"left by dead processes: {len(left) - 1}"
        return {"listens_s": listens, "objects": objects, "half_written": HALF_WRITTEN}
    finally:
        proxy.kill9()


def hash_of(number: int) -> str:
    """That of catalog_bench's row."""
    return nar.nix32(hashlib.sha256(b"bench %d" % number).digest()[:20])


def asked_for_all(home: Path, database: Path, rows: int) -> dict[str, float]:
    """What is resident after each narinfo was asked for once, on 16 connections, and how many a second. In a copy: to be asked
    for is a use, and what follows is to find the rows as they were."""
    home.mkdir()
    shutil.copy(database, home / "db.sqlite")
    proxy = Ncps(home, upstreams=[("http://127.0.0.1:9", None)], more=["--cache-upstream-mode=offline"], log_level="warn",
                 address=f"127.0.0.1:{free_port()}")
    proxy.start_quiet()
    try:
        targets = [f"/{hash_of(number)}.narinfo" for number in range(rows)]
        length = len(proxy.get(targets[0]))
        seen = load_bench.load("walk", proxy.url, 16, "shared", targets=targets)
        assert seen["bytes"] == rows * length, "not all of them were found"
        return {"resident_mb": proxy.rss() / (1 << 20), "per_second": rows / seen["seconds"]}
    finally:
        proxy.kill9()


EVERY = 10                         # one of so many rows was used in the first year
KEPT_BYTES = 123_456               # of a NAR, as its row says
COUNTED_BYTES = KEPT_BYTES + 1024  # and its narinfo
DOWN_TO = 0.95                     # of the limit, by a round


def eviction_with_files(home: Path, rows: int) -> dict[str, float]:
    """The tenth that was used longest ago, with its files, goes in the round with which the server starts."""
    out = rows // EVERY
    files = []
    for number in range(0, rows, EVERY):
        name = hash_of(number)
        for kind, end, size in (("nar", ".nar.xz", KEPT_BYTES), ("narinfo", ".narinfo", 1024)):
            folder = home / "storage/store" / kind / name[0] / name[:2]
            folder.mkdir(parents=True, exist_ok=True)
            files.append(folder / f"{name}{end}")
            handle = os.open(files[-1], os.O_CREAT | os.O_WRONLY, 0o400)
            os.posix_fallocate(handle, 0, size)
            os.close(handle)
    os.sync()
    proxy = Ncps(home, upstreams=[("http://127.0.0.1:9", None)],
                 more=["--cache-upstream-mode=offline", f"--cache-max-size={round((rows - out) * COUNTED_BYTES / DOWN_TO)}B"])
    try:
        proxy.start()
        slowest, answers, end = 0.0, 0, time.monotonic() + 120
        while not (round_ := proxy.find_line("made room")):
            assert time.monotonic() < end, f"no room is made\n{proxy.tail()}"
            asked = time.monotonic()
            assert raw.get(proxy.url, f"/{answers:032}.narinfo").status == 404
            slowest, answers = max(slowest, time.monotonic() - asked), answers + 1
        left = sum(file.exists() for file in files)
        assert round_["nars"] >= out * 0.95 and left <= len(files) * 0.05, f"{round_}, {left} files are left"
        return {"nars": round_["nars"], "files": len(files) - left, "seconds": round_["elapsed"], "answers": answers, "slowest_ms": slowest * 1000}
    finally:
        proxy.kill9()


def measure(home: Path, rows: int) -> dict:
    proxy = Ncps(home, upstreams=[("http://127.0.0.1:9", None)], more=["--cache-upstream-mode=offline"])
    database = home / "db.sqlite"  # where it looks
    subprocess.run([PROGRAM, "fill", database, str(rows)], check=True)
    size = database.stat().st_size / 1e6
    start, resident = start_time(proxy)
    limited = limited_start(home)
    asked = asked_for_all(home / "asked", database, rows)
    out = subprocess.run([PROGRAM, "measure", database, str(rows)], check=True, capture_output=True, text=True)
    return json.loads(out.stdout) | {"start_s": start, "start_mb": resident, "file_mb": size, "limited": limited,
                                     "asked": asked, "recovery": recovery(home, rows)}


def table(measured: dict, date: str) -> str:
    lookup, eviction = measured["lookup"], measured["eviction"]
    beside, limited, after_kill = eviction["lookup_beside"], measured["limited"], measured["recovery"]
    asked, files = measured["asked"], measured["files"]
    return "\n".join([
        f"{date}, {measured['rows']:,} narinfos and as many NARs at rest, in a SQLite file of {measured['file_mb']:,.0f} MB. "
        "`bench/catalog.py`", "",
        "| | measured | aim |", "|---|---:|---:|",
        f"| the server listens after | {measured['start_s']:.2f} s, with {measured['start_mb']:.0f} MB resident | < 1 s |",
        f"| after kill -9, with {after_kill['objects']:,} files in the store and {after_kill['half_written']} half written ones, "
        f"which are gone then, it listens after | {after_kill['listens_s']:.2f} s | < 1 s |",
        f"| with `--cache-max-size` the server listens after | {limited['listens_s']:.2f} s | < 1 s |",
        f"| and has counted what is kept after; slowest of {limited['answers']:,} answers until then | "
        f"{limited['counted_s']:.2f} s; {limited['slowest_ms']:.1f} ms | in the background |",
        f"| lookup of a narinfo, at random: median, 99 of 100, slowest of {lookup['count']:,} | "
        f"{lookup['p50_ms']:.3f}, {lookup['p99_ms']:.3f}, {lookup['max_ms']:.1f} ms | < 1 ms |",
        f"| a round of eviction: the rows of {eviction['nars']:,} NARs found and dropped, one after the other | {eviction['seconds']:.2f} s | < 5 s |",
        f"| lookups beside it: median, 99 of 100, slowest of {beside['count']:,} | "
        f"{beside['p50_ms']:.3f}, {beside['p99_ms']:.3f}, {beside['max_ms']:.1f} ms | not blocked |",
        f"| a round in the server that removes {files['nars']:,} of {files['of']:,} NARs with their narinfos: {files['files']:,} files, "
        f"{files['nars'] * COUNTED_BYTES / 1e9:.1f} GB | {files['seconds']:.2f} s | |",
        f"| slowest of {files['answers']:,} answers beside it | {files['slowest_ms']:.1f} ms | not blocked |",
        f"| resident after all {measured['rows']:,} narinfos were asked for, {asked['per_second']:,.0f} a second | {asked['resident_mb']:.0f} MB | "
        f"< {BOUND_MB} MB |"])


BOUND_MB = 150  # 64 MB of rendered narinfos, and what is beside them


def line_through(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Least squares: value at 0, and growth for each path."""
    n = len(points)
    x, y = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    growth = sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
    return y - growth * x, growth


def growth_table(all_: list[dict], date: str) -> str:
    database = line_through([(one["rows"], one["file_mb"] * 1e6) for one in all_])
    memory = line_through([(one["rows"], one["start_mb"] * (1 << 20)) for one in all_])
    first = all_[0]
    each = (first["asked"]["resident_mb"] - first["start_mb"]) * (1 << 20) / first["rows"]

    def resident(mib: float) -> str:
        return f"{mib * (1 << 20) / 1e6:.1f} MB"

    def formula(line: tuple[float, float], one: dict, measured: float) -> str:
        says = line[0] + max(line[1], 0) * one["rows"]
        return f"{says / 1e6:,.1f} MB ({says / measured - 1:+.0%})"

    def row(name: str, show) -> str:
        return f"| {name} | " + " | ".join(show(one) for one in all_) + " |"
    return "\n".join([
        f"{date}. `bench/catalog.py --rows {all_[-1]['rows']}`: how it grows. By least squares, for n paths:", "",
        f"    bytes of the database = {database[0] / 1e6:,.1f} MB + {database[1]:,.0f} * n",
        f"    bytes resident        = {memory[0] / 1e6:,.1f} MB + {max(memory[1], 0):,.1f} * n",
        f"    and once asked for m  = {memory[0] / 1e6:,.1f} MB + {each:,.0f} * m, up to 64 MiB of narinfos with what is beside them", "",
        "Memory grows with what is asked for, up to the bounds of [architecture.md](architecture.md), not with what is kept. A NAR takes its file "
        "beside that, and its narinfo a file of its own (about 1 KB; 4 KB of most file systems).", "",
        row("paths", lambda one: f"{one['rows']:,}"), "|---|" + "---:|" * len(all_),
        row("database", lambda one: f"{one['file_mb']:,.1f} MB"),
        row("the formula says, off by", lambda one: formula(database, one, one["file_mb"] * 1e6)),
        row("the server listens after", lambda one: f"{one['start_s']:.2f} s"),
        row("resident", lambda one: resident(one["start_mb"])),
        row("the formula says, off by", lambda one: formula(memory, one, one["start_mb"] * (1 << 20))),
        row("resident after all narinfos were asked for", lambda one: resident(one["asked"]["resident_mb"])),
        row("resident, with `--cache-max-size`", lambda one: resident(one["limited"]["resident_mb"])),
        row("counted what is kept after", lambda one: f"{one['limited']['counted_s']:.2f} s"),
        row("lookup: median, 99 of 100", lambda one: f"{one['lookup']['p50_ms']:.3f}, {one['lookup']['p99_ms']:.3f} ms"),
        row("eviction, for each NAR", lambda one: f"{one['eviction']['seconds'] / one['eviction']['nars'] * 1e6:,.0f} µs")])


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="20,000 rows, nothing is written")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    chosen = arguments.parse_args()
    for program in (PROGRAM, load_bench.PROGRAM):
        if not program.exists():
            print(f"{program} is not built yet: make check", file=sys.stderr)
            return 1
    rows = 20_000 if chosen.short else chosen.rows
    all_ = []
    for part in (100, 10, 1):
        with tempfile.TemporaryDirectory(prefix="ncps-catalog-") as home:
            all_.append(measure(Path(home), rows // part))
    measured = all_[-1]
    with tempfile.TemporaryDirectory(prefix="ncps-catalog-") as home:
        kept = rows // EVERY  # of which a tenth goes
        subprocess.run([PROGRAM, "fill", Path(home) / "db.sqlite", str(kept)], check=True)
        measured["files"] = eviction_with_files(Path(home), kept) | {"of": kept}
    print(table(measured, "now"))
    print(growth_table(all_, "now"))
    if not chosen.short:
        report.write_section(ROOT, "growth", {"growth": all_}, lambda date: growth_table(all_, date))
        report.write_section(ROOT, "catalog", {"catalog": measured}, lambda date: table(measured, date))
    return 0


if __name__ == "__main__":
    sys.exit(main())
