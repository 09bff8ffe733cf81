"""What a browser gets at /: its headers, and the page itself in a real Chromium."""
from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tempfile
import unittest
from pathlib import Path

from .lab import closure, raw
from .lab.browser import Browser
from .lab.case import LabCase
from .lab.closure import remove_tree
from .lab.faults import Fault, Gate
from .lab.ncps import Ncps, run_ncps
from .lab.ports import free_port
from .lab.waiting import eventually

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
HOSTILE = "'\"><svg/onload=document.title=1></svg></script><script>document.title=1</script>&lt;"
HOSTILE_NAME = "cache'\"><b>&lt;"  # a name of a cache has no slash
TOKEN = "an-admin-token-of-32-characters-or-more"
READERS = "a-reader-token-of-32-characters-or-more"
PATIENCE = 120  # seconds, on a busy machine


class FrontPageCase(LabCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = closure.single(1, "front page")
        self.cache = self.made.cache("xz")
        self.server = self.upstream(self.cache)

    def start(self, *more: str, **options) -> Ncps:
        return self.ncps((self.server, self.cache), more=more, **options)

    def page(self, proxy: Ncps, method: str = "GET", **headers: str) -> raw.Answer:
        return raw.ask(proxy.url, method, "/", {"Accept": CHROMIUM} | {k.replace("_", "-"): v for k, v in headers.items()})


    def asked_as(self, proxy: Ncps, host: str) -> raw.Answer:
        with raw.Connection(proxy.url) as connection:
            connection.host = host
            return connection.ask("GET", "/", {"Accept": CHROMIUM})


class Wire(FrontPageCase):
    def test_a_browser_gets_a_page_and_everybody_else_what_they_always_got(self) -> None:
        proxy = self.start()
        page = self.page(proxy)
        self.assertEqual((page.status, page.ending), (200, raw.COMPLETE))
        self.assertEqual(page.get("content-type"), "text/html; charset=utf-8")
        self.assertLess(len(page.body), 30 * 1024)
        for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json, text/html;q=0.5"}):
            answer = raw.get(proxy.url, "/", headers)
            self.assertEqual(json.loads(answer.body), {"hostname": "cache.example", "publicKey": proxy.pubkey()})
            self.assertEqual(answer.get("vary"), "Accept", "or a cache on the way gives one the other's")
        self.assertEqual(raw.get(proxy.url, "/upload", {"Accept": CHROMIUM}).get("content-type"), "application/json")

    def test_head_has_the_headers_of_get_and_no_body(self) -> None:
        proxy = self.start()
        head, page = self.page(proxy, "HEAD"), self.page(proxy)
        self.assertEqual((head.status, head.body), (200, b""))
        for name in ("content-type", "cache-control", "vary", "content-security-policy"):
            self.assertEqual(head.get(name), page.get(name))
        self.assertGreater(int(head.get("content-length")), 5000)

    def test_its_headers_keep_it_fresh_and_alone(self) -> None:
        page = self.page(self.start())
        self.assertEqual(page.get("cache-control"), "no-store")
        self.assertEqual(page.get("vary"), "Accept")
        self.assertEqual(page.get("x-content-type-options"), "nosniff")
        policy = dict(part.split(" ", 1) for part in page.get("content-security-policy").split("; "))
        self.assertEqual(policy["default-src"], "'none'")
        for tag, directive in (("script", "script-src"), ("style", "style-src")):
            text, = re.findall(rf"(?s)<{tag}>(.*?)</{tag}>", page.body.decode())
            self.assertEqual(policy[directive], f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")

    def test_the_lines_are_those_of_client_config_for_the_address_that_was_asked(self) -> None:
        proxy = self.start()
        page = self.asked_as(proxy, "nix.example:8501").body.decode()
        run = run_ncps("client-config", "http://nix.example:8501", f"--cache-storage-local={proxy.storage}", "--cache-hostname=cache.example",
                       "--cache-upstream-url=http://127.0.0.1:1")
        lines = [line for line in run.out.splitlines() if line and not line.startswith("#")]
        self.assertEqual(len(lines), 4)
        for line in lines:
            self.assertIn(line.replace('"', "&quot;"), page)

    def test_a_host_that_is_none_is_not_repeated(self) -> None:
        proxy = self.start()
        for host in ("<b>x", 'a";x="', "${x}", "a@b", "a/b"):
            page = self.asked_as(proxy, host)
            self.assertNotIn(host, page.body.decode())
            if page.status == 200:
                self.assertIn("extra-substituters = http://cache.example\n", page.body.decode())

    def test_who_may_see_it(self) -> None:
        shown, hidden = b'id="figures"', b"administrators only"
        def ask(proxy: Ncps, token: str = "") -> raw.Answer:
            return self.page(proxy, **({"Authorization": "Basic " + base64.b64encode(f"x:{token}".encode()).decode()} if token else {}))
        proxy = self.start(f"--cache-get-token={READERS}")
        self.assertEqual(ask(proxy).status, 401)
        page = ask(proxy, READERS).body
        self.assertIn(shown, page)
        self.assertIn(b"machine 127.0.0.1 login anybody password TOKEN", page)
        self.assertNotIn(READERS.encode(), page)
        proxy = self.start(f"--cache-get-token={READERS}", f"--cache-admin-token={TOKEN}")
        self.assertIn(hidden, ask(proxy, READERS).body)
        self.assertNotIn(self.server.url.encode(), ask(proxy, READERS).body)
        self.assertIn(shown, ask(proxy, TOKEN).body)
        proxy = self.start(f"--cache-admin-token={TOKEN}")
        self.assertIn(hidden, ask(proxy).body)
        self.assertIn(shown, ask(proxy, TOKEN).body)

    def test_guessing_the_admins_token_here_is_no_cheaper_than_elsewhere(self) -> None:
        proxy = self.start(f"--cache-admin-token={TOKEN}")
        for number in range(25):
            self.page(proxy, Authorization=f"Bearer wrong-{number}")
        self.assertEqual(raw.get(proxy.url, "/status", {"Authorization": "Bearer wrong"}).status, 429)


class InABrowser(FrontPageCase):
    browser: Browser
    profile: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.profile = tempfile.mkdtemp(prefix="ncps-browser-")
        cls.addClassCleanup(remove_tree, Path(cls.profile))
        cls.browser = Browser(Path(cls.profile), hosts={"cache.test": "127.0.0.1"})
        cls.addClassCleanup(cls.browser.close)
        cls.browser.hurry(5000)

    def setUp(self) -> None:
        super().setUp()
        self.browser.open("about:blank")
        self.browser.scripts(True)
        self.browser.width(1200)
        self.browser.console()
        self.browser.requests()

    def hit(self, proxy: Ncps, times: int = 1) -> None:
        for _ in range(times):
            self.assert_whole(raw.get(proxy.url, self.nar_target(proxy, self.made.root), timeout=60), self.cache.nar_bytes(self.made.root))

    def at_rest(self, proxy: Ncps) -> None:
        self.hit(proxy)
        eventually(lambda: json.loads(proxy.get("/status"))["kept"]["bytes"], "what it keeps is counted", PATIENCE)

    def assert_clean(self, proxy: Ncps) -> None:
        """Nothing was complained about, and nobody else was asked."""
        self.assertEqual(self.browser.console(), [])
        asked = self.browser.requests()
        self.assertTrue(asked)
        for url in asked:
            self.assertTrue(url.startswith((proxy.url + "/", "data:")), url)

    def test_it_says_what_status_says(self) -> None:
        proxy = self.start("--cache-max-size=100M")
        self.at_rest(proxy)
        self.hit(proxy, 3)
        def counted() -> bool:  # each a moment after its answer
            said = json.loads(proxy.get("/status"))
            return said["served"]["last_day"]["nars"] == 4 and not said["downloads"]["transfers"]
        eventually(counted, "all are counted", PATIENCE)
        self.browser.open(proxy.url)
        status = json.loads(proxy.get("/status"))
        figures = self.browser.text("#figures")
        self.assertIn(f"of {status['served']['last_day']['nars']} NARs", figures)
        self.assertIn(f"{status['kept']['bytes'] / 2**10:.1f} KiB", figures)
        self.assertIn("of 100.0 MiB", figures)
        self.assertIn(f"{self.server.url}\ngood", self.browser.text("#upstreams").replace(" good", "\ngood"))
        self.assertIn("Nothing, at the moment.", self.browser.text("#transfers"))
        self.assertIn(f"extra-substituters = {proxy.url}\nextra-trusted-public-keys = {proxy.pubkey()}", self.browser.text("#nix-conf"))
        self.assert_clean(proxy)

    def test_it_updates_itself_and_says_when_it_cannot(self) -> None:
        proxy = self.start(address=f"127.0.0.1:{free_port()}")
        self.browser.open(proxy.url)
        self.assertIn("no NAR was asked for", self.browser.text("#figures"))
        self.browser.run("window.kept = true")  # gone if the page were loaded anew
        self.hit(proxy)
        eventually(lambda: "of 1 NAR" in self.browser.text("#figures"), "the page has heard of it", PATIENCE)
        gate = Gate()
        other = closure.single(1, "front page, on its way")
        cache = other.cache("xz")
        slow = self.upstream(cache)
        slow.faults.add(".xz", Fault(gate=gate, gate_at=500_000))
        self.addCleanup(gate.open)
        proxy.stop()
        eventually(lambda: "does not answer" in self.browser.text("#said"), "the page says that nobody answers", PATIENCE)
        again = self.ncps((slow, cache), address=proxy.url.removeprefix("http://"))
        client = raw.Stream(again.url, self.nar_target(again, other.root)).start()
        eventually(lambda: cache.nar_url(other.root).rpartition("/")[2] in self.browser.text("#transfers"), "a transfer is seen", PATIENCE)
        eventually(lambda: slow.url in self.browser.text("#transfers"), "where it comes from is seen", PATIENCE)
        moving = "return (document.querySelector('#transfers progress') || {value: 0}).value > 0"
        eventually(lambda: self.browser.run(moving), "how far it is", PATIENCE)
        self.assertEqual(self.browser.text("#said"), "", "it answers again")
        gate.open()
        client.join(60)
        eventually(lambda: "Nothing" in self.browser.text("#transfers"), "it is gone", PATIENCE)
        self.assertTrue(self.browser.run("return window.kept"))

    def test_it_stops_updating_where_somebody_wants_to_read(self) -> None:
        proxy = self.start()
        self.browser.open(proxy.url)
        self.browser.click("#live")
        self.browser.run("window.asked = 0; const real = window.fetch; window.fetch = (...all) => { asked += 1; return real(...all); };")
        def waits() -> int:
            return self.browser.run("return window.waits")
        enough = waits() + 4
        eventually(lambda: waits() >= enough, "its time has come again and again", PATIENCE)
        self.assertEqual(self.browser.run("return window.asked"), 0)
        self.browser.click("#live")
        eventually(lambda: self.browser.run("return window.asked"), "it updates itself again", PATIENCE)

    def test_the_buttons_copy_also_where_browsers_have_no_clipboard(self) -> None:
        proxy = self.start(f"--cache-get-token={READERS}")
        port = proxy.url.rpartition(":")[2]
        for host in ("127.0.0.1", "cache.test"):  # the second is no place that browsers trust
            url = f"http://{host}:{port}"
            with self.subTest(host):
                self.browser.open(f"http://x:{READERS}@{host}:{port}/")
                self.assertEqual(self.browser.run("return isSecureContext"), host == "127.0.0.1")
                for button, expected in (("nixos", f'nix.settings.substituters = [ "{url}" ];'), ("nix-conf", f"extra-substituters = {url}\n"),
                                         ("netrc", f"machine {host} login anybody password TOKEN")):
                    self.browser.open(f"http://x:{READERS}@{host}:{port}/")
                    self.browser.press(f"[data-copy={button}]", "\ue007")  # the keyboard does
                    eventually(lambda: self.browser.text("#said") == "Copied.", f"{button} is copied", PATIENCE)
                    self.assertIn(expected, self.pasted(f"http://x:{READERS}@127.0.0.1:{port}/"))

    def pasted(self, url: str) -> str:
        """What is in the clipboard, read where that is allowed."""
        self.browser.open(url)
        origin = re.sub(r"//.*@", "//", url).rstrip("/")
        self.browser.devtools("Browser.grantPermissions", permissions=["clipboardReadWrite"], origin=origin)
        return self.browser.run("window.focus(); return navigator.clipboard.readText();")

    def test_it_can_be_read_without_scripts(self) -> None:
        proxy = self.start("--cache-max-size=100M")
        self.at_rest(proxy)
        self.browser.scripts(False)
        self.browser.open(proxy.url)
        self.assertIn("of 100.0 MiB", self.browser.text("#figures"))
        self.assertIn(f"extra-substituters = {proxy.url}", self.browser.text("#nix-conf"))
        self.assertIn(proxy.pubkey(), self.browser.text("#nixos"))
        self.assertFalse(self.browser.is_shown("[data-copy=nixos]"))
        self.assertFalse(self.browser.is_shown("#live"))
        self.assert_clean(proxy)

    def test_values_are_never_markup(self) -> None:
        proxy = self.ncps_before_start((self.server, self.cache), hostname="cache.example", more=[f"--cache-upstream-url=http://127.0.0.1:1/{HOSTILE}"])
        proxy.hostname = HOSTILE_NAME
        proxy.secret_key = closure.signing_key("cache.example").secret_file
        proxy.start()
        self.browser.open(proxy.url)
        self.assertIn(f"http://127.0.0.1:1/{HOSTILE}", self.browser.text("#upstreams"))
        eventually(lambda: self.browser.run("return window.waits > 2"), "it has updated itself", PATIENCE)
        self.assertIn(f"http://127.0.0.1:1/{HOSTILE}", self.browser.text("#upstreams"))
        self.assertEqual(self.browser.run("return document.title"), f"{HOSTILE_NAME}: a cache for Nix")
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('svg, b, script')].length"), 1)
        self.assert_clean(proxy)

    def test_it_can_be_used_without_a_mouse_and_without_eyes(self) -> None:
        proxy = self.start()
        self.browser.open(proxy.url)
        unnamed = self.browser.run("""return [...document.querySelectorAll('button, a, input, progress, [role=region]')].filter(
            one => !(one.ariaLabel || one.textContent.trim() || one.labels?.length || one.getAttribute('aria-labelledby'))).length""")
        self.assertEqual(unnamed, 0)
        self.assertEqual(self.browser.role_and_name("[data-copy=nixos]"), ("button", "Copy the lines for NixOS"))
        self.assertEqual(self.browser.role_and_name("#said")[0], "status")
        self.assertEqual(self.browser.role_and_name("#upstreams"), ("region", "Upstreams"))
        self.assertEqual(self.browser.role_and_name("#live"), ("checkbox", "Updates itself"))
        self.assertEqual(self.browser.run("return ['header', 'main', 'footer', 'nav', 'h1'].map(n => document.querySelectorAll(n).length)"), [1] * 5)
        self.assertEqual(self.browser.run("return document.documentElement.lang"), "en")

    CONTRAST = """
        const part = text => text.match(/[\\d.]+/g).map(Number);
        const light = colour => part(colour).slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
          .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
        const behind = node => { for (; node; node = node.parentElement) {
          const colour = getComputedStyle(node).backgroundColor; if (part(colour)[3] !== 0) return colour; } };
        return [...document.querySelectorAll('h1, h2, h3, small, p, dt, dd, th, td, a, button, label, pre code, #as-of')].map(node => {
          const both = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
          return [(both[0] + .05) / (both[1] + .05), node.outerHTML.slice(0, 60)]; }).sort((a, b) => a[0] - b[0])[0];"""

    def test_it_can_be_read_by_day_and_by_night_and_on_a_telephone(self) -> None:
        proxy = self.start("--cache-max-size=100M")
        self.at_rest(proxy)
        self.browser.open(proxy.url)
        papers = set()
        for scheme in ("light", "dark"):
            for width in (1200, 390):
                with self.subTest(scheme=scheme, width=width):
                    self.browser.colours(scheme)
                    self.browser.width(width)
                    contrast, where = self.browser.run(self.CONTRAST)
                    self.assertGreaterEqual(contrast, 4.5, where)
                    self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"), width, "nothing reaches beyond the edge")
                    shot = self.browser.screenshot(Path(os.environ.get("NCPS_SCREENSHOTS") or self.home) / f"{scheme}-{width}.png")
                    self.assertTrue(shot.read_bytes().startswith(b"\x89PNG"))
                    papers.add(self.browser.run("return getComputedStyle(document.documentElement).backgroundColor"))
        self.assertEqual(len(papers), 2)

    def test_who_may_not_see_the_status_is_told_so_and_no_password_is_asked_for(self) -> None:
        proxy = self.start(f"--cache-admin-token={TOKEN}")
        self.browser.open(proxy.url)
        self.assertIn("administrators only", self.browser.text("main"))
        self.assertIn(f"extra-substituters = {proxy.url}", self.browser.text("#nix-conf"))
        self.assertTrue(self.browser.is_shown("[data-copy=nixos]"))
        self.assertFalse(self.browser.is_shown("#live"))
        self.assert_clean(proxy)
        # With the token, as the page says: at /status, and back.
        self.browser.open(proxy.url.replace("://", f"://x:{TOKEN}@") + "/status")
        self.browser.open(proxy.url)
        self.assertIn("of 0 B sent", self.browser.text("#figures"))


if __name__ == "__main__":
    unittest.main()
