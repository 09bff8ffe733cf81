"""The fault soak in short, and that its judge sees what it is there to see."""
from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
import unittest
from pathlib import Path
from random import Random

from tests.soak import several
from tests.soak.clients import served_at_once
from tests.soak.faults import KINDS, File, spells
from tests.soak.judge import CORRUPT, FALSE_404, NOT_SERVED, SHORT_BODY, STRANGE, WRONG_BODY, Judge
from tests.soak.soak import soak, visit
from tests.soak.world import World

from .lab import raw
from .lab.case import LabCase, narinfo_target
from .lab.several import Several, Wrong


class ShortSoak(LabCase):
    def test_sixty_runs_of_random_faults_end_without_a_finding(self) -> None:
        outcome = soak(self.folder("ncps"), runs=60, seed=6, clients=30)
        self.assertEqual(outcome.findings, [], "\n".join(map(str, outcome.findings)))
        self.assertEqual(outcome.runs, 60)
        self.assertGreater(len(outcome.met), 15, "too few kinds of faults were met to call this a soak")
        self.assertEqual(outcome.answers["narinfos stored, right where signed"], 60)


class Dice(unittest.TestCase):
    def test_the_same_seed_makes_the_same_faults_and_every_kind_comes(self) -> None:
        file = File("/nar/a", b"data" * 100, b"other", "http://mirror", "http://nowhere")
        def rolled() -> list:
            return [spells(Random(f"seed/{n}"), file) for n in range(1000)]
        self.assertEqual(rolled(), rolled())
        self.assertEqual({spell.kind for made in rolled() for spell in made}, set(KINDS))


class SeveralInstances(unittest.TestCase):
    def test_the_same_seed_makes_the_same_course_and_every_fault_comes_in_each_round(self) -> None:
        for bucket in (True, False):
            course = several.course(7, bucket)
            self.assertEqual([(f.name, n) for f, n in course], [(f.name, n) for f, n in several.course(7, bucket)])
            faults = {f.name for f in several.FAULTS} | ({f.name for f in several.OF_A_BUCKET} if bucket else set())
            self.assertEqual({f.name for f, _ in course[:len(faults)]}, faults)
            self.assertEqual({n for _, n in course}, {0, 1, 2})

    def test_wrong_bytes_and_a_false_404_are_never_taken_for_a_failure(self) -> None:
        class Known(Several):
            def __init__(self) -> None:
                pass

            def digest(self, path: str) -> str:
                return hashlib.sha256(b"right").hexdigest()

        def stream(status: int, body: bytes, ending: str = raw.COMPLETE) -> raw.Stream:
            made = raw.Stream("http://127.0.0.1:1", "/")
            made.head, made.ending, made._digest = raw.Head(status, "", []), ending, hashlib.sha256(body)
            return made

        for good in (stream(200, b"right"), stream(200, b"rig", raw.SHORT), stream(503, b"x")):
            Known().judge("path", good)
        for bad in (stream(200, b"wrong"), stream(200, b"rig"), stream(404, b"")):
            with self.assertRaises(Wrong):
                Known().judge("path", bad)


class Liar:
    """A proxy as it must not be: what it gets of the first upstream it hands on as if it were all."""

    def __init__(self, upstream: str) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, body = 404, b""
                try:
                    answer = raw.get(upstream, self.path, timeout=1)
                    if answer.status == 200:
                        status, body = 200, answer.body
                except (raw.Ended, OSError):
                    pass
                with contextlib.suppress(ConnectionError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    if self.command == "GET":
                        self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class JudgeSees(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.world = World.of(60, seed=1)
        self.world.__enter__()
        self.addCleanup(self.world.__exit__)
        self.judge = Judge(self.world)
        self.path = self.world.paths[7]
        self.name = self.world.places[0].cache.nar_url(self.path).removeprefix("/nar/")
        self.bytes = self.world.places[0].cache.nar_bytes(self.path)

    def kinds(self) -> list[str]:
        return [finding.kind for finding in self.judge.findings]

    def answer(self, body: bytes, status: int = 200, **headers: str) -> raw.Answer:
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return raw.Answer(raw.Head(status, "", fields), body, raw.COMPLETE)

    def test_a_proxy_that_lies_is_found_out(self) -> None:
        self.world.bewitch()
        liar = Liar(self.world.places[0].server.url)
        self.addCleanup(liar.stop)
        visit(self.world, self.judge, liar.url, clients=20)
        self.assertLessEqual({SHORT_BODY, WRONG_BODY, FALSE_404}, set(self.kinds()))

    def test_an_honest_server_gives_no_finding(self) -> None:
        url = self.world.places[0].mirror.url
        visit(self.world, self.judge, url, clients=20)
        self.assertTrue(all(served_at_once(self.judge, url, path) for path in self.world.paths))
        self.assertEqual(self.judge.findings, [])

    def test_what_is_not_there_after_the_faults_is_found(self) -> None:
        server = self.world.places[0].server
        server.fault(self.path[11:43] + ".narinfo", status=500)
        self.assertFalse(served_at_once(self.judge, server.url, self.path))
        self.assertIn(NOT_SERVED, self.kinds())

    def test_short_wrong_and_exchanged_bodies_are_found(self) -> None:
        other = self.world.places[0].cache.nar_bytes(self.world.paths[8])
        for body in (self.bytes[:-1], self.bytes + b"x", other, b""):
            self.judge.whole_nar(self.path, self.name, self.answer(body))
        self.assertEqual(self.kinds(), [SHORT_BODY, WRONG_BODY, WRONG_BODY, SHORT_BODY])

    def test_wrong_parts_are_found(self) -> None:
        size = len(self.bytes)
        def part(body: bytes, first: int, last: int) -> raw.Answer:
            return self.answer(body, 206, Content_Range=f"bytes {first}-{last}/{size}")
        self.judge.part(self.path, self.name, part(self.bytes[10:20], 10, 19), "10-19")
        self.assertEqual(self.kinds(), [])
        self.judge.part(self.path, self.name, part(self.bytes[11:21], 10, 19), "10-19")
        self.judge.part(self.path, self.name, part(self.bytes[10:19], 10, 19), "10-19")
        self.assertEqual(self.kinds(), [WRONG_BODY, SHORT_BODY])

    def test_a_404_that_nobody_said_is_found(self) -> None:
        target = narinfo_target(self.path)
        for place in self.world.places:
            place.server.fault(target, status=404)
        for place in self.world.places:
            self.judge.narinfo(self.path, self.answer(b"", 404))
            raw.get(place.server.url, target)
        self.assertEqual(self.kinds(), [FALSE_404] * 3)
        self.judge.narinfo(self.path, self.answer(b"", 404))
        self.assertEqual(len(self.kinds()), 3, "all have said it now")

    def test_a_narinfo_with_another_reference_is_found(self) -> None:
        text = next(iter(self.world.texts(self.path)))
        self.assertIsNotNone(self.judge.narinfo(self.path, self.answer(text)))
        self.judge.narinfo(self.path, self.answer(text.replace(b"NarSize: ", b"NarSize: 1")))
        self.assertEqual(self.kinds(), [WRONG_BODY])

    def test_statuses_without_sense_are_found(self) -> None:
        for status in (500, 503, 400, 204):
            self.judge.whole_nar(self.path, self.name, self.answer(b"", status))
        self.assertEqual(self.kinds(), [STRANGE] * 4)

    def test_spoiled_files_in_the_store_are_found(self) -> None:
        folder = self.folder("store")
        def file(name: str, body: bytes) -> dict[str, Path]:
            (folder / name).write_bytes(body)
            return {name: folder / name}
        self.judge.stored(file(self.name, self.bytes), {})
        self.assertEqual(self.kinds(), [])
        self.judge.stored(file(self.name, self.bytes[:-1]), {})
        self.judge.stored(file("stranger.nar.xz", self.bytes), {})
        self.judge.stored({}, file(narinfo_target(self.path)[1:], b"StorePath: nothing\n"))
        self.assertEqual(self.kinds(), [CORRUPT] * 3)


if __name__ == "__main__":
    unittest.main()
