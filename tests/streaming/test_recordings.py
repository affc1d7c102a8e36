"""Streams as the providers' public documents show them, read whole, byte by byte and in any batches.

Each file of ``recordings/`` has the bytes of one answer's body.  Those of providers with an SDK of their own are held
against the SDK's types, so that they cannot drift from the published format.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from google.genai.types import GenerateContentResponse
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from bamlvm.sysops.providers.accumulator import Accumulator
from bamlvm.sysops.providers.catalogue import PROVIDERS
from bamlvm.sysops.providers.registry import WIRES
from bamlvm.sysops.web.sse import Event, SseParser
from bamlvm.vm.values import Thrown

FOLDER = Path(__file__).parent / "recordings"

ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": (
        "openai",
        {"content": "Grüße, Welt 🌍", "finish_reason": "stop", "model": "gpt-4o-2024-05-13", "is_done": True}
        | {"tokens": (19, 10, 16, None, 2)},
    ),
    "openai_refusal": (
        "openai",
        {"content": "", "refusal": "I'm sorry, I cannot assist with that.", "finish_reason": "stop", "is_done": True},
    ),
    "openai_choices": ("openai", {"content": "Heads.", "finish_reason": "stop"}),
    "openai_tools": ("openai", {"content": "", "finish_reason": "tool_calls", "is_done": True}),
    "azure": (
        "azure-openai",
        {"content": "Color is", "finish_reason": "stop", "model": "gpt-4o-2024-08-06", "is_done": True}
        | {"tokens": (15, 3, 0, None, None)},
    ),
    "azure_filtered": ("azure-openai", {"content": "", "finish_reason": "content_filter", "is_done": True}),
    "openrouter": (
        "openrouter",
        {"content": "Hello there", "reasoning": "The user greets", "finish_reason": "stop", "is_done": True}
        | {"model": "anthropic/claude-sonnet-4", "tokens": (11, 6, 0, None, 3)},
    ),
    "ollama": ("ollama", {"content": "Hello", "finish_reason": "stop", "tokens": (26, 3, None, None, None)}),
    "generic_reasoning": (
        "openai-generic",
        {"content": "9.8", "reasoning": "9.11 < 9.8", "finish_reason": "stop", "tokens": (17, 20, 0, None, 15)},
    ),
    "anthropic": (
        "anthropic",
        {"content": "Grüße!", "finish_reason": "end_turn", "model": "claude-opus-4-6", "is_done": True}
        | {"tokens": (125, 15, 100, 0, None)},
    ),
    "anthropic_thinking_and_tools": (
        "anthropic",
        {"content": "Okay, let's check", "reasoning": "Let me solve this step by step.", "finish_reason": "tool_use"}
        | {"tokens": (472, 89, 0, 0, None), "is_done": True},
    ),
    "responses": (
        "openai-responses",
        {"content": "Grüße!", "reasoning": "**Greeting**", "finish_reason": "completed", "is_done": True}
        | {"model": "gpt-4.1-2025-04-14", "tokens": (37, 11, 32, 0, 4)},
    ),
    "responses_incomplete": (
        "openai-responses",
        {"content": "Once upon", "finish_reason": "max_output_tokens", "is_done": True},
    ),
    "responses_refusal": (
        "openai-responses",
        {"content": "", "refusal": "I can't help with that.", "finish_reason": "completed", "is_done": True},
    ),
    "google": (
        "google-ai",
        {"content": "Grüße!\n", "finish_reason": "STOP", "model": "gemini-2.0-flash", "is_truncated": False}
        | {"is_done": False, "tokens": (10, 5, None, None, None)},
    ),
    "google_stop_on_every_chunk": (
        "google-ai",
        {"content": "Hello", "finish_reason": "STOP", "tokens": (4, 2, None, None, None), "is_interrupted": True},
    ),
    "google_thoughts": (
        "google-ai",
        {"content": "42", "reasoning": "**Considering**\n", "finish_reason": "MAX_TOKENS"}
        | {"tokens": (12, 32, 8, None, 30)},
    ),
    "google_blocked": ("google-ai", {"content": "", "finish_reason": "PROHIBITED_CONTENT", "is_truncated": False}),
}
FAILURES: dict[str, tuple[str, str, str, bool, str]] = {
    "openrouter_error": ("openrouter", "Hel", "502", True, "Provider disconnected unexpectedly"),
    "anthropic_error": ("anthropic", "Hel", "overloaded_error", True, "Overloaded"),
    "responses_failed": ("openai-responses", "", "server_error", True, "failed to generate"),
    "responses_error": ("openai-responses", "", "rate_limit_exceeded", True, "Rate limit reached"),
    "google_error": ("google-ai", "Hel", "UNAVAILABLE", True, "The model is overloaded"),
}
ASKED = ("content", "reasoning", "refusal", "is_done", "is_truncated", "is_interrupted", "model", "finish_reason")


def recorded(name: str) -> bytes:
    return (FOLDER / f"{name}.sse").read_bytes()


def events_of(data: bytes) -> list[Event]:
    parser = SseParser()
    return [*parser.feed(data), *parser.close()]


def state(accumulator: Accumulator) -> dict[str, Any]:
    found = {name: getattr(accumulator, name)() for name in ASKED}
    counts = accumulator.tokens
    return {
        **found,
        "tokens": (counts.input, counts.output, counts.cached_input, counts.cache_write, counts.reasoning),
    }


def test_every_recording_is_tested() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*ANSWERS, *FAILURES}
    same = {"vertex-ai", "aws-bedrock"}  # the format of google-ai; no text, see test_aws_events
    assert {provider for provider, *_ in ANSWERS.values()} == set(PROVIDERS) - same


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read(name: str) -> None:
    provider, expected = ANSWERS[name]
    accumulator = WIRES[PROVIDERS[provider].wire].accumulator()
    accumulator.add(events_of(recorded(name)))
    found = state(accumulator)
    assert {key: found[key] for key in expected} == expected
    assert accumulator.is_truncated() is False
    if found["content"]:
        accumulator.check_answered()
    else:
        with pytest.raises(Thrown, match=r"refused: I|withheld the answer|called a tool"):
            accumulator.check_answered()


@given(st.data())
def test_neither_how_bytes_arrive_nor_how_events_are_batched_matters(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(ANSWERS)))
    content, wire = recorded(name), PROVIDERS[ANSWERS[name][0]].wire
    whole, pieces = WIRES[wire].accumulator(), WIRES[wire].accumulator()
    whole.add(events_of(content))
    parser = SseParser()
    size = data.draw(st.integers(1, 400))
    taken = ""
    for start in range(0, len(content), size):
        pieces.add(parser.feed(content[start : start + size]))
        taken += pieces.take_content()
    pieces.add(parser.close())
    assert state(pieces) == state(whole)
    assert taken + pieces.take_content() == whole.content()


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_keeps_what_came_before_it(name: str) -> None:
    provider, content, kind, retryable, said = FAILURES[name]
    accumulator = WIRES[PROVIDERS[provider].wire].accumulator()
    with pytest.raises(Thrown) as caught:
        accumulator.add(events_of(recorded(name)))
    assert caught.value.class_name == "baml.errors.LlmClient"
    assert (caught.value.fields["type"], caught.value.fields["retryable"]) == (kind, retryable)
    assert said in str(caught.value.fields["message"])
    assert accumulator.content() == content


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_a_broken_connection_cuts_short_is_never_taken_for_whole(name: str) -> None:
    provider, expected = ANSWERS[name]
    content = recorded(name)
    for end in range(len(content)):
        accumulator = WIRES[PROVIDERS[provider].wire].accumulator()
        parser = SseParser()
        accumulator.add(parser.feed(content[:end]))
        accumulator.add(parser.close())
        if not accumulator.is_done() and not accumulator.is_interrupted():
            assert (accumulator.content(), accumulator.finish_reason()) == (
                expected["content"],
                expected["finish_reason"],
            )


TYPES: dict[str, TypeAdapter[Any]] = {
    "openai": TypeAdapter(ChatCompletionChunk),
    "anthropic": TypeAdapter(RawMessageStreamEvent),
    "openai-responses": TypeAdapter(ResponseStreamEvent),
    "google-ai": TypeAdapter(GenerateContentResponse),
}


@pytest.mark.parametrize("name", [*ANSWERS, *FAILURES])
def test_recordings_are_of_the_published_format(name: str) -> None:
    provider = (ANSWERS.get(name) or FAILURES[name])[0]
    adapter = TYPES.get(provider)
    for event in events_of(recorded(name)):
        if event.data == "[DONE]":
            continue
        data = json.loads(event.data)
        is_error = event.event == "error" and provider == "anthropic"  # raised by the SDK, not typed
        if adapter is None or "error" in data or event.event == "ping" or is_error:
            continue  # the SDKs raise errors, skip pings and have no types for the others' extensions
        adapter.validate_python(data)
