"""Comments that allow a warning: ``// allow E0101: why`` (in a prompt ``{# allow E0101 #}``).

Rule: one holds for the line that it ends, and alone on its line for the next one.  It names codes; what is an error
stays one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.source import SourceFile

_ALLOWS: Final = re.compile(r"(?://+|\{#)\s*allow\s+(E\d{4}(?:\s*,\s*E\d{4})*)")


def without_allowed(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile]) -> list[Diagnostic]:
    """Return diagnostics without the warnings that a comment in their file allows."""
    allowing = {file: source for file, source in sources.items() if "allow E" in source.text}
    codes: dict[tuple[str, int], frozenset[str]] = {}  # what is allowed in a line, which may have many warnings

    def is_allowed(diagnostic: Diagnostic) -> bool:
        source = allowing.get(diagnostic.span.file)
        if source is None:
            return False
        line, _ = source.position(diagnostic.span.start)
        place = (diagnostic.span.file, line)
        if place not in codes:
            codes[place] = _allowed(source, line)
        return diagnostic.code in codes[place]

    return [each for each in diagnostics if each.severity == "error" or not is_allowed(each)]


def _allowed(source: SourceFile, line: int) -> frozenset[str]:
    found = _ALLOWS.search(source.line_text(line))
    if found is None and line > 1:
        above = source.line_text(line - 1)
        found = _ALLOWS.match(above.strip())
    return frozenset(re.split(r"\s*,\s*", found[1]) if found is not None else ())
