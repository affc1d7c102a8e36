"""Items of a completion: each kind of thing that can be offered, made in one place.

Rule: an item says what it is (its kind), its signature or type (its detail) and its documentation; items are sorted by
how near they are: locals, members, the project's items, words of the language, the standard library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lsprotocol import types as lsp

from bamlvm.compiler.check.members import method_owner
from bamlvm.compiler.scope import namespaces_of
from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.templates import values
from bamlvm.compiler.uses import Symbol, of_local
from bamlvm.grammar import syntax
from bamlvm.tools.language_server.descriptions import describe, value_type
from bamlvm.tools.language_server.model import Model
from bamlvm.vm.program.declarations import ClassInfo
from bamlvm.vm.program.types import (
    NULL,
    PRIMITIVES,
    ClassType,
    EnumType,
    LiteralType,
    Primitive,
    Type,
    VariantType,
    members,
    render,
)

Kind = lsp.CompletionItemKind

_KINDS: Mapping[type[syntax.Node], lsp.CompletionItemKind] = {
    syntax.Class: Kind.Class,
    syntax.Enum: Kind.Enum,
    syntax.Alias: Kind.Interface,
    syntax.Constant: Kind.Constant,
    syntax.Function: Kind.Function,
    syntax.TemplateString: Kind.Function,
    syntax.Client: Kind.Module,
    syntax.RetryPolicy: Kind.Module,
}


def item(
    label: str, kind: lsp.CompletionItemKind, detail: str | None = None, doc: str = "", rank: int = 5
) -> lsp.CompletionItem:
    """Return an item; those of a lower rank come first."""
    shown = lsp.MarkupContent(lsp.MarkupKind.Markdown, doc) if doc else None
    return lsp.CompletionItem(label, kind=kind, detail=detail, documentation=shown, sort_text=f"{rank}{label}")


def words(names: Iterable[str], kind: lsp.CompletionItemKind = Kind.Keyword, rank: int = 6) -> list[lsp.CompletionItem]:
    """Return an item for each word."""
    return [item(name, kind, rank=rank) for name in names]


def described(model: Model, symbol: Symbol, label: str, kind: lsp.CompletionItemKind, rank: int) -> lsp.CompletionItem:
    """Return the item of a symbol."""
    found = describe(model, symbol)
    signature = found.signature.rpartition("\n")[2] if found and found.signature.startswith("//") else None
    head = signature or (found.signature.partition("\n")[0].removesuffix(" {") if found else None)
    return item(label, kind, head, found.doc if found else "", rank)


def items_of(model: Model, *kinds: type[syntax.Node]) -> Iterator[lsp.CompletionItem]:
    """Yield the project's items of some kinds."""
    for entry in model.stages.index.entries.values():
        kind = type(entry.declaration)
        if kind in kinds and not entry.namespace:
            yield described(model, Symbol("item", "", entry.name), entry.name, _KINDS[kind], 3)


def types(model: Model) -> list[lsp.CompletionItem]:
    """Return what can stand where a type is written."""
    built_in = [name for name in PRIMITIVES if name != "never"]
    found = [*items_of(model, syntax.Class, syntax.Enum, syntax.Alias), *words([*built_in, "map"], Kind.Keyword, 4)]
    return [*found, item("baml", Kind.Module, rank=7)]


def locals_of(model: Model, function: str, visible: Mapping[str, int]) -> Iterator[lsp.CompletionItem]:
    """Yield the locals of a function that are visible at a place: their numbers by name."""
    known = model.stages.hir.get(function)
    if known is None:
        return
    for name, number in visible.items():
        info = known.locals[number]
        found = describe(model, of_local(function, known.parameters, info, number))
        yield item(name, Kind.Variable, found.signature if found is not None else None, rank=1)


def members_of(model: Model, type_: Type) -> list[lsp.CompletionItem]:
    """Return the members that each alternative of a type has, leaving null aside."""
    symbols = model.stages.symbols
    parts = [part for part in members(symbols.expand(type_)) if part != NULL]
    each = [_members(model, part) for part in parts]
    if not each:
        return []
    first, *others = each
    return [found for label, found in first.items() if all(label in other for other in others)]


def _members(model: Model, type_: Type) -> dict[str, lsp.CompletionItem]:
    symbols = model.stages.symbols
    if isinstance(type_, EnumType):
        return {}
    owner = method_owner(type_)
    found: dict[str, lsp.CompletionItem] = {}
    if owner is None:
        return found
    if isinstance(type_, ClassType) and (info := _class(symbols, owner)) is not None:
        for field in info.fields:
            if not field.name.startswith("_"):
                found[field.name] = item(field.name, Kind.Field, render(field.annotated), field.doc, 2)
    for name in dict.fromkeys(symbols.methods(owner)):
        signature = symbols.signatures.get(f"{owner}.{name}") or symbols.standard.signatures.get(f"{owner}.{name}")
        if signature is not None and signature.parameters[:1] and signature.parameters[0].name == "self":
            found[name] = described(model, Symbol("member", owner, name), name, Kind.Method, 3)
    return found


def _class(symbols: Symbols, name: str) -> ClassInfo | None:
    return symbols.classes.get(name) or symbols.standard.classes.get(name)


def fields_of(model: Model, name: str) -> list[lsp.CompletionItem]:
    """Return the fields of a class, for an object of it."""
    info = _class(model.stages.symbols, name)
    fields = info.fields if info is not None else ()
    return [item(each.name, Kind.Field, render(each.annotated), each.doc, 0) for each in fields]


def variants_of(model: Model, name: str) -> list[lsp.CompletionItem]:
    """Return the variants of an enum."""
    symbols = model.stages.symbols
    enum = symbols.enums.get(name) or symbols.standard.enums.get(name)
    variants = enum.variants if enum is not None else ()
    return [item(each.name, Kind.EnumMember, f"{name}.{each.name}", each.doc, 2) for each in variants]


def cases_of(model: Model, type_: Type) -> list[lsp.CompletionItem]:
    """Return the patterns that a value of a type may fit: variants, classes, literals, types."""
    found: list[lsp.CompletionItem] = []
    for part in members(model.stages.symbols.expand(type_)):
        match part:
            case EnumType(name):
                labels = [each.label for each in variants_of(model, name)]
                found += [item(f"{name}.{label}", Kind.EnumMember, rank=0) for label in labels]
            case ClassType(name):
                found.append(described(model, Symbol("item", "", name), name, Kind.Class, 0))
            case VariantType() | LiteralType():
                found.append(item(render(part), Kind.EnumMember, rank=0))
            case Primitive(name) if name not in ("unknown", "error"):
                found.append(item(name, Kind.Keyword, rank=0))
            case _:
                pass
    return found


def under(model: Model, path: str) -> list[lsp.CompletionItem]:
    """Return what can follow a path and a dot: the names in a namespace, variants, methods of a class."""
    symbols = model.stages.symbols
    if path in symbols.enums or path in symbols.standard.enums:
        return variants_of(model, path)
    alias = symbols.annotated_aliases.get(path)
    if isinstance(alias, EnumType):
        return variants_of(model, alias.name)
    if _class(symbols, path) is not None:
        names = dict.fromkeys(symbols.methods(path))
        return [described(model, Symbol("member", path, name), name, Kind.Method, 3) for name in names]
    standard = symbols.standard
    prefix = f"{path}."
    found: dict[str, lsp.CompletionItem] = {}
    tables: tuple[tuple[lsp.CompletionItemKind, Iterable[str]], ...] = (
        (Kind.Function, standard.signatures),
        (Kind.Class, standard.classes),
        (Kind.Enum, standard.enums),
    )
    for kind, declared in tables:
        for full in declared:
            name = full.removeprefix(prefix)
            if full.startswith(prefix) and "." not in name and "$" not in name:
                found[name] = described(model, Symbol("item", "", full), name, kind, 3)
    for namespace in namespaces_of((*standard.signatures, *standard.classes)):
        name = namespace.removeprefix(prefix)
        if namespace.startswith(prefix) and "." not in name and name not in found:
            found[name] = item(name, Kind.Module, namespace)
    return [*found.values()]


def prompt_values(visible: Mapping[str, values.Value], kind: lsp.CompletionItemKind) -> Iterator[lsp.CompletionItem]:
    """Yield variables or members of a prompt with their types."""
    for name, value in visible.items():
        of_enum = isinstance(value, EnumType) and kind == Kind.EnumMember
        yield item(name, Kind.EnumMember if of_enum else kind, value_type(value), rank=1)
