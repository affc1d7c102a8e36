"""Diagnostics in formats for other programs: ``bamlvm check --format json|github|sarif``.

Lines and columns count from 1, columns in Unicode scalars; an end is the position after the last character.

JSON is one object; keys may be added, and existing keys keep their meaning as long as ``version`` is the same:

    {"version": 1, "errors": 1, "warnings": 0, "diagnostics": [
        {"code": "E0007", "title": "no such field", "severity": "error", "message": "`A` has no field `nme`",
         "file": "main.baml", "start": {"line": 7, "column": 5}, "end": {"line": 7, "column": 8},
         "labels": [{"message": "…", "file": "main.baml", "start": {…}, "end": {…}}], "hint": "did you mean `name`?",
         "fix": [{"text": "name", "file": "main.baml", "start": {…}, "end": {…}}]}]}

``hint`` may be null; ``fix``, the edits of ``check --fix``, is there if there are any.  GitHub's format is its workflow
commands ("Workflow commands for GitHub Actions", "Setting an error message"), SARIF is version 2.1.0 (OASIS; the
sections named below are its).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic
    from bamlvm.grammar.source import SourceFile, Span

FORMATS: Final = ("json", "github", "sarif")
"""The formats besides text, which is :func:`bamlvm.errors.render_diagnostics`."""

DOCUMENTATION: Final = "docs/diagnostics.md"
"""The page with a section for each code."""

_SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ESCAPED_IN_MESSAGE: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_ESCAPED_IN_PROPERTY: Final = {**_ESCAPED_IN_MESSAGE, ":": "%3A", ",": "%2C"}


def report(diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], format: str) -> str:
    """Render diagnostics in one of :data:`FORMATS`; ``sources`` are by path, as the spans name them.

    JSON and SARIF are one document that ends in a line break; GitHub's commands are one line each.  Raises
    :class:`ValueError` for an unknown format.
    """
    from bamlvm.grammar.source import SourceFile

    files = {path: SourceFile(path, text) for path, text in sources.items()}
    match format:
        case "json":
            return _document(_as_json(diagnostics, files))
        case "github":
            return "".join(f"{_github_command(each, files)}\n" for each in diagnostics)
        case "sarif":
            return _document(_as_sarif(diagnostics, files))
        case _:
            raise ValueError(f"unknown format {format!r}; the formats are {', '.join(FORMATS)}")


def anchor(code: str) -> str:
    """Return the link to a code's section of :data:`DOCUMENTATION`."""
    return f"{DOCUMENTATION}#{code.lower()}"


def _document(value: object) -> str:
    from bamlvm.grammar.printable import printable_json

    return printable_json(msgspec.json.format(msgspec.json.encode(value), indent=2).decode()) + "\n"


def _places(span: Span, files: Mapping[str, SourceFile]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the start and the end of a span, each as line and column."""
    source = files.get(span.file)
    if source is None:
        return (1, 1), (1, 1)
    return source.position(span.start), source.position(max(span.start, span.end))


# --- JSON -------------------------------------------------------------------------------------------------------------


def _as_json(diagnostics: Sequence[Diagnostic], files: Mapping[str, SourceFile]) -> dict[str, Any]:
    severities = [each.severity for each in diagnostics]
    return {
        "version": 1,
        "errors": severities.count("error"),
        "warnings": severities.count("warning"),
        "diagnostics": [_diagnostic_as_json(each, files) for each in diagnostics],
    }


def _diagnostic_as_json(diagnostic: Diagnostic, files: Mapping[str, SourceFile]) -> dict[str, Any]:
    from bamlvm.grammar.diagnostics import CODES

    edits = [{"text": each.text, **_span_as_json(each.span, files)} for each in diagnostic.fix]
    return {
        "code": diagnostic.code,
        "title": CODES[diagnostic.code],
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_span_as_json(diagnostic.span, files),
        "labels": [{"message": each.message, **_span_as_json(each.span, files)} for each in diagnostic.labels],
        "hint": diagnostic.hint,
        **({"fix": edits} if edits else {}),
    }


def _span_as_json(span: Span, files: Mapping[str, SourceFile]) -> dict[str, Any]:
    start, end = _places(span, files)
    keys = ("line", "column")
    return {
        "file": span.file,
        "start": dict(zip(keys, start, strict=True)),
        "end": dict(zip(keys, end, strict=True)),
    }


# --- GitHub -----------------------------------------------------------------------------------------------------------


def _github_command(diagnostic: Diagnostic, files: Mapping[str, SourceFile]) -> str:
    (line, column), (end_line, end_column) = _places(diagnostic.span, files)
    place = {"line": line, "col": column, "endLine": end_line, "endColumn": end_column}
    if line != end_line:  # GitHub rejects columns for a range of several lines
        place = {"line": line, "endLine": end_line}
    properties = {"file": diagnostic.span.file, **place, "title": diagnostic.code}
    order = ("file", "line", "col", "endLine", "endColumn", "title")
    named = ",".join(
        f"{name}={_escaped(properties[name], _ESCAPED_IN_PROPERTY)}" for name in order if name in properties
    )
    return f"::{diagnostic.severity} {named}::{_escaped(_with_hint(diagnostic), _ESCAPED_IN_MESSAGE)}"


def _escaped(value: object, escapes: Mapping[str, str]) -> str:
    from bamlvm.grammar.printable import printable

    return printable("".join(escapes.get(character, character) for character in str(value)))


def _with_hint(diagnostic: Diagnostic) -> str:
    return diagnostic.message if diagnostic.hint is None else f"{diagnostic.message}\nhint: {diagnostic.hint}"


# --- SARIF ------------------------------------------------------------------------------------------------------------


def _as_sarif(diagnostics: Sequence[Diagnostic], files: Mapping[str, SourceFile]) -> dict[str, Any]:
    import bamlvm
    from bamlvm.grammar.diagnostics import CODES

    indexes = {code: index for index, code in enumerate(CODES)}
    driver = {
        "name": "bamlvm",
        "version": bamlvm.__version__,
        "rules": [_rule(code, title) for code, title in CODES.items()],
    }
    results = [_result(each, indexes[each.code], files) for each in diagnostics]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, title: str) -> dict[str, Any]:
    """Return a reportingDescriptor (3.49).  ``helpUri`` must be absolute, so the page is named in the text instead."""
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in title.replace("`;`", "semicolon").split()),
        "shortDescription": {"text": title},
        "help": {"text": f"See {anchor(code)}", "markdown": f"See [{code}: {title}]({anchor(code)})"},
    }


def _result(diagnostic: Diagnostic, rule: int, files: Mapping[str, SourceFile]) -> dict[str, Any]:
    """Return a result (3.27), whose related locations (3.27.22) are the labels."""
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": {"text": _with_hint(diagnostic)},
        "locations": [{"physicalLocation": _physical_location(diagnostic.span, files)}],
    }
    if diagnostic.labels:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": each.message}, "physicalLocation": _physical_location(each.span, files)}
            for number, each in enumerate(diagnostic.labels, 1)
        ]
    return result


def _physical_location(span: Span, files: Mapping[str, SourceFile]) -> dict[str, Any]:
    """Return a physicalLocation (3.29); a region's end column is the one after it (3.30.8)."""
    from urllib.parse import quote

    (line, column), (end_line, end_column) = _places(span, files)
    return {
        "artifactLocation": {"uri": quote(span.file.replace("\\", "/"))},
        "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column},
    }
