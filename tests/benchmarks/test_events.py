"""What reading a stream costs: the parser and an accumulator, beside httpx-sse with ``json.loads`` in the same run.

Bars: parser plus accumulator under 4 µs an event where 10,000 small events come in large chunks; a string partial after
every event costs at most 1.2 times as much an event in 10,000 events as in 1,000.  Figures are for all events of a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import httpx_sse
import msgspec
import pytest

from bamlvm.sysops.providers.registry import WIRES
from bamlvm.sysops.web.batches import read_events
from bamlvm.sysops.web.sse import SseParser

EVENTS = 10_000
CHUNK = 65_536


def openai_events(count: int) -> list[bytes]:
    """Chat-completion chunks of one word each, as OpenAI frames them."""
    base = {"id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG", "object": "chat.completion.chunk", "created": 1741570283}
    chunks = [
        {**base, "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": f" word{n}"}, "finish_reason": None}]}
        for n in range(count)
    ]
    return [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]


def anthropic_events(count: int) -> list[bytes]:
    """Text deltas of one word each, as Anthropic frames them."""
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f" word{n}"}}
        for n in range(count)
    ]
    return [b"event: content_block_delta\ndata: " + json.dumps(delta).encode() + b"\n\n" for delta in deltas]


def large_chunks(events: list[bytes]) -> list[bytes]:
    stream = b"".join(events)
    return [stream[at : at + CHUNK] for at in range(0, len(stream), CHUNK)]


def read(provider: str, chunks: list[bytes], partials: bool = False) -> str:
    """The content of a stream, through parser and accumulator; with ``partials``, also read after every chunk."""
    parser, accumulator = SseParser(), WIRES[provider].accumulator()
    partial = ""
    for chunk in chunks:
        accumulator.add(parser.feed(chunk))
        if partials:
            partial = accumulator.content()
    return partial or accumulator.content()


def read_as_text(provider: str, chunks: list[bytes]) -> str:
    """The same with every batch as the JSON text that a program sees."""
    parser, accumulator = SseParser(), WIRES[provider].accumulator()
    for chunk in chunks:
        accumulator.add(read_events(msgspec.json.encode(parser.feed(chunk)).decode()))
    return accumulator.content()


class Replayed(httpx.SyncByteStream):
    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks


def read_with_httpx_sse(chunks: list[bytes]) -> str:
    """The same content with httpx-sse and the standard library's JSON."""
    response = httpx.Response(
        200,
        headers={"content-type": "text/event-stream"},
        stream=Replayed(chunks),
        request=httpx.Request("GET", "http://host/"),
    )
    events = httpx_sse.EventSource(response).iter_sse()
    return "".join(json.loads(event.data)["choices"][0]["delta"]["content"] for event in events)


def test_openai_in_large_chunks(benchmark: Any) -> None:
    chunks = large_chunks(openai_events(EVENTS))
    assert benchmark(read, "openai", chunks) == read_with_httpx_sse(chunks)


def test_openai_in_large_chunks_as_text(benchmark: Any) -> None:
    chunks = large_chunks(openai_events(EVENTS))
    assert benchmark(read_as_text, "openai", chunks) == read_with_httpx_sse(chunks)


def test_anthropic_in_large_chunks(benchmark: Any) -> None:
    chunks = large_chunks(anthropic_events(EVENTS))
    assert len(benchmark(read, "anthropic", chunks)) > EVENTS


def test_httpx_sse_in_large_chunks(benchmark: Any) -> None:
    chunks = large_chunks(openai_events(EVENTS))
    assert len(benchmark(read_with_httpx_sse, chunks)) > EVENTS


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_a_string_partial_after_every_event(benchmark: Any, count: int) -> None:
    """Divide the figures by the number of events to compare the two."""
    assert len(benchmark(read, "openai", openai_events(count), True)) > count
