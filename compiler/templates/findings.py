"""What is wrong with a template, as data, and where its words are."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import nodes

from bamlvm.compiler.templates.parsing import Parsed
from bamlvm.grammar.diagnostics import Severity


@dataclass(frozen=True)
class Finding:
    """An error at ``text[start:end]``."""

    code: str
    start: int
    end: int
    message: str
    hint: str | None = None
    severity: Severity = "error"


class Findings:
    """The findings about one template, in the order in which they were made."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self._found: list[Finding] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def ordered(self) -> list[Finding]:
        """Return the findings in order of appearance, each once."""
        return sorted(dict.fromkeys(self._found), key=lambda finding: finding.start)

    def report(
        self, code: str, start: int, end: int, message: str, hint: str | None = None, severity: Severity = "error"
    ) -> None:
        """Report a finding at ``text[start:end]``."""
        self._found.append(Finding(code, start, end, message, hint, severity))

    def report_constant(
        self, code: str, node: nodes.Const, message: str, hint: str | None, severity: Severity = "error"
    ) -> None:
        """Report a finding about a constant."""
        word = self.parsed.words[self.parsed.at(node.lineno)]
        self.report(code, word.start, word.end, message, hint, severity)
