"""Diagnostics: an error or warning, its place, and what may help.

Rule: a diagnostic is data (a frozen struct); ``excerpts.py`` alone decides how one looks.  A message says what is wrong
in one line without a full stop, a label what a place has to do with it, a hint what to do about it, a fix does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from bamlvm.grammar.source import Span

Severity = Literal["error", "warning"]
Level = Literal["error", "warning", "off"]
"""What a project makes of the warnings of a code."""

CODES: Final = {
    "E0001": "type mismatch",
    "E0002": "unknown type",
    "E0003": "unknown name",
    "E0004": "bad operand",
    "E0005": "argument count",
    "E0006": "not callable",
    "E0007": "no such field",
    "E0008": "not indexable",
    "E0009": "unexpected end",
    "E0010": "syntax error",
    "E0011": "duplicate name",
    "E0012": "duplicate field",
    "E0013": "duplicate variant",
    "E0014": "duplicate attribute",
    "E0015": "unknown attribute",
    "E0016": "misplaced attribute",
    "E0021": "unknown provider",
    "E0022": "unknown output type",
    "E0023": "bad role option",
    "E0024": "bad finish reasons",
    "E0025": "bad response type",
    "E0026": "missing client property",
    "E0027": "unknown client property",
    "E0028": "missing `;`",
    "E0029": "missing return value",
    "E0030": "missing parentheses",
    "E0031": "unmatched delimiter",
    "E0034": "unknown test property",
    "E0035": "missing test property",
    "E0062": "match not exhaustive",
    "E0063": "unreachable arm",
    "E0064": "unknown variant",
    "E0068": "alias cycle",
    "E0069": "class cycle",
    "E0070": "unknown template variable",
    "E0071": "bad template filter",
    "E0072": "bad template argument",
    "E0073": "bad template syntax",
    "E0088": "unknown function in test",
    "E0090": "empty strategy",
    "E0091": "unknown retry policy",
    "E0092": "bad strategy element",
    "E0093": "duplicate method",
    "E0094": "catch not exhaustive",
    "E0095": "unreachable catch arm",
    "E0096": "throws contract broken",
    "E0097": "extraneous throws",
    "E0101": "unused variable",
    "E0102": "unreachable code",
    "E0103": "comparison with one result",
    "E0104": "prompt without output format",
    "E0105": "unknown role",
    "E0106": "key in source",
    "E0107": "type beyond the schemas of a provider",
    "E0163": "constant touches the world",
    "E0179": "assignment to a constant",
}
"""Every code and its title."""

LINTS: Final = frozenset({"E0101", "E0102", "E0103", "E0104", "E0105", "E0106"})
"""The codes of warnings about what is valid, runs, and can hardly be meant."""


class Label(msgspec.Struct, frozen=True):
    """A place that has to do with a diagnostic, in the same file or another."""

    span: Span
    message: str


class Edit(msgspec.Struct, frozen=True):
    """The text of a place, replaced by ``text``."""

    span: Span
    text: str


class Diagnostic(msgspec.Struct, frozen=True):
    """One error or warning.  ``fix`` is what mends it, if there is one obvious way to."""

    code: str
    severity: Severity
    message: str
    span: Span
    labels: tuple[Label, ...] = ()
    hint: str | None = None
    fix: tuple[Edit, ...] = ()

    def shifted(self, file: str, offset: int) -> Diagnostic:
        """Return the diagnostic for a file in which the text that it is about begins at ``offset``."""
        labels = tuple(Label(label.span.shifted(file, offset), label.message) for label in self.labels)
        fix = tuple(Edit(edit.span.shifted(file, offset), edit.text) for edit in self.fix)
        span = self.span.shifted(file, offset)
        return Diagnostic(self.code, self.severity, self.message, span, labels, self.hint, fix)


def error(
    code: str,
    message: str,
    span: Span,
    labels: tuple[Label, ...] = (),
    hint: str | None = None,
    fix: tuple[Edit, ...] = (),
) -> Diagnostic:
    """Return an error."""
    return Diagnostic(code, "error", message, span, labels, hint, fix)


def replace(start: int, end: int, text: str) -> tuple[Edit, ...]:
    """Return the fix that replaces a range of the item that is being parsed."""
    return (Edit(Span("", start, end), text),)


def warning(code: str, message: str, span: Span, labels: tuple[Label, ...] = (), hint: str | None = None) -> Diagnostic:
    """Return a warning."""
    return Diagnostic(code, "warning", message, span, labels, hint)


def with_levels(
    diagnostics: Iterable[Diagnostic], levels: Mapping[str, Level], strict: bool = False
) -> list[Diagnostic]:
    """Return diagnostics with the warnings of each code at its level, the others as errors if ``strict``.

    What is an error stays one: the program cannot run.
    """
    found = []
    for each in diagnostics:
        level = levels.get(each.code, "error" if strict else "warning") if each.severity == "warning" else "error"
        if level != "off":
            found.append(each if level == each.severity else msgspec.structs.replace(each, severity=level))
    return found


def sort(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort by file, place, severity (errors first) and code; drop exact duplicates."""
    return sorted(dict.fromkeys(diagnostics), key=lambda d: (d.span, d.severity, d.code, d.message))
