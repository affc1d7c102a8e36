"""Answers as servers and gateways in the wild write them, read from a real connection seven bytes at a time.

Each is of a kind that public reports of vLLM, SGLang, llama.cpp, Ollama, LiteLLM, OpenRouter, Azure, Groq, DeepSeek,
Zhipu, MiniMax, Gemini and of servers that imitate Anthropic's or OpenAI's formats describe.
What is asked: the whole answer and the right counts, or a failure that says what came; never an answer that is short.
"""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

import bamlvm
from tests.streaming.faults.outcomes import CLOSE_HEADER, LAST, STREAM_HEAD, chunks, head
from tests.streaming.faults.server import CLOSE, FaultServer

PROVIDERS: Final = {"O": "openai-generic", "A": "anthropic", "G": "google-ai", "R": "openai-responses"}
OPTIONS: Final = 'base_url env.URL  model "m"  api_key "k"'
SOURCE: Final = "class Ship { city string }\nclass Refund { order int }\n" + "".join(
    f"client<llm> {name} {{ provider {provider}  options {{ {OPTIONS} }} }}\n"
    f'client<llm> {name}Tools {{ provider {provider}  options {{ {OPTIONS}  output_mode "tool" }} }}\n'
    f'function F{name}(x: string) -> string {{ client {name}  prompt #"{{{{ x }}}}"# }}\n'
    f'function T{name}(x: string) -> (Ship | Refund)[] {{ client {name}Tools  prompt #"{{{{ x }}}}"# }}\n'
    for name, provider in PROVIDERS.items()
)


def sse(*datas: Any, space: str = " ", end: str = "\n") -> bytes:
    texts = (data if isinstance(data, str) else json.dumps(data) for data in datas)
    return "".join(f"data:{space}{text}{end}{end}" for text in texts).encode()


def named(*events: tuple[str, Any]) -> bytes:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events).encode()


def said(content: Any = None, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}], **more}


def counted(prompt: Any, answer: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": answer}


STOP = said(finish="stop")
DONE = "[DONE]"
HELLO = ("Hello", None, None)
COUNTED = ("Hello", 5, 2)
START = ("message_start", {"type": "message_start", "message": {"model": "c", "usage": {"input_tokens": 5}}})
TEXT = ("content_block_delta", {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hello"}})
END = ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})
OVER = ("message_stop", {"type": "message_stop"})
PART = {"candidates": [{"content": {"parts": [{"text": "Hello"}]}, "index": 0}]}
LAST_PART = {"candidates": [{"content": {"parts": [{"text": "Hello"}]}, "finishReason": "STOP", "index": 0}]}
UNAVAILABLE = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}


def response(status: str, **more: Any) -> tuple[str, Any]:
    return "response.completed", {"type": "response.completed", "response": {"status": status, "output": [], **more}}


DELTA = ("response.output_text.delta", {"type": "response.output_text.delta", "delta": "Hello"})

SAID = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
COMPLETED = response("completed", usage={"input_tokens": 5, "output_tokens": 2})

ANSWERS: Final[dict[str, tuple[str, bytes, tuple[str, int | None, int | None]]]] = {
    "no space after data:": ("O", sse(said("", role="x"), said("Hel"), said("lo"), STOP, DONE, space=""), HELLO),
    "BOM and CRLF": ("O", b"\xef\xbb\xbf" + sse(said("Hello"), STOP, DONE, end="\r\n"), HELLO),
    "cumulative usage in every chunk": (
        "O",
        sse(
            said("Hel", usage=counted(5, 1)),
            said("lo", usage=counted(5, 2)),
            {"choices": [], "usage": counted(5, 2)},
            STOP,
            DONE,
        ),
        COUNTED,
    ),
    "usage of zeros after the counts": (
        "O",
        sse(said("Hello"), {**STOP, "usage": counted(5, 2)}, {"choices": [], "usage": counted(0, 0)}, DONE),
        COUNTED,
    ),
    "usage null, then alone": (
        "O",
        sse(said("Hello", usage=None), STOP, {"choices": [], "usage": counted(5, 2)}, DONE),
        COUNTED,
    ),
    "keep-alives of every kind": (
        "O",
        b": ping\n\n:\n\nevent: ping\ndata: {}\n\ndata:\n\ndata: \n\n" + sse(said("Hello"), STOP, DONE),
        HELLO,
    ),
    "choices null, delta null, no index": (
        "O",
        sse(
            {"choices": None},
            {"choices": [{"delta": None}]},
            {"choices": [{"delta": {"content": "Hello"}}]},
            {"choices": [{"delta": {}, "finish_reason": "stop"}]},
            DONE,
        ),
        HELLO,
    ),
    "an empty finish reason in every chunk": ("O", sse(said("Hel", ""), said("lo", ""), STOP, DONE), HELLO),
    "the last line without a blank one": ("O", sse(said("Hello"), STOP) + b"data: [DONE]", HELLO),
    "NaN for a number": (
        "O",
        b'data: {"choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":-Infinity}]}\n\n' + sse(STOP, DONE),
        HELLO,
    ),
    "JSON over several lines": (
        "O",
        b'data: {\ndata: "choices":[{"delta":{"content":"Hello"}}]\ndata: }\n\n' + sse(STOP, DONE),
        HELLO,
    ),
    "filters of Azure, before and after": (
        "O",
        sse({"choices": [], "prompt_filter_results": [{}]}, said("Hello"), STOP, {"choices": [{"index": 0}]}, DONE),
        HELLO,
    ),
    "the whole message once more at the end": (
        "O",
        sse(said("Hello"), {"choices": [{"delta": {}, "message": {"content": "Hello"}}]}, STOP, DONE),
        HELLO,
    ),
    "Anthropic with [DONE]": ("A", named(START, TEXT, END) + sse(DONE), COUNTED),
    "Anthropic by names of events alone": (
        "A",
        named(*((name, {key: value for key, value in data.items() if key != "type"}) for name, data in
                (START, TEXT, END, OVER))),
        COUNTED,
    ),
    "Anthropic without names of events": ("A", sse(*(data for _, data in (START, TEXT, END, OVER))), COUNTED),
    "Google with [DONE]": ("G", sse(LAST_PART, DONE), HELLO),
    "Google with a finish apart": ("G", sse(PART, {"candidates": [{"finishReason": "STOP", "index": 0}]}), HELLO),
    "usage with details alone, in the middle": (
        "O",
        sse(
            said("Hel", usage={"prompt_tokens_details": {"cached_tokens": 0}}),
            said("lo"),
            {**STOP, "usage": {}},
            {"choices": [], "usage": counted(5, 2)},
            DONE,
        ),
        COUNTED,
    ),
    "usage in x_groq alone": ("O", sse(said("Hello"), {**STOP, "x_groq": {"usage": counted(5, 2)}}, DONE), COUNTED),
    "all of the message after its deltas": (
        "O",
        sse(said("Hel"), said("lo"), {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}, DONE),
        HELLO,
    ),
    "all of the message after its deltas, delta null": (
        "O",
        sse(
            said("Hel"),
            said("lo"),
            {"choices": [{"delta": None, "message": {"content": "Hello"}, "finish_reason": "stop"}]},
            DONE,
        ),
        HELLO,
    ),
    "a message so far beside each delta": (
        "O",
        sse(
            {"choices": [{"delta": {"content": "Hel"}, "message": {"content": "Hel"}}]},
            {"choices": [{"delta": {"content": "lo"}, "message": {"content": "Hello"}, "finish_reason": "stop"}]},
        ),
        HELLO,
    ),
    "messages in place of deltas": (
        "O",
        sse({"choices": [{"message": {"content": "Hel"}}]}, {"choices": [{"message": {"content": "lo"}}]}, STOP, DONE),
        HELLO,
    ),
    "content as a list of texts": ("O", sse(said(["Hel", "lo"]), STOP, DONE), HELLO),
    "content in parts of other types": (
        "O",
        sse(said([{"type": "output_text", "text": "Hel"}]), said({"text": "lo"}), STOP, DONE),
        HELLO,
    ),
    "content as a number": ("O", sse(said("4"), said(2), said(""), STOP, DONE), ("42", None, None)),
    "two answers without indices": (
        "O",
        sse({"choices": [{"delta": {"content": "Hello"}}, {"delta": {"content": "No"}}]}, STOP, DONE),
        HELLO,
    ),
    "Google, two answers without indices": (
        "G",
        sse(
            {
                "candidates": [
                    {"content": {"parts": [{"text": "Hello"}]}, "finishReason": "STOP"},
                    {"content": {"parts": [{"text": "No"}]}, "finishReason": "STOP"},
                ]
            }
        ),
        HELLO,
    ),
    "counts with a point": ("O", sse(said("Hello"), {**STOP, "usage": counted(5.0, 2.0)}, DONE), COUNTED),
    "[DONE] in quotes": ("O", sse(said("Hello"), STOP, '"[DONE]"'), HELLO),
    "a finish reason, then more": ("O", sse(said("Hel"), STOP, said("lo", usage=counted(5, 2)), DONE), COUNTED),
    "two answers, interleaved": (
        "O",
        sse(said("Hel"), {"choices": [{"index": 1, "delta": {"content": "No"}, "finish_reason": "length"}]})
        + sse(said("lo"), STOP, DONE),
        HELLO,
    ),
    "Anthropic, message_delta without usage": (
        "A",
        named(START, TEXT, ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}), OVER),
        ("Hello", 5, None),
    ),
    "Anthropic, all usage in message_delta": (
        "A",
        named(
            ("message_start", {"type": "message_start", "message": {"model": "c"}}),
            TEXT,
            (
                "message_delta",
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn"},
                    "usage": {"input_tokens": 4, "cache_creation_input_tokens": 1, "output_tokens": 2},
                },
            ),
            OVER,
        ),
        COUNTED,
    ),
    "Google, a signature beside the text, and an empty part": (
        "G",
        sse(
            {"candidates": [{"content": {"parts": [{"text": "Hello", "thoughtSignature": "x"}]}}]},
            {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]},
        ),
        HELLO,
    ),
    "Responses, the text once, when it is done": (
        "R",
        named(("response.output_text.done", {"text": "Hello", "output_index": 0, "content_index": 0}), COMPLETED),
        COUNTED,
    ),
    "Responses, the text once, in its part": (
        "R",
        named(
            (
                "response.content_part.done",
                {"output_index": 0, "content_index": 0, "part": {"type": "output_text", "text": "Hello"}},
            ),
            COMPLETED,
        ),
        COUNTED,
    ),
    "Responses, the text once, in its item": (
        "R",
        named(("response.output_item.done", {"output_index": 0, "item": SAID}), COMPLETED),
        COUNTED,
    ),
    "Responses, the text in every form": (
        "R",
        named(
            DELTA,
            ("response.output_text.done", {"text": "Hello"}),
            ("response.content_part.done", {"part": {"type": "output_text", "text": "Hello"}}),
            ("response.output_item.done", {"item": SAID}),
            response("completed", output=[SAID]),
        ),
        HELLO,
    ),
    "Responses, of two texts one in deltas": (
        "R",
        named(
            ("response.output_text.delta", {"delta": "Hel", "output_index": 0, "content_index": 0}),
            ("response.output_text.done", {"text": "Hel", "output_index": 0, "content_index": 0}),
            ("response.output_text.done", {"text": "lo", "output_index": 1, "content_index": 0}),
            COMPLETED,
        ),
        COUNTED,
    ),
    "Responses, the end of the text when all is complete": (
        "R",
        named(("response.output_text.delta", {"delta": "Hel"}), response("completed", output=[SAID])),
        HELLO,
    ),
    "null between the chunks, and an empty list": (
        "O",
        sse(said("Hel"), "null", said("lo"), [], STOP, "null", DONE),
        HELLO,
    ),
    "delta null with the finish reason": (
        "O",
        sse(said("Hello"), {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]}, DONE),
        HELLO,
    ),
    "usage with choices null": (
        "O",
        sse(said("Hello"), STOP, {"choices": None, "usage": counted(5, 2)}, DONE),
        COUNTED,
    ),
    "comments and other fields inside an event": (
        "O",
        b'retry: 3000\nid: 1\n: wait\ndata: {"choices":\n: still\nevent:\ndata: [{"delta":{"content":"Hello"}}]}\n\n'
        + sse(STOP, DONE),
        HELLO,
    ),
    "lines that end with CR": ("O", sse(said("Hello"), STOP, DONE, end="\r"), HELLO),
    "a role in every chunk, and the reason in capitals": (
        "O",
        sse(
            {"choices": [{"delta": {"role": "assistant", "content": "Hel"}}]},
            {"choices": [{"delta": {"role": "assistant", "content": "lo"}, "finish_reason": "STOP"}]},
            DONE,
        ),
        HELLO,
    ),
    "Anthropic, pings without data": (
        "A",
        b"event: ping\n\n" + named(START) + b"event: ping\ndata:\n\n" + named(TEXT, END, OVER),
        COUNTED,
    ),
    "Anthropic, an unknown block and delta": (
        "A",
        named(
            START,
            ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "new"}}),
            ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta"}}),
            TEXT,
            END,
            OVER,
        ),
        COUNTED,
    ),
    "Google, a thought before the text": (
        "G",
        sse({"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}]}}]}, LAST_PART),
        HELLO,
    ),
    "Google, content without parts at the end": (
        "G",
        sse(PART, {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP", "index": 0}]}),
        HELLO,
    ),
    "Responses without names of events": (
        "R",
        sse(DELTA[1], response("completed", usage={"input_tokens": 5, "output_tokens": 2})[1], DONE),
        COUNTED,
    ),
}  # fmt: skip

FAILURES: Final[dict[str, tuple[str, bytes, str, bool, str]]] = {
    "an error of vLLM": (
        "O",
        sse(said("He"), {"object": "error", "message": "dead", "type": "InternalServerError", "code": 500}, DONE),
        "InternalServerError: dead",
        True,
        "He",
    ),
    "an error of Groq": (
        "O",
        named(("error", {"error": {"message": "bad", "type": "invalid_request_error", "status_code": 400}})),
        "invalid_request_error: bad",
        False,
        "",
    ),
    "an error that is a string": ("O", sse({"error": "model not loaded"}), "model not loaded", False, ""),
    "an error of Google in a list": ("G", sse(PART, [UNAVAILABLE]), "UNAVAILABLE: overloaded", True, "Hello"),
    "a response that was cancelled": ("R", named(DELTA, response("cancelled")), "is cancelled", True, "Hello"),
    "two frames on one line, the first cut": (
        "O",
        sse(said("He")) + b'data: {"object":"chat.completion.c' + sse(said("llo"), STOP, DONE),
        "is not JSON",
        False,
        "He",
    ),
    "an error inside an event that was not ended": (
        "R",
        named(DELTA)
        + b'event: response.completed\ndata: {"type":"response.comp\n'
        + sse({"type": "error", "message": "stream_read_error"}),
        "stream_read_error",
        False,
        "Hello",
    ),
    "an error as detail, and the end": ("O", sse({"detail": "too long"}, DONE), '{"detail": "too long"}', True, ""),
    "an error of MiniMax": (
        "O",
        sse({"choices": None, "base_resp": {"status_code": 1008, "status_msg": "no balance"}}, DONE),
        "no balance",
        True,
        "",
    ),
    "an error of OpenRouter, with the words of the provider behind it": (
        "O",
        sse(
            said("He"), {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "slow down"}}}
        ),
        "429: Provider returned error: 'slow down'",
        True,
        "He",
    ),
    "an error of Anthropic with its message at the top": (
        "A",
        named(START, TEXT, ("error", {"type": "error", "message": "upstream gone"})),
        "upstream gone",
        False,
        "Hello",
    ),
    "broken off: no resources": (
        "O",
        sse(said("He"), said(finish="insufficient_system_resource"), DONE),
        "broke off after 2 characters: insufficient_system_resource",
        True,
        "He",
    ),
    "broken off: aborted": ("O", sse(said("He"), said(finish="abort"), DONE), "broke off", True, "He"),
    "broken off: the network": ("O", sse(said("He"), said(finish="network_error"), DONE), "broke off", True, "He"),
    "broken off: paused": (
        "A",
        named(START, TEXT, ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}}), OVER),
        "broke off after 5 characters: pause_turn",
        True,
        "Hello",
    ),
    "broken off: a call that is malformed": (
        "G",
        sse(PART, {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}),
        "broke off after 5 characters: MALFORMED_FUNCTION_CALL",
        True,
        "Hello",
    ),
    "broken off: a response that does not say why": (
        "R",
        named(DELTA, ("response.incomplete", {"response": {"status": "incomplete"}})),
        "broke off after 5 characters: incomplete",
        True,
        "Hello",
    ),
    "withheld, as Zhipu says it": ("O", sse(said("He"), said(finish="sensitive"), DONE), "withheld", True, "He"),
    "a response that only [DONE] ends": ("R", named(DELTA) + sse(DONE), "the stream ended before", True, "Hello"),
    "a delta without text": (
        "R",
        named(("response.output_text.delta", {"text": "Hello"}), COMPLETED),
        "empty",
        True,
        "",
    ),
    "a refusal, when it is done": (
        "R",
        named(("response.refusal.done", {"refusal": "I cannot"}), COMPLETED),
        "the model refused: I cannot",
        True,
        "",
    ),
    "Anthropic, overloaded half way, and closed": (
        "A",
        named(
            START, TEXT, ("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
        ),
        "overloaded_error: Overloaded",
        True,
        "Hello",
    ),
    "Anthropic, blocked half way": (
        "A",
        named(START, TEXT, ("error", {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}})),
        "invalid_request_error: no",
        False,
        "Hello",
    ),
    "an error, then the end as if nothing had been": (
        "O",
        sse(said("He"), {"error": {"message": "queue is full", "type": "rate_limit_error"}}, DONE),
        "queue is full",
        True,
        "He",
    ),
    "a chunk that is cut at its beginning": (
        "O",
        sse(said("He"), "{", DONE),
        "is not JSON",
        False,
        "He",
    ),
    "lines of JSON in place of events": (
        "O",
        b'{"message":{"content":"Hel"},"done":false}\n{"message":{"content":"lo"},"done":true}\n',
        "ended before",
        True,
        "",
    ),
    "half a character": (
        "O",
        b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n' + sse(STOP, DONE),
        "is not JSON",
        False,
        "",
    ),
}

OK: Final = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": counted(5, 2)}


def whole_said(content: Any) -> dict[str, Any]:
    """A choice of a whole answer."""
    return {"message": {"content": content}, "finish_reason": "stop"}


WHOLE: Final[dict[str, tuple[bytes, str | tuple[str, bool]]]] = {
    "BOM": (b"\xef\xbb\xbf" + json.dumps(OK).encode(), "Hello"),
    "blanks before it": (b"\n \n" + json.dumps(OK).encode(), "Hello"),
    "NaN": (json.dumps({**OK, "logprobs": float("nan")}).encode(), "Hello"),
    "error null": (json.dumps({**OK, "error": None}).encode(), "Hello"),
    "an error of vLLM": (
        b'{"object": "error", "message": "dead", "type": "InternalServerError", "code": 500}',
        ("InternalServerError: dead", True),
    ),
    "an error in a list": (json.dumps([UNAVAILABLE]).encode(), ("UNAVAILABLE: overloaded", True)),
    "an error with a status": (b'{"error": {"message": "slow", "code": 429}}', ("429: slow", True)),
    "a page": (b"<!DOCTYPE html><html>log in</html>", ("cannot be read: '<!DOCTYPE html>", False)),
    "no choices": (b'{"choices": []}', ("cannot be read", False)),
    "content as a list of texts": (json.dumps({**OK, "choices": [whole_said(["Hel", "lo"])]}).encode(), "Hello"),
    "content in parts of another type": (
        json.dumps({**OK, "choices": [whole_said([{"type": "output_text", "text": "Hello"}])]}).encode(),
        "Hello",
    ),
    "content of no known form": (json.dumps({"choices": [whole_said({"markdown": "x"})]}).encode(), ("no text", True)),
    "events where none were asked for": (sse(said("Hel"), said("lo"), {**STOP, "usage": counted(5, 2)}, DONE), "Hello"),
    "events, and the connection breaks off": (sse(said("He")), ("it is a stream without an end", False)),
    "the second choice first": (
        json.dumps({**OK, "choices": [{**whole_said("No"), "index": 1}, {**whole_said("Hello"), "index": 0}]}).encode(),
        "Hello",
    ),
    "broken off": (
        b'{"choices": [{"message": {"content": "He"}, "finish_reason": "abort"}]}',
        ("broke off after 2 characters: abort", True),
    ),
    "content null": (b'{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}', ("no text", True)),
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with FaultServer() as server:
        yield server


async def call(server: FaultServer, name: str, stream: bool, kind: str = "F") -> tuple[Any, Any, Any]:
    """The value (None if it failed), the attempt's record, the partial values."""
    collector = bamlvm.Collector()
    partials: list[Any] = []
    listening = partials.append if stream else None
    context = bamlvm.CallContext(env={"URL": server.url("k")}, collectors=[collector], on_partial=listening, timeout=20)
    value = None
    async with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as runtime:
        with contextlib.suppress(bamlvm.ThrownError):
            value = await runtime.call_function(f"{kind}{name}", {"x": "hi"}, context)
        assert runtime.handles == 0
    (attempt,) = collector.attempts
    return value, attempt, partials


def played(server: FaultServer, body: bytes) -> None:
    pieces = [body[place : place + 7] for place in range(0, len(body), 7)]
    server.play("k", [STREAM_HEAD, *chunks(pieces), LAST, CLOSE])


@pytest.mark.parametrize("title", ANSWERS)
async def test_a_streamed_answer(server: FaultServer, title: str) -> None:
    name, body, (text, prompt, answer) = ANSWERS[title]
    played(server, body)
    value, attempt, partials = await call(server, name, stream=True)
    assert (value, attempt.error) == (text, None)
    assert (attempt.input_tokens, attempt.output_tokens) == (prompt, answer)
    assert partials[-1] == text


@pytest.mark.parametrize("title", FAILURES)
async def test_a_failure_inside_a_stream(server: FaultServer, title: str) -> None:
    name, body, message, retryable, text = FAILURES[title]
    played(server, body)
    value, attempt, _ = await call(server, name, stream=True)
    assert value is None
    assert message in attempt.error.message
    assert attempt.text == text
    if attempt.error.type == "baml.errors.LlmClient":
        assert attempt.error.value["retryable"] is retryable
    else:
        assert attempt.error.type == "baml.errors.StreamTruncated"


def call_of(index: int | None, name: str | None, arguments: Any, id: str | None) -> dict[str, Any]:
    """A chunk with a part of a tool call."""
    part = {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}
    delta = {"tool_calls": [{key: value for key, value in part.items() if value is not None}]}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


CALLED = said(finish="tool_calls")
OSLO, BERGEN = '{"city": "Oslo"}', '{"city": "Bergen"}'
ITEM = {"type": "function_call", "name": "Ship", "call_id": "c"}
CALLS: Final[dict[str, tuple[str, bytes, list[str] | str]]] = {
    "id and name empty in later parts": (
        "O",
        sse(call_of(0, "Ship", "", "a"), call_of(0, "", OSLO[:5], ""), call_of(0, "", OSLO[5:], ""), CALLED, DONE),
        ["Oslo"],
    ),
    "id and name in every part": (
        "O",
        sse(call_of(0, "Ship", OSLO[:5], "a"), call_of(0, "Ship", OSLO[5:], "a"), CALLED, DONE),
        ["Oslo"],
    ),
    "the name in every part, and no id": (
        "O",
        sse(call_of(0, "Ship", OSLO[:5], None), call_of(0, "Ship", OSLO[5:], None), CALLED, DONE),
        ["Oslo"],
    ),
    "an id that comes late": (
        "O",
        sse(call_of(0, "Ship", OSLO[:5], None), call_of(0, None, OSLO[5:], "late"), CALLED, DONE),
        ["Oslo"],
    ),
    "all of index 0": (
        "O",
        sse(call_of(0, "Ship", OSLO, "a"), call_of(0, "Ship", BERGEN, "b"), CALLED, DONE),
        ["Oslo", "Bergen"],
    ),
    "no index": (
        "O",
        sse(call_of(None, "Ship", OSLO, "a"), call_of(None, "Ship", BERGEN, "b"), CALLED, DONE),
        ["Oslo", "Bergen"],
    ),
    "arguments that are an object": ("O", sse(call_of(0, "Ship", {"city": "Oslo"}, "a"), CALLED, DONE), ["Oslo"]),
    "arguments that are text of text": ("O", sse(call_of(0, "Ship", json.dumps(OSLO), "a"), CALLED, DONE), ["Oslo"]),
    "all arguments once more at the end": (
        "O",
        sse(call_of(0, "Ship", OSLO, "a"), call_of(0, None, OSLO, None), CALLED, DONE),
        "several values",
    ),
    "a brace, then all arguments": (
        "O",
        sse(call_of(0, "Ship", "{", "a"), call_of(0, None, OSLO, None), CALLED, DONE),
        ["Oslo"],
    ),
    "arguments null first": (
        "O",
        sse(call_of(0, "Ship", None, "a"), call_of(0, None, OSLO, None), CALLED, DONE),
        ["Oslo"],
    ),
    "two calls, the second without a name": (
        "O",
        sse(call_of(0, "Ship", "", "a"), call_of(1, None, OSLO, None), CALLED, DONE),
        "the tool",
    ),
    "a reason without a call": ("O", sse(said(""), CALLED, DONE), "the model called a tool"),
    "Responses, arguments when they are done": (
        "R",
        named(
            ("response.output_item.added", {"output_index": 0, "item": ITEM}),
            ("response.function_call_arguments.done", {"output_index": 0, "arguments": OSLO}),
            COMPLETED,
        ),
        ["Oslo"],
    ),
    "Responses, without indices, in every form": (
        "R",
        named(
            ("response.output_item.added", {"item": ITEM}),
            ("response.function_call_arguments.delta", {"delta": OSLO}),
            ("response.function_call_arguments.done", {"arguments": OSLO}),
            ("response.output_item.done", {"item": {**ITEM, "arguments": OSLO}}),
            response("completed", output=[{**ITEM, "arguments": OSLO}]),
        ),
        ["Oslo"],
    ),
}


@pytest.mark.parametrize("title", CALLS)
async def test_tool_calls(server: FaultServer, title: str) -> None:
    name, body, expected = CALLS[title]
    played(server, body)
    value, attempt, _ = await call(server, name, stream=True, kind="T")
    if isinstance(expected, str):
        assert value is None and expected in attempt.error.message
    else:
        assert attempt.error is None
        assert [each.city for each in value] == expected


@pytest.mark.parametrize("coding", ["none", "utf-8", "identity"])
async def test_a_body_that_is_said_to_be_coded_and_is_not(server: FaultServer, coding: str) -> None:
    lines = ["HTTP/1.1 200 OK", "content-type: text/event-stream", f"content-encoding: {coding}", CLOSE_HEADER]
    server.play("k", [head(*lines) + sse(said("Hello"), STOP, DONE), CLOSE])
    value, attempt, _ = await call(server, "O", stream=True)
    assert (value, attempt.error) == ("Hello", None)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("title", WHOLE)
async def test_a_whole_answer(server: FaultServer, title: str, compressed: bool) -> None:
    body, expected = WHOLE[title]
    lines = ["HTTP/1.1 200 OK", "content-type: application/json", CLOSE_HEADER]
    if compressed:
        body, lines = gzip.compress(body), [*lines, "content-encoding: gzip"]
    server.play("k", [head(*lines, f"content-length: {len(body)}") + body, CLOSE])
    value, attempt, _ = await call(server, "O", stream=False)
    if isinstance(expected, str):
        assert (value, attempt.error) == (expected, None)
        assert (attempt.input_tokens, attempt.output_tokens) == (5, 2)
    else:
        message, retryable = expected
        assert value is None and message in attempt.error.message
        assert attempt.error.value["retryable"] is retryable


@pytest.mark.parametrize("error", [UNAVAILABLE, [UNAVAILABLE]], ids=["object", "list"])
async def test_an_error_in_json_where_a_stream_was_asked_for(server: FaultServer, error: Any) -> None:
    body = json.dumps(error).encode()
    lines = ["HTTP/1.1 200 OK", "content-type: application/json", CLOSE_HEADER, f"content-length: {len(body)}"]
    server.play("k", [head(*lines) + body, CLOSE])
    value, attempt, _ = await call(server, "G", stream=True)
    assert value is None and "UNAVAILABLE: overloaded" in attempt.error.message
    assert attempt.error.value["retryable"] is True
