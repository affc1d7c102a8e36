"""Google's function calls whose arguments come in parts, from a real connection seven bytes at a time.

The events have the form of Vertex AI's documents ("Function calling: Stream function call arguments") and of its
answers: the name comes first, each text ends with an empty piece, the call ends with an empty part, or with the last
argument of a list.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, Final

import pytest
import pytest_asyncio

import bamlvm
from bamlvm.mock import Answer, MockTransport
from tests.streaming.faults.outcomes import LAST, STREAM_HEAD, chunks
from tests.streaming.faults.server import CLOSE, FaultServer

SOURCE: Final = """
class Stop { place string  days int?  notes string[]? }
class Trip { title string  stops Stop[]  paid bool?  price float? }
class Refund { kind "refund"  order int }
client<llm> C {
  provider vertex-ai
  options {
    base_url env.URL  model "gemini-2.5-pro"  api_key "k"  output_mode "tool"
    toolConfig { functionCallingConfig { streamFunctionCallArguments true } }
  }
}
function Plan(x: string) -> Trip { client C  prompt #"{{ x }}"# }
function Either(x: string) -> Trip | Refund { client C  prompt #"{{ x }}"# }
function All(x: string) -> (Trip | Refund)[] { client C  prompt #"{{ x }}"# }
"""


def part(finish: str | None = None, **call: Any) -> dict[str, Any]:
    """One event: a candidate with one part of a call."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"functionCall": call}]}}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "modelVersion": "gemini-2.5-pro"}


def leaf(path: str, more: bool | None = None, **value: Any) -> dict[str, Any]:
    """A part with one argument, which goes on or not; the call does."""
    own = {"jsonPath": path, **value} | ({} if more is None else {"willContinue": more})
    return part(partialArgs=[own], willContinue=True)


def also(events: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    """The same parts of a call with more members."""
    calls = [event["candidates"][0]["content"]["parts"][0]["functionCall"] for event in events]
    return [part(**{**call, **more}) for call in calls]


def texts(path: str, *pieces: str) -> list[dict[str, Any]]:
    return [*(leaf(path, True, stringValue=piece) for piece in pieces), leaf(path, stringValue="")]


BEGIN = part(name="Trip", willContinue=True)
END = part("STOP") | {"usageMetadata": {"promptTokenCount": 36, "candidatesTokenCount": 29, "thoughtsTokenCount": 7}}
STOP = {"candidates": [{"finishReason": "STOP"}]}
TITLE = texts("$.title", "Norw", "ay 🙂")
FIRST = [*texts("$.stops[0].place", "Oslo"), leaf("$.stops[0].days", numberValue=2)]
SECOND = [*texts("$.stops[1].place", "Ber", "gen"), *texts("$.stops[1].notes[0]", 'rain "all" day')]
REST = [leaf("$.paid", boolValue=False), leaf("$.price", nullValue=None)]
TRIP = {
    "title": "Norway 🙂",
    "stops": [
        {"place": "Oslo", "days": 2, "notes": None},
        {"place": "Bergen", "days": None, "notes": ['rain "all" day']},
    ],
    "paid": False,
    "price": None,
}
SHORT = {"title": "Norway 🙂", "stops": [{"place": "Oslo", "days": 2, "notes": None}], "paid": None, "price": None}
WHOLE = [BEGIN, *TITLE, *FIRST, *SECOND, *REST, END]
LAST_DAYS = part("STOP", partialArgs=[{"jsonPath": "$.stops[0].days", "numberValue": 2}])
OTHER = [part(name="Refund", willContinue=True), *texts("$.kind", "refund"), leaf("$.order", numberValue=7), part()]

ANSWERS: Final[dict[str, tuple[str, list[dict[str, Any]], Any]]] = {
    "every kind of value": ("Plan", WHOLE, TRIP),
    "one of two tools": ("Either", WHOLE, TRIP),
    "ends with an argument": ("Plan", [BEGIN, *TITLE, *FIRST[:-1], LAST_DAYS], SHORT),
    "ends without a last part": ("Plan", [BEGIN, *TITLE, *FIRST, STOP], SHORT),
    "the name in every part": ("Plan", [*also([BEGIN, *TITLE, *FIRST], name="Trip"), END], SHORT),
    "some arguments at once, then parts": (
        "Plan",
        [part(name="Trip", args={"title": "Norway 🙂"}, willContinue=True), *FIRST, END],
        SHORT,
    ),
    "two calls, one after the other": (
        "All",
        [BEGIN, *TITLE, *FIRST, part(), *OTHER, STOP],
        [SHORT, {"kind": "refund", "order": 7}],
    ),
    "two calls, told apart by id": (
        "All",
        [
            *also([BEGIN], id="1"),
            *also(OTHER[:1], id="2"),
            *also([*TITLE, *FIRST], id="1"),
            *also(OTHER[1:], id="2"),
            part("STOP", id="1"),
        ],
        [SHORT, {"kind": "refund", "order": 7}],
    ),
    "a whole call, as without the option": ("Plan", [part("STOP", name="Trip", args=SHORT)], SHORT),
}  # fmt: skip

FAILURES: Final[dict[str, tuple[list[dict[str, Any]], str, str]]] = {
    "back into a closed list": ([BEGIN, *FIRST, *TITLE, *SECOND, END], "LlmClient", "goes back to $.stops"),
    "an item left out": ([BEGIN, *TITLE, *SECOND, END], "LlmClient", "$.stops[1] where item 0 is next"),
    "a path of another kind": ([BEGIN, leaf("$.stops[*]", numberValue=1), END], "LlmClient", "cannot be read"),
    "arguments without a call": ([*TITLE, END], "ParseFailed", "called the tool ''"),
    "cut by the limit of tokens": (
        [BEGIN, *TITLE, *FIRST[:1], {"candidates": [{"finishReason": "MAX_TOKENS"}]}],
        "ParseFailed",
        "MAX_TOKENS",
    ),
    "breaks off": ([BEGIN, *TITLE, *FIRST], "StreamTruncated", ""),
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with FaultServer() as server:
        yield server


async def call(server: FaultServer, function: str, events: list[dict[str, Any]]) -> tuple[Any, Any, list[Any]]:
    """The value (None if it failed), the attempt's record, the partial values."""
    body = "".join(f"data: {json.dumps(event)}\r\n\r\n" for event in events).encode()
    server.play("k", [STREAM_HEAD, *chunks([body[at : at + 7] for at in range(0, len(body), 7)]), LAST, CLOSE])
    collector = bamlvm.Collector()
    context = bamlvm.CallContext(env={"URL": server.url("k")}, collectors=[collector], timeout=20)
    partials: list[Any] = []
    value = None
    async with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as runtime:
        stream = runtime.stream(function, {"x": "hi"}, context)
        try:
            partials.extend([bamlvm.to_builtins(partial) async for partial in stream])
            value = bamlvm.to_builtins(await stream.final())
        except bamlvm.ThrownError:
            pass
        assert runtime.handles == 0
    (attempt,) = collector.attempts
    return value, attempt, partials


@pytest.mark.parametrize("title", ANSWERS)
async def test_a_call_in_parts(server: FaultServer, title: str) -> None:
    function, events, expected = ANSWERS[title]
    value, attempt, partials = await call(server, function, events)
    assert attempt.error is None
    assert value == expected
    if title != "ends without a last part":  # whose last number might have gone on
        assert partials[-1] == expected
    if title == "every kind of value":
        assert json.loads(attempt.text) == {
            **TRIP,
            "stops": [{"place": "Oslo", "days": 2}, {"place": "Bergen", "notes": ['rain "all" day']}],
        }
        assert (attempt.input_tokens, attempt.output_tokens) == (36, 36)
        titles = [partial["title"] for partial in partials if partial["title"]]
        assert titles[0] == "Norw"
        counts = [len(partial["stops"] or ()) for partial in partials]
        assert all(earlier <= later for earlier, later in pairwise(counts))
        assert {0, 1, 2} == set(counts)


@pytest.mark.parametrize("title", FAILURES)
async def test_a_call_that_cannot_be_put_together(server: FaultServer, title: str) -> None:
    events, kind, message = FAILURES[title]
    value, attempt, _ = await call(server, "Plan", events)
    assert value is None
    assert attempt.error.type == f"baml.errors.{kind}"
    assert message in attempt.error.message


def test_the_option_goes_with_streams_only_and_keeps_the_mode() -> None:
    transport = MockTransport()
    transport.answer(Answer(text=json.dumps(TRIP)))
    program = bamlvm.Runtime.from_files({"main.baml": SOURCE}, env={"URL": "http://localhost"}, transport=transport)
    with program:
        whole = program.request("Either", {"x": "hi"}).json()["toolConfig"]["functionCallingConfig"]
        stream = program.request("Either", {"x": "hi"}, stream=True).json()["toolConfig"]["functionCallingConfig"]
    assert whole == {"mode": "ANY", "allowedFunctionNames": ["Trip", "Refund"]}
    assert stream == {**whole, "streamFunctionCallArguments": True}
