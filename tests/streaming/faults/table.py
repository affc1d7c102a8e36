"""Every fault, and what comes of one attempt that meets it.

The tests (``test_faults.py``) hold it against a real server; ``docs/faults.md`` is made from it (``page.py``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from tests.streaming.faults.outcomes import (
    CHUNKED,
    CLOSE_HEADER,
    EVENTS,
    HALF,
    JSON,
    LAST,
    OK,
    STREAM_HEAD,
    WHOLE,
    Fault,
    Outcome,
    body_of,
    chunk,
    chunks,
    encoded_whole,
    fails,
    gzipped,
    head,
    overdue,
    sized,
    status,
    streamed,
    unsized,
    whole,
)
from tests.streaming.faults.server import CLOSE, RESET, STALL, Answer, Step
from tests.streaming.faults.wires import PIECES, TEXT, StreamEvent, Wire, before_content, encoded, without

_PAUSE: Final = 0.01
"""Long enough for what was sent to be read before a reset overtakes it."""


def _half(wire: Wire) -> list[StreamEvent]:
    return before_content(wire.stream(), 2)


def _half_then(*steps: Step) -> Callable[[Wire], Answer]:
    return lambda wire: streamed(_half(wire), *steps)


def _until_finish(wire: Wire) -> list[StreamEvent]:
    """Up to and with the event after which nothing of the answer is missing."""
    events = wire.stream()
    last = max(place for place, event in enumerate(events) if event.role in ("content", "finish"))
    if events[last].role == "content":  # the end of the stream is the finish reason
        last = len(events) - 1
    return events[: last + 1]


def _finished_then(*steps: Step) -> Callable[[Wire], Answer]:
    return lambda wire: streamed(_until_finish(wire), *steps)


def _half_and(*events: StreamEvent) -> Callable[[Wire], Answer]:
    """The first half, an event that does not belong there, and the rest."""

    def answer(wire: Wire) -> Answer:
        before = _half(wire)
        framed = [replace(event, framing=before[0].framing) for event in events]
        return streamed([*before, *framed, *wire.stream()[len(before) :]])

    return answer


def _error(retryable: bool, after: int) -> Callable[[Wire], Answer]:
    return lambda wire: streamed([*before_content(wire.stream(), after), wire.failing(retryable)])


def _answering(
    pieces: Sequence[str], reason: Callable[[Wire], str], reasoning: str = ""
) -> Callable[[Wire], Sequence[StreamEvent]]:
    return lambda wire: wire.events(pieces, reason(wire), reasoning)


def _json(answer: Callable[[Wire], object]) -> Callable[[Wire], Answer]:
    return lambda wire: sized(json.dumps(answer(wire)).encode(), OK, JSON)


def _failing_as(kind: Callable[[Wire], str]) -> Callable[[Wire], Answer]:
    return lambda wire: streamed([*_half(wire), wire.failing_as(kind(wire))])


def _events(change: Callable[[Wire], Sequence[StreamEvent]]) -> Callable[[Wire], Answer]:
    return lambda wire: streamed(change(wire))


def _body(change: Callable[[bytes], bytes], *lines: str, size: int | None = None) -> Callable[[Wire], Answer]:
    """The recorded stream's bytes, changed, in chunks of ``size``."""

    def answer(wire: Wire) -> Answer:
        body = change(body_of(wire))
        pieces = [body] if size is None else [body[at : at + size] for at in range(0, len(body), size)]
        return [head(OK, EVENTS, CHUNKED, *lines), b"".join(chunks(pieces)), LAST]

    return answer


def _comments(wire: Wire) -> Answer:
    pieces = [piece for each in encoded(wire.stream()) for piece in (b": keep-alive\n\n", each)]
    return [STREAM_HEAD, *chunks(pieces), LAST]


def _only(data: bytes) -> Callable[[Wire], Answer]:
    """The same event every now and then, for half a minute, and nothing else."""
    return lambda wire: [STREAM_HEAD, *([chunk(data), 0.1] * 300), CLOSE]


def _giant(wire: Wire) -> Answer:
    events = wire.events(PIECES)
    filler = ', "filler": "' + "x" * 1_000_000 + '"}'
    return streamed(
        [replace(event, data=event.data[:-1] + filler) if event.role == "content" else event for event in events]
    )


def _twice(wire: Wire) -> list[StreamEvent]:
    return [each for event in wire.stream() for each in ([event, event] if event.role == "finish" else [event])]


def _early_done(wire: Wire) -> list[StreamEvent]:
    return [*_half(wire), *(event for event in wire.stream() if event.role == "done")]


_TERMINAL: Final = Outcome(text=HALF)
_TRUNCATED: Final = fails("StreamTruncated", HALF)
_LOST: Final = fails("Network", HALF)
_BROKEN_EVENT: Final = fails("LlmClient", HALF, retried=False, retryable=False)
_NEXT: Final = "event: surprise\ndata: {}\n\n"


_UNSUPPORTED: Final = fails("UnsupportedProvider", retried=False)
_UNUSABLE: Final = fails("InvalidArgument", retried=False)

STREAMED: Final[Mapping[str, Sequence[Fault]]] = MappingProxyType(
    {
        "Clients that can never work": [
            Fault("is of a provider that is not supported", _UNSUPPORTED, lack="provider"),
            Fault("has no key", _UNUSABLE, lack="key"),
            Fault("needs a variable that is not set", _UNUSABLE, lack="variable"),
        ],
        "Before the answer": [
            Fault("nobody listens at the port", fails("Network"), where="closed"),
            Fault("the connection is never accepted", overdue("connect"), where="full", clock="connect"),
            Fault("accepts and resets before the request", fails("Network"), where="resets"),
            Fault(
                "reads the request and says nothing",
                overdue("time_to_first_token"),
                lambda wire: [STALL],
                clock="time_to_first_token",
            ),
            Fault("resets before the headers", fails("Network"), lambda wire: [_PAUSE, RESET]),
            Fault("closes before the headers", fails("Network"), lambda wire: [CLOSE]),
            Fault("resets inside the headers", fails("Network"), lambda wire: [STREAM_HEAD[:30], _PAUSE, RESET]),
            Fault("closes inside the headers", fails("Network"), lambda wire: [STREAM_HEAD[:30], CLOSE]),
            Fault(
                "stalls inside the headers", overdue("request"), lambda wire: [STREAM_HEAD[:30], STALL], clock="request"
            ),
            Fault(
                "sends headers without end",
                fails("Network"),
                lambda wire: [STREAM_HEAD[:-2], b"x: y\r\n" * 30_000, CLOSE],
            ),
            Fault(
                "answers in no HTTP", fails("Network"), lambda wire: [b"\x16\x03\x01\x02\x00 no HTTP\r\n\r\n", CLOSE]
            ),
            Fault(
                "sends 100 and 103 before the answer",
                WHOLE,
                lambda wire: [
                    head("HTTP/1.1 100 Continue") + head("HTTP/1.1 103 Early Hints", "link: x"),
                    *streamed(wire.stream()),
                ],
            ),
        ],
        "Statuses": [
            *(
                Fault(
                    f"status {code}",
                    fails("HttpStatus", retried=code in (408, 409, 425, 429) or code >= 500, status_code=code),
                    status(code),
                )
                for code in (400, 401, 403, 404, 422, 408, 409, 425, 429, 500, 502, 503, 529)
            ),
            Fault(
                "status 429 with Retry-After: 0",
                fails("HttpStatus", status_code=429, retry_after_ms=0),
                status(429, "retry-after: 0"),
            ),
            Fault(
                "status 503 with a date long past in Retry-After",
                fails("HttpStatus", status_code=503, retry_after_ms=0),
                status(503, "retry-after: Wed, 21 Oct 2015 07:28:00 GMT"),
            ),
            Fault(
                "status 307 (a POST follows no redirects)",
                fails("HttpStatus", retried=False, status_code=307),
                status(307, "location: /elsewhere"),
            ),
            Fault(
                "status 204 without a body", fails("StreamTruncated"), lambda wire: [head("HTTP/1.1 204 No Content")]
            ),
            Fault(
                "status 500 with a page of HTML",
                fails("HttpStatus", status_code=500),
                lambda wire: sized(b"<html>Oops</html>", "HTTP/1.1 500 Oops", "content-type: text/html"),
            ),
            Fault(
                "status 500 whose body is cut",
                fails("HttpStatus", status_code=500),
                lambda wire: [head("HTTP/1.1 500 Oops", "content-length: 99"), b"Oops", CLOSE],
            ),
            Fault(
                "status 500 with a body of 1 MB",
                fails("HttpStatus", status_code=500),
                lambda wire: [*sized(b"x" * 1_000_000, "HTTP/1.1 500 Oops")],
            ),
            Fault(
                "status 200 with an error in JSON",
                fails("LlmClient", retried=False, retryable=False),
                lambda wire: sized(b'{"error": {"message": "no"}}', OK, JSON),
            ),
            Fault(
                "status 200 with an error in JSON that passes",
                fails("LlmClient", retryable=True),
                lambda wire: sized(b'{"error": {"type": "rate_limit_error", "message": "no"}}', OK, JSON),
            ),
            Fault(
                "status 200 with a whole answer in JSON",
                fails("HttpStatus", retried=False, status_code=200),
                lambda wire: whole(wire),
            ),
        ],
        "The connection ends": [
            Fault("resets after the headers", fails("Network"), lambda wire: [STREAM_HEAD, _PAUSE, RESET]),
            Fault("closes after the headers", fails("StreamTruncated"), lambda wire: [STREAM_HEAD, CLOSE]),
            Fault("ends properly after the headers", fails("StreamTruncated"), lambda wire: [STREAM_HEAD, LAST]),
            Fault("resets in the middle", _LOST, _half_then(_PAUSE, RESET)),
            Fault("closes in the middle", _TRUNCATED, _half_then(CLOSE)),
            Fault("ends properly in the middle", _TRUNCATED, _half_then(LAST)),
            Fault(
                "ends with its connection in the middle (HTTP/1.0)",
                _TRUNCATED,
                lambda wire: unsized(b"".join(encoded(_half(wire))), "HTTP/1.0 200 OK", EVENTS),
            ),
            Fault("closes inside a chunk's size", _TRUNCATED, _half_then(b"4", CLOSE)),
            Fault("closes inside a chunk's data", _TRUNCATED, _half_then(b"40\r\ndata: {", CLOSE)),
            Fault("closes after a chunk's data, before its line end", _TRUNCATED, _half_then(b"2\r\n: ", CLOSE)),
            Fault(
                "resets after the finish reason",
                {"*": WHOLE, "google-ai": fails("Network", TEXT)},
                _finished_then(_PAUSE, RESET),
            ),
            Fault(
                "closes after the finish reason",
                {"*": WHOLE, "google-ai": fails("StreamTruncated", TEXT)},
                _finished_then(CLOSE),
            ),
            Fault(
                "stalls after the finish reason",
                {"*": WHOLE, "google-ai": overdue("idle", TEXT)},
                _finished_then(STALL),
                clock="idle",
            ),
            Fault(
                "closes before the last chunk",
                {"*": WHOLE, "google-ai": fails("StreamTruncated", TEXT)},
                lambda wire: streamed(wire.stream(), CLOSE),
            ),
            Fault(
                "keeps the connection open after the end of the stream",
                {"*": WHOLE, "google-ai": overdue("idle", TEXT)},
                lambda wire: streamed(wire.stream(), STALL),
                clock="idle",
            ),
            Fault(
                "ends with its connection (HTTP/1.0)",
                WHOLE,
                lambda wire: unsized(body_of(wire), "HTTP/1.0 200 OK", EVENTS),
            ),
        ],
        "Time": [
            Fault(
                "stalls after the headers",
                overdue("time_to_first_token"),
                lambda wire: [STREAM_HEAD, STALL],
                clock="time_to_first_token",
            ),
            Fault("stalls in the middle", overdue("idle", HALF), _half_then(STALL), clock="idle"),
            Fault(
                "sends comments and nothing else",
                overdue("time_to_first_token"),
                _only(b": keep-alive\n\n"),
                clock="time_to_first_token",
                sse=True,
            ),
            Fault(
                "sends unknown events and nothing else",
                overdue("time_to_first_token"),
                _only(_NEXT.encode()),
                clock="time_to_first_token",
                sse=True,
            ),
            Fault(
                "drips without end",
                overdue("request", HALF),
                lambda wire: streamed(_half(wire), *([chunk(b": still here\n\n"), 0.1] * 300), CLOSE),
                clock="request",
                sse=True,
            ),
            Fault(
                "pauses before every event",
                WHOLE,
                lambda wire: [
                    STREAM_HEAD,
                    *(step for each in encoded(wire.stream()) for step in (0.1, chunk(each))),
                    LAST,
                ],
                clock="idle",  # which is longer than a pause, and shorter than all of them
            ),
        ],
        "Bytes": [
            Fault("one byte a chunk", WHOLE, _body(bytes, size=1)),
            Fault("three bytes a chunk", WHOLE, _body(bytes, size=3)),
            Fault("lines end in CR", WHOLE, _body(lambda body: body.replace(b"\n", b"\r")), sse=True),
            Fault("lines end in CRLF", WHOLE, _body(lambda body: body.replace(b"\n", b"\r\n"), size=2), sse=True),
            Fault("begins with a byte order mark", WHOLE, _body(lambda body: b"\xef\xbb\xbf" + body), sse=True),
            Fault("a comment before every event", WHOLE, _comments, sse=True),
            Fault("gzip", WHOLE, _body(gzipped, "content-encoding: gzip", size=64)),
            Fault(
                "gzip that ends early",
                fails("StreamTruncated"),
                _body(lambda body: gzipped(body)[:12], "content-encoding: gzip"),
            ),
            Fault("gzip that is none", fails("Network"), _body(bytes, "content-encoding: gzip")),
            Fault(
                "noise",
                {"*": fails("StreamTruncated"), "aws-bedrock": fails("Network")},
                _body(lambda body: bytes(range(256)) * 4),
            ),
            Fault("no bytes at all", fails("StreamTruncated"), _body(lambda body: b"")),
            Fault(
                "text/html",
                fails("HttpStatus", retried=False, status_code=200),
                lambda wire: sized(body_of(wire), OK, "content-type: text/html"),
            ),
            Fault("no content type", WHOLE, lambda wire: sized(body_of(wire), OK)),
            Fault(
                "a content type with a charset",
                WHOLE,
                lambda wire: sized(body_of(wire), OK, f"content-type: {wire.media_type.title()}; charset=utf-8"),
            ),
            Fault(
                "content-length too long, then closes",
                {"*": WHOLE, "google-ai": fails("StreamTruncated", TEXT)},
                lambda wire: [head(OK, EVENTS, f"content-length: {len(body_of(wire)) + 9}"), body_of(wire), CLOSE],
            ),
            Fault(
                "content-length too short",
                fails("StreamTruncated"),
                lambda wire: [head(OK, EVENTS, "content-length: 9"), body_of(wire), CLOSE],
            ),
            Fault("a chunk's size is no number", _LOST, _half_then(b"zz\r\n: \r\n", CLOSE)),
            Fault("a chunk is longer than its size", _LOST, _half_then(b"2\r\n: more\n\n\r\n", CLOSE)),
            Fault(
                "chunk extensions and trailers",
                WHOLE,
                lambda wire: [
                    STREAM_HEAD,
                    b"%x;name=value\r\n%b\r\n" % (len(body_of(wire)), body_of(wire)),
                    b"0\r\nx-after: 1\r\n\r\n",
                ],
            ),
            Fault("bytes after the end", WHOLE, lambda wire: [*streamed(wire.stream())[:-1], LAST + b"more?", CLOSE]),
        ],
        "Events": [
            Fault("an event that is no JSON", _BROKEN_EVENT, _half_and(StreamEvent("other", '{"choices": [{"de'))),
            Fault("an event that is JSON but no object", _BROKEN_EVENT, _half_and(StreamEvent("other", "[1, 2]"))),
            Fault(
                "an event that is an object of another shape", WHOLE, _half_and(StreamEvent("other", '{"choices": 7}'))
            ),
            Fault("an event of an unknown type", WHOLE, _half_and(StreamEvent("other", "no JSON", "surprise"))),
            Fault("events of 1 MB", WHOLE, _giant),
            Fault("a retryable error in the middle", fails("LlmClient", HALF, retryable=True), _error(True, 2)),
            Fault("another error in the middle", _BROKEN_EVENT, _error(False, 2)),
            Fault("a retryable error first", fails("LlmClient", retryable=True), _error(True, 0)),
            *(
                Fault(f"{title} in the middle", fails("LlmClient", HALF, retryable=True), _failing_as(kind))
                for title, kind in (
                    ("an internal error of the provider", lambda wire: wire.internal),
                    ("an overload of the provider", lambda wire: wire.unavailable),
                    ("a timeout of the provider", lambda wire: wire.timeout),
                    ("a gateway's internal_server_error", lambda wire: "internal_server_error"),
                    ("a gateway's InternalServerError", lambda wire: "InternalServerError"),
                    ("an error whose code is a status of 5xx", lambda wire: "502"),
                )
            ),
            Fault(
                "the terminator in the middle, without a finish reason",
                # A response that is complete has all of its text, whatever of it has come before.
                {"*": _TERMINAL, "openai-responses": WHOLE, "google-ai": _TRUNCATED, "aws-bedrock": _TRUNCATED},
                _events(_early_done),
            ),
            Fault(
                "no terminator",
                {"*": WHOLE, "openai-responses": fails("StreamTruncated", TEXT)},
                _events(lambda wire: without(wire.stream(), "done")),
            ),
            Fault(
                "no finish reason",
                {
                    "*": WHOLE,
                    "google-ai": fails("StreamTruncated", TEXT),
                    "aws-bedrock": fails("StreamTruncated", TEXT),
                },
                _events(lambda wire: without(wire.stream(), "finish")),
            ),
            Fault(
                "neither terminator nor finish reason",
                fails("StreamTruncated", TEXT),
                _events(lambda wire: without(wire.stream(), "finish", "done")),
            ),
            Fault("the finish reason twice", WHOLE, _events(_twice)),
            Fault(
                "no text, cut at the limit of tokens",
                fails("LlmClient", retryable=True),
                _events(_answering((), lambda wire: wire.limit)),
            ),
            Fault(
                "reasoning alone, cut at the limit of tokens",
                fails("LlmClient", retryable=True),
                _events(_answering((), lambda wire: wire.limit, "Let me think")),
            ),
            Fault(
                "a tool call alone",
                fails("LlmClient", retryable=True),
                _events(lambda wire: wire.without_text(wire.tool)),
            ),
            Fault(
                "complete without text",
                fails("LlmClient", retryable=True),
                _events(lambda wire: wire.without_text(wire.complete)),
            ),
            Fault("complete with an empty text", Outcome(), _events(_answering((), lambda wire: wire.complete))),
            Fault("withheld", fails("LlmClient", retryable=True), _events(_answering((), lambda wire: wire.withheld))),
            Fault(
                "withheld half way",
                fails("LlmClient", HALF, retryable=True),
                _events(_answering(PIECES[:2], lambda wire: wire.withheld)),
            ),
            Fault(
                "events after the terminator",
                {"*": WHOLE, "google-ai": Outcome(text=TEXT * 2)},
                _events(lambda wire: [*wire.stream(), *wire.stream()]),
            ),
        ],
    }
)
"""The faults of a streamed answer, by group."""

_UNREADABLE: Final = fails("LlmClient", retried=False, retryable=False)

UNSTREAMED: Final[Sequence[Fault]] = (
    Fault("is of a provider that is not supported", _UNSUPPORTED, lack="provider"),
    Fault("has no key", _UNUSABLE, lack="key"),
    Fault("needs a variable that is not set", _UNUSABLE, lack="variable"),
    Fault("resets before the headers", fails("Network"), lambda wire: [_PAUSE, RESET]),
    Fault("reads the request and says nothing", overdue("request"), lambda wire: [STALL], clock="request"),
    Fault(
        "stalls in the body",
        overdue("request"),
        lambda wire: [head(OK, JSON, "content-length: 99"), b"{", STALL],
        clock="request",
    ),
    Fault(
        "stalls in the body, idle clock",
        overdue("idle"),
        lambda wire: [head(OK, JSON, "content-length: 99"), b"{", STALL],
        clock="idle",
    ),
    Fault("status 400", fails("HttpStatus", retried=False, status_code=400), status(400)),
    Fault("status 503", fails("HttpStatus", status_code=503), status(503)),
    Fault("status 307", fails("HttpStatus", retried=False, status_code=307), status(307, "location: /elsewhere")),
    Fault(
        "resets in the body", fails("Network"), lambda wire: [head(OK, JSON, "content-length: 99"), b"{", _PAUSE, RESET]
    ),
    Fault(
        "content-length too long, then closes",
        fails("Network"),
        lambda wire: [head(OK, JSON, f"content-length: {len(encoded_whole(wire)) + 9}"), encoded_whole(wire), CLOSE],
    ),
    Fault(
        "content-length too short",
        _UNREADABLE,
        lambda wire: [head(OK, JSON, "content-length: 9"), encoded_whole(wire), CLOSE],
    ),
    Fault(
        "closes before the last chunk",
        fails("Network"),
        lambda wire: [head(OK, JSON, CHUNKED), chunk(encoded_whole(wire)), CLOSE],
    ),
    Fault(
        "ends with its connection (HTTP/1.0)", WHOLE, lambda wire: unsized(encoded_whole(wire), "HTTP/1.0 200 OK", JSON)
    ),
    Fault("gzip", WHOLE, lambda wire: sized(gzipped(encoded_whole(wire)), OK, JSON, "content-encoding: gzip")),
    Fault("gzip that is none", fails("Network"), lambda wire: whole(wire, TEXT, "content-encoding: gzip")),
    Fault("a body that is no JSON", _UNREADABLE, lambda wire: sized(b"<html>", OK, JSON)),
    Fault("an empty body", _UNREADABLE, lambda wire: sized(b"", OK, JSON)),
    Fault("JSON of another shape", _UNREADABLE, lambda wire: sized(b'{"unheard": "of"}', OK, JSON)),
    Fault(
        "an error object with status 200",
        fails("LlmClient", retryable=True),
        lambda wire: sized(b'{"error": {"type": "overloaded_error", "message": "no"}}', OK, JSON),
    ),
    Fault(
        "no text, cut at the limit of tokens",
        fails("LlmClient", retryable=True),
        _json(lambda wire: wire.whole("", wire.limit)),
    ),
    Fault(
        "complete without text",
        fails("LlmClient", retryable=True),
        _json(lambda wire: wire.whole_without_text(wire.complete)),
    ),
    Fault("complete with an empty text", Outcome(), _json(lambda wire: wire.whole("", wire.complete))),
    Fault(
        "withheld half way",
        fails("LlmClient", HALF, retryable=True),
        _json(lambda wire: wire.whole(HALF, wire.withheld)),
    ),
    Fault("bytes after the end", WHOLE, lambda wire: [*whole(wire, TEXT, CLOSE_HEADER), b"more?", CLOSE]),
)
"""The faults of an answer that is not streamed."""
