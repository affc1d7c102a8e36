"""LLM functions that return classes, lists and unions, end to end: a program, a real server, typed partial values."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

import bamlvm
from bamlvm.mock import MockServer

PROGRAM = """
retry_policy Again { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
client<llm> C { provider openai  retry_policy Again  options { model "gpt-4o"  api_key "k"  base_url "URL/v1" } }

enum Unit { Piece Kilo }
class Item { name string  price float  unit Unit  note string? }
class Order { customer string @alias("client name")  items Item[]  total float }
class Refusal { kind "refusal"  reason string }
class Offer { kind "offer"  prices map<string, float> }

function Extract(text: string) -> Order { client C  prompt #"{{ text }} {{ ctx.output_format }}"# }
function Answer(text: string) -> Refusal | Offer { client C  prompt #"{{ text }}"# }
function Names(text: string) -> string[] { client C  prompt #"{{ text }}"# }
function Picture(text: string) -> image? { client C  prompt #"{{ text }}"# }

function total(text: string) -> string {
  let order = Extract(text);
  let sum = 0.0;
  for (let item in order.items) {
    sum += item.price;
  }
  let first = order.items[0];
  `${order.customer}: ${sum == order.total}, ${first.unit == Unit.Kilo}`
}

function read(pieces: string[]) -> string[] {
  let client = baml.llm.get_client("Extract").primitive();
  let parser = client.new_stream_parser(baml.llm.get_return_type("Extract"));
  let seen: string[] = [];
  for (let piece in pieces) {
    let partial = parser.feed(piece);
    if (partial != null) {
      seen.push(baml.json.stringify(partial));
    }
  }
  seen.push(baml.json.stringify(parser.finish()));
  parser.close();
  seen
}
"""

ORDER = {
    "client name": "Ann",
    "items": [{"name": f"item {n}", "price": n + 0.5, "unit": "Kilo", "note": None} for n in range(3)],
    "total": 4.5,
}


@pytest.fixture
def runtime(mock_server: MockServer) -> Any:
    with bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("URL", mock_server.url)}) as made:
        yield made
        assert made.handles == 0, "the call left handles open"


def say(mock_server: MockServer, *texts: str, size: int = 5) -> None:
    """Have the server answer with each text, in small pieces."""
    answers = [{"pieces": [text[at : at + size] for at in range(0, len(text), size)], "delay_ms": 1} for text in texts]
    mock_server.play({"rules": [{"answers": answers, "after": "repeat"}]})


async def test_a_class_is_returned(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    say(mock_server, f"Sure:\n```json\n{json.dumps(ORDER)}\n```")
    order = await runtime.call_function("Extract", {"text": "x"})
    assert isinstance(order, runtime.types.Order)
    assert (order.customer, len(order.items), order.items[1].price) == ("Ann", 3, 1.5)
    assert order.items[0].unit is runtime.types.Unit.Kilo


async def test_partials_are_typed_and_take_nothing_back(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    say(mock_server, json.dumps(ORDER))
    stream = runtime.stream("Extract", {"text": "x"})
    partials = [partial async for partial in stream]
    final = await stream.final()
    assert len(partials) > 1
    assert isinstance(partials[0], runtime.partial_types.Order)
    assert partials[-1].items[1].name == final.items[1].name
    for before, after in pairwise(partials):
        assert before != after
        assert (after.customer or "").startswith(before.customer or "")
        assert len(after.items or []) >= len(before.items or [])
    assert bamlvm.to_builtins(partials[-1])["items"] == bamlvm.to_builtins(final)["items"]


async def test_a_program_goes_on_with_the_fields(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    say(mock_server, json.dumps(ORDER))
    assert await runtime.call_function("total", {"text": "x"}) == "Ann: true, true"


async def test_a_union_is_decided_by_what_tells_it(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    say(mock_server, '{"kind": "offer", "prices": {"tea": "$2.50", "milk": 1}}')
    stream = runtime.stream("Answer", {"text": "x"})
    partials = [partial async for partial in stream]
    offer = await stream.final()
    assert isinstance(offer, runtime.types.Offer)
    assert offer.prices == {"tea": 2.5, "milk": 1.0}
    assert all(isinstance(partial, runtime.partial_types.Offer) for partial in partials)


async def test_an_answer_that_does_not_fit_is_tried_again(runtime: bamlvm.Runtime, mock_server: MockServer) -> None:
    broken = json.dumps({**ORDER, "items": [{"name": "x", "price": "dear", "unit": "Kilo"}]})
    say(mock_server, broken, json.dumps(ORDER))
    failed: list[Any] = []

    def heard(event: Any) -> None:
        if event.kind == "failed":
            failed.append(event.record.error)

    context = bamlvm.CallContext(on_attempt=heard)
    order = await runtime.call_function("Extract", {"text": "x"}, context)
    assert order.total == 4.5
    (error,) = failed
    assert "items[0].price: expected a float, got 'dear'" in str(error)


async def test_what_can_be_no_answer_is_refused_before_the_request(
    runtime: bamlvm.Runtime, mock_server: MockServer
) -> None:
    with pytest.raises(bamlvm.ThrownError, match=r"cannot return image\?: no answer can be read as image"):
        await runtime.call_function("Picture", {"text": "x"})
    assert mock_server.requests == []


def test_a_program_runs_a_parser_itself() -> None:
    with bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("URL", "http://127.0.0.1")}) as runtime:
        text = json.dumps(ORDER)
        seen = runtime.call_function_sync("read", {"pieces": [text[:18], text[18:90], text[90:]]})
        assert [json.loads(each)["customer"] for each in seen] == ["A", "Ann", "Ann", "Ann"]
        assert json.loads(seen[-1])["total"] == 4.5
