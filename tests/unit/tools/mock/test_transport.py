"""The mock without a server: every provider's format, faults, and the pytest fixture."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import bamlvm
from bamlvm.events import Attempt
from bamlvm.mock import Answer, MockTransport
from bamlvm.tools.mock.faults import Status
from tests.support.virtual_time import virtual_loop

SOURCE = """
client C { provider PROVIDER  retry_policy R  options { model "m"  OPTIONS } }
retry_policy R { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
function F(input: string) -> string { client C  prompt #"Say hello to {{ input }}"# }
"""
PROVIDERS = {
    "openai": "",
    "openai-responses": "",
    "anthropic": "max_tokens 10",
    "google-ai": "",
    "openai-generic": 'base_url "http://service.invalid/v1"',
}


def runtime_of(transport: MockTransport, provider: str = "openai") -> bamlvm.Runtime:
    source = SOURCE.replace("PROVIDER", provider).replace("OPTIONS", PROVIDERS[provider])
    return bamlvm.Runtime.from_files({"main.baml": source}, transport=transport, env={})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_format(provider: str, baml_mock: MockTransport) -> None:
    baml_mock.play({"rules": [{"answers": [{"pieces": ["Hel", "lo"]}]}]})
    with runtime_of(baml_mock, provider) as runtime:
        assert runtime.call_function_sync("F", {"input": "Ada"}) == "Hello"
        assert list(runtime.stream("F", {"input": "Ada"})) == ["Hel", "Hello"]
    assert [exchange.outcome for exchange in baml_mock.requests] == ["answered"] * 2
    assert "Say hello to Ada" in str(baml_mock.requests[0].body)


def test_answers_in_order(baml_mock: MockTransport) -> None:
    baml_mock.answer("one", "two")
    with runtime_of(baml_mock) as runtime:
        assert [runtime.call_function_sync("F", {"input": "a"}) for _ in range(3)] == ["one", "two", "two"]


def test_without_a_script_it_echoes(baml_mock: MockTransport) -> None:
    with runtime_of(baml_mock) as runtime:
        assert runtime.call_function_sync("F", {"input": "a"}) == "m was asked: Say hello to a"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "status", "code": 503}, "503"),
        ({"kind": "reset"}, "the connection broke"),
        ({"kind": "reset", "where": "body", "at": 30, "how": "close"}, "the connection ended inside the answer"),
        ({"kind": "truncate", "at": 40}, "the connection ended inside the answer"),
        ({"kind": "garbage", "where": "response"}, "the server broke the HTTP protocol"),
        ({"kind": "stall", "where": "body", "ms": 1}, None),
        ({"kind": "split", "size": 1}, None),
        ({"kind": "gzip"}, None),
    ],
)
def test_faults(baml_mock: MockTransport, fault: dict[str, Any], said: str | None) -> None:
    baml_mock.play({"rules": [{"answers": [{"text": "bad", "faults": [fault]}, {"text": "good"}]}]})
    with runtime_of(baml_mock) as runtime:
        stream = runtime.stream("F", {"input": "a"})
        attempts = [
            event.record.error for event in stream.events() if isinstance(event, Attempt) and event.kind == "failed"
        ]
        assert stream.final() == ("bad" if said is None else "good")
    assert len(baml_mock.requests) == (1 if said is None else 2)
    assert len(attempts) == (said is not None)
    assert said is None or said in str(attempts[0]), attempts


@pytest.mark.virtual_time
async def test_a_stall_ends_with_the_call(baml_mock: MockTransport) -> None:
    baml_mock.play({"rules": [{"answers": [{"text": "x", "faults": [{"kind": "stall", "where": "body"}]}]}]})
    async with runtime_of(baml_mock) as runtime:
        context = bamlvm.CallContext(timeout=30, on_partial=[].append)
        virtual_loop().leap(60)
        with pytest.raises(bamlvm.Cancelled):
            await runtime.call_function("F", {"input": "a"}, context)
    assert baml_mock.requests[0].outcome == "client left"


async def test_many_at_once(baml_mock: MockTransport) -> None:
    baml_mock.play({"rules": [{"answers": [{"pieces": list("hello"), "delay_ms": 1}]}]})
    async with runtime_of(baml_mock) as runtime:
        found = await asyncio.gather(*(runtime.call_function("F", {"input": str(n)}) for n in range(50)))
    assert found == ["hello"] * 50
    assert len(baml_mock.requests) == 50


BY_FUNCTION = """
class Person { name string  age int }
client<llm> A { provider openai  retry_policy R  options { model "m"  api_key "k" } }
client<llm> B { provider anthropic  options { model "m"  api_key "k" } }
retry_policy R { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
function Extract(s: string) -> Person { client A  prompt #"Who? {{ s }} {{ ctx.output_format }}"# }
function Greet(s: string) -> string { client B  prompt #"Hello to {{ s }}"# }
function Both(s: string) -> string { Extract(s).name + ": " + Greet(s) }
function Fetch() -> int { baml.http.fetch("http://example.com/").status_code }
"""


def test_answers_by_function(baml_mock: MockTransport) -> None:
    busy = Answer(faults=(Status(code=503),))
    baml_mock.answer(busy, {"name": "Ada", "age": 36}, function="Extract")
    baml_mock.answer("Hello!", "Hi again.", function="Greet")
    with bamlvm.Runtime.from_files({"main.baml": BY_FUNCTION}, transport=baml_mock) as runtime:
        assert [runtime.functions.Both(s=each) for each in "abc"] == ["Ada: Hello!", "Ada: Hi again.", "Ada: Hi again."]
        functions = [exchange.request.function for exchange in baml_mock.requests]
        assert functions == ["Extract", "Extract", "Greet", "Extract", "Greet", "Extract", "Greet"]
        assert list(runtime.stream("Greet", {"s": "d"}))[-1] == "Hi again."
        baml_mock.answer(runtime.functions.Extract(s="e"), function="Extract").answer("new", function="Greet")
        assert runtime.functions.Both(s="f") == "Ada: new"
        assert runtime.functions.Fetch() == 404
    assert baml_mock.requests[-1].request.function == ""
