"""Hover: the signature, the documentation, the type here."""

from __future__ import annotations

from lsprotocol import types as lsp

from bamlvm.grammar.lexer import lex
from bamlvm.tools.language_server.conversion import markup, offset_of, range_of
from bamlvm.tools.language_server.descriptions import describe
from bamlvm.tools.language_server.model import Found, Model
from bamlvm.tools.language_server.workspace import File, Workspace
from bamlvm.vm.program.types import Type


def hover(workspace: Workspace, params: lsp.HoverParams) -> lsp.Hover | None:
    """Return what the name under the cursor is."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return None
    model = file.program.model()
    found = model.at(file.path, offset_of(file.text, params.position))
    shown: dict[str, None] = {}
    for each in found:
        description = describe(model, each.symbol, each.use.value if each.use else None, type_here(model, each))
        if description is not None:
            shown[description.markdown] = None
    if not shown:
        return _word(workspace, file, model, offset_of(file.text, params.position))
    content = markup("\n\n---\n\n".join(shown), is_plain=lsp.TEXT_DOCUMENT_HOVER in workspace.plain)
    return lsp.Hover(content, range_of(file.text, found[0].span.start, found[0].span.end))


def _word(workspace: Workspace, file: File, model: Model, offset: int) -> lsp.Hover | None:
    """Return what a word of the language is: an attribute, a provider, an option of a client."""
    from bamlvm.tools.language_server.words import word_at  # loads the providers

    item = model.item_at(file.path, offset)
    if item is None:
        return None
    keyword = item.text[item.declaration.start :].split(None, 1)[0].partition("<")[0]
    found = word_at(item, lex(item.text, keyword).tokens, offset - item.offset)
    if found is None:
        return None
    content = markup(f"```baml\n{found.code}\n```\n\n{found.doc}", is_plain=lsp.TEXT_DOCUMENT_HOVER in workspace.plain)
    return lsp.Hover(content, range_of(file.text, item.offset + found.start, item.offset + found.end))


def type_here(model: Model, found: Found) -> Type | None:
    """Return the type of a local or parameter at one of its uses, which may be narrower than declared, or None."""
    if found.use is None or found.use.value is not None or found.symbol.kind not in ("local", "parameter"):
        return None
    item = model.item_at(found.span.file, found.span.start)
    return model.type_of(item, found.use.start, found.use.end) if item is not None else None
