"""What the wire formats share: the shape of a request, of an answer, and of an answer that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from bamlvm.sysops.accumulators.base import provider_error
from bamlvm.sysops.accumulators.usage import Tokens
from bamlvm.sysops.prompts.messages import Message
from bamlvm.sysops.requests.options import Options
from bamlvm.sysops.requests.providers import Provider
from bamlvm.vm.values import Media, Thrown

_EXCERPT: Final = 200


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST of a JSON body.  ``timeouts`` are in milliseconds, by their name in ``baml.http.Timeouts``."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]
    timeouts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a whole answer says."""

    content: str
    finish_reason: str | None = None
    model: str | None = None
    tokens: Tokens = field(default_factory=Tokens)


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


def unsupported_media(options: Options, media: Media, why: str = "") -> Thrown:
    """The error of a media part that the provider does not take."""
    return options.invalid(f"provider {options.client.provider} takes no {media.kind}{f' {why}' if why else ''}")
