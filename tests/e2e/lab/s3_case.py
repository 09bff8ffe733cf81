"""The base of tests whose server has a bucket of a real S3 server as its storage."""
from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from . import closure, raw, s3_gateway
from .case import LabCase
from .closure import Cache, hash_of
from .ncps import Ncps
from .upstream import Upstream
from .waiting import eventually
from .wire_proxy import WireProxy


def nar_key(url: str) -> str:
    """Where the NAR of that URL lies: store/nar/h/ha/<name>."""
    name = url.rpartition("/")[2]
    return f"store/nar/{name[0]}/{name[:2]}/{name}"


def narinfo_key(path: str) -> str:
    digest = hash_of(path)
    return f"store/narinfo/{digest[0]}/{digest[:2]}/{digest}.narinfo"


class S3Case(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.place = s3_gateway.shared()
        self.s3 = self.place.client()
        self.bucket = self.place.new_bucket()

    def store(self, url: str | None = None, **changes: str) -> list[str]:
        """The options of our bucket."""
        said = {"bucket": self.bucket, "endpoint": url or self.place.url, "region": "us-east-1",
                "access-key-id": self.place.access_key, "secret-access-key": self.place.secret_key} | changes
        return [f"--cache-storage-s3-{name.replace('_', '-')}={value}" for name, value in said.items()]

    def s3_ncps(self, *upstreams: tuple[Upstream, Cache], url: str | None = None, **options) -> Ncps:
        return self.ncps(*upstreams, store=self.store(url), **options)

    def wire(self) -> WireProxy:
        """Between the server and the S3 server."""
        parts = urlsplit(self.place.url)
        proxy = WireProxy(parts.hostname, parts.port).start()
        self.addCleanup(proxy.stop)
        return proxy

    def wait_kept(self, *keys: str, within: float = 90) -> None:
        eventually(lambda: set(keys) <= set(self.s3.keys(self.bucket)), f"{keys} are in the bucket", within)

    def single(self, megabytes: float) -> None:
        """A path with a NAR of that size, its upstream, and what is expected."""
        self.made = closure.single(megabytes)
        self.cache = self.made.cache("zstd")
        self.up = self.upstream(self.cache)
        self.name = self.cache.nar_url(self.made.root)
        self.file = self.cache.folder / self.name.lstrip("/")
        with self.file.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    def serve_kept(self, proxy: WireProxy, **options) -> Ncps:
        """A server behind `proxy` whose NAR is in the bucket, and whose upstream is gone."""
        server = self.s3_ncps((self.up, self.cache), url=proxy.url, **options)
        target = self.nar_target(server, self.made.root)

        def read_from_there() -> bool:
            proxy.requests.clear()
            self.assert_whole(raw.Stream(server.url, target).start().join(), self.sha256)
            return any(method == "GET" and "store/nar" in asked for method, asked in proxy.requests)

        server.wait_line("NAR stored", 60)
        eventually(read_from_there, "it is read from the bucket")
        self.up.stop()
        return server
