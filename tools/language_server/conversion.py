"""Spans and diagnostics of the compiler as the protocol has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from lsprotocol import types as lsp

from bamlvm.grammar.diagnostics import Diagnostic, Edit
from bamlvm.grammar.source import Span
from bamlvm.tools.language_server.positions import Text

SOURCE: Final = "bamlvm"

_SEVERITIES: Final = {"error": lsp.DiagnosticSeverity.Error, "warning": lsp.DiagnosticSeverity.Warning}
_UNNECESSARY: Final = frozenset({"E0063", "E0095", "E0097", "E0101", "E0102"})
"""Codes of diagnostics about code without an effect, which an editor may fade out."""


def markup(text: str, *, is_plain: bool) -> lsp.MarkupContent:
    """Return Markdown, or its text for a client that shows none."""
    if is_plain:
        lines = (line for line in text.split("\n") if not line.startswith("```"))
        return lsp.MarkupContent(lsp.MarkupKind.PlainText, "\n".join(lines).strip())
    return lsp.MarkupContent(lsp.MarkupKind.Markdown, text)


def range_of(text: Text, start: int, end: int) -> lsp.Range:
    """Return a range of a text."""
    first, last = text.place(start), text.place(end)
    return lsp.Range(lsp.Position(first.line, first.column), lsp.Position(last.line, last.column))


def offset_of(text: Text, position: lsp.Position) -> int:
    """Return the offset of a position."""
    return text.offset(position.line, position.character)


def location(span: Span, texts: Mapping[str, Text], uri: Callable[[str], str]) -> lsp.Location:
    """Return the place of a span."""
    return lsp.Location(uri(span.file), range_of(texts[span.file], span.start, span.end))


def text_edit(text: Text, edit: Edit) -> lsp.TextEdit:
    """Return an edit of a text."""
    return lsp.TextEdit(range_of(text, edit.span.start, edit.span.end), edit.text)


def workspace_edit(edits: Iterable[Edit], texts: Mapping[str, Text], uri: Callable[[str], str]) -> lsp.WorkspaceEdit:
    """Return edits of any files."""
    changes: dict[str, list[lsp.TextEdit]] = {}
    for each in edits:
        changes.setdefault(uri(each.span.file), []).append(text_edit(texts[each.span.file], each))
    return lsp.WorkspaceEdit(changes=changes)


def diagnostic(found: Diagnostic, texts: Mapping[str, Text], uri: Callable[[str], str]) -> lsp.Diagnostic:
    """Return a diagnostic: its hint is the last line of its message, its labels are related places."""
    text = texts[found.span.file]
    start, end = found.span.start, found.span.end
    related = [
        lsp.DiagnosticRelatedInformation(location(each.span, texts, uri), each.message)
        for each in found.labels
        if each.span.file in texts
    ]
    return lsp.Diagnostic(
        range=range_of(text, start, max(end, start)),
        severity=_SEVERITIES[found.severity],
        code=found.code,
        source=SOURCE,
        message=f"{found.message}\nhint: {found.hint}" if found.hint else found.message,
        tags=[lsp.DiagnosticTag.Unnecessary] if found.code in _UNNECESSARY else None,
        related_information=related or None,
    )
