"""A server of the page over a program, and the browser that looks at it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Browser, Page, expect

SHOTS = Path("build/web")
CHROMIUM = shutil.which("chromium") or "chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
KEY = "sk-the-key-of-this-check"


class Dev:
    """A server of the page, and the browser that looks at it."""

    def __init__(self, browser: Browser, url: str, file: Path, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.file = file
        self.process = process
        self._browser = browser
        self.complaints: list[str] = []

    def open(self, scheme: Literal["light", "dark"] = "light", width: int = 1300) -> Page:
        """Return a new page."""
        context = self._browser.new_context(viewport={"width": width, "height": 850}, color_scheme=scheme)
        context.set_default_timeout(8_000)
        page = context.new_page()
        self.watch(page)
        page.goto(self.url)
        page.locator("nav a").first.wait_for()
        return page

    def watch(self, page: Page) -> None:
        """Note what the page complains of."""
        page.on("console", lambda message: self.complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._check_host)

    def _check_host(self, request: Any) -> None:
        if not request.url.startswith((self.url.partition("#")[0], "data:")):
            self.complaints.append(f"asked {request.url}")


@contextmanager
def serving(browser: Browser, source: str, *words: str, **env: str) -> Iterator[Dev]:
    """Serve the page over a source; ``words`` are of the command, ``env`` of its environment."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "baml_src", "main.baml")
        file.parent.mkdir()
        file.write_text(source)
        command = [sys.executable, "-m", "bamlvm", "dev", "--port", "0", "--no-browser", *words]
        environment = {**os.environ, "CHECK_KEY": KEY, **env}
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stdout is not None
            yield Dev(browser, process.stdout.readline().strip(), file, process)
        finally:
            process.terminate()
            process.wait(timeout=60)


def choose(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def shoot(dev: Dev, name: str, prepare: Callable[[Page], None]) -> None:
    for scheme in SCHEMES:
        page = dev.open(scheme)
        prepare(page)
        page.screenshot(path=SHOTS / f"{name}-{scheme}.png")
        page.context.close()


def press_run(page: Page, text: str = "Run") -> None:
    page.get_by_role("button", name=text, exact=True).click()


def running(dev: Dev, name: str) -> Page:
    """Open a page on a function, and run it with what its form has."""
    page = dev.open()
    choose(page, name)
    tab(page, "Run")
    press_run(page)
    return page


def expect_state(page: Page, text: str | re.Pattern[str], timeout: float = 30_000) -> None:
    """Wait for what the status line of a run says."""
    expect(page.locator(".state").first).to_contain_text(text, timeout=timeout)
