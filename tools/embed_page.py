#!/usr/bin/env python3
"""Writes a C++ source that holds the front page's template, and the header that lets its own style and script run and nothing
else (CSP). Refuses what that header would forbid, and what would make the hash of style or script depend on a value."""
import base64
import hashlib
import pathlib
import re
import sys


def hashed(text, tag):
    """The only <tag> of the page, as CSP names it."""
    found = re.findall(rf"(?s)<{tag}>(.*?)</{tag}>", text)
    if len(found) != 1 or len(re.findall(rf"<{tag}\b", text)) != 1:
        raise ValueError(f"wants one <{tag}> without attributes")
    if "{{" in found[0]:
        raise ValueError(f"a value inside <{tag}> would change its hash, and could end it")
    return "'sha256-" + base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode() + "'"


def policy(text):
    markup = re.sub(r"(?s)<(style|script)>.*?</\1>", "", text)
    if re.search(r"\s(style|on\w+)\s*=", markup):
        raise ValueError("a style or handler in an attribute would not run")
    if "{{{" in text or "{{&" in text:
        raise ValueError("a value that is not escaped")
    if re.search(r"(src|href)=[\"']?(https?:)?//", markup):
        raise ValueError("something from another place")
    return (f"default-src 'none'; script-src {hashed(text, 'script')}; style-src {hashed(text, 'style')}; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


def main(page, out):
    text = pathlib.Path(page).read_text()
    try:
        header = policy(text)
    except ValueError as error:
        sys.exit(f"{page}: {error}")
    pieces = [text[at:at + 8000] for at in range(0, len(text), 8000)]  # compilers have a bound for one literal
    literals = "\n    ".join(f'R"page({piece})page"' for piece in pieces)
    pathlib.Path(out).write_text('#include "server/front_page.h"\n\nnamespace ncps::server {\n\n'
                                 f"const std::string_view kFrontPageTemplate =\n    {literals};\n"
                                 f'const std::string_view kFrontPagePolicy = R"({header})";\n\n'
                                 "}  // namespace ncps::server\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
