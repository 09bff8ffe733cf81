"""The program under test as a process of its own."""
from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

from . import raw
from .bucket import Bucket, bucket_of
from .waiting import eventually

# With NCPS_TEST_STORAGE=s3 every server that is not told otherwise keeps its things in a bucket.
IN_BUCKETS = os.environ.get("NCPS_TEST_STORAGE") == "s3"
BINARY = Path(os.environ.get("NCPS_BINARY") or Path(__file__).parents[3] / "build/release/ncps")


def clean_environment() -> dict[str, str]:
    """No settings of this machine reach the program, also not by files in somebody's home."""
    prefixes = ("CACHE_", "SERVER_", "LOG_", "PROMETHEUS_", "OTEL_", "NETRC_", "NCPS_", "XDG_", "UPSTREAM_",
                "ANALYTICS_", "USE_XZ_", "XZ_", "PPROF_", "SSL_CERT_", "NIX_SSL_", "MALLOC_", "GLIBC_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(prefixes) and "proxy" not in k.lower()}
    return kept | {"HOME": "/nonexistent"}


LIBC = ctypes.CDLL(None)  # not in the child: another thread may have held the loader's lock when it was made


def leave_with_parent() -> None:
    """In the child: be killed when the test run is, whatever ended that (prctl(2), PR_SET_PDEATHSIG)."""
    LIBC.prctl(1, signal.SIGKILL)


@dataclass
class Run:
    """A command that ended by itself."""
    status: int
    out: str
    err: str
    seconds: float

    @property
    def said(self) -> str:
        return self.out + self.err


def run_ncps(*arguments: str, within: float = 60, **environment: str) -> Run:
    """The program with these arguments, which is to end by itself."""
    if not BINARY.exists():
        raise AssertionError(f"{BINARY} is not built; build it or set NCPS_BINARY")
    begin = time.monotonic()
    try:
        run = subprocess.run([str(BINARY), *arguments], env=clean_environment() | environment, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=within)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"still there after {within:g} s: {arguments}\n{error.stdout}\n{error.stderr}") from None
    return Run(run.returncode, run.stdout, run.stderr, time.monotonic() - begin)


@functools.cache
def has_option(name: str) -> bool:
    """Whether this binary knows `ncps serve --name`."""
    return re.search(rf"^ *{name}\b", run_ncps("serve", "--help").out, re.MULTILINE) is not None


def size_of(file: Path) -> int:
    """0, if it is gone."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


@dataclass
class Ncps:
    """A server on a free port. `home` keeps its storage, database and temporary files."""
    home: Path
    upstreams: Sequence[tuple[str, str | None]] = ()  # (URL, public key)
    hostname: str = "cache.example"
    sign: bool = True
    secret_key: Path | None = None
    address: str = "127.0.0.1:0"
    log_level: str = "info"
    more: Sequence[str] = ()
    store: Sequence[str] = ()  # options of another storage than the local one
    environment: dict[str, str] = field(default_factory=dict)
    arguments: Sequence[str] | None = None  # the whole command line instead of all the above
    wrapper: Sequence[str] = ()  # a command that becomes the program in the end
    pass_fds: Sequence[int] = ()

    def __post_init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.lines: list[dict] = []  # of the present process
        self.url = ""
        self._asked = 0
        self._reader: threading.Thread | None = None
        self.bucket: Bucket | None = None
        for folder in (self.home / "storage", self.temp):
            folder.mkdir(parents=True, exist_ok=True)
        if IN_BUCKETS and self.arguments is None and not self.store:
            self.bucket = bucket_of(self.home)
            self.store = self.bucket.options

    @property
    def storage(self) -> Path:
        """The folder of what is kept; where that is in a bucket, a copy of that, as it is now."""
        if self.bucket:
            return self.bucket.copied_to(self.home / "storage")
        return self.home / "storage"

    @property
    def temp(self) -> Path:
        return self.home / "temp"

    @property
    def key_file(self) -> Path:
        return self.storage / "config/cache.key"

    def command(self) -> list[str]:
        if self.arguments is not None:
            return [str(BINARY), *self.arguments]
        store = self.store or [f"--cache-storage-local={self.home / 'storage'}"]
        options = [f"--cache-hostname={self.hostname}", *store,
                   f"--cache-database-url=sqlite:{self.home / 'db.sqlite'}", f"--cache-temp-path={self.temp}",
                   f"--cache-sign-narinfo={'true' if self.sign else 'false'}", f"--server-addr={self.address}"]
        options += [f"--cache-upstream-url={url}" for url, _ in self.upstreams]
        options += [f"--cache-upstream-public-key={key}" for _, key in self.upstreams if key]
        if self.secret_key:
            options.append(f"--cache-secret-key-path={self.secret_key}")
        return [str(BINARY), f"--log-level={self.log_level}", "serve", *options, *self.more]

    # --- life ---

    def start(self, wait: bool = True, within: float = 90) -> "Ncps":
        if not BINARY.exists():
            raise AssertionError(f"{BINARY} is not built; build it or set NCPS_BINARY")
        assert self.process is None, "already running"
        self.lines = []
        self.errors = (self.home / "stderr").open("ab")
        self.process = subprocess.Popen([*self.wrapper, *self.command()], pass_fds=self.pass_fds,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors,
                                        env=clean_environment() | self.environment, preexec_fn=leave_with_parent)
        self._reader = threading.Thread(target=self._collect, args=(self.process, self.lines), daemon=True)
        self._reader.start()
        if wait:
            try:
                self.wait_listening(within)
            except BaseException:
                self.kill9()
                raise
        return self

    def start_quiet(self, within: float = 90) -> "Ncps":
        """Start where no log line tells the port: at a level above info, on the port of `address`."""
        self.start(wait=False)
        self.url = f"http://{self.address}"
        eventually(lambda: not self.refuses_connections(), f"{self.url} answers", within)
        return self

    def wait_listening(self, within: float = 90) -> None:
        line = self.wait_line("listening", within)
        self.url = line["addr"] if line["addr"].startswith("unix:") else f"{'https' if line['tls'] else 'http'}://{line['addr']}"

    def _collect(self, process: subprocess.Popen[bytes], lines: list[dict]) -> None:
        assert process.stdout
        for line in process.stdout:
            try:
                lines.append(json.loads(line))
            except ValueError:
                lines.append({"message": line.decode(errors="replace").rstrip(), "level": "unparsed"})

    def send_signal(self, number: int = signal.SIGTERM) -> None:
        assert self.process
        self.process.send_signal(number)

    def wait(self, within: float = 90) -> int:
        """Waits until it has left; its exit code."""
        assert self.process and self._reader
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"ncps is still there after {within:g} s\n{self.tail()}") from None
        self._reader.join(60)
        assert self.process.stdout
        self.process.stdout.close()
        self.errors.close()
        self.process = None
        return code

    def stop(self, number: int = signal.SIGTERM, within: float = 90) -> int:
        self.send_signal(number)
        return self.wait(within)

    def kill9(self) -> None:
        if self.process:
            self.process.kill()
            self.wait()

    def restart(self) -> "Ncps":
        """A clean stop and a new start on the same storage, on another port."""
        assert self.stop() == 0, self.tail()
        return self.start()

    def __enter__(self) -> "Ncps":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill9()

    # --- what it says ---

    def find_line(self, message: str, **fields: object) -> dict | None:
        wanted = {"message": message} | fields
        return next((line for line in list(self.lines) if wanted.items() <= line.items()), None)

    def count_lines(self, message: str) -> int:
        return sum(line.get("message") == message for line in list(self.lines))

    def caught_up(self) -> None:
        """Waits until `lines` has all that was said before now: a thread of the server writes them, another here reads.
        (Not the line of a request that has just been answered: it is said after the answer.)"""
        self._asked += 1
        target = f"/caught-up-{self._asked}"
        raw.get(self.url, target)
        self.wait_line("handled request", request_uri=target)

    def reload(self, mistakes: int = 0) -> None:
        """SIGHUP, and waits until the new options are in force, or refused for so many mistakes."""
        message = "wrong option, the old ones stay in force" if mistakes else "new options are in force"
        enough = self.count_lines(message) + max(1, mistakes)
        self.send_signal(signal.SIGHUP)
        try:
            eventually(lambda: self.count_lines(message) >= enough, f"an answer to SIGHUP: {message}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    def wait_line(self, message: str, within: float = 60, **fields: object) -> dict:
        assert self.process
        process = self.process
        def look() -> dict | None:
            found = self.find_line(message, **fields)
            if not found and process.poll() is not None:
                assert self._reader
                self._reader.join(60)
                found = self.find_line(message, **fields)
                if not found:
                    raise AssertionError(f"ncps left with {process.returncode} before '{message}'\n{self.tail()}")
            return found
        try:
            return eventually(look, f"log line '{message}' {fields or ''}", within)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    def stderr(self) -> str:
        file = self.home / "stderr"
        return file.read_text(errors="replace") if file.exists() else ""

    def tail(self, count: int = 15) -> str:
        """The last log lines, for the message of a failing test."""
        return "\n".join(map(str, self.lines[-count:])) + "\n" + self.stderr()[-2000:]

    def get(self, path: str, timeout: float = 60) -> bytes:
        answer = raw.get(self.url, path, timeout=timeout)
        assert (answer.status, answer.ending) == (200, raw.COMPLETE), f"{path}: {answer.status} {answer.ending}"
        return answer.body

    def pubkey(self) -> str:
        return self.get("/pubkey").decode()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    # --- what it uses and keeps ---

    def rss(self) -> int:
        """Resident bytes."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(l for l in status.splitlines() if l.startswith("VmRSS")).split()[1]) * 1024

    def anonymous_memory(self) -> list[int]:
        """The addresses at which it begins."""
        assert self.process
        regions = map(str.split, Path(f"/proc/{self.process.pid}/maps").read_text().splitlines())
        return [int(region[0].split("-")[0], 16) for region in regions if len(region) == 5 and region[1] == "rw-p"]

    def descriptors(self) -> int:
        assert self.process
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stored_nars(self) -> dict[str, Path]:
        """What lies in store/nar, by file name."""
        return {f.name: f for f in (self.storage / "store/nar").glob("*/*/*") if f.is_file()}

    def stored_bytes(self) -> int:
        """Of all of them; one may go for want of room meanwhile."""
        return sum(map(size_of, self.stored_nars().values()))

    def refuses_connections(self) -> bool:
        try:
            raw.Connection(self.url, timeout=2).socket.close()
        except TimeoutError:
            return False
        except OSError:
            return True
        return False

    def stored_narinfos(self) -> dict[str, Path]:
        return {f.name: f for f in (self.storage / "store/narinfo").glob("*/*/*") if f.is_file()}

    def temporary_files(self) -> list[Path]:
        """Files in store/tmp and the temp path that the running process does not hold open."""
        # First the files, then who holds them: one that is made between the two looks is not seen.
        files = [f for folder in (self.home / "storage/store/tmp", self.temp) for f in folder.rglob("*")]
        held = set()
        if self.process:
            for fd in Path(f"/proc/{self.process.pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    held.add(os.readlink(fd))
        return [f for f in files if f.is_file() and str(f.resolve()) not in held]

    def wait_stored(self, name: str, within: float = 90) -> Path:
        """Waits until the NAR of that file name is committed."""
        return eventually(lambda: self.stored_nars().get(name), f"{name} is kept\n{self.tail()}", within)

    def wait_at_rest(self, name: str) -> Path:
        """And until its download has ended in every respect: whoever comes before that joins it."""
        file = self.wait_stored(name)
        def transfers() -> list[dict]:
            return json.loads(self.get("/status"))["downloads"]["transfers"]
        eventually(lambda: not any(one["nar"].endswith(name) for one in transfers()), f"the download of {name} has ended")
        return file
