"""Signature help: the parameters of the call around the cursor.

The call is found in the tokens before the cursor, since what is being typed has no tree yet; what is called, by the
compiler, in a program in which the call is complete (:mod:`bamlvm.tools.language_server.unfinished`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lsprotocol import types as lsp

from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.grammar.lexer import lex
from bamlvm.grammar.tokens import Token
from bamlvm.tools.language_server.conversion import markup, offset_of
from bamlvm.tools.language_server.descriptions import describe, parameter_text
from bamlvm.tools.language_server.model import Model
from bamlvm.tools.language_server.unfinished import unfinished
from bamlvm.tools.language_server.workspace import Workspace
from bamlvm.vm.program.declarations import Parameter

_OPENERS = frozenset({"LPAREN", "LBRACKET", "LBRACE", "INTERPOLATION"})
_CLOSERS = frozenset({"RPAREN", "RBRACKET", "RBRACE", "INTERPOLATION_END"})


class OpenCall(NamedTuple):
    """A call that is not closed: where the name of what is called ends, how many arguments are before the one that is
    being written, and the name of that one, or ""."""

    callee_end: int
    place: int
    name: str


def open_call(tokens: Sequence[Token]) -> OpenCall | None:
    """Return the innermost call that tokens leave open, or None."""
    depth = commas = 0
    name = ""
    for place in range(len(tokens) - 1, -1, -1):
        kind = tokens[place].kind
        if kind in _CLOSERS:
            depth += 1
        elif kind in _OPENERS and depth:
            depth -= 1
        elif kind == "LPAREN":
            before = tokens[place - 1] if place else None
            is_declared = place > 1 and tokens[place - 2].kind == "FUNCTION"
            if before is not None and before.kind == "NAME" and not is_declared:
                return OpenCall(before.end, commas, name)
            commas, name = 0, ""
        elif kind == "LBRACKET":
            commas, name = 0, ""
        elif kind in _OPENERS:
            return None  # a block or object inside the call: the cursor is in that
        elif kind == "COMMA" and not depth:
            commas += 1
        elif kind == "ASSIGN" and not depth and not commas and place and tokens[place - 1].kind == "NAME":
            name = tokens[place - 1].text
    return None


def parameters_of(model: Model, symbol: Symbol) -> tuple[Parameter, ...] | None:
    """Return the parameters of what is called, without ``self``; None if it is no function."""
    symbols = model.stages.symbols
    name = f"{symbol.owner}.{symbol.name}" if symbol.kind == "member" else symbol.name
    signature = symbols.signatures.get(name) or symbols.standard.signatures.get(name)
    if signature is None or symbol.kind not in ("item", "member"):
        return None
    skipped = bool(signature.parameters) and signature.parameters[0].name == "self"
    return signature.parameters[skipped:]


def signature_help(workspace: Workspace, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
    """Return the signatures of the call around the cursor."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return None
    offset = offset_of(file.text, params.position)
    part = unfinished(file.text.text, offset)
    if part is None:
        return None
    call = open_call(lex(part.before, part.keyword).tokens)
    if call is None:
        return None
    model = file.program.variant(file.path, part.completed)
    found = model.at(file.path, part.start + call.callee_end)
    shown = []
    for each in found:
        parameters = parameters_of(model, each.symbol)
        description = describe(model, each.symbol)
        if parameters is None or description is None:
            continue
        written = [_default(model, each.symbol, parameter) for parameter in parameters]
        label = f"{each.symbol.name.rpartition('.')[2]}({', '.join(written)}){description.signature.rpartition(')')[2]}"
        is_plain = lsp.TEXT_DOCUMENT_SIGNATURE_HELP in workspace.plain
        doc = markup(description.doc, is_plain=is_plain) if description.doc else None
        active = next((n for n, p in enumerate(parameters) if p.name == call.name), call.place)
        information = [lsp.ParameterInformation(text) for text in written]
        shown.append(lsp.SignatureInformation(label, doc, information, active))
    if not shown:
        return None
    return lsp.SignatureHelp(shown, 0, shown[0].active_parameter)


def _default(model: Model, symbol: Symbol, parameter: Parameter) -> str:
    name = f"{symbol.owner}.{symbol.name}" if symbol.kind == "member" else symbol.name
    body = model.stages.symbols.bodies.get(name)
    default: syntax.Expr | None = None
    for each in body[1].parameters if body is not None else ():
        default = each.default if each.name == parameter.name else default
    if body is None or default is None:
        return parameter_text(parameter)
    return parameter_text(parameter, body[0].item.text[default.start : default.end])
