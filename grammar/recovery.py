"""After a syntax error: where to go on, so that one run finds more than one.

Rule: panic mode.  The parser's stacks are cut back to the innermost list of statements or members that is open, and
tokens are skipped to the next statement (behind `;` or `}`, or a keyword on a new line) or member (a new line), or to
the brace that closes the list.
"""

from __future__ import annotations

from typing import Final

from bamlvm.grammar.lalr import Driver, StuckError
from bamlvm.grammar.syntax_errors import STATEMENT_KEYWORDS
from bamlvm.grammar.tokens import Token

_OPENERS: Final = frozenset({"LPAREN", "LBRACKET", "LBRACE", "INTERPOLATION", "TEMPLATE_START"})
_CLOSERS: Final = frozenset({"RPAREN", "RBRACKET", "RBRACE", "INTERPOLATION_END", "TEMPLATE_END"})
_GOES_ON: Final = frozenset({"ELSE", "CATCH", "CATCH_ALL", "DOT", "COMMA", "RPAREN", "SEMICOLON"})


def resynchronise(driver: Driver, failure: StuckError, tokens: list[Token], text: str) -> int | None:
    """Cut the failed run's stacks; the index of the token to go on with, or None if there is nothing to save."""
    run = failure.run
    table = driver.table.states
    for depth in range(len(run.states) - 1, 0, -1):
        row = table[run.states[depth]]
        for sign in ("WHILE", "BLOCK_ATTRIBUTE"):
            if sign in row and driver.accepts(run.states[: depth + 1], sign):
                brace = _brace_below(run.values[:depth])
                if brace is None:
                    continue
                index = _next(tokens, failure.index, _level(tokens, failure.index, brace), text, sign == "WHILE")
                if index is None:
                    return None
                del run.states[depth + 1 :], run.values[depth:]
                return index
    return None


def _brace_below(values: list[object]) -> Token | None:
    for value in reversed(values):
        if type(value) is Token and value.kind == "LBRACE":
            return value
    return None


def _level(tokens: list[Token], index: int, brace: Token) -> int:
    """How many delimiters are open inside ``brace`` before the token at ``index``."""
    level = 0
    for at in range(index - 1, -1, -1):
        if tokens[at].start == brace.start:
            break
        if tokens[at].kind in _OPENERS:
            level += 1
        elif tokens[at].kind in _CLOSERS:
            level -= 1
    return level


def _next(tokens: list[Token], index: int, level: int, text: str, statements: bool) -> int | None:
    """The index of the token at which the next statement or member begins, or of the brace that closes the list."""
    for at in range(index, len(tokens)):
        kind = tokens[at].kind
        if level == 0 and at > index:
            on_new_line = "\n" in text[tokens[at - 1].end : tokens[at].start]
            if on_new_line and (kind in STATEMENT_KEYWORDS if statements else kind != "COMMA"):
                return at
        if kind in _OPENERS:
            level += 1
        elif kind in _CLOSERS:
            if level == 0:
                return at if kind == "RBRACE" else None
            level -= 1
            following = tokens[at + 1].kind if at + 1 < len(tokens) else "RBRACE"
            if statements and level == 0 and kind == "RBRACE" and following not in _GOES_ON:
                return at + 1
        elif statements and level == 0 and kind == "SEMICOLON":
            return at + 1
    return None
