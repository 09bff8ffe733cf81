"""Two instances with one folder, one database and one Redis take the same narinfo at the same moment."""
from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from .lab import raw
from .lab.closure import hash_of, signing_key
from .lab.database import DatabaseServer
from .lab.mariadb import MariaDb
from .lab.ncps import Ncps
from .lab.postgres import Postgres
from .lab.redis import RedisServer
from .test_upload import PUT, UploadCase, fresh

SIGNERS = 20


class TwoThatTakeOneNarInfo:
    server_class: type[DatabaseServer]

    def setUp(self) -> None:
        super().setUp()
        self.database = self.server_class()
        self.addCleanup(self.database.close)
        self.redis = RedisServer()
        self.addCleanup(self.redis.close)
        self.up = self.upstream(self.elsewhere)
        self.shared = self.folder("shared")

    def instance(self) -> Ncps:
        return self.ncps((self.up, self.elsewhere), store=[f"--cache-storage-local={self.shared}"], more=[
            PUT, f"--cache-database-url={self.database.url}", "--server-drain-delay=0", *self.redis.flags()])

    def kept_row(self, path: str) -> str:
        return self.database.ask(f"SELECT content FROM narinfos WHERE hash = '{hash_of(path)}'", "ncps")

    def kept_file(self, path: str) -> str:
        name = hash_of(path)
        return (self.shared / f"store/narinfo/{name[0]}/{name[:2]}/{name}.narinfo").read_text()

    def signers(self, text: str) -> set[str]:
        return set(re.findall(r"Sig: (signer-\d+):", text))

    def test_twenty_who_sign_one_path_each_with_another_key_lose_no_signature(self) -> None:
        both = [self.instance(), self.instance()]
        made = fresh("signed-by-many", 100_000)
        path = made.paths[0]
        # Each has the path, signed by itself alone, and sends it.
        pairs = [self.pair(made, key=signing_key(f"signer-{n}")) for n in range(SIGNERS)]
        target, _, nar_target, bytes_ = pairs[0]
        self.assertEqual(204, self.put(both[0], nar_target, bytes_).status)
        with ThreadPoolExecutor(SIGNERS) as pool:
            answers = list(pool.map(lambda n: self.put(both[n % 2], target, pairs[n][1]).status, range(SIGNERS)))
        self.assertEqual({204}, set(answers))
        everybody = {f"signer-{n}" for n in range(SIGNERS)}
        self.assertEqual(everybody, self.signers(self.kept_file(path)))
        self.assertEqual(everybody, self.signers(self.kept_row(path)))
        # What a client is given that has not asked before, by each of them.
        for server in both:
            server.restart()
            self.assertEqual(everybody, self.signers(raw.get(server.url, target).body.decode()))


class OnPostgres(TwoThatTakeOneNarInfo, UploadCase):
    server_class = Postgres


class OnMariaDb(TwoThatTakeOneNarInfo, UploadCase):
    server_class = MariaDb
