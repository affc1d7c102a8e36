"""What others wrote, and what is large: markup everywhere, every kind of type in the form, recordings that are not as
they should be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, expect

from tests.web.browser import Dev, choose, expect_state, press_run, running, serving, tab

MARKUP: Final = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 1</script>"
SOURCE = """
client<llm> Fast { provider openai  options { model "fast"  api_key env.CHECK_KEY  base_url "URL/v1" } }
/// MARKUP
class Tree { name string @description("MARKUP")  left Tree?  kids Tree[] }
enum Mood { Good Bad @description("MARKUP") }
class Open { a int  @@dynamic }
class Cat { meow string  age int }
class Dog { bark string }
type Pet = Cat | Dog
type Json = string | int | float | bool | null | Json[] | map<string, Json>
/// MARKUP
function Marked(text: string) -> string { client Fast  prompt #"marked MARKUP {{ text }}"# }
function Huge(text: string) -> string { client Fast  prompt #"huge {{ text|length }}"# }
function Repeat(text: string) -> string { client Fast  prompt #"repeat {{ text }}{{ text|upper }}"# }
function Smile(text: string) -> string[] { client Fast  prompt #"smile {{ text }}"# }
function tree(t: Tree) -> Tree { t }
function pet(p: Pet | int) -> Pet | int { p }
function table(m: map<string, int>, n: map<Mood, Mood[]>) -> map<string, int> { m }
function any_json(j: Json) -> Json { j }
function seen(i: image) -> string { "seen" }
function opened(o: Open) -> Open { o }
function optional(a: int?, b: string?, c: Mood?, d: (int | string)[]?, e: float) -> float { e }
function applied(f: (int) -> int) -> int { f(1) }
function throws_markup() -> int { throw "MARKUP" }
function deep(n: int) -> Json { let all: Json = 1; for (let i = 0; i < n; i += 1) { all = [all]; } all }
function walk(n: int) -> int {
  let twice = (x: int) -> int { x * 2 };
  let sum = 0;
  for (let i = 0; i < n; i += 1) { sum += twice(i); baml.sys.sleep(1); }
  if (sum > 100) { throw "too much" }
  sum
}
function twenty(PARAMETERS) -> int { p0 + p19 }
test Marked { functions [throws_markup]  args {} }
""".replace("MARKUP", MARKUP.replace('"', "'")).replace("PARAMETERS", ", ".join(f"p{n}: int" for n in range(20)))
SMILES: Final = json.dumps([f"\U0001f600 {number} \u4e2d" for number in range(200)], ensure_ascii=False)
RULES: list[dict[str, Any]] = [
    {"prompt": "marked", "answers": [{"text": MARKUP * 3, "piece_length": 7}]},
    {"prompt": "huge", "answers": [{"text": "All work and no play. " * 230_000, "piece_length": 20_000}]},
    {"prompt": "repeat", "answers": [{"text": "done"}]},
    {"prompt": "smile", "answers": [{"text": SMILES, "piece_length": 11, "delay_ms": 5}]},
]


def run(page: Page) -> Any:
    """Run what is open; return its value."""
    tab(page, "Run")
    press_run(page)
    expect_state(page, "done in")
    return json.loads(page.get_by_label("The value", exact=True).text_content() or "")


def is_unharmed(page: Page) -> None:
    assert page.evaluate("() => window.hacked") is None
    assert page.locator("main img, nav img, main script").count() == 0


def markup_is_text(dev: Dev) -> None:
    dev.file.with_name("<img src=x onerror=hacked>.baml").write_text("function in_a_file() -> int { 1 }\n")
    page = dev.open()
    expect(page.locator(".doc")).to_have_text(MARKUP)
    page.get_by_label("text string").fill(MARKUP)
    expect(page.locator(".message pre")).to_contain_text(MARKUP)
    is_unharmed(page)
    tab(page, "Run")
    press_run(page)
    expect_state(page, "done in")
    expect(page.get_by_label("The value", exact=True)).to_have_text(MARKUP * 3)
    for name in ("Attempts", "Raw events"):
        tab(page, name)
        is_unharmed(page)
    choose(page, "throws_markup")
    press_run(page)
    expect_state(page, "window.hacked = 1")
    tab(page, "Inside")
    expect(page.get_by_label("Source", exact=True)).to_contain_text("onerror")
    page.get_by_role("button", name="Step through a call").click()
    expect(page.locator(".machine")).to_contain_text("onerror")
    is_unharmed(page)
    choose(page, "in_a_file")
    expect(page.get_by_text("<img src=x onerror=hacked>.baml")).to_be_visible(timeout=10_000)
    choose(page, "All 1")
    press_run(page, "Run all")
    expect(page.locator("td pre.error")).to_contain_text("onerror", timeout=20_000)
    is_unharmed(page)


def every_type_has_a_form(dev: Dev) -> None:
    page = dev.open()
    choose(page, "tree")
    page.get_by_label("name string").fill("root")
    page.get_by_role("button", name="Add an item").click()
    page.get_by_label("name string").nth(1).fill("leaf")
    page.get_by_label("left Tree").first.select_option("Tree")
    page.get_by_label("name string").nth(1).fill("left")
    leaf = {"name": "leaf", "left": None, "kids": []}
    assert run(page) == {"name": "root", "left": {"name": "left", "left": None, "kids": []}, "kids": [leaf]}
    page.reload()  # what was typed is kept
    assert run(page) == {"name": "root", "left": {"name": "left", "left": None, "kids": []}, "kids": [leaf]}

    choose(page, "pet")
    page.get_by_label("p Cat").select_option("Dog")
    page.get_by_label("bark string").fill("wau")
    assert run(page) == {"bark": "wau"}
    page.reload()
    assert run(page) == {"bark": "wau"}
    page.get_by_label("p Cat").select_option("int")
    page.get_by_label("int", exact=True).fill("-9223372036854775808")
    assert run(page) == -9223372036854775808

    choose(page, "table")
    page.get_by_role("button", name="Add an entry").first.click()
    page.get_by_label("Key").fill("b")
    page.get_by_role("spinbutton", name="Value").fill("1")
    page.get_by_role("button", name="Add an entry").first.click()
    page.get_by_label("Key").nth(1).fill("a")
    page.get_by_role("spinbutton", name="Value").nth(1).fill("2")
    page.get_by_role("button", name="Add an entry").nth(1).click()
    assert list(run(page).items()) == [("b", 1), ("a", 2)]
    page.get_by_label("Key").nth(1).fill("b")
    press_run(page)
    expect_state(page, "is there twice")

    choose(page, "any_json")
    page.get_by_label("j Json").select_option("Json[]")
    page.get_by_role("button", name="Add an item").click()
    page.get_by_label("Item", exact=True).select_option("float")
    page.get_by_label("float", exact=True).fill("2.50")
    assert run(page) == [2.5]

    choose(page, "seen")
    page.get_by_label("i image").select_option("file")
    page.get_by_label("File").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"\x89PNG"})
    tab(page, "Run")
    press_run(page)
    expect_state(page, "done in")
    page.get_by_label("i image").select_option("url")
    page.get_by_label("Address").fill("https://h.example/a.png")
    press_run(page)
    expect_state(page, "done in")

    choose(page, "opened")
    page.get_by_label("a int").fill("1")
    assert run(page)["a"] == 1

    choose(page, "optional")
    page.get_by_label("e float").fill("1e3")
    assert run(page) == 1000.0
    page.get_by_label("a int?").select_option("int")
    page.get_by_label("int", exact=True).fill("7")
    assert run(page) == 1000.0

    choose(page, "applied")
    tab(page, "Run")
    press_run(page)
    expect_state(page, "expected")

    choose(page, "twenty")
    for number in range(20):
        page.get_by_label(f"p{number} int", exact=True).fill(str(number))
    assert run(page) == 19


def a_prompt_of_a_megabyte_is_shown(dev: Dev) -> None:
    page = dev.open()
    choose(page, "Repeat")
    page.get_by_label("text string").fill("x" * 1_000_000)
    expect(page.locator(".message pre")).to_contain_text("characters …", timeout=30_000)
    expect(page.get_by_text(re.compile("about .* tokens"))).to_be_visible()
    tab(page, "Run")
    press_run(page)
    expect_state(page, "done in", 60_000)


def an_answer_of_five_megabytes_is_shown(dev: Dev) -> None:
    page = running(dev, "Huge")
    expect_state(page, "done in", 120_000)
    slider = page.get_by_label("Scrub through the events")
    slider.press("Home")
    slider.press("ArrowRight")
    slider.press("End")
    slider.press("ArrowLeft")
    expect(page.get_by_label("The value", exact=True)).to_contain_text("All work and no play.")


def text_outside_the_first_plane_grows_rightly(dev: Dev) -> None:
    page = running(dev, "Smile")
    expect_state(page, "done in", 60_000)
    value = page.get_by_label("The value", exact=True)
    assert json.loads(value.text_content() or "") == json.loads(SMILES)
    slider = page.get_by_label("Scrub through the events")
    for _ in range(4):
        slider.press("PageDown")
        expect(page.get_by_text("an earlier moment of the run")).to_be_visible()
        text = json.loads(value.text_content() or "[]")
        assert text[:-1] == json.loads(SMILES)[: len(text) - 1]
    choose(page, "deep")
    page.get_by_label("n int").fill("3000")
    tab(page, "Run")
    press_run(page)
    expect_state(page, re.compile("done in|nested"))


def the_stepper_walks_through_anything(dev: Dev) -> None:
    page = dev.open()
    choose(page, "walk")
    page.get_by_label("n int").fill("3")
    tab(page, "Inside")
    page.get_by_role("button", name="Step through a call").click()
    expect(page.get_by_text("It returned 6.")).to_be_visible(timeout=20_000)
    slider = page.get_by_label("Step", exact=True)
    slider.press("End")
    expect(page.locator(".instruction")).to_contain_text("return")
    page.get_by_label("n int").fill("30")
    page.get_by_role("button", name="Step through a call").click()
    expect(page.locator(".machine .error")).to_contain_text("too much", timeout=20_000)
    choose(page, "Repeat")
    page.get_by_role("button", name="Step through a call").click()
    expect(page.get_by_text('It returned "done".')).to_be_visible(timeout=20_000)


CHECKS = [
    markup_is_text,
    every_type_has_a_form,
    a_prompt_of_a_megabyte_is_shown,
    an_answer_of_five_megabytes_is_shown,
    text_outside_the_first_plane_grows_rightly,
    the_stepper_walks_through_anything,
]


def exchange(**parts: Any) -> str:
    request = {"method": "POST", "url": f"http://h.example/{MARKUP}", "headers": [["x", MARKUP]], "body": MARKUP}
    response = {"status": 200, "headers": [["content-type", MARKUP]], "at": 0.1}
    return json.dumps({"request": request, "response": response, "end": "complete", "seconds": 1.0, **parts})


def hostile_recordings_open(browser: Browser, source: str) -> None:
    """Huge, cut short, of nobody's function, with half characters, full of markup: each is shown."""
    half = {"base64": "8J+Y"}  # three of the four bytes of a smile
    lines = [
        json.dumps({"call": MARKUP, "arguments": {"a": MARKUP}}),
        exchange(chunks=[[0.1, MARKUP], [0.2, half], [0.3, {"base64": "gA=="}]]),
        exchange(response=None, end="error", error={"type": MARKUP, "message": MARKUP}),
        exchange(chunks=[[n / 1000, "data: x\n\n"] for n in range(1_000_000)]),
        *(exchange(seconds=n) for n in range(1_000)),
        exchange()[:200],
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.jsonl")
        path.write_text("\n".join(lines))
        with serving(browser, source, "--open", str(path)) as dev:
            page = dev.open()
            expect(page.get_by_text("1,003 exchanges")).to_be_visible(timeout=60_000)
            expect(page.get_by_text("breaks off")).to_be_visible()
            expect(page.get_by_text("cannot be run again")).to_be_visible()
            exchanges = page.locator(".exchanges > details")
            expect(exchanges).to_have_count(200)
            expect(exchanges.first.get_by_label("The answer so far")).to_have_text(f"{MARKUP}\U0001f600")
            exchanges.nth(2).locator("summary").first.click()
            slider = exchanges.nth(2).get_by_label("Scrub through the pieces of the answer")
            slider.press("Home", timeout=60_000)
            slider.press("ArrowRight")
            expect(exchanges.nth(2).get_by_text("200 of 1,000,000 pieces")).to_be_visible()
            page.get_by_role("button", name="Show more").click()
            expect(exchanges).to_have_count(400)
            is_unharmed(page)
            assert dev.complaints == [], dev.complaints


def what_is_no_recording_is_refused(browser: Browser, source: str) -> None:
    """The command says why, and serves nothing."""
    for text, reason in (
        (exchange(version=9) + "\n", "version 9 of recordings is not supported"),
        ('{"request": 1}\n', "not a recorded exchange"),
        (exchange(chunks="x") + "\n", "not a recorded exchange"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "main.baml").write_text(source)
            Path(folder, "run.jsonl").write_text(text)
            command = [sys.executable, "-m", "bamlvm", "dev", "main.baml", "--open", "run.jsonl"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode != 0
            assert reason in done.stderr, done.stderr
            assert done.stdout == ""


RECORDINGS = (hostile_recordings_open, what_is_no_recording_is_refused)
