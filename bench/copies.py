"""How often the bytes of a cold NAR are moved in user space: copied from memory to memory by memcpy and memmove, by valgrind's dhat,
and between memory and the kernel, by strace. Both as bytes moved for each byte of the NAR: what a large one costs more than a small one."""
from __future__ import annotations

import json
import re
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from bench import counted, cpu
from tests.e2e.lab import closure, ncps, raw
from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.closure import parse_narinfo
from tests.e2e.lab.ports import free_port
from tests.e2e.lab.upstream import Upstream
from tests.e2e.lab.waiting import eventually

CALLS = ("read", "readv", "pread64", "preadv2", "recvfrom", "recvmsg", "write", "writev", "pwrite64", "sendto", "sendmsg", "sendfile", "copy_file_range")
MOVED = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>).* = (\d+)$")
LEAST = 0.02  # of the bytes: what is rarer is not told


def _fetch(home: Path, megabytes: float, wrapper: list[str], with_server) -> None:
    """Of a server that has nothing, one NAR; `with_server(process id)` may return what is to be called when it has come."""
    made = closure.single(megabytes, "copies")
    cache = made.cache("zstd")
    with Upstream(cache.folder) as upstream, ExitStack() as stack:
        one = ncps.Ncps(home, upstreams=[(upstream.url, cache.key.public)], log_level="warn", more=["--cache-prefetch=off"],
                        address=f"127.0.0.1:{free_port()}", wrapper=wrapper)
        stack.callback(one.kill9)
        one.start_quiet(within=120)
        assert one.process
        nar = "/" + parse_narinfo(raw.get(one.url, narinfo_target(made.root), timeout=120).body.decode())["URL"]
        end = with_server(one.process.pid)
        assert raw.get(one.url, nar, timeout=300).ending == raw.COMPLETE
        one.wait_stored(nar.rpartition("/")[2], within=120)
        end()
        assert one.stop(within=120) == 0


def _copied(home: Path, megabytes: float) -> Counter[str]:
    """Bytes by the library that has them copied."""
    out = home / "dhat.json"
    _fetch(home, megabytes, ["valgrind", "--tool=dhat", "--mode=copy", "--quiet", f"--dhat-out-file={out}", f"--log-file={home}/dhat.log"],
           lambda _: lambda: None)
    profile = json.loads(out.read_text())
    frames, by = profile["ftbl"], Counter()
    for point in profile["pps"]:
        places = [re.search(r"\(in (?:.*/)?([^/)]+)\)", frames[n]) for n in point["fs"]]
        where = next((place[1] for place in places if place and not place[1].startswith("vgpreload")), "others")
        by[re.sub(r"\.so.*", "", where)] += point["tb"]
    return by


def _moved(home: Path, megabytes: float) -> Counter[str]:
    """Bytes by system call."""
    out = home / "strace"

    def trace(pid: int):
        tracer = subprocess.Popen(["strace", "-f", "-q", "-s", "0", "-e", f"trace={','.join(CALLS)}", "-e", "signal=none", "-o", out, "-p", str(pid)],
                                  stderr=subprocess.DEVNULL)
        eventually(lambda: all(counted.traced(member) for member in cpu.family(pid)), "strace has attached")

        def end() -> None:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(20)
        return end

    _fetch(home, megabytes, [], trace)
    by: Counter[str] = Counter()
    for line in out.read_text().splitlines():
        if found := MOVED.match(line):
            by[found[1]] += int(found[2])
    return by


def for_each_byte(home: Path, small: float, large: float) -> dict[str, dict[str, float]]:
    """Of a cold NAR in zstd whose content cannot be compressed: bytes copied, by library; bytes that system calls moved, by call."""
    found = {}
    for name, measure in (("copied", _copied), ("moved", _moved)):
        seen = []
        for megabytes in (small, large):
            folder = home / f"{name}-{megabytes:g}"
            folder.mkdir()
            seen.append(measure(folder, megabytes))
        each = {who: (seen[1][who] - seen[0][who]) / ((large - small) * 1e6) for who in seen[1]}
        found[name] = {who: share for who, share in sorted(each.items(), key=lambda pair: -pair[1]) if share > LEAST}
    return found
