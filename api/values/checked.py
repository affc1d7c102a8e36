"""What stands around a value that has more to say: :class:`Checked` for ``@check``, :class:`StreamState` for
``@stream.with_state``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")


class Check(msgspec.Struct, frozen=True):
    """What one ``@check`` said: its name, its expression, and whether that holds.  One without an answer has failed."""

    name: str
    expression: str
    status: Literal["succeeded", "failed"]


class Checked(msgspec.Struct, Generic[T]):
    """A value whose type has checks, and what they said, by name.

    In a partial value the checks of what may still grow (text, lists, classes) are not there yet.
    """

    value: T
    checks: dict[str, Check]


class StreamState(msgspec.Struct, Generic[T]):
    """A field marked ``@stream.with_state`` in a partial value."""

    value: T
    state: Literal["Pending", "Incomplete", "Complete"]


def get_checks(checks: Mapping[str, Check]) -> Iterable[Check]:
    """The checks of a :class:`Checked`, in written order."""
    return checks.values()


def all_succeeded(checks: Mapping[str, Check]) -> bool:
    """Whether every check of a :class:`Checked` holds."""
    return all(check.status == "succeeded" for check in checks.values())
