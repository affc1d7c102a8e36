"""One function being resolved: its locals, and the lambdas, blocks and loops that are open.

Locals are numbered in the order in which they are declared.  A use from inside a lambda marks the local as captured and
notes it on every lambda in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bamlvm.compiler import hir
from bamlvm.compiler.index import Entry
from bamlvm.compiler.reporter import Reporter
from bamlvm.compiler.scope import Scope
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.vm.program.types import Type


@dataclass
class Variable:
    """A local: where it is declared, the ``depth`` of lambdas there, and what happens to it.

    ``set_inside`` says that a lambda other than its own assigns to it; ``kept`` that it need not be ``read``.
    """

    name: str
    start: int
    end: int
    depth: int
    captured: bool = False
    reassigned: bool = False
    set_inside: bool = False
    read: bool = False
    kept: bool = True


@dataclass
class OpenFunction:
    """A function or lambda being resolved: the locals that it captures, and how many loops are open in it."""

    captures: dict[int, None] = field(default_factory=dict)
    loops: int = 0


class Resolving:
    """The state of one top-level function, method or constant with all lambdas in it.

    ``expr`` resolves any expression; it is given because the modules of this package call each other through it.
    ``mentions`` and ``sets`` collect the functions that may be called and the fields that are assigned to, by name.
    """

    def __init__(
        self,
        entry: Entry,
        name: str,
        scope: Scope,
        symbols: Symbols,
        types: TypeResolver,
        report: Reporter,
        expr: Callable[[Resolving, syntax.Expr], hir.Expr],
    ) -> None:
        self.entry = entry
        self.name = name
        self.scope = scope
        self.symbols = symbols
        self.types = types
        self.report = report
        self.expr = expr
        self.variables: list[Variable] = []
        self.blocks: list[dict[str, int]] = [{}]
        self.functions = [OpenFunction()]
        self.assigned: list[set[int]] = []
        self.mentions: set[str] = set()
        self.sets: set[str] = set()
        signature = symbols.signature(name)
        self._type_variables = frozenset(signature.type_parameters if signature is not None else ())
        self.parameters: set[int] = set()
        """The locals that are the function's own parameters."""
        self.is_global = signature is None
        """Whether this is the initialiser of a constant."""

    def declare(self, name: str, start: int, end: int, *, kept: bool = True) -> int:
        """Declare a local in the innermost block; return its number.  Unless it is ``kept`` it is to be used."""
        self.variables.append(Variable(name, start, end, len(self.functions), kept=kept or name.startswith("_")))
        local = len(self.variables) - 1
        self.blocks[-1][name] = local
        return local

    def find(self, name: str, *, to_set: bool = False) -> int | None:
        """Return the local that a name means here and count the use, or None; it is not read where it is set."""
        for names in reversed(self.blocks):
            if name in names:
                local = names[name]
                self._use(local)
                self.variables[local].read |= not to_set
                return local
        return None

    def _use(self, local: int) -> None:
        variable = self.variables[local]
        for function in self.functions[variable.depth :]:
            function.captures[local] = None
            variable.captured = True

    def assign(self, local: int) -> None:
        """Note an assignment to a local, on every loop that is open."""
        variable = self.variables[local]
        variable.reassigned = True
        variable.set_inside = variable.set_inside or variable.depth < len(self.functions)
        for assigned in self.assigned:
            assigned.add(local)

    def is_local(self, name: str) -> bool:
        """Whether a name is a local's; does not count as a use."""
        return any(name in names for names in self.blocks)

    def refer(self, start: int, end: int, symbol: Symbol | None) -> None:
        """Note what a name means (:mod:`bamlvm.compiler.uses`)."""
        self.scope.reads.refer(self.entry.declaration, start, end, symbol)

    def refer_local(self, start: int, end: int, local: int) -> None:
        """Note that a name means a local."""
        if self.scope.reads.uses is None:
            return
        name = self.variables[local].name
        is_parameter = local in self.parameters
        symbol = Symbol("parameter", self.name, name) if is_parameter else Symbol("local", self.name, name, local)
        self.refer(start, end, symbol)

    def miss(self, start: int, end: int, owner: Type | str | None) -> None:
        """Note that a name means nothing, and the locals that it could have been."""
        visible = {name: local for names in self.blocks for name, local in names.items() if not name.startswith("$")}
        self.scope.reads.miss(self.entry.declaration, start, end, owner, visible)

    def type(self, written: syntax.TypeExpr) -> Type:
        """Resolve a written type."""
        return self.types.resolve(written, self.entry, self.report, self._type_variables)

    def source(self, node: syntax.Node) -> str:
        """Return the text of a node."""
        return self.entry.item.text[node.start : node.end]
