"""What names mean, and where they are written: recorded while they are resolved, for editors.

Rule: the code that resolves a name notes it (:meth:`bamlvm.compiler.incremental.Reads.refer`); nothing resolves it a
second time.  A name that means nothing leaves a :class:`Gap`: what could have stood there.  Nothing is recorded unless
a :class:`bamlvm.compiler.project.Project` is asked to; results that are kept keep what was noted when they were made.

Ranges are offsets in the item whose declaration is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from bamlvm.compiler import hir
from bamlvm.grammar import syntax
from bamlvm.vm.program.declarations import Signature

Kind: TypeAlias = Literal["item", "member", "parameter", "local", "variable", "environment"]


class Symbol(NamedTuple):
    """What a name means.

    ==============  ======================================  ==========================================
    kind            owner                                   name
    ==============  ======================================  ==========================================
    item            "", "test" or "generator"               the qualified name of an item; tests and
                                                            generators have names of their own
    member          the class or enum                       a field, variant or method
    parameter       the function or template string         a parameter
    local           the function                            a local; ``number`` is its number there
    variable        the function or template string         a variable that a prompt sets; ``number`` is
                                                            where it is set, in the prompt's text
    environment     ""                                      a variable of the environment
    ==============  ======================================  ==========================================
    """

    kind: Kind
    owner: str
    name: str
    number: int = -1


class Use(NamedTuple):
    """A name and what it means.  ``value`` is what it has in a prompt: a type, or a value of
    :mod:`bamlvm.compiler.templates.values`; None outside of prompts, where the tir has types."""

    declaration: syntax.Declaration
    start: int
    end: int
    symbol: Symbol
    value: Any = None


class Gap(NamedTuple):
    """A name that means nothing.

    ``owner`` is what it should be a member of: a type, a value of a prompt, the path of a namespace or item; None for a
    bare name.  ``visible`` are the locals (by name: their numbers) or a prompt's variables (by name: their values) that
    it could have been.
    """

    declaration: syntax.Declaration
    start: int
    end: int
    owner: Any
    visible: Mapping[str, Any]


Noted: TypeAlias = Use | Gap


def of_callable(signature: Signature) -> Symbol:
    """Return the symbol of a function or method."""
    owner, _, name = signature.name.rpartition(".")
    is_method = bool(signature.parameters) and signature.parameters[0].name == "self"
    return Symbol("member", owner, name) if is_method else Symbol("item", "", signature.name)


def of_local(function: str, parameters: Iterable[hir.Parameter], info: hir.LocalInfo, number: int) -> Symbol:
    """Return the symbol of a local of a function, which may be one of its parameters."""
    if any(each.local == number for each in parameters):
        return Symbol("parameter", function, info.name)
    return Symbol("local", function, info.name, number)


class Declared(NamedTuple):
    """Where a symbol is declared: the range of its name, and the node around it."""

    symbol: Symbol
    start: int
    end: int
    node: syntax.Node


def declared(name: str, declaration: syntax.Declaration) -> Iterator[Declared]:
    """Yield what the item ``name`` declares, itself first; the locals of functions are in their hir."""
    apart = {syntax.Test: "test", syntax.Generator: "generator"}.get(type(declaration), "")
    yield _named(Symbol("item", apart, name), declaration.name_start, declaration)
    match declaration:
        case syntax.Class():
            for field in declaration.fields:
                yield _named(Symbol("member", name, field.name), field.start, field)
            for method in declaration.methods:
                yield _named(Symbol("member", name, method.name), method.name_start, method)
                yield from _parameters(f"{name}.{method.name}", method.parameters)
        case syntax.Enum():
            for variant in declaration.variants:
                yield _named(Symbol("member", name, variant.name), variant.start, variant)
        case syntax.Function() | syntax.TemplateString():
            yield from _parameters(name, declaration.parameters)
        case _:
            pass


def _parameters(function: str, parameters: Iterable[syntax.Parameter]) -> Iterator[Declared]:
    for each in parameters:
        yield _named(Symbol("parameter", function, each.name), each.start, each)


def _named(symbol: Symbol, start: int, node: syntax.Node) -> Declared:
    bare = symbol.name.rpartition(".")[2]
    return Declared(symbol, start, start + len(bare), node)


def declared_locals(function: hir.Function, text: str) -> Iterator[tuple[Symbol, int, int]]:
    """Yield the locals of a function that are written in ``text``, its item's, each with the range of its name."""
    for number, info in enumerate(function.locals):
        if info.name.startswith("$"):
            continue
        found = re.compile(rf"\b{re.escape(info.name)}\b").search(text, info.start, info.end)
        if found is not None:
            yield of_local(function.name, function.parameters, info, number), *found.span()
