#!/usr/bin/env python3
"""The page's embedder takes the page, and refuses each thing that its header would forbid or that would be unsafe."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from embed_page import policy  # noqa: E402

GOOD = "<style>a{}</style><p>{{x}}</p><script>run()</script>"


class Policy(unittest.TestCase):
    def test_the_page_is_taken(self):
        self.assertIn("script-src 'sha256-", policy(GOOD))
        policy((pathlib.Path(__file__).parents[1] / "src/server/front_page.html").read_text())

    def test_another_script_has_another_hash(self):
        self.assertNotEqual(policy(GOOD), policy(GOOD.replace("run()", "walk()")))

    def test_what_would_be_unsafe_or_not_run_is_refused(self):
        for good, bad in (("run()", "run('{{x}}')"), ("a{}", "a{width:{{x}}}"), ("{{x}}", "{{{x}}}"), ("{{x}}", "{{&x}}"),
                          ("<p>", "<p onclick='run()'>"), ("<p>", '<p style="color:red">'), ("<script>", "<script defer>"),
                          ("<p>", "<script>more()</script><p>"), ("<p>", '<img src="https://example.org/x.png"><p>'),
                          ("<p>", '<link href="//example.org/x.css"><p>'), ("<style>a{}</style>", "")):
            self.assertIn(good, GOOD)
            with self.subTest(bad), self.assertRaises(ValueError):
                policy(GOOD.replace(good, bad, 1))


if __name__ == "__main__":
    unittest.main()
