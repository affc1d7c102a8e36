"""OpenAI's responses on the wire (API reference: "Responses", "Create a model response" and "Streaming events").

A stream is named, numbered events: ``response.created`` and ``response.in_progress``, for each item of the output
``response.output_item.added``, its parts and ``response.output_item.done``, and last the whole response in
``response.completed``, or in ``response.incomplete`` where a finish reason says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bamlvm.tools.mock.forms import Asked, member, objects
from bamlvm.tools.mock.forms import asked as asked_for
from bamlvm.tools.mock.http import Request
from bamlvm.tools.mock.openai import error_body
from bamlvm.tools.mock.wire import (
    CREATED,
    Question,
    Reply,
    Role,
    StreamEvent,
    WireFormat,
    boolean_problem,
    compact,
    question_of,
)


def problem(request: Request, body: Any) -> str | None:
    """Return why OpenAI would refuse a request, or None."""
    if not isinstance(body, dict):
        return "the body is not a JSON object"
    if not isinstance(body.get("model"), str) or not body["model"]:
        return "model: a non-empty string is required"
    given = body.get("input")
    if not isinstance(given, str | list) or not given:
        return "input: a string or a list of at least one item is required"
    for index, item in enumerate(given if isinstance(given, list) else []):
        if not isinstance(item, dict):
            return f"input[{index}]: an object is required"
        if item.get("type", "message") == "message" and not isinstance(item.get("content"), str | list):
            return f"input[{index}].content: a string or a list of parts is required"
    if "messages" in body:
        return "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'."
    return boolean_problem(body, "stream")


def question(request: Request, body: Mapping[str, Any]) -> Question:
    """Read a request: ``input``, with ``instructions`` before it."""
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return question_of(request, body["model"], [body.get("instructions")], items, bool(body.get("stream")))


def whole(reply: Reply) -> dict[str, Any]:
    """Return a ``response`` that has ended."""
    reason = reply.finish_reason if reply.finish_reason != "completed" else None
    output = [_message(reply, "completed", [_text(reply.text)])] if reply.pieces or not reply.calls else []
    output += [_call(reply, place, "completed", *call) for place, call in enumerate(reply.called)]
    if reply.reasoning:
        output.insert(0, _reasoning(reply, [{"type": "summary_text", "text": reply.reasoning}]))
    usage = {
        "input_tokens": reply.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": reply.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
    return _response(reply, "incomplete" if reason else "completed", output, usage, reason)


def events(reply: Reply, body: Mapping[str, Any]) -> list[StreamEvent]:
    """Return the events of a streamed answer."""
    events: list[StreamEvent] = []

    def add(role: Role, name: str, wait: float = 0.0, **fields: Any) -> None:
        data = {"type": f"response.{name}", "sequence_number": len(events), **fields}
        events.append(StreamEvent(role, compact(data), f"response.{name}", wait))

    started = _response(reply, "in_progress", [], None, None)
    add("other", "created", response=started)
    add("other", "in_progress", response=started)
    if reply.reasoning:
        item, summary = _reasoning(reply, []), {"type": "summary_text", "text": reply.reasoning}
        at = {"item_id": item["id"], "output_index": 0, "summary_index": 0}
        add("other", "output_item.added", output_index=0, item=item)
        add("other", "reasoning_summary_part.added", **at, part={**summary, "text": ""})
        add("other", "reasoning_summary_text.delta", **at, delta=reply.reasoning)
        add("other", "reasoning_summary_text.done", **at, text=reply.reasoning)
        add("other", "reasoning_summary_part.done", **at, part=summary)
        add("other", "output_item.done", output_index=0, item=_reasoning(reply, [summary]))
    index = 1 if reply.reasoning else 0
    ended = whole(reply)
    if reply.pieces or not reply.calls:
        message = _message(reply, "in_progress", [])
        at = {"item_id": message["id"], "output_index": index, "content_index": 0}
        add("other", "output_item.added", output_index=index, item=message)
        add("other", "content_part.added", **at, part=_text(""))
        for piece, wait in reply.timed_pieces():
            add("content", "output_text.delta", wait, **at, delta=piece, logprobs=[])
        add("other", "output_text.done", **at, text=reply.text, logprobs=[])
        add("other", "content_part.done", **at, part=_text(reply.text))
        add("other", "output_item.done", output_index=index, item=ended["output"][index])
        index += 1
    for place, (name, pieces) in enumerate(reply.timed_calls()):
        item = _call(reply, place, "in_progress", name, "")
        at = {"item_id": item["id"], "output_index": index}
        add("other", "output_item.added", output_index=index, item=item)
        for piece, wait in pieces:
            add("content", "function_call_arguments.delta", wait, **at, delta=piece)
        add("other", "function_call_arguments.done", **at, arguments=reply.called[place][1])
        add("other", "output_item.done", output_index=index, item=ended["output"][index])
        index += 1
    add("done", ended["status"], response=ended)
    return events


def asked(body: Mapping[str, Any]) -> Asked:
    """Return the form in which a request asks for its answer."""
    tools = [(tool.get("name"), tool.get("parameters")) for tool in objects(body.get("tools"))]
    return asked_for(tools, member(body, "text", "format", "schema"))


def error_event(kind: str, message: str) -> StreamEvent:
    """Return an ``error`` event."""
    return StreamEvent("other", compact({"type": "error", "code": kind, "message": message, "param": None}), "error")


def _response(
    reply: Reply, status: str, output: list[dict[str, Any]], usage: dict[str, Any] | None, reason: str | None
) -> dict[str, Any]:
    return {
        "id": f"resp_mock_{reply.number}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "metadata": {},
        "model": reply.model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }


def _message(reply: Reply, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    identity = f"msg_mock_{reply.number}"
    return {"id": identity, "type": "message", "status": status, "role": "assistant", "content": content}


def _call(reply: Reply, place: int, status: str, name: str, arguments: str) -> dict[str, Any]:
    identity = f"{reply.number}_{place}"
    named = {"id": f"fc_mock_{identity}", "type": "function_call", "status": status, "call_id": f"call_mock_{identity}"}
    return {**named, "name": name, "arguments": arguments}


def _reasoning(reply: Reply, summary: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": f"rs_mock_{reply.number}", "type": "reasoning", "summary": summary}


def _text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


RESPONSES = WireFormat("openai-responses", problem, question, whole, events, error_event, error_body, asked)
