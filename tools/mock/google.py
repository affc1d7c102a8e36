"""Google's generated content on the wire (Gemini API reference: "Generating content").

The path names the model and the method: ``…/models/MODEL:generateContent``, ``…:streamGenerateContent``.  A stream is
whole responses without an event name, each with the next part of the text; the last one has the finish reason, and it
ends with the connection.

The arguments of a call come in parts, leaf by leaf, where a request asks for that as Vertex AI has it
(``streamFunctionCallArguments``); those that have an empty list or object, for which its documents have no part, come
whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bamlvm.tools.mock.forms import Asked, objects
from bamlvm.tools.mock.forms import asked as asked_for
from bamlvm.tools.mock.http import Request
from bamlvm.tools.mock.wire import Question, Reply, Role, StreamEvent, WireFormat, compact, question_of

_PATH = re.compile(r"/(?:models|tunedModels)/([^/:]+):(generateContent|streamGenerateContent)$")
_MEMBERS = {  # of a GenerateContentRequest; others are refused
    "cachedContent",
    "contents",
    "generationConfig",
    "labels",
    "model",
    "safetySettings",
    "serviceTier",
    "store",
    "systemInstruction",
    "toolConfig",
    "tools",
}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def problem(request: Request, body: Any) -> str | None:
    """Return why Google would refuse a request, or None."""
    if _PATH.search(request.path) is None:
        return "the path names no model: …/models/MODEL:generateContent"
    if not isinstance(body, dict):
        return "the body is not a JSON object"
    for name in body:
        if _camel(name) not in _MEMBERS:
            return f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        return "* GenerateContentRequest.contents: contents is not specified"
    for index, content in enumerate(contents):
        if not isinstance(content, dict) or not isinstance(content.get("parts"), list) or not content["parts"]:
            return f"* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty."
        if content.get("role", "user") not in ("user", "model", "function"):
            return "Please use a valid role: user, model."
    return None


def question(request: Request, body: Mapping[str, Any]) -> Question:
    """Read a request: ``contents``, with the system instruction before them."""
    found = _PATH.search(request.path)
    assert found is not None  # `problem` has refused the request otherwise
    system = body.get("systemInstruction") or body.get("system_instruction") or {}
    parts = system.get("parts") if isinstance(system, dict) else None
    contents = [{"role": "user", **content} for content in body["contents"]]
    return question_of(request, found[1], [parts], contents, found[2] == "streamGenerateContent", "parts")


def whole(reply: Reply) -> dict[str, Any]:
    """Return a ``GenerateContentResponse``."""
    thought = [{"text": reply.reasoning, "thought": True}] if reply.reasoning else []
    text: list[dict[str, Any]] = [{"text": reply.text}] if reply.pieces or not reply.calls else []
    parts = [*thought, *text, *map(_call, reply.called)]
    return _response(reply, parts, reply.finish_reason or "STOP", reply.output_tokens)


def events(reply: Reply, body: Mapping[str, Any]) -> list[StreamEvent]:
    """Return the events of a streamed answer."""

    def chunk(
        role: Role, part: dict[str, Any], count: int, finish: str | None = None, wait: float = 0.0
    ) -> StreamEvent:
        return StreamEvent(role, compact(_response(reply, [part], finish, count)), wait=wait)

    events = [chunk("other", {"text": reply.reasoning, "thought": True}, 0)] if reply.reasoning else []
    events += [
        chunk("content", {"text": piece}, min(count, reply.output_tokens), wait=wait)
        for count, (piece, wait) in enumerate(reply.timed_pieces(), start=1)
    ]
    for (_, pieces), call in zip(reply.timed_calls(), reply.called, strict=True):
        parts = _parts(call, len(pieces[0][0])) if pieces and _streams_arguments(body) else [_call(call)]
        wait = sum(wait for _, wait in pieces) / len(parts)
        for part in parts:
            events.append(chunk("content", part, min(len(events) + 1, reply.output_tokens), wait=wait))
    return [*events, chunk("finish", {"text": ""}, reply.output_tokens, reply.finish_reason or "STOP")]


def asked(body: Mapping[str, Any]) -> Asked:
    """Return the form in which a request asks for its answer."""
    functions = [each for tool in objects(body.get("tools")) for each in objects(tool.get("functionDeclarations"))]
    tools = [(each.get("name"), _member(each, "parametersJsonSchema") or each.get("parameters")) for each in functions]
    config = _member(body, "generationConfig") or {}
    return asked_for(tools, _member(config, "responseJsonSchema") or _member(config, "responseSchema"))


def error_event(kind: str, message: str) -> StreamEvent:
    """Return an error object in the stream."""
    code = next((code for code, status in _STATUSES.items() if status == kind), 503)
    return StreamEvent("other", compact({"error": {"code": code, "message": message, "status": kind}}))


def error_body(status: int, kind: str | None, message: str) -> dict[str, Any]:
    """Return the body of an error response."""
    default = _STATUSES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    return {"error": {"code": status, "message": message, "status": kind or default}}


def _response(reply: Reply, parts: list[dict[str, Any]], finish: str | None, count: int) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    usage = {
        "promptTokenCount": reply.input_tokens,
        "candidatesTokenCount": count,
        "totalTokenCount": reply.input_tokens + count,
    }
    identity = f"mock-{reply.number}"
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": reply.model, "responseId": identity}


def _call(call: tuple[str, str]) -> dict[str, Any]:
    """Return the part of a call, which comes whole."""
    name, text = call
    return {"functionCall": {"name": name, "args": json.loads(text)}} if text else {"functionCall": {"name": name}}


def _streams_arguments(body: Mapping[str, Any]) -> bool:
    config = _member(body, "toolConfig") or {}
    return bool(_member(_member(config, "functionCallingConfig") or {}, "streamFunctionCallArguments"))


def _parts(call: tuple[str, str], length: int) -> list[dict[str, Any]]:
    """Return the parts of a call, whose texts have pieces of a length: its name, each piece of a leaf, its end."""
    name, text = call
    arguments = json.loads(text)
    leaves = _leaves("$", arguments)
    if not isinstance(arguments, dict) or leaves is None:
        return [_call(call)]
    parts: list[dict[str, Any]] = [{"name": name, "willContinue": True}]
    for path, value in leaves:
        pieces = [value[at : at + length] for at in range(0, len(value), length)] if isinstance(value, str) else []
        last: dict[str, Any] = {"stringValue": ""} if isinstance(value, str) else _leaf(value)
        said = (*({"stringValue": each, "willContinue": True} for each in pieces), last)
        parts += [{"partialArgs": [{"jsonPath": path, **piece}], "willContinue": True} for piece in said]
    return [{"functionCall": part} for part in (*parts, {})]


def _leaves(path: str, value: Any) -> list[tuple[str, Any]] | None:
    """Return the leaves of a JSON value with their paths, or None if there is a list or an object without any."""
    if not isinstance(value, dict | list):
        return [(path, value)]
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = [_leaves(path + _step(step), each) for step, each in inside]
    return None if not found or None in found else [leaf for leaves in found for leaf in leaves or ()]


def _step(step: str | int) -> str:
    if isinstance(step, str) and re.fullmatch("[A-Za-z_][A-Za-z_0-9]*", step):
        return f".{step}"
    if isinstance(step, int):
        return f"[{step}]"
    escaped = step.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


def _leaf(value: Any) -> dict[str, Any]:
    if value is None:
        return {"nullValue": None}
    return {"boolValue": value} if isinstance(value, bool) else {"numberValue": value}


def _member(value: Mapping[str, Any], name: str) -> Any:
    """Return a member by its name in camel case, however it is written."""
    return next((found for written, found in value.items() if _camel(written) == name), None)


def _camel(name: str) -> str:
    """Return a member's name as the JSON form of protocol buffers writes it; both forms are accepted."""
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)


GOOGLE = WireFormat("google-ai", problem, question, whole, events, error_event, error_body, asked)
