"""What one operation of a template may cost.

A template's operations are Python's own: no clock is looked at inside a power, a pattern or a filter over a list.  So
each is weighed before it is done, and refused (:class:`OverflowError`, an error of the template) if it is too much:

* its data: at most :data:`VALUES` values, nested ones counted as often as they would print, and :data:`CHARACTERS`
  characters of text (:data:`SLOW_CHARACTERS` where each costs much);
* what it makes: an operation that makes more than it takes (padding, repeating, joining, a format) is computed first;
  all texts and lists that a rendering makes together have at most :data:`BYTES`;
* numbers: at most :data:`BITS` bits.

Every operation is a turn, so that a macro that calls itself ends as a loop does.  One that takes more than a
millisecond or so is not done on an event loop: the rendering begins again in a thread (:class:`Stuck`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, ItemsView, Iterable, KeysView, Mapping, Sequence, ValuesView
from sys import getsizeof
from typing import Any, Final

from bamlvm.sysops.prompts.views import ClassView, part_of
from bamlvm.vm.work import LONGEST

TURNS: Final = 1_000_000
"""Turns of all loops of one rendering, nested ones multiplied; filters, tests and calls are turns, too."""

VALUES: Final = 1 << 18
CHARACTERS: Final = 1 << 23
SLOW_CHARACTERS: Final = 1 << 18
BYTES: Final = 1 << 29
BITS: Final = 1 << 13

VALUES_TOGETHER: Final = 1 << 26
"""Values that all operations of a rendering take together."""

DEEPEST: Final = 400
"""How deep a value may be nested that is printed or compared."""

WIDEST: Final = 100_000
"""The greatest width, precision or number of parts that an operation takes."""

PIECE_SECONDS: Final = 0.002
"""After so long a template yields."""

_STUCK_SECONDS: Final = 0.01
_AT_ONCE: Final = 10_000
"""Values that an operation takes on an event loop; :data:`_CHARACTERS_OF_A_VALUE` characters count as one."""
_CHARACTERS_OF_A_VALUE: Final = 32
_LARGE: Final = _AT_ONCE * _CHARACTERS_OF_A_VALUE


LOOK: Final = 15
"""A mask of the turns at which the clock is not looked at."""


class Stuck(BaseException):
    """The rendering cannot yield where it has run for long; no ``Exception``, so that nothing in it takes it."""


class Turns:
    """What one rendering has taken.

    ``check`` raises what interrupts the call.  ``is_due`` says that the template has run for :data:`PIECE_SECONDS`.  A
    ``movable`` rendering raises :class:`Stuck` instead of holding its thread for long.  ``values`` is how many values
    its operations may take together.
    """

    __slots__ = ("check", "is_due", "left", "made", "movable", "until", "values", "viewed", "yielded")

    def __init__(
        self, check: Callable[[], None] | None = None, movable: bool = False, values: int = VALUES_TOGETHER
    ) -> None:
        self.left = TURNS
        self.made = self.viewed = 0
        self.check = check
        self.movable = movable
        self.values = values
        self.resume()

    def resume(self) -> None:
        """Begin a piece of the rendering."""
        self.is_due = False
        self.yielded = time.monotonic()
        self.until = self.yielded + PIECE_SECONDS

    def turn(self) -> None:
        """Take a turn.  Raises :class:`OverflowError` where the rendering has had its turns."""
        left = self.left = self.left - 1
        if not left & LOOK:
            self.look()
        if left < 0:
            raise too_many_turns()

    def look(self) -> None:
        """Look at the clock; every so many turns are enough."""
        now = time.monotonic()
        if now < self.until:
            return
        self.until = now + PIECE_SECONDS
        self.is_due = True
        if self.check is not None:
            self.check()
        if self.movable and now > self.yielded + _STUCK_SECONDS:
            raise Stuck

    def take(self, operation: str, items: Iterable[Any], characters: int = CHARACTERS) -> tuple[int, int, int]:
        """Weigh what an operation takes; return how many values and characters it has, and how deep it is nested.

        Raises :class:`OverflowError` if it is too much.
        """
        values, length, depth = _weigh(operation, items, characters, self.movable)
        weight = values + length // (_CHARACTERS_OF_A_VALUE if characters == CHARACTERS else 1)
        self.spend(operation, values)
        if values > _AT_ONCE // 8:
            self.look()
        if weight > _AT_ONCE and self.movable:
            raise Stuck
        return values, length, depth

    def spend(self, operation: str, values: int) -> None:
        """Take so many values.  Raises :class:`OverflowError` where they are too many together."""
        self.values -= values
        if self.values < 0:
            raise OverflowError(f"{operation} takes too much, after all that was done before")

    def view(self, values: int) -> None:
        """Note that so many values of the arguments are made ready."""
        self.viewed += values
        if self.viewed > _AT_ONCE and self.movable:
            raise Stuck

    def make(self, operation: str, size: int) -> None:
        """Note that an operation makes a text or a list of ``size`` bytes, or is about to.

        Raises :class:`OverflowError` if it is too much.
        """
        if size > LONGEST:
            raise OverflowError(f"{operation} makes more than {LONGEST} characters")
        self.made += size
        if size > _LARGE:
            if self.movable:
                raise Stuck
            self.look()
        if self.made > BYTES:
            raise OverflowError(f"the template makes more than {BYTES >> 20} MiB of text and lists")

    # --- operations ---------------------------------------------------------------------------------------------------

    def apply(self, name: str, function: Callable[..., Any], skip: int, args: Sequence[Any], keys: Any) -> Any:
        """Apply a filter, a test or a method: ``args`` without the first ``skip`` are its value and its arguments."""
        self.turn()
        given = args[skip:] if skip else args
        if name not in _CHEAP:
            if not keys and name not in _WIDE and all(map(_is_small, given)):
                if name not in _GROWTH:
                    return function(*args)
                # At most so many short texts between so many others: that is little.
                result = function(*args)
                self.make(name, len(result))
                return result
            self._weigh(name, given, keys)
        result = function(*args, **keys)
        if (type(result) is str or type(result) is list) and len(result) > SHORT:
            self.make(name, getsizeof(result))
            if type(result) is list and type(result[0]) is str:
                self.made += 48 * len(result)
        return result

    def _weigh(self, name: str, given: Sequence[Any], keys: Mapping[str, Any]) -> None:
        every = (*given, *keys.values())
        values, length, depth = self.take(name, every, SLOW_CHARACTERS if name in _SLOW else CHARACTERS)
        self._widths(name, given, keys)
        if name in _INDENTED:
            step = max((item for item in every[1:] if isinstance(item, int)), default=_STEP)
            self.make(name, length + values * depth * step)
        growth = _GROWTH.get(name)
        if growth is not None:
            size = growth(*given, **keys)
            if size > LONGEST:
                self.make(name, size)

    def _widths(self, name: str, given: Sequence[Any], keys: Mapping[str, Any]) -> None:
        most = _WIDE.get(name)
        if most is None:
            return
        for item in (*given[1:], *keys.values()):
            if isinstance(item, int | float) and abs(item) > most:
                raise OverflowError(f"{name} takes a number of at most {most}, not {item}")

    def operate(self, operator: str, left: Any, right: Any) -> None:
        """Look at a binary operation before it is done."""
        kinds = type(left), type(right)
        if kinds[0] in _NUMBERS and kinds[1] in _NUMBERS:
            if kinds == (float, float) or operator in ("-", "/"):
                return
            if operator == "**" and int in kinds:
                bits = abs(right) * max(1, int(left).bit_length()) if type(left) is int else 0
            else:
                bits = sum(each.bit_length() for each in (left, right) if isinstance(each, int))
            if bits > BITS:
                raise OverflowError(f"`{operator}` makes a number of more than {BITS} bits")
            return
        self.turn()
        if operator not in ("+", "*"):
            return
        if operator == "+" and isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
            count, of = len(left) + len(right), left
        elif operator == "*" and isinstance(left, int | float) and isinstance(right, str | list | tuple):
            count, of = int(len(right) * left), right
        elif operator == "*" and isinstance(right, int | float) and isinstance(left, str | list | tuple):
            count, of = int(len(left) * right), left
        else:
            return
        if isinstance(of, str):
            self.make(f"`{operator}`", max(count, 0))
        elif count > VALUES:
            raise OverflowError(f"`{operator}` makes a list of more than {VALUES} items")
        else:
            self.make(f"`{operator}`", 8 * max(count, 0))

    def check_format(self, form: str, values: Iterable[Any]) -> None:
        """Raise :class:`OverflowError` if a format may make too long a text: its widths are looked at."""
        numbers = [int(each[:12]) for each in _DIGITS.findall(form) if len(each) > 1]
        if _NESTED.search(form):
            numbers += [abs(int(each)) for each in values if isinstance(each, int | float) and abs(each) < 1e12]
        fields = form.count("{")
        widest = max(numbers, default=0)
        if widest > WIDEST or widest * fields > LONGEST:
            raise OverflowError(f"a format with the width {widest} makes too long a text")


SHORT: Final = 256
"""Characters of a text, or items of a list of short texts, that are not worth to be weighed."""


def _is_small(item: Any) -> bool:
    kind = type(item)
    if kind is str:
        return len(item) <= SHORT
    if kind is list:
        return len(item) <= 16 and all(
            type(each) in _ATOMS or (type(each) is str and len(each) <= SHORT) for each in item
        )
    return kind in _ATOMS


def too_many_turns() -> OverflowError:
    """Return the error of a rendering that has had its turns."""
    return OverflowError(f"the loops take more than {TURNS} turns")


_STEP: Final = 4
_NUMBERS: Final = frozenset({int, float, bool})
_ATOMS: Final = frozenset({int, float, bool, type(None)})
_DIGITS: Final = re.compile(r"[0-9]+")
_NESTED: Final = re.compile(r"\{[^{}]*\{")
_LISTS: Final = (list, tuple, set, frozenset, KeysView, ValuesView, ItemsView)


def _weigh(operation: str, items: Iterable[Any], most: int, movable: bool) -> tuple[int, int, int]:
    """Return how many values and characters there are, and how deep they are nested: level by level."""
    values = characters = depth = 0
    level: list[Any] = list(items)
    while level:
        depth += 1
        if depth > DEEPEST:
            raise OverflowError(f"{operation}: a value is nested more than {DEEPEST} deep")
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind in _ATOMS:
                continue
            if isinstance(item, str):
                characters += len(item)
            elif kind is range:
                values += len(item)
            elif isinstance(item, _LISTS):
                values += len(item)
                if values <= VALUES:
                    characters += _sort_out(item, below)
            elif isinstance(item, dict):
                values += len(item)
                if values <= VALUES:
                    characters += _sort_out(item, below) + _sort_out(item.values(), below)
            elif kind is ClassView:
                values += len(item.fields)
                characters += _sort_out(item.fields.values(), below)
            else:
                values += 1
            if values > _AT_ONCE and movable:
                raise Stuck
            if values > VALUES:
                raise OverflowError(f"{operation} takes at most {VALUES} values")
            if characters > most:
                raise OverflowError(f"{operation} takes at most {most} characters")
        level = below
    return values, characters, depth


def _sort_out(items: Collection[Any], below: list[Any]) -> int:
    """Return the number of characters of the texts among items; put the others that may have parts ``below``."""
    kinds = set(map(type, items)) - _ATOMS
    if not kinds:
        return 0
    if kinds == {str}:
        return sum(len(item) for item in items if type(item) is str)
    below.extend(item for item in items if type(item) not in _ATOMS)
    return 0


# --- what operations make ---------------------------------------------------------------------------------------------


def _joined(value: Any, separator: Any = "", *rest: Any, **others: Any) -> int:
    count = len(value) if hasattr(value, "__len__") else 0
    return count * len(str(others.get("d", others.get("separator", separator))))


def _joined_by(separator: str, value: Any = (), *rest: Any) -> int:
    return _joined(value, separator)


def _replaced(value: Any, old: Any = "", new: Any = "", *rest: Any, **others: Any) -> int:
    text, wanted, put = _text(value), str(others.get("old", old)), str(others.get("new", new))
    return len(text) + text.count(wanted) * len(put)


def _indented(value: Any, width: Any = 4, *rest: Any, **others: Any) -> int:
    width = others.get("width", width)
    step = len(width) if isinstance(width, str) else int(width)
    text = _text(value)
    return len(text) + (text.count("\n") + 1) * step


def _text(value: Any) -> str:
    """Return what a filter of texts takes a value for."""
    return value if isinstance(value, str) else part_of(value)


def _wrapped(value: Any, width: Any = 79, *rest: Any, **others: Any) -> int:
    width = others.get("width", width)
    between = max((len(each) for each in (*rest, *others.values()) if isinstance(each, str)), default=1)
    return len(value) + (len(value) // max(int(width), 1) + str(value).count("\n") + 1) * between


def _expanded(value: str, size: int = 8, **others: Any) -> int:
    return len(value) + value.count("\t") * int(others.get("tabsize", size))


def _translated(value: str, table: Any = None, *rest: Any) -> int:
    texts = table.values() if isinstance(table, dict) else ()
    return len(value) * max((len(each) for each in texts if isinstance(each, str)), default=1)


def _linked(value: Any, *rest: Any, **others: Any) -> int:
    added = sum(len(each) for each in (*rest, *others.values()) if isinstance(each, str))
    return len(value) + (len(value) // 4 + 1) * added


def _batched(value: Any, count: Any = 0, *rest: Any, **others: Any) -> int:
    return 8 * int(count)


_GROWTH: Final[Mapping[str, Callable[..., int]]] = {
    "join": _joined,
    "str.join": _joined_by,
    "replace": _replaced,
    "str.replace": _replaced,
    "indent": _indented,
    "wordwrap": _wrapped,
    "urlize": _linked,
    "str.expandtabs": _expanded,
    "str.translate": _translated,
    "batch": _batched,
}

_WIDE: Final[Mapping[str, int]] = {
    "batch": WIDEST,
    "center": WIDEST,
    "format": 100,
    "indent": WIDEST,
    "round": 300,
    "slice": WIDEST,
    "tojson": 100,
    "wordwrap": LONGEST,
    "str.center": WIDEST,
    "str.expandtabs": WIDEST,
    "str.ljust": WIDEST,
    "str.rjust": WIDEST,
    "str.zfill": WIDEST,
}

_INDENTED: Final = frozenset({"format", "pprint", "tojson"})

_SLOW: Final = frozenset(
    {"format", "pprint", "regex_match", "striptags", "title", "tojson", "truncate", "urlize", "wordcount", "wordwrap"}
)

_CHEAP_TESTS: Final = (
    "boolean callable defined false filter float integer iterable mapping none number sameas sequence string test true "
    "undefined"
)
_CHEAP: Final = frozenset(
    {"attr", "count", "d", "default", "first", "last", "length", "random", "safe"}
    | {"dict.get", "dict.items", "dict.keys", "dict.values"}
    | {f"is {name}" for name in _CHEAP_TESTS.split()}
)
"""What does not look into its value."""
