"""One answer in every wire format, as the mock server writes it.

A stream is :class:`StreamEvent` objects: what each does in the stream, its data, its name.  All say :data:`TEXT` in
:data:`PIECES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bamlvm.tools.mock.anthropic import ANTHROPIC
from bamlvm.tools.mock.google import GOOGLE
from bamlvm.tools.mock.openai import OPENAI
from bamlvm.tools.mock.responses import RESPONSES
from bamlvm.tools.mock.wire import Reply, Role, StreamEvent, WireFormat

PIECES: Final = ("Hello", ", ", "wörld", " 🙂")
TEXT: Final = "".join(PIECES)
SECOND: Final = "Second answer."


@dataclass(frozen=True, slots=True)
class Wire:
    """A provider and its format; the types of its errors that may pass and of those that will not: ``internal``,
    ``unavailable`` and ``timeout`` are its words for failures of its own.

    ``options`` are the client's beside ``model``, ``api_key`` and ``base_url``.
    """

    format: WireFormat
    internal: str
    unavailable: str
    timeout: str
    retryable_error: str = "overloaded_error"
    other_error: str = "invalid_request_error"
    options: str = ""

    @property
    def name(self) -> str:
        """The format's name, which is the provider's."""
        return self.format.name

    @property
    def provider(self) -> str:
        """The provider's name in a client."""
        return self.format.name

    def events(self, pieces: Sequence[str]) -> list[StreamEvent]:
        """A streamed answer."""
        return self.format.events(_reply(pieces), {"stream_options": {"include_usage": True}})

    def whole(self, text: str) -> Any:
        """An answer that is not streamed."""
        return self.format.whole(_reply([text]))

    def failing(self, retryable: bool) -> StreamEvent:
        """An error inside a stream."""
        return self.failing_as(self.retryable_error if retryable else self.other_error)

    def failing_as(self, kind: str) -> StreamEvent:
        """An error of a type inside a stream."""
        return self.format.error_event(kind, "went wrong")

    def stream(self) -> list[StreamEvent]:
        """The streamed answer that says :data:`TEXT`."""
        return self.events(PIECES)


def _reply(pieces: Sequence[str]) -> Reply:
    return Reply(
        number=1,
        model="m-1",
        pieces=pieces,
        reasoning="",
        finish_reason=None,
        input_tokens=7,
        output_tokens=4,
        wait=0,
        first_wait=0,
    )


def encoded(events: Sequence[StreamEvent], end: str = "\n") -> list[bytes]:
    """Events as bytes."""
    return [
        f"{f'event: {event.name}{end}' if event.name else ''}data: {event.data}{end}{end}".encode() for event in events
    ]


def before_content(events: Sequence[StreamEvent], count: int) -> list[StreamEvent]:
    """The events before content event ``count``, from 0."""
    places = [index for index, event in enumerate(events) if event.role == "content"]
    return list(events[: places[count]])


def without(events: Sequence[StreamEvent], *roles: Role) -> list[StreamEvent]:
    """The events of other roles."""
    return [event for event in events if event.role not in roles]


_ALL: Final = (
    Wire(OPENAI, "server_error", "service_unavailable", "timeout"),
    Wire(ANTHROPIC, "api_error", "overloaded_error", "timeout_error"),
    Wire(GOOGLE, "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"),
    Wire(
        RESPONSES,
        "server_error",
        "server_is_overloaded",
        "vector_store_timeout",
        "rate_limit_exceeded",
        "invalid_prompt",
    ),
)
WIRES: Final = {wire.name: wire for wire in _ALL}
"""The wire formats, by name."""
