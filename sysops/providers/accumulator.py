"""What every provider's accumulator shares: the state of one answer, and how foreign JSON is read.

An accumulator takes batches of decoded server-sent events and keeps what they amount to.  It knows what a provider's
events mean and nothing of connections, clocks or partial values.  Subclasses say what one event's data does
(:meth:`Accumulator.add`).

Reading is typed (:class:`Reader`): msgspec structs describe the few fields that matter, and unknown fields cost
nothing.  A field of an unexpected type is treated as absent, never as a failure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final, Generic, TypeVar, get_args

import msgspec

from bamlvm.sysops.providers.usage import Tokens
from bamlvm.sysops.web.sse import Event
from bamlvm.vm.values import Thrown

_EXCERPT: Final = 200

StructT = TypeVar("StructT", bound=msgspec.Struct)


class Text:
    """Text that grows by pieces and is read now and then: pieces are joined when it is read, once each.

    ``length`` counts its characters.
    """

    __slots__ = ("_pieces", "_text", "length")

    def __init__(self) -> None:
        self._text = ""
        self._pieces: list[str] = []
        self.length = 0

    def append(self, piece: str) -> None:
        self._pieces.append(piece)
        self.length += len(piece)

    def __str__(self) -> str:
        if self._pieces:
            self._text += "".join(self._pieces)
            self._pieces.clear()
        return self._text


class Content(Text):
    """Text that can also be taken piece by piece, without ever being joined."""

    __slots__ = ("_untaken",)

    def __init__(self) -> None:
        super().__init__()
        self._untaken: list[str] = []

    def append(self, piece: str) -> None:
        super().append(piece)
        self._untaken.append(piece)

    def take(self) -> str:
        """What was appended since the last take."""
        untaken = self._untaken
        taken = untaken[0] if len(untaken) == 1 else "".join(untaken)
        untaken.clear()
        return taken


class Reader(Generic[StructT]):
    """Decodes an event's data to a struct whose fields all have defaults; what does not fit becomes the default.

    ``known`` names the event types beside ``message`` and ``error`` that the provider documents: their data must be a
    JSON object.  An event of any other type that is not one means nothing, and reads as the struct's defaults.
    """

    __slots__ = ("_decoder", "_known", "_type")

    def __init__(self, type_: type[StructT], known: Iterable[str] = ()) -> None:
        self._type = type_
        self._decoder = msgspec.json.Decoder(type_)
        self._known = frozenset({"message", "error", *known})

    def read(self, event: Event) -> StructT:
        """Raises :class:`Thrown` (``LlmClient``, with an excerpt) if the data is not a JSON object."""
        try:
            return self._decoder.decode(event.data)
        except (msgspec.DecodeError, RecursionError):
            return self._read_loosely(event)

    def _read_loosely(self, event: Event) -> StructT:
        try:
            raw = msgspec.json.decode(event.data)
        except (msgspec.DecodeError, RecursionError):
            raw, fault = None, "is not JSON"
        else:
            if isinstance(raw, dict):
                return fitted(self._type, raw)
            fault = "is not a JSON object"
        if event.event in self._known:
            raise _unreadable(event.data, fault)
        return self._type()


class Accumulator(ABC):
    """One streamed answer.

    *Done* means that the provider said so (``[DONE]``, ``message_stop``), not that a finish reason came: usage may
    follow that.  Text received before an event that throws is kept.
    """

    __slots__ = (
        "_content",
        "_done",
        "_finish_reason",
        "_model",
        "_reasoning",
        "_refusal",
        "tokens",
    )

    def __init__(self) -> None:
        self._content = Content()
        self._reasoning = Text()
        self._refusal = Text()
        self._done = False
        self._model: str | None = None
        self._finish_reason: str | None = None
        self.tokens = Tokens()

    @abstractmethod
    def add(self, events: Iterable[Event]) -> None:
        """Take a batch of events, in order; those after the terminal one mean nothing.

        Raises :class:`Thrown` (``LlmClient``) for an error the provider reports and for data that is not JSON.
        """

    def content(self) -> str:
        """The answer's text so far."""
        return str(self._content)

    def content_length(self) -> int:
        """How many characters the answer's text has so far."""
        return self._content.length

    def take_content(self) -> str:
        """The part of the answer's text that this has not given yet."""
        return self._content.take()

    def reasoning(self) -> str:
        """The model's reasoning so far; no part of the content."""
        return str(self._reasoning)

    def refusal(self) -> str:
        """What the model said instead of answering, where the provider keeps that apart."""
        return str(self._refusal)

    def is_done(self) -> bool:
        """Whether the provider ended the answer: nothing further is to be read."""
        return self._done

    def truncated(self) -> bool:
        """Whether an end of input here would cut the answer short: no terminal event and no finish reason came."""
        return not self._done and self._finish_reason is None

    def interrupted(self) -> bool:
        """Whether a connection that *breaks* here, rather than ends, would cut the answer short."""
        return self.truncated()

    def check_answered(self) -> None:
        """Raises as the function of this name does."""
        check_answered(self.content_length() > 0, self.finish_reason(), self.refusal())

    def model(self) -> str | None:
        """The model that answered, as the provider names it."""
        return self._model

    def finish_reason(self) -> str | None:
        """Why the model stopped, in the provider's words."""
        return self._finish_reason

    def input_tokens(self) -> int | None:
        """Tokens of the whole prompt, as last reported."""
        return self.tokens.input

    def output_tokens(self) -> int | None:
        """Tokens of the whole answer, as last reported."""
        return self.tokens.output


_WITHHELD: Final = frozenset(
    {
        "content_filter",  # OpenAI's both formats
        "refusal",  # Anthropic
        "safety",  # from here on Google: FinishReason and BlockReason
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "image_safety",
        "other",
    }
)
"""Finish reasons that say, in lower case, why there is no answer where there is none."""


def check_answered(answered: bool, finish_reason: str | None, refusal: str | None) -> None:
    """Tell an answer that was refused or withheld from an empty one.

    Raises :class:`Thrown` (``LlmClient``) if the provider did not answer with any content and says why.
    """
    if answered:
        return
    if refusal:
        raise _no_answer("refusal", f"the model refused: {refusal}")
    if finish_reason is not None and finish_reason.casefold() in _WITHHELD:
        raise _no_answer(finish_reason, f"the provider withheld the answer: {finish_reason}")


def _no_answer(kind: str, message: str) -> Thrown:
    return Thrown("baml.errors.LlmClient", {"message": message, "type": kind, "retryable": False})


def provider_error(error: Any, default: str = "the provider reported an error") -> Thrown:
    """The ``LlmClient`` for a provider's error object (or bare message).

    ``type`` is its type, else its status or code; it is retryable if it is marked as overloaded or rate-limited, by
    name or by the HTTP status that it carries.
    """
    fields = error if isinstance(error, dict) else {"message": error}
    marks = [fields.get(name) for name in ("type", "status", "code")]
    names = [str(mark) for mark in marks if isinstance(mark, (str, int)) and not isinstance(mark, bool) and mark != ""]
    message = fields.get("message")
    if not isinstance(message, str) or not message:
        message = default
    kind = names[0] if names else None
    return Thrown(
        "baml.errors.LlmClient",
        {
            "message": f"{kind}: {message}" if kind else message,
            "type": kind,
            "retryable": any(map(_is_passing, names)),
        },
    )


def tokens_of(report: type[msgspec.Struct], usage: Any) -> Tokens:
    """The tokens in a whole answer's ``usage``, as a provider's ``report`` reads it; a count that is none is absent."""
    tokens = Tokens()
    if isinstance(usage, dict):
        read: Any = fitted(report, usage)
        read.note(tokens)
    return tokens


def _is_passing(mark: str) -> bool:
    """Whether an error's type, code or status says *overloaded* or *rate-limited*, or is a status worth a retry."""
    if mark.isascii() and mark.isdigit():
        return mark in ("408", "409", "425", "429") or (len(mark) == 3 and mark.startswith("5"))
    word = mark.lower()
    return (
        "overloaded" in word
        or "rate_limit" in word
        or word in ("too_many_requests", "resource_exhausted", "unavailable")
    )


def _unreadable(text: str, what: str) -> Thrown:
    excerpt = text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
    fields = {"message": f"an event of the stream {what}: {excerpt!r}", "type": None, "retryable": False}
    return Thrown("baml.errors.LlmClient", fields)


def fitted(type_: type[StructT], raw: dict[str, Any]) -> StructT:
    """A struct from what fits of ``raw``: struct by struct, item by item."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(type_):
        if field.encode_name in raw:
            value = _fit_value(field.type, raw[field.encode_name])
            if value is not msgspec.NODEFAULT:
                found[field.name] = value
    return type_(**found)


def _fit_value(type_: Any, raw: Any) -> Any:
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError:
        pass
    for part in (type_, *get_args(type_)):
        if isinstance(raw, dict) and isinstance(part, type) and issubclass(part, msgspec.Struct):
            return fitted(part, raw)
        arguments = get_args(part)
        if isinstance(raw, list) and arguments and issubclass(getattr(part, "__origin__", object), list):
            items = (_fit_value(arguments[0], item) for item in raw)
            return [item for item in items if item is not msgspec.NODEFAULT]
    return msgspec.NODEFAULT
