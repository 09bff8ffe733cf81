"""However many threads there are, the heap has few arenas: each keeps free memory of its own, for ever."""
from __future__ import annotations

import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from .lab import closure, raw
from .lab.case import LabCase

# glibc's HEAP_MAX_SIZE: each arena but the first begins at such an address. Something else may do so by chance.
HEAP = 64 << 20


class Heap(LabCase):
    def arenas(self, environment: dict[str, str]) -> int:
        """After some work of every kind of thread."""
        made = closure.make_closure("heap", [(f"path-{n}", closure.file_of_random_bytes(f"heap{n}", 200_000), []) for n in range(20)])
        cache = made.cache("xz")
        server = self.ncps((self.upstream(cache), cache), environment=environment)
        with ThreadPoolExecutor(10) as clients:
            answers = clients.map(lambda path: raw.get(server.url, self.nar_target(server, path)), made.paths)
            self.assertTrue(all(answer.status == 200 for answer in answers))
        return 1 + sum(start % HEAP == 0 for start in server.anonymous_memory())

    def test_no_more_than_cores(self) -> None:
        self.assertLessEqual(self.arenas({}), max(2, os.cpu_count() or 1) + 1)

    def test_who_has_chosen_is_obeyed(self) -> None:
        self.assertGreater(self.arenas({"MALLOC_ARENA_MAX": "40"}), max(2, os.cpu_count() or 1) + 1)


if __name__ == "__main__":
    unittest.main()
