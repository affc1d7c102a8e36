"""OpenAI's Responses stream.

Document: "Streaming events" (OpenAI API reference).

An event's data carries its own ``type``.  ``response.output_text.delta`` is content; ``response.completed``,
``response.incomplete`` and ``response.failed`` end the answer and carry the whole response with its usage.  The finish
reason is why the answer is incomplete, else the response's status.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bamlvm.sysops.accumulators.base import Accumulator, Reader, provider_error
from bamlvm.sysops.accumulators.usage import ResponsesUsage
from bamlvm.sysops.sse import Event


class _Incomplete(msgspec.Struct, gc=False):
    reason: str | None = None


class _Response(msgspec.Struct, gc=False):
    model: str | None = None
    status: str | None = None
    usage: ResponsesUsage | None = None
    incomplete_details: _Incomplete | None = None
    error: Any = None


class _Payload(msgspec.Struct, gc=False):
    type: str | None = None
    delta: str | None = None
    response: _Response | None = None
    error: Any = None
    message: Any = None
    code: Any = None


_TEXT: Final = "response.output_text.delta"
_REASONING: Final = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
_REFUSAL: Final = "response.refusal.delta"
_TERMINAL: Final = frozenset({"response.completed", "response.incomplete"})
_FAILED: Final = "response.failed"
_READER: Final = Reader(_Payload, known=(_TEXT, _REFUSAL, _FAILED, *_REASONING, *_TERMINAL))


class ResponsesAccumulator(Accumulator):
    """Responses events; output text is content, joined in order."""

    __slots__ = ()

    def add(self, events: Iterable[Event]) -> None:
        read = _READER.read
        for event in events:
            if self._done:
                return
            if event.data.startswith("[DONE]"):
                self._done = True
                return
            payload = read(event)
            kind = payload.type
            if kind == _TEXT:
                if payload.delta:
                    self._content.append(payload.delta)
            elif kind in _REASONING:
                if payload.delta:
                    self._reasoning.append(payload.delta)
            elif kind == _REFUSAL:
                if payload.delta:
                    self._refusal.append(payload.delta)
            elif kind == "error" or payload.error or event.event == "error":
                raise provider_error(payload.error or {"message": payload.message, "code": payload.code})
            elif payload.response is not None:
                self._take(kind, payload.response)

    def _take(self, kind: str | None, response: _Response) -> None:
        self._model = self._model or response.model
        if response.usage is not None:
            response.usage.note(self.tokens)
        if kind == _FAILED:
            raise provider_error(response.error)
        if kind in _TERMINAL:
            details = response.incomplete_details
            self._finish_reason = (details and details.reason) or response.status
            self._done = True
