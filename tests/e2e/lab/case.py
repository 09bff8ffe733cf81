"""The TestCase of the end-to-end tests: makes the parts and takes them away again."""
from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from . import raw
from .client import NixClient
from .closure import Cache, hash_of, parse_narinfo, remove_tree
from .ncps import Ncps
from .upstream import Upstream


class LabCase(unittest.TestCase):
    def setUp(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="ncps-e2e-"))
        self.addCleanup(remove_tree, self.home)
        self._made = 0

    def folder(self, name: str) -> Path:
        self._made += 1
        folder = self.home / f"{name}-{self._made}"
        folder.mkdir()
        return folder

    def upstream(self, cache: Cache | Path, **options) -> Upstream:
        server = Upstream(cache if isinstance(cache, Path) else cache.folder, **options).start()
        self.addCleanup(server.stop)
        return server

    def ncps_before_start(self, *upstreams: tuple[Upstream, Cache], **options) -> Ncps:
        pairs = [(server.url, cache.key.public if cache.key else None) for server, cache in upstreams]
        server = Ncps(self.folder("ncps"), upstreams=pairs, **options)
        self.addCleanup(server.kill9)
        return server

    def ncps(self, *upstreams: tuple[Upstream, Cache], **options) -> Ncps:
        return self.ncps_before_start(*upstreams, **options).start()

    def ncps_given(self, *arguments: str, **environment: str) -> Ncps:
        """A running server with exactly this command line."""
        server = Ncps(self.folder("ncps"), arguments=arguments, environment=environment)
        self.addCleanup(server.kill9)
        return server.start()

    def options(self, *upstreams: tuple[Upstream, Cache], **changes: object) -> dict[str, object]:
        """What a configuration file must hold, by key; changes have "__" for "." and "_" for "-"."""
        home = self.folder("options")
        keys = sorted({cache.key.public for _, cache in upstreams if cache.key})
        made = {"cache.hostname": "cache.example", "cache.storage.local": str(home / "storage"),
                "cache.temp-path": str(home / "temp"), "cache.database-url": f"sqlite:{home / 'db.sqlite'}",
                "cache.upstream.urls": [server.url for server, _ in upstreams],
                "cache.upstream.public-keys": keys, "server.addr": "127.0.0.1:0"}
        return made | {name.replace("__", ".").replace("_", "-"): value for name, value in changes.items()}

    def client(self, *keys: str, **settings: str) -> NixClient:
        return NixClient(self.folder("client"), keys, **settings)

    # --- what tests say often ---

    def narinfo_of(self, server: Ncps, path: str) -> dict[str, str]:
        """The narinfo as served; it must be there."""
        answer = raw.get(server.url, narinfo_target(path))
        self.assertEqual((answer.status, answer.ending), (200, raw.COMPLETE), f"{answer.body!r}\n{server.tail()}")
        return parse_narinfo(answer.body.decode())

    def nar_target(self, server: Ncps, path: str) -> str:
        return "/" + self.narinfo_of(server, path)["URL"]

    def assert_whole(self, answer: raw.Answer | raw.Stream, expected: bytes | str) -> None:
        """A complete 200 with those bytes (or that SHA-256)."""
        self.assertEqual((answer.head and answer.head.status, answer.ending), (200, raw.COMPLETE))
        if isinstance(answer, raw.Stream):
            self.assertEqual(answer.sha256, expected)
        else:
            self.assertTrue(answer.body == expected, f"{len(answer.body)} bytes, but not those expected")

    def assert_not_whole(self, server: Ncps, target: str, timeout: float = 60) -> None:
        """A GET is seen to fail: an error status, or a transfer that breaks off."""
        try:
            answer = raw.get(server.url, target, timeout=timeout)
        except raw.Ended as error:
            self.assertNotEqual(error.how, raw.TIMEOUT)
            return
        if answer.status == 200:
            self.assertIn(answer.ending, (raw.SHORT, raw.RESET), server.tail())
        else:
            self.assertIn(answer.status, (500, 502, 503, 504), server.tail())


def narinfo_target(path: str) -> str:
    return f"/{hash_of(path)}.narinfo"
