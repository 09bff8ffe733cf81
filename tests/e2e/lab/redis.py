"""Real Redis servers on loopback, each in a folder of its own: alone, with ACL, with TLS, as a cluster.

    with RedisServer() as redis:                        # nobody needs a password
        ncps("--cache-redis-addrs", redis.address)
    RedisServer(user="ncps", password="s3cret")         # ACL: this user, for keys and channels of ncps:lock: alone
    RedisServer(tls=authority().sign("DNS:localhost"))  # TLS alone, on the port that `address` names
    with RedisCluster() as cluster:                     # 3 masters, each with a replica
        ncps(*cluster.flags())

What a server keeps is in memory: a killed one has lost it when it starts again.
"""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from .ncps import leave_with_parent
from .ports import LAST, free_port, take
from .tls import Authority, Certificate
from .waiting import eventually

PATIENCE = 180  # seconds, on a busy machine


def cluster_port() -> int:
    """A free port whose cluster bus (port + 10000) is such a port, too."""
    while True:
        port = free_port()
        if port + 10_000 <= LAST and take(port + 10_000):
            return port


class RedisServer:
    """Starts when it is made. `close` leaves nothing."""

    def __init__(self, user: str = "", password: str = "", tls: Certificate | None = None, port: int = 0,
                 options: tuple[str, ...] = ()) -> None:
        self.user, self.password, self.tls = user, password, tls
        self.port = port or free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="ncps-redis-"))
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "RedisServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        return f"{'localhost' if self.tls else '127.0.0.1'}:{self.port}"

    def flags(self) -> list[str]:
        """What ncps needs to be told to use it, but for the CA file."""
        given = [f"--cache-redis-addrs={self.address}"]
        given += [f"--cache-redis-username={self.user}"] if self.user else []
        given += [f"--cache-redis-password={self.password}"] if self.password else []
        return given + (["--cache-redis-use-tls"] if self.tls else [])

    # --- life ---

    def start(self) -> None:
        """Listens when it returns, on the same port as before."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(["redis-server", *self._arguments()], stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, cwd=self.folder, preexec_fn=leave_with_parent)
        eventually(lambda: self._process.poll() is not None or self.answers(), "Redis answers", PATIENCE)
        assert self._process.poll() is None, (self.folder / "log").read_text()

    def kill9(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Takes connections, which the kernel does for it, and says nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the administrator ---

    def ask(self, *command: str) -> str:
        """What redis-cli prints, without the last newline."""
        told = subprocess.run([*self._cli(), *command], capture_output=True, text=True, timeout=PATIENCE,
                              env=os.environ | {"REDISCLI_AUTH": self.password} if self.password else None)
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout.removesuffix("\n")

    def answers(self) -> bool:
        told = subprocess.run([*self._cli(), "PING"], capture_output=True, text=True, timeout=PATIENCE)
        return "PONG" in told.stdout or "NOAUTH" in told.stdout

    def keys(self) -> list[str]:
        return sorted(self.ask("KEYS", "*").splitlines())

    def _cli(self) -> list[str]:
        command = ["redis-cli", "-p", str(self.port)]
        if self.tls:
            return [*command, "-h", "localhost", "--tls", "--insecure"]
        return [*command, "-h", "127.0.0.1"]

    def _arguments(self) -> list[str]:
        given = ["--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        if self.tls:
            given += ["--port", "0", "--tls-port", str(self.port), "--tls-cert-file", str(self.tls.file),
                      "--tls-key-file", str(self.tls.key), "--tls-auth-clients", "no",
                      "--tls-ca-cert-file", str(self.tls.file)]
        else:
            given += ["--port", str(self.port)]
        if self.user:
            users = self.folder / "users.acl"
            users.write_text(f"user {self.user} on >{self.password} ~ncps:lock:* &ncps:lock:* +@all -@dangerous +info\n"
                             f"user default on >{self.password} ~* &* +@all\n")
            given += ["--aclfile", str(users)]
        elif self.password:
            given += ["--requirepass", self.password]
        return [*given, *self._options]


class RedisCluster:
    """`masters` masters with a replica each. `nodes` holds them all; `master_of` says who has a key now."""

    def __init__(self, masters: int = 3, node_timeout_ms: int = 1000, authority: Authority | None = None) -> None:
        """With an authority: TLS alone, between the nodes, too. They announce the name that their certificate is for."""
        self.nodes: list[RedisServer] = []
        tls = authority.sign("DNS:localhost") if authority else None
        more = ("--tls-cluster", "yes", "--tls-replication", "yes", "--tls-ca-cert-file", str(authority.file),
                "--cluster-announce-hostname", "localhost",
                "--cluster-preferred-endpoint-type", "hostname") if authority else ()
        try:
            for _ in range(2 * masters):
                self.nodes.append(RedisServer(port=cluster_port(), tls=tls, options=(
                    "--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout_ms),
                    "--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0", *more)))
            # They meet by address: redis-cli does not resolve names for them.
            subprocess.run(["redis-cli", *(["--tls", "--insecure"] if tls else []), "--cluster", "create",
                            *(f"127.0.0.1:{node.port}" for node in self.nodes), "--cluster-replicas", "1",
                            "--cluster-yes"], check=True, capture_output=True, timeout=PATIENCE)
            eventually(self._is_whole, "the cluster is whole", PATIENCE, every=0.1)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "RedisCluster":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def flags(self) -> list[str]:
        given = [f"--cache-redis-addrs={','.join(node.address for node in self.nodes)}"]
        return given + (["--cache-redis-use-tls"] if self.nodes[0].tls else [])

    def master_of(self, key: str) -> RedisServer:
        """Asks those that answer, until they name one that does."""
        return eventually(lambda: self._master_of(key), f"somebody has {key}", PATIENCE)

    def _master_of(self, key: str) -> RedisServer | None:
        node = next(node for node in self.nodes if node.answers())
        slot = int(node.ask("CLUSTER", "KEYSLOT", key))
        for line in node.ask("CLUSTER", "NODES").splitlines():
            _, address, flags, *_ = line.split()
            ranges = [part.split("-") for part in line.split()[8:] if not part.startswith("[")]
            if "master" in flags and "fail" not in flags and any(
                    int(r[0]) <= slot <= int(r[-1]) for r in ranges):
                port = int(address.split("@")[0].rsplit(":", 1)[1])
                return next((node for node in self.nodes if node.port == port and node.answers()), None)
        return None

    def is_ok(self) -> bool:
        """Every slot is served, as those see it that answer."""
        return all("cluster_state:ok" in node.ask("CLUSTER", "INFO") for node in self.nodes if node.answers())

    def close(self) -> None:
        for node in self.nodes:
            node.close()

    def _is_whole(self) -> bool:
        return self.is_ok() and all(
            "role:master" in node.ask("INFO", "replication") or "master_link_status:up" in node.ask("INFO", "replication")
            for node in self.nodes) and all(
            sum("slave" in line for line in node.ask("CLUSTER", "NODES").splitlines()) * 2 == len(self.nodes)
            for node in self.nodes)
