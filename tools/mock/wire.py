"""What the provider modules and the faults share: a reply in neutral terms, and the shapes it becomes on the wire.

``Reply`` (what to say) → ``Frame`` (one event of a stream, with its role in it) → ``Piece`` (bytes and the wait before
them) → ``Response`` (status, headers, pieces).  A provider is a :class:`WireFormat`: four pure functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from bamlvm.tools.mock.http import Request

CREATED = 1_700_000_000
"""The ``created`` of every answer: constant, so that recordings and snapshots do not change from run to run."""

Role = Literal["content", "finish", "done", "other"]
"""What faults need to know of an event: whether it carries answer text, the finish reason, or ends the stream."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer to one request.

    ``wait`` is the time before each piece after the first, ``first_wait`` before the first, both in seconds.
    ``finish_reason`` None stands for the provider's ordinary one.
    """

    number: int
    model: str
    pieces: Sequence[str]
    reasoning: str
    finish_reason: str | None
    input_tokens: int
    output_tokens: int
    wait: float
    first_wait: float

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def timed_pieces(self) -> list[tuple[str, float]]:
        """Each piece and the wait before it."""
        return [(piece, self.wait if index else self.first_wait) for index, piece in enumerate(self.pieces)]


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event: its part in the stream, its data, its event name if it has one, the wait before it."""

    role: Role
    data: str
    event: str | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a body that are sent at once, ``wait`` seconds after those before them."""

    data: bytes
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Response:
    """A response before framing.  ``streamed`` ones are sent chunked, the others with a length."""

    status: int
    headers: Mapping[str, str]
    pieces: Sequence[Piece] = field(default_factory=list)
    streamed: bool = False

    def head(self, headers: Mapping[str, str]) -> bytes:
        """The status line and header lines, ended by the empty one."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks: which model, with how much text, what was said last, and whether as a stream."""

    model: str
    prompt: str
    last_words: str
    stream: bool


@dataclass(frozen=True, slots=True)
class WireFormat:
    """A provider's side of the wire.

    ``problem(request, body)`` is what the provider would refuse in a request, or None; ``asked`` reads one that is
    fine; ``whole`` is the answer without streaming; ``frames(reply, body)`` the events of a streamed one;
    ``error_body`` the JSON of an error response.
    """

    name: str
    problem: Callable[[Request, Any], str | None]
    asked: Callable[[Request, Any], Asked]
    whole: Callable[[Reply], dict[str, Any]]
    frames: Callable[[Reply, Mapping[str, Any]], list[Frame]]
    error_frame: Callable[[str, str], Frame]
    error_body: Callable[[int, str | None, str], dict[str, Any]]


def compact(value: Any) -> str:
    """JSON on one line, text as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A response with a JSON body."""
    merged = {"Content-Type": "application/json", **(headers or {})}
    return Response(status, merged, [Piece(compact(value).encode())])


def chat_asked(request: Request, body: Mapping[str, Any]) -> Asked:
    """What a chat request asks: ``messages`` with a role and ``content``, and Anthropic's ``system`` beside them."""
    return asked_of(str(body.get("model") or ""), [body.get("system")], body["messages"], bool(body.get("stream")))


def asked_of(model: str, before: Sequence[Any], messages: Sequence[Any], stream: bool, text: str = "content") -> Asked:
    """What messages ask, with what stands before them; ``text`` is the member of a message that has its text or parts.

    The prompt is all text, a message a paragraph; the last words are those of the last message from the user.
    """
    said = [message for message in messages if isinstance(message, dict)]
    texts = [*map(content_text, before), *(content_text(message.get(text)) for message in said)]
    last = next((m for m in reversed(said) if m.get("role") == "user"), {})
    return Asked(model, "\n\n".join(filter(None, texts)), content_text(last.get(text)), stream)


def boolean_problem(body: Mapping[str, Any], name: str) -> str | None:
    """What is wrong with a member that must be a boolean if it is there."""
    return None if isinstance(body.get(name), bool | None) else f"{name}: a boolean is required"


def chat_problem(body: Any, needs_model: bool = True) -> str | None:
    """What is wrong with the parts of a chat request that both chat formats demand."""
    if not isinstance(body, dict):
        return "the body is not a JSON object"
    if needs_model and (not isinstance(body.get("model"), str) or not body["model"]):
        return "model: a non-empty string is required"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: a list of at least one message is required"
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            return f"messages[{index}]: an object with a role is required"
        if not isinstance(message.get("content"), str | list):
            return f"messages[{index}].content: a string or a list of parts is required"
    return boolean_problem(body, "stream")


def content_text(content: Any) -> str:
    """The text of a message's content: a string, or the ``text`` of its parts, joined."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return ""
