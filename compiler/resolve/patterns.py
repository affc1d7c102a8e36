"""Patterns: types, variants and literals told apart from names that bind."""

from __future__ import annotations

import msgspec

from bamlvm.compiler import hir
from bamlvm.compiler.resolve import paths
from bamlvm.compiler.resolve.context import Resolving
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import NULL, PRIMITIVES, ClassType, Primitive, Type, VariantType, union


def pattern(r: Resolving, node: syntax.Pattern) -> hir.Pattern:
    """Resolve a pattern; the names that it binds are declared in the innermost block."""
    return _pattern(r, node, {})


def _pattern(r: Resolving, node: syntax.Pattern, known: dict[str, int]) -> hir.Pattern:
    """Resolve a pattern.  ``known`` are the locals that other alternatives bind, by name: this one binds them again."""
    at = (node.start, node.end)
    match node:
        case syntax.WildcardPattern():
            return hir.TypePattern(*at, r.type(node.type), None) if node.type else hir.AnyPattern(*at, None)
        case syntax.BindPattern(inner=syntax.ClassPattern() | syntax.ListPattern() as inner):
            local = None if node.name == "_" else _declare(r, node.name, at, known, kept=False)
            found = _pattern(r, inner, known)
            return (
                msgspec.structs.replace(found, local=local)
                if isinstance(found, hir.ClassPattern | hir.ListPattern)
                else found
            )
        case syntax.BindPattern():
            type_ = r.type(node.type) if node.type is not None else None
            local = _declare(r, node.name, at, known, kept=type_ is not None)
            return hir.AnyPattern(*at, local) if type_ is None else hir.TypePattern(*at, type_, local)
        case syntax.LiteralPattern():
            return hir.LiteralPattern(*at, node.value)
        case syntax.TypePattern():
            return _type_pattern(r, at, r.type(node.type))
        case syntax.PathPattern():
            return _path_pattern(r, node, known)
        case syntax.ClassPattern():
            return _class_pattern(r, node, known)
        case syntax.ListPattern():
            return _list_pattern(r, node, known)
        case syntax.OrPattern():
            return _or_pattern(r, node, known)


def _declare(r: Resolving, name: str, at: tuple[int, int], known: dict[str, int], kept: bool) -> int:
    if name in known:
        r.refer_local(at[1] - len(name), at[1], known[name])
        return known[name]
    return r.declare(name, *at, kept=kept)


def _or_pattern(r: Resolving, node: syntax.OrPattern, known: dict[str, int]) -> hir.Pattern:
    """Resolve alternatives, each of which binds the names that the first one binds."""
    alternatives: list[hir.Pattern] = []
    for written in node.alternatives:
        before = len(r.variables)
        alternatives.append(_pattern(r, written, known))
        if len(alternatives) == 1:
            own = {r.variables[local].name: local for local in sorted(hir.bound(alternatives[0]))}
            known = known | own
        elif len(r.variables) > before or hir.bound(alternatives[-1]) != hir.bound(alternatives[0]):
            r.report.error(
                "E0010",
                written,
                "the alternatives of a pattern bind the same names, or none",
                hint="bind the whole, as in `x: A | B`, or write an arm for each",
            )
            return hir.TypePattern(node.start, node.end, hir.ERROR, None)
    return hir.OrPattern(node.start, node.end, tuple(alternatives))


def _class_pattern(r: Resolving, node: syntax.ClassPattern, known: dict[str, int]) -> hir.Pattern:
    at = (node.start, node.end)
    type_ = r.type(syntax.NamedType(node.start, node.path_end, node.path))
    info = r.symbols.class_(type_.name) if isinstance(type_, ClassType) else None
    if not isinstance(type_, ClassType) or info is None:
        if type_ != hir.ERROR:
            r.report.error("E0002", (node.start, node.path_end), f"`{node.path}` is not a class")
        for each in node.fields:
            _field_pattern(r, each, known)  # its names are known in the arm
        return hir.TypePattern(*at, hir.ERROR, None)
    places = r.symbols.places(info)
    fields: dict[str, hir.FieldPattern] = {}
    valid = True
    for each in node.fields:
        inner = _field_pattern(r, each, known)
        name_at = (each.start, each.start + len(each.name))
        if each.name not in places:
            hint = did_you_mean(each.name, places)
            r.report.error("E0007", name_at, f"`{info.name}` has no field `{each.name}`", hint=hint)
            r.miss(*name_at, type_)
            valid = False
        elif each.name in fields:
            r.report.error("E0012", name_at, f"the field `{each.name}` is given twice")
        else:
            if each.pattern is not None:
                r.refer(*name_at, Symbol("member", info.name, each.name))
            fields[each.name] = hir.FieldPattern(each.start, each.end, each.name, places[each.name], inner)
    if not valid:
        return hir.TypePattern(*at, hir.ERROR, None)
    return hir.ClassPattern(*at, type_, tuple(fields.values()), None)


def _field_pattern(r: Resolving, node: syntax.FieldPattern, known: dict[str, int]) -> hir.Pattern:
    if node.pattern is not None:
        return _pattern(r, node.pattern, known)
    return hir.AnyPattern(node.start, node.end, _declare(r, node.name, (node.start, node.end), known, kept=False))


def _list_pattern(r: Resolving, node: syntax.ListPattern, known: dict[str, int]) -> hir.Pattern:
    before: list[hir.Pattern] = []
    after: list[hir.Pattern] = []
    has_rest, rest = False, None
    for each in node.items:
        if isinstance(each, syntax.RestPattern):
            has_rest = True
            if each.name is not None:
                rest = _declare(r, each.name, (each.start, each.end), known, kept=False)
        else:
            (after if has_rest else before).append(_pattern(r, each, known))
    return hir.ListPattern(node.start, node.end, tuple(before), has_rest, rest, tuple(after), None)


def caught(r: Resolving, pattern: hir.Pattern) -> hir.Pattern:
    """Return a pattern of a `catch`, which takes a panic only where it names its class."""
    at = (pattern.start, pattern.end)
    match pattern:
        case hir.AnyPattern(local=local) | hir.TypePattern(type=Primitive("unknown"), local=local):
            return hir.ErrorPattern(*at, union(r.symbols.panics), local)
        case hir.OrPattern(alternatives=alternatives):
            return hir.OrPattern(*at, tuple(caught(r, each) for each in alternatives))
        case _:
            return pattern


def _type_pattern(r: Resolving, at: tuple[int, int], type_: Type) -> hir.Pattern:
    if type_ == NULL:
        return hir.LiteralPattern(*at, None)
    if isinstance(type_, VariantType):
        return hir.VariantPattern(*at, type_.enum, type_.variant)
    return hir.TypePattern(*at, type_, None)


def _path_pattern(r: Resolving, node: syntax.PathPattern, known: dict[str, int]) -> hir.Pattern:
    at = (node.start, node.end)
    path = node.path
    names_type = path in PRIMITIVES or r.scope.qualify(path, r.entry.namespace) is not None
    if names_type or "." in path:
        owner, _, variant = path.rpartition(".")
        if not names_type and (enum := paths.enum_name(r, owner)) is not None:
            has = paths.has_variant(r, at, enum, variant)
            paths.refer_variant(r, at[0] + len(owner), at[1] - len(variant), enum, owner, variant, has)
            return hir.VariantPattern(*at, enum, variant) if has else hir.TypePattern(*at, hir.ERROR, None)
        constant = r.scope.qualify(path, r.entry.namespace)
        if constant is not None and paths.is_global(r, constant):
            guard = f"write its value, or compare in a guard: `x if x == {path} => …`"
            r.report.error("E0010", node, f"`{path}` is a constant, which is no pattern", hint=guard)
            return hir.TypePattern(*at, hir.ERROR, None)
        return _type_pattern(r, at, r.type(syntax.NamedType(*at, path)))
    if r.scope.is_unread(path):
        return hir.TypePattern(*at, hir.ERROR, None)
    if path[0].isupper() and (hint := did_you_mean(path, r.scope.visible(r.entry.namespace))):
        r.report.error("E0002", node, f"unknown type `{path}` in a pattern", hint=hint)
        return hir.TypePattern(*at, hir.ERROR, None)
    return hir.AnyPattern(*at, _declare(r, path, at, known, kept=False))
