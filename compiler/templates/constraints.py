"""The expressions of ``@assert`` and ``@check``, on fields, types, classes and tests.

An expression sees ``this``, the value that it constrains (``_`` is another name for it), and the project's enums.  In a
test ``_`` has the result, the latency of the call, and the outcomes of the checks that are written before it.  Its
value must be true or false.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from bamlvm.compiler.incremental import Lookups, Memo
from bamlvm.compiler.index import Entry, Index, reporter
from bamlvm.compiler.reporter import Reporter
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.templates.values import Names, Record, Value
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.types import BOOL, FLOAT, UNKNOWN, ClassType, Type, union

_CONSTRAINTS = ("assert", "check")


class _Constraint(NamedTuple):
    """An attribute, and the names that its expression sees."""

    attribute: syntax.Attribute
    variables: Mapping[str, Value]


def check_constraints(
    index: Index, symbols: Symbols, resolver: TypeResolver, memo: Memo[None], lookups: Lookups, found: list[Diagnostic]
) -> None:
    """Check every expression of a project that ``memo`` does not have."""
    for entry in (*index.entries.values(), *index.tests):
        text, start, end = entry.item.text, entry.declaration.start, entry.declaration.end
        if entry.namespace or (text.find("@assert", start, end) < 0 and text.find("@check", start, end) < 0):
            continue
        source = (entry.declaration,)
        name = f"test {entry.name}" if isinstance(entry.declaration, syntax.Test) else entry.name
        if memo.find(name, source, lookups) is None:
            memo.make(name, source, symbols.reads, found, partial(_check, entry, index, symbols, resolver, found))
    memo.turn()


def _check(entry: Entry, index: Index, symbols: Symbols, resolver: TypeResolver, found: list[Diagnostic]) -> None:
    report = reporter(entry, found)
    for constraint in _constraints(entry, symbols, resolver):
        _check_one(constraint, entry, Names(index, symbols), report)


def _check_one(constraint: _Constraint, entry: Entry, names: Names, report: Reporter) -> None:
    attribute = constraint.attribute
    sign = "@@" if attribute.block else "@"
    expression = next((each for each in attribute.arguments if isinstance(each, syntax.ConfigExpression)), None)
    if expression is None:
        return  # reported where attributes are read
    if not expression.text.strip():
        hint = f"such as `{sign}{attribute.name}(short, {{{{ this|length < 100 }}}})`"
        report.error("E0073", expression, f"`{sign}{attribute.name}` has an empty expression", hint=hint)
        return
    from bamlvm.compiler.templates.checker import check_expression  # importing Jinja is slow
    from bamlvm.compiler.templates.meanings import Meanings

    opening = expression.start + entry.item.text[expression.start : expression.end].index("{{")
    reads, meanings = names.symbols.reads, None
    if reads.uses is not None:
        variables = constraint.variables
        meanings = Meanings(entry.declaration, None, variables, reads, lambda a, b: (opening + a, opening + b))
    for finding in check_expression(expression.text.replace("\r", " "), constraint.variables, names, meanings):
        where_found = (opening + finding.start, opening + finding.end)
        report.error(finding.code, where_found, finding.message, hint=finding.hint, severity=finding.severity)


def _constraints(entry: Entry, symbols: Symbols, resolver: TypeResolver) -> Iterator[_Constraint]:
    declaration = entry.declaration
    silent = reporter(entry, [])  # errors in a type are reported at its declaration

    def resolve(written: syntax.TypeExpr) -> Type:
        return resolver.resolve(written, entry, silent)

    def of_type(written: syntax.TypeExpr | None) -> Iterator[_Constraint]:
        for node in syntax.walk(written) if written is not None else ():
            if isinstance(node, syntax.AttributedTypeExpr):
                yield from _on(node.attributes, _about(resolve(node.item)))

    def of_function(function: syntax.Function) -> Iterator[_Constraint]:
        for parameter in function.parameters:
            yield from of_type(parameter.type)
        yield from of_type(function.result)

    match declaration:
        case syntax.Class():
            for field in declaration.fields:
                yield from _on(field.attributes, _about(resolve(field.type)))
                yield from of_type(field.type)
            for method in declaration.methods:
                yield from of_function(method)
            yield from _on(declaration.attributes, _about(ClassType(entry.name)))
        case syntax.Alias():
            yield from _on(declaration.attributes, _about(resolve(declaration.type)))
            yield from of_type(declaration.type)
        case syntax.Function():
            yield from of_function(declaration)
        case syntax.Test():
            yield from _of_test(declaration, symbols)
        case _:
            pass


def _on(attributes: tuple[syntax.Attribute, ...], variables: Mapping[str, Value]) -> Iterator[_Constraint]:
    for attribute in attributes:
        if attribute.name in _CONSTRAINTS:
            yield _Constraint(attribute, variables)


def _about(type_: Type) -> Mapping[str, Value]:
    return {"this": type_, "_": type_}


def _of_test(test: syntax.Test, symbols: Symbols) -> Iterator[_Constraint]:
    result = _result(test, symbols)
    checks: dict[str, Value] = {}
    added = {each.name: UNKNOWN for each in test.types if isinstance(each, syntax.Enum) and not each.dynamic}
    for attribute in test.body.attributes:
        outcome = Record("_", (("result", result), ("latency_ms", FLOAT), ("checks", _record("_.checks", checks))))
        yield from _on((attribute,), {"this": result, "_": outcome, **added})
        name = next((each.value for each in attribute.arguments if isinstance(each, syntax.ConfigScalar)), None)
        if attribute.name == "check" and isinstance(name, str):
            checks[name] = BOOL


def _record(name: str, fields: Mapping[str, Value]) -> Record:
    return Record(name, tuple(fields.items()))


def _result(test: syntax.Test, symbols: Symbols) -> Type:
    """Return the result type of a test's functions."""
    named = next((entry.value for entry in test.body.entries if entry.key == "functions"), None)
    items = named.items if isinstance(named, syntax.ConfigList) else (named,)
    names = [item.value for item in items if isinstance(item, syntax.ConfigScalar)]
    found = [symbols.signature(name) for name in names if isinstance(name, str)]
    known = [each.result for each in found if each is not None]
    return union(known) if known and len(known) == len(names) else UNKNOWN
