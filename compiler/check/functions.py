"""Whole functions, callees before callers, so that the throws set of a callee is known at its call.

Functions that call each other are checked together, in rounds, until their throws sets no longer grow: a least fixed
point.  Only the last round's diagnostics count.  A set that grows without end (each call wraps what the inner one
threw) becomes ``unknown`` after a number of rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

import msgspec

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check import expressions, lints
from bamlvm.compiler.check.context import Checking, Returns, inferred, is_unnamed
from bamlvm.compiler.check.graph import CallGraph
from bamlvm.compiler.incremental import Lookup, Lookups, Memo
from bamlvm.compiler.index import reporter
from bamlvm.compiler.solver import Solver
from bamlvm.compiler.symbols import Symbols
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.types import NEVER, UNKNOWN, Type, members, union

_MOST_ROUNDS = 8
"""A throws set reaches all members of a group within as many rounds as it has members; so many more are allowed."""


@dataclass
class Known:
    """The facts about a whole project that the last check found: the call graph, the throws set of each function, the
    names of the fields that some function assigns to, the types of the constants."""

    graph: CallGraph = field(default_factory=CallGraph)
    throws: dict[str, Type] = field(default_factory=dict)
    set_fields: frozenset[str] = frozenset()
    globals: dict[str, Type] = field(default_factory=dict)


class Group(NamedTuple):
    """The checked functions of a group, and the warnings about them: the name of the function, and the diagnostic with
    places in its item."""

    functions: list[tir.Function]
    warnings: list[tuple[str, Diagnostic]]


def check_functions(
    functions: Mapping[str, hir.Function],
    symbols: Symbols,
    diagnostics: list[Diagnostic],
    memo: Memo[Group],
    known: Known,
    lookups: Lookups,
) -> dict[str, tir.Function]:
    """Check all functions; return them typed, in the order given; add errors and warnings to ``diagnostics``.

    A group of functions that call each other is one entry of ``memo``; warnings about them are part of the entry, since
    they follow from the functions alone.
    """
    throws, before = _Throws(symbols), known.throws
    types = _GlobalTypes(symbols)
    fields = _SetFields(symbols, functions)
    retyped = set(known.globals.keys() - functions.keys())
    changed = set(before.keys() - functions.keys())  # grows as functions turn out to throw something else
    lookups = {
        **lookups,
        "throws": Lookup(throws.of, changed),
        "global": Lookup(types.of, retyped),
        "is_set": Lookup(fields.is_set, fields.names ^ known.set_fields),
    }
    now = known.throws = {}
    known.set_fields = fields.names
    typed, known.globals = known.globals, types.inferred
    checked: dict[str, tir.Function] = {}
    for group, recursive in known.graph.groups(functions):
        sources = tuple(functions[name] for name in group)
        kept = memo.find(group[0], sources, lookups)
        if kept is None:
            make = partial(_check_group, sources, recursive, symbols, throws, types, fields, diagnostics)
            own = frozenset((kind, (name,)) for name in group for kind in ("throws", "global"))
            kept = memo.make(group[0], sources, symbols.reads, diagnostics, make, own)
        for warned, warning in kept.result.warnings:
            item = symbols.entry_of(warned).item
            diagnostics.append(warning.shifted(item.file, item.offset))
        for function in kept.result.functions:
            name = function.name
            if function.is_global:
                types.inferred[name] = function.result
                if typed.get(name) != function.result:
                    retyped.add(name)
            throws.inferred[name] = function.throws
            now[name] = thrown = throws.of(name)
            if before.get(name) != thrown:
                changed.add(name)
            checked[name] = function
    return {name: checked[name] for name in functions}


class _Throws:
    """The throws sets of functions, as far as they are known."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self.inferred: dict[str, Type] = {}

    def of(self, name: str) -> Type:
        """Return a function's throws set: its contract and what its function arguments throw, or the inferred set."""
        symbols = self._symbols
        contract, found = symbols.contracts.get(name), self.inferred.get(name)
        if contract is not None:
            found = union((contract, *(part for part in members(found or NEVER) if is_unnamed(part))))
        elif found is None:
            signature = symbols.standard.signatures.get(name)
            found = signature.throws if signature is not None else NEVER
        return symbols.reads.note("throws", (name,), found)


class _GlobalTypes:
    """The types of constants, as far as they are known."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self.inferred: dict[str, Type] = {}

    def of(self, name: str) -> Type:
        """Return the written type of a constant or that of its value; ERROR while its own value is checked."""
        declared = self._symbols.globals.get(name)
        written = declared.type if declared is not None else None
        found = written if written is not None else self.inferred.get(name, hir.ERROR)
        return self._symbols.reads.note("global", (name,), found)


class _SetFields:
    """The bare names of the fields that some function assigns to; fields of standard classes count as assigned to."""

    def __init__(self, symbols: Symbols, functions: Mapping[str, hir.Function]) -> None:
        self._symbols = symbols
        self.names = frozenset().union(*(function.sets for function in functions.values() if function.sets))

    @cached_property
    def _foreign(self) -> frozenset[str]:
        return frozenset(field.name for info in self._symbols.standard.classes.values() for field in info.fields)

    def is_set(self, name: str) -> bool:
        return self._symbols.reads.note("is_set", (name,), name in self.names or name in self._foreign)


def _check_group(
    group: Sequence[hir.Function],
    recursive: bool,
    symbols: Symbols,
    throws: _Throws,
    types: _GlobalTypes,
    fields: _SetFields,
    diagnostics: list[Diagnostic],
) -> Group:
    # Throws sets start empty and only grow, so the rounds end at the least fixed point.  A group that is not recursive
    # needs one round: its callees are finished.
    rounds = 0
    while True:
        rounds += 1
        found: list[Diagnostic] = []
        warnings: list[tuple[str, Diagnostic]] = []
        checked: list[tir.Function] = []
        grown = False
        for function in group:
            own: list[Diagnostic] = []
            result = _check(function, symbols, throws, types, fields, own)
            item = symbols.entry_of(function.name).item
            for each in own:
                if each.severity == "warning" and not each.fix:
                    warnings.append((function.name, each.shifted("", -item.offset)))
                else:
                    found.append(each)
            if function.is_global and rounds < _MOST_ROUNDS + len(group):
                grown = grown or types.inferred.get(function.name) != result.result
                types.inferred[function.name] = result.result
            before = throws.inferred.get(function.name, NEVER)
            after = union((before, result.throws)) if rounds < _MOST_ROUNDS + len(group) else UNKNOWN
            throws.inferred[function.name] = after
            checked.append(msgspec.structs.replace(result, throws=after))
            grown = grown or after != before
        if not (recursive and grown):
            break
    diagnostics.extend(found)
    return Group(checked, warnings)


def _check(
    function: hir.Function,
    symbols: Symbols,
    throws: _Throws,
    types: _GlobalTypes,
    fields: _SetFields,
    diagnostics: list[Diagnostic],
) -> tir.Function:
    report = reporter(symbols.entry_of(function.name), diagnostics)
    solver = Solver(symbols)
    c = Checking(symbols, solver, report, function, throws.of, fields.is_set, types.of, expressions.expression)
    c.types = [UNKNOWN] * len(function.locals)
    c.returns.append(Returns(function.result))
    defaults: list[tir.Expr | None] = []
    for parameter in function.parameters:
        default, given = parameter.default, c.flow
        defaults.append(c.coerce(default, parameter.type, " (a default)") if default is not None else None)
        c.flow = c.join(given, c.flow)
        c.declare(parameter.local, parameter.type)
    if function.is_global and function.result is not None and function.body.tail is not None:
        body = c.coerce(function.body.tail, function.result)
    else:
        body = expressions.function_body(c, function.body, function.result)
    thrown = union(c.thrown)
    if function.throws is not None:
        _check_contract(c, function, thrown)
    lints.report(c)
    return tir.Function(
        function.start,
        function.end,
        function.name,
        function.parameters,
        tuple(defaults),
        function.result if function.result is not None else c.solver.resolve(inferred(body)),
        thrown,
        body,
        function.locals,
        tuple(c.solver.resolve(type_) for type_ in c.types),
        function.is_global,
    )


def _check_contract(c: Checking, function: hir.Function, throws: Type) -> None:
    """Report E0096 for what is thrown beyond the declared set, E0097 for what is declared and never thrown."""
    assert function.throws is not None
    named = [part for part in members(throws) if not is_unnamed(part)]
    extra = [part for part in named if not c.solver.assignable(part, function.throws)]
    short = function.name.rpartition(".")[2]
    if extra:
        names = ", ".join(f"`{part}`" for part in extra)
        hint = f"declare it (`throws {union([function.throws, *extra])}`), or catch it"
        c.report.error("E0096", function.throws_at, f"`{short}` may also throw {names}", hint=hint)
    if extra or len(named) < len(members(throws)):
        return
    parts = c.symbols.contract_parts.get(function.name, ())
    idle = [part for part in parts if part not in (NEVER, UNKNOWN) and not c.solver.overlaps(part, throws)]
    if idle:
        names = ", ".join(f"`{part}`" for part in idle)
        c.report.warning("E0097", function.throws_at, f"`{short}` never throws {names}", hint="leave it out")
