"""Dotted names: the longest prefix that names a local or an item, then members of it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from bamlvm.compiler import hir
from bamlvm.compiler.resolve.scopes import Scopes
from bamlvm.grammar import syntax
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import EnumType

ENVIRONMENT_LOOKUP = "env.get_or_panic"


class Paths(Scopes, ABC):
    """Adds what names mean."""

    @abstractmethod
    def _expr(self, node: syntax.Expr) -> hir.Expr:
        """The hir of an expression."""

    def _enum(self, path: str) -> str | None:
        name = self._scope.qualify(path, self._entry.namespace) if path else None
        if name is None:
            return None
        entry = self._scope.entry(name)
        if entry is not None and isinstance(entry.declaration, syntax.Alias):
            alias = self._scope.reads.note("alias", (name,), self._types.alias(entry))
            return alias.name if isinstance(alias, EnumType) else None
        return name if self._symbols.enum(name) is not None else None

    def _has_variant(self, at: tuple[int, int], enum: str, variant: str) -> bool:
        """Whether the enum has the variant; reports E0064."""
        info = self._symbols.enum(enum)
        assert info is not None
        names = [each.name for each in info.variants]
        if variant in names:
            return True
        hint = did_you_mean(variant, names) or f"it has {', '.join(f'`{name}`' for name in names)}"
        self._report.error("E0064", at, f"`{enum}` has no variant `{variant}`", hint=hint)
        return False

    def _path_to_item(self, node: syntax.Expr) -> str | None:
        """The dotted path of a chain of names that does not begin at a local, or None."""
        names = []
        while isinstance(node, syntax.Member):
            names.append(node.name)
            node = node.object
        if not isinstance(node, syntax.Name) or self._is_local(node.name):
            return None
        return ".".join([node.name, *reversed(names)])

    def _path(self, node: syntax.Name | syntax.Member) -> hir.Expr:
        found = self._try_path(node)
        if found is not None:
            return found
        self._report_unknown(node, self._path_to_item(node) or "")
        return hir.Invalid(node.start, node.end)

    def _try_path(self, node: syntax.Name | syntax.Member) -> hir.Expr | None:
        """What a name or a member chain means: the longest prefix that names a local or an item, then members of it."""
        at = (node.start, node.end)
        if isinstance(node, syntax.Name):
            local = self._find(node.name)
            return hir.Local(*at, local) if local is not None else self._item(at, node.name)
        path = self._path_to_item(node)
        if path is not None and (item := self._item(at, path)) is not None:
            return item
        inner = node.object
        object_ = self._try_path(inner) if isinstance(inner, syntax.Name | syntax.Member) else self._expr(inner)
        return hir.Member(*at, object_, node.name, node.name_start) if object_ is not None else None

    def _item(self, at: tuple[int, int], path: str) -> hir.Expr | None:
        """The value that a dotted path names: a function, a method, a variant or an environment variable."""
        name = self._scope.qualify(path, self._entry.namespace) or path
        if self._symbols.signature(name) is not None:
            self._mentions.add(name)
            return hir.FunctionRef(*at, name)
        owner, _, last = path.rpartition(".")
        if owner == "env":
            self._mentions.add(ENVIRONMENT_LOOKUP)
            argument = hir.Argument(*at, hir.Constant(*at, last), None)
            return hir.Call(*at, hir.FunctionRef(*at, ENVIRONMENT_LOOKUP), (argument,))
        if (enum := self._enum(owner)) is not None:
            return hir.VariantRef(*at, enum, last) if self._has_variant(at, enum, last) else hir.Invalid(*at)
        class_name = self._scope.qualify(owner, self._entry.namespace) if owner else None
        if class_name is not None and self._symbols.method(class_name, last) is not None:
            self._mentions.add(f"{class_name}.{last}")
            return hir.FunctionRef(*at, f"{class_name}.{last}")
        return None

    def _report_unknown(self, node: syntax.Name | syntax.Member, path: str) -> None:
        name = self._scope.qualify(path, self._entry.namespace)
        entry = self._scope.entry(name) if name else None
        if entry is not None or (name and (self._symbols.class_(name) or self._symbols.enum(name))):
            kind = type(entry.declaration).__name__.lower() if entry else "type"
            self._report.error("E0003", node, f"`{path}` is a {kind}, not a value", hint=self._use_hint(kind, path))
            return
        owner, _, last = path.rpartition(".")
        if self._scope.is_namespace(path):
            self._report.error("E0003", node, f"`{path}` is a namespace, not a value")
        elif owner and self._scope.qualify(owner, self._entry.namespace):
            self._report.error(
                "E0007",
                node,
                f"`{owner}` has no method `{last}`",
                hint=did_you_mean(last, self._symbols.methods(owner)),
            )
        elif self._scope.is_namespace(path.split(".")[0]):
            known = path.split(".")[0]
            for name in path.split(".")[1:]:
                if not self._scope.is_namespace(f"{known}.{name}"):
                    break
                known = f"{known}.{name}"
            last = path.removeprefix(f"{known}.").split(".")[0]
            hint = did_you_mean(last, self._scope.under(known))
            self._report.error("E0003", node, f"`{known}` has no `{last}`", hint=hint)
        else:
            root = path.split(".")[0]
            first = node
            while isinstance(first, syntax.Member) and isinstance(first.object, syntax.Member | syntax.Name):
                first = first.object
            self._report.error("E0003", first, f"unknown name `{root}`", hint=self._suggest(root))

    def _use_hint(self, kind: str, path: str) -> str | None:
        if kind == "class":
            return f"make an instance: `{path} {{ … }}`"
        return f"name a variant: `{path}.…`" if kind == "enum" else None

    def _suggest(self, name: str) -> str | None:
        visible = {each for scope in self._scopes for each in scope if not each.startswith("$")}
        return did_you_mean(name, visible | set(self._scope.visible(self._entry.namespace)) | {"baml", "env"})
