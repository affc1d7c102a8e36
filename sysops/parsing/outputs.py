"""A return type's parser.

:func:`output_of` says for every type either how to read it or that it cannot be read yet, before any request is made.
An :class:`Output` is immutable and can be shared between calls.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from bamlvm.sysops.parsing import choices, numbers
from bamlvm.sysops.parsing.choices import Choice, Choices
from bamlvm.sysops.prompts.output_format import variant_aliases
from bamlvm.vm.program import EnumInfo
from bamlvm.vm.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    EnumType,
    LiteralType,
    Type,
    VariantType,
    members,
    render,
)
from bamlvm.vm.values import Thrown

PARTIAL_LIMIT: Final = 1000
"""Scalars are looked for in unfinished text only while it is no longer than this, so that a long one costs nothing."""


class Unparsable(Exception):  # noqa: N818 (the callers make the error of it)
    """The text does not fit; the message says why where more than that is known."""


class Output(ABC):
    """How text becomes a value of one type.  ``expected`` describes it for people."""

    expected: str

    @abstractmethod
    def final(self, content: str) -> Any:
        """The value of a whole answer.  Raises :class:`Unparsable`."""

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


def is_null(content: str) -> bool:
    """Whether a text says *null*."""
    return content.strip(" \t\r\n*_`\"'.").casefold() in ("", "null", "none", "nil", "n/a")


def output_of(type_: Type, enums: Mapping[str, EnumInfo], value_of: Callable[[str, str], Any]) -> Output:
    """The parser of a return type; ``value_of`` gives an enum's value by its name and its variant's.

    Raises :class:`Thrown` (``InvalidArgument``, naming the type) for a type that cannot be parsed yet.
    """
    parts = [part for part in members(type_) if part != NULL]
    if not parts:
        return NullOutput()
    inner = _scalar(parts[0]) if len(parts) == 1 else None
    if inner is None:
        found: list[Choice] = []
        for part in parts:
            found += _choices(part, enums, value_of) or _refuse(type_)
        inner = ChoiceOutput(tuple(found))
    return inner if len(parts) == len(members(type_)) else OptionalOutput(inner)


def _scalar(type_: Type) -> Output | None:
    if type_ == STRING:
        return TextOutput()
    if type_ == INT:
        return IntOutput()
    if type_ == FLOAT:
        return FloatOutput()
    return BoolOutput() if type_ == BOOL else None


def _choices(type_: Type, enums: Mapping[str, EnumInfo], value_of: Callable[[str, str], Any]) -> list[Choice]:
    if isinstance(type_, LiteralType):
        value = type_.value
        return [Choice(value, (value if isinstance(value, str) else json.dumps(value),))]
    if isinstance(type_, (EnumType, VariantType)):
        name = type_.name if isinstance(type_, EnumType) else type_.enum
        wanted = None if isinstance(type_, EnumType) else type_.variant
        return [
            Choice(value_of(name, variant), tuple(dict.fromkeys((alias, variant))))
            for variant, alias in variant_aliases(enums[name]).items()
            if wanted in (None, variant)
        ]
    return []


def _refuse(type_: Type) -> list[Choice]:
    message = (
        f"an LLM function cannot return {render(type_)} yet: "
        "it can return string, int, float, bool, enums, literals, and any of these or null"
    )
    raise Thrown("baml.errors.InvalidArgument", {"message": message})
