"""Rename: every place that means a symbol gets another name, or none does.

Rule: a rename never changes what any name means.  It is tried first: afterwards just as many places must mean the
renamed symbol, and there must be no more errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from bamlvm.compiler.index import RESERVED
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Edit
from bamlvm.grammar.tokens import ITEM_KEYWORDS
from bamlvm.tools.language_server.conversion import range_of, workspace_edit
from bamlvm.tools.language_server.model import STANDARD_FOLDER, Found, Model
from bamlvm.tools.language_server.navigation import under
from bamlvm.tools.language_server.programs import Program
from bamlvm.tools.language_server.workspace import Workspace

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONFIGURED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""Names of clients, retry policies, generators and tests."""
_KEYWORDS: Final = frozenset(
    {*ITEM_KEYWORDS, *RESERVED, "if", "else", "for", "while", "in", "is", "match", "catch", "return", "throw", "throws"}
    | {"break", "continue", "true", "false", "self", "instanceof", "assert", "watch", "catch_all", "spawn", "await"}
)


class RenameError(JsonRpcException):
    """A name that cannot be changed, or not to what is wanted: shown to the user."""

    CODE = -32803  # RequestFailed


def prepare_rename(workspace: Workspace, params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder | None:
    """Return the range of the name under the cursor, if it can be changed."""
    found = under(workspace, params)
    file = workspace.file(params.text_document.uri)
    if found is None or file is None:
        return None
    _, model, names = found
    _check_own(model, names)
    span = names[0].span
    return lsp.PrepareRenamePlaceholder(range_of(file.text, span.start, span.end), _short(names[0].symbol))


def rename(workspace: Workspace, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    """Return the edits that give what is under the cursor another name."""
    found = under(workspace, params)
    if found is None:
        return None
    program, model, names = found
    _check_own(model, names)
    new = params.new_name.strip()
    for each in names:
        _check_name(model, each.symbol, new)
    symbols = _together(model, [each.symbol for each in names])
    edits = _edits(model, symbols, new)
    _try(program, model, symbols, edits, new)
    return workspace_edit(edits, program.files, workspace.uri)


def _short(symbol: Symbol) -> str:
    return symbol.name.rpartition(".")[2]


def _check_own(model: Model, names: Iterable[Found]) -> None:
    for each in names:
        declared = model.declaration(each.symbol)
        if each.symbol.kind == "environment":
            raise RenameError(f"`env.{each.symbol.name}` is a variable of the environment")
        if declared is None or declared.name.file.startswith(STANDARD_FOLDER):
            raise RenameError(f"`{_short(each.symbol)}` is built in")
        if each.symbol.kind == "parameter" and each.symbol.name == "self":
            raise RenameError("`self` has its name from the language")


def _check_name(model: Model, symbol: Symbol, new: str) -> None:
    declared = model.declaration(symbol)
    configured = symbol.kind == "item" and isinstance(
        declared.node if declared is not None else None,
        syntax.Client | syntax.RetryPolicy | syntax.Generator | syntax.Test,
    )
    pattern = _CONFIGURED if configured else _NAME
    if not pattern.fullmatch(new):
        raise RenameError(f"`{new}` is not a name")
    if symbol.kind != "member" and new in _KEYWORDS:
        raise RenameError(f"`{new}` is a word of the language")


def _together(model: Model, symbols: list[Symbol]) -> list[Symbol]:
    """Return symbols with those that share a place with them because an object may be of several classes."""
    known = dict.fromkeys(symbols)
    waiting = list(symbols)
    while waiting:
        symbol = waiting.pop()
        for each in model.references(symbol):
            for other in model.at(each.span.file, each.span.start):
                if other.span == each.span and other.symbol.kind == symbol.kind == "member":
                    if other.symbol not in known:
                        waiting.append(other.symbol)
                    known[other.symbol] = None
    return [*known]


def _edits(model: Model, symbols: list[Symbol], new: str) -> list[Edit]:
    edits = []
    for each in model.references(*symbols):
        short, text = _short(each.symbol), new
        kinds = {other.symbol.kind for other in model.at(each.span.file, each.span.start) if other.span == each.span}
        if "member" in kinds and kinds & {"local", "parameter"} and each.use is not None:
            # `P { x }` stands for `P { x: x }`.
            text = f"{new}: {short}" if each.symbol.kind == "member" else f"{short}: {new}"
        edits.append(Edit(each.span, text))
    return edits


def _try(program: Program, model: Model, symbols: list[Symbol], edits: list[Edit], new: str) -> None:
    """Raise :class:`RenameError` if some name would mean something else after the edits."""
    after = program.variants(edited({path: text.text for path, text in program.files.items()}, edits))
    for symbol in symbols:
        owner = f"{symbol.name.rpartition('.')[0]}.{new}" if "." in symbol.name else new
        renamed = symbol._replace(name=owner)
        if symbol.kind != "variable" and len(after.references(renamed)) != len(model.references(symbol)):
            raise RenameError(f"`{new}` would mean something else in some place, or is taken")
    before = sum(each.severity == "error" for each in program.check().stages.diagnostics)
    if sum(each.severity == "error" for each in after.stages.diagnostics) > before:
        raise RenameError(f"with the name `{new}` the program would have more errors")


def edited(texts: Mapping[str, str], edits: Iterable[Edit]) -> dict[str, str]:
    """Return texts with edits applied that do not overlap."""
    result = dict(texts)
    for each in sorted(edits, key=lambda edit: edit.span, reverse=True):
        text = result[each.span.file]
        result[each.span.file] = text[: each.span.start] + each.text + text[each.span.end :]
    return result
