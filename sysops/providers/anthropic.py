"""Anthropic's Messages.

Documents: "Messages" and "API versions" (Anthropic API reference); "Streaming Messages" and "Errors" (Anthropic API
documentation).

The system prompt is beside the conversation; ``max_tokens`` is required.

An event's data carries its own ``type``.  ``message_start`` names the model and counts the input,
``content_block_delta`` brings text (``text_delta``), reasoning (``thinking_delta``), tool input
(``input_json_delta``) and signatures, ``message_delta`` the stop reason and cumulative token counts, ``message_stop``
ends the answer.  ``ping`` and types unknown here mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.accumulator import Accumulator, Reader, ToolCall, ToolCalls, tokens_of
from bamlvm.sysops.providers.catalogue import Provider, endpoint, headers
from bamlvm.sysops.providers.failures import provider_error, unreadable_answer
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.usage import Count, Tokens, note
from bamlvm.sysops.providers.wire import (
    Completion,
    ProviderRequest,
    WireFormat,
    argument_text,
    check_media,
    decoded,
    document,
    mime_of,
    only_text,
    sole_text,
    summary,
    text_or_none,
    unset,
)
from bamlvm.sysops.records import RequestSummary
from bamlvm.sysops.web.sse import Event
from bamlvm.vm.program.schemas.forms import Form

VERSION: Final = "2023-06-01"
MAX_TOKENS: Final = 4096

_PARAMETERS: Final = {"max_tokens": "max_tokens", "stop_sequences": "stop_sequences"}


# --- requests ---------------------------------------------------------------------------------------------------------


def build(
    row: Provider, options: Options, messages: list[Message], stream: bool, form: Form | None = None
) -> ProviderRequest:
    """Return the request that sends the messages."""
    url = endpoint(row, options, "/v1/messages")
    body = content(row, options, messages, stream, form)
    return ProviderRequest(url, headers(row, options, anthropic_version=VERSION), body)


def content(
    row: Provider, options: Options, messages: list[Message], stream: bool, form: Form | None, *without: str
) -> dict[str, Any]:
    """Return the body that sends the messages and asks for an answer of the form, with the client's options but those
    of ``without``; a first message of the system becomes the system prompt."""
    body = options.body("messages", "stream", *without)
    body.setdefault("max_tokens", MAX_TOKENS)
    if len(messages) > 1 and messages[0].role == "system":
        only_text(options, messages[0], "the system prompt")
        body["system"] = _content(row, options, messages[0])
        messages = messages[1:]
    body["messages"] = [{"role": message.role, "content": _content(row, options, message)} for message in messages]
    if form is not None:
        _ask(options, body, form)
    if stream:
        body["stream"] = True
    return body


def _ask(options: Options, body: dict[str, Any], form: Form) -> None:
    """Ask for an answer of a form.

    A model that thinks can be asked, but not forced, to call a tool.
    """
    strict = options.output_strict()
    if not form.are_tools:
        config = options.get("output_config", dict) or {}
        unset(options, config, "format")
        unset(options, body, "output_format")
        schema = document(options, form, form.shapes[0], "anthropic")
        body["output_config"] = {**config, "format": {"type": "json_schema", "schema": schema}}
        return
    unset(options, body, "tools")
    body["tools"] = [
        {
            "name": shape.name,
            "description": shape.purpose,
            "input_schema": document(options, form, shape, "anthropic"),
            **({"strict": True} if strict else {}),
        }
        for shape in form.shapes
    ]
    thinking = options.get("thinking", dict) or {}
    if form.many or thinking.get("type", "disabled") != "disabled":
        choice: dict[str, Any] = {"type": "auto"}
    elif len(form.shapes) > 1:
        choice = {"type": "any"}
    else:
        choice = {"type": "tool", "name": form.shapes[0].name}
    body.setdefault("tool_choice", choice if form.many else {**choice, "disable_parallel_tool_use": True})


def _content(row: Provider, options: Options, message: Message) -> str | list[dict[str, Any]]:
    text = sole_text(message)
    return [_part(row, options, part) for part in message.parts] if text is None else text


def _part(row: Provider, options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"type": "text", "text": content, **part.metadata}
    check_media(row, options, content)
    source = (
        {"type": "url", "url": content.data}
        if content.source == "url"
        else {"type": "base64", "media_type": mime_of(options, content), "data": content.data}
    )
    return {"type": "document" if content.kind == "pdf" else "image", "source": source, **part.metadata}


def summarise(body: Mapping[str, Any]) -> RequestSummary:
    """Return what a request asks for."""
    return summary(body["messages"], body, _PARAMETERS, system=body.get("system"))


# --- answers ----------------------------------------------------------------------------------------------------------


class Usage(msgspec.Struct, gc=False):
    """The ``usage`` of messages.  A 0 for the prompt says nothing where a number came before."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None

    def note(self, tokens: Tokens) -> None:
        """See :class:`bamlvm.sysops.providers.usage.Report`."""
        # The counts of a report are without the cached parts, so those of an earlier report are taken off before a new
        # report's are added.
        fresh = None
        if tokens.input is not None:
            fresh = tokens.input - (tokens.cached_input or 0) - (tokens.cache_write or 0)
        if self.input_tokens or fresh is None:
            fresh = self.input_tokens
        if self.cache_read_input_tokens is not None:
            tokens.cached_input = self.cache_read_input_tokens
        if self.cache_creation_input_tokens is not None:
            tokens.cache_write = self.cache_creation_input_tokens
        total = None if fresh is None else fresh + (tokens.cached_input or 0) + (tokens.cache_write or 0)
        note(tokens, total, self.output_tokens)


def read(body: str) -> Completion:
    """Read a message: its text blocks, joined."""
    data = decoded(body)
    blocks = data.get("content")
    if not isinstance(blocks, list):
        raise unreadable_answer(body)
    texts = [part.get("text") for part in blocks if isinstance(part, dict) and part.get("type") == "text"]
    thoughts = [part.get("thinking") for part in blocks if isinstance(part, dict) and part.get("type") == "thinking"]
    uses = [part for part in blocks if isinstance(part, dict) and part.get("type") == "tool_use"]
    return Completion(
        "".join(text for text in texts if isinstance(text, str)),
        any(isinstance(text, str) for text in texts),
        text_or_none(data.get("stop_reason")),
        text_or_none(data.get("model")),
        tokens_of(Usage, data.get("usage")),
        reasoning="".join(thought for thought in thoughts if isinstance(thought, str)),
        calls=ToolCalls(
            ToolCall(str(part.get("name") or ""), arguments=argument_text(part.get("input"))) for part in uses
        ),
    )


# --- streams ----------------------------------------------------------------------------------------------------------


class _Message(msgspec.Struct, gc=False):
    model: str | None = None
    usage: Usage | None = None


class _Delta(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    stop_reason: str | None = None
    name: str | None = None
    id: str | None = None
    input: dict[str, Any] | None = None
    partial_json: str | None = None


class _Payload(msgspec.Struct, gc=False):
    type: str | None = None
    index: int | None = None
    delta: _Delta | None = None
    content_block: _Delta | None = None
    message: _Message | str | None = None
    usage: Usage | None = None
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
            kind = payload.type or event.event
            if kind == "content_block_delta" or kind == "content_block_start":
                delta = payload.delta or payload.content_block
                if delta is not None:
                    if delta.type in ("text_delta", "text"):
                        if delta.text:
                            self._content.append(delta.text)
                        elif delta.text is not None:
                            self._has_text = True
                    elif delta.thinking and delta.type in ("thinking_delta", "thinking"):
                        self._reasoning.append(delta.thinking)
                    elif self._expects_calls and delta.type in ("tool_use", "input_json_delta"):
                        # The block begins with an empty input; a server that sends no deltas has all of it there.
                        arguments = argument_text(delta.input) if delta.input else delta.partial_json
                        self.calls.add(payload.index, arguments, delta.name, delta.id)
            elif kind == "message_start":
                if isinstance(payload.message, _Message):
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
                raise provider_error(payload.error or payload.message)


WIRE: Final = WireFormat("anthropic", build, summarise, read, AnthropicAccumulator, ("anthropic",))
