"""Transports that a host brings: those of httpx for tests, those of others, and what is not a transport."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import bamlvm
from bamlvm.replay import RecordingTransport, ReplayTransport

SOURCE = """
client C { provider openai-generic  options { base_url "http://service.invalid/v1"  model "m"  api_key "k" } }
function F(input: string) -> string { client C  prompt #"Say hello to {{ input }}"# }
"""


def event(text: str, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({'model': 'm', 'choices': [choice]})}\n\n"


STREAM = event("hel") + event("lo", "stop") + "data: [DONE]\n\n"
WHOLE = {"model": "m", "choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]}
EVENTS = {"content-type": "text/event-stream"}


def streams(request: httpx.Request) -> bool:
    return bool(json.loads(request.content).get("stream"))


def as_content(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, headers=EVENTS, text=STREAM) if streams(request) else httpx.Response(200, json=WHOLE)


async def as_coroutine(request: httpx.Request) -> httpx.Response:
    await asyncio.sleep(0)
    return as_content(request)


def as_iterator(request: httpx.Request) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(STREAM), 7):
            yield STREAM[at : at + 7].encode()

    return httpx.Response(200, headers=EVENTS, content=pieces()) if streams(request) else as_content(request)


def as_gzip(request: httpx.Request) -> httpx.Response:
    plain = STREAM.encode() if streams(request) else json.dumps(WHOLE).encode()
    headers = {**EVENTS, "content-encoding": "gzip"} if streams(request) else {"content-encoding": "gzip"}
    return httpx.Response(200, headers=headers, content=gzip.compress(plain))


async def app(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application that is a provider."""
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message.get("more_body"):
            break
    is_stream = json.loads(body).get("stream")
    kind = b"text/event-stream" if is_stream else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    for piece in (STREAM[:40], STREAM[40:]) if is_stream else (json.dumps(WHOLE),):
        await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
    await send({"type": "http.response.body"})


TRANSPORTS = {
    "content": lambda: httpx.MockTransport(as_content),
    "coroutine": lambda: httpx.MockTransport(as_coroutine),
    "iterator": lambda: httpx.MockTransport(as_iterator),
    "gzip": lambda: httpx.MockTransport(as_gzip),
    "asgi": lambda: httpx.ASGITransport(app),
}


@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize("recorded", [False, True])
def test_a_transport_of_httpx(name: str, recorded: bool, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    inner = TRANSPORTS[name]()
    transports = [RecordingTransport(inner, tape) if recorded else inner]
    if recorded:
        transports.append(ReplayTransport)
    for transport in transports:
        used = transport(tape) if transport is ReplayTransport else transport
        with bamlvm.Runtime.from_files({"main.baml": SOURCE}, transport=used) as runtime:
            assert runtime.call_function_sync("F", {"input": "a"}) == "hello"
            assert list(runtime.stream("F", {"input": "a"}))[-1] == "hello"
            assert runtime.handles == 0


def test_the_status_of_a_mock_is_the_attempts() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(429, headers={"retry-after": "1"}, text="slow"))
    runtime = bamlvm.Runtime.from_files({"main.baml": SOURCE}, transport=transport)
    with runtime, pytest.raises(bamlvm.ThrownError, match="429 Too Many Requests: slow"):
        runtime.call_function_sync("F", {"input": "a"})


def test_the_exception_of_a_mock_fails_the_attempt() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError("of the handler")

    runtime = bamlvm.Runtime.from_files({"main.baml": SOURCE}, transport=httpx.MockTransport(handler))
    with runtime, pytest.raises(bamlvm.ThrownError, match="ZeroDivisionError: of the handler") as caught:
        runtime.call_function_sync("F", {"input": "a"})
    assert caught.value.attempts[0].error.type == "baml.errors.Network"


def test_an_error_for_the_host_ends_the_call() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise bamlvm.HostError("not today")

    runtime = bamlvm.Runtime.from_files({"main.baml": SOURCE}, transport=httpx.MockTransport(handler))
    with runtime, pytest.raises(bamlvm.HostError, match="not today"):
        runtime.call_function_sync("F", {"input": "a"})


@pytest.mark.parametrize("thing", [object(), httpx.HTTPTransport()])
def test_what_is_not_an_async_transport(thing: Any) -> None:
    with pytest.raises(bamlvm.HostError, match=r"transport must be an httpx.AsyncBaseTransport, not"):
        bamlvm.Runtime.from_files({"main.baml": SOURCE}, transport=thing)
