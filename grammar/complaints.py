"""Syntax errors in the reader's words.

Rule: a message names what was found and what could stand there instead, as the reader would call it; the names of
terminals never show.  The specific comes first: a missing semicolon or parenthesis, a construct of another dialect, a
mistake that people are known to make; only then the general *expected …, found …*.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from bamlvm.grammar.diagnostics import Diagnostic, Label, error
from bamlvm.grammar.source import Span
from bamlvm.grammar.table import END, Driver, StuckError
from bamlvm.grammar.tokens import ITEM_KEYWORDS, PUNCTUATION, Token

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
    "SHIFT_LEFT": "`<<`",
    "GREATER_JOINED": "`>`",
    "ATTRIBUTE": "an attribute",
    "BLOCK_ATTRIBUTE": "a block attribute",
    "WORD": "a value",
    "ENV": "a value",
    "JINJA": "an expression `{{ … }}`",
    "PROMPT": "`prompt`",
    "CLIENT": "`client`",
    END: "the end",
} | {
    kind: f"`{text}`"
    for text, kind in reversed(PUNCTUATION.items())
    if kind not in ("COMPOUND_ASSIGN", "EQUALITY", "COMPARISON", "MULTIPLY", "NOT")
}
_EXPRESSION: Final = frozenset({"NAME", "INT", "STRING", "LPAREN", "LBRACKET", "IF", "RETURN", "MINUS"})
_OPERAND: Final = frozenset({"NAME", "INT", "STRING", "LPAREN", "LBRACKET", "MINUS"})
_TYPE: Final = frozenset({"NAME", "MAP", "STRING", "LPAREN", "INT"})
_STATEMENT: Final = frozenset({"LET", "WHILE", "FOR", "ASSERT"})
_OPERATORS: Final = frozenset(
    {"OR", "AND", "COALESCE", "PIPE", "CARET", "AMPERSAND", "EQUALITY", "LESS", "GREATER", "COMPARISON", "SHIFT_LEFT"}
    | {"GREATER_JOINED", "PLUS", "MINUS", "MULTIPLY", "IS", "INSTANCEOF", "CATCH", "CATCH_ALL"}
)
_POSTFIX: Final = frozenset({"DOT", "LBRACKET", "LPAREN", "LBRACE", "ASSIGN", "COMPOUND_ASSIGN", "QUESTION"})
_PARENTHESISED: Final = {"IF": "if", "WHILE": "while", "FOR": "for", "MATCH": "match"}
_FOREIGN: Final = {
    "interface": "interfaces are not part of this dialect",
    "implements": "interfaces are not part of this dialect",
    "spawn": "`spawn` is not part of this dialect",
    "await": "`await` is not part of this dialect",
}
_FOREIGN_HINTS: Final = {
    "await": "calls wait by themselves: leave `await` out",
    "spawn": "calls run one after another",
}
_BORROWED: Final = {
    "var": "variables are declared with `let`",
    "const": "variables are declared with `let`",
    "def": "functions are declared with `function`",
    "fn": "functions are declared with `function`",
    "func": "functions are declared with `function`",
    "elif": "write `else if`",
    "try": "there is no `try`: write `e catch (error) { … }` behind the expression that may throw",
    "switch": "write `match (value) { pattern => result }`",
    "case": "an arm is written `pattern => result`",
    "struct": "write `class`",
    "interface": "write `class`",
    "import": "every file of a project sees every other: nothing is imported",
    "fallback": "write `client<llm> Name { provider fallback  options { strategy [A, B] } }`",
    "alias": "write `type Name = …`",
    "policy": "write `retry_policy`",
}


def missing_semicolon(
    driver: Driver, failure: StuckError, tokens: list[Token], text: str
) -> tuple[Token, Diagnostic] | None:
    """A `;` to put in where the parser is stuck, with its diagnostic, if one is plainly missing there.

    It is if a statement could end here and what follows stands on another line or begins with a keyword.
    """
    token, index = failure.token, failure.index
    if index == 0 or token.kind == END or not driver.accepts(failure.states, "SEMICOLON"):
        return None
    previous = tokens[index - 1]
    on_new_line = "\n" in text[previous.end : token.start]
    begins_statement = token.kind in (
        "LET",
        "RETURN",
        "WHILE",
        "FOR",
        "IF",
        "MATCH",
        "THROW",
        "BREAK",
        "CONTINUE",
        "ASSERT",
    )
    if (not on_new_line and not begins_statement) or token.kind in ("RPAREN", "RBRACKET", "COMMA"):
        return None
    place = previous.end
    found = error("E0028", "missing `;` after this statement", Span("", max(place - 1, 0), place), (), "add `;` here")
    return Token("SEMICOLON", "", place, place), found


def complain(driver: Driver, failure: StuckError, tokens: list[Token], text: str) -> Diagnostic:
    """The diagnostic for the place where the parser is stuck."""
    token, index = failure.token, failure.index
    previous = tokens[index - 1] if index else None
    span = Span("", token.start, token.end)
    if previous is not None and previous.kind in _PARENTHESISED and driver.accepts(failure.states, "LPAREN"):
        return _parentheses(token, previous, tokens, index, text)
    for near in (token, previous):
        if near is not None and near.kind == "NAME" and near.text in _FOREIGN:
            return error(
                "E0010", _FOREIGN[near.text], Span("", near.start, near.end), (), _FOREIGN_HINTS.get(near.text)
            )
    expected = driver.expected(failure.states)
    wanted = describe(expected)
    if token.kind == END:
        place = previous.end if previous else 0
        span = Span("", max(place - 1, 0), place)
        return error("E0009", f"unexpected end, expected {wanted}", span)
    return error("E0010", f"expected {wanted}, found {found_text(token)}", span, (), _hint(token, previous, expected))


def _parentheses(token: Token, keyword: Token, tokens: list[Token], index: int, text: str) -> Diagnostic:
    """`if x {`: E0030, with the fix."""
    word = _PARENTHESISED[keyword.kind]
    end = token.end
    for later in tokens[index:]:
        if later.kind == "LBRACE" or "\n" in text[token.start : later.start]:
            break
        end = later.end
    what = {"match": "the value that `match` looks at", "for": "the head of `for`"}.get(
        word, f"the condition of `{word}`"
    )
    fix = (
        f"write `{word} ({text[token.start : end]})`"
        if token.kind != END and "\n" not in text[token.start : end]
        else None
    )
    label = Label(Span("", keyword.start, keyword.end), f"`{word}` wants parentheses")
    return error("E0030", f"{what} stands in parentheses", Span("", token.start, end), (label,), fix)


def _hint(token: Token, previous: Token | None, expected: set[str]) -> str | None:
    for near in (token, previous):
        if near is not None and near.kind == "NAME" and near.text in _BORROWED:
            return _BORROWED[near.text]
    if token.kind == "ASSIGN" and "EQUALITY" in expected:
        return "equality is written `==`"
    if token.kind == "AMPERSAND" and previous is not None and previous.kind == "AMPERSAND":
        return "and is written `&&`"
    if token.kind == "QUESTION":
        return "there is no `a ? b : c`: write `if (a) { b } else { c }`"
    if token.kind == "COLON" and previous is not None and "ASSIGN" in expected and previous.kind == "NAME":
        return None
    if token.kind == "ARROW" and "FAT_ARROW" in expected:
        return "an arm is written `pattern => result`"
    if token.kind == "FAT_ARROW" and "ARROW" in expected:
        return "a result type is written `-> T`"
    if expected == {"COLON"} or ("COLON" in expected and token.kind == "ASSIGN"):
        return "write `:` between a name and its value"
    if previous is not None and previous.kind == "COMMA" and token.kind == "COMMA":
        return "remove this `,`"
    return None


def describe(expected: set[str]) -> str:
    """A set of kinds as *a, b or c*."""
    rest = set(expected)
    parts: list[str] = []
    if rest >= _STATEMENT:
        parts.append("a statement")
        rest -= _STATEMENT | {"WATCH", "SEMICOLON"}
        rest -= {kind for kind in rest if kind in _ALL_EXPRESSION}
    if rest >= _EXPRESSION:
        parts.append("an expression")
        rest -= _ALL_EXPRESSION
    elif rest >= _OPERAND and "MAP" in rest and "FAT_ARROW" not in rest and "TEMPLATE_START" not in rest:
        parts.append("a type")
        rest -= _ALL_TYPE
    elif rest >= {"NAME", "MAP", "STRING", "LPAREN"} and "LBRACE" not in rest:
        parts.append("a pattern" if "FLOAT" in rest else "a type")
        rest -= _ALL_TYPE | {"FLOAT", "LET"}
    if len(rest & _OPERATORS) > 6:
        parts.append("an operator")
        rest -= _OPERATORS | _POSTFIX
    words = [_NAMES.get(kind) or f"`{kind.lower()}`" for kind in sorted(rest, key=_order)]
    parts += list(dict.fromkeys(word for word in words if word not in parts))
    if len(parts) > 5:
        parts = [*parts[:5], "something else"]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


_ALL_EXPRESSION: Final = _EXPRESSION | {
    "FLOAT",
    "RAW_STRING",
    "TEMPLATE_START",
    "TRUE",
    "FALSE",
    "NULL",
    "NOT",
    "MATCH",
    "BREAK",
    "CONTINUE",
    "THROW",
    "LBRACE",
}
_ALL_TYPE: Final = _TYPE | {"MINUS", "TRUE", "FALSE", "NULL", "PIPE"}


def _order(kind: str) -> tuple[bool, bool, str]:
    """Names first, then words, then punctuation."""
    return kind in PUNCTUATION.values(), kind not in ("NAME", "WORD"), kind


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


def complain_about_junk(text: str) -> Diagnostic:
    """Text at the top level that begins no item."""
    word = re.match(r"[A-Za-z_][\w]*", text)
    if word is None:
        first = text[0]
        span = Span("", 0, 1)
        if first in "})]":
            return error("E0031", f"`{first}` closes nothing", span, (), f"remove this `{first}`")
        return error("E0010", f"expected a declaration, found `{first}`", span, (), _ITEMS)
    name = word.group()
    span = Span("", 0, word.end())
    if name in _FOREIGN:
        return error("E0010", _FOREIGN[name], span, (), _FOREIGN_HINTS.get(name))
    if name in _BORROWED:
        hint: str | None = _BORROWED[name]
    elif near := get_close_matches(name.lower(), ITEM_KEYWORDS, n=1, cutoff=0.6):
        hint = f"did you mean `{near[0]}`?"
    elif name in ("let", "if", "for", "while", "match", "return", "throw", "assert"):
        hint = "statements stand inside a function"
    else:
        hint = _ITEMS
    return error("E0010", f"`{name}` begins no declaration", span, (), hint)


_ITEMS: Final = "a file holds `class`, `enum`, `type`, `function`, `client<llm>`, `test` and the like"
