"""OpenAI's chat-completion chunks, also spoken by Azure, Ollama, OpenRouter and every ``openai-generic`` server.

Documents: "Chat Completions: The chat completion chunk object" (OpenAI API reference); "Errors: Mid-stream" and
"Streaming: Comments" (OpenRouter); "Reasoning model" (DeepSeek: ``reasoning_content``; OpenRouter: ``reasoning``);
"Reasoning" (Mistral: content as a list of parts, of type ``text`` or ``thinking``).

Every event's data is a chunk, except the last, ``[DONE]``.  Usage comes with the finish reason or in a chunk of its own
after it, whose ``choices`` is empty; Azure sends such chunks first too.  Usage is cumulative: the last word counts.  A
server that only seems to stream may send a ``message`` where a ``delta`` belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bamlvm.sysops.providers.accumulator import Accumulator, Reader, provider_error
from bamlvm.sysops.providers.usage import OpenAIUsage
from bamlvm.sysops.web.sse import Event


class _Part(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: Any = None


class _Delta(msgspec.Struct, gc=False):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int | None = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    error: Any = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: OpenAIUsage | None = None
    error: Any = None
    object: str | None = None
    message: Any = None
    type: Any = None
    code: Any = None


_READER: Final = Reader(_Chunk)


class OpenAIAccumulator(Accumulator):
    """Chat-completion chunks; only the first choice is content."""

    __slots__ = ()

    def add(self, events: Iterable[Event]) -> None:
        read = _READER.read
        for event in events:
            if self._done:
                return
            if event.data.startswith("[DONE]"):
                self._done = True
                return
            chunk = read(event)
            if chunk.error or chunk.object == "error" or event.event == "error":
                raise provider_error(chunk.error or {"message": chunk.message, "type": chunk.type, "code": chunk.code})
            if chunk.model and self._model is None:
                self._model = chunk.model
            if chunk.choices:
                for choice in chunk.choices:
                    if not choice.index:
                        self._take(choice)
            if chunk.usage is not None:
                chunk.usage.note(self.tokens)

    def _take(self, choice: _Choice) -> None:
        delta = choice.delta or choice.message
        if delta is not None:
            content = delta.content
            if isinstance(content, list):
                self._take_parts(content)
            elif content:
                self._content.append(content)
            thought = delta.reasoning_content or delta.reasoning
            if thought:
                self._reasoning.append(thought)
            if delta.refusal:
                self._refusal.append(delta.refusal)
        if choice.finish_reason:
            self._finish_reason = choice.finish_reason
        if choice.error or choice.finish_reason == "error":
            raise provider_error(choice.error)

    def _take_parts(self, parts: list[_Part]) -> None:
        for part in parts:
            if part.text:
                (self._content if part.type == "text" else self._reasoning).append(part.text)
            for thought in part.thinking if isinstance(part.thinking, list) else ():
                text = thought.get("text") if isinstance(thought, dict) else None
                if isinstance(text, str):
                    self._reasoning.append(text)
