"""Wrappers of results: :class:`Checked`, a value with the outcomes of its ``@check``s, and :class:`StreamState`, a
field of a partial value with its ``@stream.with_state``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")


class Check(msgspec.Struct, frozen=True):
    """The outcome of one ``@check``: its name, its expression, and whether that holds.

    A check whose expression cannot be evaluated has failed.
    """

    name: str
    expression: str
    status: Literal["succeeded", "failed"]


class Checked(msgspec.Struct, Generic[T]):
    """A value whose type has checks, and their outcomes by name.

    In a partial value there are none yet for what may still grow (text, lists, maps, classes).
    """

    value: T
    checks: dict[str, Check]


class StreamState(msgspec.Struct, Generic[T]):
    """A field marked ``@stream.with_state`` in a partial value: how much of it has arrived."""

    value: T
    state: Literal["Pending", "Incomplete", "Complete"]


class Wrappers(NamedTuple):
    """The classes that wrap values: as a rule those above, in a client of Pydantic models models of the same fields.

    ``checked(value, checks)`` and ``state(value, state)`` make a wrapper, ``check(name, expression, status)`` an
    outcome.  With ``plain_additions`` values of classes and enums that a call adds are dicts and strings, as
    ``baml_py`` has them.
    """

    checked: Callable[[Any, dict[str, Any]], Any] = Checked
    check: Callable[[str, str, Literal["succeeded", "failed"]], Any] = Check
    state: Callable[[Any, Any], Any] = StreamState
    plain_additions: bool = False


CHECKED: set[type] = {Checked}
"""Every class of values with the outcomes of their checks; a library of models adds its own when it is imported."""

WRAPPERS: set[type] = {Checked, StreamState}
"""Every class that wraps a value in its attribute ``value``, likewise."""


def get_checks(checks: Mapping[str, Check]) -> Iterable[Check]:
    """Return the outcomes of a :class:`Checked`, in written order."""
    return checks.values()


def all_succeeded(checks: Mapping[str, Check]) -> bool:
    """Whether every check of a :class:`Checked` holds."""
    return all(check.status == "succeeded" for check in checks.values())
