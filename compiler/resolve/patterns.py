"""Patterns: types, variants and literals told apart from names that bind."""

from __future__ import annotations

from bamlvm.compiler import hir
from bamlvm.compiler.resolve import paths
from bamlvm.compiler.resolve.context import Resolving
from bamlvm.grammar import syntax
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import NULL, PRIMITIVES, Primitive, Type, VariantType, union


def pattern(r: Resolving, node: syntax.Pattern) -> hir.Pattern:
    """Resolve a pattern; the names that it binds are declared in the innermost block."""
    at = (node.start, node.end)
    match node:
        case syntax.WildcardPattern():
            return hir.TypePattern(*at, r.type(node.type), None) if node.type else hir.AnyPattern(*at, None)
        case syntax.BindPattern():
            type_ = r.type(node.type) if node.type is not None else None
            local = r.declare(node.name, *at, kept=type_ is not None)
            return hir.AnyPattern(*at, local) if type_ is None else hir.TypePattern(*at, type_, local)
        case syntax.LiteralPattern():
            return hir.LiteralPattern(*at, node.value)
        case syntax.TypePattern():
            return _type_pattern(r, at, r.type(node.type))
        case syntax.PathPattern():
            return _path_pattern(r, node)
        case syntax.OrPattern():
            before = len(r.variables)
            alternatives = tuple(pattern(r, each) for each in node.alternatives)
            if len(r.variables) > before:
                r.report.error(
                    "E0010", node, "alternatives of a pattern bind no names", hint="bind the whole: `x: A | B`"
                )
            return hir.OrPattern(*at, alternatives)


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


def _path_pattern(r: Resolving, node: syntax.PathPattern) -> hir.Pattern:
    at = (node.start, node.end)
    path = node.path
    names_type = path in PRIMITIVES or r.scope.qualify(path, r.entry.namespace) is not None
    if names_type or "." in path:
        owner, _, variant = path.rpartition(".")
        if not names_type and (enum := paths.enum_name(r, owner)) is not None:
            known = paths.has_variant(r, at, enum, variant)
            paths.refer_variant(r, at[0] + len(owner), at[1] - len(variant), enum, owner, variant, known)
            return hir.VariantPattern(*at, enum, variant) if known else hir.TypePattern(*at, hir.ERROR, None)
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
    return hir.AnyPattern(*at, r.declare(path, *at, kept=False))
