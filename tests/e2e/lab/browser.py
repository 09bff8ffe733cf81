"""A real Chromium without a window, driven as the W3C says (WebDriver, https://www.w3.org/TR/webdriver2/).

    with Browser(home) as browser:
        browser.open(url)
        browser.click("button"); browser.text("#figures"); browser.screenshot(file)

Everything it keeps is below `home`; its processes end with this one's.
"""
from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .ncps import leave_with_parent
from .waiting import eventually

PATIENCE = 60  # seconds for a start, on a busy machine
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # how WebDriver names one


class Browser:
    def __init__(self, home: Path, *arguments: str, hosts: dict[str, str] | None = None, language: str = "en") -> None:
        """`hosts`: names that this browser alone knows, with their addresses."""
        self._home = home
        rules = ",".join(f"MAP {name} {address}" for name, address in (hosts or {}).items())
        flags = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
                 "--disable-background-networking", "--disable-component-update", f"--lang={language}",
                 f"--user-data-dir={home / 'profile'}", *arguments]
        flags += ["--no-sandbox"] if os.getuid() == 0 else []  # Chromium's sandbox refuses root
        flags += [f"--host-resolver-rules={rules}"] if rules else []
        with (home / "chromedriver.log").open("wb") as log:
            self._process = subprocess.Popen(["chromedriver", "--port=0"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             preexec_fn=leave_with_parent, env=os.environ | {"HOME": str(home)})
        self._session = ""
        try:
            self._driver = f"http://127.0.0.1:{eventually(self._port, 'chromedriver listens', PATIENCE)}"
            options = {"binary": "/usr/bin/chromium", "args": flags}
            made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
            self._session = f"/session/{made['sessionId']}"
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the browser, and its driver."""
        try:
            if self._session and self._process.poll() is None:
                self._ask("DELETE", self._session)
        finally:
            self._process.terminate()
            self._process.wait(PATIENCE)

    # --- what a person does ---

    def open(self, url: str) -> None:
        """Returns when it is there, or has failed."""
        self._post("/url", {"url": url})

    def click(self, selector: str) -> None:
        self._post(f"/element/{self._find(selector)}/click", {})

    def press(self, selector: str, keys: str) -> None:
        """Keys as WebDriver has them: \\ue007 is Enter, \\ue004 Tab."""
        self._post(f"/element/{self._find(selector)}/value", {"text": keys})

    def text(self, selector: str) -> str:
        """As it can be seen."""
        return self._get(f"/element/{self._find(selector)}/text")

    def is_shown(self, selector: str) -> bool:
        return self._get(f"/element/{self._find(selector)}/displayed")

    def role_and_name(self, selector: str) -> tuple[str, str]:
        """What a screen reader would call it."""
        element = self._find(selector)
        return self._get(f"/element/{element}/computedrole"), self._get(f"/element/{element}/computedlabel")

    def screenshot(self, file: Path) -> Path:
        """The whole page, however long."""
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return innerWidth")
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True,
                             clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        file.write_bytes(base64.b64decode(shot["data"]))
        return file

    # --- what a person has ---

    def colours(self, scheme: str) -> None:
        """light or dark, as the system says."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def scripts(self, allowed: bool) -> None:
        self.devtools("Emulation.setScriptExecutionDisabled", value=not allowed)

    def width(self, pixels: int, height: int = 900) -> None:
        self.devtools("Emulation.setDeviceMetricsOverride", width=pixels, height=height, deviceScaleFactor=1, mobile=False)

    def hurry(self, pages_wait: int) -> None:
        """Pages that wait for so many milliseconds get 50 instead, from the next one on; window.waits counts how often."""
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source=f"""
            window.waits = 0;
            const slow = window.setTimeout;
            window.setTimeout = (what, time) => time === {pages_wait} ? (window.waits += 1, slow(what, 50)) : slow(what, time);""")

    # --- what a developer sees ---

    def run(self, script: str, *arguments: object) -> object:
        """A function's body, run in the page; what it returns, awaited if need be."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def console(self) -> list[str]:
        """What has been said there since the last look."""
        return [f"{line['level']}: {line['message']}" for line in self._post("/se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """The URLs that pages of others than Chromium itself have asked for since the last look, also those that were blocked."""
        events = [json.loads(line["message"])["message"] for line in self._post("/se/log", {"type": "performance"})]
        asked = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in asked if not one["documentURL"].startswith("chrome:")]

    def devtools(self, command: str, **arguments: object) -> dict:
        """A command of Chromium's own protocol."""
        return self._post("/goog/cdp/execute", {"cmd": command, "params": arguments})

    # --- WebDriver ---

    def _port(self) -> int | None:
        said = (self._home / "chromedriver.log").read_text(errors="replace")
        assert self._process.poll() is None, said
        found = re.search(r"started successfully on port (\d+)", said)
        return int(found[1]) if found else None

    def _find(self, selector: str) -> str:
        return self._post("/element", {"using": "css selector", "value": selector})[ELEMENT]

    def _post(self, path: str, body: dict) -> object:
        return self._ask("POST", self._session + path, body)

    def _get(self, path: str) -> object:
        return self._ask("GET", self._session + path)

    def _ask(self, method: str, path: str, body: dict | None = None) -> object:
        request = urllib.request.Request(self._driver + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode(errors='replace')[:2000]}") from None
