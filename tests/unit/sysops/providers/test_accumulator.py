"""Accumulators: what each provider's events amount to, and that batching never matters."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.providers.accumulator import MAX_CALLS, MAX_MARKS, Accumulator, ToolCall, ToolCalls, decoded_json
from bamlvm.sysops.providers.catalogue import PROVIDERS, VERTEX_ANTHROPIC
from bamlvm.sysops.providers.registry import WIRES
from bamlvm.sysops.web.batches import read_events
from bamlvm.sysops.web.sse import Event
from bamlvm.vm.values import Thrown


def event(data: Any, kind: str = "message") -> Event:
    return Event(kind, data if isinstance(data, str) else json.dumps(data), "")


DONE = event("[DONE]")
COUNTS = ("input_tokens", "output_tokens")
FLAGS = ("is_done", "is_truncated", "is_interrupted")
ASKED = ("content", "reasoning", "refusal", "model", "finish_reason", *FLAGS, *COUNTS)


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> Event:
    """A chat-completion chunk."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
    return event({"id": "c-1", "object": "chat.completion.chunk", "model": "gpt-4o", "choices": choices, **more})


def block(text: str, kind: str = "text_delta", field: str = "text") -> Event:
    """An Anthropic content_block_delta."""
    return message("content_block_delta", index=0, delta={"type": kind, field: text})


def message(kind: str, **more: Any) -> Event:
    """An event whose data carries its own type, as Anthropic's and the Responses API's do."""
    return event({"type": kind, **more}, kind)


def candidate(text: str | None = None, finish: str | None = None, **more: Any) -> Event:
    """A generateContent chunk."""
    found: dict[str, Any] = {"index": 0}
    if text is not None:
        found["content"] = {"role": "model", "parts": [{"text": text}]}
    if finish is not None:
        found["finishReason"] = finish
    return event({"candidates": [found], "modelVersion": "gemini-2.0-flash", **more})


def state(accumulator: Accumulator) -> dict[str, Any]:
    """Everything there is to ask."""
    found = {name: getattr(accumulator, name)() for name in ASKED}
    return {**found, "cached_input_tokens": accumulator.tokens.cached_input}


def fresh(provider: str) -> Accumulator:
    return WIRES[PROVIDERS[provider].wire].accumulator()


def after(provider: str, *events: Event) -> dict[str, Any]:
    accumulator = fresh(provider)
    accumulator.add(list(events))
    return state(accumulator)


def error_of(provider: str, *events: Event) -> dict[str, Any]:
    with pytest.raises(Thrown) as caught:
        after(provider, *events)
    assert caught.value.class_name == "baml.errors.LlmClient"
    return caught.value.fields


START = message(
    "message_start",
    message={"id": "m", "model": "claude-3-5-sonnet", "content": [], "usage": {"input_tokens": 25, "output_tokens": 1}},
)
STOP = message("message_stop")


def stop_reason(reason: str, **usage: int) -> Event:
    return message("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage)


USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
OPENAI_FAMILY = ["openai", "openai-generic", "azure-openai", "ollama", "openrouter"]

ANSWERS: dict[str, tuple[str, list[Event], dict[str, Any]]] = {
    "openai": (
        "openai",
        [
            chunk({"role": "assistant", "content": "", "refusal": None}),
            chunk({"content": "Hel"}),
            chunk({"content": "lo"}),
            chunk({}, "stop"),
            chunk(usage=USAGE),
            DONE,
        ],
        {"content": "Hello", "finish_reason": "stop", "input_tokens": 9, "output_tokens": 3, "is_done": True}
        | {"model": "gpt-4o", "is_truncated": False},
    ),
    "null content and null usage": (
        "openai",
        [chunk({"content": None}, usage=None), chunk({"content": "a"}, usage=None), chunk({"content": None}, "stop")],
        {"content": "a", "is_done": False, "is_truncated": False, "input_tokens": None},
    ),
    "Azure's filter results first": (
        "azure-openai",
        [
            event({"choices": [], "model": "", "prompt_filter_results": [{"prompt_index": 0}], "object": ""}),
            chunk({"content": "a"}),
        ],
        {"content": "a", "model": "gpt-4o", "is_truncated": True},
    ),
    "a refusal": (
        "openai",
        [chunk({"refusal": "I "}), chunk({"refusal": "cannot"}), chunk({}, "stop"), DONE],
        {"content": "", "refusal": "I cannot", "finish_reason": "stop"},
    ),
    "text and finish reason in one chunk": (
        "openai",
        [chunk({"content": "all"}, "length"), DONE],
        {"content": "all", "finish_reason": "length"},
    ),
    "usage on the finish chunk, then again": (
        "openai",
        [
            chunk({"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": 1}),
            chunk({}, "stop", usage={"prompt_tokens": 9, "completion_tokens": 2}),
            chunk(usage=USAGE),
        ],
        {"input_tokens": 9, "output_tokens": 3},
    ),
    "cached tokens": (
        "openai",
        [chunk(usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0}})],
        {"input_tokens": 9, "cached_input_tokens": 8},
    ),
    "DONE missing": ("openai", [chunk({"content": "a"}, "stop")], {"is_done": False, "is_truncated": False}),
    "finish reason missing": (
        "openai",
        [chunk({"content": "a"}), DONE],
        {"is_done": True, "is_truncated": False, "finish_reason": None},
    ),
    "neither": ("openai", [chunk({"content": "a"})], {"is_done": False, "is_truncated": True}),
    "nothing at all": ("openai", [], {"content": "", "is_done": False, "is_truncated": True, "model": None}),
    "an empty finish reason is none": ("openai-generic", [chunk({"content": "a"}, "")], {"is_truncated": True}),
    "the last of several finish reasons": (
        "openrouter",
        [chunk({}, "stop"), chunk({}, "length")],
        {"finish_reason": "length"},
    ),
    "what follows DONE means nothing": (
        "openai",
        [chunk({"content": "a"}), DONE, chunk({"content": "b"}), event({"error": "late"}), event("junk")],
        {"content": "a"},
    ),
    "reasoning_content": (
        "openai-generic",
        [chunk({"reasoning_content": "hm", "content": None}), chunk({"reasoning_content": "m", "content": "a"})],
        {"content": "a", "reasoning": "hmm"},
    ),
    "OpenRouter's reasoning": (
        "openrouter",
        [chunk({"reasoning": "hm", "content": ""})],
        {"content": "", "reasoning": "hm"},
    ),
    "content in parts": (
        "openai-generic",
        [
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
            chunk({"content": [{"type": "text", "text": "a"}, {"type": "reference"}, {"type": "text", "text": "b"}]}),
        ],
        {"content": "ab", "reasoning": "hm"},
    ),
    "only the first choice": (
        "openai",
        [
            event({"choices": [{"index": 1, "delta": {"content": "no"}}]}),
            event({"choices": [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "no"}}]}),
            event({"choices": [{"delta": {"content": "b"}}]}),
        ],
        {"content": "ab"},
    ),
    "tool calls, unknown fields and unknown events": (
        "openai",
        [
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}, x_groq={"id": 1}),
            event("keep-alive", "ping"),
            event("[]", "metrics"),
            chunk({"content": "a"}),
            event({}),
        ],
        {"content": "a"},
    ),
    "fields of the wrong type": (
        "openai",
        [
            event(
                {
                    "choices": [
                        {"index": 0, "delta": {"content": "a", "refusal": 1, "reasoning": {}}, "finish_reason": 7}
                    ]
                }
            ),
            event({"choices": [7, {"index": 0, "delta": {"content": "b"}}], "model": ["x"]}),
            event({"choices": "none", "usage": {"prompt_tokens": "many", "completion_tokens": 4}, "model": "m"}),
            event({"choices": [{"index": "0", "delta": {"content": "c"}}], "usage": {"prompt_tokens": -1}}),
            event({"choices": {"delta": {}}, "usage": {"prompt_tokens": 2**70}}),
        ],
        {"content": "abc", "input_tokens": None, "output_tokens": 4, "finish_reason": None, "model": "m"},
    ),
    "a megabyte in one chunk": ("openai", [chunk({"content": "x" * 2**20}), DONE], {"content": "x" * 2**20}),
    "anthropic": (
        "anthropic",
        [
            START,
            message("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            message("ping"),
            block("Hel"),
            block("lo"),
            message("content_block_stop", index=0),
            stop_reason("end_turn", output_tokens=15),
            STOP,
        ],
        {"content": "Hello", "finish_reason": "end_turn", "input_tokens": 25, "output_tokens": 15, "is_done": True}
        | {"model": "claude-3-5-sonnet", "is_truncated": False},
    ),
    "anthropic's thinking, tools and signatures are not content": (
        "anthropic",
        [
            message(
                "content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}
            ),
            block("hm", "thinking_delta", "thinking"),
            block("c2ln", "signature_delta", "signature"),
            message("content_block_start", index=1, content_block={"type": "tool_use", "name": "f", "input": {}}),
            block('{"a"', "input_json_delta", "partial_json"),
            message("content_block_start", index=2, content_block={"type": "text", "text": "A"}),
            block("B"),
        ],
        {"content": "AB", "reasoning": "hm", "is_truncated": True},
    ),
    "anthropic's counts are cumulative": (
        "anthropic",
        [START, stop_reason("max_tokens", output_tokens=4), stop_reason("max_tokens", output_tokens=9, input_tokens=0)],
        {
            "input_tokens": 25,
            "output_tokens": 9,
            "finish_reason": "max_tokens",
            "is_done": False,
            "is_truncated": False,
        },
    ),
    "anthropic: a prompt is what is read anew, from the cache, and written to it": (
        "anthropic",
        [
            message(
                "message_start",
                message={
                    "model": "m",
                    "usage": {"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20},
                },
            ),
            stop_reason("end_turn", output_tokens=4, input_tokens=6, cache_read_input_tokens=100),
        ],
        {"input_tokens": 126, "output_tokens": 4, "cached_input_tokens": 100},
    ),
    "anthropic: input counted at the end only": (
        "anthropic",
        [
            message("message_start", message={"model": "m", "usage": {"input_tokens": 0, "output_tokens": 0}}),
            stop_reason("end_turn", output_tokens=4, input_tokens=30),
        ],
        {"input_tokens": 30, "output_tokens": 4},
    ),
    "anthropic: unknown events": (
        "anthropic",
        [message("vertex_event"), event("not json", "keepalive"), block("?", "citations_delta"), block("a")],
        {"content": "a"},
    ),
    "responses": (
        "openai-responses",
        [
            message("response.created", response={"model": "gpt-4.1", "status": "in_progress", "usage": None}),
            message("response.output_item.added", item={"type": "message"}),
            message("response.reasoning_summary_text.delta", delta="hm"),
            message("response.output_text.delta", delta="Hel"),
            message("response.output_text.delta", delta="lo"),
            message("response.output_text.done", text="Hello"),
            message(
                "response.completed",
                response={
                    "status": "completed",
                    "usage": {"input_tokens": 7, "input_tokens_details": {"cached_tokens": 6}, "output_tokens": 2},
                    "error": None,
                },
            ),
        ],
        {"content": "Hello", "reasoning": "hm", "is_done": True, "finish_reason": "completed", "model": "gpt-4.1"}
        | {"input_tokens": 7, "output_tokens": 2, "cached_input_tokens": 6},
    ),
    "responses: incomplete": (
        "openai-responses",
        [
            message("response.refusal.delta", delta="no"),
            message(
                "response.incomplete",
                response={"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            ),
        ],
        {"is_done": True, "finish_reason": "max_output_tokens", "refusal": "no"},
    ),
    "responses: a server that sends no deltas": (
        "openai-responses",
        [
            message(
                "response.completed",
                response={
                    "status": "completed",
                    "output": [
                        {"type": "reasoning", "content": [{"type": "output_text", "text": "no"}]},
                        {"type": "message", "content": [{"type": "output_text", "text": "Hel"}]},
                        {"type": "message", "content": [{"type": "output_text", "text": "lo"}, {"type": "other"}, 5]},
                    ],
                },
            )
        ],
        {"content": "Hello", "is_done": True, "finish_reason": "completed"},
    ),
    "a server that only seems to stream": (
        "openai-generic",
        [event({"choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}]}), DONE],
        {"content": "Hello", "finish_reason": "stop"},
    ),
    "responses: cut short": (
        "openai-responses",
        [message("response.output_text.delta", delta="Hel")],
        {"is_truncated": True, "is_done": False},
    ),
    "google, STOP on every chunk": (
        "google-ai",
        [
            candidate("Hel", "STOP", usageMetadata={"promptTokenCount": 4, "candidatesTokenCount": 1}),
            candidate("lo", "STOP", usageMetadata={"promptTokenCount": 4, "candidatesTokenCount": 2}),
        ],
        {"content": "Hello", "finish_reason": "STOP", "is_done": False, "is_truncated": False}
        | {"input_tokens": 4, "output_tokens": 2, "model": "gemini-2.0-flash"},
    ),
    "google: a broken connection may have cut it short, whatever the finish reason": (
        "google-ai",
        [candidate("Hel", "STOP")],
        {"is_truncated": False, "is_interrupted": True},
    ),
    "google: cached and tool tokens": (
        "google-ai",
        [
            event(
                {
                    "usageMetadata": {
                        "promptTokenCount": 9,
                        "toolUsePromptTokenCount": 2,
                        "cachedContentTokenCount": 4,
                        "candidatesTokenCount": 3,
                        "thoughtsTokenCount": 2,
                        "totalTokenCount": 16,
                    }
                }
            )
        ],
        {"input_tokens": 11, "output_tokens": 5, "cached_input_tokens": 4},
    ),
    "google: thoughts, other candidates, no text": (
        "google-ai",
        [
            event({"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}, {"functionCall": {}}]}}]}),
            event({"candidates": [{"index": 1, "content": {"parts": [{"text": "no"}]}}, {"content": {}}]}),
            candidate(usageMetadata={"thoughtsTokenCount": 5}),
        ],
        {"content": "", "reasoning": "hm", "output_tokens": 5, "is_truncated": True},
    ),
    "google: a blocked prompt": (
        "google-ai",
        [event({"promptFeedback": {"blockReason": "SAFETY"}})],
        {"finish_reason": "SAFETY", "is_truncated": False},
    ),
}


@pytest.mark.parametrize(("provider", "events", "expected"), ANSWERS.values(), ids=ANSWERS.keys())
def test_answers(provider: str, events: list[Event], expected: dict[str, Any]) -> None:
    found = after(provider, *events)
    assert {name: found[name] for name in expected} == expected


@given(st.data())
def test_batching_never_matters(data: st.DataObject) -> None:
    provider, events, _ = data.draw(st.sampled_from(list(ANSWERS.values())))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    accumulator = fresh(provider)
    for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        accumulator.add(events[start:end])
        accumulator.content()  # reading in between changes nothing
    assert state(accumulator) == after(provider, *events)


@pytest.mark.parametrize("provider", OPENAI_FAMILY)
def test_the_openai_family_speaks_one_format(provider: str) -> None:
    assert after(provider, *ANSWERS["openai"][1]) == after("openai", *ANSWERS["openai"][1])


@pytest.mark.parametrize(
    ("provider", "events", "type_", "retryable", "said"),
    [
        (
            "openai",
            [event({"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}})],
            "requests",
            True,
            "slow down",
        ),
        (
            "openai",
            [event({"error": {"message": "boom", "type": "server_error", "code": None}})],
            "server_error",
            True,
            "boom",
        ),
        (
            "openai",
            [event({"error": {"message": "no", "type": "invalid_request_error"}})],
            "invalid_request_error",
            False,
            "no",
        ),
        ("openai", [event({"error": {}}, "error")], None, False, "reported an error"),
        ("ollama", [event({"error": "model not found"})], None, False, "model not found"),
        (
            "openai-generic",
            [event({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400})],
            "BadRequestError",
            False,
            "bad",
        ),
        (
            "openrouter",
            [
                event(
                    {
                        "error": {"code": 502, "message": "gone"},
                        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
                    }
                )
            ],
            "502",
            True,
            "gone",
        ),
        (
            "openrouter",
            [event({"choices": [{"index": 0, "delta": {}, "error": {"code": 429, "message": "later"}}]})],
            "429",
            True,
            "later",
        ),
        ("openrouter", [event({"error": {"code": 402, "message": "pay"}})], "402", False, "pay"),
        ("openrouter", [chunk({}, "error")], None, False, "reported an error"),
        (
            "anthropic",
            [message("error", error={"type": "overloaded_error", "message": "Overloaded"})],
            "overloaded_error",
            True,
            "Overloaded",
        ),
        (
            "anthropic",
            [message("error", error={"type": "rate_limit_error", "message": "slow"})],
            "rate_limit_error",
            True,
            "slow",
        ),
        (
            "anthropic",
            [message("error", error={"type": "invalid_request_error", "message": "bad"})],
            "invalid_request_error",
            False,
            "bad",
        ),
        (
            "openai-responses",
            [message("error", code="server_error", message="boom", param=None)],
            "server_error",
            True,
            "boom",
        ),
        (
            "openai-responses",
            [message("response.failed", response={"status": "failed", "error": None})],
            None,
            True,
            "reported an error",
        ),
        (
            "openai-responses",
            [
                message(
                    "response.failed",
                    response={"status": "failed", "error": {"code": "invalid_prompt", "message": "bad"}},
                )
            ],
            "invalid_prompt",
            False,
            "bad",
        ),
        (
            "openai-responses",
            [
                message(
                    "response.failed",
                    response={"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}},
                )
            ],
            "rate_limit_exceeded",
            True,
            "slow",
        ),
        (
            "google-ai",
            [event({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}})],
            "UNAVAILABLE",
            True,
            "busy",
        ),
        (
            "google-ai",
            [event({"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}})],
            "INVALID_ARGUMENT",
            False,
            "bad",
        ),
    ],
)
def test_an_error_in_the_stream_is_thrown(
    provider: str, events: list[Event], type_: str | None, retryable: bool, said: str
) -> None:
    fields = error_of(provider, *events)
    assert (fields["type"], fields["retryable"]) == (type_, retryable)
    assert said in fields["message"]


@pytest.mark.parametrize(
    ("provider", "events", "type_", "said"),
    [
        ("openai", [chunk({"refusal": "I cannot"}), chunk({}, "stop"), DONE], "refusal", "refused: I cannot"),
        ("azure-openai", [chunk({}, "content_filter"), DONE], "content_filter", "withheld the answer"),
        ("openai-responses", [message("response.refusal.delta", delta="I cannot")], "refusal", "refused: I cannot"),
        ("anthropic", [START, stop_reason("refusal", output_tokens=1), STOP], "refusal", "withheld the answer"),
        (
            "google-ai",
            [event({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})],
            "PROHIBITED_CONTENT",
            "withheld the answer",
        ),
        ("google-ai", [candidate(None, "SAFETY")], "SAFETY", "withheld the answer"),
        # withheld half way
        ("openai", [chunk({"content": "ab"}, "content_filter"), DONE], "content_filter", "after 2 characters"),
        ("anthropic", [START, block("abc"), stop_reason("refusal"), STOP], "refusal", "after 3 characters"),
        ("google-ai", [candidate("abc"), candidate(None, "RECITATION")], "RECITATION", "after 3 characters"),
        (
            "openai-responses",
            [
                message("response.output_text.delta", delta="abc"),
                message(
                    "response.incomplete",
                    response={"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
                ),
            ],
            "content_filter",
            "after 3 characters",
        ),
        # no text
        ("openai", [chunk({"content": ""}), chunk({}, "length"), DONE], "length", "limit of tokens"),
        ("openai", [chunk({"reasoning_content": "hm"}), chunk({}, "length"), DONE], "length", "limit of tokens"),
        ("openai", [chunk({"content": None}), chunk({}, "tool_calls"), DONE], "tool_calls", "called a tool"),
        ("openai", [chunk({}, "stop"), DONE], "stop", "no text"),
        ("openai", [chunk({"content": ""}), DONE], None, "without a finish reason"),
        ("anthropic", [START, stop_reason("max_tokens"), STOP], "max_tokens", "limit of tokens"),
        ("anthropic", [START, stop_reason("tool_use"), STOP], "tool_use", "called a tool"),
        ("anthropic", [START, stop_reason("end_turn"), STOP], "end_turn", "no text"),
        ("google-ai", [candidate(None, "STOP")], "STOP", "no text"),
        ("google-ai", [candidate(None, "MALFORMED_FUNCTION_CALL")], "MALFORMED_FUNCTION_CALL", "is malformed"),
        ("google-ai", [candidate("", "MAX_TOKENS")], "MAX_TOKENS", "limit of tokens"),
        (
            "openai-responses",
            [message("response.completed", response={"status": "completed", "output": []})],
            "completed",
            "no text",
        ),
    ],
)
def test_what_is_no_answer(provider: str, events: list[Event], type_: str | None, said: str) -> None:
    accumulator = fresh(provider)
    accumulator.add(events)
    with pytest.raises(Thrown) as caught:
        accumulator.check_answered()
    assert caught.value.class_name == "baml.errors.LlmClient"
    assert (caught.value.fields["type"], caught.value.fields["retryable"]) == (type_, True)
    assert said in str(caught.value.fields["message"])
    assert accumulator.refusal() or (type_ or "") in str(caught.value.fields["message"])


@pytest.mark.parametrize(
    ("provider", "events"),
    [
        ("openai", [chunk({"content": ""}), chunk({}, "stop"), DONE]),
        ("openai", [chunk({"content": "a"}, "length"), DONE]),
        ("openai", [chunk({"content": "a"}, "tool_calls"), DONE]),
        ("openai", [chunk({"content": "a", "refusal": "b"}), DONE]),
        ("anthropic", [START, block("", "text", "text"), stop_reason("end_turn"), STOP]),
        ("google-ai", [candidate("", "STOP")]),
        (
            "openai-responses",
            [
                message(
                    "response.completed",
                    response={
                        "status": "completed",
                        "output": [{"type": "message", "content": [{"type": "output_text", "text": ""}]}],
                    },
                )
            ],
        ),
    ],
)
def test_a_cut_answer_and_one_that_is_said_to_be_empty_are_answers(provider: str, events: list[Event]) -> None:
    accumulator = fresh(provider)
    accumulator.add(events)
    accumulator.check_answered()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("junk", ["<html>Bad Gateway</html>", "{", '"text"', "[" * 100_000, "{}{}", "NaN"])
def test_what_is_no_json_object_is_thrown_with_an_excerpt(provider: str, junk: str) -> None:
    fields = error_of(provider, event(junk))
    assert repr(junk[:50])[:-1] in fields["message"]
    assert len(fields["message"]) < 300
    assert fields["retryable"] is False


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("blank", ["", " ", "\n", "null", "[]"])
def test_blank_data_keeps_a_connection_alive_and_says_nothing(provider: str, blank: str) -> None:
    accumulator = fresh(provider)
    accumulator.add([event(blank)])
    assert (accumulator.content(), accumulator.is_truncated()) == ("", True)


@pytest.mark.parametrize("kind", ["content_block_delta", "message_delta", "message_stop", "error"])
def test_junk_in_a_known_event_is_not_taken_for_an_unknown_one(kind: str) -> None:
    assert "is not JSON" in error_of("anthropic", event("junk", kind))["message"]


def test_what_came_before_an_error_is_kept() -> None:
    accumulator = WIRES["openai"].accumulator()
    with pytest.raises(Thrown):
        accumulator.add([chunk({"content": "a"}), event({"error": {"message": "boom"}}), chunk({"content": "b"})])
    assert accumulator.content() == "a"


KEYS = [
    "choices",
    "delta",
    "content",
    "index",
    "usage",
    "error",
    "type",
    "message",
    "model",
    "parts",
    "text",
    "response",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
SHAPES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
)


@given(SHAPES, st.sampled_from(list(PROVIDERS)))
def test_no_shape_of_json_breaks_an_accumulator(shape: Any, provider: str) -> None:
    accumulator = fresh(provider)
    try:
        accumulator.add([event(json.dumps(shape)), event(json.dumps({"type": "message_delta", "choices": [shape]}))])
    except Thrown as thrown:
        assert thrown.class_name == "baml.errors.LlmClient"
    assert isinstance(accumulator.content(), str)


@pytest.mark.parametrize(
    ("provider", "make"),
    [
        ("openai", lambda text: chunk({"content": text})),
        ("openai-responses", lambda text: message("response.output_text.delta", delta=text)),
        ("anthropic", block),
        ("google-ai", candidate),
    ],
)
def test_a_megabyte_in_one_event_and_a_thousand_events(provider: str, make: Any) -> None:
    accumulator = fresh(provider)
    accumulator.add([make("é" * 2**20), *[make("x")] * 1000])
    assert accumulator.content() == "é" * 2**20 + "x" * 1000
    assert accumulator.take_content() == accumulator.content()


def test_every_provider_has_an_accumulator() -> None:
    assert {row.wire for row in (*PROVIDERS.values(), VERTEX_ANTHROPIC)} == set(WIRES)


def test_a_batch_as_text_reads_back() -> None:
    events = [Event("message", '{"a": "é\u2028"}', ""), Event("ping", "", "7")]
    assert read_events(msgspec.json.encode(events).decode()) == events
    assert read_events("[]") == []
    for wrong in ("", "{}", '[{"event": "a"}]', '[{"event": 1, "data": "", "id": ""}]', "[" * 100_000):
        with pytest.raises(Thrown) as caught:
            read_events(wrong)
        assert caught.value.class_name == "baml.errors.InvalidArgument"


# --- tool calls -------------------------------------------------------------------------------------------------------


def call_delta(arguments: Any = None, **fields: Any) -> dict[str, Any]:
    function = {key: fields.pop(key) for key in ("name",) if key in fields}
    return {"tool_calls": [{**fields, "function": {**function, "arguments": arguments}}]}


@pytest.mark.parametrize(
    ("deltas", "calls"),
    [
        # as documented
        (
            [call_delta("", index=0, id="1", name="A"), call_delta('{"a"', index=0), call_delta(":1}", index=0)],
            [("A", '{"a":1}')],
        ),
        # two, interleaved
        (
            [
                call_delta("", index=0, id="1", name="A"),
                call_delta("", index=1, id="2", name="B"),
                call_delta("{1", index=0),
                call_delta("{2", index=1),
                call_delta("}", index=0),
                call_delta("}", index=1),
            ],
            [("A", "{1}"), ("B", "{2}")],
        ),
        # all with one index, as some servers have them
        (
            [call_delta("{1}", index=0, id="1", name="A"), call_delta("{2}", index=0, id="2", name="A")],
            [("A", "{1}"), ("A", "{2}")],
        ),
        # another name where there are no ids
        ([call_delta("{1}", index=0, name="A"), call_delta("{2}", index=0, name="B")], [("A", "{1}"), ("B", "{2}")]),
        # no index at all
        (
            [call_delta("{", id="1", name="A"), call_delta("1}"), call_delta("{2}", id="2", name="A")],
            [("A", "{1}"), ("A", "{2}")],
        ),
        # a new id with every piece, or the id and the name again
        ([call_delta("{", index=0, id="1", name="A"), call_delta("1}", index=0, id="x")], [("A", "{1}")]),
        (
            [call_delta("{", index=0, id="1", name="A"), call_delta("1}", index=0, id="1", name="A")],
            [("A", "{1}")],
        ),
        # arguments that are an object, or null
        ([call_delta({"a": 1}, index=0, id="1", name="A")], [("A", '{"a":1}')]),
        ([call_delta(None, index=0, id="1", name="A")], [("A", "")]),
        # the name comes later
        ([call_delta("", index=0, id="1"), call_delta("{}", index=0, name="A")], [("A", "{}")]),
    ],
)
def test_tool_calls_of_servers_that_imitate_openai(deltas: list[dict[str, Any]], calls: list[tuple[str, str]]) -> None:
    accumulator = fresh("openai")
    accumulator.expect_calls()
    sizes = []
    for delta in deltas:
        accumulator.add([chunk(delta)])
        sizes.append(accumulator.size())
    accumulator.add([chunk({}, "tool_calls"), DONE])
    assert [(call.name, str(call.arguments)) for call in accumulator.calls] == calls
    assert accumulator.content() == "\n".join(arguments for _, arguments in calls)
    assert sizes == sorted(sizes)
    assert accumulator.finish_reason() == "tool_calls"
    accumulator.check_answered()


def test_tool_calls_are_not_read_unless_they_are_expected() -> None:
    accumulator = fresh("openai")
    accumulator.add([chunk({"content": "text", **call_delta("{}", index=0, id="1", name="A")})])
    assert (accumulator.content(), len(accumulator.calls)) == ("text", 0)


@pytest.mark.parametrize("junk", [b"[" * 100_000, b'{"a": "\\ud83d", "b": NaN}', b'{"a": [%b]}' % (b"[]," * MAX_MARKS)])
def test_the_fault_of_json_that_cannot_be_read_is_said(junk: bytes) -> None:
    said = {b"[": "nested too deep", b'"': "half of a character", b"a": "more than 2097152 commas and brackets"}
    message = error_of("openai", event(junk.decode()))["message"]
    assert any(fault in message for fault in said.values()), message
    with pytest.raises(Thrown, match="the provider's answer cannot be read: it "):
        WIRES["openai"].read(junk.decode())


def test_commas_of_a_text_are_no_values_until_they_are_many() -> None:
    text = "," * (MAX_MARKS - 10)
    assert decoded_json(json.dumps({"a": text})) == {"a": text}


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "NaN", "-Infinity", "9" * 5000, '"3"', "-3", "1.5", "true", "[]", "{}"]
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_count_that_is_none_is_absent_and_the_answer_stays(number: str, stream: bool) -> None:
    usage = f'"usage": {{"prompt_tokens": {number}, "completion_tokens": 2, "x": 1e999}}'
    if stream:
        accumulator = fresh("openai")
        accumulator.add([event(f'{{"choices": [{{"delta": {{"content": "hi"}}, "finish_reason": "stop"}}], {usage}}}')])
        content, tokens = accumulator.content(), accumulator.tokens
    else:
        answer = WIRES["openai"].read(
            f'{{"choices": [{{"message": {{"content": "hi"}}, "finish_reason": "stop"}}], {usage}}}'
        )
        content, tokens = answer.content, answer.tokens
    assert (content, tokens.input, tokens.output) == ("hi", None, 2)


def test_the_size_of_tool_calls_is_that_of_their_arguments() -> None:
    calls = ToolCalls([ToolCall("f", arguments="{}")])
    for part in ("", '{"a": ', "1}"):
        calls.add(1, part, "g", "x")
    assert calls.size() == sum(call.arguments.length + 1 for call in calls) == 12


def test_an_answer_has_only_so_many_tool_calls() -> None:
    calls = ToolCalls()
    for number in range(MAX_CALLS):
        calls.add(number, "{}", "f")
    with pytest.raises(Thrown, match=f"more than {MAX_CALLS} tool calls"):
        calls.add(MAX_CALLS, "{}", "f")
    with pytest.raises(Thrown, match=f"more than {MAX_CALLS} tool calls"):
        ToolCalls(ToolCall("f") for _ in range(MAX_CALLS + 1))
