"""The base of the accumulators: the state of one streamed answer, and how foreign JSON is read.

An accumulator takes batches of decoded server-sent events and keeps their sum: text, finish reason, model, tokens.  It
knows the meaning of a provider's events, and nothing of connections, clocks or partial values.  Subclasses interpret
the events (:meth:`Accumulator.add`).

Reading is typed (:class:`Reader`): msgspec structs describe the few fields that matter, and unknown fields cost
nothing.  A field of an unexpected type is treated as absent, never as a failure.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, TypeVar, get_args, get_origin, overload

import msgspec

from bamlvm.sysops.providers.failures import check_answered, too_many_calls, unreadable_event
from bamlvm.sysops.providers.usage import Tokens
from bamlvm.sysops.web.sse import Event

MAX_MARKS: Final = 1 << 21
"""Most commas and brackets of one JSON text.  A value takes up to a hundred bytes for each of them, and a text of
64 MiB can consist of them."""

DONE: Final = ("[DONE]", '"[DONE]"')
"""How the data of OpenAI's last event begins; gateways that write every event as JSON put it in quotes."""

MAX_CALLS: Final = 1 << 12
"""Most tool calls of one answer: each has a parser of its own."""

_NOTHING: Final = ("", "null", "[]")
"""Data that says nothing, of events that keep a connection alive."""

_NO_NUMBER: Final = re.compile(r"\b(NaN|Infinity)\b")
_LONGEST_INTEGER: Final = 400

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
        """Return the text appended since the last take."""
        untaken = self._untaken
        taken = untaken[0] if len(untaken) == 1 else "".join(untaken)
        untaken.clear()
        return taken


class ToolCall:
    """A tool call of an answer: the tool's name, and its arguments, which grow; ``id`` is the provider's."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self, name: str = "", id: str = "", arguments: str = "") -> None:
        self.name = name
        self.id = id
        self.arguments = Content()
        if arguments:
            self.arguments.append(arguments)


class ToolCalls(Sequence[ToolCall]):
    """The tool calls of an answer, in the order in which they began.

    Streams tell them apart by a key (OpenAI: ``index``, Anthropic: the block's); many servers that imitate OpenAI give
    all of them the same one, so a name with a new id, or another name where there is no id, begins a new call as well.
    """

    __slots__ = ("_by_key", "_calls", "_size")

    def __init__(self, calls: Iterable[ToolCall] = ()) -> None:
        self._calls = list(calls)
        if len(self._calls) > MAX_CALLS:
            raise too_many_calls(MAX_CALLS)
        self._size = sum(call.arguments.length + 1 for call in self._calls)
        self._by_key: dict[Any, ToolCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    @overload
    def __getitem__(self, place: int) -> ToolCall: ...
    @overload
    def __getitem__(self, place: slice) -> list[ToolCall]: ...
    def __getitem__(self, place: int | slice) -> ToolCall | list[ToolCall]:
        return self._calls[place]

    def add(self, key: Any, arguments: str | None = None, name: str | None = None, id: str | None = None) -> None:
        """Take a part of the call that ``key`` stands for: the last one if it is None."""
        call = self._by_key.get(key) if key is not None or not self._calls else self._calls[-1]
        if call is None or (name and call.name and (id != call.id if id and call.id else name != call.name)):
            if len(self._calls) >= MAX_CALLS:
                raise too_many_calls(MAX_CALLS)
            call = ToolCall()
            self._calls.append(call)
            self._size += 1
            if key is not None:
                self._by_key[key] = call
        call.name = call.name or name or ""
        call.id = call.id or id or ""
        if arguments:
            call.arguments.append(arguments)
            self._size += len(arguments)

    def has_arguments(self, key: Any) -> bool:
        """Whether the call that ``key`` stands for, the last one if it is None, has any arguments so far."""
        call = self._calls[-1] if key is None and self._calls else self._by_key.get(key)
        return call is not None and call.arguments.length > 0

    def text(self) -> str:
        """Return the arguments of all calls so far, each on a line of its own."""
        return "\n".join(str(call.arguments) for call in self._calls)

    def size(self) -> int:
        """Return a number that grows with each call and with its arguments."""
        return self._size


class Reader(Generic[StructT]):
    """A decoder of events' data to a struct whose fields all have defaults; a field that does not fit has its default.

    ``known`` names the event types beside ``message`` and ``error`` that the provider documents: their data must be a
    JSON object.  An event of any other type whose data is not an object is ignored: it reads as the struct's defaults.
    So is data that is blank, null or an empty list, which keeps connections alive, and OpenAI's ``[DONE]`` in any other
    format, which gateways add.
    """

    __slots__ = ("_decoder", "_known", "_type")

    def __init__(self, type_: type[StructT], known: Iterable[str] = ()) -> None:
        self._type = type_
        self._decoder = msgspec.json.Decoder(type_)
        self._known = frozenset({"message", "error", *known})

    def read(self, event: Event) -> StructT:
        """Return an event's data.  Raises :class:`Thrown` (``LlmClient``) if it is not a JSON object."""
        try:
            return self._decoder.decode(event.data)
        except (msgspec.DecodeError, RecursionError):
            return self._read_loosely(event)

    def _read_loosely(self, event: Event) -> StructT:
        if event.data.strip() in (*_NOTHING, *DONE):
            return self._type()
        try:
            raw = decoded_json(event.data)
        except msgspec.DecodeError:
            raw, fault = None, "is not JSON"
        except ValueError as error:
            raw, fault = None, str(error)
        else:
            if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], dict) and "error" in raw[0]:
                raw = raw[0]  # as Google writes errors where a list of responses was begun
            if isinstance(raw, dict):
                return fitted(self._type, raw)
            fault = "is not a JSON object"
        if event.event in self._known:
            raise unreadable_event(event.data, fault)
        return self._type()


class Accumulator(ABC):
    """One streamed answer.

    Its tool calls are read only where they were asked for (:meth:`expect_calls`); then they are its content, and text
    counts if there is none of them.

    *Done* means that the provider said so (``[DONE]``, ``message_stop``), not that a finish reason came: usage may
    follow that.  ``_has_text`` is set by a text that is empty; any other text is seen by itself.  Text received before
    an event that throws is kept.  ``_strange`` is the last event that has no part of an answer, to be shown if there is
    none.
    """

    __slots__ = (
        "_content",
        "_done",
        "_expects_calls",
        "_finish_reason",
        "_has_text",
        "_model",
        "_reasoning",
        "_refusal",
        "_strange",
        "calls",
        "tokens",
    )

    def __init__(self) -> None:
        self._content = Content()
        self._reasoning = Text()
        self._refusal = Text()
        self._has_text = False
        self._done = False
        self._model: str | None = None
        self._finish_reason: str | None = None
        self._strange = ""
        self.tokens = Tokens()
        self.calls = ToolCalls()
        self._expects_calls = False

    def expect_calls(self) -> None:
        """Read the answer's tool calls."""
        self._expects_calls = True

    @abstractmethod
    def add(self, events: Iterable[Event]) -> None:
        """Take a batch of events, in order; those after the terminal one are ignored.

        Raises :class:`Thrown` (``LlmClient``) for an error that the provider reports and for data that is not JSON.
        """

    def content(self) -> str:
        """Return the answer's text so far: the arguments of its tool calls, if it has any."""
        return self.calls.text() if self.calls else str(self._content)

    def size(self) -> int:
        """Return a number that grows with the answer."""
        return self._content.length + self.calls.size() if self.calls else self._content.length

    def content_length(self) -> int:
        """Return the number of characters of the answer's text so far."""
        return len(self.content()) if self.calls else self._content.length

    def has_text(self) -> bool:
        """Whether the provider sent text, even if it is empty; an answer that lacks tool calls has that as well."""
        return self._expects_calls or self.says_text()

    def says_text(self) -> bool:
        """Whether the provider sent text, even if it is empty."""
        return self._has_text or self._content.length > 0

    def take_content(self) -> str:
        """Return the part of the answer's text, tool calls left out, that has not been taken yet."""
        return self._content.take()

    def reasoning(self) -> str:
        """Return the model's reasoning so far; no part of the content."""
        return str(self._reasoning)

    def refusal(self) -> str:
        """Return what the model said instead of answering, where the provider keeps that apart."""
        return str(self._refusal)

    def is_done(self) -> bool:
        """Whether the provider ended the answer: no event that follows counts."""
        return self._done

    def is_truncated(self) -> bool:
        """Whether an end of input here would cut the answer short: no terminal event and no finish reason came."""
        return not self._done and self._finish_reason is None

    def is_interrupted(self) -> bool:
        """Whether a connection that *breaks* here, rather than ends, would cut the answer short."""
        return self.is_truncated()

    def check_answered(self) -> None:
        """Raise what :func:`bamlvm.sysops.providers.failures.check_answered` raises for this answer."""
        length = self.size()
        check_answered(length, self.has_text(), self.finish_reason(), self.refusal(), self._strange)

    def model(self) -> str | None:
        """Return the model that answered, as the provider names it."""
        return self._model

    def finish_reason(self) -> str | None:
        """Return why the model stopped, in the provider's words."""
        return self._finish_reason

    def input_tokens(self) -> int | None:
        """Return the tokens of the whole prompt, as last reported."""
        return self.tokens.input

    def output_tokens(self) -> int | None:
        """Return the tokens of the whole answer, as last reported."""
        return self.tokens.output


def decoded_json(text: str) -> Any:
    """Return JSON as servers write it: it may begin with a byte order mark, and have NaN, infinities and what is larger
    than any number, which are None here.

    Raises :class:`ValueError` for anything else, and for more than :data:`MAX_MARKS`.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_MARKS and sum(map(text.count, ",[{")) > MAX_MARKS:
        raise ValueError(f"has more than {MAX_MARKS} commas and brackets")
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise ValueError("is nested too deep") from None
    except msgspec.ValidationError:  # a number out of range
        pass
    except msgspec.DecodeError:
        if not _NO_NUMBER.search(text):
            raise
    try:
        found = json.loads(text, parse_constant=lambda name: None, parse_float=_finite, parse_int=_integer)
        msgspec.json.encode(found)  # refuses halves of characters
    except RecursionError:
        raise ValueError("is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("has half of a character") from None
    return found


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else None


def tokens_of(report: type[msgspec.Struct], usage: Any) -> Tokens:
    """Return the tokens in a whole answer's ``usage``, read as a provider's ``report``; an invalid count is absent."""
    tokens = Tokens()
    if isinstance(usage, dict):
        read: Any = fitted(report, usage)
        read.note(tokens)
    return tokens


def fitted(type_: type[StructT], raw: dict[str, Any]) -> StructT:
    """Return a struct of those parts of ``raw`` that fit: struct by struct, item by item."""
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError:
        pass
    found: dict[str, Any] = {}
    for field in _fields(type_):
        if field.encode_name in raw:
            value = _fit_value(field.type, raw[field.encode_name])
            if value is not msgspec.NODEFAULT:
                found[field.name] = value
    return type_(**found)


@functools.cache
def _fields(type_: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(type_)  # evaluates the annotations each time


def _fit_value(type_: Any, raw: Any) -> Any:
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError:
        pass
    if isinstance(raw, float) and raw.is_integer():  # a count, as a server without integers writes it
        with contextlib.suppress(msgspec.ValidationError):
            return msgspec.convert(int(raw), type_)
    for part in (type_, *get_args(type_)):
        if isinstance(raw, dict) and isinstance(part, type) and issubclass(part, msgspec.Struct):
            return fitted(part, raw)
        arguments = get_args(part)
        if isinstance(raw, list) and arguments and get_origin(part) is list:
            items = (_fit_value(arguments[0], item) for item in raw)
            return [item for item in items if item is not msgspec.NODEFAULT]
    return msgspec.NODEFAULT
