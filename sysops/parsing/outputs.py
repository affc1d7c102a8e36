"""A return type's parser: the types without parts here, the others in :mod:`bamlvm.sysops.parsing.structured`.

:func:`output_of` says for every type either how to read it or that no answer can be read as it, before any request is
made.  An :class:`Output` is immutable and can be shared between calls.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from bamlvm.sysops.parsing import choices, numbers
from bamlvm.sysops.parsing.choices import Choice, Choices
from bamlvm.sysops.parsing.plans import is_null
from bamlvm.sysops.parsing.results import Failure
from bamlvm.sysops.prompts.output_format import variant_aliases
from bamlvm.sysops.scope import Schema
from bamlvm.vm.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    AliasType,
    EnumType,
    LiteralType,
    Type,
    VariantType,
    bare,
    members,
)

PARTIAL_LIMIT: Final = 1000
"""Scalars are looked for in unfinished text only while it is no longer than this, so that a long one costs nothing."""


class Unparsable(Exception):  # noqa: N818 (the callers make the error of it)
    """The text does not fit; the message says why where more than that is known, ``failure`` where in a structure."""

    def __init__(self, message: str = "", failure: Failure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class StreamParser(ABC):
    """The text of one answer on its way to a value.  ``output`` is what made it."""

    output: Output

    @abstractmethod
    def feed(self, text: str) -> Any:
        """Take the text that follows: the value that all of it gives so far, or None if nothing new is to be seen."""

    @abstractmethod
    def text(self) -> str:
        """All the text so far."""

    def finish(self) -> Any:
        """The value of the whole text.  Raises :class:`Unparsable`."""
        return self.output.final(self.text())

    def close(self) -> None:
        """A parser holds nothing that must be closed."""
        return


class Output(ABC):
    """How text becomes a value of one type.  ``expected`` describes it for people."""

    expected: str

    @abstractmethod
    def final(self, content: str) -> Any:
        """The value of a whole answer.  Raises :class:`Unparsable`."""

    def stream(self) -> StreamParser:
        """A parser of one answer."""
        return ScalarStream(self)

    def partial(self, content: str) -> Any:
        """The value of an unfinished answer, or None: by default what the finished words in it give."""
        if len(content) > PARTIAL_LIMIT:
            return None
        words = content.rsplit(None, 1)
        finished = content if content[-1:].isspace() else words[0] if len(words) == 2 else ""
        if not finished.strip():
            return None
        try:
            return self.final(finished)
        except Unparsable:
            return None


class ScalarStream(StreamParser):
    """An answer whose partial values are looked for in all of its text."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._text = ""
        self._shown: Any = None

    def feed(self, text: str) -> Any:
        self._text += text
        partial = self.output.partial(self._text)
        if partial is None or (partial == self._shown and type(partial) is type(self._shown)):
            return None
        self._shown = partial
        return partial

    def text(self) -> str:
        return self._text


class TextOutput(Output):
    """``string``: the text as it is."""

    expected = "a string"

    def final(self, content: str) -> Any:
        return content

    def partial(self, content: str) -> Any:
        return content


class IntOutput(Output):
    """``int``."""

    expected = "an int"

    def final(self, content: str) -> Any:
        try:
            return numbers.whole_number_in(content)
        except numbers.NotOne as error:
            raise Unparsable(str(error)) from None


class FloatOutput(Output):
    """``float``."""

    expected = "a float"

    def final(self, content: str) -> Any:
        try:
            return float(numbers.number_in(content))
        except numbers.NotOne as error:
            raise Unparsable(str(error)) from None
        except OverflowError:
            raise Unparsable("too large") from None


class ChoiceOutput(Output):
    """Enums, literals and unions of them."""

    def __init__(self, found: tuple[Choice, ...]) -> None:
        self._choices = Choices(found)
        names = [json.dumps(choice.names[0], ensure_ascii=False) for choice in found]
        self.expected = names[0] if len(names) == 1 else f"one of {', '.join(names)}"

    def final(self, content: str) -> Any:
        try:
            return self._choices.find(content)
        except choices.NotOne as error:
            raise Unparsable(str(error)) from None


class BoolOutput(Output):
    """``bool``: true or false; yes or no as the first word."""

    expected = "a bool"
    _WORDS: Final = Choices((Choice(True, ("true",)), Choice(False, ("false",))))
    _ANSWERS: Final[Mapping[str, bool]] = {"yes": True, "no": False}

    def final(self, content: str) -> Any:
        try:
            return self._WORDS.find(content)
        except choices.NotOne as error:
            first = re.match(r"\W*([^\W\d_]+)", content)
            answer = self._ANSWERS.get(first[1].casefold()) if first and not str(error) else None
            if answer is None:
                raise Unparsable(str(error)) from None
            return answer


class NullOutput(Output):
    """``null``: the word, or nothing."""

    expected = "null"

    def final(self, content: str) -> Any:
        if is_null(content):
            return None
        raise Unparsable


class OptionalOutput(Output):
    """``T?``."""

    def __init__(self, inner: Output) -> None:
        self._inner = inner
        self._is_text = isinstance(inner, TextOutput)
        self.expected = f"{inner.expected} or null"

    def final(self, content: str) -> Any:
        if content.strip() == "null" if self._is_text else is_null(content):
            return None
        return self._inner.final(content)

    def partial(self, content: str) -> Any:
        if self._is_text and len(content) < 16 and "null".startswith(content.strip()):
            return None
        return self._inner.partial(content)


def output_of(type_: Type, schema: Schema) -> Output:
    """The parser of a return type.

    Raises :class:`Thrown` (``InvalidArgument``, naming the type) for a type that no answer can be read as.
    """
    scalar = scalar_output(bare(type_), schema)
    if scalar is not None:
        return scalar
    from bamlvm.sysops.parsing.structured import StructuredOutput

    return StructuredOutput(type_, schema)


def scalar_output(type_: Type, schema: Schema) -> Output | None:
    """The parser of a type without parts; None for one that has parts, or that mixes kinds of scalars."""
    parts = flat_members(type_, schema)
    kept = [part for part in parts if part != NULL]
    if not kept:
        return NullOutput()
    inner = _scalar(kept[0]) if len(kept) == 1 else None
    if inner is None:
        found: list[Choice] = []
        for part in kept:
            named = choices_of(part, schema)
            if not named:
                return None
            found += named
        inner = ChoiceOutput(tuple(found))
    return inner if len(kept) == len(parts) else OptionalOutput(inner)


def flat_members(type_: Type, schema: Schema) -> list[Type]:
    """A type's alternatives, those behind aliases among them."""
    found: dict[Type, None] = {}
    seen: set[str] = set()
    waiting = [type_]
    while waiting:
        for member in members(waiting.pop()):
            if isinstance(member, AliasType):
                if member.name not in seen:
                    seen.add(member.name)
                    waiting.append(schema.aliases[member.name])
            else:
                found[member] = None
    return list(found)


def _scalar(type_: Type) -> Output | None:
    if type_ == STRING:
        return TextOutput()
    if type_ == INT:
        return IntOutput()
    if type_ == FLOAT:
        return FloatOutput()
    return BoolOutput() if type_ == BOOL else None


def choices_of(type_: Type, schema: Schema) -> list[Choice]:
    """What a literal, an enum or a variant may be called, alias first; none for any other type."""
    if isinstance(type_, LiteralType):
        value = type_.value
        return [Choice(value, (value if isinstance(value, str) else json.dumps(value),))]
    if isinstance(type_, (EnumType, VariantType)):
        name = type_.name if isinstance(type_, EnumType) else type_.enum
        wanted = None if isinstance(type_, EnumType) else type_.variant
        return [
            Choice(schema.enum_value(name, variant), tuple(dict.fromkeys((alias, variant))))
            for variant, alias in variant_aliases(schema.enums[name]).items()
            if wanted in (None, variant)
        ]
    return []
