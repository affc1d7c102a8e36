"""What is evaluated: variants of a call, and what is expected of each row.

A *variant* is a function with a client: two clients, or two functions with other prompts, over the same rows.  A row is
expected to have the values of some columns as its result, or as fields of it, and to hold the asserts of a test.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from bamlvm.errors import HostError
from bamlvm.tools.argument_files import union_members
from bamlvm.vm.program.declarations import has_attribute
from bamlvm.vm.program.spelling import suggestion
from bamlvm.vm.program.types import ClassType, MapType, Type

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.test_case import Case


class Variant(msgspec.Struct, frozen=True):
    """A function, and the client to ask instead of its own (None: its own)."""

    function: str
    client: str | None = None

    @property
    def name(self) -> str:
        """``Extract``, ``Fast``, or ``Extract with Fast``: see :func:`variants`."""
        return self.function if self.client is None else f"{self.function} with {self.client}"

    @property
    def file_name(self) -> str:
        """The name as a part of a file's name."""
        return re.sub(r"[^\w.-]+", "-", self.name)


class Expectation(msgspec.Struct, frozen=True):
    """The value of ``column`` is expected as the result, or as its field ``field`` (a path with dots)."""

    column: str
    field: str | None = None

    @property
    def name(self) -> str:
        """What a table calls it."""
        return self.field or "result"


class Subject(msgspec.Struct, frozen=True):
    """The variants, the expectations, and the case whose asserts each row must hold (None: no test is named)."""

    variants: tuple[Variant, ...]
    expectations: tuple[Expectation, ...]
    case: Case | None = None


def subject(
    runtime: Runtime, name: str, others: Sequence[str], clients: Sequence[str], expected: Sequence[str]
) -> Subject:
    """Return what the words of a command name.

    ``name`` is a function or a test (``Function::Test``); ``others`` are functions to compare with, ``clients`` those
    to ask; ``expected`` are ``COLUMN`` or ``FIELD=COLUMN``.  Raises :class:`bamlvm.HostError` for what there is not.
    """
    function, divided, _ = name.partition("::")
    case = None
    if divided:
        cases = {each.name: each for each in runtime.cases}
        if name not in cases:
            raise HostError(f"there is no test {name!r} ({suggestion(name, cases) or 'the program has none'})")
        case = cases[name]
    for each in (function, *others):
        runtime.signature(each)
    functions = dict.fromkeys((function, *others))
    variants = tuple(Variant(each, client) for each in functions for client in (dict.fromkeys(clients) or (None,)))
    expectations = tuple(_expectation(each) for each in expected)
    for wanted in expectations:
        if wanted.field is not None:
            for called in functions:
                _require_field(runtime, called, wanted.field)
    if case is None and not expectations:
        raise HostError("nothing is expected: name a test (Function::Test), or a column with --expect")
    return Subject(variants, expectations, case)


def require_columns(expectations: Sequence[Expectation], columns: Any, place: str) -> None:
    """Raise :class:`bamlvm.HostError` if a row, whose place is named, has not the columns that are expected."""
    for each in expectations:
        if isinstance(columns, dict) and each.column not in columns:
            hint = suggestion(each.column, columns)
            raise HostError(f"{place}: no column {each.column!r} for --expect{f' ({hint})' if hint else ''}")


def _require_field(runtime: Runtime, function: str, path: str) -> None:
    """Raise :class:`bamlvm.HostError` if no result of a function can have a field: a class knows all that it has."""
    program = runtime.engine.program
    types: list[Type] = [program.signatures[function].result]
    for name in path.split("."):
        members = [member for each in types for member in union_members(each, program.aliases)]
        classes = [program.classes[each.name] for each in members if isinstance(each, ClassType)]
        may_have_any = any(isinstance(each, MapType) or str(each) == "unknown" for each in members)
        if may_have_any or any(has_attribute(each.attributes, "dynamic") for each in classes):
            return
        fields = {field.name: field.type for found in classes for field in found.fields}
        types = [field.type for found in classes for field in found.fields if field.name == name]
        if not types:
            hint = f" ({suggestion(name, fields)})" if fields else ""
            raise HostError(f"--expect {path}=…: the result of {function} has no field {name!r}{hint}")


def _expectation(word: str) -> Expectation:
    field, equals, column = word.partition("=")
    return Expectation(column, field) if equals else Expectation(word)
