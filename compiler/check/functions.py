"""Whole functions, callees before callers, so that what a function throws is known where it is called.

Functions that call each other are checked together, again and again until their throws sets no longer grow; only the
last round's diagnostics count.  Throws sets only grow; one that does so for ever (each call wraps what the one inside
it threw) becomes ``unknown``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import msgspec

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check import expressions
from bamlvm.compiler.check.context import Checking, Returns, is_unnamed
from bamlvm.compiler.declare import World
from bamlvm.compiler.memo import Lookups, Memo
from bamlvm.compiler.names import reporter
from bamlvm.compiler.types import Solver
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.types import NEVER, UNKNOWN, Type, members, union

_MOST_ROUNDS = 8
"""What is thrown goes around a group of functions in as many rounds as it has members, at most; so many more are
allowed."""


def check_functions(
    functions: Mapping[str, hir.Function],
    world: World,
    diagnostics: list[Diagnostic],
    memo: Memo[list[tir.Function]],
    lookups: Lookups,
) -> dict[str, tir.Function]:
    """Check all functions; gives them typed, in the order given, and adds what is wrong to ``diagnostics``.

    A group of functions that call each other is one entry of ``memo``.
    """
    throws = _Throws(world)
    lookups = {**lookups, "throws": throws.of}
    methods = _by_method(functions)
    checked: dict[str, tir.Function] = {}
    for group in call_groups(functions, methods):
        sources = tuple(functions[name] for name in group)
        recursive = len(group) > 1 or group[0] in _callees(sources[0], functions, methods)
        made = memo.get(
            group[0],
            sources,
            world.reads,
            lookups,
            diagnostics,
            partial(_check_group, sources, recursive, world, throws, diagnostics),
            frozenset(("throws", (name,)) for name in group),
        )
        for function in made:
            throws.inferred[function.name] = function.throws
            checked[function.name] = function
    return {name: checked[name] for name in functions}


class _Throws:
    """What calling a function may throw, as far as it is known."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.inferred: dict[str, Type] = {}

    def of(self, name: str) -> Type:
        """Its contract, and what the functions throw that it is given or finds; without a contract, what was found."""
        world = self._world
        contract, found = world.contracts.get(name), self.inferred.get(name)
        if contract is not None:
            found = union((contract, *(part for part in members(found or NEVER) if is_unnamed(part))))
        elif found is None:
            signature = world.standard.signatures.get(name)
            found = signature.throws if signature is not None else NEVER
        return world.reads.note("throws", (name,), found)


def _check_group(
    group: Sequence[hir.Function], recursive: bool, world: World, throws: _Throws, diagnostics: list[Diagnostic]
) -> list[tir.Function]:
    rounds = 0
    while True:
        rounds += 1
        found: list[Diagnostic] = []
        checked: list[tir.Function] = []
        grown = False
        for function in group:
            result = _check(function, world, throws, found)
            before = throws.inferred.get(function.name, NEVER)
            after = union((before, result.throws)) if rounds < _MOST_ROUNDS + len(group) else UNKNOWN
            throws.inferred[function.name] = after
            checked.append(msgspec.structs.replace(result, throws=after))
            grown = grown or after != before
        if not (recursive and grown):
            break
    diagnostics.extend(found)
    return checked


def _check(function: hir.Function, world: World, throws: _Throws, diagnostics: list[Diagnostic]) -> tir.Function:
    report = reporter(world.bodies[function.name][0], diagnostics)
    c = Checking(world, Solver(world), report, function, throws.of, expressions.expression)
    c.types = [UNKNOWN] * len(function.locals)
    c.returns.append(Returns(function.result))
    defaults: list[tir.Expr | None] = []
    for parameter in function.parameters:
        default, given = parameter.default, c.flow
        defaults.append(c.coerce(default, parameter.type, " (a default)") if default is not None else None)
        c.flow = c.join(given, c.flow)
        c.declare(parameter.local, parameter.type)
    body = expressions.function_body(c, function.body, function.result)
    thrown = union(c.thrown)
    if function.throws is not None:
        _check_contract(c, function, thrown)
    return tir.Function(
        function.start,
        function.end,
        function.name,
        function.parameters,
        tuple(defaults),
        function.result,
        thrown,
        body,
        function.locals,
        tuple(c.solver.resolve(type_) for type_ in c.types),
    )


def _check_contract(c: Checking, function: hir.Function, throws: Type) -> None:
    """E0096 for what is thrown beyond the declared set, E0097 for what is declared and never thrown."""
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
    parts = c.world.contract_parts.get(function.name, ())
    idle = [part for part in parts if part not in (NEVER, UNKNOWN) and not c.solver.overlaps(part, throws)]
    if idle:
        names = ", ".join(f"`{part}`" for part in idle)
        c.report.warning("E0097", function.throws_at, f"`{short}` never throws {names}", hint="leave it out")


# --- the call graph ---------------------------------------------------------------------------------------------------


def _by_method(functions: Mapping[str, hir.Function]) -> dict[str, list[str]]:
    """Methods by ``.name``, which is all that is known of a method call before types are."""
    found: dict[str, list[str]] = {}
    for name in functions:
        owner, _, method = name.rpartition(".")
        if owner:
            found.setdefault(f".{method}", []).append(name)
    return found


def _callees(
    function: hir.Function, functions: Mapping[str, hir.Function], methods: Mapping[str, list[str]]
) -> list[str]:
    found: list[str] = []
    for mention in sorted(function.mentions):
        found.extend(methods.get(mention, ()) if mention.startswith(".") else [mention])
    return [name for name in found if name in functions]


def call_groups(functions: Mapping[str, hir.Function], methods: Mapping[str, list[str]]) -> Iterable[list[str]]:
    """The strongly connected components of the call graph, callees first (Tarjan's algorithm, without recursion)."""
    edges = {name: _callees(function, functions, methods) for name, function in functions.items()}
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    on_stack: set[str] = set()
    for root in functions:
        if root in order:
            continue
        work = [(root, iter(edges[root]))]
        order[root] = low[root] = len(order)
        waiting.append(root)
        on_stack.add(root)
        while work:
            name, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[name])
                if low[name] == order[name]:
                    place = waiting.index(name)
                    group = waiting[place:]
                    del waiting[place:]
                    on_stack.difference_update(group)
                    yield group
            elif following not in order:
                order[following] = low[following] = len(order)
                waiting.append(following)
                on_stack.add(following)
                work.append((following, iter(edges[following])))
            elif following in on_stack:
                low[name] = min(low[name], order[following])
