"""OpenAI's Chat Completions, which Azure, Ollama, OpenRouter and every ``openai-generic`` server speak as well.

Documents: "Create chat completion", "The chat completion object" and "The chat completion chunk object" (OpenAI API
reference); "Chat completions" (Azure OpenAI reference), which puts the deployment in the path and the version in the
query; "Multimodal" (OpenRouter), which takes videos, and PDF by URL; "Errors: Mid-stream" and "Streaming: Comments"
(OpenRouter); "Reasoning model" (DeepSeek: ``reasoning_content``; OpenRouter: ``reasoning``); "Reasoning" (Mistral:
content as a list of parts, of type ``text`` or ``thinking``).

Tool calls are told apart by ``index``; the arguments of one are text that grows.

In a stream every event's data is a chunk, except the last, ``[DONE]``.  Usage comes with the finish reason or in a
chunk of its own after it, whose ``choices`` is empty; Azure sends such chunks first too, and Groq has it in ``x_groq``.
Usage is cumulative: the last report counts.  A server that only seems to stream may send a ``message`` where a
``delta`` belongs; after deltas, a message says all of it once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers import openai_forms
from bamlvm.sysops.providers.accumulator import DONE, Accumulator, Reader, ToolCall, ToolCalls, fitted, tokens_of
from bamlvm.sysops.providers.catalogue import Provider, endpoint, headers
from bamlvm.sysops.providers.failures import provider_error, unreadable_answer
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.usage import Count, InputDetails, OutputDetails, Tokens, note, note_details
from bamlvm.sysops.providers.wire import (
    Completion,
    ProviderRequest,
    WireFormat,
    argument_text,
    check_media,
    decoded,
    link,
    mime_of,
    sole_text,
    summary,
    text_or_none,
    unset,
)
from bamlvm.sysops.records import RequestSummary
from bamlvm.sysops.web.sse import Event
from bamlvm.vm.program.schemas.forms import Form
from bamlvm.vm.values import Media

AZURE_MAX_TOKENS: Final = 4096
"""Azure's own default is 16, so one is always sent; ``max_tokens null`` or ``max_completion_tokens`` lifts it."""

AZURE_USAGE_SINCE: Final = "2024-08-01"
"""The first ``api_version`` that knows ``stream_options``; older ones refuse a request that has it."""

_BUILT: Final = ("messages", "stream")
_AZURE_OPTIONS: Final = ("resource_name", "deployment_id", "api_version")
_ENTRA_OPTIONS: Final = ("tenant_id", "client_id", "client_secret")
_AUDIO_FORMATS: Final = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a"}
_PARAMETERS: Final = {
    "max_completion_tokens": "max_tokens",
    "max_tokens": "max_tokens",
    "n": "choice_count",
    "stop": "stop_sequences",
}


# --- requests ---------------------------------------------------------------------------------------------------------


def build(
    row: Provider, options: Options, messages: list[Message], stream: bool, form: Form | None = None
) -> ProviderRequest:
    """Return the request that sends the messages; ``stream`` asks for events, and the token counts at their end."""
    body = _azure_body(options) if row.name == "azure-openai" else options.body(*_BUILT)
    body["messages"] = [_message(row, options, message) for message in messages]
    if form is not None:
        _ask(row, options, body, form)
    if stream:
        body["stream"] = True
        if row.include_usage and _knows_usage(row, options, body):
            given = body.get("stream_options")
            body["stream_options"] = {**(given if isinstance(given, dict) else {}), "include_usage": True}
    else:
        body.pop("stream_options", None)
    url = endpoint(row, options, "/chat/completions")
    return ProviderRequest(url, headers(row, options), body)


def _ask(row: Provider, options: Options, body: dict[str, Any], form: Form) -> None:
    """Ask for an answer of a form."""
    if not form.are_tools:
        unset(options, body, "response_format")
        body["response_format"] = {"type": "json_schema", "json_schema": openai_forms.text_format(options, form)}
        return
    unset(options, body, "tools")
    body["tools"] = [{"type": "function", "function": each} for each in openai_forms.tools(options, form)]
    sole = {"type": "function", "function": {"name": form.shapes[0].name}}
    openai_forms.choose(row, options, body, form, sole)


def _azure_body(options: Options) -> dict[str, Any]:
    body = options.body(*_BUILT, *_AZURE_OPTIONS)
    for name in _ENTRA_OPTIONS:
        if name in body:
            raise options.invalid(
                f"option {name}: Entra ID is not supported; use api_key, or a token in headers {{ authorization … }}"
            )
    if "max_completion_tokens" not in body:
        body.setdefault("max_tokens", AZURE_MAX_TOKENS)
    if body.get("max_tokens", 0) is None:
        del body["max_tokens"]
    return body


def _knows_usage(row: Provider, options: Options, body: dict[str, Any]) -> bool:
    if row.name != "azure-openai":
        return True
    version = options.get("api_version", str) or AZURE_USAGE_SINCE
    return "data_sources" not in body and (version >= AZURE_USAGE_SINCE or not version[:1].isdigit())


def _message(row: Provider, options: Options, message: Message) -> dict[str, Any]:
    if row.plain_text and all(isinstance(part.content, str) and not part.metadata for part in message.parts):
        return {"role": message.role, "content": " ".join(str(part.content) for part in message.parts)}
    text = sole_text(message)
    if text is not None:
        return {"role": message.role, "content": text}
    return {"role": message.role, "content": [_part(row, options, part) for part in message.parts]}


def _part(row: Provider, options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"type": "text", "text": content, **part.metadata}
    check_media(row, options, content)
    return {**_media(options, content), **part.metadata}


def _media(options: Options, media: Media) -> dict[str, Any]:
    match media.kind:
        case "audio":
            form = mime_of(options, media).rpartition("/")[2]
            data = {"data": media.data, "format": _AUDIO_FORMATS.get(form, form)}
            return {"type": "input_audio", "input_audio": data}
        case "pdf":
            return {"type": "file", "file": {"filename": "document.pdf", "file_data": link(options, media)}}
        case kind:  # image, and where it is taken, video
            return {"type": f"{kind}_url", f"{kind}_url": {"url": link(options, media)}}


def summarise(body: Mapping[str, Any]) -> RequestSummary:
    """Return what a request asks for."""
    return summary(body["messages"], body, _PARAMETERS)


# --- answers ----------------------------------------------------------------------------------------------------------


class Usage(msgspec.Struct, gc=False):
    """The ``usage`` of chat completions."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    prompt_cache_hit_tokens: Count | None = None

    def note(self, tokens: Tokens) -> None:
        """See :class:`bamlvm.sysops.providers.usage.Report`."""
        note(tokens, self.prompt_tokens, self.completion_tokens)
        note_details(tokens, self.prompt_tokens_details, self.completion_tokens_details)
        if self.prompt_cache_hit_tokens is not None:
            tokens.cached_input = self.prompt_cache_hit_tokens


def read(body: str) -> Completion:
    """Read a chat completion; its first choice is the answer."""
    data = decoded(body)
    choices = data.get("choices")
    found = choices if isinstance(choices, list) else []
    first = (each for each in found if isinstance(each, dict) and each.get("index") == 0)
    choice = next(first, found[0] if found else None)
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise unreadable_answer(body)
    if choice.get("error") or choice.get("finish_reason") == "error":  # OpenRouter: the provider behind it failed
        raise provider_error(choice.get("error"))
    said = OpenAIAccumulator()
    said.take_message(fitted(_Delta, message))
    return Completion(
        said.content(),
        said.says_text(),
        text_or_none(choice.get("finish_reason")),
        text_or_none(data.get("model")),
        tokens_of(Usage, data.get("usage")),
        text_or_none(message.get("refusal")),
        said.reasoning(),
        _calls(message.get("tool_calls")),
    )


def _calls(calls: Any) -> ToolCalls:
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return ToolCalls(
        ToolCall(str(each.get("name") or ""), arguments=argument_text(each.get("arguments")))
        for each in functions
        if isinstance(each, dict)
    )


# --- streams ----------------------------------------------------------------------------------------------------------


_TEXTS: Final = ("text", "output_text", None)
"""The types of parts that are text; another part's text is reasoning."""


class _Part(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: Any = None


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _Call(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | list[_Part | str] | _Part | int | float | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    error: Any = None


class _Groq(msgspec.Struct, gc=False):
    usage: Usage | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: Usage | None = None
    error: Any = None
    object: str | None = None
    message: Any = None
    type: Any = None
    code: Any = None
    x_groq: _Groq | None = None


_READER: Final = Reader(_Chunk)


class OpenAIAccumulator(Accumulator):
    """Chat-completion chunks; only the first choice is content.  ``_by_deltas``: deltas have come."""

    __slots__ = ("_by_deltas",)

    def __init__(self) -> None:
        super().__init__()
        self._by_deltas = False

    def add(self, events: Iterable[Event]) -> None:
        read = _READER.read
        for event in events:
            if self._done:
                return
            if event.data.startswith(DONE):
                self._done = True
                return
            chunk = read(event)
            # A gateway's error has the error object's fields at the top of the chunk instead of under "error".
            if chunk.error or chunk.object == "error" or event.event == "error":
                raise provider_error(chunk.error or {"message": chunk.message, "type": chunk.type, "code": chunk.code})
            if chunk.model and self._model is None:
                self._model = chunk.model
            if chunk.choices:
                for place, choice in enumerate(chunk.choices):
                    if not (place if choice.index is None else choice.index):
                        self._take(choice)
            elif chunk.choices is None and chunk.usage is None:
                self._strange = event.data
            if chunk.x_groq is not None and chunk.x_groq.usage is not None:
                chunk.x_groq.usage.note(self.tokens)
            if chunk.usage is not None:
                chunk.usage.note(self.tokens)

    def _take(self, choice: _Choice) -> None:
        if choice.delta is not None:
            self._by_deltas = True
            self.take_message(choice.delta)
        elif choice.message is not None and not self._by_deltas:
            self.take_message(choice.message)
        if choice.finish_reason:
            self._finish_reason = choice.finish_reason
        if choice.error or choice.finish_reason == "error":
            raise provider_error(choice.error)

    def take_message(self, delta: _Delta) -> None:
        """Take a message, or a part of one."""
        content = delta.content
        if isinstance(content, str):
            if content:
                self._content.append(content)
            else:
                self._has_text = True
        elif isinstance(content, (int, float)):  # a text of digits, as a server without types writes it
            self._content.append(msgspec.json.encode(content).decode())
        elif content is not None:
            self._take_parts(content if isinstance(content, list) else [content])
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            self._reasoning.append(thought)
        if delta.refusal:
            self._refusal.append(delta.refusal)
        if delta.tool_calls and self._expects_calls:
            for call in delta.tool_calls:
                function = call.function or _Function()
                self.calls.add(call.index, argument_text(function.arguments), function.name, call.id)

    def _take_parts(self, parts: Sequence[_Part | str]) -> None:
        for part in parts:
            if isinstance(part, str):
                part = _Part(text=part)
            if part.text:
                (self._content if part.type in _TEXTS else self._reasoning).append(part.text)
            elif part.text is not None and part.type in _TEXTS:
                self._has_text = True
            for thought in part.thinking if isinstance(part.thinking, list) else ():
                text = thought.get("text") if isinstance(thought, dict) else None
                if isinstance(text, str):
                    self._reasoning.append(text)


WIRE: Final = WireFormat("openai", build, summarise, read, OpenAIAccumulator, ("openai",))
