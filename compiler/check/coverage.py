"""Exhaustiveness: the cases of a type that the patterns of a match or catch cover, and those that are left.

Most types that are matched consist of cases that equality tells apart: literals, variants, classes, null.  These are
kept in a table from which each pattern takes its own, so that a match of thousands of arms is checked in time linear in
their number.  Any other type goes through the algebra of :mod:`bamlvm.compiler.solver`.
"""

from __future__ import annotations

from bamlvm.compiler import hir
from bamlvm.compiler.solver import Solver
from bamlvm.compiler.types import literal_type
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NEVER,
    NULL,
    STRING,
    UNKNOWN,
    ClassType,
    EnumType,
    LiteralType,
    Type,
    VariantType,
    is_panic,
    members,
    union,
)

_PLAIN = (INT, FLOAT, STRING, NULL)


class Remaining:
    """The part of a scrutinee's type that no arm has covered for certain."""

    def __init__(self, solver: Solver, whole: Type) -> None:
        self._solver = solver
        self._type: Type | None = solver.expand(whole)
        self._cases = self._table(self._type)
        self._spent: set[Type] = set()

    @property
    def type(self) -> Type:
        """The type that is left."""
        if self._type is None:
            assert self._cases is not None
            self._type = self._solver.rejoin(self._cases)
        return self._type

    def seen(self, pattern: hir.Pattern) -> Type:
        """Return the part of it that a pattern covers."""
        exact = self._exact(pattern)
        if exact is not None:
            return self._solver.rejoin(exact)
        match pattern:
            case hir.AnyPattern():
                return self.type
            case hir.OrPattern(alternatives=alternatives):
                return union(self.seen(each) for each in alternatives)
            case hir.ErrorPattern():
                return union(part for part in members(self.type) if not is_panic(part))
            case _:
                taken = _taken(pattern)
                return NEVER if taken in self._spent else self._solver.intersect(self.type, taken)

    def all_fit(self, pattern: hir.Pattern) -> bool:
        """Whether a pattern covers all of it."""
        exact = self._exact(pattern)
        if exact is not None and self._cases is not None:
            return len(set(exact)) == len(self._cases)
        return self._without(pattern, self.type) == NEVER

    def take(self, pattern: hir.Pattern) -> None:
        """Remove what a pattern covers.  Of an infinite type such as int, the values that were named are remembered."""
        exact = self._exact(pattern)
        if exact is not None and self._cases is not None:
            for case in exact:
                self._cases.pop(case, None)
            self._type = None
        else:
            self._type = self._without(pattern, self.type)
            self._cases = self._table(self._type)
            self._spent.update(_whole(pattern))

    # Two representations of one set: `_cases` while equality tells all cases apart, else `_type` alone, from which
    # patterns are subtracted.  `_spent` has what was covered of types without finitely many cases.

    def _without(self, pattern: hir.Pattern, type_: Type) -> Type:
        """Return the part of ``type_`` that a pattern does not cover; ERROR after an invalid pattern."""
        match pattern:
            case hir.AnyPattern():
                return NEVER
            case hir.ErrorPattern(panics=panics):
                if type_ == UNKNOWN:
                    return panics
                return union(part for part in members(type_) if is_panic(part))
            case hir.OrPattern(alternatives=alternatives):
                for each in alternatives:
                    type_ = self._without(each, type_)
                return type_
            case hir.LiteralPattern(value=float()):
                return type_
            case hir.TypePattern(type=hir.ERROR):
                return hir.ERROR
            case _:
                return self._solver.subtract(type_, _taken(pattern))

    def _table(self, type_: Type) -> dict[Type, None] | None:
        """Return the cases of a type, or None if equality does not tell them all apart."""
        cases: dict[Type, None] = {}
        for part in members(type_):
            for case in self._solver.cases(part):
                if isinstance(case, LiteralType | VariantType | ClassType | EnumType) or case in _PLAIN:
                    cases[case] = None
                else:
                    return None
        return cases

    def _exact(self, pattern: hir.Pattern) -> list[Type] | None:
        """Return the cases in the table that a pattern covers, or None if it covers anything else."""
        if self._cases is None:
            return None
        match pattern:
            case hir.OrPattern(alternatives=alternatives):
                found: list[Type] = []
                for each in alternatives:
                    exact = self._exact(each)
                    if exact is None:
                        return None
                    found.extend(exact)
                return found
            case hir.AnyPattern() | hir.ErrorPattern() | hir.LiteralPattern(value=float()):
                return None
            case _:
                taken = _taken(pattern)
                if not isinstance(taken, LiteralType | VariantType | ClassType | EnumType) and taken not in (
                    *_PLAIN,
                    BOOL,
                ):
                    return None
                found = list(self._solver.cases(taken))
                return found if all(case in self._cases for case in found) else None


def _whole(pattern: hir.Pattern) -> list[Type]:
    """Return the types that a pattern covers wholly."""
    match pattern:
        case hir.AnyPattern() | hir.ErrorPattern() | hir.LiteralPattern(value=float()):
            return []
        case hir.OrPattern(alternatives=alternatives):
            return [type_ for each in alternatives for type_ in _whole(each)]
        case _:
            return [_taken(pattern)]


def _taken(pattern: hir.Pattern) -> Type:
    """Return the type that a pattern without alternatives tests for."""
    match pattern:
        case hir.LiteralPattern(value=value):
            return literal_type(value)
        case hir.VariantPattern(enum=enum, variant=variant):
            return VariantType(enum, variant)
        case hir.TypePattern(type=type_):
            return type_
        case _:
            raise AssertionError(f"{type(pattern).__name__} is no single test")
