"""A row's result against what is expected of it.

A row *passes* if its call has returned and everything expected holds.  Values are equal as JSON values are; in CSV,
where all is text, a text is also equal to the value that it is the JSON of.  Numbers are equal by value (1 and 1.0).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.collector import Usage
from bamlvm.tools.batch.results import line_usage
from bamlvm.tools.evaluation.subject import Subject, Variant
from bamlvm.tools.test_runner.runner import evaluated

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

_MISSING: Final = object()


class Check(msgspec.Struct, frozen=True):
    """One expectation of a row: whether it holds (None: there is no result), and why not."""

    name: str
    holds: bool | None
    expected: Any = None
    actual: Any = None
    problem: str | None = None


class ScoredRow(msgspec.Struct, frozen=True):
    """One row of one variant; ``error`` is the call's, as ``type: message``."""

    number: int
    columns: Any
    value: Any
    error: str | None
    checks: tuple[Check, ...]
    seconds: float
    usage: Usage

    @property
    def passed(self) -> bool:
        """Whether the call returned, and all that is expected holds."""
        return self.error is None and all(each.holds for each in self.checks)


class Scored(msgspec.Struct, frozen=True):
    """All rows of a variant, by number."""

    variant: Variant
    rows: Mapping[int, ScoredRow]


class Scorer:
    """Scores the rows of one data set; ``is_text`` says that its values are text."""

    def __init__(self, runtime: Runtime, subject: Subject, *, is_text: bool, normalize: bool) -> None:
        self._runtime = runtime
        self._subject = subject
        self._is_text = is_text
        self._normalize = normalize

    def scored(self, variant: Variant, lines: Iterable[Mapping[str, Any]]) -> Scored:
        """Return the rows of a journal's lines, scored."""
        return Scored(variant, {line["row"]: self._row(line) for line in lines})

    def _row(self, line: Mapping[str, Any]) -> ScoredRow:
        error = line.get("error")
        value = line.get("result")
        columns = line.get("input")
        checks = [*self._expected(columns, value, error is None)]
        if self._subject.case is not None:
            checks += self._asserted(value, line["seconds"]) if error is None else self._unasserted()
        return ScoredRow(
            line["row"],
            columns,
            value,
            None if error is None else f"{error['type']}: {error['message']}",
            tuple(checks),
            line["seconds"],
            line_usage(line),
        )

    def _expected(self, columns: Any, value: Any, returned: bool) -> Iterable[Check]:
        for each in self._subject.expectations:
            expected = columns.get(each.column, _MISSING) if isinstance(columns, dict) else _MISSING
            if expected is _MISSING:
                yield Check(each.name, False, problem=f"the row has no column {each.column!r}")
                continue
            if not returned:
                yield Check(each.name, None, expected)
                continue
            actual = _part(value, each.field)
            if actual is _MISSING:
                yield Check(each.name, False, expected, problem=f"the result has no field {each.field!r}")
            else:
                yield Check(each.name, self._equal(expected, actual), expected, actual)

    def _asserted(self, value: Any, seconds: float) -> Iterable[Check]:
        assert self._subject.case is not None
        info = self._subject.case.info
        for constraint in evaluated(self._runtime, info, value, seconds, info.types):
            if constraint.level == "assert":
                name = constraint.name or constraint.expression
                problem = None if constraint.holds else constraint.message
                yield Check(name, bool(constraint.holds), problem=problem)

    def _unasserted(self) -> Iterable[Check]:
        assert self._subject.case is not None
        for attribute in self._subject.case.info.constraints:
            if attribute.name != "check":
                yield Check(str(attribute.arguments[0]) if attribute.arguments else attribute.expression or "", None)

    def _equal(self, expected: Any, actual: Any) -> bool:
        if equal(expected, actual):
            return True
        if self._normalize and isinstance(expected, str) and isinstance(actual, str):
            return _normalized(expected) == _normalized(actual)
        if self._is_text and not isinstance(actual, str):
            if expected == "":
                return actual is None
            try:
                return equal(msgspec.json.decode(expected.lower() if isinstance(actual, bool) else expected), actual)
            except msgspec.DecodeError:
                return False
        return False


def equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: true is not 1, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def check_names(scored: Sequence[Scored]) -> list[str]:
    """Return the names of all checks, in their order."""
    return list(dict.fromkeys(check.name for each in scored for row in each.rows.values() for check in row.checks))


def _part(value: Any, field: str | None) -> Any:
    for name in field.split(".") if field else ():
        if not isinstance(value, dict) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _normalized(text: str) -> str:
    return " ".join(text.split()).casefold()
