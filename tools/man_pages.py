#!/usr/bin/env python3
"""Writes ncps.1 and ncps.yaml.5 from what the program says of itself.   tools/man_pages.py PROGRAM FOLDER"""
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SIGNALS = (("TERM, INT", "Stop: what is in flight may finish for 30 seconds. The second one ends the program at once."),
           ("HUP", "Read the options anew; those that only a restart changes are named in the log."))
FILES = (("/etc/ncps/config.yaml", "the options of the service"),
         ("/var/lib/ncps", "what the service keeps: the store, its database and its signing key (config/cache.key)"))
SYSTEMD = ("As a service of systemd: Type=notify, with READY, RELOADING, STOPPING and WATCHDOG; one stream socket "
           "(LISTEN_FDS) is taken over instead of --server-addr.")


def say(program: str, *arguments: str) -> str:
    return subprocess.run([program, *arguments], check=True, text=True, capture_output=True).stdout


def roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return "\\&" + text if text.startswith((".", "'")) else text


def commands(program: str, of: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Every command that does something, with its sentence."""
    text = say(program, *of, "--help")
    if "Subcommands:" not in text:
        return [(" ".join(of), text.splitlines()[0])]
    found = re.findall(r"^  ([a-z-]+)(?:, \w+)? {2,}\S", text.split("Subcommands:")[1], re.MULTILINE)
    return [pair for name in found for pair in commands(program, (*of, name))]


def groups(reference: str) -> list[tuple[str, list[list[str]]]]:
    """The tables of `ncps config reference`."""
    made = []
    for part in reference.split("\n## ")[1:]:
        title, _, rest = part.partition("\n")
        rows = [line for line in rest.splitlines() if line.startswith("|")][2:]
        cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
        made.append((title, cells))
    return made


def entry(heads: list[str], text: str) -> str:
    return ".TP\n" + ", ".join(f"\\fB{roff(head)}\\fR" for head in heads if head) + f"\n{roff(text)}\n"


def option(cells: list[str], shown: tuple[int, ...]) -> str:
    text = cells[4].replace("**", "").replace("\\|", "|")
    if cells[3]:
        text += f" Default: {cells[3]}."
    heads = [cells[i].strip("`") for i in shown]
    heads = [f"${head}" if i == 1 else head for i, head in zip(shown, heads) if head]
    return entry(heads, text) if heads else ""


def page(name: str, section: int, version: str, what: str) -> str:
    return f'.TH {name.upper()} {section} "" "{version}" ""\n.SH NAME\n{roff(name)} \\- {what}\n'


def tables(reference: str, shown: tuple[int, ...]) -> str:
    return "".join(f".SS {title}\n" + "".join(option(row, shown) for row in rows)
                   for title, rows in groups(reference) if title != "Old names")


def main(program: str, folder: Path) -> None:
    version = say(program, "--version").strip()
    reference = say(program, "config", "reference")
    status = re.search(r"Exit status: (.*)", say(program, "--help")).group(1)
    rules = reference.split("\n## ")[0].split("\n\n", 2)[2].replace("\n\n", "\n.PP\n")
    rules = "\n".join(line if line == ".PP" else roff(line) for line in rules.splitlines())

    ncps = page("ncps", 1, version, "proxy cache for Nix")
    ncps += ".SH SYNOPSIS\n\\fBncps\\fR [\\fIoptions\\fR] \\fIcommand\\fR [\\fIoptions\\fR]\n"
    ncps += f".SH DESCRIPTION\n{rules}\n.SH COMMANDS\n"
    ncps += "".join(entry([f"ncps {name}"], text + ".") for name, text in commands(program))
    ncps += entry(["ncps dbmate"], "What scripts expect of dbmate, with the migrations that are in this program.")
    ncps += ".SH OPTIONS\nEach with its environment variable.\n" + tables(reference, (0, 1))
    ncps += ".SH SIGNALS\n" + "".join(entry([head], text) for head, text in SIGNALS)
    ncps += f".PP\n{roff(SYSTEMD)}\n.SH EXIT STATUS\n{roff(status)}\n"
    ncps += ".SH FILES\n" + "".join(entry([head], text) for head, text in FILES) + ".SH SEE ALSO\n.BR ncps.yaml (5)\n"

    yaml = page("ncps.yaml", 5, version, "the configuration file of ncps")
    yaml += ".SH DESCRIPTION\nYAML, TOML or JSON: by the end of its name. A dot in a key stands for a level of nesting.\n.PP\n"
    yaml += f"{rules}\n.SH KEYS\n" + tables(reference, (2,)) + ".SH SEE ALSO\n.BR ncps (1)\n"

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ncps.1").write_text(ncps)
    (folder / "ncps.yaml.5").write_text(yaml)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
