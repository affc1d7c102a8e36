"""The order of values in prompts, where it is not Python's.

Values of different kinds are ordered by their kinds, as in MiniJinja: null before booleans, these before numbers,
texts, lists and maps.  So ``null < 3`` and ``3 < "a"`` are true, and any list of scalars can be sorted.  (What is
undefined comes before null; :class:`~bamlvm.sysops.prompts.environment.Undefined` knows that itself.)  An enum's value
is compared by its name.  Two maps have no order: that is an error.

:func:`ordered` is put around what is compared; ``min``, ``max``, ``sort`` and ``groupby`` are Jinja's with it around
their keys, and ``min`` and ``max`` tell capitals from small letters, as officially.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from itertools import groupby
from typing import Any, Final, NamedTuple

import jinja2
from jinja2 import pass_environment
from jinja2.filters import ignore_case, make_attrgetter, make_multi_attrgetter

from bamlvm.sysops.prompts.views import ClassView, EnumView


class _Rank(IntEnum):
    """The kinds of values in their order."""

    NULL = 1
    BOOL = 2
    NUMBER = 3
    TEXT = 4
    LIST = 5
    MAP = 6


class _Ranked:
    """A value as it is compared, if it is no number; numbers and what is undefined are compared as they are."""

    __slots__ = ("rank", "value")

    def __init__(self, rank: _Rank, value: Any) -> None:
        self.rank = rank
        self.value = value

    def _compared(self, compare: Callable[[Any, Any], bool], other: object) -> Any:
        if isinstance(other, jinja2.Undefined):
            return NotImplemented  # which it answers itself
        if isinstance(other, _Ranked):
            if self.rank == other.rank:
                return bool(compare(self.value, other.value))
            return compare(self.rank, other.rank)
        return compare(self.rank, _Rank.NUMBER) if isinstance(other, (int, float)) else NotImplemented

    def __lt__(self, other: object) -> Any:
        return self._compared(operator.lt, other)

    def __le__(self, other: object) -> Any:
        return self._compared(operator.le, other)

    def __gt__(self, other: object) -> Any:
        return self._compared(operator.gt, other)

    def __ge__(self, other: object) -> Any:
        return self._compared(operator.ge, other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Ranked):
            return self.rank == other.rank and bool(self.value == other.value)
        return False if isinstance(other, jinja2.Undefined) else bool(self.value == other)

    __hash__ = None  # type: ignore[assignment]  # no key of anything


_NULL: Final = _Ranked(_Rank.NULL, 0)


def ordered(value: Any) -> Any:
    """Return what stands for a value where it is compared by order."""
    match value:
        case None:
            return _NULL
        case bool():
            return _Ranked(_Rank.BOOL, value)
        case str():
            return _Ranked(_Rank.TEXT, value)
        case EnumView():
            return _Ranked(_Rank.TEXT, value.value)
        case list() | tuple():
            return _Ranked(_Rank.LIST, value)
        case dict() | ClassView():
            return _Ranked(_Rank.MAP, value)
        case _:
            return value


def _test(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, other: compare(ordered(value), ordered(other))


TESTS_OF_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    name: _test(compare)
    for names, compare in (
        ("< lt lessthan", operator.lt),
        ("<= le", operator.le),
        ("> gt greaterthan", operator.gt),
        (">= ge", operator.ge),
    )
    for name in names.split()
}


class Group(NamedTuple):
    """What ``groupby`` gives for each key; ``list`` are the values that have it."""

    grouper: Any
    list: list[Any]


@pass_environment
def sort(
    environment: jinja2.Environment,
    value: Iterable[Any],
    reverse: bool = False,
    case_sensitive: bool = False,
    attribute: str | int | None = None,
) -> list[Any]:
    """Return the values in order; ``attribute`` may be several with commas between them."""
    keys = make_multi_attrgetter(environment, attribute, None if case_sensitive else ignore_case)
    return sorted(value, key=lambda item: [ordered(key) for key in keys(item)], reverse=reverse)


@pass_environment
def grouped(
    environment: jinja2.Environment,
    value: Iterable[Any],
    attribute: str | int,
    default: Any = None,
    case_sensitive: bool = False,
) -> list[Group]:
    """Return the values by what they have as ``attribute``, in its order."""
    shown = make_attrgetter(environment, attribute, default=default)
    keys = make_attrgetter(environment, attribute, None if case_sensitive else ignore_case, default)

    def key(item: Any) -> Any:
        return ordered(keys(item))

    groups = [list(items) for _, items in groupby(sorted(value, key=key), key)]
    return [Group(shown(items[0]), items) for items in groups]


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    @pass_environment
    def extreme(
        environment: jinja2.Environment,
        value: Iterable[Any],
        case_sensitive: bool = True,
        attribute: str | int | None = None,
    ) -> Any:
        items = list(value)
        if not items:
            return environment.undefined("No aggregated item, sequence was empty.")
        keys = make_attrgetter(environment, attribute, None if case_sensitive else ignore_case)
        return choose(items, key=lambda item: ordered(keys(item)))

    return extreme


least = _extreme(min)
greatest = _extreme(max)
