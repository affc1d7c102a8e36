"""Answers as servers and gateways in the wild write them, read from a real connection seven bytes at a time.

Each is of a kind that public reports of vLLM, llama.cpp, Ollama, LiteLLM, OpenRouter, Azure, Groq and Gemini describe.
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
SOURCE: Final = "".join(
    f'client<llm> {name} {{ provider {provider}  options {{ base_url env.URL  model "m"  api_key "k" }} }}\n'
    f'function F{name}(x: string) -> string {{ client {name}  prompt #"{{{{ x }}}}"# }}\n'
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
    "an error as detail, and the end": ("O", sse({"detail": "too long"}, DONE), "the answer is empty", True, ""),
    "half a character": (
        "O",
        b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n' + sse(STOP, DONE),
        "is not JSON",
        False,
        "",
    ),
}

OK: Final = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": counted(5, 2)}
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
    "content null": (b'{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}', ("no text", True)),
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with FaultServer() as server:
        yield server


async def call(server: FaultServer, name: str, stream: bool) -> tuple[Any, Any, Any]:
    """The value (None if it failed), the attempt's record, the partial values."""
    collector = bamlvm.Collector()
    partials: list[Any] = []
    listening = partials.append if stream else None
    context = bamlvm.CallContext(env={"URL": server.url("k")}, collectors=[collector], on_partial=listening, timeout=20)
    value = None
    async with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as runtime:
        with contextlib.suppress(bamlvm.ThrownError):
            value = await runtime.call_function(f"F{name}", {"x": "hi"}, context)
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
    assert (attempt.error.value["retryable"], attempt.text) == (retryable, text)


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
