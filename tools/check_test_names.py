#!/usr/bin/env python3
"""Every test that a document names is there: `Suite.Name`, `Suite.*`, `test_name`, `test_file.py`, `room/x_test.cpp`; and that
`Class` and `function` in `test_file.py` are in that file.

    tools/check_test_names.py ROOT        looks at DOCUMENTS
"""
import re
import sys
from pathlib import Path

DOCUMENTS = ("SECURITY.md", "docs/quality.md", "docs/architecture.md", "fuzz/README.md")


class Tests:
    """What there is below a root."""

    def __init__(self, root: Path) -> None:
        self.sources = {str(path.relative_to(root / "src")) for path in (root / "src").rglob("*_test.cpp")}
        self.suites: dict[str, set[str]] = {}
        for path in (root / "src").rglob("*"):
            if path.suffix in (".h", ".cpp") and ("testing" in path.parts or path.name.endswith("_test.cpp")):
                for suite, name in re.findall(r"^TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)", path.read_text(), re.MULTILINE):
                    self.suites.setdefault(suite, set()).add(name)
        self.files, self.functions = set(), set()
        self.inside: dict[str, set[str]] = {}  # classes and functions, by name of the file
        for path in (*(root / "tests").rglob("*.py"), *(root / "tools").glob("*.py"), *(root / "scripts").glob("*.py")):
            self.files.add(path.name)
            text = path.read_text()
            self.functions |= set(re.findall(r"^ +def (test_\w+)", text, re.MULTILINE))
            self.inside.setdefault(path.name, set()).update(re.findall(r"^ *(?:class|def) (\w+)", text, re.MULTILINE))

    def has(self, name: str) -> bool:
        if name.endswith(".py"):
            return name.rpartition("/")[2] in self.files
        if name.endswith("_test.cpp"):
            return any(f"/{source}".endswith(f"/{name.removeprefix('src/')}") for source in self.sources)
        if name.startswith("test_"):
            return name in self.functions or f"{name}.py" in self.files
        suite, _, test = name.partition(".")
        return bool(self.suites.get(suite)) if test == "*" else test in self.suites.get(suite, ())


def names_in(text: str) -> list[str]:
    """Those that can be nothing but tests: a suite's test is a sentence, in at least two words."""
    one = r"test_\w+(?:\.py)?|[\w/]+_test\.cpp|[A-Z]\w+\.(?:[A-Z]\w*[a-z]\w*[A-Z]\w*|\*)"
    return re.findall(rf"`((?:tests/\w+/)?(?:{one}))`", text)


def places_in(text: str) -> list[tuple[str, str]]:
    """What is said to be in which file; of `A` and `B` in `test_file.py` both."""
    found = []
    for names, file in re.findall(r"((?:`\w+`(?:, | and ))*`\w+`) in `(?:[\w/]+/)?(test_\w+\.py)`", text):
        found += [(name, file) for name in re.findall(r"`(\w+)`", names)]
    return found


def missing(root: Path, documents: tuple[str, ...] = DOCUMENTS) -> list[str]:
    tests = Tests(root)
    found = []
    for document in documents:
        text = (root / document).read_text()
        found += [f"{document}: there is no test {name}" for name in names_in(text) if not tests.has(name)]
        found += [f"{document}: {file} has no {name}" for name, file in places_in(text)
                  if name not in tests.inside.get(file, {name})]  # a file that is not there is named above
    return found


if __name__ == "__main__":
    found = missing(Path(sys.argv[1]))
    print("\n".join(found))
    sys.exit(bool(found))
