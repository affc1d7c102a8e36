"""The surface of a project: what one declaration or function can read of the others.

A surface has, by kind of read and name, what decides a read's answer.  The names that differ between two
compilations are those whose answers may have changed: :class:`bamlvm.compiler.incremental.Memo` asks again for these
only.  Inferred throws are not part of it: :mod:`bamlvm.compiler.check.functions` follows them along the call graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from bamlvm.compiler.incremental import Lookup, Lookups
from bamlvm.compiler.index import Index
from bamlvm.compiler.scope import Scope
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.type_resolver import TypeResolver
from bamlvm.grammar import syntax

Surface: TypeAlias = Mapping[str, Mapping[str, object]]
"""By kind of read: what decides its answers, by name."""

Changes: TypeAlias = Mapping[str, frozenset[str] | None]
"""By kind of read: the names whose answers may have changed, or None for all; kinds without a change are left out."""


def names_surface(index: Index) -> dict[str, Mapping[str, object]]:
    """Return the part that declarations read: what kind of item a name is, and what aliases and enums hold."""
    entries = index.entries.items()
    kinds = {name: type(entry.declaration) for name, entry in entries}
    looked_into = (syntax.Alias, syntax.Enum)
    definitions = {name: entry.declaration for name, entry in entries if isinstance(entry.declaration, looked_into)}
    return {"kind": kinds, "definition": definitions, "unread": dict.fromkeys(index.unread, True)}


def declarations_surface(index: Index, symbols: Symbols) -> dict[str, Mapping[str, object]]:
    """Return the part that only functions read.  Of a template string the parameters count."""
    declarations: dict[str, object] = {e.name: e.declaration for e in index.of(syntax.Class, syntax.Enum, syntax.Alias)}
    for entry in index.of(syntax.TemplateString):
        assert isinstance(entry.declaration, syntax.TemplateString)
        declarations[entry.name] = entry.declaration.parameters
    return {
        "declaration": declarations,
        "class": symbols.classes,
        "enum": symbols.enums,
        "signature": dict(symbols.signatures),  # a copy: inferred throws are put into the symbols's own later
        "recursive_alias": symbols.annotated_aliases,
        "contract": symbols.contracts,
    }


def changes(before: Surface, now: Surface) -> Changes:
    """Compare two surfaces."""
    changed: dict[str, frozenset[str] | None] = {}
    for kind, answers in now.items():
        known = before.get(kind, {})
        if answers is known or answers == known:
            continue
        changed[kind] = frozenset(
            name for name in answers.keys() | known.keys() if answers.get(name) != known.get(name)
        )
    renamed = changed.get("kind")
    if renamed:
        # Inside a namespace names are written without it, so every tail of a dotted name may be what was read.
        changed["qualify"] = frozenset(
            ".".join(p[n:]) for p in (name.split(".") for name in renamed) for n in range(len(p))
        )
        changed["visible"] = None
    if renamed or "definition" in changed:
        changed["alias"] = None
    return changed


def lookups(scope: Scope, symbols: Symbols, resolver: TypeResolver, changed: Changes) -> Lookups:
    """Return the lookups that answer again the kinds of read that have ``changed``."""

    def declaration(name: str) -> syntax.Declaration | None:
        entry = scope.project.entries.get(name)
        return entry.declaration if entry is not None else None

    def kind(name: str) -> type[syntax.Declaration] | None:
        entry = scope.project.entries.get(name)
        return type(entry.declaration) if entry is not None else None

    def alias(name: str) -> object:
        entry = scope.project.entries.get(name)
        return resolver.alias(entry) if entry is not None and isinstance(entry.declaration, syntax.Alias) else None

    ask: Mapping[str, Callable[..., Any]] = {
        "qualify": scope.qualify,
        "visible": scope.visible,
        "kind": kind,
        "unread": scope.is_unread,
        "definition": declaration,
        "declaration": declaration,
        "alias": alias,
        "class": symbols.shape_of,
        "enum": symbols.enum,
        "signature": symbols.signature,
        "recursive_alias": symbols.recursive_alias,
        "contract": symbols.contracts.get,
    }
    return {kind: Lookup(ask[kind], names) for kind, names in changed.items()}
