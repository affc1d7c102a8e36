"""Python source as text: docstrings, string literals, and references to imported names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bamlvm.vm.program.declarations import attribute_text
from bamlvm.vm.program.types import Attribute


class References:
    """The imported names that a module's text refers to, so that it can import just these."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def to(self, text: str) -> str:
        """Return ``text``, a reference such as ``_t.Any``, and remember the name that it begins with."""
        self.names.add(text.partition(".")[0])
        return text


def description(attributes: Iterable[Attribute], doc: str) -> str:
    """Return the text of a ``@description``, or else the doc comment."""
    text = attribute_text(attributes, "description")
    return doc if text is None else text


def docstring(text: str, margin: str) -> str:
    """Return a docstring on lines of its own, or nothing if the text is empty."""
    lines = [line.rstrip() for line in text.replace("\\", "\\\\").replace('"', '\\"').split("\n")]
    if not any(lines):
        return ""
    if len(lines) == 1:
        return f'{margin}"""{lines[0].strip()}"""\n'
    rest = "".join(f"{margin}{line}\n" if line else "\n" for line in lines[1:])
    return f'{margin}"""{lines[0].strip()}\n{rest}{margin}"""\n'


def quoted(text: Any) -> str:
    """Return a string literal in double quotes, for a text without control characters."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
