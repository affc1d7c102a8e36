"""The types that the providers' formats and the faults share.

A request becomes a ``Question``; its answer is a ``Reply`` (neutral text) → ``StreamEvent`` (one event of a stream,
with its role in it) → ``Piece`` (bytes and the wait before them) → ``Response`` (status, headers, pieces).  A provider
is a :class:`WireFormat`: seven pure functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from bamlvm.tools.mock.forms import Asked
from bamlvm.tools.mock.http import Request

CREATED = 1_700_000_000
"""The ``created`` of every answer: constant, so that recordings and snapshots do not change from run to run."""

Role = Literal["content", "finish", "done", "other"]
"""What faults need to know about an event: whether it carries answer text, the finish reason, or ends the stream."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer to one request.

    ``wait`` is the time before each piece after the first, ``first_wait`` before the first, both in seconds.
    ``finish_reason`` None stands for the provider's ordinary one.  ``calls`` are those of tools: a name, and its
    arguments in pieces.
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
    calls: Sequence[tuple[str, Sequence[str]]] = ()

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def count(self) -> int:
        """The number of its pieces, those of calls among them."""
        return len(self.pieces) + sum(len(pieces) for _, pieces in self.calls)

    @property
    def called(self) -> list[tuple[str, str]]:
        """The calls, each with its arguments as one text."""
        return [(name, "".join(pieces)) for name, pieces in self.calls]

    def timed_calls(self) -> list[tuple[str, list[tuple[str, float]]]]:
        """Each call, its pieces, and the wait before each of these."""
        first = not self.pieces
        timed = []
        for name, pieces in self.calls:
            waits = []
            for piece in pieces:
                waits.append((piece, self.first_wait if first else self.wait))
                first = False
            timed.append((name, waits))
        return timed

    def timed_pieces(self) -> list[tuple[str, float]]:
        """Each piece and the wait before it."""
        return [(piece, self.wait if index else self.first_wait) for index, piece in enumerate(self.pieces)]


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event: its role in the stream, its data, its name if it has one, the wait before it, and how it is laid out
    in bytes: as a server-sent event, or as a message of AWS."""

    role: Role
    data: str
    name: str | None = None
    wait: float = 0.0
    framing: Literal["sse", "aws"] = "sse"


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
class Question:
    """What rules look at in a request: its path, the model, all text of the prompt, whether to stream, the function (""
    if it is unknown); and what an echo repeats, the text of the last message from the user."""

    path: str
    model: str
    prompt: str
    last_text: str
    stream: bool
    function: str = ""


@dataclass(frozen=True, slots=True)
class WireFormat:
    """A provider's side of the wire.

    ``problem(request, body)`` is why the provider would refuse a request, or None; ``question`` reads a valid one, and
    ``asked(body)`` the form in which it asks for its answer; ``whole`` is the JSON of an answer that is not streamed,
    ``events(reply, body)`` are those of a streamed one; ``error_event(type, message)`` is an error inside a stream,
    ``error_body(status, type, message)`` the JSON of an error response.
    """

    name: str
    problem: Callable[[Request, Any], str | None]
    question: Callable[[Request, Any], Question]
    whole: Callable[[Reply], dict[str, Any]]
    events: Callable[[Reply, Mapping[str, Any]], list[StreamEvent]]
    error_event: Callable[[str, str], StreamEvent]
    error_body: Callable[[int, str | None, str], dict[str, Any]]
    asked: Callable[[Mapping[str, Any]], Asked]


def compact(value: Any) -> str:
    """Encode JSON on one line, without escaping text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with a JSON body."""
    merged = {"Content-Type": "application/json", **(headers or {})}
    return Response(status, merged, [Piece(compact(value).encode())])


def chat_question(request: Request, body: Mapping[str, Any]) -> Question:
    """Read a chat request: ``messages`` with a role and ``content``, and Anthropic's ``system`` beside them."""
    model, stream = str(body.get("model") or ""), bool(body.get("stream"))
    return question_of(request, model, [body.get("system")], body["messages"], stream)


def question_of(
    request: Request, model: str, system: Sequence[Any], messages: Sequence[Any], stream: bool, member: str = "content"
) -> Question:
    """Read messages; ``member`` is the member of a message that holds its text or its parts.

    The prompt is all text, first that of ``system``, with an empty line between messages.
    """
    objects = [message for message in messages if isinstance(message, dict)]
    texts = [*map(content_text, system), *(content_text(message.get(member)) for message in objects)]
    last = next((message for message in reversed(objects) if message.get("role") == "user"), {})
    prompt = "\n\n".join(filter(None, texts))
    return Question(request.path, model, prompt, content_text(last.get(member)), stream, request.function)


def boolean_problem(body: Mapping[str, Any], name: str) -> str | None:
    """Return what is wrong with a member that must be a boolean if present, or None."""
    return None if isinstance(body.get(name), bool | None) else f"{name}: a boolean is required"


def chat_problem(body: Any, needs_model: bool = True) -> str | None:
    """Return what is wrong with a chat request by the rules that both chat formats share, or None."""
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
    """Return the text of a message's content: a string, or the ``text`` of its parts, joined."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return ""
