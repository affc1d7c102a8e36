"""Google's ``streamGenerateContent`` with ``alt=sse``.

Document: "GenerateContentResponse" (Gemini API reference).

Every event is a whole response with the next parts of the candidate.  There is no terminal event: the answer ends with
the connection, and a finish reason, which some models put on every chunk, says that it was not cut short only if the
connection ended as it should.
``usageMetadata`` is cumulative.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bamlvm.sysops.providers.accumulator import Accumulator, Reader, provider_error
from bamlvm.sysops.providers.usage import GoogleUsage
from bamlvm.sysops.web.sse import Event


class _Part(msgspec.Struct, gc=False):
    text: str | None = None
    thought: bool | None = None


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel", gc=False):
    index: int | None = 0
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, rename="camel", gc=False):
    block_reason: str | None = None


class _Payload(msgspec.Struct, rename="camel", gc=False):
    candidates: list[_Candidate] | None = None
    usage_metadata: GoogleUsage | None = None
    prompt_feedback: _Feedback | None = None
    model_version: str | None = None
    error: Any = None


_READER: Final = Reader(_Payload)


class GoogleAccumulator(Accumulator):
    """``GenerateContentResponse`` chunks; only the first candidate is content."""

    __slots__ = ()

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            payload = _READER.read(event)
            if payload.error or event.event == "error":
                raise provider_error(payload.error)
            self._model = self._model or payload.model_version
            for candidate in payload.candidates or ():
                if not candidate.index:
                    self._take(candidate)
            if payload.prompt_feedback is not None and payload.prompt_feedback.block_reason:
                self._finish_reason = payload.prompt_feedback.block_reason
            if payload.usage_metadata is not None:
                payload.usage_metadata.note(self.tokens)

    def interrupted(self) -> bool:
        return True

    def _take(self, candidate: _Candidate) -> None:
        parts = candidate.content.parts if candidate.content is not None else None
        for part in parts or ():
            if part.text:
                (self._reasoning if part.thought else self._content).append(part.text)
        self._finish_reason = candidate.finish_reason or self._finish_reason
