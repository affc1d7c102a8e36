"""One answer in every wire format, as the mock server writes it.

A stream is :class:`StreamEvent` objects: what each does in the stream, its data, its name.  All say :data:`TEXT` in
:data:`PIECES`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bamlvm.tools.mock.anthropic import ANTHROPIC
from bamlvm.tools.mock.aws_events import MEDIA_TYPE, encode_message
from bamlvm.tools.mock.bedrock import BEDROCK
from bamlvm.tools.mock.google import GOOGLE
from bamlvm.tools.mock.openai import OPENAI
from bamlvm.tools.mock.responses import RESPONSES
from bamlvm.tools.mock.wire import Reply, Role, StreamEvent, WireFormat

PIECES: Final = ("Hello", ", ", "wörld", " 🙂")
TEXT: Final = "".join(PIECES)
SECOND: Final = "Second answer."


@dataclass(frozen=True, slots=True)
class Wire:
    """A provider and its format.

    ``retryable_error`` and ``other_error`` are types of its errors that pass and that do not; ``internal``,
    ``unavailable`` and ``timeout`` those of failures of its own.  ``limit``, ``withheld``, ``complete`` and ``tool``
    are its finish reasons.

    ``options`` are the client's beside ``model``, ``api_key`` and ``base_url``; ``media_type`` is that of its streams.
    """

    format: WireFormat
    internal: str
    unavailable: str
    timeout: str
    limit: str
    withheld: str
    complete: str
    tool: str
    retryable_error: str = "overloaded_error"
    other_error: str = "invalid_request_error"
    options: str = ""
    media_type: str = "text/event-stream"

    @property
    def name(self) -> str:
        """The format's name, which is the provider's."""
        return self.format.name

    @property
    def provider(self) -> str:
        """The provider's name in a client."""
        return self.format.name

    def events(self, pieces: Sequence[str], finish_reason: str | None = None, reasoning: str = "") -> list[StreamEvent]:
        """A streamed answer."""
        reply = _reply(pieces, finish_reason, reasoning)
        return self.format.events(reply, {"stream_options": {"include_usage": True}})

    def reply(self, pieces: Sequence[str], finish_reason: str | None, calls: Sequence[tuple[str, list[str]]]) -> Reply:
        """An answer with tool calls, each a name and its arguments in pieces."""
        return replace(_reply(pieces, finish_reason), calls=calls)

    def whole(self, text: str, finish_reason: str | None = None) -> Any:
        """An answer that is not streamed."""
        return self.format.whole(_reply([text], finish_reason))

    def without_text(self, finish_reason: str) -> list[StreamEvent]:
        """A streamed answer that has no text, not even an empty one."""
        return _without_text(self.events((), finish_reason))

    def whole_without_text(self, finish_reason: str) -> Any:
        """The same, not streamed."""
        return _textless(self.whole("", finish_reason))

    def failing(self, retryable: bool) -> StreamEvent:
        """An error inside a stream."""
        return self.failing_as(self.retryable_error if retryable else self.other_error)

    def failing_as(self, kind: str) -> StreamEvent:
        """An error of a type inside a stream."""
        return self.format.error_event(kind, "went wrong")

    def stream(self) -> list[StreamEvent]:
        """The streamed answer that says :data:`TEXT`."""
        return self.events(PIECES)


def _without_text(events: Sequence[StreamEvent]) -> list[StreamEvent]:
    """Leave out text that is empty: of a chat's first delta, a block, a part, an item."""
    kept = []
    for event in events:
        if (
            '"text_delta"' in event.data
            or '"content_block":{"type":"text"' in event.data
            or "content_part" in event.data
            or '"delta":{"text":""}' in event.data
        ):
            continue
        if event.data.startswith("{"):
            event = replace(event, data=json.dumps(_textless(json.loads(event.data))))
        kept.append(event)
    return kept


def _textless(value: Any) -> Any:
    """JSON of an answer without what holds its empty text."""
    if isinstance(value, list):
        return [_textless(each) for each in value if each != {"text": ""} and not _is_text(each)]
    if isinstance(value, dict):
        return {key: None if (key, each) == ("content", "") else _textless(each) for key, each in value.items()}
    return value


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in ("text", "output_text") and part.get("text") == ""


def _reply(pieces: Sequence[str], finish_reason: str | None = None, reasoning: str = "") -> Reply:
    return Reply(
        number=1,
        model="m-1",
        pieces=pieces,
        reasoning=reasoning,
        finish_reason=finish_reason,
        input_tokens=7,
        output_tokens=4,
        wait=0,
        first_wait=0,
    )


def encoded(events: Sequence[StreamEvent], end: str = "\n") -> list[bytes]:
    """Events as bytes."""
    return [
        encode_message(event)
        if event.framing == "aws"
        else f"{f'event: {event.name}{end}' if event.name else ''}data: {event.data}{end}{end}".encode()
        for event in events
    ]


def before_content(events: Sequence[StreamEvent], count: int) -> list[StreamEvent]:
    """The events before content event ``count``, from 0."""
    places = [index for index, event in enumerate(events) if event.role == "content"]
    return list(events[: places[count]])


def without(events: Sequence[StreamEvent], *roles: Role) -> list[StreamEvent]:
    """The events of other roles."""
    return [event for event in events if event.role not in roles]


_ALL: Final = (
    Wire(OPENAI, "server_error", "service_unavailable", "timeout", "length", "content_filter", "stop", "tool_calls"),
    Wire(ANTHROPIC, "api_error", "overloaded_error", "timeout_error", "max_tokens", "refusal", "end_turn", "tool_use"),
    Wire(
        GOOGLE,
        "INTERNAL",
        "UNAVAILABLE",
        "DEADLINE_EXCEEDED",
        "MAX_TOKENS",
        "SAFETY",
        "STOP",
        "MALFORMED_FUNCTION_CALL",
        "RESOURCE_EXHAUSTED",
        "INVALID_ARGUMENT",
    ),
    Wire(
        RESPONSES,
        "server_error",
        "server_is_overloaded",
        "vector_store_timeout",
        "max_output_tokens",
        "content_filter",
        "completed",
        "completed",
        "rate_limit_exceeded",
        "invalid_prompt",
    ),
    Wire(
        BEDROCK,
        "internalServerException",
        "serviceUnavailableException",
        "modelTimeoutException",
        "max_tokens",
        "guardrail_intervened",
        "end_turn",
        "tool_use",
        "throttlingException",
        "validationException",
        media_type=MEDIA_TYPE,
    ),
)
WIRES: Final = {wire.name: wire for wire in _ALL}
"""The wire formats, by name."""
