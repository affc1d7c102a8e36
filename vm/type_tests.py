"""Whether a value is of a type: the ``is`` operator, type patterns and the checks at the host's border.

The test is structural for lists, maps, unions and literals, and by name for classes and enums; the items of a list and
the entries of a map are all looked at.  A recursive alias stands for its definition.  A value that contains itself is
of a type if no part of it contradicts that.  Depth costs memory, never a stack.

A function value is of every function type: its parameters' types are not known at run time.  A type variable is never
tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, TypeAlias

from bamlvm.vm.program.types import (
    FUTURE,
    MEDIA,
    UNKNOWN,
    AliasType,
    ClassType,
    EnumType,
    FunctionType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    UnionType,
    VariantType,
    walk,
)
from bamlvm.vm.values import Closure, EnumValue, Future, Handle, Instance, Media, TypeValue
from bamlvm.vm.work import PIECE, Lengthy, Work, due, finish

Tester: TypeAlias = Callable[[Any], bool]

_TAGS: Final[Mapping[type, str]] = {
    int: "int",
    str: "string",
    bool: "bool",
    float: "float",
    type(None): "null",
    list: "list",
    dict: "map",
    Closure: "function",
    TypeValue: "type",
    Handle: "handle",
    Future: FUTURE,
}

_PYTHON_TYPES: Final[Mapping[str, type]] = {
    "int": int,
    "float": float,
    "string": str,
    "bool": bool,
    "null": type(None),
    "handle": Handle,
    "type": TypeValue,
}


def type_tag(value: Any) -> str:
    """Return a value's type in one word.

    ``int float string bool null list map function type handle``, the kind of a medium, or the qualified name of a class
    or enum.
    """
    tag = _TAGS.get(type(value))
    if tag is not None:
        return tag
    if type(value) is Instance:
        return value.class_name
    if type(value) is EnumValue:
        return value.enum
    if type(value) is Media:
        return value.kind
    raise TypeError(f"{type(value).__name__} is not a BAML value")


def is_type(value: Any, type_: Type, aliases: Mapping[str, Type]) -> bool:
    """Whether ``value`` is of ``type_``; ``aliases`` are the program's recursive aliases by name."""
    return tester(type_, aliases)(value)


def tester(type_: Type, aliases: Mapping[str, Type]) -> Tester:
    """Return :func:`is_type` for one type, made once."""
    if _is_recursive(type_):
        return lambda value: _Walk(aliases).conforms(value, type_)
    return _finite(type_)


def paced_tester(type_: Type, aliases: Mapping[str, Type]) -> Tester:
    """Return :func:`tester` for the machine: it raises :class:`~bamlvm.vm.work.Lengthy` for a large value."""
    plain = tester(type_, aliases)
    if not is_deep(type_):
        return plain
    flat = not any(is_deep(part) for part in _parts(type_))
    item_test = _finite(type_.item) if flat and isinstance(type_, ListType) else None

    def test(value: Any) -> bool:
        if type(value) not in _CONTAINERS or (flat and len(value) <= _FEW and not due(len(value) << 2)):
            return plain(value)
        work = _Walk(aliases).answer(value, type_)
        try:
            next(work)
        except StopIteration as end:
            return bool(end.value)
        raise Lengthy(work)

    if item_test is None:
        return test
    return lambda value: all(map(item_test, value)) if type(value) is list and len(value) <= _FEW else test(value)


def is_deep(type_: Type) -> bool:
    """Whether a test of the type looks at the parts of a value."""
    return any(isinstance(part, ListType | MapType | AliasType) for part in walk(type_))


def _parts(type_: Type) -> tuple[Type, ...]:
    """Return the types of the parts of a container's type; of any other itself."""
    match type_:
        case ListType(item):
            return (item,)
        case MapType(key, item):
            return key, item
        case _:
            return (type_,)


def _is_recursive(type_: Type) -> bool:
    return any(isinstance(part, AliasType) for part in walk(type_))


def _finite(type_: Type) -> Tester:
    """Return the test for a type without aliases, which looks into a value no deeper than the type is."""
    match type_:
        case Primitive("unknown"):
            return lambda value: True
        case Primitive("never"):
            return lambda value: False
        case Primitive(name) if name in MEDIA:
            return lambda value: type(value) is Media and value.kind == name
        case Primitive(name):
            python_type = _PYTHON_TYPES[name]
            return lambda value: type(value) is python_type
        case LiteralType(literal):
            literal_type = type(literal)
            return lambda value: type(value) is literal_type and value == literal
        case ClassType(name) if name == FUTURE:
            return lambda value: type(value) is Future
        case ClassType(name):
            return lambda value: type(value) is Instance and value.cls.name == name
        case EnumType(name):
            return lambda value: type(value) is EnumValue and value.enum == name
        case VariantType(enum, variant):
            return lambda value: type(value) is EnumValue and value.variant == variant and value.enum == enum
        case FunctionType():
            return lambda value: type(value) is Closure
        case ListType(item):
            item_test = _finite(item)
            return lambda value: type(value) is list and all(map(item_test, value))
        case MapType(key, item):
            key_test, value_test = _finite(key), _finite(item)
            return lambda value: (
                type(value) is dict and all(map(key_test, value)) and all(map(value_test, value.values()))
            )
        case UnionType(parts) if all(isinstance(part, ClassType) and part.name != FUTURE for part in parts):
            names = frozenset(part.name for part in parts if isinstance(part, ClassType))
            return lambda value: type(value) is Instance and value.cls.name in names
        case UnionType(parts):
            tests = tuple(map(_finite, parts))
            return lambda value: any(test(value) for test in tests)
        case _:
            raise TypeError(f"no value is tested against {type_}")


_CONTAINERS: Final = frozenset({list, dict})

_FEW: Final = 64
"""Items that are looked at at once: more is lengthy."""

_QUESTIONS: Final = 512
"""Questions that are answered in one piece."""

_Question: TypeAlias = tuple[Any, Type]

_PIECE_DONE: Final[_Question] = None, UNKNOWN
"""No question: a piece of the items is looked at."""


class _Walk:
    """One test of one value.  Questions about its parts are answered by a loop, not by recursion.

    ``_assumed`` are the questions being answered: one that comes up again means a cycle, and counts as yes.  ``_yes``
    are those with that answer; since it may rest on an assumption that fails later, a no clears them (``_rested`` says
    whether any assumption was used).
    """

    def __init__(self, aliases: Mapping[str, Type]) -> None:
        self._aliases = aliases
        self._assumed: set[tuple[int, Type]] = set()
        self._yes: set[tuple[int, Type]] = set()
        self._rested = False
        self._finite: dict[Type, Tester | None] = {}

    def conforms(self, value: Any, type_: Type) -> bool:
        return finish(self.answer(value, type_))

    def answer(self, value: Any, type_: Type) -> Work[bool]:
        """Return whether a value is of a type."""
        first = self._steps(value, type_)
        if isinstance(first, bool):
            return first
        key = (id(value), type_)
        self._assumed.add(key)
        running = [(key, first)]
        answer: bool | None = None
        left = _FEW
        while running:
            left -= 1
            if left < 0:
                left = _QUESTIONS
                yield None
            key, steps = running[-1]
            try:
                question = next(steps) if answer is None else steps.send(answer)
            except StopIteration as stop:
                running.pop()
                self._assumed.discard(key)
                answer = bool(stop.value)
                if answer:
                    self._yes.add(key)
                elif self._rested:
                    self._yes.clear()
                continue
            if question is _PIECE_DONE:
                left -= PIECE // 16
                answer = True
                continue
            answer = self._known(question)
            if answer is None:
                asked = self._steps(*question)
                if isinstance(asked, bool):
                    answer = asked
                else:
                    key = (id(question[0]), question[1])
                    self._assumed.add(key)
                    running.append((key, asked))
        assert answer is not None
        return answer

    def _known(self, question: _Question) -> bool | None:
        key = (id(question[0]), question[1])
        if key in self._assumed:
            self._rested = True
            return True
        return True if key in self._yes else None

    def _steps(self, value: Any, type_: Type) -> Any:
        """Return the answer, or a generator that yields questions about parts, takes their answers, and returns it."""
        if type_ not in self._finite:
            self._finite[type_] = None if is_deep(type_) else _finite(type_)
        test = self._finite[type_]
        if test is not None:
            return test(value)
        match type_:
            case ListType(item):
                if type(value) is not list:
                    return False
                if not is_deep(item):
                    return self._pieces(iter(value), _finite(item))
                return not value or self._all((each, item) for each in value)
            case MapType(key, item):
                if type(value) is not dict:
                    return False
                if not is_deep(key) and not is_deep(item):
                    key_test, value_test = _finite(key), _finite(item)
                    return self._pieces(iter(value.items()), lambda entry: key_test(entry[0]) and value_test(entry[1]))
                return not value or self._all(pair for k, v in value.items() for pair in ((k, key), (v, item)))
            case UnionType(parts):
                return self._any((value, part) for part in parts)
            case AliasType(name):
                return self._any(iter([(value, self._aliases[name])]))
            case _:
                return _finite(type_)(value)  # its parts say nothing about values

    @staticmethod
    def _pieces(items: Iterator[Any], test: Tester) -> Any:
        """Test items that have no parts to be looked at; yield after each piece."""
        while piece := list(islice(items, PIECE)):
            if not all(map(test, piece)):
                return False
            if len(piece) == PIECE:
                yield _PIECE_DONE
        return True

    @staticmethod
    def _all(questions: Iterator[_Question]) -> Any:
        for question in questions:
            if not (yield question):
                return False
        return True

    @staticmethod
    def _any(questions: Iterator[_Question]) -> Any:
        for question in questions:
            if (yield question):
                return True
        return False
