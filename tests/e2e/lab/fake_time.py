"""A process whose clock is wrong: Debian's libfaketime."""
from __future__ import annotations

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def with_clock_off(by: str) -> dict[str, str]:
    """Its environment. `by` as libfaketime has it: "-1h", "+5m". Only the time of day is wrong, not those of files."""
    return {"LD_PRELOAD": LIBRARY, "FAKETIME": by, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
            "ASAN_OPTIONS": "verify_asan_link_order=0"}
