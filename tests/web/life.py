"""A day with the page: saves, tabs, reloads, calls that go on, a server that is not there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.web.browser import KEY, SCHEMES, Dev, choose, expect_state, press_run, running, serving, tab

SOURCE = """
client<llm> Fast { provider openai  options { model "fast"  api_key env.CHECK_KEY  base_url "URL/v1" } }
function Tell(text: string) -> string { client Fast  prompt #"tell {{ text }}"# }
function Linger(text: string) -> string { client Fast  prompt #"linger {{ text }}"# }
function add(a: int, b: int = 2) -> int { a + b }
function wait(milliseconds: int) -> string { baml.sys.sleep(milliseconds); "waited" }
test Waits { functions [wait]  args { milliseconds 60000 } }
test Adds { functions [add]  args { a 1 } @@assert(three, {{ this == 3 }}) }
"""
RULES: list[dict[str, Any]] = [
    {"prompt": "tell", "answers": [{"text": "Once upon a time."}]},
    {"prompt": "linger", "answers": [{"text": "a b c d e f g h i j k l m n o p", "delay_ms": 250}]},
]


def a_link_in_a_new_tab_works(dev: Dev) -> None:
    page = dev.open()
    link = page.get_by_role("navigation").get_by_role("link", name="add", exact=True)
    with page.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    other = opened.value
    dev.watch(other)
    expect(other.get_by_role("heading", name="add", exact=True)).to_be_visible(timeout=10_000)
    other.get_by_label("a int").fill("5")
    tab(other, "Run")
    press_run(other)
    expect_state(other, "done in")
    expect(page.get_by_role("heading", name="Tell", exact=True)).to_be_visible()


def the_address_says_what_is_open(dev: Dev) -> None:
    page = dev.open()
    choose(page, "add")
    page.get_by_label("a int").fill("9007199254740993")
    choose(page, "All 2")
    page.go_back()
    expect(page.get_by_role("heading", name="add", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Tell", exact=True)).to_be_visible()
    page.go_forward()
    page.reload()
    expect(page.get_by_role("heading", name="add", exact=True)).to_be_visible()
    expect(page.get_by_label("a int")).to_have_value("9007199254740993")
    page.goto(f"{dev.url.partition('#')[0]}#/function/nothing")
    expect(page.get_by_text("The program has no function nothing.")).to_be_visible()


def a_default_is_taken_unless_another_value_is_given(dev: Dev) -> None:
    page = dev.open()
    choose(page, "add")
    page.get_by_label("a int").fill("9007199254740990")
    tab(page, "Run")
    press_run(page)
    expect(page.get_by_label("The value", exact=True)).to_have_text("9007199254740992")
    page.get_by_label("b int").select_option("another value")
    page.get_by_label("The value").first.fill("3")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("group", name="The value")).to_have_text("9007199254740993")


def a_run_goes_on_while_something_else_is_open(dev: Dev) -> None:
    page = running(dev, "Linger")
    value = page.get_by_label("The value", exact=True)
    expect(value).to_contain_text("a b", timeout=10_000)
    choose(page, "add")
    page.get_by_label("a int").fill("1")
    press_run(page)
    expect_state(page, "done in")
    choose(page, "Linger")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect_state(page, "done in")
    expect(value).to_have_text("a b c d e f g h i j k l m n o p")


def a_save_ends_no_run(dev: Dev) -> None:
    page = running(dev, "Linger")
    value = page.get_by_label("The value", exact=True)
    expect(value).to_contain_text("a b", timeout=10_000)
    dev.file.write_text(dev.file.read_text() + "function more() -> int { 1 }")
    expect(page.get_by_role("link", name="more")).to_be_visible(timeout=20_000)
    other = dev.file.with_name("other.baml")
    dev.file.rename(other)
    other.unlink()
    expect(page.locator("#state")).to_contain_text("no .baml file", timeout=20_000)
    expect_state(page, "done in")
    expect(value).to_have_text("a b c d e f g h i j k l m n o p")


def the_last_of_many_saves_is_shown(dev: Dev) -> None:
    page = dev.open()
    source = dev.file.read_text()
    for number in range(40):
        dev.file.write_text(source.replace('#"tell', f'#"tell {number}') + ("oops" if number % 3 == 0 else ""))
        page.wait_for_timeout(20)
    dev.file.write_text(source.replace('#"tell', '#"tell the last'))
    expect(page.locator(".message pre")).to_contain_text("tell the last", timeout=30_000)
    expect(page.locator("#state")).to_have_text("")


def the_inside_follows_a_save(dev: Dev) -> None:
    page = dev.open()
    choose(page, "add")
    tab(page, "Inside")
    expect(page.get_by_label("The stage", exact=True)).to_contain_text("function add")
    dev.file.write_text("// moved\n" + dev.file.read_text().replace("a + b", "a - b"))
    expect(page.get_by_label("Source", exact=True)).to_contain_text("a - b", timeout=20_000)
    expect(page.get_by_label("The stage", exact=True)).to_contain_text("sub_int")
    page.get_by_label("Function", exact=True).fill("baml.Array.map")
    page.get_by_label("Function", exact=True).press("Enter")
    expect(page.get_by_label("The stage", exact=True)).to_contain_text("function baml.Array.map", timeout=20_000)
    expect(page.get_by_label("Source", exact=True)).to_contain_text("function map<U>")


def a_run_that_is_left_by_a_reload_leaves_the_page_usable(dev: Dev) -> None:
    page = running(dev, "Linger")
    expect(page.get_by_label("The value", exact=True)).to_contain_text("a", timeout=10_000)
    page.reload()
    expect_state(page, "Not run yet")
    press_run(page)
    expect_state(page, "done in")


def a_server_that_has_ended_is_said(dev: Dev) -> None:
    page = dev.open()
    choose(page, "wait")
    page.get_by_label("milliseconds int").fill("60000")
    tab(page, "Run")
    press_run(page)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    before = len(dev.complaints)
    dev.process.terminate()
    dev.process.wait(timeout=60)
    expect(page.locator("#state")).to_contain_text("does not answer", timeout=20_000)
    expect(page.locator(".state").first).to_contain_text(re.compile("lost|cancelled"))
    del dev.complaints[before:]  # the browser itself notes each request that fails


def tests_that_hang_can_be_cancelled(dev: Dev) -> None:
    page = dev.open()
    choose(page, "All 2")
    press_run(page, "Run all")
    expect(page.get_by_text("passed in")).to_be_visible(timeout=20_000)
    expect(page.locator(".state")).to_have_text("running: 1 of 2 tests done")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".state")).to_have_text("1 of 2 did not pass")


def a_program_without_functions_says_so(dev: Dev) -> None:
    dev.file.write_text("class Nothing { a int }")
    page = dev.open()
    expect(page.get_by_text("No errors and no warnings.")).to_be_visible(timeout=20_000)
    dev.file.write_text("function broken( -> int { 1 }")
    expect(page.locator(".message.error").first).to_be_visible(timeout=20_000)
    dev.file.write_text("function whole() -> int { 1 }")
    choose(page, "whole")
    expect(page.get_by_text("It takes none.")).to_be_visible()
    tab(page, "Run")
    press_run(page)
    expect_state(page, "done in")


def a_connection_that_comes_back_is_used(dev: Dev) -> None:
    page = dev.open()
    before = len(dev.complaints)
    page.route("**/api/**", lambda route: route.abort())
    dev.file.write_text(dev.file.read_text() + "function more() -> int { 1 }")
    expect(page.locator("#state")).to_contain_text("does not answer", timeout=20_000)
    page.unroute("**/api/**")
    page.reload()
    expect(page.get_by_role("link", name="more")).to_be_visible(timeout=20_000)
    expect(page.locator("#state")).to_have_text("")
    del dev.complaints[before:]  # the browser itself notes each request that fails


def the_page_of_a_service(browser: Browser, source: str) -> None:
    """``/docs`` of ``bamlvm serve``, whose key is typed in."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "main.baml")
        file.write_text(source)
        command = [sys.executable, "-m", "bamlvm", "serve", str(file), "--port", "0", "--mock"]
        env = {**os.environ, "BAMLVM_KEYS": "the-key", "CHECK_KEY": KEY}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            for scheme in SCHEMES:
                complaints: list[str] = []
                page = browser.new_context(color_scheme=scheme).new_page()
                page.goto(f"{url}/docs")
                expect(page.get_by_text("401: type in a key")).to_be_visible(timeout=20_000)
                page.on("console", lambda message, found=complaints: found.append(message.text))  # type: ignore[misc]  # bound as a default
                page.get_by_label("Key").fill("the-key")
                page.get_by_label("Key").press("Enter")
                page.locator("summary").get_by_text("fib", exact=True).click()
                part = page.locator("details[open]")
                part.get_by_role("textbox").fill('{"n": 10}')
                part.get_by_role("button", name="Call").click()
                expect(part.locator("pre")).to_have_text("200 55")
                part.get_by_role("button", name="Stream").click()
                expect(part.locator("pre")).to_contain_text("event: final")
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
                assert complaints == [], complaints
        finally:
            process.terminate()
            process.wait(timeout=60)


def the_command_opens_the_page(browser: Browser, source: str) -> None:
    """The browser is started with a file; the token is in no address, and a reload finds it."""
    with tempfile.TemporaryDirectory() as folder:
        seen, program = Path(folder, "seen"), Path(folder, "browser")
        program.write_text(f'#!/bin/sh\necho "$@" > {seen}.part && mv {seen}.part {seen}\n')
        program.chmod(0o700)
        with serving(browser, source, "--browser", BROWSER=str(program)) as dev:
            while not seen.exists():
                time.sleep(0.02)
            context = browser.new_context()
            page = context.new_page()
            addresses: list[str] = []
            page.on("framenavigated", lambda frame: addresses.append(frame.url))
            page.on("console", lambda message: dev.complaints.append(message.text))
            page.goto(seen.read_text().strip())
            for _ in range(2):
                expect(page.get_by_role("heading", name="Extract", exact=True)).to_be_visible(timeout=20_000)
                page.reload()
            assert addresses[1].endswith("/open")
            assert not any(dev.url.partition("token=")[2] in each for each in addresses), addresses
            assert dev.complaints == [], dev.complaints


CHECKS = [
    a_link_in_a_new_tab_works,
    the_address_says_what_is_open,
    a_default_is_taken_unless_another_value_is_given,
    a_run_goes_on_while_something_else_is_open,
    a_save_ends_no_run,
    the_last_of_many_saves_is_shown,
    the_inside_follows_a_save,
    a_run_that_is_left_by_a_reload_leaves_the_page_usable,
    a_server_that_has_ended_is_said,
    a_connection_that_comes_back_is_used,
    tests_that_hang_can_be_cancelled,
    a_program_without_functions_says_so,
]
