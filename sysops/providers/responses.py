"""OpenAI's Responses.

Documents: "Create a model response", "The response object" and "Streaming events" (OpenAI API reference).

A message is an item of ``input``.  An assistant's message is a string, by the reference; the official runtime's
``output_text`` parts, which the service takes as well, are sent where one string cannot hold it.  All other messages
are ``input_text`` and media.

An event's data carries its own ``type``.  ``response.output_text.delta`` is content, and a tool call is an item of the
output, whose arguments are in ``response.function_call_arguments.delta``; ``response.completed``,
``response.incomplete`` and ``response.failed`` end the answer and carry the whole response with its usage, whose text
counts where a server has sent no deltas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers import openai_forms
from bamlvm.sysops.providers.accumulator import DONE, Accumulator, Reader, ToolCall, ToolCalls, fitted
from bamlvm.sysops.providers.catalogue import Provider, endpoint, headers
from bamlvm.sysops.providers.failures import provider_error, unreadable_answer
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.usage import Count, InputDetails, OutputDetails, Tokens, note, note_details
from bamlvm.sysops.providers.wire import (
    Completion,
    ProviderRequest,
    WireFormat,
    check_media,
    decoded,
    link,
    only_text,
    sole_text,
    summary,
    unset,
)
from bamlvm.sysops.records import RequestSummary
from bamlvm.sysops.web.sse import Event
from bamlvm.vm.program.schemas.forms import Form
from bamlvm.vm.values import Media

# --- requests ---------------------------------------------------------------------------------------------------------


def build(
    row: Provider, options: Options, messages: list[Message], stream: bool, form: Form | None = None
) -> ProviderRequest:
    """Return the request that sends the messages."""
    body = options.body("input", "stream")
    body["input"] = [_item(row, options, message) for message in messages]
    if form is not None:
        _ask(row, options, body, form)
    if stream:
        body["stream"] = True
    else:
        body.pop("stream_options", None)
    return ProviderRequest(endpoint(row, options, "/responses"), headers(row, options), body)


def _ask(row: Provider, options: Options, body: dict[str, Any], form: Form) -> None:
    """Ask for an answer of a form."""
    if not form.are_tools:
        text = options.get("text", dict) or {}
        unset(options, text, "format")
        body["text"] = {**text, "format": {"type": "json_schema", **openai_forms.text_format(options, form)}}
        return
    unset(options, body, "tools")
    body["tools"] = [{"type": "function", **each} for each in openai_forms.tools(options, form)]
    openai_forms.choose(row, options, body, form, {"type": "function", "name": form.shapes[0].name})


def _item(row: Provider, options: Options, message: Message) -> dict[str, Any]:
    text = sole_text(message)
    if text is not None:
        return {"role": message.role, "content": text}
    if message.role == "assistant":
        only_text(options, message, "messages of the assistant")
        parts = [{"type": "output_text", "text": part.content, **part.metadata} for part in message.parts]
    else:
        parts = [_part(row, options, part) for part in message.parts]
    return {"role": message.role, "content": parts}


def _part(row: Provider, options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"type": "input_text", "text": content, **part.metadata}
    check_media(row, options, content)
    return {**_media(options, content), **part.metadata}


def _media(options: Options, media: Media) -> dict[str, Any]:
    if media.kind == "image":
        return {"type": "input_image", "detail": "auto", "image_url": link(options, media)}
    if media.source == "url":
        return {"type": "input_file", "file_url": media.data}
    return {"type": "input_file", "filename": "document.pdf", "file_data": link(options, media)}


def summarise(body: Mapping[str, Any]) -> RequestSummary:
    """Return what a request asks for."""
    return summary(body["input"], body, {"max_output_tokens": "max_tokens"}, system=body.get("instructions"))


# --- answers ----------------------------------------------------------------------------------------------------------


class Usage(msgspec.Struct, gc=False):
    """The ``usage`` of responses."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None

    def note(self, tokens: Tokens) -> None:
        """See :class:`bamlvm.sysops.providers.usage.Report`."""
        note(tokens, self.input_tokens, self.output_tokens)
        note_details(tokens, self.input_tokens_details, self.output_tokens_details)


class _Incomplete(msgspec.Struct, gc=False):
    reason: str | None = None


class _Part(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct, gc=False):
    type: str | None = None
    content: list[_Part] | None = None
    summary: list[_Part] | None = None
    name: str | None = None
    arguments: str | None = None
    call_id: str | None = None


class Response(msgspec.Struct, gc=False):
    """A whole response, as far as it matters; every answer without streaming is one."""

    model: str | None = None
    status: str | None = None
    usage: Usage | None = None
    incomplete_details: _Incomplete | None = None
    output: list[_Item] | None = None
    error: Any = None

    def finish_reason(self) -> str | None:
        """Return why the answer is incomplete, else the status."""
        return (self.incomplete_details and self.incomplete_details.reason) or self.status

    def text(self) -> str:
        """Return the text of its messages, joined."""
        return "".join(part.text for part in self._parts("output_text") if part.text)

    def has_text(self) -> bool:
        """Whether a message has a part of text, even if it is empty."""
        return any(True for _ in self._parts("output_text"))

    def refusal(self) -> str:
        """Return what the model said instead of answering."""
        return "".join(part.refusal for part in self._parts("refusal") if part.refusal)

    def reasoning(self) -> str:
        """Return the text of its reasoning, or the summaries of it."""
        items = [item for item in self.output or () if item.type == "reasoning"]
        return "".join(part.text for item in items for part in item.content or item.summary or () if part.text)

    def calls(self) -> ToolCalls:
        """Return its tool calls."""
        items = [item for item in self.output or () if item.type == "function_call"]
        return ToolCalls(ToolCall(item.name or "", item.call_id or "", item.arguments or "") for item in items)

    def _parts(self, kind: str) -> Iterable[_Part]:
        for item in self.output or ():
            if item.type == "message":
                yield from (part for part in item.content or () if part.type == kind)


def read(body: str) -> Completion:
    """Read a response: the text of its messages, joined."""
    response = fitted(Response, decoded(body))
    if response.status == "failed":
        raise provider_error(None, passing=True)
    if response.output is None or response.status not in (None, "completed", "incomplete"):
        raise unreadable_answer(body)
    tokens = Tokens()
    if response.usage is not None:
        response.usage.note(tokens)
    reason = response.finish_reason()
    refusal = response.refusal() or None
    return Completion(
        response.text(),
        response.has_text(),
        reason,
        response.model,
        tokens,
        refusal,
        response.reasoning(),
        response.calls(),
    )


# --- streams ----------------------------------------------------------------------------------------------------------


class _Payload(msgspec.Struct, gc=False):
    type: str | None = None
    delta: str | None = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    item: _Item | None = None
    part: _Part | None = None
    response: Response | None = None
    error: Any = None
    message: Any = None
    code: Any = None


_TEXT: Final = "response.output_text.delta"
_REASONING: Final = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
_WHOLE_TEXT: Final = "response.output_text.done"
_WHOLE_PART: Final = "response.content_part.done"
_REFUSAL: Final = "response.refusal.delta"
_WHOLE_REFUSAL: Final = "response.refusal.done"
_ARGUMENTS: Final = "response.function_call_arguments.delta"
_WHOLE_ARGUMENTS: Final = "response.function_call_arguments.done"
_ITEM: Final = frozenset({"response.output_item.added", "response.output_item.done"})
_TERMINAL: Final = frozenset({"response.completed", "response.incomplete"})
_FAILED: Final = "response.failed"
_READER: Final = Reader(_Payload, known=(_TEXT, _REFUSAL, _FAILED, _ARGUMENTS, *_ITEM, *_REASONING, *_TERMINAL))


class ResponsesAccumulator(Accumulator):
    """Responses events; output text is content, joined in order.

    A text comes in deltas, and is said again whole when it, its part, its item and the response are done: whichever
    comes first counts, as some servers send only one of them.  ``_places`` are the indices of the texts that have come.
    """

    __slots__ = ("_places",)

    def __init__(self) -> None:
        super().__init__()
        self._places: set[tuple[int | None, int | None]] = set()

    def is_truncated(self) -> bool:
        return self._finish_reason is None  # a gateway's [DONE] ends any stream

    def add(self, events: Iterable[Event]) -> None:
        read = _READER.read
        for event in events:
            if self._done:
                return
            if event.data.startswith(DONE):
                self._done = True
                return
            payload = read(event)
            kind = payload.type or event.event
            if kind == _TEXT:
                if payload.delta:
                    self._content.append(payload.delta)
                    self._places.add((payload.output_index, payload.content_index))
                elif payload.delta is not None:
                    self._has_text = True
            elif kind == _WHOLE_TEXT:
                self._take_whole(payload.output_index, payload.content_index, payload.text)
            elif kind == _WHOLE_PART:
                if payload.part is not None and payload.part.type == "output_text":
                    self._take_whole(payload.output_index, payload.content_index, payload.part.text)
            elif kind in _REASONING:
                if payload.delta:
                    self._reasoning.append(payload.delta)
            elif kind == _REFUSAL:
                if payload.delta:
                    self._refusal.append(payload.delta)
            elif kind == _WHOLE_REFUSAL:
                if payload.refusal and not self._refusal.length:
                    self._refusal.append(payload.refusal)
            elif kind == _ARGUMENTS:
                if self._expects_calls:
                    self.calls.add(payload.output_index, payload.delta)
            elif kind == _WHOLE_ARGUMENTS:
                if self._expects_calls and not self.calls.has_arguments(payload.output_index):
                    self.calls.add(payload.output_index, payload.arguments)
            elif kind in _ITEM and payload.item is not None:
                self._take_item(kind, payload.output_index, payload.item)
            elif kind == "error" or payload.error or event.event == "error":
                raise provider_error(payload.error or {"message": payload.message, "code": payload.code})
            elif payload.response is not None:
                self._take(kind, payload.response)

    def _take_whole(self, output: int | None, content: int | None, text: str | None) -> None:
        """Take a text that is done, unless any of it has come; without indices, unless any text has."""
        place = (output, content)
        known = place in self._places or (bool(self._places) and (None in place or (None, None) in self._places))
        if text and not known:
            self._content.append(text)
            self._places.add(place)

    def _take_item(self, kind: str, index: int | None, item: _Item) -> None:
        """Take the beginning or the end of an item of the output."""
        if item.type == "function_call" and self._expects_calls:
            self._take_call(kind, index, item)
        elif item.type == "message" and kind == "response.output_item.done":
            for place, part in enumerate(item.content or ()):
                if part.type == "output_text":
                    self._take_whole(index, place, part.text)

    def _take_call(self, kind: str | None, index: int | None, item: _Item) -> None:
        """Take an item that is a tool call: its beginning, or all of it, whose arguments count where none were sent."""
        whole = None if kind == "response.output_item.added" or self.calls.has_arguments(index) else item.arguments
        self.calls.add(index, whole, item.name, item.call_id)

    def _take(self, kind: str | None, response: Response) -> None:
        self._model = self._model or response.model
        if response.usage is not None:
            response.usage.note(self.tokens)
        if kind == _FAILED:
            raise provider_error(response.error, passing=True)
        if kind in _TERMINAL and response.status not in (None, "completed", "incomplete"):
            raise provider_error(response.error or f"the response is {response.status}", passing=True)
        if kind in _TERMINAL:
            self._finish_reason = response.finish_reason() or str(kind).rpartition(".")[2]
            if self._expects_calls and not self.calls:
                self.calls = response.calls()
            text, content = response.text(), str(self._content)
            if len(text) > len(content) and text.startswith(content):  # a text of it, or its end, has not come
                self._content.append(text[len(content) :])
            self._has_text = self._has_text or response.has_text()
            if not self._refusal.length and (refusal := response.refusal()):
                self._refusal.append(refusal)
            self._done = True


WIRE: Final = WireFormat("openai-responses", build, summarise, read, ResponsesAccumulator, ("openai-responses",))
