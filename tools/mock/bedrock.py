"""Bedrock's conversations on the wire (Amazon Bedrock API reference: "Converse", "ConverseStream").

The path names the model and the operation: ``…/model/MODEL/converse``, ``…/converse-stream``.  Events are messages of
AWS's binary framing (:mod:`bamlvm.tools.mock.aws_events`); ``metadata`` is the last one.  Signatures are not checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bamlvm.tools.mock.forms import Asked, member, objects
from bamlvm.tools.mock.forms import asked as asked_for
from bamlvm.tools.mock.http import Request
from bamlvm.tools.mock.wire import Question, Reply, Role, StreamEvent, WireFormat, compact, question_of

_PATH = re.compile(r"/model/(.+)/(converse|converse-stream)$")
_MEMBERS = {  # of a Converse request; others are refused
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "inferenceConfig",
    "messages",
    "outputConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
    "system",
    "toolConfig",
}


def problem(request: Request, body: Any) -> str | None:
    """Return why Bedrock would refuse a request, or None."""
    if _PATH.search(request.path) is None:
        return "the path names no model: …/model/MODEL/converse"
    if not isinstance(body, dict):
        return "the body is not a JSON object"
    unknown = sorted(set(body) - _MEMBERS)
    if unknown:
        return f"{unknown[0]}: extraneous key is not permitted"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: a list of at least one message is required"
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            return f"messages[{index}].role: must satisfy enum value set: [user, assistant]"
        content = message.get("content")
        if not isinstance(content, list) or not all(isinstance(block, dict) and len(block) == 1 for block in content):
            return f"messages[{index}].content: a list of blocks with one member each is required"
    return None


def question(request: Request, body: Mapping[str, Any]) -> Question:
    """Read a request: ``messages``, with the system prompt before them."""
    found = _PATH.search(request.path)
    assert found is not None  # `problem` has refused the request otherwise
    return question_of(request, found[1], [body.get("system")], body["messages"], found[2] == "converse-stream")


def whole(reply: Reply) -> dict[str, Any]:
    """Return a ``Converse`` response."""
    thought = [{"reasoningContent": {"reasoningText": {"text": reply.reasoning}}}] if reply.reasoning else []
    text = [{"text": reply.text}] if reply.pieces or not reply.calls else []
    uses = [
        {"toolUse": {**_use(reply, place, name), "input": json.loads(text or "{}")}}
        for place, (name, text) in enumerate(reply.called)
    ]
    message = {"role": "assistant", "content": [*thought, *text, *uses]}
    reason = reply.finish_reason or _finish(reply)
    return {"output": {"message": message}, "stopReason": reason, "usage": _usage(reply), "metrics": {"latencyMs": 1}}


def events(reply: Reply, body: Mapping[str, Any]) -> list[StreamEvent]:
    """Return the events of a streamed answer."""
    events: list[StreamEvent] = []

    def add(part: Role, name: str, wait: float = 0.0, **fields: Any) -> None:
        events.append(StreamEvent(part, compact(fields), name, wait, "aws"))

    add("other", "messageStart", role="assistant")
    if reply.reasoning:
        add("other", "contentBlockDelta", delta={"reasoningContent": {"text": reply.reasoning}}, contentBlockIndex=0)
        add("other", "contentBlockStop", contentBlockIndex=0)
    index = 1 if reply.reasoning else 0
    if reply.pieces or not reply.calls:
        for piece, wait in reply.timed_pieces():
            add("content", "contentBlockDelta", wait, delta={"text": piece}, contentBlockIndex=index)
        if not reply.pieces:
            add("other", "contentBlockDelta", delta={"text": ""}, contentBlockIndex=index)
        add("other", "contentBlockStop", contentBlockIndex=index)
        index += 1
    for place, (name, pieces) in enumerate(reply.timed_calls()):
        add("other", "contentBlockStart", start={"toolUse": _use(reply, place, name)}, contentBlockIndex=index)
        for piece, wait in pieces:
            add("content", "contentBlockDelta", wait, delta={"toolUse": {"input": piece}}, contentBlockIndex=index)
        add("other", "contentBlockStop", contentBlockIndex=index)
        index += 1
    add("finish", "messageStop", stopReason=reply.finish_reason or _finish(reply))
    add("done", "metadata", usage=_usage(reply), metrics={"latencyMs": 1})
    return events


def asked(body: Mapping[str, Any]) -> Asked:
    """Return the form in which a request asks for its answer; the schema of a text is itself text."""
    specifications = [member(tool, "toolSpec") for tool in objects(member(body, "toolConfig", "tools"))]
    tools = [(member(each, "name"), member(each, "inputSchema", "json")) for each in specifications]
    schema = member(body, "outputConfig", "textFormat", "structure", "jsonSchema", "schema")
    return asked_for(tools, json.loads(schema) if isinstance(schema, str) else None)


def error_event(kind: str, message: str) -> StreamEvent:
    """Return an exception inside the stream."""
    return StreamEvent("other", compact({"message": message}), f"!{kind}", framing="aws")


def error_body(status: int, kind: str | None, message: str) -> dict[str, Any]:
    """Return the body of an error response."""
    return {"message": message}


def _finish(reply: Reply) -> str:
    return "tool_use" if reply.calls else "end_turn"


def _use(reply: Reply, place: int, name: str) -> dict[str, Any]:
    return {"toolUseId": f"tooluse_mock_{reply.number}_{place}", "name": name}


def _usage(reply: Reply) -> dict[str, Any]:
    total = reply.input_tokens + reply.output_tokens
    return {"inputTokens": reply.input_tokens, "outputTokens": reply.output_tokens, "totalTokens": total}


BEDROCK = WireFormat("aws-bedrock", problem, question, whole, events, error_event, error_body, asked)
