"""A program whose LLM function returns an order with checks, asserts and stream attributes, and an answer for it."""

from __future__ import annotations

import json

from bamlvm import Check

SOURCE = """
client C { provider openai  options { model "m"  api_key env.KEY } }
client Two { provider fallback  options { strategy [C] } }
enum Mood { Happy  Sad  mro  None }
class Item {
  name string
  price float @check(cheap, {{ this < 10 }}) @assert(positive, {{ this > 0 }})
  tags string[]
}
class Order {
  items Item[]
  mood Mood?
  note string @check(short, {{ this|length < 5 }})
  class string?
  codes (int @check(odd, {{ this % 2 == 1 }}))[]
  one Item @stream.done
  state string @stream.with_state
  prices map<string, Item>
}
class Whole { a int  b int  @@stream.done  @@check(more, {{ this.a > this.b }}) }
class Must { id int @stream.not_null  text string }
class Names { class string  class_ int  __init__ bool  None int? }
function Extract(x: string, p: Item? ) -> Order {
  client Two
  prompt #"{{ _.role("system") }}Read {{ x }} {{ _.role("user") }}{{ ctx.output_format }}"#
}
function Size(x: string) -> int @check(big, {{ this > 10 }}) @assert(some, {{ this > 0 }}) {
  client C
  prompt #"{{ x }}"#
}
function Wholes() -> Whole[] { client C  prompt "" }
function Musts() -> Must[] { client C  prompt "" }
function Named() -> Names { client C  prompt "" }
function Plain(x: Names) -> Names { x }
"""

ORDER = {
    "items": [
        {"name": "a", "price": 5, "tags": ["x", "y"]},
        {"name": "bad", "price": -5, "tags": []},
        {"name": "b", "price": 15, "tags": []},
    ],
    "mood": "happy",
    "note": "a long note",
    "class": "k",
    "codes": [1, 2],
    "one": {"name": "o", "price": 1, "tags": ["z"]},
    "state": "done",
    "prices": {"p": {"name": "p", "price": 2, "tags": []}, "q": {"name": "q", "price": -2, "tags": []}},
}

TEXT = json.dumps(ORDER)


def check(name: str, expression: str, holds: bool) -> dict[str, Check]:
    return {name: Check(name, expression, "succeeded" if holds else "failed")}
