"""Constants: what their initialisers may do.

A constant is evaluated when it is first read, in the middle of whatever reads it, and its value belongs to all calls.
So its initialiser must reach no sys-op (E0163): neither time, network nor environment of the call that happens to be
first may decide a value that all later calls see.  Nor may it need its own value (E0068).

Both are read off the checked code of the functions that it may call.  A method whose class is known only at run time
counts for every class that the receiver may have; a function that is named counts as called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from operator import eq

import msgspec

from bamlvm.compiler import tir
from bamlvm.compiler.index import reporter
from bamlvm.compiler.reporter import name_range
from bamlvm.compiler.symbols import Symbols
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.cycles import components
from bamlvm.vm.program.types import ClassType, members
from bamlvm.vm.program.unit import Unit

_SEARCHED = 100
"""Constants for which the shortest way is looked for: each may lead through all of the others."""
_SHOWN = 12
"""Names of a way that an error shows."""


def check_globals(functions: Mapping[str, tir.Function], symbols: Symbols, diagnostics: list[Diagnostic]) -> None:
    """Report the constants that reach a sys-op, and those that need their own value."""
    if not symbols.globals:
        return
    callees: dict[str, list[str]] = {}

    def callees_of(name: str) -> list[str]:
        if name not in callees:
            function = functions.get(name)
            found = _in_project(function) if function is not None else _in_standard(symbols.standard, name)
            callees[name] = list(dict.fromkeys(found))
        return callees[name]

    # One walk over all of them tells which have a way to report; only these look for the shortest.
    graph = _graph(symbols.globals, callees_of)
    in_cycle = {each for group in components(graph) for each in group if len(group) > 1 or each in graph[each]}
    touching = _leading_to((each for each in graph if _is_sysop(symbols, each)), graph)
    reported: set[str] = set()
    left = _SEARCHED
    for name, declared in symbols.globals.items():
        if name not in in_cycle and name not in touching:
            continue
        if left == 0:
            break
        left -= 1
        report = reporter(declared.entry, diagnostics)
        at = name_range(declared.declaration)
        short = declared.declaration.name
        cycle = _path(name, callees_of, partial(eq, name)) if name in in_cycle else None
        if cycle is not None:
            if reported.isdisjoint(cycle):
                message = f"the value of `{short}` needs itself: {_chain([name, *cycle])}"
                report.error("E0068", at, message, hint="give one of them a value of its own")
            reported.update(cycle)
            continue
        way = _path(name, callees_of, lambda reached: _is_sysop(symbols, reached)) if name in touching else None
        if way is not None and reported.isdisjoint(way):
            through = f", by way of {_chain(way[:-1])}" if len(way) > 1 else ""
            report.error(
                "E0163",
                at,
                f"the constant `{short}` calls `{way[-1]}`{through}, which touches the world",
                hint="its value is shared by all calls: make it a function, or pass the value as an argument",
            )
            reported.add(name)


def _chain(names: list[str]) -> str:
    shown = names if len(names) <= _SHOWN else [*names[: _SHOWN // 2], "…", *names[-_SHOWN // 2 :]]
    return " → ".join(f"`{name}`" if name != "…" else name for name in shown)


def _is_sysop(symbols: Symbols, name: str) -> bool:
    signature = symbols.signatures.get(name) or symbols.standard.signatures.get(name)
    return signature is not None and signature.kind == "sysop"


def _graph(starts: Iterable[str], callees_of: Callable[[str], list[str]]) -> dict[str, list[str]]:
    """Return all that the starts lead to, each with what it calls."""
    graph: dict[str, list[str]] = {}
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name not in graph:
            graph[name] = callees_of(name)
            waiting += graph[name]
    return graph


def _leading_to(ends: Iterable[str], graph: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the names from which one of the ends is reached, these included."""
    callers: dict[str, list[str]] = {}
    for name, callees in graph.items():
        for callee in callees:
            callers.setdefault(callee, []).append(name)
    found = set(ends)
    waiting = list(found)
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            if caller not in found:
                found.add(caller)
                waiting.append(caller)
    return found


def _path(start: str, callees_of: Callable[[str], list[str]], wanted: Callable[[str], bool]) -> list[str] | None:
    """Return the shortest way of calls from a constant to a name that is ``wanted``, without the start, or None."""
    before: dict[str, str] = {}
    waiting = [start]
    for name in waiting:
        for callee in callees_of(name):
            if wanted(callee):
                way = [callee]
                while name != start:
                    way.append(name)
                    name = before[name]
                return way[::-1]
            if callee not in before and callee != start:
                before[callee] = name
                waiting.append(callee)
    return None


def _in_project(function: tir.Function) -> Iterator[str]:
    """Yield the names of what a function may call and of the constants that it reads."""
    waiting: list[object] = [function.body, *function.defaults]
    while waiting:
        node = waiting.pop()
        match node:
            case tir.CallNamed(name=name) | tir.FunctionValue(name=name) | tir.Global(name=name):
                yield name
            case tir.CallMethod(name=name, arguments=(receiver, *_)) if receiver is not None:
                for part in members(receiver.type):
                    if isinstance(part, ClassType):
                        yield f"{part.name}.{name}"
        if isinstance(node, tir.Node):
            waiting.extend(getattr(node, field) for field in _fields(type(node)))
        elif type(node) is tuple:
            waiting.extend(node)


@cache
def _fields(kind: type[tir.Node]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind))


def _in_standard(standard: Unit, name: str) -> Iterator[str]:
    """Yield the names that a compiled function of the standard library refers to, if they are callable."""
    placed = standard.functions.get(name)
    if placed is not None:
        yield from (each for each in placed.function.names if each in standard.signatures)
        lambdas = f"{name}$"
        yield from (each for each in placed.function.names if each.startswith(lambdas))
