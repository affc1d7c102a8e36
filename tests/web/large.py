"""A program of 500 functions, and fifty calls at once."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import expect

from tests.web.browser import Dev, choose, expect_state, press_run, tab

SOURCE = """
client<llm> Fast { provider openai  options { model "fast"  api_key env.CHECK_KEY  base_url "URL/v1" } }
""" + "".join(
    f"""
class Query{number} {{ text string  limit int?  tags string[]  inner Query{number // 5 * 5 + (number + 1) % 5}? }}
function Ask{number}(query: Query{number}, note: string) -> Query{number} {{
  client Fast
  prompt #"many {number} {{{{ query.text }}}} {{{{ note }}}} {{{{ ctx.output_format }}}}"#
}}
function plain{number}(n: int) -> int {{ baml.sys.sleep(300); n + {number} }}
"""
    for number in range(250)
)
RULES: list[dict[str, Any]] = [{"prompt": "many", "answers": [{"text": '{"text": "x", "tags": []}'}]}]


def a_program_of_500_functions_is_usable(dev: Dev) -> None:
    started = time.monotonic()
    page = dev.open()
    expect(page.get_by_role("heading", name="Ask0", exact=True)).to_be_visible(timeout=60_000)
    opened = time.monotonic()
    page.get_by_label("Filter the functions").fill("ask24")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(12)  # ten, one more, and the problems
    choose(page, "Ask249")
    page.get_by_label("note string").fill("typed")
    expect(page.locator(".message pre")).to_contain_text("many 249", timeout=20_000)
    expect(page.locator(".message pre")).to_contain_text("typed", timeout=20_000)
    saved = time.monotonic()
    dev.file.write_text(dev.file.read_text().replace("many 249", "very many 249"))
    expect(page.locator(".message pre")).to_contain_text("very many 249", timeout=60_000)
    expect(page.get_by_label("note string")).to_have_value("typed")
    print(f"    opened in {opened - started:.1f} s; a save was shown after {time.monotonic() - saved:.1f} s")


def fifty_calls_run_at_once(dev: Dev) -> None:
    page = dev.open()
    for number in range(50):
        choose(page, f"plain{number}")
        page.get_by_label("n int").fill("1")
        tab(page, "Run")
        press_run(page)
    choose(page, "Ask0")  # meanwhile the rest of the page works
    tab(page, "Prompt")
    expect(page.locator(".message pre")).to_contain_text("many 0", timeout=20_000)
    for number in range(50):
        choose(page, f"plain{number}")
        expect_state(page, "done in")
        expect(page.get_by_label("The value", exact=True)).to_have_text(str(number + 1))


CHECKS = [a_program_of_500_functions_is_usable, fifty_calls_run_at_once]
