"""Answers of calls: reasoning in their text, and answers that the token limit cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import bamlvm
from bamlvm.mock import ThreadedMockServer

PROGRAM = """
client<llm> Plain { provider openai  options { model "plain"  api_key "k"  base_url "URL/v1" } }
client<llm> Keeper { provider openai  options { model "keeper"  api_key "k"  base_url "URL/v1"  keep_reasoning true } }
client<llm> Odd { provider openai  options { model "odd"  api_key "k"  base_url "URL/v1"  keep_reasoning "maybe" } }
class Item { n int  note string? }
class Box { items Item[]  total int? }
enum Size { Small  ExtraSmall @alias("small, extra") }
function Say(x: string) -> string { client Plain  prompt #"{{ x }}"# }
function Keep(x: string) -> string { client Keeper  prompt #"{{ x }}"# }
function Wrong(x: string) -> string { client Odd  prompt #"{{ x }}"# }
function Items(x: string) -> Item[] { client Plain  prompt #"{{ x }}"# }
function Done(x: string) -> (Item @stream.done)[] { client Plain  prompt #"{{ x }}"# }
function Count(x: string) -> int { client Plain  prompt #"{{ x }}"# }
function Judge(x: string) -> bool { client Plain  prompt #"{{ x }}"# }
function Pick(x: string) -> Size { client Plain  prompt #"{{ x }}"# }
function read(text: string) -> Item[] { let items: Item[] = baml.llm.parse(text); items }
function by_hand(events: string) -> string {
  let client = baml.llm.get_client("Items").primitive();
  let accumulator = client.new_stream_accumulator();
  let parser = client.new_stream_parser(baml.llm.get_return_type("Items"));
  accumulator.add_events(events);
  parser.feed(accumulator.take_content());
  baml.json.stringify(parser.finish())
}
"""

both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


class Bench:
    """A runtime, and the server that answers it with one text."""

    def __init__(self, server: ThreadedMockServer, runtime: bamlvm.Runtime) -> None:
        self.server = server
        self.runtime = runtime
        self.collector = bamlvm.Collector()

    def call(self, function: str, text: str, stream: bool, **answer: Any) -> tuple[Any, list[Any]]:
        """Return the value of a function that is answered with ``text``, and its partial values."""
        pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
        self.server.play({"rules": [{"answers": [{"pieces": pieces, **answer}], "after": "repeat"}]})
        partials: list[Any] = []
        self.collector = bamlvm.Collector()
        context = bamlvm.CallContext(collectors=[self.collector], **({"on_partial": partials.append} if stream else {}))
        return bamlvm.to_builtins(self.runtime.call_function_sync(function, {"x": "hi"}, context)), partials

    def refused(self, function: str, text: str, stream: bool, **answer: Any) -> str:
        with pytest.raises(bamlvm.ThrownError) as caught:
            self.call(function, text, stream, **answer)
        (attempt,) = bamlvm.to_builtins(caught.value.value)["attempts"]
        assert attempt["error"]["raw"] == text
        return str(attempt["error"]["message"])


@pytest.fixture
def bench(threaded_mock_server: ThreadedMockServer) -> Iterator[Bench]:
    files = {"main.baml": PROGRAM.replace("URL", threaded_mock_server.url)}
    with bamlvm.Runtime.from_files(files, env={}) as runtime:
        yield Bench(threaded_mock_server, runtime)


# --- reasoning --------------------------------------------------------------------------------------------------------

THOUGHT = "<think>\nIs it true?\n</think>\n\nYes, it is."


@both
def test_reasoning_is_kept_beside_a_string(bench: Bench, stream: bool) -> None:
    value, partials = bench.call("Say", THOUGHT, stream)
    assert value == "Yes, it is."
    assert all("Yes, it is.".startswith(partial) for partial in partials)
    assert bool(partials) is stream
    (record,) = bench.collector.attempts
    assert record.reasoning.strip() == "Is it true?"
    assert record.text == THOUGHT


@both
def test_a_client_may_keep_reasoning(bench: Bench, stream: bool) -> None:
    value, _ = bench.call("Keep", THOUGHT, stream)
    assert value == THOUGHT
    (request, *_) = bench.server.requests
    assert "keep_reasoning" not in request.body


def test_keep_reasoning_is_a_bool(bench: Bench) -> None:
    with pytest.raises(bamlvm.ThrownError, match="keep_reasoning"):
        bench.call("Wrong", THOUGHT, True)


@both
def test_reasoning_is_not_the_answer(bench: Bench, stream: bool) -> None:
    assert bench.call("Judge", "<think>It is true.</think>False", stream)[0] is False
    assert bench.call("Count", "3 or 4?</think>5", stream)[0] == 5
    assert bench.call("Items", '<think>[{"n": 1}]</think>[{"n": 2}]', stream)[0] == [{"n": 2, "note": None}]
    assert "reasoning that does not end" in bench.refused("Judge", "<think>It is true.", stream)
    assert "reasoning that does not end" in bench.refused("Say", "<think>It is true.", stream)


@both
@pytest.mark.parametrize(
    ("text", "thought"),
    [
        ('<think>Two?</think>[{"n": 2}]', "Two?"),
        ('Two?</think>[{"n": 2}]', "Two?"),
        ('Let me see. <think>One? [{"n": 1}]</think>[{"n": 2}]', 'One? [{"n": 1}]'),
        ('[{"n": 2, "note": "a <think>b</think>"}]', ""),
    ],
)
def test_the_reasoning_in_an_answer_is_recorded(bench: Bench, text: str, thought: str, stream: bool) -> None:
    value, _ = bench.call("Items", text, stream)
    assert value[0]["n"] == 2
    (record,) = bench.collector.attempts
    assert record.reasoning == thought


@both
def test_the_reasoning_beside_an_answer_is_recorded(bench: Bench, stream: bool) -> None:
    assert bench.call("Items", '[{"n": 2}]', stream, reasoning="Two?")[0] == [{"n": 2, "note": None}]
    (record,) = bench.collector.attempts
    assert record.reasoning == "Two?"


# --- cut by the token limit -------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("Items", '[{"n": 1}, {"n": 2'),
        ("Items", '[{"n": 1}, {"n": 2, "note": "half a no'),
        ("Items", '[{"n": 1}'),
        ("Items", '{"n": 1}\n{"n": 2}\n'),
        ("Items", '```json\n[{"n": 1}]\n```\nBetter:\n```json\n[{"n": 2}'),
        ("Items", "I would say that"),
        ("Count", "12"),
        ("Count", "It is 1,2"),
        ("Pick", "Small"),
        ("Judge", "I think that it is true, but"),
    ],
)
def test_a_value_that_the_token_limit_cut(bench: Bench, function: str, text: str, stream: bool) -> None:
    assert "finish reason 'length'" in bench.refused(function, text, stream, finish_reason="length")


@both
@pytest.mark.parametrize(
    ("function", "text", "value"),
    [
        ("Say", "Once upon a", "Once upon a"),
        ("Items", '[{"n": 1}] and that is wh', [{"n": 1, "note": None}]),
        ("Items", '```json\n[{"n": 1}]\n```\nSee {"n": 2', [{"n": 1, "note": None}]),
        ("Done", '[{"n": 1}, {"n": 2', [{"n": 1, "note": None}]),
        ("Count", "12\n", 12),
        ("Judge", "Yes", True),
        ("Pick", "small, extra", "ExtraSmall"),
    ],
)
def test_a_value_that_is_whole_although_the_text_was_cut(
    bench: Bench, function: str, text: str, value: Any, stream: bool
) -> None:
    assert bench.call(function, text, stream, finish_reason="length")[0] == value


def test_a_program_that_reads_a_stream_itself_is_told_too(bench: Bench) -> None:
    def events(reason: str) -> str:
        chunks = [{"delta": {"content": '[{"n": 1}, {"n": 2'}}, {"delta": {}, "finish_reason": reason}]
        return json.dumps([{"event": "message", "id": "", "data": json.dumps({"choices": [each]})} for each in chunks])

    assert bench.runtime.call_function_sync("by_hand", {"events": events("stop")}).count("note") == 2
    with pytest.raises(bamlvm.ThrownError, match="finish reason 'length'"):
        bench.runtime.call_function_sync("by_hand", {"events": events("length")})


async def test_a_long_text_is_parsed_while_other_tasks_run(bench: Bench) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.ensure_future(others())
    items = await bench.runtime.call_function("read", {"text": "[" + '{"n": 1, "note": "x"}, ' * 5_000 + '{"n": 2}]'})
    counting.cancel()
    assert (len(items), items[-1].n) == (5_001, 2)
    assert turns > 20
