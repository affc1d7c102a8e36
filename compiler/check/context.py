"""The state of one function's check.

*Flow* is what is known of locals at a point: a mapping from local to its narrowed type, or None where control cannot
come.  Branches copy it and are joined; an assignment forgets what was known of its local; a loop forgets, on entry,
what its body assigns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bamlvm.compiler import hir, tir
from bamlvm.compiler.declare import World
from bamlvm.compiler.report import Placed, Reporter
from bamlvm.compiler.types import Solver
from bamlvm.vm.types import NEVER, NULL, ClassType, Type, members, union

PANICS = "baml.panics."
"""What the names of the machine's own errors begin with."""

Flow: TypeAlias = Mapping[int, Type] | None


@dataclass
class Returns:
    """Where ``return`` goes: the declared result, or a list of what a lambda without one returns."""

    declared: Type | None
    found: list[Type] = field(default_factory=list)


@dataclass
class Checking:
    """One function being checked.  ``expr`` is set by :mod:`expressions`, which knows all kinds of nodes."""

    world: World
    solver: Solver
    report: Reporter
    function: hir.Function
    throws_of: Callable[[str], Type]
    expr: Callable[[Checking, hir.Expr, Type | None], tir.Expr]
    types: list[Type] = field(default_factory=list)
    flow: Flow = field(default_factory=dict)
    thrown: list[Type] = field(default_factory=list)
    returns: list[Returns] = field(default_factory=list)
    breaks: list[list[Flow]] = field(default_factory=list)

    # --- locals and flow ----------------------------------------------------------------------------------------------

    def local_type(self, local: int) -> Type:
        """What is known of a local here."""
        declared = self.types[local]
        return self.flow.get(local, declared) if self.flow is not None else declared

    def declare(self, local: int, type_: Type) -> None:
        """Give a local its type; anything known of an earlier life of it (in a loop) is forgotten."""
        self.types[local] = type_
        self.forget(local)

    def forget(self, local: int) -> None:
        if self.flow is not None and local in self.flow:
            self.flow = {key: value for key, value in self.flow.items() if key != local}

    def forget_all(self, locals_: frozenset[int]) -> None:
        if self.flow is not None and not locals_.isdisjoint(self.flow):
            self.flow = {key: value for key, value in self.flow.items() if key not in locals_}

    def narrowed(self, flow: Flow, local: int, type_: Type) -> Flow:
        """``flow`` with a local known to be of ``type_``; unreachable if nothing is of it."""
        if flow is None or self.function.locals[local].shared:
            return flow
        if type_ == NEVER:
            return None
        return {**flow, local: type_}

    def join(self, one: Flow, other: Flow) -> Flow:
        """What holds where two branches meet."""
        if one is None:
            return other
        if other is None or one == other:
            return one
        return {local: union((one[local], other[local])) for local in one if local in other}

    def settled(self, flow: Flow) -> Flow:
        """What of ``flow`` still holds at an unknown later time: what is known of locals that nothing reassigns."""
        if flow is None:
            return None
        return {local: type_ for local, type_ in flow.items() if not self.function.locals[local].reassigned}

    # --- types --------------------------------------------------------------------------------------------------------

    def coerce(self, node: hir.Expr, target: Type, because: str = "") -> tir.Expr:
        """Check ``node`` where ``target`` is expected; E0001 if its type does not fit."""
        checked = self.expr(self, node, target)
        self.require(checked, target, node, because)
        return checked

    def require(self, checked: tir.Expr, target: Type, where: Placed, because: str = "") -> None:
        if self.solver.assignable(checked.type, target):
            return
        found, wanted = self.solver.resolve(checked.type), self.solver.resolve(target)
        hint = None
        parts = members(found)
        if NULL in parts and len(parts) > 1 and self.solver.assignable(self.solver.subtract(found, NULL), wanted):
            hint = "it may be null: check with `if (x != null)`, or give a default with `??`"
        elif str(found) in ("int", "1") and str(wanted) == "float":
            hint = "an int never becomes a float by itself: write `1.0`"
        self.report.error("E0001", where, f"expected `{wanted}`{because}, found `{found}`", hint=hint)

    def throw(self, type_: Type) -> None:
        """Note that control may leave here with a value of ``type_``.  A panic may leave anywhere: no set has it."""
        type_ = union(part for part in members(type_) if not is_panic(part))
        if type_ != NEVER and self.flow is not None:
            self.thrown.append(type_)


def is_panic(type_: Type) -> bool:
    """Whether a type is one of the errors that the machine itself raises."""
    return isinstance(type_, ClassType) and type_.name.startswith(PANICS)
