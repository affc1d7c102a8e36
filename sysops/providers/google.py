"""Google's ``generateContent`` and ``streamGenerateContent``.

Vertex AI has the same format at other addresses (:mod:`bamlvm.sysops.providers.vertex`).

Documents: "Generating content" and "GenerateContentResponse" (Gemini API reference); "File input methods", by which a
``fileUri`` may be any URL that Google can fetch.

The model is in the path, and the system prompt beside the conversation.

Every event of a stream (``alt=sse``) is a whole response with the next parts of the candidate; a whole answer is read
as a stream of one event.  There is no terminal event: the answer ends with the connection, and a finish reason, which
some models put on every chunk, says that it was not cut short only if the connection ended as it should.
``usageMetadata`` is cumulative.

A function call comes whole, with ``args``.  On Vertex AI the option ``streamFunctionCallArguments`` of
``toolConfig { functionCallingConfig { … } }`` has its arguments come in ``partialArgs``, leaf by leaf
(:mod:`bamlvm.sysops.providers.partial_arguments`): the first part names the function, those that follow do not, and all
but the last say ``willContinue``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.accumulator import Accumulator, Reader
from bamlvm.sysops.providers.catalogue import Provider, endpoint, headers
from bamlvm.sysops.providers.failures import provider_error, unreadable_answer, unreadable_event
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.partial_arguments import PartialArguments, steps_of
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
    summary,
    unset,
)
from bamlvm.sysops.records import RequestSummary
from bamlvm.sysops.web.sse import Event
from bamlvm.vm.program.schemas.forms import Form

_BUILT: Final = ("contents", "model", "stream")
_SCHEMA_OPTIONS: Final = (
    "responseMimeType",
    "response_mime_type",
    "responseSchema",
    "response_schema",
    "responseJsonSchema",
    "response_json_schema",
)
_CALLING: Final = ("functionCallingConfig", "function_calling_config")
_STREAMED_ARGUMENTS: Final = ("streamFunctionCallArguments", "stream_function_call_arguments")
_COLLECTIONS: Final = ("models/", "tunedModels/")
_PARAMETERS: Final = {  # Google takes both spellings
    "frequencyPenalty": "frequency_penalty",
    "max_output_tokens": "max_tokens",
    "maxOutputTokens": "max_tokens",
    "presencePenalty": "presence_penalty",
    "stop_sequences": "stop_sequences",
    "stopSequences": "stop_sequences",
    "topK": "top_k",
    "topP": "top_p",
}


# --- requests ---------------------------------------------------------------------------------------------------------


def build(
    row: Provider, options: Options, messages: list[Message], stream: bool, form: Form | None = None
) -> ProviderRequest:
    """Return the request that sends the messages; a first message of the system becomes the system instruction."""
    name = required_model(row, options)
    name = name if name.startswith(_COLLECTIONS) else f"models/{name}"
    path, query = method(name, stream)
    body = content(row, options, messages, stream, form)
    return ProviderRequest(endpoint(row, options, path, query), headers(row, options), body)


def required_model(row: Provider, options: Options) -> str:
    """Return the option ``model``.  Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) without one."""
    model = options.model()
    if not model:
        raise options.invalid(f"provider {row.name} needs the option model")
    return model


def method(name: str, stream: bool) -> tuple[str, str]:
    """Return the path and the query of the method that generates content with a model."""
    return f"/{quote(name)}:{'streamGenerateContent' if stream else 'generateContent'}", "alt=sse" if stream else ""


def content(
    row: Provider, options: Options, messages: list[Message], stream: bool, form: Form | None, *without: str
) -> dict[str, Any]:
    """Return the body that sends the messages and asks for an answer of the form, with the client's options but those
    of ``without``."""
    body = options.body(*_BUILT, *without)
    if len(messages) > 1 and messages[0].role == "system":
        only_text(options, messages[0], "the system prompt")
        body.pop("system_instruction", None)
        body["systemInstruction"] = {"parts": [_part(row, options, part) for part in messages[0].parts]}
        messages = messages[1:]
    body["contents"] = [
        {"role": message.role, "parts": [_part(row, options, part) for part in message.parts]} for message in messages
    ]
    if form is not None:
        _ask(row, options, body, stream, form)
    return body


def _ask(row: Provider, options: Options, body: dict[str, Any], stream: bool, form: Form) -> None:
    """Ask for an answer of a form."""
    if not form.are_tools:
        name = "generation_config" if "generation_config" in body else "generationConfig"
        config = options.get(name, dict) or {}
        unset(options, config, *_SCHEMA_OPTIONS)
        schema = document(options, form, form.shapes[0], row.name)
        body[name] = {**config, "responseMimeType": "application/json", "responseJsonSchema": schema}
        return
    unset(options, body, "tools")
    functions = [
        {
            "name": shape.name,
            "description": shape.purpose,
            "parametersJsonSchema": document(options, form, shape, row.name),
        }
        for shape in form.shapes
    ]
    body["tools"] = [{"functionDeclarations": functions}]
    name = "tool_config" if "tool_config" in body else "toolConfig"
    config = dict(options.get(name, dict) or {})
    own = {key: value for each in _CALLING for key, value in (config.pop(each, None) or {}).items()}
    if not stream:  # a whole answer is refused with it
        own = {key: value for key, value in own.items() if key not in _STREAMED_ARGUMENTS}
    names = [shape.name for shape in form.shapes]
    calling = {"mode": "AUTO"} if form.many else {"mode": "ANY", "allowedFunctionNames": names}
    body[name] = {**config, "functionCallingConfig": own if "mode" in own else {**calling, **own}}


def _part(row: Provider, options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"text": content, **part.metadata}
    check_media(row, options, content)
    if content.source == "base64":
        return {"inlineData": {"mimeType": mime_of(options, content), "data": content.data}, **part.metadata}
    mime = content.mime or ("application/pdf" if content.kind == "pdf" else None)
    return {"fileData": {**({"mimeType": mime} if mime else {}), "fileUri": content.data}, **part.metadata}


def summarise(body: Mapping[str, Any]) -> RequestSummary:
    """Return what a request asks for."""
    config, system = body.get("generationConfig"), body.get("systemInstruction")
    return summary(
        body["contents"],
        config if isinstance(config, dict) else {},
        _PARAMETERS,
        content="parts",
        system=system.get("parts") if isinstance(system, dict) else system,
    )


# --- answers ----------------------------------------------------------------------------------------------------------


class Usage(msgspec.Struct, rename="camel", gc=False):
    """The ``usageMetadata`` of generated content."""

    prompt_token_count: Count | None = None
    candidates_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None

    def note(self, tokens: Tokens) -> None:
        """See :class:`bamlvm.sysops.providers.usage.Report`."""
        prompt, answer = self.prompt_token_count, self.candidates_token_count
        if prompt is not None:
            prompt += self.tool_use_prompt_token_count or 0
        if answer is not None or self.thoughts_token_count is not None:
            answer = (answer or 0) + (self.thoughts_token_count or 0)
        note(tokens, prompt, answer)
        if self.cached_content_token_count is not None:
            tokens.cached_input = self.cached_content_token_count
        if self.thoughts_token_count is not None:
            tokens.reasoning = self.thoughts_token_count


def read(body: str) -> Completion:
    """Read a response; its first candidate is the answer."""
    data = decoded(body)
    if not isinstance(data.get("candidates"), list) and not isinstance(data.get("promptFeedback"), dict):
        raise unreadable_answer(body)
    answer = GoogleAccumulator()
    answer.expect_calls()
    answer.add([Event("message", body, "")])
    return Completion(
        answer.take_content(),
        answer.says_text(),
        answer.finish_reason(),
        answer.model(),
        answer.tokens,
        reasoning=answer.reasoning(),
        calls=answer.calls,
    )


# --- streams ----------------------------------------------------------------------------------------------------------


class _PartialArg(msgspec.Struct, rename="camel", gc=False):
    json_path: str = "$"
    null_value: Any = msgspec.UNSET
    number_value: Any = msgspec.UNSET
    string_value: str | msgspec.UnsetType = msgspec.UNSET
    bool_value: Any = msgspec.UNSET
    will_continue: bool | None = None

    def value(self) -> Any:
        """Return the value that is set, of the kind that it is; UNSET if none is."""
        if self.null_value is not msgspec.UNSET:
            return None
        found = (self.string_value, self.number_value, self.bool_value)
        return next((each for each in found if each is not msgspec.UNSET), msgspec.UNSET)


class _FunctionCall(msgspec.Struct, rename="camel", gc=False):
    id: str | None = None
    name: str | None = None
    args: dict[str, Any] | None = None
    partial_args: list[_PartialArg] | None = None
    will_continue: bool | None = None


class _Part(msgspec.Struct, rename="camel", gc=False):
    text: str | None = None
    thought: bool | None = None
    function_call: _FunctionCall | None = None


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel", gc=False):
    index: int | None = None
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, rename="camel", gc=False):
    block_reason: str | None = None


class _Payload(msgspec.Struct, rename="camel", gc=False):
    candidates: list[_Candidate] | None = None
    usage_metadata: Usage | None = None
    prompt_feedback: _Feedback | None = None
    model_version: str | None = None
    error: Any = None


_READER: Final = Reader(_Payload)


class GoogleAccumulator(Accumulator):
    """``GenerateContentResponse`` chunks; only the first candidate is content.

    ``_arguments`` has what each call has so far, ``_places`` their places by id, and ``_continues`` whether the last
    one is said to go on.
    """

    __slots__ = ("_arguments", "_continues", "_places")

    def __init__(self) -> None:
        super().__init__()
        self._arguments: list[PartialArguments] = []
        self._places: dict[str, int] = {}
        self._continues = False

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            payload = _READER.read(event)
            if payload.error or event.event == "error":
                raise provider_error(payload.error)
            self._model = self._model or payload.model_version
            for place, candidate in enumerate(payload.candidates or ()):
                if not (place if candidate.index is None else candidate.index):
                    try:
                        self._take(candidate)
                    except ValueError as fault:
                        raise unreadable_event(event.data, str(fault)) from None
            if payload.prompt_feedback is not None and payload.prompt_feedback.block_reason:
                self._finish_reason = payload.prompt_feedback.block_reason
            if payload.usage_metadata is not None:
                payload.usage_metadata.note(self.tokens)

    def is_interrupted(self) -> bool:
        return True

    def _take(self, candidate: _Candidate) -> None:
        parts = candidate.content.parts if candidate.content is not None else None
        for part in parts or ():
            if part.text:
                (self._reasoning if part.thought else self._content).append(part.text)
            elif part.text is not None and not part.thought:
                self._has_text = True
            if part.function_call is not None and self._expects_calls:
                self._take_call(part.function_call)
        self._finish_reason = candidate.finish_reason or self._finish_reason

    def _take_call(self, call: _FunctionCall) -> None:
        """Take a whole call, or a part of one."""
        place = self._place(call)
        is_new = place == len(self._arguments)
        if is_new:
            self._arguments.append(PartialArguments())
        self._continues = bool(call.will_continue)
        if is_new and not call.partial_args and not self._continues:  # it comes whole, as nearly all do
            self.calls.add(place, argument_text(call.args), call.name, call.id)
            return
        arguments = self._arguments[place]
        pieces = [arguments.write([name], value) for name, value in (call.args or {}).items()]
        pieces += [
            arguments.write(steps_of(each.json_path), each.value(), bool(each.will_continue))
            for each in call.partial_args or ()
        ]
        if not self._continues:
            pieces.append(arguments.close())
        self.calls.add(place, "".join(pieces), call.name, call.id)

    def _place(self, call: _FunctionCall) -> int:
        """Return the place of the call that this is a part of, that of a new one if it is the first part.

        A part without a name goes on with the call of its ``id``, else with the last one, and so does one that repeats
        the name of a call that is to be continued.
        """
        calls, new = self.calls, len(self.calls)
        place = self._places.get(call.id, new) if call.id else new - 1
        if not 0 <= place < new or (call.name and not (self._continues and call.name == calls[place].name)):
            place = new
            if call.id:
                self._places[call.id] = new
        return place


WIRE: Final = WireFormat("google-ai", build, summarise, read, GoogleAccumulator, ("google",))
