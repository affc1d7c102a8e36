"""Which values the patterns of a match leave, where patterns look into classes and lists.

Rule: a match is a matrix of patterns with a row an arm and a column a value to be looked at; it has one column at
first.  A column is split by the cases of its type.  In each case the rows that fit it go on, with a column for every
field, or item, that some of them look into.  What no row fits is the answer: an example of it, in words.

The number of steps may grow with the product of what the columns tell apart, so it has a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from bamlvm.compiler import hir
from bamlvm.compiler.check.members import class_bindings
from bamlvm.compiler.solver import Solver
from bamlvm.compiler.types import literal_type, substitute
from bamlvm.vm.program.types import (
    FLOAT,
    INT,
    NEVER,
    STRING,
    ClassType,
    ListType,
    LiteralType,
    Type,
    VariantType,
    is_panic,
    literal_base,
    members,
)

_STEPS: Final = 20_000
_ANY: Final = hir.AnyPattern(0, 0, None)
_OTHERS: Final = "_"

_Row: TypeAlias = list[hir.Pattern]


class TooManyError(Exception):
    """The patterns tell too many combinations apart."""


def left_by(solver: Solver, type_: Type, patterns: Sequence[hir.Pattern], within: hir.Pattern = _ANY) -> str | None:
    """Return an example of a value of ``type_`` that fits ``within`` and none of ``patterns``, or None.

    Raises :class:`TooManyError`.
    """
    found = _Search(solver).example([type_], [[pattern] for pattern in patterns], [within])
    return None if found is None else found[0]


class _Search:
    """One question; it counts its steps."""

    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self._steps = 0

    def example(self, types: list[Type], rows: list[_Row], query: _Row) -> list[str] | None:
        """Return an example of values of ``types`` that ``query`` fits and no row does, or None."""
        self._steps += 1 + len(rows)
        if self._steps > _STEPS:
            raise TooManyError
        if not types:
            return None if rows else []
        rows = [[each, *row[1:]] for row in rows for each in _alternatives(row[0])]
        for wanted in _alternatives(query[0]):
            if all(isinstance(each, hir.AnyPattern) for each in (wanted, *(row[0] for row in rows))):
                found = self.example(types[1:], [row[1:] for row in rows], query[1:])
                if found is not None:
                    return [_OTHERS, *found]
                continue
            for part in self._solver.alternatives(types[0]):
                for case in self._solver.cases(part):
                    found = self._case(case, types[1:], rows, [wanted, *query[1:]])
                    if found is not None:
                        return found
        return None

    def _case(self, case: Type, types: list[Type], rows: list[_Row], query: _Row) -> list[str] | None:
        column = [query[0], *(row[0] for row in rows)]
        lists = [each for each in column if isinstance(each, hir.ListPattern)]
        if isinstance(case, ClassType) and any(isinstance(each, hir.ClassPattern) for each in column):
            return self._instance(case, column, types, rows, query)
        if isinstance(case, ListType) and lists:
            longest = max(len(each.before) + len(each.after) for each in lists)
            for length in range(longest + 2):  # one more than any pattern names stands for all longer ones
                found = self._list(case, length, length > longest, types, rows, query)
                if found is not None:
                    return found
            return None
        if case in (INT, FLOAT, STRING):
            literals = [each for each in column if isinstance(each, hir.LiteralPattern)]
            for type_ in dict.fromkeys(literal_type(each.value) for each in literals):
                if isinstance(type_, LiteralType) and literal_base(type_) == case:
                    found = self._plain(type_, types, rows, query)
                    if found is not None:
                        return found
        return self._plain(case, types, rows, query)

    def _plain(self, case: Type, types: list[Type], rows: list[_Row], query: _Row) -> list[str] | None:
        if not self._meets(query[0], case):
            return None
        found = self.example(types, [row[1:] for row in rows if self._covers(row[0], case)], query[1:])
        return None if found is None else [str(case), *found]

    def _instance(
        self, case: ClassType, column: _Row, types: list[Type], rows: list[_Row], query: _Row
    ) -> list[str] | None:
        info = self._solver.symbols.class_(case.name)
        assert info is not None
        names = {
            field.index: field.name
            for each in column
            if isinstance(each, hir.ClassPattern) and _is_of(each, case)
            for field in each.fields
        }
        names = dict(sorted(names.items()))
        bindings = class_bindings(info, case)
        parts = [substitute(info.fields[index].type, bindings) for index in names]

        def inner(each: hir.Pattern, fits: bool) -> _Row | None:
            if not isinstance(each, hir.ClassPattern):
                return [_ANY] * len(names) if fits else None
            if not _is_of(each, case):
                return None
            given: Mapping[int, hir.Pattern] = {field.index: field.pattern for field in each.fields}
            return [given.get(index, _ANY) for index in names]

        found = self._deeper(case, inner, parts, types, rows, query)
        if found is None:
            return None
        shown = [f"{name}: {text}" for name, text in zip(names.values(), found, strict=False) if text != _OTHERS]
        text = f"{case.name} {{ {', '.join(shown)} }}" if shown else str(case)
        return [text, *found[len(names) :]]

    def _list(
        self, case: ListType, length: int, longer: bool, types: list[Type], rows: list[_Row], query: _Row
    ) -> list[str] | None:
        def inner(each: hir.Pattern, fits: bool) -> _Row | None:
            if not isinstance(each, hir.ListPattern):
                return [_ANY] * length if fits else None
            between = length - len(each.before) - len(each.after)
            if between < 0 or (between and not each.has_rest):
                return None
            return [*each.before, *[_ANY] * between, *each.after]

        found = self._deeper(case, inner, [case.item] * length, types, rows, query)
        if found is None:
            return None
        shown = [*found[:length], ".."] if longer else found[:length]
        return [f"[{', '.join(shown)}]", *found[length:]]

    def _deeper(
        self,
        case: Type,
        inner: Callable[[hir.Pattern, bool], _Row | None],
        parts: list[Type],
        types: list[Type],
        rows: list[_Row],
        query: _Row,
    ) -> list[str] | None:
        """Go on with the parts of a case in front; ``inner`` returns what a pattern says of them, None if it does not
        fit."""
        wanted = inner(query[0], self._meets(query[0], case))
        if wanted is None:
            return None
        deeper = [(inner(row[0], self._covers(row[0], case)), row[1:]) for row in rows]
        kept = [[*first, *rest] for first, rest in deeper if first is not None]
        return self.example([*parts, *types], kept, [*wanted, *query[1:]])

    def _covers(self, pattern: hir.Pattern, case: Type) -> bool:
        """Whether a pattern that does not look inside fits every value of a case."""
        match pattern:
            case hir.AnyPattern():
                return True
            case hir.ErrorPattern():
                return not any(map(is_panic, members(case)))
            case hir.LiteralPattern(value=value):
                return not isinstance(value, float) and literal_type(value) == case
            case hir.VariantPattern(enum=enum, variant=variant):
                return VariantType(enum, variant) == case
            case hir.TypePattern(type=type_):
                return type_ == hir.ERROR or self._solver.subtract(case, type_) == NEVER
            case _:
                return False

    def _meets(self, pattern: hir.Pattern, case: Type) -> bool:
        """Whether a pattern that does not look inside fits some value of a case."""
        match pattern:
            case hir.TypePattern(type=type_):
                return type_ == hir.ERROR or self._solver.overlaps(case, type_)
            case hir.LiteralPattern(value=value):
                return self._solver.overlaps(case, literal_type(value))
            case _:
                return self._covers(pattern, case)


def _alternatives(pattern: hir.Pattern) -> list[hir.Pattern]:
    """Return a pattern's alternatives, none of which has any."""
    if isinstance(pattern, hir.OrPattern):
        return [inner for each in pattern.alternatives for inner in _alternatives(each)]
    return [pattern]


def _is_of(pattern: hir.ClassPattern, case: ClassType) -> bool:
    return pattern.type.name == case.name
