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
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from bamlvm.vm.values import Closure, EnumValue, Future, Handle, Instance, Media, TypeValue
from bamlvm.vm.work import LONGEST, Lengthy, Work, too_long, whole

_BRIEF: Final = 40
_DEEPEST: Final = 500


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
    if type(value) not in _CONTAINERS:
        return scalar_text(value)
    work = _Writer(wide).run(value)
    try:
        next(work)
    except StopIteration as end:
        return str(end.value)
    raise Lengthy(work)


def brief(value: Any) -> str:
    """Return a scalar's literal, or a container's type, cut to forty characters; for messages."""
    text = scalar_text(value) if type(value) not in _CONTAINERS else type(value).__name__
    return text if len(text) <= _BRIEF else text[: _BRIEF - 1] + "…"


class _Writer:
    """Work is a stack of texts to write and values to open; ``None`` closes the container opened last."""

    def __init__(self, wide: bool) -> None:
        self._wide = wide
        self._parts: list[str] = []

    def run(self, value: Any) -> Work[str]:
        made = ""
        left = 200
        parts = self._parts
        open_: dict[int, None] = {}
        work: list[tuple[str | None, Any, int]] = [("", value, 0)]
        while work:
            left -= 1
            if left < 0:
                left = 512
                made += "".join(parts)
                parts.clear()
                if len(made) + len(work) > LONGEST:
                    raise too_long()
                yield made
            text, item, depth = work.pop()
            if text is None:
                parts.append(item)
                open_.popitem()
            elif type(item) not in _CONTAINERS:
                parts.append(text + scalar_text(item))
                if len(parts[-1]) > 1000:
                    left -= len(parts[-1]) >> 6
            elif id(item) in open_ or len(open_) >= _DEEPEST:
                parts.append(text + ("<cycle>" if id(item) in open_ else "<…>"))
            else:
                parts.append(text)
                open_[id(item)] = None
                work.extend(reversed(self._opened(item, depth)))
        return made + "".join(parts)

    def _opened(self, item: Any, depth: int) -> list[tuple[str | None, Any, int]]:
        if type(item) is list:
            self._parts.append("[")
            inside = [(", " if place else "", each, depth) for place, each in enumerate(item)]
            return [*inside, (None, "]", 0)]
        if type(item) is dict:
            entries = [(_key(key), each) for key, each in item.items()]
        else:
            self._parts.append(_local_name(item.class_name) + " ")
            entries = list(zip(item.cls.field_names, item.fields, strict=True))
        if not entries:
            self._parts.append("{}")
            return [(None, "", 0)]
        self._parts.append("{")
        if self._wide:
            margin = "\n" + "    " * (depth + 1)
            lines = [(f"{margin}{name}: ", each, depth + 1) for name, each in entries]
            return [*lines, (None, "\n" + "    " * depth + "}", 0)]
        start = " " if type(item) is Instance else ""
        words = [(f"{', ' if place else start}{name}: ", each, 0) for place, (name, each) in enumerate(entries)]
        return [*words, (None, start + "}", 0)]


def _key(key: Any) -> str:
    return string_literal(key) if type(key) is str else scalar_text(key)
