"""A return type's parser: the types without parts here, the others in :mod:`bamlvm.sysops.parsing.structured`.

:func:`output_of` says for every type either how to read it or that no answer can be read as it, before any request is
made.  An :class:`Output` is immutable and can be shared between calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from bamlvm.sysops.parsing import choices, numbers
from bamlvm.sysops.parsing.choices import Choice, Choices, choices_of
from bamlvm.sysops.parsing.output import Output, Unparsable
from bamlvm.sysops.parsing.scalars import is_null
from bamlvm.sysops.scope import Schema
from bamlvm.vm.program.types import BOOL, FLOAT, INT, NULL, STRING, AliasType, Type, members


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
