"""Enums and literals: finding one of a few names in a text.

The first of these that finds anything decides, and it must find one choice only:

1. the text, without what surrounds it (quotes, brackets, markdown, punctuation), is one of the names;
2. the same with letter case folded;
3. the same with everything but letters and digits left out, accents folded;
4. a name stands in the text as whole words; a name inside a longer name that matched does not count;
5. the same with letter case folded.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Final

from bamlvm.sysops.prompts.output_format import variant_aliases
from bamlvm.sysops.scope import Schema
from bamlvm.vm.program.types import EnumType, LiteralType, Type, VariantType

_WRAPPING: Final = " \t\r\n*_`~\"'\u201c\u201d\u2018\u2019()[]{}<>.,;:!?|#"


class NotOne(Exception):  # noqa: N818 (not an error: callers turn it into one)
    """A text with none of the names, or with several."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value and what it may be called."""

    value: Any
    names: tuple[str, ...]


@dataclass(slots=True)
class Choices:
    """A fixed set of choices."""

    choices: tuple[Choice, ...]
    _exact: dict[str, list[int]] = field(default_factory=dict)
    _folded: dict[str, list[int]] = field(default_factory=dict)
    _bare: dict[str, list[int]] = field(default_factory=dict)
    _words: tuple[tuple[re.Pattern[str], bool], ...] = ()

    def __post_init__(self) -> None:
        for place, choice in enumerate(self.choices):
            for name in choice.names:
                for table, key in ((self._exact, name), (self._folded, name.casefold()), (self._bare, bare(name))):
                    places = table.setdefault(key, [])
                    if place not in places:
                        places.append(place)
        self._words = tuple(
            (re.compile("|".join(map(_bounded, sorted(names, key=len, reverse=True)))), folded)
            for table, folded in ((self._exact, False), (self._folded, True))
            if (names := [name for name in table if name.strip()])
        )

    def find(self, text: str) -> Any:
        """The value of the choice in a text.  Raises :class:`NotOne`, saying why."""
        return self.look_up(text)[0]

    def look_up(self, text: str) -> tuple[Any, bool]:
        """The value of the choice in a text, and whether the text is nothing more than its name.

        Raises :class:`NotOne`, saying why.
        """
        stripped = text.strip()
        unwrapped = text.strip(_WRAPPING)
        for table, key in (
            (self._exact, stripped),
            (self._exact, unwrapped),
            (self._folded, unwrapped.casefold()),
            (self._bare, bare(unwrapped)),
        ):
            places = table.get(key)
            if places and key:
                return self._only(places), True
        for pattern, folded in self._words:
            table = self._folded if folded else self._exact
            found: dict[int, None] = {}
            for match in pattern.finditer(text.casefold() if folded else text):
                found.update(dict.fromkeys(table[match[0]]))
            if found:
                return self._only(list(found)), False
        raise NotOne("")

    def _only(self, places: list[int]) -> Any:
        if len(places) > 1:
            names = ", ".join(self.choices[place].names[0] for place in sorted(places))
            raise NotOne(f"ambiguous: {names}")
        return self.choices[places[0]].value


def _bounded(name: str) -> str:
    """A pattern for a name as whole words.  Scripts that do not space their words have no such bounds."""
    before = r"(?<![A-Za-z0-9_])" if name[0].isascii() else ""
    after = r"(?![A-Za-z0-9_])" if name[-1].isascii() else ""
    if name[0].isascii() and not (name[0].isalnum() or name[0] == "_"):
        before = ""
    if name[-1].isascii() and not (name[-1].isalnum() or name[-1] == "_"):
        after = ""
    return before + re.escape(name) + after


def bare(text: str) -> str:
    """A name without case, accents and everything but letters and digits."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())


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
