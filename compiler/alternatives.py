"""Large unions as tables, so that taking one alternative from thousands does not look at all of them.

A union has a table (:func:`table_of`) if equality tells its alternatives apart: no value is of two of them, but for a
literal or variant beside what it belongs to, and no two fit one another without being equal.  The answers here are
those of the algebra in :mod:`bamlvm.compiler.solver`, or None where only that knows.

Copying a table costs a pointer for each alternative and calls nothing: hashing a literal does, so what is derived of a
table (:meth:`Table.without`, :meth:`Table.joined`) is copied and never built anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from bamlvm.compiler.hir import ERROR
from bamlvm.vm.program.types import (
    BOOL,
    INT,
    NEVER,
    STRING,
    UNKNOWN,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    UnionType,
    VariantType,
    literal_base,
)

SMALL: Final = 16
"""A union of fewer alternatives has no table: looking at each of them is cheaper."""
_WIDE: Final = frozenset({BOOL, INT, STRING})
_SPECIAL: Final = frozenset({NEVER, UNKNOWN, ERROR})


class Table(NamedTuple):
    """A union's alternatives in order, and the one enum of which it may have variants."""

    alternatives: dict[Type, None]
    wide: frozenset[Type]
    """The alternatives that may hold the values of literals and variants."""
    bases: dict[Type, int]
    """What the alternatives are when they are widened, and how many are it."""
    enum: str | None

    def is_whole(self, variants: int) -> bool:
        """Whether the alternatives could be written shorter: both booleans, or all ``variants`` of the enum."""
        if LiteralType(True) in self.alternatives and LiteralType(False) in self.alternatives:
            return True
        return self.enum is not None and self.bases.get(EnumType(self.enum), 0) >= variants

    def around(self, single: Type) -> Type | None:
        """Return the alternative that a single type fits, or None."""
        if single in self.alternatives:
            return single
        base = _base(single)
        return base if base in self.wide else None

    def without(self, single: Type) -> Table:
        """Return the table without an alternative that is a single type."""
        left, bases, base = self.alternatives.copy(), self.bases.copy(), _base(single)
        del left[single]
        bases[base] -= 1
        if not bases[base]:
            del bases[base]
        return self._replace(alternatives=left, bases=bases)

    def joined(self, singles: Sequence[Type], *, before: bool) -> Table | None:
        """Return the table with single types among its alternatives, in front of them or behind; None if one of them
        is held by a wide alternative or is a variant of another enum."""
        new = {each: None for each in singles if each not in self.alternatives}
        bases, enum = self.bases.copy(), self.enum
        for each in new:
            base = _base(each)
            if base in self.wide:
                return None
            if type(each) is VariantType:
                if enum not in (None, each.enum):
                    return None
                enum = each.enum
            bases[base] = bases.get(base, 0) + 1
        found = dict.fromkeys(singles) if before else self.alternatives.copy()
        found.update(self.alternatives if before else new)
        return Table(found, self.wide, bases, enum)


def table_of(type_: UnionType) -> Table | None:
    """Return the table of a union, or None if it is small or equality does not tell its alternatives apart."""
    if len(type_.members) < SMALL:
        return None
    wide: set[Type] = set()
    enums: set[str] = set()
    bases: dict[Type, int] = {}
    for each in type_.members:
        if not _is_plain(each):
            return None
        if each in _WIDE or type(each) is EnumType:
            wide.add(each)
        elif type(each) is VariantType:
            enums.add(each.enum)
        base = _base(each)
        bases[base] = bases.get(base, 0) + 1
    if len(enums) > 1:
        return None
    return Table(dict.fromkeys(type_.members), frozenset(wide), bases, min(enums, default=None))


def is_single(type_: Type) -> bool:
    """Whether an alternative of a table fits a type only if it is equal to it."""
    return _is_plain(type_) and type_ not in _WIDE and type(type_) is not EnumType


def is_value(type_: Type) -> bool:
    """Whether a type is a single one without items, so that a test for it passes for certain or not at all."""
    return type(type_) is not ListType and type(type_) is not MapType and is_single(type_)


def _base(type_: Type) -> Type:
    """Return the type of many values that a literal or variant belongs to; any other type itself."""
    if type(type_) is LiteralType:
        return literal_base(type_)
    return EnumType(type_.enum) if type(type_) is VariantType else type_


def _is_plain(type_: Type) -> bool:
    """Whether a type fits another plain one only if they are equal, or the other is its base."""
    match type_:
        case LiteralType() | VariantType() | EnumType():
            return True
        case Primitive():
            return type_ not in _SPECIAL
        case ClassType(_, arguments):
            return not arguments
        case ListType(item):
            return _is_plain(item)
        case MapType(key, value):
            return _is_plain(key) and _is_plain(value)
        case _:
            return False
