"""Symbols: the outline of a document, and all declarations of all programs by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lsprotocol import types as lsp

from bamlvm.grammar import syntax
from bamlvm.tools.language_server.conversion import range_of
from bamlvm.tools.language_server.positions import Text
from bamlvm.tools.language_server.workspace import Workspace

KINDS: Final[dict[type[syntax.Node], lsp.SymbolKind]] = {
    syntax.Class: lsp.SymbolKind.Class,
    syntax.Enum: lsp.SymbolKind.Enum,
    syntax.Alias: lsp.SymbolKind.Interface,
    syntax.Constant: lsp.SymbolKind.Constant,
    syntax.Function: lsp.SymbolKind.Function,
    syntax.Client: lsp.SymbolKind.Object,
    syntax.RetryPolicy: lsp.SymbolKind.Object,
    syntax.Generator: lsp.SymbolKind.Object,
    syntax.TemplateString: lsp.SymbolKind.Function,
    syntax.Test: lsp.SymbolKind.Event,
}
_DETAILS: Final[dict[type[syntax.Node], str]] = {
    syntax.Client: "client",
    syntax.RetryPolicy: "retry_policy",
    syntax.Generator: "generator",
    syntax.TemplateString: "template_string",
    syntax.Test: "test",
    syntax.Alias: "type",
}
_MOST: Final = 1000
"""Symbols that a search of the workspace returns."""


def document_symbols(workspace: Workspace, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    """Return the items of a document with their members."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return []
    return [_symbol(file.text, item) for item in file.program.model().items(file.path)]


def _symbol(text: Text, item: syntax.Item) -> lsp.DocumentSymbol:
    declaration, base = item.declaration, item.offset

    def part(name: str, kind: lsp.SymbolKind, node: syntax.Node, start: int, detail: str) -> lsp.DocumentSymbol:
        whole = range_of(text, base + node.start, base + node.end)
        return lsp.DocumentSymbol(name, kind, whole, range_of(text, base + start, base + start + len(name)), detail)

    def written(node: syntax.Node | None) -> str:
        return item.text[node.start : node.end] if node is not None else ""

    children: list[lsp.DocumentSymbol] = []
    match declaration:
        case syntax.Class():
            children += [
                part(each.name, lsp.SymbolKind.Field, each, each.start, written(each.type))
                for each in declaration.fields
            ]
            children += [
                part(each.name, lsp.SymbolKind.Method, each, each.name_start, _signature(item, each))
                for each in declaration.methods
            ]
        case syntax.Enum():
            children += [
                part(each.name, lsp.SymbolKind.EnumMember, each, each.start, "") for each in declaration.variants
            ]
        case _:
            pass
    detail = _DETAILS.get(type(declaration), "")
    if isinstance(declaration, syntax.Function):
        detail = _signature(item, declaration)
    elif isinstance(declaration, syntax.Alias | syntax.Constant):
        detail = written(declaration.type)
    symbol = part(declaration.name, KINDS[type(declaration)], declaration, declaration.name_start, detail)
    symbol.range = range_of(text, base, base + len(item.text))
    symbol.children = children
    return symbol


def _signature(item: syntax.Item, function: syntax.Function) -> str:
    end = function.result.end if function.result is not None else function.body.start
    start = function.name_start + len(function.name)
    return " ".join(item.text[start:end].split())


def workspace_symbols(workspace: Workspace, params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
    """Return the declarations whose name has the letters of the query, in its order."""
    found: list[tuple[tuple[int, int, str], lsp.WorkspaceSymbol]] = []
    for program in workspace.programs:
        model = program.model()
        for path, text in program.files.items():
            for item in model.items(path):
                for name, kind, start, container in _names(item):
                    rank = _rank(params.query, name)
                    if rank is None:
                        continue
                    place = range_of(text, item.offset + start, item.offset + start + len(name))
                    location = lsp.Location(workspace.uri(path), place)
                    found.append(
                        ((rank, len(name), name), lsp.WorkspaceSymbol(location, name, kind, container_name=container))
                    )
    found.sort(key=lambda each: each[0])
    return [symbol for _, symbol in found[:_MOST]]


def _names(item: syntax.Item) -> Iterable[tuple[str, lsp.SymbolKind, int, str | None]]:
    declaration = item.declaration
    yield declaration.name, KINDS[type(declaration)], declaration.name_start, None
    match declaration:
        case syntax.Class():
            for field in declaration.fields:
                yield field.name, lsp.SymbolKind.Field, field.start, declaration.name
            for method in declaration.methods:
                yield method.name, lsp.SymbolKind.Method, method.name_start, declaration.name
        case syntax.Enum():
            for variant in declaration.variants:
                yield variant.name, lsp.SymbolKind.EnumMember, variant.start, declaration.name
        case _:
            pass


def _rank(query: str, name: str) -> int | None:
    """Return how well a name fits a query, 0 best; None if it does not."""
    wanted, given = query.lower(), name.lower()
    if given.startswith(wanted):
        return 0
    if wanted in given:
        return 1
    letters = iter(given)
    return 2 if all(letter in letters for letter in wanted) else None
