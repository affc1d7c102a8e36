"""OpenAI's chat completions on the wire (API reference: "Chat", "Create chat completion" and "Streaming").

A stream is chunks without an event name: one with the role, one a piece of content, one with the finish reason, one
with the usage and empty ``choices`` if ``stream_options.include_usage`` asks for it, and the literal ``[DONE]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bamlvm.tools.mock.forms import Asked, member, objects
from bamlvm.tools.mock.forms import asked as asked_for
from bamlvm.tools.mock.http import Request
from bamlvm.tools.mock.wire import (
    CREATED,
    Question,
    Reply,
    Role,
    StreamEvent,
    WireFormat,
    chat_problem,
    chat_question,
    compact,
)

_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/chat/completions$")


def problem(request: Request, body: Any) -> str | None:
    """Return why OpenAI would refuse a request, or None.  On Azure the path may name the model."""
    wrong = chat_problem(body, needs_model=_DEPLOYMENT.search(request.path) is None)
    if wrong is None and body.get("stream_options") is not None and not body.get("stream"):
        return "stream_options: only allowed when stream is true"
    return wrong


def question(request: Request, body: Mapping[str, Any]) -> Question:
    """Read a request as :func:`chat_question` does, with Azure's deployment as the model."""
    found = chat_question(request, body)
    deployment = _DEPLOYMENT.search(request.path)
    return replace(found, model=found.model or deployment[1]) if deployment else found


def whole(reply: Reply) -> dict[str, Any]:
    """Return a ``chat.completion``."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.calls:
        message["content"] = reply.text or None
        message["tool_calls"] = [_call(reply, place, *call) for place, call in enumerate(reply.called)]
    finish = reply.finish_reason or _finish(reply)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {**_envelope(reply, "chat.completion"), "choices": [choice], "usage": _usage(reply)}


def events(reply: Reply, body: Mapping[str, Any]) -> list[StreamEvent]:
    """Return the ``chat.completion.chunk`` events of a streamed answer."""
    with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    envelope = _envelope(reply, "chat.completion.chunk")

    def chunk(role: Role, delta: dict[str, Any], finish: str | None = None, wait: float = 0.0) -> StreamEvent:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        rest = {"usage": None} if with_usage else {}
        return StreamEvent(role, compact({**envelope, "choices": choices, **rest}), wait=wait)

    events = [chunk("other", {"role": "assistant", "content": "", "refusal": None})]
    if reply.reasoning:
        events.append(chunk("other", {"reasoning_content": reply.reasoning}))
    events += [chunk("content", {"content": piece}, wait=wait) for piece, wait in reply.timed_pieces()]
    for place, (name, pieces) in enumerate(reply.timed_calls()):
        events.append(chunk("other", {"tool_calls": [{"index": place, **_call(reply, place, name, "")}]}))
        for piece, wait in pieces:
            grown = {"index": place, "function": {"arguments": piece}}
            events.append(chunk("content", {"tool_calls": [grown]}, wait=wait))
    events.append(chunk("finish", {}, reply.finish_reason or _finish(reply)))
    if with_usage:
        events.append(StreamEvent("other", compact({**envelope, "choices": [], "usage": _usage(reply)})))
    return [*events, StreamEvent("done", "[DONE]")]


def asked(body: Mapping[str, Any]) -> Asked:
    """Return the form in which a request asks for its answer."""
    functions = [member(tool, "function") for tool in objects(body.get("tools"))]
    tools = [(member(each, "name"), member(each, "parameters")) for each in functions]
    return asked_for(tools, member(body, "response_format", "json_schema", "schema"))


def error_event(kind: str, message: str) -> StreamEvent:
    """Return an error object in the stream."""
    return StreamEvent("other", compact({"error": {"message": message, "type": kind, "param": None, "code": None}}))


def error_body(status: int, kind: str | None, message: str) -> dict[str, Any]:
    """Return the body of an error response."""
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    default = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind or default, "param": None, "code": None}}


def _finish(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"


def _call(reply: Reply, place: int, name: str, arguments: str) -> dict[str, Any]:
    identity = f"call_mock_{reply.number}_{place}"
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def _envelope(reply: Reply, kind: str) -> dict[str, Any]:
    identity = f"chatcmpl-mock-{reply.number}"
    return {"id": identity, "object": kind, "created": CREATED, "model": reply.model, "system_fingerprint": "fp_mock"}


def _usage(reply: Reply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }


OPENAI = WireFormat("openai", problem, question, whole, events, error_event, error_body, asked)
