"""One recorded answer in every wire format, as its provider's document shows it.

A stream is :class:`Frame` objects: what each does in the stream, its data, its event name.  All say :data:`TEXT` in
:data:`PIECES`.  ``says(text)`` gives the frames of another text in the same shape.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from bamlvm.sysops.providers.catalogue import PROVIDERS

PIECES: Final = ("Hello", ", ", "wörld", " 🙂")
TEXT: Final = "".join(PIECES)
SECOND: Final = "Second answer."

Role = Literal["content", "finish", "done", "other"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One event; ``content`` brings text, ``finish`` the finish reason, ``done`` ends the stream."""

    role: Role
    data: str
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """A provider's side: ``frames(pieces)`` and ``whole(text)`` are its answers, ``failing(retryable)`` its error.

    ``options`` are the client's beside ``model``, ``api_key`` and ``base_url``.
    """

    name: str
    provider: str
    frames: Callable[[Sequence[str]], list[Frame]]
    whole: Callable[[str], Any]
    failing: Callable[[bool], Frame]
    options: str = ""

    def stream(self) -> list[Frame]:
        """The recorded stream."""
        return self.frames(PIECES)


def encoded(frames: Sequence[Frame], end: str = "\n") -> list[bytes]:
    """Events as bytes."""
    return [
        f"{f'event: {frame.event}{end}' if frame.event else ''}data: {frame.data}{end}{end}".encode()
        for frame in frames
    ]


def before_content(frames: Sequence[Frame], count: int) -> list[Frame]:
    """The frames before content frame ``count``, from 0."""
    places = [index for index, frame in enumerate(frames) if frame.role == "content"]
    return list(frames[: places[count]])


def without(frames: Sequence[Frame], *roles: Role) -> list[Frame]:
    """The frames of other roles."""
    return [frame for frame in frames if frame.role not in roles]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- OpenAI: "The chat completion chunk object" -----------------------------------------------------------------------


def _chunk(role: Role, delta: dict[str, Any], finish: str | None = None) -> Frame:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return Frame(role, _json({"id": "c1", "object": "chat.completion.chunk", "model": "m-1", "choices": choices}))


def _openai(pieces: Sequence[str]) -> list[Frame]:
    usage = {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
    return [
        _chunk("other", {"role": "assistant", "content": ""}),
        *(_chunk("content", {"content": piece}) for piece in pieces),
        _chunk("finish", {}, "stop"),
        Frame("other", _json({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": usage})),
        Frame("done", "[DONE]"),
    ]


def _openai_whole(text: str) -> Any:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"id": "c1", "object": "chat.completion", "model": "m-1", "choices": choices}


def _openai_error(retryable: bool) -> Frame:
    kind = "overloaded_error" if retryable else "invalid_request_error"
    return Frame("other", _json({"error": {"message": "went wrong", "type": kind, "code": None}}))


# --- Anthropic: "Streaming messages" ----------------------------------------------------------------------------------


def _event(role: Role, kind: str, **fields: Any) -> Frame:
    return Frame(role, _json({"type": kind, **fields}), kind)


def _anthropic(pieces: Sequence[str]) -> list[Frame]:
    message = {"id": "m1", "role": "assistant", "model": "m-1", "usage": {"input_tokens": 7, "output_tokens": 1}}
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return [
        _event("other", "message_start", message=message),
        _event("other", "content_block_start", index=0, content_block={"type": "text", "text": ""}),
        _event("other", "ping"),
        *(_event("content", "content_block_delta", index=0, delta=delta) for delta in deltas),
        _event("other", "content_block_stop", index=0),
        _event("finish", "message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 4}),
        _event("done", "message_stop"),
    ]


def _anthropic_whole(text: str) -> Any:
    content = [{"type": "text", "text": text}]
    return {"id": "m1", "type": "message", "model": "m-1", "content": content, "stop_reason": "end_turn"}


def _anthropic_error(retryable: bool) -> Frame:
    kind = "overloaded_error" if retryable else "invalid_request_error"
    return _event("other", "error", error={"type": kind, "message": "went wrong"})


# --- Google: "GenerateContentResponse" --------------------------------------------------------------------------------


def _google_chunk(text: str | None, finish: str | None = None) -> dict[str, Any]:
    content = {"role": "model", "parts": [] if text is None else [{"text": text}]}
    candidate = {"index": 0, "content": content} | ({} if finish is None else {"finishReason": finish})
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 4}
    return {"candidates": [candidate], "modelVersion": "m-1", "usageMetadata": usage}


def _google(pieces: Sequence[str]) -> list[Frame]:
    content = [Frame("content", _json(_google_chunk(piece))) for piece in pieces]
    return [*content, Frame("finish", _json(_google_chunk(None, "STOP")))]


def _google_whole(text: str) -> Any:
    return _google_chunk(text, "STOP")


def _google_error(retryable: bool) -> Frame:
    code, status = (503, "UNAVAILABLE") if retryable else (400, "INVALID_ARGUMENT")
    return Frame("other", _json({"error": {"code": code, "message": "went wrong", "status": status}}))


# --- OpenAI: "Responses: Streaming events" ----------------------------------------------------------------------------


def _responses(pieces: Sequence[str]) -> list[Frame]:
    going = {"id": "r1", "model": "m-1", "status": "in_progress"}
    place = {"item_id": "i1", "output_index": 0, "content_index": 0}
    text = "".join(pieces)
    return [
        _event("other", "response.created", response=going),
        _event("other", "response.output_item.added", output_index=0, item={"id": "i1", "type": "message"}),
        *(_event("content", "response.output_text.delta", **place, delta=piece) for piece in pieces),
        _event("other", "response.output_text.done", **place, text=text),
        _event("done", "response.completed", response=_responses_whole(text)),
    ]


def _responses_whole(text: str) -> Any:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    output = [{"id": "i1", "type": "message", "role": "assistant", "status": "completed", "content": content}]
    usage = {"input_tokens": 7, "output_tokens": 4}
    return {"id": "r1", "object": "response", "model": "m-1", "status": "completed", "output": output, "usage": usage}


def _responses_error(retryable: bool) -> Frame:
    code = "rate_limit_exceeded" if retryable else "invalid_prompt"
    return _event("other", "error", code=code, message="went wrong", param=None)


_ALL: Final = (
    Wire("openai", "openai", _openai, _openai_whole, _openai_error),
    Wire("anthropic", "anthropic", _anthropic, _anthropic_whole, _anthropic_error),
    Wire("google-ai", "google-ai", _google, _google_whole, _google_error),
    Wire("openai-responses", "openai-responses", _responses, _responses_whole, _responses_error),
)
WIRES: Final = {wire.name: wire for wire in _ALL if wire.provider in PROVIDERS}
"""The wire formats that are spoken here, by name."""


def renamed(frame: Frame, data: str) -> Frame:
    """A frame with other data."""
    return replace(frame, data=data)
