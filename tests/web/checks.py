"""What the page is for, each part used as a person would."""

from __future__ import annotations

import base64
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from bamlvm import CallContext, Runtime
from bamlvm.replay import RecordingTransport
from bamlvm.sysops.web.clients import NetworkTransport
from tests.web.browser import KEY, SCHEMES, SHOTS, Dev, choose, expect_state, press_run, running, serving, shoot, tab

SOURCE = """
/// Who is meant.
class Person { name string @description("full name")  age int?  tags string[] }
enum Mood { Good Bad }
class Query { person Person  moods Mood[]  limit int | "all" }
retry_policy Twice { max_retries 1  strategy { type constant_delay  delay_ms 300 } }
client<llm> Broken {
  provider openai
  retry_policy Twice
  options { model "broken"  api_key env.CHECK_KEY  base_url "URL/v1" }
}
client<llm> Fast { provider openai  options { model "fast"  api_key env.CHECK_KEY  base_url "URL/v1" } }
client<llm> Safe { provider fallback  options { strategy [Broken, Fast] } }
/// Extract a person from a text.
function Extract(text: string, query: Query?) -> Person {
  client Safe
  prompt #"{{ _.role("system") }}You extract people. {{ ctx.output_format }}{{ _.role("user") }}{{ text }}"#
}
function Long(text: string) -> string { client Fast  prompt #"long {{ text }}"# }
function Cut(text: string) -> string { client Fast  prompt #"cut {{ text }}"# }
function Slow(text: string) -> string { client Fast  prompt #"slow {{ text }}"# }
function fib(n: int) -> int {
  if (n < 2) { return n; }
  fib(n - 1) + fib(n - 2)
}
class Sum { of int[]  total int }
function sum(items: int[], secret: string = env.CHECK_KEY) -> Sum {
  let found = Sum { of: items, total: 0 };
  for (let each in items) {
    let more = square(each);
    found.total += more;
  }
  found
}
function square(n: int) -> int { n * n }
function flood(n: int) -> string {
  for (let i = 0; i < n; i += 1) { baml.stream.emit_partial(`value ${i}`); }
  "done"
}
test Ada { functions [Extract]  args { text "Ada" }  @@assert(named, {{ this.name == "Nobody" }}) }
test Fib { functions [fib]  args { n 10 }  @@assert(right, {{ this == 55 }}) }
"""
ANSWER = '{"name": "Ada Lovelace", "age": 36, "tags": ["mathematician", "writer"]}'
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
RULES: list[dict[str, Any]] = [
    {"model": "broken", "answers": [{"faults": [{"kind": "status", "code": 503}]}]},
    {"prompt": "long", "answers": [{"text": "All work and no play. " * 48_000, "piece_length": 2_000}]},
    {
        "prompt": "cut",
        "answers": [
            {"text": "one two three", "piece_length": 4, "delay_ms": 60, "faults": [{"kind": "truncate", "at": 800}]}
        ],
    },
    {"prompt": "slow", "answers": [{"text": "one two three four five six seven eight", "delay_ms": 400}]},
]
OTHERWISE = {"answers": [{"text": ANSWER, "piece_length": 8, "delay_ms": 30}]}


def the_prompt_follows_the_form(dev: Dev) -> None:
    page = dev.open()
    page.get_by_label("text string").fill("Ada was 36.")
    expect(page.locator(".message").last).to_contain_text("Ada was 36.")
    expect(page.get_by_text(re.compile("about \\d+ tokens"))).to_be_visible()
    page.get_by_label("query Query").select_option("Query")
    page.get_by_label("name string").fill("Ada")
    page.get_by_role("button", name="Add an item").first.click()
    tab(page, "curl")
    expect(page.locator("#panel-curl pre")).to_contain_text('-H "authorization: Bearer $API_KEY"')
    assert KEY not in page.content()
    shoot(dev, "prompt", lambda each: each.get_by_label("text string").fill("Ada Lovelace was 36 when she died."))


def an_image_is_shown_in_the_prompt(dev: Dev) -> None:
    picture = dev.file.with_name("dot.png")
    picture.write_bytes(base64.b64decode(PICTURE))
    dev.file.write_text(
        dev.file.read_text() + 'function See(scan: image) -> string { client Fast  prompt #"{{ scan }}"# }\n'
    )
    page = dev.open()
    choose(page, "See")
    expect(page.locator(".message pre")).to_have_text("<image without an address>")
    page.get_by_label("scan image").select_option("file")
    page.get_by_label("File").set_input_files(picture)
    expect(page.get_by_role("img", name="the image")).to_be_visible()
    assert page.evaluate("() => document.querySelector('.message img').naturalWidth") == 1
    expect(page.locator(".message pre")).to_have_text(f"<image image/png {len(PICTURE)} characters of base64>")
    assert Axe().run(page).violations_count == 0


def a_failed_run_says_what_its_value_is(dev: Dev) -> None:
    page = running(dev, "Cut")
    expect_state(page, "AllAttemptsFailed")
    expect(page.get_by_text("the last partial value")).to_be_visible()
    expect(page.get_by_label("The value", exact=True)).to_contain_text("one two")


def a_run_grows_and_shows_its_attempts(dev: Dev) -> None:
    def run(page: Page) -> None:
        page.get_by_label("text string").fill("Ada")
        tab(page, "Run")
        press_run(page)
        expect(page.get_by_label("The value", exact=True)).to_contain_text("Ada", timeout=20_000)
        expect_state(page, "done in", 20_000)

    page = dev.open()
    run(page)
    expect(page.get_by_label("The value", exact=True)).to_contain_text('"age": 36')
    tab(page, "Attempts")
    rows = page.locator("tr.attempt")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("503 failed")
    expect(page.locator(".track .connect").first).to_be_attached()
    expect(rows.nth(2)).to_contain_text("200")
    tab(page, "Raw events")
    expect(page.get_by_label("The events", exact=True)).to_contain_text("chat.completion.chunk")
    tab(page, "Value")
    slider = page.get_by_label("Scrub through the events")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    expect(page.get_by_label("The value", exact=True)).not_to_contain_text("writer")

    def attempts(each: Page) -> None:
        run(each)
        tab(each, "Attempts")

    shoot(dev, "attempts", attempts)


def a_run_can_be_cancelled(dev: Dev) -> None:
    page = running(dev, "Slow")
    expect(page.get_by_label("The value", exact=True)).to_contain_text("one", timeout=10_000)
    page.get_by_role("button", name="Cancel").click()
    expect_state(page, "cancelled after")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()


def a_megabyte_of_text_opens(dev: Dev) -> None:
    page = running(dev, "Long")
    expect_state(page, "done in", 60_000)
    expect(page.get_by_label("The value", exact=True)).to_contain_text("characters …")
    slider = page.get_by_label("Scrub through the events")
    slider.press("ArrowLeft")
    expect(page.get_by_label("The value", exact=True)).to_contain_text("All work and no play.")


def ten_thousand_partials_a_second_do_not_freeze_it(dev: Dev) -> None:
    page = dev.open()
    choose(page, "flood")
    page.get_by_label("n int").fill("200000")
    tab(page, "Run")
    page.evaluate(
        "() => { window.longest = 0; let last = performance.now();"
        " const tick = (now) => { window.longest = Math.max(window.longest, now - last); last = now;"
        " requestAnimationFrame(tick); }; requestAnimationFrame(tick); }"
    )
    started = time.monotonic()
    press_run(page)
    expect_state(page, "done in", 120_000)
    took = time.monotonic() - started
    longest = page.evaluate("() => window.longest")
    print(f"    200,000 partial values in {took:.1f} s; the longest time between two frames was {longest:.0f} ms")
    assert longest < 1000


def the_inside_of_a_function(dev: Dev) -> None:
    def step(page: Page) -> None:
        choose(page, "fib")
        page.get_by_label("n int").fill("4")
        tab(page, "Inside")
        page.get_by_role("button", name="Step through a call").click()
        expect(page.get_by_text("It returned 3.")).to_be_visible()
        for button in ("Over", "Over", "Over", "Into"):
            page.get_by_role("button", name=button).click()

    page = dev.open()
    step(page)
    expect(page.locator(".source .now")).to_have_text(["  if (n < 2) { return n; }", re.compile("load_local_const")])
    expect(page.get_by_label("Calls, innermost first").locator("li")).to_have_text(
        [re.compile("fib:\\d+"), re.compile("fib:\\d+")]
    )
    page.get_by_role("button", name="Out", exact=True).click()
    expect(page.locator(".source .now")).to_have_text(["  fib(n - 1) + fib(n - 2)", re.compile("sub_local_const")])
    for stage in ("tokens", "ast", "hir", "tir", "mir", "python"):
        page.get_by_label("Stage", exact=True).select_option(stage)
        expect(page.get_by_label("The stage", exact=True)).to_contain_text("fib" if stage != "tokens" else "function")
    shoot(dev, "inside", step)


def a_call_is_stepped_through_line_by_line(dev: Dev) -> None:
    def begin(page: Page) -> None:
        choose(page, "sum")
        for number in ("3", "4"):
            page.get_by_role("button", name="Add an item").click()
            page.locator(".items input").last.fill(number)
        tab(page, "Inside")
        page.get_by_role("button", name="Step through a call").click()
        page.get_by_label("whole lines").check()

    def at(page: Page, line: str, **locals_: str) -> None:
        expect(page.get_by_label("Source", exact=True).locator(".now")).to_have_text(line)
        shown = page.locator(".locals")
        for name, value in locals_.items():
            expect(shown.locator(f"dt:text-is('{name}') + dd")).to_have_text(value)

    def press(page: Page, *names: str) -> None:
        for name in names:
            page.get_by_role("button", name=name).click()

    page = dev.open()
    begin(page)
    press(page, "Over")
    at(page, "  let found = Sum { of: items, total: 0 };", items="[3, 4]", secret='"***"')
    press(page, "Over", "Over")
    at(page, "    let more = square(each);", found="Sum { of: [3, 4], total: 0 }", each="3")
    expect(page.locator(".locals dt:text-is('more')")).to_have_count(0)
    press(page, "Into")
    at(page, "function square(n: int) -> int { n * n }", n="3")
    press(page, "Back")
    at(page, "    let more = square(each);", each="3")
    press(page, "Over")
    at(page, "    found.total += more;", more="9")
    press(page, "Over", "Over", "Into", "Out", "Over")
    at(page, "  for (let each in items) {", found="Sum { of: [3, 4], total: 25 }")
    dev.file.write_text(dev.file.read_text() + "\n// saved")
    expect(page.get_by_text("The program has changed since this call.")).to_be_visible(timeout=20_000)
    at(page, "  for (let each in items) {", found="Sum { of: [3, 4], total: 25 }")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Step through a call")).to_be_focused()
    expect(page.get_by_label("The stage", exact=True)).to_contain_text("function sum")

    def stepped(page: Page) -> None:
        begin(page)
        press(page, "Over", "Over", "Over", "Over", "Into")

    shoot(dev, "steps", stepped)


def tests_run(dev: Dev) -> None:
    def run(page: Page) -> None:
        choose(page, "All 2")
        page.get_by_role("button", name="Run all").click()
        expect(page.locator("tbody tr").nth(0)).to_contain_text("failed", timeout=20_000)
        expect(page.locator("tbody tr").nth(1)).to_contain_text("passed", timeout=20_000)

    page = dev.open()
    run(page)
    expect(page.get_by_text('this.name is "Ada Lovelace"')).to_be_visible()
    shoot(dev, "tests", run)


def a_save_is_seen_at_once(dev: Dev) -> None:
    page = dev.open()
    page.get_by_label("text string").fill("kept")
    source = dev.file.read_text()
    dev.file.write_text(source.replace("You extract people.", "You find people."))
    expect(page.locator(".message").first).to_contain_text("You find people.", timeout=10_000)
    expect(page.get_by_label("text string")).to_have_value("kept")
    dev.file.write_text(source.replace("fib(n - 1)", "fob(n - 1)"))
    expect(page.get_by_text("1 error: the last version without errors runs")).to_be_visible(timeout=10_000)
    choose(page, "1 finding")
    expect(page.get_by_role("main")).to_contain_text("did you mean `fib`?")
    expect(page.get_by_label("The source")).to_contain_text("fob(n - 1)")
    page.wait_for_timeout(400)
    assert Axe().run(page).violations_count == 0
    dev.file.write_text(source)
    expect(page.get_by_text("No errors and no warnings.")).to_be_visible(timeout=10_000)


def the_keyboard_is_enough(dev: Dev) -> None:
    page = dev.open()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_label("text string").focus()
    page.keyboard.type("Ada")
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.getAttribute('role')") == "tab":
            break
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Run", exact=True)).to_be_focused()
    expect(page.get_by_role("tab", name="Run", exact=True)).to_have_attribute("aria-selected", "true")
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.textContent") == "Run":
            break
    page.keyboard.press("Enter")
    expect_state(page, "done in", 20_000)


def a_screen_reader_finds_everything(dev: Dev) -> None:
    def stepping(page: Page) -> None:
        choose(page, "fib")
        page.get_by_label("n int").fill("4")
        tab(page, "Inside")
        page.get_by_role("button", name="Step through a call").click()
        page.get_by_role("button", name="Over").click()

    views: list[Callable[[Page], None]] = [
        lambda page: None,
        lambda page: page.get_by_label("query Query").select_option("Query") and None,
        lambda page: tab(page, "Run"),
        lambda page: tab(page, "Inside"),
        stepping,
        lambda page: choose(page, "All 2"),
        lambda page: choose(page, "None"),
    ]
    for scheme in SCHEMES:
        for prepare in views:
            page = dev.open(scheme)
            prepare(page)
            page.wait_for_timeout(400)
            page.evaluate("() => document.querySelectorAll('details').forEach((each) => (each.open = true))")
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            page.context.close()


def it_fits_a_narrow_window(dev: Dev) -> None:
    for scheme in SCHEMES:
        page = dev.open(scheme, width=420)
        for name in ("Inside", "Run", "Prompt"):
            tab(page, name)
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth + 1"), name
        page.screenshot(path=SHOTS / f"narrow-{scheme}.png", full_page=True)
    page = dev.open(width=650)  # half of a usual window: as at a zoom of 200 %
    tab(page, "Run")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth + 1")


def a_recording_can_be_scrubbed(browser: Browser, source: str) -> None:
    """A failed call is looked at afterwards, without its server."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.jsonl")
        transport = RecordingTransport(NetworkTransport(), path)
        with Runtime.from_files({"main.baml": source}, transport=transport, env={"CHECK_KEY": KEY}) as runtime:
            runtime.call_function_sync("Extract", {"text": "Ada"}, CallContext(on_partial=lambda value: None))
        with serving(browser, source, "--open", str(path)) as dev:
            page = dev.open()
            expect(page.get_by_role("main").get_by_role("heading", name="Recording", exact=True)).to_be_visible()
            exchanges = page.locator(".exchanges > details")
            expect(exchanges).to_have_count(3)
            exchanges.last.locator("summary").first.click()
            slider = exchanges.last.get_by_label("Scrub through the pieces of the answer")
            slider.fill("2")
            expect(page.get_by_text(re.compile("2 of \\d+ pieces"))).to_be_visible()
            page.get_by_role("button", name="Replay").click()
            expect(page.get_by_label("The value", exact=True)).to_contain_text("Ada Lovelace", timeout=20_000)
            page.screenshot(path=SHOTS / "recording.png", full_page=True)
            assert dev.complaints == [], dev.complaints


def a_recording_that_is_written_is_followed(browser: Browser, source: str) -> None:
    """What is appended appears; what is open stays open; a line that is written yet comes when it is whole."""
    with tempfile.TemporaryDirectory() as folder:
        path, shown = Path(folder, "whole.jsonl"), Path(folder, "run.jsonl")
        transport = RecordingTransport(NetworkTransport(), path)
        with Runtime.from_files({"main.baml": source}, transport=transport, env={"CHECK_KEY": KEY}) as runtime:
            runtime.call_function_sync("Extract", {"text": "Ada"}, CallContext(on_partial=lambda value: None))
        lines = path.read_text().splitlines(keepends=True)
        shown.write_text(lines[0])
        with serving(browser, source, "--open", str(shown)) as dev:
            page = dev.open()
            expect(page.get_by_text("It has none yet.")).to_be_visible()
            page.get_by_text("Its arguments").click()
            expect(page.get_by_label("The arguments")).to_contain_text('"text": "Ada"')
            exchanges = page.locator(".exchanges > details")
            for number in (1, 2):
                with shown.open("a") as file:
                    file.write(lines[number])
                expect(exchanges).to_have_count(number, timeout=10_000)
            expect(exchanges.first.get_by_label("The request")).to_be_visible()
            with shown.open("a") as file:
                file.write(lines[3][:100])
            expect(page.get_by_text("breaks off")).to_be_visible(timeout=10_000)
            with shown.open("a") as file:
                file.write(lines[3][100:])
            expect(exchanges).to_have_count(3, timeout=10_000)
            expect(page.get_by_text("breaks off")).to_have_count(0)
            expect(exchanges.first.get_by_label("The request")).to_be_visible()
            page.get_by_role("button", name="Replay").click()
            expect(page.get_by_label("The value", exact=True)).to_contain_text("Ada Lovelace", timeout=20_000)
            assert dev.complaints == [], dev.complaints


CHECKS = [
    the_prompt_follows_the_form,
    an_image_is_shown_in_the_prompt,
    a_run_grows_and_shows_its_attempts,
    a_failed_run_says_what_its_value_is,
    a_run_can_be_cancelled,
    a_megabyte_of_text_opens,
    ten_thousand_partials_a_second_do_not_freeze_it,
    the_inside_of_a_function,
    a_call_is_stepped_through_line_by_line,
    tests_run,
    a_save_is_seen_at_once,
    the_keyboard_is_enough,
    a_screen_reader_finds_everything,
    it_fits_a_narrow_window,
]
