"""Plausible answers from a function's return type, as a model might write them.

A value is chosen by its type and, inside a class, by the name of its field: ``email`` is an address, ``price`` an
amount.  The choice depends only on the seed, the function and the prompt, so the same call gets the same answer.
Names of fields and variants are those that models see (``@alias``).
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any, Final

from bamlvm.errors import HostError, ThrownError
from bamlvm.runtime import Runtime
from bamlvm.tools.mock.script import Answer, Rule, Script
from bamlvm.tools.mock.wire import Question
from bamlvm.vm.program.declarations import attribute_text
from bamlvm.vm.program.types import (
    AliasType,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    UnionType,
    VariantType,
)

_TRIES: Final = 30
_PIECE_LENGTH: Final = 12  # characters of JSON in an event
_MOST_OBJECTS: Final = 20_000
_DEEPEST: Final = 4  # levels of classes and lists, before optional values are null and lists empty
_PRESENT: Final = 0.85  # the probability of an optional value

_FIRST: Final = ("Ada", "Grace", "Alan", "Katherine", "Linus", "Margaret", "Donald", "Barbara")
_LAST: Final = ("Lovelace", "Hopper", "Turing", "Johnson", "Hamilton", "Knuth", "Liskov", "Ritchie")
_WORDS: Final = ("blue", "quiet", "river", "early", "bright", "garden", "simple", "open", "market", "letter", "window")
_SENTENCES: Final = (
    "The result is ready for review.",
    "Everything arrived on time and in good order.",
    "Two points still need an answer.",
    "The main idea is simple and well supported.",
    "Please see the details below.",
    "It works as described, with one exception.",
)
_TEXTS: Final[dict[str, Callable[[random.Random], str]]] = {
    r"e_?mail": lambda r: f"{r.choice(_FIRST).lower()}@example.com",
    r"phone|mobile|fax": lambda r: f"+1 555 01{r.randrange(100):02}",
    r"url|uri|link|website|homepage": lambda r: f"https://example.com/{r.choice(_WORDS)}",
    r"first_?name|given_?name": lambda r: r.choice(_FIRST),
    r"last_?name|surname|family_?name": lambda r: r.choice(_LAST),
    r"company|organi[sz]ation|employer|vendor|supplier": lambda r: f"{r.choice(_LAST)} & Co.",
    r"(user|author|customer|person|full|contact|candidate|patient).*name": lambda r: _person(r),
    r"^(name|author|customer|person|candidate|sender|assignee)$": lambda r: _person(r),
    r"city|town": lambda r: r.choice(("Oslo", "Lisbon", "Kyoto", "Toronto", "Nairobi")),
    r"country": lambda r: r.choice(("Norway", "Portugal", "Japan", "Canada", "Kenya")),
    r"street|address": lambda r: f"{r.randrange(1, 99)} {r.choice(_LAST)} Street",
    r"zip|postal|postcode": lambda r: f"{r.randrange(10000, 99999)}",
    r"date_?time|timestamp|_at$": lambda r: f"2024-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}T09:30:00Z",
    r"date|birthday|day$|deadline": lambda r: f"2024-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}",
    r"time": lambda r: f"{r.randrange(8, 18):02}:{r.choice((0, 15, 30, 45)):02}",
    r"year": lambda r: str(r.randrange(1990, 2025)),
    r"currency": lambda r: r.choice(("EUR", "USD", "NOK")),
    r"lang": lambda r: r.choice(("en", "de", "ja")),
    r"colou?r": lambda r: r.choice(("blue", "green", "red")),
    r"(^|_)(id|key|sku|code|number|no)$": lambda r: f"{r.choice('ABCDEFGH')}-{r.randrange(100, 1000)}",
    r"title|subject|headline|label|topic|name": lambda r: f"{r.choice(_WORDS)} {r.choice(_WORDS)}".capitalize(),
    r"skill|tag|keyword|categor|kind|type|role": lambda r: r.choice(_WORDS),
}
_NUMBERS: Final[dict[str, tuple[float, float]]] = {
    r"age": (18, 80),
    r"year": (1990, 2024),
    r"month": (1, 12),
    r"day": (1, 28),
    r"hour": (0, 23),
    r"minute|second": (0, 59),
    r"percent": (0, 100),
    r"score|confidence|probability|ratio|share|weight": (0, 1),
    r"rating|stars|priority|level": (1, 5),
    r"price|cost|amount|total|sum|salary|fee|tax|balance": (5, 500),
    r"lat": (-90, 90),
    r"lon|lng": (-180, 180),
    r"temperature": (-5, 30),
}


def _person(chance: random.Random) -> str:
    return f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"


class PlausibleAnswers:
    """Chooses the answers of a :class:`bamlvm.mock.MockTransport` for every function of a program.

    :attr:`runtime`, whose transport that is, is set when it has been made.  ``delay_ms`` is the pause before each piece
    of a stream.
    """

    def __init__(self, seed: int = 0, delay_ms: float = 15) -> None:
        self.script = Script()
        self.runtime: Runtime | None = None
        self._seed = seed
        self._delay_ms = delay_ms

    def choose(self, question: Question, named: bool = False) -> tuple[Rule | None, Answer]:
        """See :class:`bamlvm.tools.mock.planning.Chooser`."""
        if named or self.runtime is None or not question.function:
            return None, Answer()
        text = plausible_answer(self.runtime, question.function, question.prompt, self._seed)
        return None, Answer(
            text=text,
            piece_length=_PIECE_LENGTH if text.startswith(("{", "[")) else None,
            delay_ms=self._delay_ms if question.stream else 0,
        )


def plausible_answer(runtime: Runtime, function: str, prompt: str, seed: int) -> str:
    """Return the text of an answer for a function of the program.

    An answer that the function would refuse, because an ``@assert`` does not hold, is replaced by another one; the last
    of thirty is returned as it is.
    """
    text = ""
    for number in range(_TRIES):
        chance = random.Random(f"{seed}\n{number}\n{function}\n{prompt}")
        text = _Writer(runtime, chance).answer(runtime.signature(function).result)
        try:
            runtime.parse(function, text)
        except ThrownError:
            continue
        break
    return text


class _Writer:
    """Writes one answer.  Raises :class:`bamlvm.HostError` for one that would be too large."""

    def __init__(self, runtime: Runtime, chance: random.Random) -> None:
        self._program = runtime.engine.program
        self._chance = chance
        self._objects = 0

    def answer(self, type_: Type) -> str:
        value = self.value(type_, "", 0)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)

    def value(self, type_: Type, name: str, depth: int) -> Any:
        """Return a value of the type for a field of this name ("" for none), as JSON has it."""
        chance = self._chance
        match type_:
            case Primitive("null"):
                return None
            case Primitive("bool"):
                return chance.random() < 0.7
            case Primitive("int"):
                return int(self._number(name, 1, 9))
            case Primitive("float"):
                return round(self._number(name, 1, 100), 2)
            case LiteralType(value):
                return value
            case ListType(item):
                return [self.value(item, _singular(name), depth + 1) for _ in range(self._length(depth))]
            case MapType(key, item):
                keys = [self.value(key, "tag", depth + 1) for _ in range(self._length(depth))]
                return {str(each): self.value(item, name, depth + 1) for each in keys}
            case UnionType(members):
                return self.value(self._member(members, depth), name, depth)
            case ClassType(class_name, _) if class_name in self._program.classes:
                return self._object(class_name, depth)
            case EnumType(enum):
                return self._variant(enum, None)
            case VariantType(enum, variant):
                return self._variant(enum, variant)
            case AliasType(alias) if alias in self._program.aliases:
                return self.value(self._program.aliases[alias], name, depth + 1)
            case _:
                return self._text(name)

    def _object(self, name: str, depth: int) -> dict[str, Any]:
        self._objects += 1
        if self._objects > _MOST_OBJECTS:
            raise HostError(f"an answer made up for the return type would have more than {_MOST_OBJECTS} objects")
        return {
            attribute_text(field.attributes, "alias") or field.name: self.value(field.type, field.name, depth + 1)
            for field in self._program.classes[name].fields
        }

    def _variant(self, enum: str, variant: str | None) -> str:
        variants = self._program.enums[enum].variants
        chosen = next((each for each in variants if each.name == variant), None) or self._chance.choice(variants)
        return attribute_text(chosen.attributes, "alias") or chosen.name

    def _member(self, members: tuple[Type, ...], depth: int) -> Type:
        """Choose a member of a union.  Deep inside it is one that ends there, so that a recursive type does end."""
        null = Primitive("null")
        if null in members and (depth >= _DEEPEST or self._chance.random() > _PRESENT):
            return null
        others = [each for each in members if each != null] or [null]
        if depth >= _DEEPEST:
            others = [each for each in others if not isinstance(each, ClassType | AliasType)] or others
        return self._chance.choice(others)

    def _length(self, depth: int) -> int:
        return 0 if depth >= _DEEPEST else self._chance.randrange(1, 4)

    def _number(self, name: str, low: float, high: float) -> float:
        snake = _snake(name)
        found = next((limits for pattern, limits in _NUMBERS.items() if re.search(pattern, snake)), (low, high))
        return self._chance.uniform(*found)

    def _text(self, name: str) -> str:
        snake = _snake(name)
        for pattern, write in _TEXTS.items():
            if re.search(pattern, snake):
                return write(self._chance)
        return self._chance.choice(_SENTENCES)


def _singular(name: str) -> str:
    return name.removesuffix("s")


def _snake(name: str) -> str:
    """Return a name in snake case, so that `firstName` and `first_name` are one."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
