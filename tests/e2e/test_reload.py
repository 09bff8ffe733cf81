"""SIGHUP: new options are taken as a whole and at once, or not at all, and nothing that runs is disturbed."""
from __future__ import annotations

import hashlib
import json
import signal
import threading
import unittest

from .lab import closure, config_file, raw
from .lab.case import LabCase, narinfo_target
from .lab.closure import Cache, signing_key
from .lab.faults import Gate
from .lab.ncps import Ncps
from .lab.upstream import Upstream
from .lab.waiting import eventually


class ReloadCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.small()
        self.cache = self.made.cache()
        self.server = self.upstream(self.cache)

    def start(self, *upstreams: tuple[Upstream, Cache], **changes: object) -> Ncps:
        """A server with all its options in a file."""
        self.now = self.options(*(upstreams or [(self.server, self.cache)]), **changes)
        self.file = config_file.write(self.folder("files") / "ncps.yaml", self.now)
        return self.ncps_given("--config", str(self.file), "serve")

    def change(self, proxy: Ncps, mistakes: int = 0, **changes: object) -> None:
        """Other options in the file, and a reload."""
        self.now |= {name.replace("__", ".").replace("_", "-"): value for name, value in changes.items()}
        config_file.write(self.file, self.now)
        proxy.reload(mistakes)

    def signed_by_us(self, proxy: Ncps, path: str) -> bool:
        return "cache.example:" in self.narinfo_of(proxy, path)["Sig"]

    def status(self, proxy: Ncps, path: str) -> int:
        return raw.get(proxy.url, narinfo_target(path)).status


class Taken(ReloadCase):
    def test_a_new_upstream_is_asked_from_the_next_miss_on(self) -> None:
        nobody = self.upstream(self.folder("empty"))
        proxy = self.start((nobody, self.cache))
        self.assertEqual(self.status(proxy, self.made.root), 404)
        self.change(proxy, cache__upstream__urls=[nobody.url, self.server.url])
        path = self.made.paths[0]
        self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, path)), self.cache.nar_bytes(path))
        self.assertEqual(self.status(proxy, self.made.root), 200)

    def test_an_upstream_that_is_gone_from_the_file_is_asked_no_more(self) -> None:
        proxy = self.start()
        nobody = self.upstream(self.folder("empty"))
        self.change(proxy, cache__prefetch=["off"])  # or its references would be here already
        self.narinfo_of(proxy, self.made.root)
        self.change(proxy, cache__upstream__urls=[nobody.url])
        self.server.forget()
        self.assertEqual(self.status(proxy, self.made.paths[0]), 404)
        self.assertEqual(self.server.requests(), [])

    def test_what_only_a_removed_key_has_signed_is_gone_at_once_also_from_memory(self) -> None:
        other = closure.single(0.01, "other")
        other_cache = other.cache(key=signing_key("other.example-1"))
        other_server = self.upstream(other_cache)
        proxy = self.start((self.server, self.cache), (other_server, other_cache))
        for path in (self.made.root, other.root):
            for _ in range(3):
                self.narinfo_of(proxy, path)
        both = self.now["cache.upstream.public-keys"]
        self.change(proxy, cache__upstream__public_keys=[self.cache.key.public])
        self.assertNotEqual(self.status(proxy, other.root), 200)
        self.assertEqual(self.status(proxy, self.made.root), 200)
        for server in (self.server, other_server):
            server.stop()
        self.assertNotEqual(self.status(proxy, other.root), 200, "nor without upstreams")
        self.change(proxy, cache__upstream__public_keys=both)
        other_server.start()
        self.narinfo_of(proxy, other.root)

    def test_signing_is_switched_at_once_also_for_what_is_in_memory(self) -> None:
        proxy = self.start()
        for signing in (True, False, True):
            if signing != self.signed_by_us(proxy, self.made.root):
                self.change(proxy, cache__sign_narinfo=signing)
            for path in (self.made.root, self.made.paths[0], self.made.root):
                self.assertEqual(self.signed_by_us(proxy, path), signing)
                self.assertIn(self.cache.narinfo(path)["Sig"], self.narinfo_of(proxy, path)["Sig"])

    def test_the_log_level_is_switched_both_ways(self) -> None:
        proxy = self.start()
        self.now["log.level"] = "warn"
        self.now["cache.sign-narinfo"] = False  # which is seen when the new options are in force
        config_file.write(self.file, self.now)
        proxy.send_signal(signal.SIGHUP)
        eventually(lambda: not self.signed_by_us(proxy, self.made.root), "the new options are in force")
        proxy.get("/pubkey")
        self.change(proxy, log__level="info")
        proxy.get("/nix-cache-info")
        loud = eventually(lambda: [l["request_uri"] for l in proxy.lines if l.get("request_uri") in ("/pubkey", "/nix-cache-info")],
                          "a line of the request")
        self.assertEqual(loud, ["/nix-cache-info"])

    def test_a_netrc_file_takes_effect(self) -> None:
        guarded = self.upstream(self.cache, auth="user:right")
        proxy = self.start((guarded, self.cache))
        self.assertEqual(self.status(proxy, self.made.root), 502)
        netrc = self.home / "netrc"
        netrc.write_text("machine 127.0.0.1 login user password right\n")
        self.change(proxy, cache__netrc_file=str(netrc))
        self.assertEqual(self.status(proxy, self.made.root), 200)

    def test_the_variables_of_the_start_still_go_before_the_file(self) -> None:
        self.now = self.options((self.server, self.cache))
        self.file = config_file.write(self.folder("files") / "ncps.yaml", self.now)
        proxy = self.ncps_given("--config", str(self.file), "serve", CACHE_SIGN_NARINFO="false")
        self.change(proxy, cache__sign_narinfo=True)
        self.assertFalse(self.signed_by_us(proxy, self.made.root))

    def test_warnings_are_said_again(self) -> None:
        proxy = self.start()
        self.change(proxy, cache__cdc__enabled=True)
        self.assertTrue(any("no effect" in line["message"] for line in proxy.lines if line["level"] == "warn"))


class Refused(ReloadCase):
    def refusals(self, proxy: Ncps) -> list[str]:
        return [line["mistake"] for line in proxy.lines if "mistake" in line]

    def test_a_bad_file_is_refused_as_a_whole_and_a_good_one_after_it_is_taken(self) -> None:
        proxy = self.start()
        self.change(proxy, mistakes=2, cache__sign_narinfo=False, cache__upstream__urls=[], log__level="loud")
        said = self.refusals(proxy)
        self.assertEqual(len(said), 2, said)
        self.assertTrue(any("--log-level 'loud'" in line and str(self.file) in line for line in said), said)
        self.assertTrue(any("--cache-upstream-url is missing" in line for line in said), said)
        self.assertTrue(self.signed_by_us(proxy, self.made.root), "nothing of a bad file is in force")
        self.change(proxy, cache__sign_narinfo=False, cache__upstream__urls=[self.server.url], log__level="info")
        self.assertFalse(self.signed_by_us(proxy, self.made.root))

    def test_a_file_that_is_broken_or_gone_changes_nothing(self) -> None:
        proxy = self.start()
        self.file.write_text("cache: [\n")
        proxy.reload(mistakes=1)  # the file: what is missing may stand there
        self.file.unlink()
        proxy.reload(mistakes=1)
        self.assertTrue(any(str(self.file) in line for line in self.refusals(proxy)))
        self.assertEqual(self.status(proxy, self.made.root), 200)
        self.change(proxy, cache__sign_narinfo=False)
        self.assertFalse(self.signed_by_us(proxy, self.made.root))

    def test_what_a_start_would_refuse_together_is_refused(self) -> None:
        proxy = self.start()
        self.change(proxy, mistakes=1, cache__redis__addrs="127.0.0.1:1")
        self.assertIn("cannot share SQLite", self.refusals(proxy)[0])

    def test_a_new_password_of_redis_needs_a_restart_and_is_not_shown(self) -> None:
        proxy = self.start()
        self.change(proxy, cache__redis__password="a password that nobody asks for")
        self.assertIn("--cache-redis-password", str(proxy.lines))
        self.assertNotIn("nobody asks for", str(proxy.lines))

    def test_what_needs_a_restart_is_named_and_stays(self) -> None:
        proxy = self.start()
        storage = self.home / "another storage"
        self.change(proxy, cache__hostname="new.example", cache__storage__local=str(storage),
                    server__addr="127.0.0.1:1", cache__sign_narinfo=False)
        named = {line["option"] for line in proxy.lines if line["message"] == "a new value needs a restart"}
        self.assertEqual(named, {"--cache-hostname", "--cache-storage-local", "--server-addr"})
        self.assertEqual(json.loads(proxy.get("/"))["hostname"], "cache.example")
        self.assertFalse(self.signed_by_us(proxy, self.made.root), "the rest is in force")
        self.assertFalse(storage.exists())

    def test_what_needs_a_restart_is_named_until_it_is_taken_back(self) -> None:
        proxy = self.start()
        def named() -> int:
            return proxy.count_lines("a new value needs a restart")
        self.change(proxy, cache__hostname="new.example")
        self.assertEqual(named(), 1)
        self.change(proxy)
        self.assertEqual(named(), 2, "the running server still has the old name")
        self.change(proxy, cache__hostname="cache.example")
        self.assertEqual(named(), 2, "what is in force is in the file again")


class Undisturbed(ReloadCase):
    def held(self, proxy: Ncps, path: str, gate: Gate) -> raw.Stream:
        """A client in the middle of a NAR that the upstream holds back."""
        stream = raw.Stream(proxy.url, self.nar_target(proxy, path)).start()
        self.assertTrue(gate.reached.wait(60))
        eventually(lambda: stream.count > 0, "the first bytes")
        return stream

    def test_transfers_in_flight_complete_although_their_upstream_is_gone_from_the_file(self) -> None:
        made = closure.single(4, "in flight")
        cache = made.cache("zstd")
        server, nobody = self.upstream(cache), self.upstream(self.folder("empty"))
        gate = Gate()
        server.fault(cache.nar_url(made.root), gate=gate, gate_at=1_000_000)
        proxy = self.start((server, cache))
        streams = [self.held(proxy, made.root, gate) for _ in range(3)]
        self.change(proxy, cache__upstream__urls=[nobody.url], cache__sign_narinfo=False)
        late = raw.Stream(proxy.url, streams[0].target).start()  # joins the download that runs
        eventually(lambda: late.count > 0, "the first bytes")
        gate.open()
        digest = hashlib.sha256(cache.nar_bytes(made.root)).hexdigest()
        for stream in (*streams, late):
            self.assert_whole(stream.join(), digest)

    def test_a_transfer_that_breaks_after_a_reload_is_resumed(self) -> None:
        made = closure.single(4, "resumed after reload")
        cache = made.cache("zstd")
        server = self.upstream(cache)
        name, gate = cache.nar_url(made.root), Gate()
        server.fault(name, times=1, gate=gate, gate_at=1_000_000, cut_at=2_000_000)
        proxy = self.start((server, cache))
        stream = self.held(proxy, made.root, gate)
        self.change(proxy, cache__sign_narinfo=False)
        gate.open()
        self.assert_whole(stream.join(), hashlib.sha256(cache.nar_bytes(made.root)).hexdigest())

    def test_fifty_reloads_under_load_give_only_right_answers(self) -> None:
        made = closure.many(60)
        cache = made.cache()
        first, second = self.upstream(cache), self.upstream(cache)
        proxy = self.start((first, cache))
        done, wrong, rounds = threading.Event(), [], [0] * 6

        def ask(number: int) -> None:
            with raw.Connection(proxy.url) as connection:
                while not done.is_set() or rounds[number] == 0:
                    for path in made.paths[number::len(rounds)] + [made.root]:
                        answer = connection.ask("GET", narinfo_target(path))
                        wanted = cache.narinfo(path)
                        got = closure.parse_narinfo(answer.body.decode())
                        if answer.status != 200 or any(got.get(k) != wanted[k] for k in ("NarHash", "URL", "StorePath")):
                            wrong.append((path, answer.status, answer.body))
                            continue
                        nar = connection.ask("GET", "/" + got["URL"])
                        if (nar.status, nar.ending) != (200, raw.COMPLETE) or nar.body != cache.nar_bytes(path):
                            wrong.append((path, nar.status, nar.ending, nar.body[:100]))
                    rounds[number] += 1

        def guarded(number: int) -> None:
            try:
                ask(number)
            except Exception as error:
                wrong.append(repr(error))

        threads = [threading.Thread(target=guarded, args=(number,)) for number in range(len(rounds))]
        for thread in threads:
            thread.start()
        try:
            for number in range(50):
                if number % 5 == 4:
                    self.change(proxy, mistakes=1, log__level="loud")
                    self.now["log.level"] = "info"
                else:
                    urls = [server.url for server in ((first, second), (second, first), (second,))[number % 3]]
                    self.change(proxy, cache__upstream__urls=urls, cache__sign_narinfo=number % 2 == 0)
        finally:
            done.set()
            for thread in threads:
                thread.join(60)
        self.assertEqual(wrong[:3], [], proxy.tail())
        self.assertTrue(all(rounds))
        self.assertEqual(proxy.stop(), 0)

    def test_signals_that_come_faster_than_they_are_dealt_with_do_no_harm(self) -> None:
        proxy = self.start()
        for _ in range(200):
            proxy.send_signal(signal.SIGHUP)
        self.change(proxy, cache__sign_narinfo=False)
        eventually(lambda: not self.signed_by_us(proxy, self.made.root), "the last of them counts")
        self.assertEqual(proxy.stop(), 0)

    def test_a_reload_that_is_asked_for_while_it_stops_does_no_harm(self) -> None:
        made = closure.single(4, "stopping")
        cache = made.cache("zstd")
        server, gate = self.upstream(cache), Gate()
        server.fault(cache.nar_url(made.root), gate=gate, gate_at=1_000_000)
        proxy = self.start((server, cache))
        stream = self.held(proxy, made.root, gate)
        proxy.send_signal()
        eventually(proxy.refuses_connections, "it drains")
        proxy.send_signal(signal.SIGHUP)
        gate.open()
        self.assert_whole(stream.join(), hashlib.sha256(cache.nar_bytes(made.root)).hexdigest())
        self.assertEqual(proxy.wait(), 0)


if __name__ == "__main__":
    unittest.main()
