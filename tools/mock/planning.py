"""The answer to a request, planned before a byte is sent: request and script in, steps out.

The provider is known by the end of the path, so that any ``base_url`` works: ``…/chat/completions`` and ``…/responses``
are OpenAI's formats, ``…/messages`` Anthropic's, ``…:generateContent`` and ``…:streamGenerateContent`` Google's,
``…/converse`` and ``…/converse-stream`` Bedrock's.  Other paths are
answered by a rule for that path, ``/echo`` with the request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bamlvm.tools.mock.anthropic import ANTHROPIC
from bamlvm.tools.mock.aws_events import MEDIA_TYPE
from bamlvm.tools.mock.bedrock import BEDROCK
from bamlvm.tools.mock.delivery import Step, Wait, delivery, encode_events, spoil_events
from bamlvm.tools.mock.faults import Fault, Status, find
from bamlvm.tools.mock.google import GOOGLE
from bamlvm.tools.mock.http import Request
from bamlvm.tools.mock.openai import OPENAI
from bamlvm.tools.mock.responses import RESPONSES
from bamlvm.tools.mock.script import Answer, Rule, Script, reply_to
from bamlvm.tools.mock.wire import Piece, Question, Response, StreamEvent, WireFormat, json_response

_FORMATS = {
    "/chat/completions": OPENAI,
    "/responses": RESPONSES,
    "/messages": ANTHROPIC,
    ":generateContent": GOOGLE,
    ":streamGenerateContent": GOOGLE,
    "/converse": BEDROCK,
    "/converse-stream": BEDROCK,
}


class Chooser(Protocol):
    """Chooses answers: a :class:`bamlvm.tools.mock.script.Player`, or an object with the same methods."""

    script: Script

    def choose(self, question: Question, named: bool = False) -> tuple[Rule | None, Answer]:
        """See :meth:`bamlvm.tools.mock.script.Player.choose`."""


@dataclass(frozen=True, slots=True)
class Served:
    """The response to one request before it is framed: ``rule`` answers it (None: the echo, or an error), ``faults``
    are applied to its bytes, ``wait`` is in seconds."""

    response: Response
    rule: Rule | None = None
    faults: Sequence[Fault] = ()
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the server will do for one request."""

    rule: Rule | None
    status: int | None
    steps: Sequence[Step]


def plan(request: Request, chooser: Chooser, number: int) -> Plan:
    """Plan the answer to a request; ``number`` makes the ids of answers distinct."""
    served = serve(request, chooser, number)
    steps = delivery(served.response, served.faults, keep_alive=request.keeps_alive)
    return Plan(served.rule, served.response.status, [Wait(served.wait), *steps] if served.wait else steps)


def serve(request: Request, chooser: Chooser, number: int) -> Served:
    """Return the response to a request, with the faults of its events applied."""
    wire = next((wire for suffix, wire in _FORMATS.items() if request.path.endswith(suffix)), None)
    if wire is not None and request.method == "POST":
        return _serve_chat(request, wire, chooser, number)
    text = request.body.decode("utf-8", "replace")
    question = Question(request.path, "", text, text, stream=False)
    rule, answer = chooser.choose(question, named=True)
    if rule is not None:
        return _serve_plain(question, rule, answer, chooser, number)
    if request.path == "/echo":
        seen = {"method": request.method, "path": request.path, "query": request.query, "headers": request.headers}
        return Served(json_response(200, {**seen, "body": question.prompt}))
    if wire is not None:
        message = f"{request.path} takes POST, not {request.method}"
        return Served(json_response(405, wire.error_body(405, None, message), {"Allow": "POST"}))
    served = ", ".join(f"…{suffix} ({format_.name})" for suffix, format_ in _FORMATS.items())
    message = (
        f"nothing is served at {request.method} {request.path}; this mock serves POST {served}, "
        "/echo, and the paths of the script's rules"
    )
    return Served(json_response(404, OPENAI.error_body(404, "not_found_error", message)))


def refusal(message: str) -> list[Step]:
    """Return the steps that answer what is not HTTP, before the connection is closed."""
    return delivery(json_response(400, OPENAI.error_body(400, None, message)), (), keep_alive=False)


def _serve_chat(request: Request, wire: WireFormat, chooser: Chooser, number: int) -> Served:
    try:
        body = request.json()
    except ValueError as error:
        return Served(json_response(400, wire.error_body(400, None, f"the body is not JSON: {error}")))
    problem = wire.problem(request, body)
    if problem is not None:
        return Served(json_response(400, wire.error_body(400, None, problem)))
    question = wire.question(request, body)
    rule, answer = chooser.choose(question)
    faults = (*chooser.script.faults, *answer.faults)
    if status := find(faults, Status):
        return Served(_error_response(status, wire), rule, faults)
    reply = reply_to(question, answer, wire.asked(body), number=number, delay_ms=chooser.script.delay_ms)
    if not question.stream:
        wait = reply.first_wait + reply.wait * max(0, reply.count - 1)
        return Served(json_response(200, wire.whole(reply)), rule, faults, wait)
    events = spoil_events(wire.events(reply, body), faults, wire)
    return Served(_event_stream(events, faults), rule, faults)


def _serve_plain(question: Question, rule: Rule, answer: Answer, chooser: Chooser, number: int) -> Served:
    faults = (*chooser.script.faults, *answer.faults)
    if status := find(faults, Status):
        return Served(_error_response(status, None), rule, faults)
    reply = reply_to(question, answer, number=number, delay_ms=chooser.script.delay_ms)
    if answer.sse:
        events = [StreamEvent("content", piece, wait=wait) for piece, wait in reply.timed_pieces()]
        return Served(_event_stream(events, faults), rule, faults)
    pieces = [Piece(piece.encode(), wait) for piece, wait in reply.timed_pieces()]
    return Served(Response(200, {"Content-Type": "text/plain; charset=utf-8"}, pieces), rule, faults)


def _event_stream(events: Sequence[StreamEvent], faults: Sequence[Fault]) -> Response:
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
    if events and events[0].framing == "aws":
        headers = {"Content-Type": MEDIA_TYPE}
    return Response(200, headers, encode_events(events, faults), streamed=True)


def _error_response(status: Status, wire: WireFormat | None) -> Response:
    headers = {} if status.retry_after is None else {"Retry-After": str(status.retry_after)}
    if status.body is not None:
        kind = "application/json" if status.body.lstrip()[:1] in ("{", "[") else "text/plain; charset=utf-8"
        return Response(status.code, {"Content-Type": kind, **headers}, [Piece(status.body.encode())])
    body = (wire or OPENAI).error_body(status.code, status.type, status.message or f"mock error {status.code}")
    return json_response(status.code, body, headers)
