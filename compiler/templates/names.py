"""The project's names as a template sees them: enums and template strings."""

from __future__ import annotations

from bamlvm.compiler.index import Index
from bamlvm.compiler.symbols import Symbols
from bamlvm.grammar import syntax


class Names:
    """Looks names up, and notes what was read (:mod:`bamlvm.compiler.incremental`)."""

    def __init__(self, index: Index, symbols: Symbols) -> None:
        self._index = index
        self.symbols = symbols

    def parameters(self, name: str) -> tuple[str, ...] | None:
        """The parameters of the template string ``name``; None if there is none."""
        entry = self._index.entries.get(name)
        declaration = entry.declaration if entry is not None else None
        self.symbols.reads.note("declaration", (name,), declaration)
        if not isinstance(declaration, syntax.TemplateString):
            return None
        return tuple(each.name for each in declaration.parameters)

    def visible(self) -> list[str]:
        """All names that a template can use, for suggestions."""
        return [entry.name for entry in self._index.of(syntax.Enum, syntax.TemplateString)]
