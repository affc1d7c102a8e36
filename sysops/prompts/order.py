"""The order of values in prompts, where it is not Python's.

Null comes before every other value, as in MiniJinja: ``null < 3`` is true, ``null > 3`` is false, and a list with nulls
can be sorted.  (What is undefined comes before null; :class:`~bamlvm.sysops.prompts.environment.Undefined` knows that
itself.)  Values of different kinds have no order otherwise: to compare a text with a number is an error.

:func:`ordered` is put around what is compared; ``min``, ``max``, ``sort`` and ``groupby`` are Jinja's with it around
their keys, and ``min`` and ``max`` tell capitals from small letters, as officially.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any, Final, NamedTuple

import jinja2
from jinja2 import pass_environment
from jinja2.filters import ignore_case, make_attrgetter, make_multi_attrgetter


class _Null:
    """Null as it is compared; what is undefined answers for itself."""

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return NotImplemented if isinstance(other, jinja2.Undefined) else other is not self

    def __le__(self, other: object) -> bool:
        return NotImplemented if isinstance(other, jinja2.Undefined) else True

    def __gt__(self, other: object) -> bool:
        return NotImplemented if isinstance(other, jinja2.Undefined) else False

    def __ge__(self, other: object) -> bool:
        return NotImplemented if isinstance(other, jinja2.Undefined) else other is self


_NULL: Final = _Null()


def ordered(value: Any) -> Any:
    """Return what stands for a value where it is compared by order."""
    return _NULL if value is None else value


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
