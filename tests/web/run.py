"""The page of ``bamlvm dev`` in a real browser: ``make web-test``.  Words choose the checks with them in their names.

Each check uses the page as a person would, by names and roles.  Screenshots, light and dark, are left in ``build/web``.
A check fails if the browser's console has an error, or the page asks another host for anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from playwright.sync_api import Browser, Error, sync_playwright

from bamlvm.mock import ThreadedMockServer
from tests.web import checks, hostile, large, life
from tests.web.browser import CHROMIUM, FLAGS, SHOTS, Dev, serving


class Program(NamedTuple):
    """A program, and what is checked on a page over it."""

    source: str
    checks: Sequence[Callable[[Dev], None]]


PROGRAMS = (
    Program(checks.SOURCE, checks.CHECKS),
    Program(life.SOURCE, life.CHECKS),
    Program(hostile.SOURCE, hostile.CHECKS),
    Program(large.SOURCE, large.CHECKS),
)
STARTING: Sequence[Callable[[Browser, str], None]] = (
    checks.a_recording_can_be_scrubbed,
    checks.a_recording_that_is_written_is_followed,
    *hostile.RECORDINGS,
    life.the_command_opens_the_page,
    life.the_page_of_a_service,
)
"""Checks that start the command themselves."""


def main(words: Sequence[str]) -> int:
    SHOTS.mkdir(parents=True, exist_ok=True)
    failed = 0
    with ThreadedMockServer() as server, sync_playwright() as playwright:
        server.play({"rules": [*checks.RULES, *life.RULES, *hostile.RULES, *large.RULES, checks.OTHERWISE]})
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        def with_server(source: str, check: Callable[[Dev], None]) -> None:
            with serving(browser, source) as dev:
                check(dev)
                assert dev.complaints == [], dev.complaints

        cases: list[tuple[str, Callable[[], None]]] = []
        for program in PROGRAMS:
            source = program.source.replace("URL", server.url)
            cases += [(each.__name__, lambda s=source, c=each: with_server(s, c)) for each in program.checks]  # type: ignore[misc]  # bound as defaults
        source = checks.SOURCE.replace("URL", server.url)
        cases += [(each.__name__, lambda c=each: c(browser, source)) for each in STARTING]  # type: ignore[misc]  # bound as defaults
        for name, case in cases:
            title = name.replace("_", " ")
            if not all(word in title for word in words):
                continue
            try:
                case()
                print(f"ok      {title}", flush=True)
            except (AssertionError, Error) as error:
                failed += 1
                print(f"FAILED  {title}: {error}", flush=True)
        browser.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
