"""How the reader calls what the grammar calls terminals.

Rule: no terminal's name ever shows.  A set of kinds is told as *a, b or c*: what a whole family of kinds begins (a
statement, an expression, a type) by the family's name, the rest one by one.
"""

from __future__ import annotations

from typing import Final

from bamlvm.grammar.lalr import END
from bamlvm.grammar.tokens import PUNCTUATION, Token

_NAMES: Final = {
    "NAME": "a name",
    "INT": "a number",
    "FLOAT": "a number",
    "STRING": "a string",
    "RAW_STRING": "a raw string",
    "TEMPLATE_START": "a template string",
    "TEMPLATE_TEXT": "text",
    "TEMPLATE_END": "the closing `` ` ``",
    "INTERPOLATION": "`${`",
    "INTERPOLATION_END": "`}`",
    "COMPOUND_ASSIGN": "`=`",
    "GREATER_JOINED": "`>`",
    "ATTRIBUTE": "an attribute",
    "BLOCK_ATTRIBUTE": "a block attribute",
    "WORD": "a name",
    END: "the end",
} | {kind: f"`{text}`" for text, kind in PUNCTUATION.items() if list(PUNCTUATION.values()).count(kind) == 1}
_PUNCTUATION: Final = frozenset(PUNCTUATION.values())

_LITERALS: Final = frozenset({"INT", "FLOAT", "STRING", "RAW_STRING", "TRUE", "FALSE", "NULL"})
_STATEMENT: Final = frozenset({"LET", "WHILE", "FOR", "ASSERT", "WATCH", "SEMICOLON"})
_EXPRESSION: Final = _LITERALS | {"NAME", "TEMPLATE_START", "LPAREN", "LBRACKET", "MINUS", "NOT"}
_EXPRESSIONS: Final = _EXPRESSION | {"MAP", "IF", "MATCH", "LBRACE", "RETURN", "BREAK", "CONTINUE", "THROW"}
_TYPE: Final = frozenset({"NAME", "MAP", "STRING", "INT", "MINUS", "TRUE", "FALSE", "NULL", "LPAREN"})
_VALUE: Final = frozenset({"WORD", "STRING", "INT", "FLOAT", "LBRACKET", "LBRACE", "ENV"})
_VALUES: Final = _VALUE | _LITERALS | {"JINJA"}
_KEY: Final = frozenset({"WORD", "STRING", "INT", "TRUE", "FALSE", "NULL"})
_OPERATORS: Final = frozenset(
    {"OR", "AND", "COALESCE", "PIPE", "CARET", "AMPERSAND", "EQUALITY", "LESS", "GREATER", "COMPARISON", "SHIFT_LEFT"}
    | {"GREATER_JOINED", "PLUS", "MINUS", "MULTIPLY", "IS", "INSTANCEOF"}
)
_BEHIND_AN_OPERAND: Final = (
    _OPERATORS
    | {"CATCH", "CATCH_ALL", "DOT", "LBRACKET", "LPAREN", "LBRACE", "ASSIGN"}
    | {
        "COMPOUND_ASSIGN",
        "QUESTION",
    }
)
_BEHIND_A_TYPE: Final = frozenset({"LBRACKET", "QUESTION", "PIPE", "DOT", "LESS", "ATTRIBUTE"})
_MOST: Final = 5
"""How many alternatives are told."""


def describe(expected: set[str]) -> str:
    """A set of kinds of token as *a, b or c*."""
    rest = set(expected)
    parts: list[str] = []
    last: list[str] = []
    if rest >= _STATEMENT:
        parts.append("a statement")
        rest -= _STATEMENT | _EXPRESSIONS | {"CLIENT", "PROMPT"}
    if rest >= _EXPRESSION:
        parts.append("an expression")
        rest -= _EXPRESSIONS
    elif rest >= _TYPE:
        parts.append("a pattern" if "FLOAT" in rest else "a type")
        rest -= _TYPE | {"FLOAT", "LET", "PIPE", "COLON"}
    elif rest >= _VALUE:
        parts.append("a value")
        rest -= _VALUES | {"COLON"}
    elif rest >= _KEY:
        parts.append("a name")
        rest -= _KEY | {"TYPE_BUILDER", "BLOCK_ATTRIBUTE"}
    if rest >= _OPERATORS:
        last.append("an operator")
        rest -= _BEHIND_AN_OPERAND
    elif len(rest) > 1 and rest >= {"LBRACKET", "QUESTION"}:
        rest -= _BEHIND_A_TYPE
    words = [_NAMES.get(kind) or f"`{kind.lower()}`" for kind in sorted(rest, key=_order)]
    parts = [*dict.fromkeys(parts + words), *last]
    if len(parts) > _MOST:
        parts = [*parts[: _MOST - 1], "something else"]
    if not parts:
        return "something else"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _order(kind: str) -> tuple[bool, bool, str]:
    """Names first, then words, then punctuation."""
    return kind in _PUNCTUATION, kind not in ("NAME", "WORD"), kind


def found_text(token: Token) -> str:
    """A token as the reader calls it."""
    if token.kind == END:
        return "the end"
    if token.kind in ("STRING", "RAW_STRING"):
        return "a string" if len(token.text) > 24 or "\n" in token.text else f"the string `{token.text}`"
    if token.kind == "TEMPLATE_START":
        return "a template string"
    if token.kind.lower() == token.text:
        return f"the keyword `{token.text}`"
    return f"`{token.text}`"
