"""The description of a wire format, and the functions that the formats share, for requests and whole answers.

A :class:`WireFormat` is one row, made at the end of a format's module (``anthropic.WIRE``) and listed in
:mod:`bamlvm.sysops.providers.registry`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from bamlvm.sysops.prompts.messages import Message
from bamlvm.sysops.providers.accumulator import Accumulator, ToolCalls, decoded_json
from bamlvm.sysops.providers.catalogue import Provider
from bamlvm.sysops.providers.failures import provider_error, unreadable_answer
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.usage import Tokens
from bamlvm.sysops.records import RequestSummary
from bamlvm.sysops.web.sse import DEFAULT_LIMIT, SseParser, UnreadableStreamError
from bamlvm.vm.program.schemas.dialects import dialect_of
from bamlvm.vm.program.schemas.forms import Form, Shape
from bamlvm.vm.program.schemas.writer import InexpressibleError
from bamlvm.vm.values import Media

_EVENTS: Final = re.compile(r"\ufeff?\s*(?:(?:data|event|id|retry):|:)")
"""The beginning of a stream of server-sent events."""

_SOURCES: Final = {"url": "by URL", "base64": "as base64 data"}

_PARAMETERS: Final = {
    name: name for name in ("frequency_penalty", "presence_penalty", "seed", "temperature", "top_k", "top_p")
}


class ProviderRequest(msgspec.Struct, frozen=True):
    """A POST of a JSON body."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]

    def __repr__(self) -> str:  # without what holds keys
        return f"ProviderRequest(body={self.body!r})"


class Completion(msgspec.Struct, frozen=True):
    """A whole answer, read: the text, whether there is any (though it may be empty), and the facts beside it.

    ``reasoning`` is what the provider has apart from the text, ``calls`` are the tool calls beside it.
    """

    content: str
    has_text: bool
    finish_reason: str | None = None
    model: str | None = None
    tokens: Tokens = msgspec.field(default_factory=Tokens)
    refusal: str | None = None
    reasoning: str = ""
    calls: ToolCalls = msgspec.field(default_factory=ToolCalls)

    def take_content(self) -> str:
        """Return the text, to a parser that takes an answer at once."""
        return self.content


@dataclass(frozen=True, slots=True)
class WireFormat:
    """One format of requests and answers.

    - ``build(row, options, messages, stream, form)`` makes the request that sends messages and asks for an answer of a
      form, None for text; it raises :class:`Thrown` (``InvalidArgument``) for an option, a message or a form that the
      provider does not take;
    - ``summarise(body)`` says what a request's body asks for, secrets hidden or not;
    - ``read(body)`` reads a whole answer, and raises :class:`Thrown` (``LlmClient``) for what is not one;
    - ``accumulator()`` makes the accumulator of a streamed answer;
    - ``response_types`` are the values of the option ``client_response_type`` that mean the format's answers.
    """

    name: str
    build: Callable[[Provider, Options, list[Message], bool, Form | None], ProviderRequest]
    summarise: Callable[[Mapping[str, Any]], RequestSummary]
    read: Callable[[str], Completion]
    accumulator: Callable[[], Accumulator]
    response_types: tuple[str, ...]


def decoded(body: str) -> dict[str, Any]:
    """Return the JSON object of a whole answer.

    Raises :class:`Thrown` (``LlmClient``) if it is not one, or reports an error.
    """
    try:
        data = decoded_json(body)
    except msgspec.DecodeError:
        data = None
    except ValueError as fault:
        raise unreadable_answer(body, str(fault)) from None
    if isinstance(data, list) and len(data) == 1:
        data = data[0]  # an error of Google where a list of answers would have come
    if not isinstance(data, dict):
        raise unreadable_answer(body)
    error = data.get("error") or (data if data.get("object") == "error" else None)  # vLLM's are at the top
    if error:
        raise provider_error(error)
    return data


def read_whole(wire: WireFormat, body: str, expects_calls: bool) -> Completion:
    """Read a whole answer, also one that a server has streamed although no stream was asked for.

    ``expects_calls``: tools were offered.  Raises as ``wire.read`` does.
    """
    if not _EVENTS.match(body):
        return wire.read(body)
    parser = SseParser(limit=max(DEFAULT_LIMIT, len(body) * 4), keep_unterminated=True)
    said = wire.accumulator()
    if expects_calls:
        said.expect_calls()
    try:
        events = [*parser.feed(body.encode("utf-8", "replace")), *parser.close()]
    except UnreadableStreamError as error:
        raise unreadable_answer(body, f"is a stream that cannot be read ({error})") from None
    said.add(events)
    if said.is_truncated():
        raise unreadable_answer(body, "is a stream without an end")
    return Completion(
        said.take_content(),
        said.says_text(),
        said.finish_reason(),
        said.model(),
        said.tokens,
        said.refusal() or None,
        said.reasoning(),
        said.calls,
    )


def text_or_none(value: Any) -> str | None:
    """Return ``value`` if it is a non-empty string, else None."""
    return value if isinstance(value, str) and value else None


def document(options: Options, form: Form, shape: Shape, provider: str) -> dict[str, Any]:
    """Return the schema of a shape as a provider is asked by it.

    Raises :class:`Thrown` (``InvalidArgument``) for an ``output_strict`` that it does not take, and where its dialect
    has no words.
    """
    mode, strict = options.output_mode(), options.output_strict()
    dialect = dialect_of(provider, mode, strict)
    if dialect is None:
        taken = f"output_strict {str(strict).lower()} in output_mode {mode}"
        raise options.invalid(f"provider {options.client.provider} does not take {taken}")
    try:
        return form.document(shape, dialect)
    except InexpressibleError as error:
        hint = "; output_strict false sends it without that guarantee" if dialect.is_strict else ""
        raise options.invalid(f"output_mode {mode}: {error}{hint}") from None


def unset(options: Options, body: Mapping[str, Any], *names: str) -> None:
    """Refuse an option that a form sets itself.  Raises :class:`Thrown` (``InvalidArgument``)."""
    for name in names:
        if body.get(name) is not None:
            raise options.invalid(
                f"option {name} cannot be set beside output_mode {options.output_mode()}, which sets it"
            )


def argument_text(arguments: Any) -> str:
    """Return the arguments of a tool call as JSON text; they are text, or an object where a format or a server has
    them so."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()


def check_media(row: Provider, options: Options, media: Media) -> None:
    """Refuse a part that the provider does not take.

    Raises :class:`Thrown` (``InvalidArgument``, naming what it takes).
    """
    taken = row.media.get(media.kind)
    if taken is None:
        raise options.invalid(f"provider {row.name} takes no {media.kind}; it takes {', '.join(row.media)}")
    if media.source not in taken:
        raise options.invalid(
            f"provider {row.name} takes {media.kind} {_SOURCES[taken[0]]} only, not {_SOURCES[media.source]}: "
            "nothing is downloaded on its behalf"
        )
    if media.source == "url" and (wanted := options.downloads(media.kind)):
        if wanted == "send_base64_unless_google_url" and media.data.startswith("gs://"):
            return
        if wanted == "send_url_add_mime_type" and media.mime:
            return
        raise options.invalid(
            f"media_url_handler asks for {media.kind} as {wanted}, but nothing is downloaded here: give base64 data"
        )


def mime_of(options: Options, media: Media) -> str:
    """Return the media type of base64 data.  Raises :class:`Thrown` (``InvalidArgument``) if it is not known."""
    mime = media.mime or ("application/pdf" if media.kind == "pdf" else None)
    if not mime:
        raise options.invalid(f"the prompt has {media.kind} data without a media type: give it a media_type")
    return mime


def link(options: Options, media: Media) -> str:
    """Return the URL of media: its own, or a ``data:`` URL of its data."""
    if media.source == "url":
        return media.data
    return f"data:{mime_of(options, media)};base64,{media.data}"


def sole_text(message: Message) -> str | None:
    """Return the text of a message that is one text without metadata, else None.

    Where a format takes a string as well as a list of parts, it is sent as a string: servers that imitate a provider
    often fail on lists.
    """
    if len(message.parts) != 1:
        return None
    (part,) = message.parts
    return part.content if isinstance(part.content, str) and not part.metadata else None


def only_text(options: Options, message: Message, place: str) -> None:
    """Refuse media in a message that may have text alone.  Raises :class:`Thrown` (``InvalidArgument``)."""
    for part in message.parts:
        if isinstance(part.content, Media):
            provider = options.client.provider
            raise options.invalid(f"provider {provider} takes only text in {place}, not {part.content.kind}")


def summary(
    messages: list[Any],
    parameters: Mapping[str, Any],
    names: Mapping[str, str],
    *,
    content: str = "content",
    system: Any = None,
) -> RequestSummary:
    """Return the summary of a request.

    ``messages`` are as the format has them, with their parts under the key ``content``; ``system`` is its system
    prompt, a string or parts.  ``names`` has the neutral name of each parameter that the format calls otherwise; where
    a format has two for one, the later one in ``names`` counts.
    """
    names = {**_PARAMETERS, **names}
    found = {neutral: parameters[name] for name, neutral in names.items() if parameters.get(name) is not None}
    return RequestSummary(
        [{"role": each.get("role", "user"), "parts": _summarised(each.get(content))} for each in messages],
        _summarised(system) if system else [],
        found,
    )


def _summarised(content: Any) -> list[dict[str, Any]]:
    """Return text parts with their text, and any other part by the format's word for its kind alone."""
    parts = []
    for part in content if isinstance(content, list) else [content]:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            parts.append({"type": "text", "content": text})
        elif isinstance(part, dict):
            parts.append({"type": str(part.get("type", "blob"))})
    return parts
