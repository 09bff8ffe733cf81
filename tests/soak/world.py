"""What a soak is about: store paths, three upstreams that have them, and the spells on them."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.e2e.lab import closure
from tests.e2e.lab.case import narinfo_target
from tests.e2e.lab.closure import COMPRESSIONS, parse_narinfo
from tests.e2e.lab.ports import free_port
from tests.e2e.lab.upstream import Upstream

from .faults import MISSING, File, Spell, spells


SIGNED = ("StorePath", "NarHash", "NarSize", "References")  # what the signature of a narinfo covers


def closure_of(count: int, seed: int, big: int = 0) -> closure.Closure:
    """`count` paths of up to 300 kB; each refers to up to three before it. `big`: so many more, last, of 12 MB."""
    dice = Random(f"closure/{seed}")
    writers = []
    for number in range(count):
        size = int(dice.choice([dice.uniform(1, 3_000), dice.uniform(3_000, 60_000), 10 ** dice.uniform(4, 5.47)]))
        references = dice.sample(range(number), min(number, dice.randint(0, 3)))
        writers.append((f"soak-{number}", closure.file_of_random_bytes(f"soak/{seed}/{number}", size), references))
    writers += [(f"soak-big-{n}", closure.file_of_random_bytes(f"soak/{seed}/big-{n}", 12_000_000), []) for n in range(big)]
    return closure.make_closure(f"soak-{count}-{seed}" + (f"-{big}" if big else ""), writers)


@dataclass
class Place:
    """One upstream, its mirror without faults, and what it has."""
    cache: closure.Cache
    server: Upstream
    mirror: Upstream
    spells: dict[str, list[Spell]]  # by path of the file there

    def has(self, target: str) -> bool:
        return (self.cache.folder / target[1:]).is_file()

    def data(self, target: str) -> bytes:
        return (self.cache.folder / target[1:]).read_bytes()

    def said_missing(self, target: str) -> bool:
        """Whether it did say, until now, that it does not have that file; or what amounts to it: a
        narinfo that can only be for others."""
        if not self.has(target) or any(r.status in MISSING for r in self.server.requests(target)):
            return True
        return target.endswith(".narinfo") and any(
            self._for_others(self.data(target), spell) for spell in self.spells.get(target, []))

    def may_misdirect(self, path: str) -> bool:
        """Whether its narinfo comes with another URL and all that the signature covers as it was."""
        target = narinfo_target(path)
        true = self.cache.narinfo(path)
        sent = [parse_narinfo(spell.sent(self.data(target)).decode("latin-1")) for spell in self.spells.get(target, [])]
        return any(got.get("URL") != true["URL"] and all(got.get(name, "") == true[name] for name in (*SIGNED, "Sig"))
                   for got in sent)

    def _for_others(self, narinfo: bytes, spell: Spell) -> bool:
        """No signature by the trusted key, a NAR that we could not verify, or twice the same wrong
        signature: nobody can know that it was not meant so."""
        assert self.cache.key
        sent = spell.sent(narinfo)
        fields = parse_narinfo(sent.decode("latin-1"))
        signer = self.cache.key.public.partition(":")[0] + ":"
        return (signer not in fields.get("Sig", "") or fields.get("Compression", "bzip2") not in COMPRESSIONS
                or sent != narinfo and spell.times != 1)


def unused_url() -> str:
    """Where nobody listens."""
    return f"http://127.0.0.1:{free_port()}/"


class World:
    """Store paths, the places that have them, and the spells there."""

    def __init__(self, seed: int | str, closure: closure.Closure, places: list[Place]) -> None:
        self.seed, self.closure, self.places = seed, closure, places
        self.paths = closure.paths
        self._nowhere = unused_url()

    @classmethod
    def of(cls, runs: int, seed: int) -> "World":
        """Two upstreams with the same xz files, one with the same paths uncompressed."""
        made = closure_of(runs, seed)
        caches = [made.cache("xz"), made.cache("xz"), made.cache("none")]
        return cls(seed, made, [Place(cache, Upstream(cache.folder), Upstream(cache.folder), {}) for cache in caches])

    def __enter__(self) -> "World":
        for place in self.places:
            place.server.start()
            place.mirror.start()
        return self

    def __exit__(self, *_: object) -> None:
        for place in self.places:
            place.server.stop()
            place.mirror.stop()

    @property
    def key(self) -> str:
        key = self.places[0].cache.key
        assert key
        return key.public

    def bewitch(self) -> None:
        """Lays the spells on every file at every upstream."""
        for number, path in enumerate(self.paths):
            for where, place in enumerate(self.places):
                other = self.paths[number - 1]
                for target, wrong in ((narinfo_target(path), narinfo_target(other)),
                                      (place.cache.nar_url(path), place.cache.nar_url(other))):
                    dice = Random(f"{self.seed}/{number}/{where}/{target}")
                    file = File(target, place.data(target), place.data(wrong), place.mirror.url + target, self._nowhere)
                    place.spells[target] = made = self._spells(dice, file)
                    for spell in reversed(made):  # the newest rule acts first
                        place.server.fault(target, times=spell.times, **spell.what | {"name": spell.kind})

    def _spells(self, dice: Random, file: File) -> list[Spell]:
        return spells(dice, file)

    def heal(self) -> None:
        for place in self.places:
            place.server.faults.clear()

    def met(self) -> dict[str, int]:
        """How often a request met each kind."""
        counts: dict[str, int] = {}
        for place in self.places:
            for request in place.server.requests():
                if request.fault:
                    counts[request.fault] = counts.get(request.fault, 0) + 1
        return counts

    def requests(self) -> int:
        return sum(len(place.server.requests()) for place in self.places)

    def texts(self, path: str) -> set[bytes]:
        """The narinfo as each upstream has it."""
        return {place.data(narinfo_target(path)) for place in self.places}

    def backers(self, path: str, name: str) -> list[tuple[Place, str]]:
        """Who has the NAR that is announced as nar/<name>, and as what: those with a file of that
        name, else the one whose NAR is not compressed, since only of such a one we make another."""
        named = [(place, f"/nar/{name}") for place in self.places if place.has(f"/nar/{name}")]
        return named or [(place, place.cache.nar_url(path)) for place in self.places
                         if place.cache.narinfo(path)["Compression"] == "none"]

    def nar_file(self, name: str) -> Path | None:
        """The file of that name at some upstream."""
        return next((place.cache.folder / "nar" / name for place in self.places if place.has(f"/nar/{name}")), None)
