"""Real Nix clients, with empty stores, that trust only the key of the proxy."""
from __future__ import annotations

import unittest

from .lab import closure, nar
from .lab.case import LabCase, narinfo_target
from .lab.upstream import Upstream


def objects(server: Upstream) -> list[str]:
    """What was asked of the upstream, without nix-cache-info."""
    return [r.path for r in server.requests() if not r.path.endswith("nix-cache-info")]


class RealClient(LabCase):
    def test_a_cold_closure_arrives_whole_and_signed_in_every_compression(self) -> None:
        made = closure.small()
        for compression in closure.COMPRESSIONS:
            with self.subTest(compression):
                cache = made.cache(compression)
                proxy = self.ncps((self.upstream(cache), cache))
                client = self.client(proxy.pubkey())
                client.copy(proxy.url, made.root)
                client.verify(made.root)
                for path in made.paths:
                    self.assertEqual(client.nar_hash(path), nar.hash_and_size(made.store / path.lstrip("/"))[0])
                self.assertTrue((client.physical(made.paths[0]) / "bin/hi").is_symlink())
                self.assertEqual(proxy.stop(), 0)

    def test_the_next_client_costs_no_upstream_request_and_needs_no_upstream(self) -> None:
        made = closure.small()
        for compression in ("xz", "none"):
            with self.subTest(compression):
                cache = made.cache(compression)
                server = self.upstream(cache)
                proxy = self.ncps((server, cache))
                self.client(proxy.pubkey()).copy(proxy.url, made.root)
                server.forget()
                self.client(proxy.pubkey()).copy(proxy.url, made.root)
                self.assertEqual(objects(server), [])
                server.stop()
                last = self.client(proxy.pubkey())
                last.copy(proxy.url, made.root)
                last.verify(made.root)

    def test_what_was_fetched_is_served_after_a_restart_without_the_upstream(self) -> None:
        made = closure.small()
        cache = made.cache()
        server = self.upstream(cache)
        proxy = self.ncps((server, cache))
        self.client(proxy.pubkey()).copy(proxy.url, made.root)
        server.stop()
        proxy.restart()
        client = self.client(proxy.pubkey())
        client.copy(proxy.url, made.root)
        client.verify(made.root)

    def test_substitution_as_in_a_build_works(self) -> None:
        made = closure.small()
        cache = made.cache()
        proxy = self.ncps((self.upstream(cache), cache))
        client = self.client(proxy.pubkey())
        client.realise(proxy.url, made.root)
        client.verify(made.root)

    def test_a_hundred_paths_cost_one_upstream_request_for_each_narinfo_and_nar(self) -> None:
        made = closure.many(100)
        cache = made.cache("zstd")
        server = self.upstream(cache)
        proxy = self.ncps((server, cache))
        client = self.client(proxy.pubkey())
        client.realise(proxy.url, made.root)
        client.verify(made.root)
        asked = [r.path for r in server.requests(method="GET") if r.path != "/nix-cache-info"]
        wanted = [narinfo_target(p) for p in made.paths] + [cache.nar_url(p) for p in made.paths]
        self.assertEqual(sorted(asked), sorted(wanted))

    def test_a_client_refuses_what_is_not_signed_with_a_key_it_trusts(self) -> None:
        made = closure.small()
        cache = made.cache()
        proxy = self.ncps((self.upstream(cache), cache))
        client = self.client(closure.signing_key("stranger-1").public)
        self.assertNotEqual(client.try_copy(proxy.url, made.root).returncode, 0)
        self.assertFalse(client.has(made.root))


class Signatures(LabCase):
    def signers(self, sign: bool) -> tuple[list[str], str]:
        """Names of the keys in the narinfo as served, and all of its Sig values."""
        made = closure.small()
        cache = made.cache()
        proxy = self.ncps((self.upstream(cache), cache), sign=sign)
        signatures = self.narinfo_of(proxy, made.root)["Sig"]
        return [s.partition(":")[0] for s in signatures.split()], signatures

    def test_our_signature_is_added_once_and_that_of_the_upstream_is_kept(self) -> None:
        names, signatures = self.signers(sign=True)
        self.assertEqual(sorted(names), sorted(["cache.example", closure.UPSTREAM_KEY_NAME]))
        self.assertIn(closure.small().cache().narinfo(closure.small().root)["Sig"], signatures)

    def test_without_signing_only_the_upstream_signs(self) -> None:
        self.assertEqual(self.signers(sign=False)[0], [closure.UPSTREAM_KEY_NAME])

    def test_a_client_may_trust_the_key_of_the_upstream_instead(self) -> None:
        made = closure.small()
        cache = made.cache()
        proxy = self.ncps((self.upstream(cache), cache))
        client = self.client(cache.key.public)
        client.copy(proxy.url, made.root)
        client.verify(made.root)

    def test_signing_is_decided_when_serving_so_that_a_change_acts_on_what_is_kept(self) -> None:
        made = closure.small()
        cache = made.cache()
        server = self.upstream(cache)
        proxy = self.ncps((server, cache), sign=False)
        self.narinfo_of(proxy, made.root)
        server.stop()
        proxy.sign = True
        proxy.restart()
        self.assertIn("cache.example:", self.narinfo_of(proxy, made.root)["Sig"])

    def test_fields_of_the_upstream_are_kept(self) -> None:
        made = closure.small()
        for compression in ("xz", "zstd"):
            with self.subTest(compression):
                cache = made.cache(compression)
                proxy = self.ncps((self.upstream(cache), cache))
                served, original = self.narinfo_of(proxy, made.root), cache.narinfo(made.root)
                served.pop("Sig"), original.pop("Sig")
                self.assertEqual(served, original)


if __name__ == "__main__":
    unittest.main()
