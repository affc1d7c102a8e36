"""Anthropic's Messages stream.

Documents: "Streaming Messages" and "Errors" (Anthropic API documentation).

An event's data carries its own ``type``.  ``message_start`` names the model and counts the input,
``content_block_delta`` brings text (``text_delta``), reasoning (``thinking_delta``), tool input and signatures,
``message_delta`` the stop reason and cumulative token counts, ``message_stop`` ends the answer.  ``ping`` and types
unknown here mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bamlvm.sysops.providers.accumulator import Accumulator, Reader, provider_error
from bamlvm.sysops.providers.usage import AnthropicUsage
from bamlvm.sysops.web.sse import Event


class _Message(msgspec.Struct, gc=False):
    model: str | None = None
    usage: AnthropicUsage | None = None


class _Delta(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    stop_reason: str | None = None


class _Payload(msgspec.Struct, gc=False):
    type: str | None = None
    delta: _Delta | None = None
    content_block: _Delta | None = None
    message: _Message | None = None
    usage: AnthropicUsage | None = None
    error: Any = None


_READER: Final = Reader(
    _Payload,
    known=(
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ),
)


class AnthropicAccumulator(Accumulator):
    """Messages events; text blocks are content, joined in order."""

    __slots__ = ()

    def add(self, events: Iterable[Event]) -> None:
        read = _READER.read
        for event in events:
            if self._done:
                return
            payload = read(event)
            kind = payload.type
            if kind == "content_block_delta" or kind == "content_block_start":
                delta = payload.delta or payload.content_block
                if delta is not None:
                    if delta.type in ("text_delta", "text"):
                        if delta.text:
                            self._content.append(delta.text)
                    elif delta.thinking and delta.type in ("thinking_delta", "thinking"):
                        self._reasoning.append(delta.thinking)
            elif kind == "message_start":
                if payload.message is not None:
                    self._model = payload.message.model or self._model
                    if payload.message.usage is not None:
                        payload.message.usage.note(self.tokens)
            elif kind == "message_delta":
                if payload.delta is not None and payload.delta.stop_reason:
                    self._finish_reason = payload.delta.stop_reason
                if payload.usage is not None:
                    payload.usage.note(self.tokens)
            elif kind == "message_stop":
                self._done = True
            elif kind == "error" or payload.error or event.event == "error":
                raise provider_error(payload.error)
