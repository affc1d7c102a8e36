"""Text in XML documents."""

from __future__ import annotations

from bamlvm.grammar.printable import printable


def xml_text(text: str) -> str:
    """Replace the characters that no XML document may hold (XML 1.0, production ``Char``), and other control ones."""
    return printable(
        "".join(
            c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff" and not _surrogate(c)) else "\ufffd"
            for c in text
        )
    )


def _surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"
