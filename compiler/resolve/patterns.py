"""Patterns: types, variants and literals told apart from names that bind."""

from __future__ import annotations

from bamlvm.compiler import hir
from bamlvm.compiler.resolve.paths import Paths
from bamlvm.grammar import syntax
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import NULL, PRIMITIVES, Type, VariantType


class Patterns(Paths):
    """Adds the patterns of match and catch."""

    def _pattern(self, node: syntax.Pattern) -> hir.Pattern:
        at = (node.start, node.end)
        match node:
            case syntax.WildcardPattern():
                return hir.TypePattern(*at, self._type(node.type), None) if node.type else hir.AnyPattern(*at, None)
            case syntax.BindPattern():
                type_ = self._type(node.type) if node.type is not None else None
                local = self._declare(node.name, *at)
                return hir.AnyPattern(*at, local) if type_ is None else hir.TypePattern(*at, type_, local)
            case syntax.LiteralPattern():
                return hir.LiteralPattern(*at, node.value)
            case syntax.TypePattern():
                return self._type_pattern(at, self._type(node.type))
            case syntax.PathPattern():
                return self._path_pattern(node)
            case syntax.OrPattern():
                before = len(self._variables)
                alternatives = tuple(self._pattern(each) for each in node.alternatives)
                if len(self._variables) > before:
                    self._report.error(
                        "E0010", node, "alternatives of a pattern bind no names", hint="bind the whole: `x: A | B`"
                    )
                return hir.OrPattern(*at, alternatives)

    def _type_pattern(self, at: tuple[int, int], type_: Type) -> hir.Pattern:
        if type_ == NULL:
            return hir.LiteralPattern(*at, None)
        if isinstance(type_, VariantType):
            return hir.VariantPattern(*at, type_.enum, type_.variant)
        return hir.TypePattern(*at, type_, None)

    def _path_pattern(self, node: syntax.PathPattern) -> hir.Pattern:
        at = (node.start, node.end)
        path = node.path
        names_type = path in PRIMITIVES or self._scope.qualify(path, self._entry.namespace) is not None
        if names_type or "." in path:
            owner, _, variant = path.rpartition(".")
            if not names_type and (enum := self._enum(owner)) is not None:
                known = self._has_variant(at, enum, variant)
                return hir.VariantPattern(*at, enum, variant) if known else hir.TypePattern(*at, hir.ERROR, None)
            return self._type_pattern(at, self._type(syntax.NamedType(*at, path)))
        if path[0].isupper() and (hint := did_you_mean(path, self._scope.visible(self._entry.namespace))):
            self._report.error("E0002", node, f"unknown type `{path}` in a pattern", hint=hint)
            return hir.TypePattern(*at, hir.ERROR, None)
        return hir.AnyPattern(*at, self._declare(path, *at))
