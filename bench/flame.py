#!/usr/bin/env python3
"""Where the time of a hit goes, as flame graphs in docs/flame: bench/flame.py [--short] [--seconds N]

Needs perf (Debian's linux-perf) and leave to use it: root, or kernel.perf_event_paranoid of 1 and less. Samples of the CPU's
clock, so that it works in virtual machines, too; stacks by DWARF, because nothing here is built with frame pointers.
--short draws once, into a temporary folder.
"""
from __future__ import annotations

import argparse
import html
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from bench.servers import fill  # noqa: E402
from bench.wrk import Load  # noqa: E402
from tests.e2e.lab import closure  # noqa: E402
from tests.e2e.lab.ncps import BINARY, Ncps  # noqa: E402
from tests.e2e.lab.ports import free_port  # noqa: E402
from tests.e2e.lab.upstream import Upstream  # noqa: E402

WIDTH, LINE, LEAST = 1200, 16, 0.004  # pixels, and the share of all samples that is still drawn
# What is the same in each stack of a coroutine, or says nothing.
MACHINERY = re.compile(r"boost::asio|^std::|operator\(\)|__invoke|^\[|^clone3?$|start_thread|execute_native|^do_syscall_64$|entry_SYSCALL")


def short_name(symbol: str) -> str:
    """`ncps::http::Session::answer(...) [clone .resume]` as `http::Session::answer`."""
    while (inner := re.sub(r"\([^()]*\)|<[^<>]*>", "", symbol)) != symbol:
        symbol = inner
    return re.sub(r"\+0x.*|\[clone.*| const$", "", symbol).replace("ncps::", "").replace("::::", "::").strip() or "?"


def stacks(script: str) -> Counter[tuple[str, ...]]:
    """Of `perf script`: a block for each sample, the innermost call first; without Asio's own calls between ours."""
    found: Counter[tuple[str, ...]] = Counter()
    for block in script.split("\n\n"):
        lines = block.strip().splitlines()
        if len(lines) < 2:
            continue
        thread = lines[0].split()[0]
        calls = [line.strip().partition(" ")[2].rpartition(" (")[0] for line in lines[1:]]
        calls = [short_name(call) for call in calls if not MACHINERY.search(call)]
        found[(thread, *reversed(calls))] += 1
    return found


def draw(found: Counter[tuple[str, ...]], title: str) -> str:
    """The picture: width is the share of samples, height the depth of calls; names as tooltips."""
    total = sum(found.values())
    boxes: list[str] = []
    deepest = 0

    def level(rows: list[tuple[tuple[str, ...], int]], depth: int, left: float) -> None:
        nonlocal deepest
        groups: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        for stack, count in rows:
            if len(stack) > depth:
                groups.setdefault(stack[depth], []).append((stack, count))
        for name, inside in sorted(groups.items()):
            count = sum(n for _, n in inside)
            share = count / total
            if share >= LEAST:
                deepest = max(deepest, depth)
                color = f"hsl({(sum(map(ord, name)) * 37) % 50 + 10},75%,65%)"
                width = share * WIDTH
                label = html.escape(name[:max(0, int(width / 6.2))]) if width > 25 else ""
                boxes.append(f'<g><title>{html.escape(name)}: {share:.1%}</title><rect x="{left:.1f}" y="%{depth}%" width="{width:.1f}" height="{LINE - 1}" '
                             f'fill="{color}"/><text x="{left + 2:.1f}" y="%{depth}t%">{label}</text></g>')
                level(inside, depth + 1, left)
            left += share * WIDTH

    level(list(found.items()), 0, 0.0)
    height = (deepest + 3) * LINE

    def place(box: str) -> str:
        box = re.sub(r"%(\d+)%", lambda m: str(height - (int(m[1]) + 1) * LINE), box)
        return re.sub(r"%(\d+)t%", lambda m: str(height - int(m[1]) * LINE - 4), box)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="monospace" font-size="10">'
            f'<rect width="100%" height="100%" fill="#fff"/><text x="4" y="13" font-size="12">{html.escape(title)}: {total:,} samples</text>\n'
            + "\n".join(map(place, boxes)) + "\n</svg>\n")


def record(pid: int, seconds: int, home: Path) -> Counter[tuple[str, ...]]:
    data = home / "perf.data"
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "499", "--call-graph", "dwarf,16384", "-p", str(pid), "-o", data, "--",
                    "sleep", str(seconds)], check=True, stderr=subprocess.DEVNULL)
    out = subprocess.run(["perf", "script", "-i", data, "-F", "comm,ip,sym,dso", "--no-inline"], capture_output=True, text=True, check=True)
    return stacks(out.stdout)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--short", action="store_true", help="one second, nothing is written")
    arguments.add_argument("--seconds", type=int, default=5)
    chosen = arguments.parse_args()
    seconds = 1 if chosen.short else chosen.seconds
    made = closure.many(101, 60_000)
    cache = made.cache("zstd")
    with tempfile.TemporaryDirectory(prefix="ncps-flame-") as folder, Upstream(cache.folder) as upstream:
        home = Path(folder)
        target = home if chosen.short else ROOT / "docs/flame"
        target.mkdir(exist_ok=True)
        proxy = Ncps(home / "ncps", upstreams=[(upstream.url, cache.key.public)], log_level="warn", address=f"127.0.0.1:{free_port()}").start_quiet()
        try:
            infos, _ = fill(proxy, made.paths[:-1], made.root)
            nars = [f"/nar/{name}" for name in proxy.stored_nars()]
            for name, load in (("narinfo-hits", Load("hits of narinfos, 32 connections", "requests/s", infos, 32)),
                               ("nar-hits", Load("hits of NARs of 60 KB, 4 connections", "MB/s", nars, 4))):
                load.check(proxy.url)
                beside = threading.Thread(target=load.run, args=(proxy.url, seconds + 2, home))
                beside.start()
                assert proxy.process
                found = record(proxy.process.pid, seconds, home)
                beside.join()
                assert any("Session" in call for stack in found for call in stack), "no stack leads through a session"
                (target / f"{name}.svg").write_text(draw(found, load.name))
                print(f"{target / name}.svg: {sum(found.values()):,} samples")
        finally:
            proxy.kill9()
    return 0


if __name__ == "__main__":
    sys.exit(main())
