"""Whole functions and constants; an LLM function's body becomes a call of the standard library."""

from __future__ import annotations

from bamlvm.compiler import hir
from bamlvm.compiler.index import Entry
from bamlvm.compiler.reporter import Reporter, name_range
from bamlvm.compiler.resolve import statements
from bamlvm.compiler.resolve.context import Resolving, Variable
from bamlvm.compiler.resolve.expressions import expression
from bamlvm.compiler.scope import Scope
from bamlvm.compiler.symbols import DeclaredGlobal, Symbols
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.grammar import syntax

CALL_LLM_FUNCTION = "baml.llm.call_llm_function"


def resolve_function(
    function: syntax.Function,
    name: str,
    entry: Entry,
    scope: Scope,
    symbols: Symbols,
    types: TypeResolver,
    report: Reporter,
) -> hir.Function:
    """Resolve a function or method of ``entry``; its signature is declared under ``name``, its qualified name."""
    r = Resolving(entry, name, scope, symbols, types, report, expression)
    signature = symbols.signature(name)
    assert signature is not None
    parameters = []
    for written, declared in zip(function.parameters, signature.parameters, strict=True):
        default = r.expr(r, written.default) if written.default is not None else None
        local = r.declare(declared.name, written.start, written.end)
        r.parameters.add(local)
        parameters.append(hir.Parameter(written.start, written.end, local, declared.name, declared.type, default))
    if isinstance(function.body, syntax.LlmBody):
        body = _llm_call(r, function, parameters)
    else:
        assert isinstance(function.body, syntax.Block)
        body = statements.block(r, function.body)
    throws = function.throws
    return hir.Function(
        function.start,
        function.end,
        name,
        tuple(parameters),
        signature.result,
        scope.reads.note("contract", (name,), symbols.contracts.get(name)),
        (throws.start, throws.end) if throws else name_range(function),
        body,
        _locals(r, report),
        frozenset(r.mentions),
        frozenset(r.sets),
    )


def resolve_global(
    declared: DeclaredGlobal, name: str, scope: Scope, symbols: Symbols, types: TypeResolver, report: Reporter
) -> hir.Function:
    """Resolve a constant: its initialiser as a function without parameters."""
    constant = declared.declaration
    r = Resolving(declared.entry, name, scope, symbols, types, report, expression)
    value = r.expr(r, constant.value)
    at = (constant.start, constant.end)
    return hir.Function(
        *at,
        name,
        (),
        declared.type,
        None,
        name_range(constant),
        hir.Block(value.start, value.end, (), value),
        _locals(r, report),
        frozenset(r.mentions),
        frozenset(r.sets),
        True,
    )


def _locals(r: Resolving, report: Reporter) -> tuple[hir.LocalInfo, ...]:
    return tuple(_info(variable, report.has_errors) for variable in r.variables)


def _info(variable: Variable, has_errors: bool) -> hir.LocalInfo:
    """Return what later stages know of a local; after an error, which may be a misspelt use, none is unused."""
    v, unused = variable, not (variable.read or variable.kept or has_errors)
    return hir.LocalInfo(v.name, v.start, v.end, v.captured, v.reassigned, v.set_inside, unused)


def _llm_call(r: Resolving, function: syntax.Function, parameters: list[hir.Parameter]) -> hir.Block:
    at = name_range(function)
    r.mentions.add(CALL_LLM_FUNCTION)
    entries = tuple(
        hir.MapEntry(*at, hir.Constant(*at, parameter.name), hir.Local(*at, parameter.local))
        for parameter in parameters
    )
    arguments = (
        hir.Argument(*at, hir.Constant(*at, r.name), None),
        hir.Argument(*at, hir.MapLiteral(*at, entries), None),
    )
    return hir.Block(*at, (), hir.Call(*at, hir.FunctionRef(*at, CALL_LLM_FUNCTION), arguments))
