"""Where a name is declared, where its type is, and everywhere that it is used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from lsprotocol import types as lsp

from bamlvm.compiler.uses import Symbol
from bamlvm.grammar.source import Span
from bamlvm.tools.language_server.conversion import offset_of, range_of
from bamlvm.tools.language_server.hover import type_here
from bamlvm.tools.language_server.model import Found, Model
from bamlvm.tools.language_server.positions import Text
from bamlvm.tools.language_server.programs import Program
from bamlvm.tools.language_server.workspace import Workspace
from bamlvm.vm.program.types import ClassType, EnumType, Type, VariantType, walk


class At(Protocol):
    """The parameters of a request about a place."""

    text_document: lsp.TextDocumentIdentifier
    position: lsp.Position


def under(workspace: Workspace, params: At) -> tuple[Program, Model, list[Found]] | None:
    """Return the program and model of a document, and what the name at a position means; None if it means nothing."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return None
    model = file.program.model()
    found = model.at(file.path, offset_of(file.text, params.position))
    return (file.program, model, found) if found else None


def locate(workspace: Workspace, program: Program, span: Span) -> lsp.Location:
    """Return a span of a program, or of the standard library, as a location."""
    text = program.files.get(span.file)
    if text is None:
        with open(span.file, encoding="utf-8") as file:
            text = Text(file.read(), workspace.encoding)
    return lsp.Location(workspace.uri(span.file), range_of(text, span.start, span.end))


def definition(workspace: Workspace, params: lsp.DefinitionParams) -> list[lsp.Location]:
    """Return where the name under the cursor is declared."""
    found = under(workspace, params)
    if found is None:
        return []
    program, model, names = found
    return _declared(workspace, program, model, (each.symbol for each in names))


def _declared(workspace: Workspace, program: Program, model: Model, symbols: Iterable[Symbol]) -> list[lsp.Location]:
    places = dict.fromkeys(declared.name for symbol in symbols if (declared := model.declaration(symbol)) is not None)
    return [locate(workspace, program, each) for each in places]


def type_definition(workspace: Workspace, params: lsp.TypeDefinitionParams) -> list[lsp.Location]:
    """Return where the classes and enums are declared that the type of the name under the cursor is made of."""
    found = under(workspace, params)
    if found is None:
        return []
    program, model, names = found
    parts: dict[str, None] = {}
    for each in names:
        type_ = type_here(model, each) or _type_of(model, each.symbol)
        for part in walk(type_) if type_ is not None else ():
            if isinstance(part, ClassType | EnumType):
                parts[part.name] = None
            elif isinstance(part, VariantType):
                parts[part.enum] = None
    return _declared(workspace, program, model, (Symbol("item", "", name) for name in parts))


def _type_of(model: Model, symbol: Symbol) -> Type | None:
    symbols = model.stages.symbols
    match symbol.kind:
        case "local":
            return model.local_type(symbol)
        case "parameter":
            signature = symbols.signatures.get(symbol.owner)
            return next((p.type for p in signature.parameters if p.name == symbol.name), None) if signature else None
        case "member":
            info = symbols.classes.get(symbol.owner) or symbols.standard.classes.get(symbol.owner)
            field = next((f.type for f in info.fields if f.name == symbol.name), None) if info else None
            method = symbols.signatures.get(f"{symbol.owner}.{symbol.name}")
            return field or (method.result if method is not None else EnumType(symbol.owner))
        case "item":
            known = symbols.signatures.get(symbol.name)
            checked = model.stages.tir.get(symbol.name)
            alias = symbols.annotated_aliases.get(symbol.name)
            named = ClassType(symbol.name)
            return known.result if known is not None else checked.result if checked is not None else alias or named
        case _:
            return None


def references(workspace: Workspace, params: lsp.ReferenceParams) -> list[lsp.Location]:
    """Return every place that means what the name under the cursor does."""
    found = under(workspace, params)
    if found is None:
        return []
    program, model, names = found
    symbols = [each.symbol for each in names]
    places = {each.span: None for each in model.references(*symbols)}
    declared = {known.name for each in symbols if (known := model.declaration(each)) is not None}
    if params.context.include_declaration:
        places = dict.fromkeys((*places, *declared))
    else:
        places = {span: None for span in places if span not in declared}
    return [locate(workspace, program, span) for span in places]


def highlight(workspace: Workspace, params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
    """Return the places in one document that mean what the name under the cursor does."""
    found = under(workspace, params)
    file = workspace.file(params.text_document.uri)
    if found is None or file is None:
        return []
    _, model, names = found
    return [
        lsp.DocumentHighlight(
            range_of(file.text, each.span.start, each.span.end),
            lsp.DocumentHighlightKind.Read if each.use is not None else lsp.DocumentHighlightKind.Write,
        )
        for each in model.references(*(each.symbol for each in names))
        if each.span.file == file.path
    ]
