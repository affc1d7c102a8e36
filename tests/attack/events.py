"""Hostile streams of events: floods, lines without end, broken characters, and the frames of AWS."""

from __future__ import annotations

import asyncio
import json
import socket
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import bamlvm
from tests.attack.case import Attack
from tests.attack.hostile import (
    BOTH,
    GOOD_EVENTS,
    LATE_CALL,
    VALUE,
    Request,
    Script,
    Way,
    meet,
    sends,
    serve,
    then_endlessly,
)

_STREAMED: Final = [Way(name, True, deadline) for name in ("own", "httpx") for deadline in (0.6,)]


def _opened(request: Request) -> bytes:
    return request.head + b"\r\n"


def _flood(piece: bytes, first: bytes = b"") -> Script:
    return then_endlessly(piece, _opened, first)


def floods() -> str:
    scripts = {
        "ids": _flood(b"id: 1\n" * 10_000),
        "short-ids": _flood(b"id\n" * 20_000),
        "comments": _flood(b":\n" * 30_000),
        "retries": _flood(b"retry: 1\n" * 7000),
        "blank-lines": _flood(b"\n" * 65_536),
        "carriage-returns": _flood(b"\r" * 65_536),
        "empty-events": _flood(b"data\n\n" * 10_000),
        "empty-lines": _flood(b"data\n" * 10_000),
        "pings": _flood(b"event: ping\ndata\n\n" * 4000),
        "words": _flood(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n' * 1000),
        "thoughts": _flood(b'data: {"choices":[{"delta":{"reasoning_content":"x"}}]}\n\n' * 1000),
        "numbers": _flood(b'data: {"choices":[{"delta":{"content":1}}]}\n\n' * 1000),
        "long-words": _flood(b'data: {"choices":[{"delta":{"content":"' + b"x" * 60_000 + b'"}}]}\n\n'),
    }
    meet(scripts, dict.fromkeys(scripts, f"{LATE_CALL}|Network|LlmClient"), _STREAMED)
    long = {
        "line": _flood(b"x" * 65_536, b"data: "),
        "comment": _flood(b"x" * 65_536, b": "),
        "id": _flood(b"data\n\n" * 10_000, b"id: " + b"x" * 1_000_000 + b"\n"),
    }
    meet(long, dict.fromkeys(long, "LlmClient"), [way for way in BOTH if way.streams])
    done = {"after-the-end": _flood(b"data: x\n\n" * 5000, GOOD_EVENTS)}
    meet(done, {"after-the-end": VALUE}, [way for way in BOTH if way.streams])
    return "a failed attempt, or the deadline"


def tool_calls() -> str:
    def event(number: int) -> bytes:
        call = {"index": number, "id": f"x{number}", "function": {"name": "Item", "arguments": "{"}}
        return b"data: " + json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}).encode() + b"\n\n"

    many = b"".join(event(number) for number in range(6000))
    scripts = {"calls": sends(_opened, many, keep=False)}
    meet(
        scripts,
        {"calls": "LlmClient"},
        [Way(name, True, None) for name in ("own", "httpx")],
        result="Item",
        more='output_mode "tool"',
    )
    return "a failed attempt"


def broken_characters() -> str:
    """A byte order mark and broken UTF-8 in mid stream, cut at every byte: the same value however it is cut."""
    parts = (
        "h\N{LATIN SMALL LETTER E WITH ACUTE}l\N{GRINNING FACE}".encode(),
        b"\xff\xfe\xf0\x9f",
        b"\xef\xbb\xbf.",
        b"\xc3",
    )
    stream = b"\xef\xbb\xbf" + b"".join(
        b'data: {"choices":[{"delta":{"content":"' + part + b'"}}]}\r\n\r\n' for part in parts
    )
    stream += (
        b'\xef\xbb\xbfdata: lost, since a mark in mid stream is a part of the name\n\ndata: {"choices":[{"delta":{},'
    )
    stream += b'"finish_reason":"stop"}]}\r\r\xffid: 1\ndata: [DONE]\n\n'
    expected = "".join(part.decode("utf-8", "replace") for part in parts)

    def cutting(connection: socket.socket, request: Request) -> None:
        place = int(request.raw.split(b"/")[2])
        connection.sendall(request.head + b"\r\n" + stream[:place])
        connection.sendall(stream[place : place + 1])
        connection.sendall(stream[place + 1 :])

    source = (
        'client<llm> C { provider openai-generic  options { model "m"  api_key "k"  base_url env.URL } }\n'
        'function F(x: string) -> string { client C  prompt #"{{ x }}"# }\n'
    )

    async def run(url: str) -> None:
        async with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
            for place in range(len(stream) + 1):
                context = bamlvm.CallContext(env={"URL": f"{url}/cut/{place}"}, timeout=10, on_partial=lambda _: None)
                found = await runtime.call_function("F", {"x": "hi"}, context)
                assert found == expected, (place, found)

    with serve({"cut": cutting}) as url:
        asyncio.run(run(url))
    return "the same value, wherever it is split"


def _frame(
    headers: Iterable[tuple[bytes, bytes]],
    payload: bytes = b"",
    *,
    total: int | None = None,
    length: int | None = None,
    prelude_sum: int | None = None,
    message_sum: int | None = None,
) -> bytes:
    """Return a message of AWS's event streams; what is given replaces what would be right."""
    block = b"".join(
        bytes([len(name)]) + name + b"\x07" + len(value).to_bytes(2, "big") + value for name, value in headers
    )
    size = 16 + len(block) + len(payload) if total is None else total
    prelude = size.to_bytes(4, "big") + (len(block) if length is None else length).to_bytes(4, "big")
    prelude += (zlib.crc32(prelude) if prelude_sum is None else prelude_sum).to_bytes(4, "big")
    message = prelude + block + payload
    return message + (zlib.crc32(message) if message_sum is None else message_sum).to_bytes(4, "big")


def _event(kind: bytes, data: object) -> bytes:
    return _frame([(b":message-type", b"event"), (b":event-type", kind)], json.dumps(data).encode())


def frames() -> str:
    said = _event(b"contentBlockDelta", {"delta": {"text": "hi there"}, "contentBlockIndex": 0})
    whole = said + _event(b"messageStop", {"stopReason": "end_turn"}) + _event(b"metadata", {"usage": {}})
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n"
    begins = head + b"\r\n" + said

    def good(request: Request) -> bytes:
        return head + b"content-length: %d\r\n\r\n" % len(whole) + whole

    broken: dict[str, bytes] = {
        "sum": _frame([], b"{}", message_sum=5),
        "prelude-sum": _frame([], b"{}", prelude_sum=5),
        "huge": _frame([], total=2**32 - 1),
        "zero": _frame([], total=0),
        "small": _frame([], total=15),
        "huge-headers": _frame([], b"x" * 50, length=2**32 - 1),
        "payload-as-headers": _frame([], b"x" * 50, length=40),
        "many-headers": _frame([(b"a", b"")] * 20_000),
        "broken-name": _frame([(b":event-type", b"\xff\xfe")]),
        "exception": _frame([(b":message-type", b"exception"), (b":exception-type", b"no\x1b[31m")], b"[" * 10_000),
    }
    scripts: dict[str, Script] = {name: sends(begins, frame, keep=False) for name, frame in broken.items()}
    scripts["cut"] = sends(begins[:-3], keep=False)
    expected = dict.fromkeys(scripts, "Network|LlmClient")
    expected["cut"] = "StreamTruncated"
    floods: dict[str, Script] = {
        "empty": then_endlessly(_frame([]) * 4000, begins),
        "small-headers": then_endlessly(_frame([(b"a", b"")]) * 3000, begins),
        "said": then_endlessly(said * 500, begins),
    }
    options: dict[str, Any] = {"provider": "aws-bedrock", "more": 'region "us-east-1"', "well": sends(good)}
    streamed = [Way(name, True, None) for name in ("own", "httpx")]
    meet(scripts, expected, streamed, **options)
    meet(floods, dict.fromkeys(floods, f"{LATE_CALL}|Network"), _STREAMED, **options)
    return "a failed attempt, or the deadline"


ATTACKS: Final[Sequence[Attack]] = (
    Attack(
        "floods of ids, comments, retries, empty events and words, and lines of a gigabyte",
        "a failed attempt, or the deadline",
        floods,
        seconds=180,
        short=False,
    ),
    Attack("thousands of tool calls in one answer", "a failed attempt", tool_calls, seconds=60),
    Attack(
        "broken characters and byte order marks",
        "the same value, wherever it is split",
        broken_characters,
        seconds=60,
        short=False,
    ),
    Attack(
        "frames of AWS with wrong lengths and sums",
        "a failed attempt, or the deadline",
        frames,
        seconds=90,
        short=False,
    ),
)
