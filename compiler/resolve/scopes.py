"""Locals: numbered as they are declared; a use from inside a lambda marks the local as captured and notes it on every
lambda in between."""

from __future__ import annotations

from dataclasses import dataclass, field

from bamlvm.compiler.index import Entry
from bamlvm.compiler.reporter import Reporter
from bamlvm.compiler.scope import Scope
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.grammar import syntax
from bamlvm.vm.program.declarations import Signature
from bamlvm.vm.program.types import Type


@dataclass
class Variable:
    name: str
    start: int
    end: int
    depth: int
    captured: bool = False
    reassigned: bool = False
    set_inside: bool = False


@dataclass
class Context:
    """A function or lambda being resolved: what it captures, and how many loops are open in it."""

    captures: dict[int, None] = field(default_factory=dict)
    loops: int = 0


class Scopes:
    """One function being resolved: its locals, and the lambdas and blocks that are open."""

    def __init__(
        self, entry: Entry, name: str, scope: Scope, symbols: Symbols, types: TypeResolver, report: Reporter
    ) -> None:
        self._entry = entry
        self._name = name
        self._scope = scope
        self._symbols = symbols
        self._types = types
        self._report = report
        self._variables: list[Variable] = []
        self._scopes: list[dict[str, int]] = [{}]
        self._contexts = [Context()]
        self._assigned: list[set[int]] = []
        self._mentions: set[str] = set()
        self._sets: set[str] = set()
        signature = self._signature(name)
        self._type_variables = frozenset(signature.type_parameters)

    def _signature(self, name: str) -> Signature:
        signature = self._symbols.signature(name)
        assert signature is not None
        return signature

    def _declare(self, name: str, start: int, end: int) -> int:
        self._variables.append(Variable(name, start, end, len(self._contexts)))
        local = len(self._variables) - 1
        self._scopes[-1][name] = local
        return local

    def _find(self, name: str) -> int | None:
        for scope in reversed(self._scopes):
            if name in scope:
                local = scope[name]
                self._use(local)
                return local
        return None

    def _use(self, local: int) -> None:
        variable = self._variables[local]
        for context in self._contexts[variable.depth :]:
            context.captures[local] = None
            variable.captured = True

    def _set(self, local: int) -> None:
        variable = self._variables[local]
        variable.reassigned = True
        variable.set_inside = variable.set_inside or variable.depth < len(self._contexts)
        for assigned in self._assigned:
            assigned.add(local)

    def _is_local(self, name: str) -> bool:
        return any(name in scope for scope in self._scopes)

    def _type(self, written: syntax.TypeExpr) -> Type:
        return self._types.resolve(written, self._entry, self._report, self._type_variables)
