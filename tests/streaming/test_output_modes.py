"""The option ``output_mode``: every kind of return type, asked for in every form, of every wire format.

The server is the mock, which answers in the form that a request asks for; what it is asked is held against the types
of the providers' own SDKs in :mod:`tests.streaming.test_sdk_output_modes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

import bamlvm
from bamlvm.mock import Answer, MockTransport, ThreadedMockServer

PROGRAM = """
enum Color { Red @alias("rot") @description("like blood")  Green  Hidden @skip }
class Item { name string @alias("item_name") @description("what it is called")  price float?  color Color }
/// All of it.
class Order { items Item[]  first Item? @description("the first one")  note string?  secret string? @skip }
class Node { value int  next Node? }
class Empty { a string? }
class Refund { kind "refund"  order int }
class Ship { city string }
type Json = int | string | Json[] | map<string, Json>

retry_policy Again { max_retries 1  parse_failure "reask"  strategy { type constant_delay  delay_ms 1 } }
client<llm> C { provider PROVIDER  OPTIONS }

function Orders(text: string) -> Order { client C  prompt #"{{ text }}|{{ ctx.output_format }}|"# }
function Numbers(text: string) -> int[] { client C  prompt #"{{ text }}"# }
function Number(text: string) -> int { client C  prompt #"{{ text }}"# }
function Truth(text: string) -> bool { client C  prompt #"{{ text }}"# }
function Colors(text: string) -> Color { client C  prompt #"{{ text }}"# }
function Word(text: string) -> "yes" | "no" { client C  prompt #"{{ text }}"# }
function Text(text: string) -> string { client C  prompt #"{{ text }}"# }
function MaybeText(text: string) -> string? { client C  prompt #"{{ text }}"# }
function MaybeShip(text: string) -> Ship? { client C  prompt #"{{ text }}"# }
function Nodes(text: string) -> Node { client C  prompt #"{{ text }}"# }
function Nothing(text: string) -> Empty { client C  prompt #"{{ text }}"# }
function Either(text: string) -> Refund | Ship { client C  prompt #"{{ text }}"# }
function Actions(text: string) -> (Refund | Ship)[] { client C  prompt #"{{ text }}"# }
function Ships(text: string) -> Ship[] { client C  prompt #"{{ text }}"# }
function Counts(text: string) -> map<string, int> { client C  prompt #"{{ text }}"# }
function Mixed(text: string) -> (int | Ship | string)[] { client C  prompt #"{{ text }}"# }
function Anything(text: string) -> Json { client C  prompt #"{{ text }}"# }
"""
ITEM = {"item_name": "a", "price": 1.5, "color": "rot"}
ANSWERS: dict[str, Any] = {
    "Orders": {
        "items": [ITEM, {**ITEM, "price": None, "color": "Green"}],
        "first": ITEM,
        "note": 'x "y" ü, and no more',
    },
    "Numbers": [1, 2, 3],
    "Number": 5,
    "Truth": False,
    "Colors": "rot",
    "Word": "no",
    "Text": "hello {there}",
    "MaybeText": "a word",
    "MaybeShip": None,
    "Nodes": {"value": 1, "next": {"value": 2, "next": None}},
    "Nothing": {"a": None},
    "Either": {"city": "Oslo"},
    "Actions": [{"kind": "refund", "order": 3}, {"city": "Oslo"}, {"city": "Bergen"}],
    "Ships": [{"city": "Oslo"}],
    "Counts": {"a": 1, "b": 2},
    "Mixed": [1, {"city": "Oslo"}, "three"],
    "Anything": {"a": [1, "b", {"c": 2}]},
}
BASES = {
    "openai": "/v1",
    "openai-responses": "/v1",
    "anthropic": "",
    "google-ai": "/v1beta",
    "vertex-ai": "/models",
    "aws-bedrock": "",
}
MODES = ("prompt", "json_schema", "tool")
STRICT = ("openai", "openai-responses")
REFUSED = {  # what a dialect has no words for
    **{(provider, mode, "Counts"): "map<string, int>" for provider in STRICT for mode in MODES[1:]},
    **{(provider, mode, "Anything"): "map<string, Json>" for provider in STRICT for mode in MODES[1:]},
    **{
        (provider, "json_schema", function): name
        for provider in ("anthropic", "aws-bedrock")
        for function, name in (
            ("Counts", "map<string, int>"),
            ("Anything", "a type that contains itself (Json)"),
            ("Nodes", "a type that contains itself (Node)"),
        )
    },
}


def runtime(
    server: ThreadedMockServer | str, provider: str, mode: str, extra: str = "", transport: MockTransport | None = None
) -> bamlvm.Runtime:
    url = server if isinstance(server, str) else server.url
    own = 'region "us-east-1"' if provider == "aws-bedrock" else ""
    base = f'base_url "{url}{BASES[provider]}"'
    options = f'options {{ model "m"  api_key "k"  {base}  output_mode "{mode}"  {own} {extra} }}'
    source = PROGRAM.replace("PROVIDER", provider).replace("OPTIONS", options)
    return bamlvm.Runtime.from_files({"main.baml": source}, env={}, transport=transport)


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMockServer]:
    with ThreadedMockServer() as server:
        yield server


def written(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def play(server: ThreadedMockServer, *answers: Any) -> None:
    server.play({"rules": [{"answers": answers}]})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("provider", BASES)
def test_every_type_in_every_form(server: ThreadedMockServer, provider: str, mode: str) -> None:
    with runtime(server, provider, mode) as program:
        for function, answer in ANSWERS.items():
            play(server, {"text": written(answer), "piece_length": 3})
            expected = program.parse(function, written(answer))
            refused = REFUSED.get((provider, mode, function))
            if refused is not None:
                with pytest.raises(bamlvm.ThrownError) as caught:
                    program.call_function_sync(function, {"text": "T"})
                assert f"cannot express {refused}" in str(caught.value), (function, str(caught.value))
                continue
            collector = bamlvm.Collector()
            context = bamlvm.CallContext(collectors=[collector])
            assert program.call_function_sync(function, {"text": "T"}, context) == expected, function
            stream = program.stream(function, {"text": "T"}, context)
            partials = list(stream)
            assert stream.final() == expected, function
            assert all(one != other for one, other in pairwise(partials)), function
            whole, streamed = collector.attempts
            assert whole.error is None
            assert streamed.error is None
            if mode == "tool" and function == "Orders":
                assert json.loads(whole.text) == json.loads(streamed.text) == answer, "the arguments"
            if mode == "tool" and function == "Actions":
                assert [json.loads(line) for line in streamed.text.splitlines()] == answer


@pytest.mark.parametrize("provider", [name for name in BASES if name != "google-ai"])
def test_arguments_are_streamed(provider: str) -> None:
    """The transport hands over one piece at a time.  Google's calls come whole unless Vertex AI is asked for parts."""
    transport = MockTransport()
    own = "toolConfig { functionCallingConfig { streamFunctionCallArguments true } }" if provider == "vertex-ai" else ""
    with runtime("http://localhost", provider, "tool", own, transport=transport) as program:
        transport.answer(Answer(text=written(ANSWERS["Orders"]), piece_length=5))
        notes = [partial.note for partial in program.stream("Orders", {"text": "T"}) if partial.note]
        assert len(notes) > 2
        assert all(later.startswith(earlier) for earlier, later in pairwise(notes))
        transport.answer(Answer(text=written(ANSWERS["Actions"]), piece_length=5))
        sizes = [len(partial) for partial in program.stream("Actions", {"text": "T"})]
        assert (sizes, sorted(set(sizes))) == (sorted(sizes), [1, 2, 3])


@pytest.mark.parametrize("mode", MODES)
def test_the_prompt_has_the_format_or_the_request_has_the_schema(server: ThreadedMockServer, mode: str) -> None:
    with runtime(server, "openai", mode) as program:
        request = program.request("Orders", {"text": "T"}).json()
        prompt = request["messages"][0]["content"]
        assert (prompt == "T||") == (mode != "prompt")
        assert ("response_format" in request, "tools" in request) == (mode == "json_schema", mode == "tool")
        assert "response_format" not in program.request("Text", {"text": "T"}).json()
        assert "tools" not in program.request("Text", {"text": "T"}).json()


def test_a_text_instead_of_a_call_is_read_as_text(server: ThreadedMockServer) -> None:
    with runtime(server, "anthropic", "tool") as program:
        play(server, {"text": "Well: {'city': 'Oslo'}"})
        assert program.functions.Either(text="T").city == "Oslo"
        play(server, {"text": "I need more information."})
        with pytest.raises(bamlvm.ThrownError, match="expected Refund or Ship"):
            program.functions.Either(text="T")


def test_text_beside_a_call_is_not_the_answer(server: ThreadedMockServer) -> None:
    with runtime(server, "anthropic", "tool") as program:
        calls = [{"tool": "Ship", "arguments": {"city": "Oslo"}}]
        play(server, {"text": 'I will call {"city": "Nowhere"}.', "calls": calls})
        collector = bamlvm.Collector()
        stream = program.stream("Either", {"text": "T"}, bamlvm.CallContext(collectors=[collector]))
        assert {partial.city for partial in stream} == {"Oslo"}
        assert stream.final().city == "Oslo"
        assert collector.attempts[0].text == '{"city":"Oslo"}'
        assert program.functions.Either(text="T").city == "Oslo"


def test_a_list_without_calls_is_empty(server: ThreadedMockServer) -> None:
    with runtime(server, "openai", "tool") as program:
        play(server, {"calls": []})
        assert program.functions.Actions(text="T") == []
        assert program.stream("Actions", {"text": "T"}).final() == []
        body = server.requests[-1].body
        assert (body["tool_choice"], "parallel_tool_calls" in body) == ("auto", False)


def test_an_unwrapped_value_is_taken_as_well(server: ThreadedMockServer) -> None:
    with runtime(server, "openai", "json_schema") as program:
        for text in (
            '{"value": [1, 2]}',
            '```json\n{"value": [1, 2]}\n```',
            '<think>{"value": 3}?</think>{"value": [1, 2]}',
        ):
            play(server, {"pieces": list(text)})
            stream = program.stream("Numbers", {"text": "T"})
            assert list(stream)[-1] == [1, 2]
            assert stream.final() == [1, 2], text


@pytest.mark.parametrize("mode", MODES[1:])
def test_a_hosts_text_is_parsed_as_it_was_asked_for(server: ThreadedMockServer, mode: str) -> None:
    """The text of an attempt's record can be parsed again, wrapped or not."""
    with runtime(server, "google-ai", mode) as program:
        for function, answer in ANSWERS.items():
            play(server, {"text": written(answer)})
            collector = bamlvm.Collector()
            value = program.call_function_sync(function, {"text": "T"}, bamlvm.CallContext(collectors=[collector]))
            text = collector.attempts[0].text
            assert program.parse(function, text) == program.parse(function, written(answer)) == value, function
            stream = program.parse_stream(function, [text[:4], text[4:]])
            assert stream.final() == value


def test_a_finish_reason_of_a_tool_call_is_no_failure(server: ThreadedMockServer) -> None:
    with runtime(server, "openai", "tool", 'finish_reason_allow_list ["stop"]') as program:
        play(server, {"text": '{"city": "Oslo"}'})
        assert program.functions.Either(text="T").city == "Oslo"
        assert program.stream("Either", {"text": "T"}).final().city == "Oslo"
    denied = runtime(server, "openai", "tool", 'finish_reason_deny_list ["tool_calls"]')
    with denied as program, pytest.raises(bamlvm.ThrownError, match="tool_calls"):
        program.functions.Either(text="T")


def test_a_call_that_cannot_be_read_is_shown_to_the_model(server: ThreadedMockServer) -> None:
    own = PROGRAM.replace("PROVIDER", "openai  retry_policy Again").replace(
        "OPTIONS", f'options {{ model "m"  api_key "k"  base_url "{server.url}/v1"  output_mode "tool" }}'
    )
    with bamlvm.Runtime.from_files({"main.baml": own}, env={}) as program:
        wrong, right = {"tool": "Nobody", "arguments": {"a": 1}}, {"tool": "Ship", "arguments": {"city": "Oslo"}}
        play(server, {"calls": [wrong]}, {"calls": [right]})
        assert program.functions.Either(text="T").city == "Oslo"
        correction = server.requests[-1].body["messages"]
        assert correction[-2] == {"role": "assistant", "content": '{"a":1}'}
        assert "the model called the tool 'Nobody'; it was offered 'Refund', 'Ship'" in correction[-1]["content"]


OWN_OPTIONS = {
    ("openai", "json_schema"): 'response_format { type "text" }',
    ("openai", "tool"): "tools []",
    ("openai-responses", "json_schema"): 'text { format { type "text" } }',
    ("anthropic", "json_schema"): 'output_config { format { type "json_schema" } }',
    ("anthropic", "tool"): "tools []",
    ("google-ai", "json_schema"): 'generationConfig { responseMimeType "text/plain" }',
    ("aws-bedrock", "json_schema"): 'outputConfig { textFormat { type "json_schema" } }',
    ("aws-bedrock", "tool"): "toolConfig { tools [] }",
}


@pytest.mark.parametrize(("provider", "mode"), OWN_OPTIONS)
def test_an_option_that_the_mode_sets_is_refused(server: ThreadedMockServer, provider: str, mode: str) -> None:
    asking = runtime(server, provider, mode, OWN_OPTIONS[provider, mode])
    with asking as program, pytest.raises(bamlvm.ThrownError, match=f"beside output_mode {mode}"):
        program.functions.Either(text="T")


def test_other_options_stay(server: ThreadedMockServer) -> None:
    with runtime(server, "anthropic", "json_schema", 'output_config { effort "low" }') as program:
        body = program.request("Either", {"text": "T"}).json()
        assert body["output_config"]["effort"] == "low"
        assert body["output_config"]["format"]["type"] == "json_schema"
    with runtime(server, "anthropic", "tool", 'thinking { type "enabled"  budget_tokens 2000 }') as program:
        body = program.request("Either", {"text": "T"}).json()
        assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}, "thinking cannot be forced"
    with runtime(server, "openai", "tool", 'tool_choice "auto"  parallel_tool_calls null') as program:
        body = program.request("Either", {"text": "T"}).json()
        assert body["tool_choice"] == "auto"
        assert "parallel_tool_calls" not in body
    with runtime(server, "openai", "tool", "output_strict false") as program:
        play(server, {"text": '{"a": 1}'})
        assert program.functions.Counts(text="T") == {"a": 1}
        function = server.requests[-1].body["tools"][0]["function"]
        assert function["strict"] is False
        assert function["parameters"] == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_a_fallback_asks_each_client_in_its_own_form(server: ThreadedMockServer) -> None:
    own = f'api_key "k"  base_url "{server.url}/v1"'
    source = PROGRAM.replace(
        "client<llm> C { provider PROVIDER  OPTIONS }",
        f"""
        client<llm> A {{ provider openai  options {{ model "a"  {own}  output_mode "tool" }} }}
        client<llm> B {{ provider openai  options {{ model "b"  {own} }} }}
        client<llm> C {{ provider fallback  options {{ strategy [A, B] }} }}
    """,
    )
    with bamlvm.Runtime.from_files({"main.baml": source}, env={}) as program:
        server.play(
            {
                "rules": [
                    {"model": "a", "answers": [{"faults": [{"kind": "status", "code": 500}]}]},
                    {"answers": [{"text": written(ANSWERS["Orders"])}]},
                ]
            }
        )
        assert program.functions.Orders(text="T").note == 'x "y" ü, and no more'
        first, second = server.requests[-2:]
        assert "tools" in first.body
        assert first.body["messages"][0]["content"] == "T||"
        assert "tools" not in second.body
        assert "items: [" in second.body["messages"][0]["content"]
        play(server, {"text": '{"a": 1}'})
        collector = bamlvm.Collector()
        assert program.call_function_sync("Counts", {"text": "T"}, bamlvm.CallContext(collectors=[collector])) == {
            "a": 1
        }
        assert [attempt.client for attempt in collector.attempts] == ["A", "B"], (
            "what A's schema cannot say, B is asked"
        )
