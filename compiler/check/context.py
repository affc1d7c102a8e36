"""The state of one function's check.

:class:`Flow` has the narrowed types of locals at a point.  Branches copy it and are joined; an assignment forgets the
narrowed type of its local; a loop forgets, on entry, those that its body assigns to.

A field is narrowed like a local, by the path to it.  A local that some lambda assigns to, and a field that some
function assigns to, may change whenever a call runs code of the program; a field that nothing assigns to never does.

Unreachable code is checked like any other, with the narrowed types that it would have if it were reached.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import compress
from operator import is_, not_
from typing import Literal, NamedTuple, TypeAlias

from bamlvm.compiler import hir, tir
from bamlvm.compiler.reporter import Located, Reporter
from bamlvm.compiler.solver import Solver
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.types import is_open, widen
from bamlvm.compiler.uses import Symbol
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NEVER,
    NULL,
    STRING,
    ListType,
    LiteralType,
    MapType,
    Type,
    VariableType,
    is_panic,
    members,
    union,
    walk,
)

Place: TypeAlias = int | tuple[int | str, ...]
"""What can be narrowed: a local, or a field of one by the path to it, ``(local, name, …)``."""

_TRUTHS: Mapping[Type, str] = {INT: "x != 0", FLOAT: "x != 0.0", STRING: 'x != ""'}
"""Hints for a value where a bool is expected."""

_LEFT = 1000
"""Distances to unreachable code: a way that was left is closed for certain; one past a constant, or to a type without
values, less so."""


class Flow(NamedTuple):
    """The narrowed types of locals and fields at a point.

    ``distance`` is 0 at reachable code; elsewhere it counts the obstacles on the way, so that unreachable code is
    checked as if the nearest way into it were open.
    """

    types: Mapping[Place, Type]
    distance: int

    @property
    def live(self) -> bool:
        return self.distance == 0

    @property
    def is_closed(self) -> bool:
        """Whether every way here was left for certain."""
        return self.distance >= _LEFT

    def left(self) -> Flow:
        """Return the flow after something that diverges."""
        return Flow(self.types, self.distance + _LEFT)

    def refuted(self) -> Flow:
        """Return the flow after a condition that never holds."""
        return Flow(self.types, self.distance + 1)

    def without(self, places: Collection[Place]) -> Flow:
        """Return the flow with some places not narrowed."""
        gone = [place for place in places if place in self.types]
        if not gone:
            return self
        types = dict(self.types)
        for place in gone:
            del types[place]
        return Flow(types, self.distance)

    def only(self, kept: Callable[[Place], bool]) -> Flow:
        """Return the flow with only some places narrowed."""
        if not self.types:
            return self
        return Flow({place: type_ for place, type_ in self.types.items() if kept(place)}, self.distance)


@dataclass
class Exits:
    """The flows at the ``break``s and at the ``continue``s of a loop."""

    breaks: list[Flow] = field(default_factory=list)
    continues: list[Flow] = field(default_factory=list)


@dataclass
class Returns:
    """The declared result, or the list of what a lambda without one returns."""

    declared: Type | None
    found: list[Type] = field(default_factory=list)


class Lint(NamedTuple):
    """A warning about something that can hardly be meant; see :mod:`bamlvm.compiler.check.lints`."""

    code: str
    node: hir.Node
    message: str
    hint: str | None


@dataclass
class Checking:
    """One function being checked.

    ``expr`` checks any expression; it is given because the modules of this package call each other through it.
    """

    symbols: Symbols
    solver: Solver
    report: Reporter
    function: hir.Function
    throws_of: Callable[[str], Type]
    is_set: Callable[[str], bool]
    """Whether some function assigns to a field of this name."""
    global_type: Callable[[str], Type]
    """Return the type of a constant."""
    expr: Callable[[Checking, hir.Expr, Type | None], tir.Expr]
    types: list[Type] = field(default_factory=list)
    flow: Flow = field(default_factory=lambda: Flow({}, 0))
    thrown: list[Type] = field(default_factory=list)
    returns: list[Returns] = field(default_factory=list)
    loops: list[Exits] = field(default_factory=list)
    lints: list[Lint] = field(default_factory=list)
    chains: list[list[Flow]] = field(default_factory=list)
    """The flows that leave each open optional chain, because an object in it is null."""
    assignments: dict[int | str, int] = field(default_factory=dict)
    """How often a local, or a field of this name, was assigned to so far."""
    calls: int = 0
    """How many calls so far may have run code of the program."""
    _narrowed: dict[int | str, set[Place]] = field(default_factory=dict)
    """The places that some flow narrows, by their local, and by each name in their path."""
    _fragile: set[Place] = field(default_factory=set)
    """Those of them that may change in a call."""

    # --- locals and flow ----------------------------------------------------------------------------------------------

    def local_type(self, local: int) -> Type:
        """Return the type of a local here."""
        return self.flow.types.get(local, self.types[local])

    def version(self, place: Place | None) -> tuple[int, ...]:
        """Return a value that changes once the value in a place may have changed."""
        if place is None:
            return ()
        parts = (place,) if isinstance(place, int) else place
        counts = [self.assignments.get(part, 0) for part in parts]
        return (*counts, 0 if self._survives_calls(place) else self.calls)

    def _survives_calls(self, place: Place) -> bool:
        root, *names = (place,) if isinstance(place, int) else place
        assert isinstance(root, int)
        local = self.function.locals[root]
        # Inside a lambda, which may run in a thread of its own, the function around it may set a shared local, too.
        if local.set_inside or (local.shared and len(self.returns) > 1):
            return False
        return not any(self.is_set(str(name)) for name in names)

    def declare(self, local: int, type_: Type) -> None:
        """Give a local its type; its narrowed type from an earlier round of a loop is forgotten."""
        self.types[local] = type_
        self.forget(local)

    def assigned(self, local: int, declared: Type, value: tir.Expr) -> None:
        """Note an assignment: the local's narrowed type is that of the value."""
        self.assignments[local] = self.assignments.get(local, 0) + 1
        self.forget(local)
        self._put(local, declared, value)

    def field_assigned(self, name: str, place: Place | None, declared: Type, value: tir.Expr) -> None:
        """Note an assignment to a field, at ``place`` if that is known: any field of that name may be the same one."""
        self.assignments[name] = self.assignments.get(name, 0) + 1
        self.flow = self.flow.without(self._narrowed.get(name, ()))
        if place is not None:
            self._put(place, declared, value)

    def called(self) -> None:
        """Note a call that may run code of the program."""
        self.calls += 1
        self._forget_fragile()

    def _forget_fragile(self) -> None:
        types = self.flow.types
        if types and self._fragile:
            gone = [place for place in self._fragile if place in types and not self._survives_calls(place)]
            self.flow = self.flow.without(gone)

    def enter_loop(self, assigned: frozenset[int]) -> None:
        """Forget what may have changed when the next round of a loop begins, which assigns to some locals."""
        self._forget_fragile()
        for local in assigned:
            self.forget(local)

    def _put(self, place: Place, declared: Type, value: tir.Expr) -> None:
        # Only a type with alternatives is narrowed by an assignment; others would only lose their declared name.
        if value.type != NEVER and len(self.solver.alternatives(declared)) > 1:
            known = self.solver.intersect(declared, inferred(value))
            if known not in (NEVER, declared):
                self.flow = self.narrowed(self.flow, place, known)

    def forget(self, local: int) -> None:
        self.flow = self.flow.without(self._narrowed.get(local, ()))

    def narrowed(self, flow: Flow, place: Place | None, type_: Type) -> Flow:
        """Return ``flow`` with a place narrowed to ``type_``; it is unreachable if no value is of that type."""
        if place is None:
            return flow
        self._note_narrowed(place)
        return Flow({**flow.types, place: type_}, flow.distance + (type_ == NEVER))

    def _note_narrowed(self, place: Place) -> None:
        """Note that a place is narrowed in some flow, so that it is found by what makes that untrue."""
        root, *names = (place,) if isinstance(place, int) else place
        known = self._narrowed.setdefault(root, set())
        if place in known:
            return
        known.add(place)
        for name in names:
            self._narrowed.setdefault(name, set()).add(place)
        assert isinstance(root, int)
        local = self.function.locals[root]
        if local.set_inside or local.shared or any(self.is_set(str(name)) for name in names):
            self._fragile.add(place)

    def join(self, *flows: Flow) -> Flow:
        """Return the flow where branches meet: the union over those that are reachable (or nearest to it)."""
        # Branches that end in `return` or `throw` do not come here and must not widen what the others know.  Where all
        # are unreachable the nearest ones are joined, so that code after them is still checked with sensible types.
        distance = min(flow.distance for flow in flows)
        first, *others = (flow for flow in flows if flow.distance == distance)
        others = [other for other in others if other.types != first.types]
        if not others:
            return first
        # A place that one branch does not narrow has its declared type there: it is narrowed in all of them or in none.
        # What is narrowed alike, which is nearly all of it, is not looked at here, but by functions of C.
        both = dict(first.types)
        alike = [map(is_, first.types.values(), map(other.types.get, first.types)) for other in others]
        for place in compress(first.types, map(not_, map(all, zip(*alike, strict=True)))):
            if all(place in other.types for other in others):
                both[place] = self.solver.join([flow.types[place] for flow in (first, *others)])
            else:
                del both[place]
        return Flow(both, distance)

    def settled(self, flow: Flow) -> Flow:
        """Return the part of ``flow`` that holds at any later time: narrowed locals that nothing reassigns, and their
        fields that nothing assigns to."""
        locals_ = self.function.locals
        return flow.only(lambda place: not locals_[_root(place)].reassigned and self._survives_calls(place))

    # --- types --------------------------------------------------------------------------------------------------------

    def coerce(self, node: hir.Expr, target: Type, because: str = "") -> tir.Expr:
        """Check ``node`` where ``target`` is expected; report E0001 if its type does not fit."""
        checked = self.expr(self, node, target)
        self.require(checked, target, node, because)
        return checked

    def require(self, checked: tir.Expr, target: Type, where: Located, because: str = "") -> None:
        source = inferred(checked) if is_open(self.solver.resolve(target)) else checked.type
        if self.solver.assignable(source, target):
            return
        found, wanted = self.solver.resolve(checked.type), self.solver.resolve(target)
        if any(part == hir.ERROR for type_ in (found, wanted) for part in walk(type_)):
            return  # follows from an error that was reported
        hint = self._conversion(found, wanted)
        self.report.error("E0001", where, f"expected `{wanted}`{because}, found `{found}`", hint=hint)

    def _conversion(self, found: Type, wanted: Type) -> str | None:
        """Return a hint how to convert a value of ``found`` to ``wanted``, or None."""
        parts = members(found)
        may_be_null = NULL in parts and len(parts) > 1
        if may_be_null and self.solver.assignable(self.solver.subtract(found, NULL), wanted):
            return "it may be null: check with `if (x != null)`, or set a default with `??`"
        plain = widen(found)
        if plain == INT and FLOAT in members(wanted):
            instead = f"{found}.0" if isinstance(found, LiteralType) else "x * 1.0"
            return f"an int never becomes a float by itself: write `{instead}`"
        if wanted == BOOL:
            test = "x != null" if may_be_null else _TRUTHS.get(plain)
            test = "xs.length() > 0" if isinstance(found, ListType | MapType) else test
            return f"nothing but a bool is true or false: write `{test}`" if test else None
        if STRING in members(wanted) and plain in (INT, FLOAT, BOOL):
            return "nothing becomes a string by itself: write `x.to_string()` or a template string `${x}`"
        return None

    # --- what names mean (:mod:`bamlvm.compiler.uses`)

    def refer(self, start: int, kind: Literal["item", "member", "parameter"], owner: str, name: str) -> None:
        """Note what the name that begins at ``start`` means, unless it is one that is written nowhere."""
        reads = self.symbols.reads
        if reads.uses is not None:
            entry = self.symbols.entry_of(self.function.name)
            if entry.item.text.startswith(name, start):
                reads.refer(entry.declaration, start, start + len(name), Symbol(kind, owner, name))

    def miss(self, start: int, name: str, owner: Type) -> None:
        """Note that a value has no such member."""
        reads = self.symbols.reads
        if reads.uses is not None:
            declaration = self.symbols.entry_of(self.function.name).declaration
            reads.miss(declaration, start, start + len(name), self.solver.resolve(owner))

    # --- what is thrown

    def throw(self, type_: Type) -> None:
        """Note that a value of ``type_`` may be thrown here.  Panics are in no throws set: any code may raise them."""
        type_ = union(part for part in members(type_) if not is_panic(part))
        if type_ != NEVER and self.flow.live:
            self.thrown.append(type_)


def place_of(node: tir.Expr) -> Place | None:
    """Return the place that an expression reads, if it is a local or a field of one, else None."""
    if isinstance(node, tir.Local):
        return node.local
    if isinstance(node, tir.Field) and (around := place_of(node.object)) is not None:
        return (*((around,) if isinstance(around, int) else around), node.name)
    return None


def _root(place: Place) -> int:
    root = place if isinstance(place, int) else place[0]
    assert isinstance(root, int)
    return root


def is_unnamed(type_: Type) -> bool:
    """Whether a member of a throws set stands for what function values throw, which may be anything."""
    return isinstance(type_, VariableType)


def inferred(node: tir.Expr) -> Type:
    """Return the type of a local that is declared with the value of ``node``; that of a literal is widened."""
    match node:
        case _ if node.type == NEVER:
            return NEVER
        case tir.Constant() | tir.Variant():
            return widen(node.type)
        case tir.Block(tail=tail) if tail is not None:
            return inferred(tail)
        case tir.If():
            return union((inferred(node.then), inferred(node.otherwise) if node.otherwise is not None else NULL))
        case tir.Match():
            return union(inferred(arm.body) for arm in node.arms)
        case tir.Catch():
            return union((inferred(node.operand), *(inferred(arm.body) for arm in node.arms)))
        case tir.Logical(operator="??"):
            return union((node.type, inferred(node.right)))
        case _:
            return node.type
