"""Values as text, for people.

:func:`show` is ``baml.unstable.string``: scalars as literals, lists on one line, a class or a map over lines, four
spaces deeper each, on the scheme of::

    Person {
        name: "Alice"
        tags: ["a", "b"]
        scores: {
            "math": 95
        }
    }

:func:`display` is ``to_string``, the parts of a template string and ``join``: a string is itself, an enum value its
name, anything else is on one line.  A value inside itself is ``<cycle>``, one nested too deeply ``<…>``.

:func:`glimpse` is what fits of a value, or of what else a machine works with, into so many characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import msgspec

from bamlvm.vm.values import MISSING, Caught, Cell, Closure, EnumValue, Future, Handle, Instance, Media, TypeValue
from bamlvm.vm.work import TEXT_PIECE, Lengthy, Work, check_length, whole

_BRIEF: Final = 40
_DEEPEST: Final = 500
_GLIMPSED: Final = 4
"""Levels of containers that a glimpse shows."""


def float_text(number: float) -> str:
    """Return a float's shortest digits, with a fraction and no exponent (``1.0``); or ``inf``, ``-inf``, ``NaN``."""
    if number != number:
        return "NaN"
    text = repr(number)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    sign = "-" if number < 0 else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits, point = whole + fraction, len(whole) + int(exponent)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits.ljust(point, '0')}.0"  # an exponent this great leaves no digit behind the point


def json_float_text(number: float) -> str:
    """Return a finite float as the official runtime writes it in JSON: ``0.00001``, ``1e-7``, ``1.5e+16``."""
    text = repr(number)
    mantissa, _, exponent = text.partition("e-0")
    if not exponent:
        return text
    return float_text(number) if exponent == "5" else f"{mantissa}e-{exponent}"


def string_literal(text: str) -> str:
    """Return a string in double quotes, as it could be written in a program."""
    return msgspec.json.encode(text).decode() if text.isprintable() else _escaped(text)


_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


def _escaped(text: str) -> str:
    parts = (_ESCAPES.get(c) or (c if c.isprintable() else f"\\u{{{ord(c):X}}}") for c in text)
    return f'"{"".join(parts)}"'


def scalar_text(value: Any) -> str:
    """Return the literal of a value that is not a list, map or instance."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return float_text(value)
        case str():
            return string_literal(value)
        case EnumValue():
            return f"{_local_name(value.enum)}.{value.variant}"
        case Closure():
            return f"<function {value.function.name}>"
        case Media():
            return f"<{value.kind} {value.mime or value.source}>"
        case TypeValue():
            return f"<type {value.type}>"
        case Handle():
            return f"<{value.kind}>"
        case Future():
            return f"<future {value.number}>"
        case _:
            raise TypeError(f"{type(value).__name__} is not a BAML value")


def _local_name(qualified: str) -> str:
    return qualified.rpartition(".")[2]


_CONTAINERS: Final = frozenset({list, dict, Instance})

_LITERAL_PIECE: Final = 1 << 11
"""Characters of a text in one piece, where each may become an escape."""

_Entry: TypeAlias = tuple[str, Any, Any, int]


def show(value: Any) -> str:
    """Return ``baml.unstable.string`` of a value: see the head comment."""
    return whole(show_at_once, value)


def show_at_once(value: Any) -> str:
    """Return :func:`show` of a value.  Raises :class:`~bamlvm.vm.work.Lengthy` for a large one."""
    return _written(value, wide=True)


def display(value: Any) -> str:
    """Return ``to_string`` of a value: see the head comment."""
    return whole(display_at_once, value)


def display_at_once(value: Any) -> str:
    """Return :func:`display` of a value.  Raises :class:`~bamlvm.vm.work.Lengthy` for a large one."""
    if type(value) is str:
        return value
    if type(value) is EnumValue:
        return value.variant
    return _written(value, wide=False)


def displayed(value: Any) -> Work[str]:
    """Return ``to_string`` of a list, map or instance."""
    return _Writer(wide=False).run(value)


def _written(value: Any, wide: bool) -> str:
    if type(value) not in _CONTAINERS and not (type(value) is str and len(value) > _LITERAL_PIECE):
        return scalar_text(value)
    work = _Writer(wide).run(value)
    try:
        next(work)
    except StopIteration as end:
        return str(end.value)
    raise Lengthy(work)


def brief(value: Any) -> str:
    """Return a scalar's literal, or a container's type, cut to forty characters; for messages."""
    if type(value) is str:
        value = value[:_BRIEF]
    text = scalar_text(value) if type(value) not in _CONTAINERS else type(value).__name__
    return text if len(text) <= _BRIEF else text[: _BRIEF - 1] + "…"


def glimpse(value: Any, longest: int) -> str:
    """Return the beginning of a value on one line, at most ``longest`` characters; takes as long as these."""
    parts: list[str] = []
    left = longest
    for piece in _glimpses(value, longest, _GLIMPSED):
        if len(piece) > left:
            return f"{''.join(parts)}{piece}"[: longest - 1] + "…"
        parts.append(piece)
        left -= len(piece)
    return "".join(parts)


def _glimpses(value: Any, longest: int, levels: int) -> Iterator[str]:
    kind = type(value)
    if kind is str:
        yield string_literal(value if len(value) <= longest else value[:longest] + "…")
    elif kind is Cell:
        yield from _glimpses(value.value, longest, levels)
    elif kind is Caught:
        yield "caught "
        yield from _glimpses(value.value, longest, levels)
    elif value is MISSING:
        yield "<left out>"
    elif kind not in _CONTAINERS:
        try:
            yield scalar_text(value)
        except TypeError:  # what the machine waits for
            yield f"<{kind.__name__}>"
    else:
        begin, end = ("[", "]") if kind is list else ("{", "}")
        if kind is Instance:
            begin = f"{_local_name(value.class_name)} {begin}"
            entries: Iterator[tuple[str, Any]] = zip(value.cls.field_names, value.fields, strict=True)
        elif kind is dict:
            entries = ((string_literal(key[:longest]), each) for key, each in value.items())
        else:
            entries = (("", each) for each in value)
        if not levels:
            yield f"{begin}…{end}"
            return
        yield begin
        between = " " if kind is Instance else ""
        for key, each in entries:
            yield f"{between}{key}: " if key else between
            yield from _glimpses(each, longest, levels - 1)
            between = ", "
        yield f" {end}" if kind is Instance else end


class _Writer:
    """Containers that are open are a stack: each its identity, what is left of it, and its end.

    What is left of a container yields a text to write first, the key that follows it (None if there is none), the
    value, and how deep that lies.
    """

    def __init__(self, wide: bool) -> None:
        self._wide = wide
        self._parts: list[str] = []

    def run(self, value: Any) -> Work[str]:
        made = ""
        left = 200
        size = 0
        parts = self._parts
        open_: dict[int, tuple[Iterator[_Entry], str]] = {}
        before, key, item, depth = "", None, value, 0
        while True:
            left -= 1
            if left < 0 or size > TEXT_PIECE:
                left, size = 512, 0
                piece = "".join(parts)
                parts.clear()
                check_length(made, piece)
                made += piece
                yield made
            parts.append(before)
            for text in (item,) if key is None else (key, item):
                if type(text) is str and len(text) > _LITERAL_PIECE:
                    for piece in _long_literal(text):
                        parts.append(piece)
                        piece = "".join(parts)
                        parts.clear()
                        check_length(made, piece)
                        made += piece
                        yield made
                elif type(text) not in _CONTAINERS:
                    is_name = type(text) is EnumValue and not self._wide
                    parts.append(text.variant if is_name else scalar_text(text))
                    size += len(parts[-1])
                if text is key and key is not None:
                    parts.append(": ")
                    key = None
            if type(item) in _CONTAINERS:
                if id(item) in open_ or len(open_) >= _DEEPEST:
                    parts.append("<cycle>" if id(item) in open_ else "<…>")
                else:
                    open_[id(item)] = self._opened(item, depth)
            while open_:
                identity, (rest, end) = open_.popitem()
                following = next(rest, None)
                if following is not None:
                    before, key, item, depth = following
                    open_[identity] = rest, end
                    break
                parts.append(end)
            else:
                piece = "".join(parts)
                check_length(made, piece)
                made += piece
                return made

    def _opened(self, item: Any, depth: int) -> tuple[Iterator[_Entry], str]:
        """Write how a container begins; return what is left of it, and its end."""
        if type(item) is list:
            self._parts.append("[")
            return (((", " if place else ""), None, each, depth) for place, each in enumerate(item)), "]"
        entries: Iterable[tuple[Any, Any]]
        if type(item) is dict:
            count, entries = len(item), item.items()
        else:
            self._parts.append(_local_name(item.class_name) + " ")
            count, entries = len(item.fields), zip(item.cls.field_names, item.fields, strict=True)
        if not count:
            return iter(()), "{}"
        self._parts.append("{")
        if self._wide:
            first = other = "\n" + "    " * (depth + 1)
            end, deeper = "\n" + "    " * depth + "}", depth + 1
        else:
            first, other, deeper = (" " if type(item) is Instance else ""), ", ", 0
            end = first + "}"
        if type(item) is Instance:
            named = enumerate(entries)
            return ((f"{other if place else first}{name}: ", None, each, deeper) for place, (name, each) in named), end
        return ((other if place else first, key, each, deeper) for place, (key, each) in enumerate(entries)), end


def _long_literal(text: str) -> Iterator[str]:
    """Return :func:`string_literal` of a text in pieces."""
    yield '"'
    for place in range(0, len(text), _LITERAL_PIECE):
        yield string_literal(text[place : place + _LITERAL_PIECE])[1:-1]
    yield '"'
