"""Anthropic's messages on the wire (API reference: "Messages" and "Streaming messages").

A stream is named events: ``message_start``, for each content block ``content_block_start``, its deltas and
``content_block_stop``, then ``message_delta`` (stop reason, cumulative output tokens) and ``message_stop``; a ``ping``
may come anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bamlvm.tools.mock.forms import Asked, member, objects
from bamlvm.tools.mock.forms import asked as asked_for
from bamlvm.tools.mock.http import Request
from bamlvm.tools.mock.wire import Reply, Role, StreamEvent, WireFormat, chat_problem, chat_question, compact

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def problem(request: Request, body: Any) -> str | None:
    """Return why Anthropic would refuse a request, or None."""
    wrong = chat_problem(body)
    if wrong is not None:
        return wrong
    if "anthropic-version" not in request.headers:
        return "anthropic-version: header is required"
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        return "max_tokens: Field required"
    for index, message in enumerate(body["messages"]):
        if message["role"] not in ("user", "assistant"):
            allowed = 'Allowed roles are "user" or "assistant".'
            return f'messages.{index}.role: Unexpected role "{message["role"]}". {allowed}'
    return None


def whole(reply: Reply) -> dict[str, Any]:
    """Return a ``message``."""
    content: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.pieces or not reply.calls else []
    if reply.reasoning:
        content.insert(0, {"type": "thinking", "thinking": reply.reasoning, "signature": "mock"})
    content += [{**_use(reply, place, name), "input": _input(text)} for place, (name, text) in enumerate(reply.called)]
    usage = {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens}
    return _message(reply, content, reply.finish_reason or _finish(reply), usage)


def events(reply: Reply, body: Mapping[str, Any]) -> list[StreamEvent]:
    """Return the events of a streamed answer."""
    start = _message(reply, [], None, {"input_tokens": reply.input_tokens, "output_tokens": 1})
    events = [_event("other", "message_start", message=start)]
    if reply.reasoning:
        events += [
            _block_start(0, {"type": "thinking", "thinking": "", "signature": ""}),
            _delta("other", 0, {"type": "thinking_delta", "thinking": reply.reasoning}),
            _delta("other", 0, {"type": "signature_delta", "signature": "mock"}),
            _event("other", "content_block_stop", index=0),
        ]
    index = 1 if reply.reasoning else 0
    if reply.pieces or not reply.calls:
        events += [_block_start(index, {"type": "text", "text": ""}), _event("other", "ping")]
        for piece, wait in reply.timed_pieces():
            events.append(_delta("content", index, {"type": "text_delta", "text": piece}, wait))
        events.append(_event("other", "content_block_stop", index=index))
        index += 1
    for place, (name, pieces) in enumerate(reply.timed_calls()):
        events.append(_block_start(index, {**_use(reply, place, name), "input": {}}))
        events.append(_delta("other", index, {"type": "input_json_delta", "partial_json": ""}))
        for piece, wait in pieces:
            events.append(_delta("content", index, {"type": "input_json_delta", "partial_json": piece}, wait))
        events.append(_event("other", "content_block_stop", index=index))
        index += 1
    stop = {"stop_reason": reply.finish_reason or _finish(reply), "stop_sequence": None}
    return [
        *events,
        _event("finish", "message_delta", delta=stop, usage={"output_tokens": reply.output_tokens}),
        _event("done", "message_stop"),
    ]


def asked(body: Mapping[str, Any]) -> Asked:
    """Return the form in which a request asks for its answer."""
    tools = [(tool.get("name"), tool.get("input_schema")) for tool in objects(body.get("tools"))]
    return asked_for(tools, member(body, "output_config", "format", "schema"))


def error_event(kind: str, message: str) -> StreamEvent:
    """Return an ``error`` event."""
    return _event("other", "error", error={"type": kind, "message": message})


def error_body(status: int, kind: str | None, message: str) -> dict[str, Any]:
    """Return the body of an error response."""
    default = _ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind or default, "message": message}}


def _finish(reply: Reply) -> str:
    return "tool_use" if reply.calls else "end_turn"


def _use(reply: Reply, place: int, name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_mock_{reply.number}_{place}", "name": name}


def _input(text: str) -> Any:
    """Return arguments as the object that a whole message has."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text


def _message(reply: Reply, content: list[dict[str, Any]], stop: str | None, usage: dict[str, int]) -> dict[str, Any]:
    return {
        "id": f"msg_mock_{reply.number}",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def _event(role: Role, name: str, wait: float = 0.0, **fields: Any) -> StreamEvent:
    return StreamEvent(role, compact({"type": name, **fields}), name, wait)


def _block_start(index: int, block: dict[str, Any]) -> StreamEvent:
    return _event("other", "content_block_start", index=index, content_block=block)


def _delta(role: Role, index: int, delta: dict[str, Any], wait: float = 0.0) -> StreamEvent:
    return _event(role, "content_block_delta", wait, index=index, delta=delta)


ANTHROPIC = WireFormat("anthropic", problem, chat_question, whole, events, error_event, error_body, asked)
