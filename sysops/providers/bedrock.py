"""Amazon Bedrock's ``Converse`` and ``ConverseStream``.

Documents: "Converse", "ConverseStream", "ContentBlock", "TokenUsage" (Amazon Bedrock API reference); "aws-bedrock"
(BAML, LLM client providers).

The model is in the path, the system prompt beside the conversation, and the parameters of inference in a member of
their own.  A stream is one of AWS's binary ones (:mod:`bamlvm.sysops.web.aws_events`): ``contentBlockDelta`` brings
text, reasoning and the input of tools (whose names are in ``contentBlockStart``), ``messageStop`` the stop reason, and
``metadata``, which is the last event, the token counts.  Failures inside a stream arrive as events of the type
``error``.

A request is signed with the credentials of the client (:mod:`bamlvm.sysops.signing_in`), unless it has a Bedrock API
key (``api_key`` or the variable ``AWS_BEARER_TOKEN_BEDROCK``) or a header ``authorization``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import msgspec

from bamlvm.sysops.prompts.messages import Message
from bamlvm.sysops.providers.accumulator import Accumulator, Reader, ToolCall, ToolCalls, fitted
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
    summary,
    unset,
)
from bamlvm.sysops.records import RequestSummary
from bamlvm.sysops.web.framing import AWS_EVENT_STREAM
from bamlvm.sysops.web.sse import Event
from bamlvm.vm.program.schemas.forms import Form
from bamlvm.vm.values import Media

CREDENTIALS: Final = ("access_key_id", "secret_access_key", "session_token")
_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_OWN: Final = ("model", "model_id", "region", "profile", "endpoint_url", "inference_configuration")
_BUILT: Final = ("messages", "stream", "inferenceConfig", "additional_model_request_fields")
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL")
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_REGION: Final = re.compile(r"[A-Za-z0-9_-]+")
_INFERENCE: Final = {
    "max_tokens": "maxTokens",
    "stop_sequences": "stopSequences",
    "temperature": "temperature",
    "top_p": "topP",
}
_PARAMETERS: Final = {"maxTokens": "max_tokens", "stopSequences": "stop_sequences", "topP": "top_p"}
_BLOCKS: Final = {"image": "image", "audio": "audio", "pdf": "document", "video": "video"}
_FORMATS: Final = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a", "3gpp": "three_gp"}
_VIDEO_FORMATS: Final = {"quicktime": "mov", "x-matroska": "mkv", "x-flv": "flv", "x-ms-wmv": "wmv"}
_CACHE_MARKS: Final = frozenset({"cache_control", "cache_point", "cachePoint"})


# --- requests ---------------------------------------------------------------------------------------------------------


def build(
    row: Provider, options: Options, messages: list[Message], stream: bool, form: Form | None = None
) -> ProviderRequest:
    """Return the request that sends the messages, not yet signed."""
    if any(options.written(name) is not None for name in (*CREDENTIALS, "profile")):
        row = replace(row, key_variable=None)  # what a client says itself outweighs the environment
    path = f"/model/{quote(_model(options), safe='')}/{'converse-stream' if stream else 'converse'}"
    url = endpoint(row, options, path, base=_base_url(options))
    accepted = {"accept": AWS_EVENT_STREAM} if stream else {}
    body = _body(row, options, messages)
    if form is not None:
        _ask(options, body, form)
    return ProviderRequest(url, headers(row, options, **accepted), body)


def _ask(options: Options, body: dict[str, Any], form: Form) -> None:
    """Ask for an answer of a form.  The schema of a text is itself text here."""
    strict = options.output_strict()
    if not form.are_tools:
        (shape,) = form.shapes
        config = options.get("outputConfig", dict) or {}
        unset(options, config, "textFormat")
        schema = msgspec.json.encode(document(options, form, shape, "aws-bedrock")).decode()
        described = {"description": shape.description} if shape.description else {}
        structure = {"jsonSchema": {"schema": schema, "name": shape.name, **described}}
        body["outputConfig"] = {**config, "textFormat": {"type": "json_schema", "structure": structure}}
        return
    unset(options, body, "toolConfig")
    specifications = [
        {
            "name": shape.name,
            "description": shape.purpose,
            "inputSchema": {"json": document(options, form, shape, "aws-bedrock")},
            **({"strict": True} if strict else {}),
        }
        for shape in form.shapes
    ]
    choice: dict[str, Any] = {"auto": {}} if form.many else {"any": {}}
    if not form.many and len(form.shapes) == 1:
        choice = {"tool": {"name": form.shapes[0].name}}
    body["toolConfig"] = {"tools": [{"toolSpec": each} for each in specifications], "toolChoice": choice}


def _model(options: Options) -> str:
    model, other = options.get("model", str), options.get("model_id", str)
    if model and other:
        raise options.invalid("only one of model and model_id can be set")
    found = model or other
    if not found:
        raise options.invalid("provider aws-bedrock needs the option model")
    return found


def _base_url(options: Options) -> str | None:
    """Return the address of the service in the client's region, or None if the client has one of its own."""
    if options.get("base_url", str):
        return None
    given = options.get("endpoint_url", str) or next(filter(None, map(options.variable, _ENDPOINTS)), None)
    if given:
        return given
    place = region(options)
    return f"https://bedrock-runtime.{place}.amazonaws.com{'.cn' if place.startswith('cn-') else ''}"


def region(options: Options) -> str:
    """Return the region of a client: its option, else that of the environment, else that of its profile.

    Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) if there is none.
    """
    found = options.get("region", str) or next(filter(None, map(options.variable, _REGIONS)), None)
    found = found or _region_of_profile(options) or options.env.get(_REGIONS[0])
    if not found:
        raise options.invalid("provider aws-bedrock needs the option region, or the variable AWS_REGION")
    if not _REGION.fullmatch(found):  # it becomes part of a host's name
        raise options.invalid(f"option region is not the name of a region: {found!r}")
    return found


def profile(options: Options) -> str | None:
    """Return the profile in AWS's files that a client names, itself or by the environment."""
    return options.get("profile", str) or options.variable("AWS_PROFILE")


def _region_of_profile(options: Options) -> str | None:
    try:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ImportError:  # which is reported when the request is to be signed
        return None
    try:
        found = Session(profile=profile(options)).get_config_variable("region")
    except BotoCoreError as error:
        raise options.invalid(f"its region cannot be found: {error}") from None
    return found if isinstance(found, str) else None


def keys(options: Options) -> tuple[str, str, str | None] | None:
    """Return the access key, the secret key and the session token that a client or the environment sets, or None.

    Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) if a client sets some of them but not enough.
    """
    access, secret, token = (options.get(name, str) for name in CREDENTIALS)
    if access or secret or token:
        if options.get("profile", str):
            raise options.invalid("only one of profile and access_key_id can be set")
        for name, value in (("access_key_id", access), ("secret_access_key", secret)):
            if not value:
                raise options.invalid(f"option {name} is needed beside its other credentials")
        return access or "", secret or "", token
    if options.get("profile", str):
        return None
    access, secret, token = map(options.variable, _KEYS)
    return (access, secret, token) if access and secret else None


def _body(row: Provider, options: Options, messages: list[Message]) -> dict[str, Any]:
    body = options.body(*_BUILT, *_OWN, *CREDENTIALS)
    for name in (*_INFERENCE, *_INFERENCE.values()):
        if name in body:
            raise options.invalid(f"option {name} belongs into inference_configuration {{ … }}")
    inference = options.get("inference_configuration", dict) or options.get("inferenceConfig", dict)
    if inference:
        body["inferenceConfig"] = {_inference_name(options, name): value for name, value in inference.items()}
    fields = options.get("additional_model_request_fields", dict)
    if fields is not None:
        body["additionalModelRequestFields"] = fields
    documents: list[str] = []
    if len(messages) > 1 and messages[0].role == "system":
        only_text(options, messages[0], "the system prompt")
        body["system"] = _content(row, options, messages[0], documents)
        messages = messages[1:]
    body["messages"] = [
        {"role": message.role, "content": _content(row, options, message, documents)} for message in messages
    ]
    return body


def _inference_name(options: Options, name: str) -> str:
    found = _INFERENCE.get(name, name)
    if found not in _INFERENCE.values():
        raise options.invalid(f"option inference_configuration has no {name}; there are {', '.join(_INFERENCE)}")
    return found


def _content(row: Provider, options: Options, message: Message, documents: list[str]) -> list[dict[str, Any]]:
    """Return the blocks of a message; ``documents`` are the names of those so far, which must all be different."""
    blocks: list[dict[str, Any]] = []
    is_cached = False
    for part in message.parts:
        for name in part.metadata:
            if name not in _CACHE_MARKS:
                raise options.invalid(f"a message's {name} cannot be sent: aws-bedrock knows cache_control alone")
            is_cached = True
        content = part.content
        if isinstance(content, str):
            blocks.append({"text": content})
        else:
            check_media(row, options, content)
            blocks.append(_media(options, content, documents))
    return [*blocks, {"cachePoint": {"type": "default"}}] if is_cached else blocks


def _media(options: Options, media: Media, documents: list[str]) -> dict[str, Any]:
    block: dict[str, Any] = {}
    if media.source == "base64":
        source: dict[str, Any] = {"bytes": media.data}
        block["format"] = _format(media, mime_of(options, media))
    else:
        if not media.data.startswith("s3://"):
            message = f"provider aws-bedrock takes {media.kind} as base64 data or by an s3:// URL only"
            raise options.invalid(f"{message}: nothing is downloaded on its behalf")
        source = {"s3Location": {"uri": media.data}}
        block["format"] = _format(media, media.mime or _mime_by_name(options, media))
    if media.kind == "pdf":
        name = f"document-{len(documents) + 1}" if documents else "document"
        documents.append(name)
        block = {"format": "pdf", "name": name}
    return {_BLOCKS[media.kind]: {**block, "source": source}}


def _mime_by_name(options: Options, media: Media) -> str:
    """Return the media type of a URL by the ending of its name."""
    _, dot, ending = media.data.rpartition("/")[2].rpartition(".")
    if not dot:
        return mime_of(options, media)
    return f"{media.kind}/{'jpeg' if ending.lower() == 'jpg' else ending.lower()}"


def _format(media: Media, mime: str) -> str:
    """Return Bedrock's word for a media type."""
    subtype = mime.rpartition("/")[2]
    if media.kind == "video":
        return _VIDEO_FORMATS.get(subtype, "three_gp" if subtype == "3gpp" else subtype)
    return _FORMATS.get(subtype, subtype) if media.kind == "audio" else subtype


def summarise(body: Mapping[str, Any]) -> RequestSummary:
    """Return what a request asks for."""
    config = body.get("inferenceConfig")
    return summary(body["messages"], config if isinstance(config, dict) else {}, _PARAMETERS, system=body.get("system"))


# --- answers ----------------------------------------------------------------------------------------------------------


class Usage(msgspec.Struct, rename="camel", gc=False):
    """The ``usage`` of a conversation."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_write_input_tokens: Count | None = None

    def note(self, tokens: Tokens) -> None:
        """See :class:`bamlvm.sysops.providers.usage.Report`."""
        prompt = self.input_tokens
        if prompt is not None:
            # Whether the cached parts are in it depends on the model, so the total decides.
            cached = (self.cache_read_input_tokens or 0) + (self.cache_write_input_tokens or 0)
            known = self.total_tokens is not None and self.output_tokens is not None
            whole = (self.total_tokens or 0) - (self.output_tokens or 0) if known else prompt + cached
            prompt = whole if prompt <= whole <= prompt + cached else prompt + cached
        note(tokens, prompt, self.output_tokens)
        if self.cache_read_input_tokens is not None:
            tokens.cached_input = self.cache_read_input_tokens
        if self.cache_write_input_tokens is not None:
            tokens.cache_write = self.cache_write_input_tokens


class _ToolUse(msgspec.Struct, rename="camel", gc=False):
    name: str | None = None
    tool_use_id: str | None = None
    input: Any = None


class _Block(msgspec.Struct, rename="camel", gc=False):
    text: str | None = None
    reasoning_content: Any = None
    tool_use: _ToolUse | None = None


class _Message(msgspec.Struct, gc=False):
    content: list[_Block] | None = None


class _Output(msgspec.Struct, gc=False):
    message: _Message | None = None


class _Answer(msgspec.Struct, rename="camel", gc=False):
    output: _Output | None = None
    stop_reason: str | None = None
    usage: Usage | None = None


def read(body: str) -> Completion:
    """Read a whole answer: its text blocks, joined."""
    answer = fitted(_Answer, decoded(body))
    message = answer.output.message if answer.output is not None else None
    if message is None or message.content is None:
        raise unreadable_answer(body)
    texts = [block.text for block in message.content if block.text is not None]
    tokens = Tokens()
    if answer.usage is not None:
        answer.usage.note(tokens)
    thoughts = [_thought(block.reasoning_content) for block in message.content]
    uses = [block.tool_use for block in message.content if block.tool_use is not None]
    calls = ToolCalls(ToolCall(use.name or "", use.tool_use_id or "", argument_text(use.input)) for use in uses)
    content = "".join(texts)
    return Completion(content, bool(texts), answer.stop_reason, None, tokens, reasoning="".join(thoughts), calls=calls)


def _thought(content: Any) -> str:
    """Return the text of a block of reasoning; empty where it is redacted."""
    written = content.get("reasoningText") if isinstance(content, dict) else None
    text = written.get("text") if isinstance(written, dict) else None
    return text if isinstance(text, str) else ""


# --- streams ----------------------------------------------------------------------------------------------------------


class _Thought(msgspec.Struct, gc=False):
    text: str | None = None


class _Delta(msgspec.Struct, rename="camel", gc=False):
    text: str | None = None
    reasoning_content: _Thought | None = None
    tool_use: _ToolUse | None = None


class _Payload(msgspec.Struct, rename="camel", gc=False):
    content_block_index: int | None = None
    start: _Delta | None = None
    delta: _Delta | None = None
    stop_reason: str | None = None
    usage: Usage | None = None
    type: Any = None
    message: Any = None


_READER: Final = Reader(
    _Payload,
    known=(
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ),
)


class BedrockAccumulator(Accumulator):
    """Events of ``ConverseStream``; text blocks are content, joined in order."""

    __slots__ = ("_counted",)

    def __init__(self) -> None:
        super().__init__()
        self._counted = False

    def add(self, events: Iterable[Event]) -> None:
        read = _READER.read
        for event in events:
            if self._done:
                return
            payload = read(event)
            kind = event.event
            if kind == "contentBlockDelta" or kind == "contentBlockStart":
                delta = payload.delta or payload.start
                if delta is not None:
                    self._take(delta, payload.content_block_index)
            elif kind == "messageStop":
                self._finish_reason = payload.stop_reason or self._finish_reason
                self._done = self._counted and self._finish_reason is not None
            elif kind == "metadata":
                self._counted = True
                if payload.usage is not None:
                    payload.usage.note(self.tokens)
                self._done = self._finish_reason is not None
            elif kind == "error":
                raise provider_error({"type": payload.type, "message": payload.message})

    def _take(self, delta: _Delta, index: int | None) -> None:
        if delta.text:
            self._content.append(delta.text)
        elif delta.text is not None:
            self._has_text = True
        if delta.reasoning_content is not None and delta.reasoning_content.text:
            self._reasoning.append(delta.reasoning_content.text)
        if delta.tool_use is not None and self._expects_calls:
            use = delta.tool_use
            self.calls.add(index, argument_text(use.input), use.name, use.tool_use_id)


WIRE: Final = WireFormat("aws-bedrock", build, summarise, read, BedrockAccumulator, ())
