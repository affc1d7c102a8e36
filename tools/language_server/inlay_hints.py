"""Inlay hints: the types of variables that have none written, and the names of parameters at arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lsprotocol import types as lsp

from bamlvm.compiler import hir
from bamlvm.compiler.uses import Use
from bamlvm.grammar import syntax
from bamlvm.tools.language_server.conversion import offset_of
from bamlvm.tools.language_server.model import Model
from bamlvm.tools.language_server.signatures import parameters_of
from bamlvm.tools.language_server.workspace import Workspace
from bamlvm.vm.program.types import UNKNOWN, Type, render, walk

_LONGEST: Final = 60
"""A longer type is cut; all of it is the hint's tooltip."""


def inlay_hints(workspace: Workspace, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    """Return the hints in a range of a document."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return []
    model = file.program.model()
    start, end = offset_of(file.text, params.range.start), offset_of(file.text, params.range.end)
    found: list[lsp.InlayHint] = []
    for item in model.items(file.path):
        if item.offset <= end and start <= item.offset + len(item.text):
            found += [
                _hint(lsp.Position(*file.text.place(item.offset + place)), label, kind)
                for place, label, kind in (*_types(model, item), *_names(model, item))
                if start <= item.offset + place <= end
            ]
    return sorted(found, key=lambda hint: (hint.position.line, hint.position.character))


def _hint(position: lsp.Position, label: str, kind: lsp.InlayHintKind) -> lsp.InlayHint:
    shown = label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
    is_name = kind == lsp.InlayHintKind.Parameter
    return lsp.InlayHint(
        position, shown, kind, tooltip=label if shown != label else None, padding_right=is_name or None
    )


def _types(model: Model, item: syntax.Item) -> Iterator[tuple[int, str, lsp.InlayHintKind]]:
    """Yield the types of variables: after the names of ``let`` without one."""
    untyped = {
        node.name_start: node.name_start + len(node.name)
        for node in syntax.walk(item.declaration)
        if (isinstance(node, syntax.Let) and node.type is None) or isinstance(node, syntax.ForIn)
    }
    for function in model.functions(item):
        checked = model.stages.tir.get(function.name)
        for number, info in enumerate(function.locals) if checked is not None else ():
            type_ = checked.local_types[number] if checked is not None else UNKNOWN
            if info.start in untyped and not info.name.startswith("$") and is_telling(type_):
                yield untyped[info.start], f": {render(type_)}", lsp.InlayHintKind.Type


def is_telling(type_: Type) -> bool:
    """Whether a type says something: it is known, all of it."""
    return type_ != UNKNOWN and not any(part == hir.ERROR or render(part) == "_" for part in walk(type_))


def _names(model: Model, item: syntax.Item) -> Iterator[tuple[int, str, lsp.InlayHintKind]]:
    """Yield the names of parameters: before arguments without one that do not say the same."""
    uses = {each.end: each.symbol for each in model.noted(item) if isinstance(each, Use)}
    for node in syntax.walk(item.declaration):
        if not isinstance(node, syntax.Call) or not isinstance(node.callee, syntax.Name | syntax.Member):
            continue
        symbol = uses.get(node.callee.end)
        parameters = parameters_of(model, symbol) if symbol is not None else None
        for parameter, argument in zip(parameters or (), node.arguments, strict=False):
            value = argument.value
            written = item.text[value.start : value.end]
            if argument.name is None and written != parameter.name:
                yield argument.start, f"{parameter.name}:", lsp.InlayHintKind.Parameter
