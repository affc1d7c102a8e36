"""The layout of a document: folding, and formatting as ``bamlvm fmt`` does."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from lsprotocol import types as lsp

from bamlvm.errors import CompileError
from bamlvm.formatting import format_source
from bamlvm.grammar.dump import tokenize
from bamlvm.tools.language_server.conversion import range_of
from bamlvm.tools.language_server.positions import Text
from bamlvm.tools.language_server.workspace import Workspace

_OPENERS = frozenset({"LBRACE", "LBRACKET", "LPAREN"})
_CLOSERS = frozenset({"RBRACE", "RBRACKET", "RPAREN"})


def folding_ranges(workspace: Workspace, params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
    """Return what can be folded: what is between delimiters, strings and comments of several lines."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return []
    found: dict[int, lsp.FoldingRange] = {}
    for first, last, kind in _folds(file.text):
        if last > first:
            found.setdefault(first, lsp.FoldingRange(first, last, kind=kind))
    return [found[line] for line in sorted(found)]


def _folds(text: Text) -> Iterator[tuple[int, int, lsp.FoldingRangeKind | None]]:
    opened: list[int] = []
    comments: list[int] = []
    for token in tokenize(text.text):
        first, last = text.line_of(token.start), text.line_of(max(token.end - 1, token.start))
        if token.kind in ("COMMENT", "DOC_COMMENT") and text.text.startswith("//", token.start):
            if comments and first != comments[-1] + 1:
                yield comments[0], comments[-1], lsp.FoldingRangeKind.Comment
                comments = []
            comments.append(first)
            continue
        if comments:
            yield comments[0], comments[-1], lsp.FoldingRangeKind.Comment
            comments = []
        if token.kind in _OPENERS:
            opened.append(first)
        elif token.kind in _CLOSERS and opened:
            yield opened.pop(), first - 1, None
        elif token.kind == "COMMENT":
            yield first, last, lsp.FoldingRangeKind.Comment
        elif token.kind in ("RAW_STRING", "STRING"):
            yield first, last - 1, None
    if comments:
        yield comments[0], comments[-1], lsp.FoldingRangeKind.Comment


def formatting(workspace: Workspace, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
    """Return the edits that format a document; none if it has a syntax error.

    The indentation is that of the project's settings; it is the same whatever editor formats.
    """
    file = workspace.file(params.text_document.uri)
    if file is None:
        return []
    before = file.text.text
    try:
        after = format_source(before, file.path, indent=file.program.settings.format.indent)
    except CompileError:
        return []
    return line_edits(file.text, after)


def line_edits(text: Text, after: str) -> list[lsp.TextEdit]:
    """Return the edits of whole lines that make a text another one."""
    old, new = text.text.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    if len(old) > 5000:
        return [lsp.TextEdit(range_of(text, 0, len(text.text)), after)] if after != text.text else []
    edits = []
    for tag, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            edits.append(lsp.TextEdit(range_of(text, starts[first], starts[last]), "".join(new[start:end])))
    return edits
