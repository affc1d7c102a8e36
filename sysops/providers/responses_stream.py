"""OpenAI's Responses stream.

Document: "Streaming events" (OpenAI API reference).

An event's data carries its own ``type``.  ``response.output_text.delta`` is content; ``response.completed``,
``response.incomplete`` and ``response.failed`` end the answer and carry the whole response with its usage, whose text
counts where a server has sent no deltas.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bamlvm.sysops.providers.accumulator import Accumulator, Reader, provider_error
from bamlvm.sysops.providers.usage import ResponsesUsage
from bamlvm.sysops.web.sse import Event


class _Incomplete(msgspec.Struct, gc=False):
    reason: str | None = None


class _Part(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct, gc=False):
    type: str | None = None
    content: list[_Part] | None = None


class Response(msgspec.Struct, gc=False):
    """A whole response, as far as it matters; every answer without streaming is one."""

    model: str | None = None
    status: str | None = None
    usage: ResponsesUsage | None = None
    incomplete_details: _Incomplete | None = None
    output: list[_Item] | None = None
    error: Any = None

    def finish_reason(self) -> str | None:
        """Why the answer is incomplete, else the status."""
        return (self.incomplete_details and self.incomplete_details.reason) or self.status

    def text(self) -> str:
        """The text of its messages, joined."""
        return "".join(part.text for part in self._parts("output_text") if part.text)

    def refusal(self) -> str:
        """What the model said instead of answering."""
        return "".join(part.refusal for part in self._parts("refusal") if part.refusal)

    def _parts(self, kind: str) -> Iterable[_Part]:
        for item in self.output or ():
            if item.type == "message":
                yield from (part for part in item.content or () if part.type == kind)


class _Payload(msgspec.Struct, gc=False):
    type: str | None = None
    delta: str | None = None
    response: Response | None = None
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

    def _take(self, kind: str | None, response: Response) -> None:
        self._model = self._model or response.model
        if response.usage is not None:
            response.usage.note(self.tokens)
        if kind == _FAILED:
            raise provider_error(response.error)
        if kind in _TERMINAL:
            self._finish_reason = response.finish_reason()
            if not self._content.length and (text := response.text()):
                self._content.append(text)
            if not self._refusal.length and (refusal := response.refusal()):
                self._refusal.append(refusal)
            self._done = True
