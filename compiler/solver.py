"""Which types fit which, and what is left of a type when part of it is taken away.

Assignability is structural over unions and literals, nominal for classes and enums; int never becomes float.  Lists and
maps are invariant, except that an *open* type (one still holding an inference variable, such as the element of ``[]``)
is fixed by its first use: :class:`Solver` remembers that.

A function type without a ``throws`` clause accepts functions that throw anything: its throws set is ``UNSTATED``.

Narrowing is subtraction and intersection of the cases that a type has: the alternatives of a union, the values of a
bool, the variants of an enum.  A large union is not walked for each question: it has a
:class:`~bamlvm.compiler.alternatives.Table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bamlvm.compiler.alternatives import SMALL, Table, is_single, is_value, table_of
from bamlvm.compiler.hir import ERROR, UNSTATED
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.types import erased, is_dynamic, is_open, substitute, widen
from bamlvm.vm.program.types import (
    BOOL,
    NEVER,
    UNKNOWN,
    AliasType,
    ClassType,
    EnumType,
    FunctionType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    UnionType,
    VariableType,
    VariantType,
    literal_base,
    members,
    union,
    walk,
)

_TABLES: Final = 16
"""How many tables of unions are kept: a chain of conditions needs the last few."""
TRUE, FALSE = LiteralType(True), LiteralType(False)

_DEEPEST_COMPARISON = 80
"""So many recursive aliases within each other are opened to compare them; those that go on do not fit."""


class _Assumed:
    """What one comparison knows of pairs with recursive aliases: those that are assumed to fit, in the order in which
    they were met, and those that do not fit; ``depth`` is how many are being compared."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[Type, Type], None] = {}
        self.failed: set[tuple[Type, Type]] = set()
        self.depth = 0

    def undo(self, count: int) -> None:
        """Forget the pairs that were met after the first ``count``: what depended on them does not fit."""
        while len(self.pairs) > count:
            self.pairs.popitem()


class Solver:
    """Assignability among a project's types, with inference variables (VariableTypes whose names begin with ``?``)."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self._solved: dict[str, Type] = {}
        self._fresh = 0
        self._tables: dict[int, tuple[UnionType, Table | None]] = {}
        """The tables of the unions that were met last, by the identity of the union, which is kept with its table."""
        self._intersections: dict[tuple[int, Primitive], tuple[UnionType, Type]] = {}

    def fresh(self) -> VariableType:
        """Return a new inference variable."""
        self._fresh += 1
        return VariableType(f"?{self._fresh}")

    def resolve(self, type_: Type) -> Type:
        """Return ``type_`` with the solved inference variables replaced."""
        if not self._solved or self._table(type_) is not None:
            return type_
        previous = None
        while type_ is not previous and type_ != previous:
            previous, type_ = type_, substitute(type_, self._solved)
        return type_

    def expand(self, type_: Type) -> Type:
        """Return ``type_`` resolved, with recursive aliases opened once."""
        return type_ if self._table(type_) is not None else self.symbols.expand(self.resolve(type_))

    def assignable(self, source: Type, target: Type) -> bool:
        """Whether a value of ``source`` fits where ``target`` is expected; if so, solve inference variables."""
        if source is target:
            return True
        before = dict(self._solved)
        fits = self._fits(self.resolve(source), self.resolve(target), _Assumed())
        if not fits:
            self._solved = before
        return fits

    def same(self, one: Type, other: Type) -> bool:
        """Whether two types hold the same values."""
        return self.assignable(one, other) and self.assignable(other, one)

    def _fits(self, source: Type, target: Type, assumed: _Assumed) -> bool:
        if source is target or (type(source) is type(target) and source == target):
            return True
        if type(source) is Primitive and source in (NEVER, ERROR):
            return True
        if type(target) is Primitive and target in (UNKNOWN, ERROR):
            return True
        if is_open(source) or is_open(target):
            return self._bind(source, target)
        # Recursive aliases are compared coinductively: a pair that is being compared is assumed to fit.
        if type(source) is AliasType or type(target) is AliasType:
            return self._fits_opened(source, target, assumed)
        if type(source) is UnionType:
            return all(self._fits(self.resolve(part), self.resolve(target), assumed) for part in source.members)
        if type(target) is UnionType:
            return self._fits_union(source, target, assumed)
        match source, target:
            case LiteralType(), _:
                return literal_base(source) == target
            case VariantType(enum, _), EnumType(name):
                return enum == name
            case ListType(one), ListType(other):
                return self._invariant(one, other, assumed)
            case MapType(key, value), MapType(other_key, other_value):
                return self._invariant(key, other_key, assumed) and self._invariant(value, other_value, assumed)
            case FunctionType(takes, result, throws), FunctionType(wants, wanted, allowed):
                return (
                    len(takes) == len(wants)
                    and all(self._fits(want, take, assumed) for take, want in zip(takes, wants, strict=True))
                    and self._fits(result, wanted, assumed)
                    and (UNSTATED in members(allowed) or self._fits(throws, allowed, assumed))
                )
            case ClassType(one, arguments), ClassType(other, wanted) if one == other and len(arguments) == len(wanted):
                # The standard library's: what they hold is not put into them from outside.
                return all(
                    self._fits(self.resolve(a), self.resolve(b), assumed)
                    for a, b in zip(arguments, wanted, strict=True)
                )
            case _:
                return False

    def _fits_opened(self, source: Type, target: Type, assumed: _Assumed) -> bool:
        """Whether a recursive alias fits another type, or the other way round.

        A pair that is being compared, or was found to fit, is assumed to fit; one that did not, although more was
        assumed, never does.
        """
        pair = source, target
        if pair in assumed.pairs:
            return True
        if pair in assumed.failed or assumed.depth >= _DEEPEST_COMPARISON:
            return False
        assumed.pairs[pair] = None
        assumed.depth += 1
        fits = self._fits(self.symbols.expand(source), self.symbols.expand(target), assumed)
        assumed.depth -= 1
        if not fits and type(source) is type(target):  # there is no variable in it that could be solved otherwise
            assumed.failed.add(pair)
        return fits

    def _fits_union(self, source: Type, target: UnionType, assumed: _Assumed) -> bool:
        table = self._table(target)
        if table is not None and (is_single(source) or table.around(source) is not None):
            return table.around(source) is not None
        # An alternative may solve inference variables and fail later: the solutions of failed attempts are undone.
        for part in sorted(target.members, key=self._openness):
            before, trail = dict(self._solved), len(assumed.pairs)
            if self._fits(source, part, assumed):
                return True
            self._solved = before
            assumed.undo(trail)
        parts = self.cases(source)
        return len(parts) > 1 and source not in parts and all(self._fits(part, target, assumed) for part in parts)

    def _openness(self, type_: Type) -> int:
        """Return a sort key that puts alternatives with inference variables last."""
        return 2 if is_open(type_) else int(any(is_open(part) for part in walk(type_)))

    def _invariant(self, one: Type, other: Type, assumed: _Assumed) -> bool:
        one, other = self.resolve(one), self.resolve(other)
        return self._fits(one, other, assumed) and self._fits(self.resolve(other), self.resolve(one), assumed)

    def _bind(self, source: Type, target: Type) -> bool:
        variable, type_ = (source, target) if is_open(source) else (target, source)
        assert isinstance(variable, VariableType)
        if variable in walk(type_):
            return False
        self._solved[variable.name] = type_
        return True

    # --- cases --------------------------------------------------------------------------------------------------------

    def cases(self, type_: Type) -> tuple[Type, ...]:
        """Return the values of a bool, or the variants of an enum, as types; any other type alone.

        The last case of an enum that is ``@@dynamic`` is the enum itself: it stands for variants added at run time.
        """
        if type_ == BOOL:
            return (TRUE, FALSE)
        if isinstance(type_, EnumType) and (info := self.symbols.enum(type_.name)) is not None:
            variants = tuple(VariantType(type_.name, variant.name) for variant in info.variants)
            return (*variants, type_) if is_dynamic(info) else variants
        return (type_,)

    def alternatives(self, type_: Type) -> tuple[Type, ...]:
        """Return the alternatives of a type with aliases opened."""
        return members(self.expand(type_))

    def subtract(self, type_: Type, taken: Type) -> Type:
        """Return ``type_`` without the values of ``taken``; bool and enums are split into their values as needed."""
        type_, taken = self.expand(type_), self.expand(taken)
        if (quickly := self._without(type_, taken)) is not None:
            return quickly
        if type_ in (UNKNOWN, ERROR):
            return NEVER if taken == UNKNOWN else type_
        left: list[Type] = []
        for part in members(type_):
            if self._covers(taken, part):
                continue
            cases = self.cases(part)
            kept = [case for case in cases if not self._covers(taken, case)]
            left.extend([part] if len(kept) == len(cases) else kept)
        return self.rejoin(left)

    def intersect(self, type_: Type, wanted: Type) -> Type:
        """Return the type of a value of ``type_`` that passes a test for ``wanted``.

        The test looks at a list's items, not at how it was declared: a list that passes keeps its own type, unless
        another alternative is exactly the one that was asked for.
        """
        type_, wanted = self.expand(type_), self.expand(wanted)
        table, other = self._table(type_), self._table(wanted)
        if table is not None and is_single(wanted) and not self._is_only_variant(wanted):
            if table.around(wanted) is not None:
                return wanted
            if is_value(wanted):
                return NEVER
        if other is not None and is_value(type_) and not self._is_only_variant(type_):
            return type_ if other.around(type_) is not None else NEVER
        if table is not None and type(wanted) is Primitive and type(type_) is UnionType:
            known = self._intersections.get((id(type_), wanted))
            if known is None:
                known = self._intersections[id(type_), wanted] = type_, self._common(type_, wanted)
            return known[1]
        return self._common(type_, wanted)

    def _common(self, type_: Type, wanted: Type) -> Type:
        if type_ in (UNKNOWN, ERROR) or wanted == ERROR:
            return erased(wanted)
        # `kept` has what passes for certain; `chance` has lists and maps whose items may happen to pass.
        kept: list[Type] = []
        chance: list[Type] = []
        for part in members(type_):
            if self._covers(wanted, part):
                kept.append(part)
                continue
            cases = [case for case in self.cases(part) if self._covers(wanted, case)]
            found = cases or [w for w in members(wanted) if self._covers(part, w)]
            kept.extend(found)
            if not found and any(type(w) is type(part) for w in members(wanted)):
                chance.extend([part] if isinstance(part, ListType | MapType) else [])
        return self.rejoin(kept or chance)

    def overlaps(self, one: Type, other: Type) -> bool:
        """Whether some value is of both types."""
        return self.intersect(one, other) != NEVER or self.intersect(other, one) != NEVER

    def join(self, types: Sequence[Type]) -> Type:
        """Return the union of ``types``, as :func:`~bamlvm.vm.program.types.union` does."""
        if len(types) == 1:
            return types[0]
        large, *others = sorted(types, key=lambda each: self._table(each) is None)
        table = self._table(large)
        parts = [part for each in others for part in members(each)]
        if table is None or not all(map(is_single, parts)) or large not in (types[0], types[-1]):
            return union(types)
        joined = table.joined(parts, before=large is not types[0])
        return union(types) if joined is None else self._union_of(joined)

    def widen(self, type_: Type) -> Type:
        """Return what :func:`widen` does."""
        table = self._table(type_)
        return widen(type_) if table is None else union(table.bases)

    def is_large(self, type_: Type) -> bool:
        """Whether a type is a large union that has a table: there is no unknown, erroneous or function type in it."""
        return self._table(type_) is not None

    # --- large unions -------------------------------------------------------------------------------------------------

    def _table(self, type_: Type) -> Table | None:
        """Return the table of a large union, or None."""
        if type(type_) is not UnionType or len(type_.members) < SMALL:
            return None
        known = self._tables.get(id(type_))
        return self._remember(type_, table_of(type_)) if known is None else known[1]

    def _remember(self, type_: UnionType, table: Table | None) -> Table | None:
        if len(self._tables) >= _TABLES:
            del self._tables[next(iter(self._tables))]
        self._tables[id(type_)] = type_, table
        return table

    def _union_of(self, table: Table) -> Type:
        if len(table.alternatives) < 2:
            return next(iter(table.alternatives), NEVER)
        made = UnionType(tuple(table.alternatives))
        self._remember(made, table if len(made.members) >= SMALL else None)
        return made

    def _without(self, type_: Type, taken: Type) -> Type | None:
        """Return a large union without one of its alternatives, or None if it takes the algebra to know it."""
        table = self._table(type_)
        if table is None or not is_single(taken):
            return None
        held = taken in table.alternatives
        if not held and table.around(taken) is not None:
            return None  # what it belongs to is split
        left = table.without(taken) if held else table
        info = self.symbols.enum(left.enum) if left.enum is not None else None
        if left.is_whole(len(info.variants) + is_dynamic(info) if info is not None else 0):
            return None
        return self._union_of(left) if held else type_

    def _is_only_variant(self, type_: Type) -> bool:
        info = self.symbols.enum(type_.enum) if type(type_) is VariantType else None
        return info is not None and len(info.variants) == 1 and not is_dynamic(info)

    def _covers(self, wide: Type, narrow: Type) -> bool:
        if (self._table(wide) is None and _holds_open(wide)) or (self._table(narrow) is None and _holds_open(narrow)):
            return wide == narrow
        return self._fits(narrow, wide, _Assumed())

    def rejoin(self, parts: Iterable[Type]) -> Type:
        """Return the union of ``types``, with both booleans merged into ``bool`` and all variants into their enum."""
        kept = list(dict.fromkeys(parts))
        if TRUE in kept and FALSE in kept:
            kept[kept.index(TRUE)] = BOOL
            kept.remove(FALSE)
        for enum in {part.enum: None for part in kept if type(part) is VariantType}:
            info = self.symbols.enum(enum)
            if (
                info is not None
                and not is_dynamic(info)
                and sum(type(part) is VariantType and part.enum == enum for part in kept) == len(info.variants)
            ):
                kept[kept.index(VariantType(enum, info.variants[0].name))] = EnumType(enum)
        return union(kept)


def _holds_open(type_: Type) -> bool:
    return type(type_) not in _WITHOUT_PARTS and any(is_open(part) for part in walk(type_))


_WITHOUT_PARTS = (Primitive, LiteralType, EnumType, VariantType)
