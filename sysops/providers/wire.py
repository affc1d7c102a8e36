"""What the wire formats share: the shape of a request, of an answer, and of an answer that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from bamlvm.sysops.prompts.messages import Message
from bamlvm.sysops.providers.accumulator import provider_error
from bamlvm.sysops.providers.catalogue import Provider
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.usage import Tokens
from bamlvm.vm.values import Media, Thrown

_EXCERPT: Final = 200
_SOURCES: Final = {"url": "by URL", "base64": "as base64 data"}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST of a JSON body."""

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a whole answer says."""

    content: str
    finish_reason: str | None = None
    model: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    refusal: str | None = None


class Wire(Protocol):
    """A wire format: one module each."""

    def build(self, row: Provider, options: Options, messages: list[Message], stream: bool) -> HttpRequest:
        """The request that sends the messages."""

    def read(self, body: str) -> Answer:
        """What a whole answer's body says."""


def decoded(body: str) -> dict[str, Any]:
    """An answer's JSON object.

    Raises :class:`Thrown` (``LlmClient``) if it is none, or reports an error.
    """
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise unreadable(body)
    error = data.get("error")
    if error:
        raise provider_error(error)
    return data


def unreadable(body: str) -> Thrown:
    """The error of an answer that is not what the provider documents."""
    excerpt = body if len(body) <= _EXCERPT else body[:_EXCERPT] + "…"
    message = f"the provider's answer cannot be read: {excerpt!r}"
    return Thrown("baml.errors.LlmClient", {"message": message, "type": None, "retryable": False})


def text_or_none(value: Any) -> str | None:
    """``value`` if it is a non-empty string."""
    return value if isinstance(value, str) and value else None


def check_media(row: Provider, options: Options, media: Media) -> None:
    """Refuse a part that the provider does not take.

    Raises :class:`Thrown` (``InvalidArgument``, saying what it takes).
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
    """The media type of base64 data.  Raises :class:`Thrown` (``InvalidArgument``) if it is not known."""
    mime = media.mime or ("application/pdf" if media.kind == "pdf" else None)
    if not mime:
        raise options.invalid(f"the prompt has {media.kind} data without a media type: give it a media_type")
    return mime


def link(options: Options, media: Media) -> str:
    """The URL of media: its own, or a ``data:`` URL of its data."""
    if media.source == "url":
        return media.data
    return f"data:{mime_of(options, media)};base64,{media.data}"


def only_text(options: Options, message: Message, what: str) -> None:
    """Refuse media in a message that may have text alone.  Raises :class:`Thrown` (``InvalidArgument``)."""
    for part in message.parts:
        if isinstance(part.content, Media):
            provider = options.client.provider
            raise options.invalid(f"provider {provider} takes only text in {what}, not {part.content.kind}")
