"""Declarations: the classes, enums, aliases and signatures of a project as data, in its symbol table.

One pass over the index fills a :class:`bamlvm.compiler.symbols.Symbols`.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from bamlvm.compiler.attributes import attributes
from bamlvm.compiler.hir import ERROR, UNSTATED, throws_of_parameter
from bamlvm.compiler.incremental import Lookups, Memo
from bamlvm.compiler.index import Entry, Index, reporter
from bamlvm.compiler.reporter import Reporter, name_range
from bamlvm.compiler.symbols import BUILT_IN_SELF, DeclaredGlobal, Symbols
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, FieldInfo, Kind, Parameter, Signature, VariantInfo
from bamlvm.vm.program.spelling import write_instead
from bamlvm.vm.program.types import (
    NEVER,
    NULL,
    AttributedType,
    ClassType,
    FunctionType,
    Type,
    UnionType,
    VariableType,
    admits_null,
    bare,
    union,
)


class _Head(NamedTuple):
    """A function without its body; ``contract`` and ``parts`` are the throws that it declares, if it does."""

    signature: Signature
    contract: Type | None
    parts: tuple[Type, ...]


class KeptDeclarations(NamedTuple):
    """The declarations kept from one compilation to the next."""

    classes: Memo[ClassInfo]
    heads: Memo[_Head]

    @classmethod
    def empty(cls) -> KeptDeclarations:
        return cls(Memo(), Memo())


class _Declaring(NamedTuple):
    """The state of :func:`declare`."""

    symbols: Symbols
    resolver: TypeResolver
    kept: KeptDeclarations
    lookups: Lookups
    diagnostics: list[Diagnostic]


def declare(
    index: Index,
    symbols: Symbols,
    resolver: TypeResolver,
    kept: KeptDeclarations,
    lookups: Lookups,
    diagnostics: list[Diagnostic],
) -> None:
    """Resolve everything that ``index`` declares into ``symbols``; report what is unknown or circular."""
    declaring = _Declaring(symbols, resolver, kept, lookups, diagnostics)
    aliases = tuple(index.of(syntax.Alias))
    resolver.resolve_aliases(aliases)
    symbols.annotated_aliases = {entry.name: symbols.annotated_aliases[entry.name] for entry in aliases}
    for entry in index.of(syntax.Enum):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Enum)
        report = reporter(entry, diagnostics)
        variants = tuple(
            VariantInfo(v.name, attributes(v.attributes, "variant", entry, report), v.doc) for v in declaration.variants
        )
        own = attributes(declaration.attributes, "enum", entry, report)
        symbols.enums[entry.name] = EnumInfo(entry.name, variants, own, declaration.doc)
    for entry in index.of(syntax.Class):
        _declare_class(declaring, entry)
    for entry in index.of(syntax.Function):
        declaration = entry.declaration
        assert isinstance(declaration, syntax.Function)
        _declare_function(declaring, entry, declaration, entry.name, None)
    for entry in index.of(syntax.Constant):
        constant = entry.declaration
        assert isinstance(constant, syntax.Constant)
        written, report = constant.type, reporter(entry, diagnostics)
        type_ = resolver.resolve(written, entry, report) if written is not None else None
        symbols.globals[entry.name] = DeclaredGlobal(entry, constant, type_)
    kept.classes.turn()
    kept.heads.turn()
    _check_class_cycles(symbols, index, diagnostics)


def _declare_class(d: _Declaring, entry: Entry) -> None:
    declaration = entry.declaration
    assert isinstance(declaration, syntax.Class)
    kept = d.kept.classes.find(entry.name, (declaration,), d.lookups)
    if kept is None:
        make = partial(_class_info, d.resolver, declaration, entry, reporter(entry, d.diagnostics))
        kept = d.kept.classes.make(entry.name, (declaration,), d.symbols.reads, d.diagnostics, make)
    d.symbols.classes[entry.name] = kept.result
    self_type = BUILT_IN_SELF.get(entry.name)
    if self_type is None:
        self_type = ClassType(entry.name, tuple(map(VariableType, declaration.type_parameters)))
    for method in declaration.methods:
        name = f"{entry.name}.{method.name}"
        _declare_function(d, entry, method, name, self_type, frozenset(declaration.type_parameters))


def _class_info(resolver: TypeResolver, declaration: syntax.Class, entry: Entry, report: Reporter) -> ClassInfo:
    _refuse_generics(declaration, entry, report)
    variables = frozenset(declaration.type_parameters)
    fields = []
    for f in [*{f.name: f for f in reversed(declaration.fields)}.values()][::-1]:
        annotated = resolver.annotated(f.type, entry, report, variables, before=f.name)
        marks = attributes(f.attributes, "field", entry, report)
        skip = next((each for each in f.attributes if each.name == "skip"), None)
        if skip is not None and annotated != ERROR and not admits_null(bare(annotated), resolver.aliases):
            written = entry.item.text[f.type.start : f.type.end]
            hint = write_instead(written, f"({written})?" if " " in written else f"{written}?")
            report.error("E0016", skip, f"`@skip` leaves out `{f.name}`, which is not optional", hint=hint)
        fields.append(FieldInfo(f.name, annotated, marks, f.doc))
    own = attributes(declaration.attributes, "class", entry, report)
    return ClassInfo(entry.name, tuple(fields), own, declaration.doc, tuple(declaration.type_parameters))


def _declare_function(
    d: _Declaring,
    entry: Entry,
    function: syntax.Function,
    name: str,
    self_type: Type | None,
    variables: frozenset[str] = frozenset(),
) -> None:
    symbols = d.symbols
    kept = d.kept.heads.find(name, (function,), d.lookups)
    if kept is None:
        report = reporter(entry, d.diagnostics)
        make = partial(_head, d.resolver, entry, function, name, self_type, report, variables)
        kept = d.kept.heads.make(name, (function,), symbols.reads, d.diagnostics, make)
    head = kept.result
    symbols.signatures[name] = head.signature
    if head.contract is not None:
        symbols.contracts[name] = head.contract
        symbols.contract_parts[name] = head.parts
    if not isinstance(function.body, syntax.NativeBody):
        symbols.bodies[name] = (entry, function)


def _head(
    resolver: TypeResolver,
    entry: Entry,
    function: syntax.Function,
    name: str,
    self_type: Type | None,
    report: Reporter,
    variables: frozenset[str],
) -> _Head:
    _refuse_generics(function, entry, report)
    variables |= frozenset(function.type_parameters)
    parameters = []
    seen: dict[str, syntax.Parameter] = {}
    for place, each in enumerate(function.parameters):
        if each.type is None:
            if each.name == "self" and self_type is not None and place == 0:
                parameters.append(Parameter("self", self_type))
                continue
            if each.name == "self":  # the parser has reported others
                report.error("E0002", each, "`self` is the first parameter of a method, and of nothing else")
        if each.name in seen:
            first = report.label(seen[each.name].start, seen[each.name].end, "first here")
            report.error("E0012", each, f"the parameter `{each.name}` is there twice", labels=[first])
        seen.setdefault(each.name, each)
        annotated = resolver.annotated(_trailing(each.type), entry, report, variables) if each.type else ERROR
        if each.default is None:
            annotated = _with_throws_of_argument(annotated, each.name)
        parameters.append(Parameter(each.name, annotated, each.default is not None))
    annotated = resolver.annotated(_trailing(function.result), entry, report, variables) if function.result else NULL
    contract: Type | None = None
    parts: tuple[Type, ...] = ()
    if function.throws is not None:
        written = function.throws.members if isinstance(function.throws, syntax.UnionTypeExpr) else (function.throws,)
        parts = tuple(resolver.resolve(part, entry, report, variables) for part in written)
        contract = union(parts)
    kind: Kind = "function"
    if isinstance(function.body, syntax.NativeBody):
        kind = function.body.kind
        contract = contract if contract is not None else NEVER
    elif isinstance(function.body, syntax.LlmBody):
        kind = "llm"
    throws = contract if contract is not None else NEVER
    kinds = tuple(sorted(variables))
    signature = Signature(name, kind, tuple(parameters), annotated, throws, kinds, function.doc)
    return _Head(signature, contract, parts)


def _trailing(written: syntax.TypeExpr) -> syntax.TypeExpr:
    """Return a written type with the attributes at the very end of a union moved to the whole union."""
    if type(written) is syntax.UnionTypeExpr:
        last = written.members[-1]
        if type(last) is syntax.AttributedTypeExpr and written.end == last.end == last.attributes[-1].end:
            union_ = syntax.UnionTypeExpr(written.start, last.item.end, (*written.members[:-1], last.item))
            return syntax.AttributedTypeExpr(written.start, written.end, union_, last.attributes)
    return written


def _with_throws_of_argument(type_: Type, name: str) -> Type:
    """Return a parameter's type with the throws of functions in it open: each call's argument decides them."""
    match type_:
        case FunctionType(parameters, result, throws) if throws == UNSTATED:
            return FunctionType(parameters, result, throws_of_parameter(name))
        case UnionType(parts):
            return union(_with_throws_of_argument(part, name) for part in parts)
        case AttributedType(item, attributes):
            return AttributedType(_with_throws_of_argument(item, name), attributes)
        case _:
            return type_


def _refuse_generics(declaration: syntax.Class | syntax.Function, entry: Entry, report: Reporter) -> None:
    if declaration.type_parameters and not entry.namespace:
        report.error(
            "E0010",
            name_range(declaration),
            f"`{declaration.name}` has type parameters: generics are not part of this dialect",
            hint="write the types out, or use a union",
        )


def _check_class_cycles(symbols: Symbols, index: Index, diagnostics: list[Diagnostic]) -> None:
    """Report E0069: a class whose values would need a value of itself."""
    # A depth-first search over required fields, without recursion: `path` has the classes that are open.
    required = {
        name: [f.type.name for f in info.fields if isinstance(f.type, ClassType)]
        for name, info in symbols.classes.items()
    }
    done: set[str] = set()
    for start in required:
        path: list[str] = []
        stack = [(start, iter(required[start]))] if start not in done else []
        while stack:
            name, rest = stack[-1]
            if not path or path[-1] != name:
                path.append(name)
            following = next(rest, None)
            if following is None:
                stack.pop()
                path.pop()
                done.add(name)
            elif following in path:
                _report_cycle(index.entries[following], [*path[path.index(following) :], following], diagnostics)
                done.add(following)
            elif following in required and following not in done:
                stack.append((following, iter(required[following])))


def _report_cycle(entry: Entry, cycle: list[str], diagnostics: list[Diagnostic]) -> None:
    declaration = entry.declaration
    reporter(entry, diagnostics).error(
        "E0069",
        name_range(declaration),
        f"no value of `{declaration.name}` can be made: {' → '.join(cycle)}",
        hint="make one of the fields optional (`?`) or a list",
    )
