#!/usr/bin/env python3
"""What the program is made of besides itself: Debian packages, their versions and licences, in docs/dependencies.md.

    tools/dependencies.py build/release/ncps                     writes the table there
    tools/dependencies.py build/release/ncps --check             says what is not as the table has it; versions may be others
    tools/dependencies.py build/release/ncps --licences FOLDER   copies the copyright file of each package to there

What is linked is what the loader finds (ldd); which library wants which is read from them (readelf). Libraries that are
headers only leave no trace in the program: HEADERS has them, and every name in cmake/Libraries.cmake must be one of those,
be linked, or be in NOT_IN_THE_PROGRAM. Packages are grouped by their source package, which has one version and one licence.
"""
from __future__ import annotations

import argparse
import difflib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/dependencies.md"
BEGIN, END = "<!-- dependencies:begin -->", "<!-- dependencies:end -->"

# Names of cmake/Libraries.cmake.
HEADERS = {"boost": "libboost1.81-dev", "cli11": "libcli11-dev", "nlohmann_json": "nlohmann-json3-dev", "mustache": "libkainjow-mustache-dev"}
NOT_IN_THE_PROGRAM = {"threads", "pkgconfig", "gtest", "protobuf", "grpc"}  # glibc's; a tool; of tests

# By hand, read from /usr/share/doc/*/copyright: of source packages whose file is not machine-readable, or does not tell
# the library from its tools.
LICENCES = {
    "e2fsprogs": "MIT (libcom_err)",
    "gcc-12": "GPL-3+ with GCC Runtime Library Exception",
    "glibc": "LGPL-2.1+",
    "gnutls28": "LGPL-2.1+",
    "krb5": "MIT-like, BSD-like",
    "libtasn1-6": "LGPL-2.1+",
    "rtmpdump": "LGPL-2.1+ (librtmp)",
}
# The files whose licence is the library's, where that is not the one of `Files: *`.
LIBRARY_FILES = {"keyutils": "keyutils.*", "libidn2": "*.c", "mariadb": "libmariadb/*"}

# Files of a source package that may be in a library: sources, or everything in a folder; not packaging, tests, documents, tools.
SOURCE = re.compile(r"(\*|\.([ch](c|pp|xx)?|ipp|[sS]|asm|inc|\*))$")
ASIDE = re.compile(r"^(debian|doc|docs|docsrc|test|tests|testsuite|unittest|fuzz|fuzzing|m4|gnulib-m4|build-aux|build|demos|tools|contrib|po|packages|cmake|ci|"
                   r"projects|sample|programs|external/perl|src/bin)/|(^|/)(example|examples|test|tests|doc|workbench|fuzzing)/")


@dataclass
class Source:
    """A source package, and what of it is in the program."""
    name: str
    version: str
    licence: str = ""
    of_single_files: list[str] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)
    linked: bool = False
    headers: bool = False
    wanted_by: set[str] = field(default_factory=set)  # names of sources

    @property
    def how(self) -> str:
        if self.headers:
            return "headers"
        return "linked" if self.linked else "for " + ", ".join(sorted(self.wanted_by))


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def licences(copyright: str, files: str = "*") -> tuple[str, list[str]]:
    """Of a machine-readable copyright file: the licence of `files`, and the others of files that may be in a library.

    Where `files` is a folder, of files in there. Source: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
    """
    folder = files.removesuffix("*") if files.endswith("/*") else ""
    if not copyright.lstrip().startswith("Format:"):
        raise ValueError("its copyright file is not machine-readable")
    main, others = None, set()
    for stanza in re.split(r"\n[ \t]*\n", copyright):
        patterns = re.search(r"^Files:((?:.*\n)(?:[ \t]+.*\n)*)", stanza + "\n", re.MULTILINE)
        licence = re.search(r"^License:[ \t]*(\S.*)$", stanza, re.MULTILINE)
        if not patterns or not licence:
            continue
        names = patterns[1].split()
        if files in names:
            main = licence[1].strip()
        elif any(name != "*" and name.startswith(folder) and SOURCE.search(name) and not ASIDE.search(name) for name in names):
            others.add(licence[1].strip())
    if main is None:
        raise ValueError(f"its copyright file has no `Files: {files}`")
    return main, sorted(others - {main})


def cmake_names(text: str) -> list[str]:
    """The libraries that cmake/Libraries.cmake looks for, in small letters."""
    found = re.findall(r"^(?:find_package|pkg_check_modules|find_path)\((\S+)", text, re.MULTILINE)
    return [name.removesuffix("_INCLUDE").lower() for name in found]


def unaccounted(names: list[str], linked: list[str]) -> list[str]:
    """What cmake/Libraries.cmake and this script do not agree on."""
    known = HEADERS.keys() | NOT_IN_THE_PROGRAM
    return [f"cmake/Libraries.cmake finds {name}, which is not linked: is it headers only, or of tests? Say so in tools/dependencies.py"
            for name in names if name not in known and not any(name in each for each in linked)] + [
            f"tools/dependencies.py has {name}, and cmake/Libraries.cmake does not" for name in sorted(known - set(names))]


def reasons(page: str) -> set[str]:
    """The source packages that the table written by hand has, in backticks in its first column."""
    table = page.split("\n## Linked into the program\n")[1].split("\n## ")[0]
    return {name for row in table.splitlines() if row.startswith("| ") for name in re.findall(r"`([a-z0-9.+-]+)`", row.split(" | ")[0])}


def loaded(program: Path) -> dict[str, str]:
    """The file of each library, by the name that others know it by."""
    text = output("ldd", str(program))
    if missing := re.findall(r"(\S+) => not found", text):
        raise ValueError(f"the loader does not find {', '.join(missing)}")
    found = dict(re.findall(r"^\s*(\S+) => (/\S+) \(", text, re.MULTILINE))
    return found | {Path(path).name: path for path in re.findall(r"^\s*(/\S+) \(", text, re.MULTILINE)}


def wanted(files: list[str]) -> dict[str, list[str]]:
    """The names of the libraries that each file wants (DT_NEEDED)."""
    return {file: re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "--wide", "--dynamic", file)) for file in files}


def owners(files: list[str]) -> dict[str, str]:
    """The package of each file. Debian has moved /lib to /usr/lib, and its lists of files not yet."""
    names = {name: file for file in files for name in (file, file.removeprefix("/usr"), "/usr" + file)}
    found = subprocess.run(["dpkg", "-S", *names], capture_output=True, text=True).stdout  # fails for those that are not there
    answer = {names[file]: package for package, file in re.findall(r"^([^\s,]+): (/\S+)$", found, re.MULTILINE) if file in names}
    if strange := [file for file in files if file not in answer]:
        raise ValueError(f"of no Debian package: {', '.join(strange)}")
    return answer


def sources(program: Path) -> list[Source]:
    libraries = loaded(program)
    package_of = owners(sorted(set(libraries.values())))
    packages = sorted(set(package_of.values()) | set(HEADERS.values()))
    listed = output("dpkg-query", "-W", "-f", "${binary:Package} ${Package} ${source:Package} ${source:Version}\n", *packages)
    known: dict[str, tuple[str, str]] = {}
    made: dict[str, Source] = {}
    for full, package, source, version in map(str.split, listed.splitlines()):
        known[full] = known[package] = (package, source)
        made.setdefault(source, Source(source, version)).packages.add(package)
    for package in HEADERS.values():
        made[known[package][1]].headers = True
    wants = wanted([str(program), *libraries.values()])
    for file, names in wants.items():
        for name in names:
            library = made[known[package_of[libraries[name]]][1]]
            if file == str(program):
                library.linked = True
            else:
                library.wanted_by |= {known[package_of[file]][1]} - {library.name}
    for each in made.values():
        if each.name in LICENCES:
            each.licence = LICENCES[each.name]
            continue
        try:
            text = Path("/usr/share/doc", min(each.packages), "copyright").read_text(errors="replace")
            each.licence, each.of_single_files = licences(text, LIBRARY_FILES.get(each.name, "*"))
        except (ValueError, OSError) as error:
            raise ValueError(f"{each.name}: {error}; say in tools/dependencies.py what its licence is") from None
    linked = [*wants[str(program)], *(name for name, each in made.items() if each.linked)]
    if left := unaccounted(cmake_names((ROOT / "cmake/Libraries.cmake").read_text()), linked):
        raise ValueError("\n".join(left))
    return sorted(made.values(), key=lambda each: (not (each.linked or each.headers), each.name))


def table(found: list[Source]) -> list[str]:
    rows = ["| source package | version | licence | of single files | packages | how |", "|---|---|---|---|---|---|",
            *(f"| {each.name} | {each.version} | {each.licence} | {', '.join(each.of_single_files)} | {', '.join(sorted(each.packages))} | {each.how} |" for each in found)]
    return [row.replace("|  |", "| |") for row in rows]


def without_versions(rows: list[str]) -> list[str]:
    return [re.sub(r"^(\| [^|]+ \|) [^|]+ \|", r"\1", row) for row in rows]


def problems(page: str, found: list[Source]) -> list[str]:
    """What the page says otherwise than it is; each with what to do."""
    there = {each.name for each in found}
    direct = {each.name for each in found if each.linked or each.headers}
    given = reasons(page)
    said = [f"{name}: in the program, and docs/dependencies.md does not say what for" for name in sorted(direct - given)]
    said += [f"{name}: docs/dependencies.md says what for, and it is not in the program" for name in sorted(given - there)]
    rows = page.partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    differences = [line for line in difflib.unified_diff(without_versions(rows), without_versions(table(found)), "docs/dependencies.md", "the program", n=0, lineterm="")
                   if not line.startswith("@@")]
    return said + (differences + ["`make docs` writes the table"] if differences else [])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--licences", type=Path)
    options = parser.parse_args()
    try:
        found = sources(options.program)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if options.licences:
        options.licences.mkdir(parents=True, exist_ok=True)
        for package in sorted(package for each in found for package in each.packages):
            shutil.copy(f"/usr/share/doc/{package}/copyright", options.licences / package)
        return 0
    page = PAGE.read_text()
    if not options.check:
        before, _, rest = page.partition(BEGIN)
        page = "\n".join([before + BEGIN, *table(found), END + rest.partition(END)[2]])
        PAGE.write_text(page)
    said = problems(page, found)
    print("\n".join(said) or f"{len(found)} source packages, each with its reason or with who wants it")
    return bool(said)


if __name__ == "__main__":
    sys.exit(main())
