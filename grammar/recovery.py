"""Recovery after a syntax error, so that one run reports more than one.

Rule: panic mode.  The parser's stacks are cut back to the innermost list of statements or members that is open, and
tokens are skipped to the next statement (after `;` or `}`, or at a keyword on a new line) or member (at a new line), or
to the brace that closes the list.
"""

from __future__ import annotations

from typing import Final

from bamlvm.grammar.lalr import Driver, UnexpectedTokenError
from bamlvm.grammar.syntax_errors import CLOSERS, OPENERS, STATEMENT_KEYWORDS
from bamlvm.grammar.tokens import CLOSER, CLOSER_TEXT, Token

_CONTINUES_STATEMENT: Final = frozenset(
    {"ELSE", "CATCH", "CATCH_ALL", "DOT", "OPTIONAL_DOT", "COMMA", "RPAREN", "SEMICOLON"}
)


def resynchronise(driver: Driver, failure: UnexpectedTokenError, tokens: list[Token], text: str) -> int | None:
    """Cut the stacks of the failed run back; return the index of the token to continue with, or None to stop."""
    states, values = failure.state.states, failure.state.values
    table = driver.table.states
    # From the top of the stack down: the first state in which a list of statements (`while` can come next) or of
    # members (`@@…` can) is open, and its brace.  A state whose row has the terminal may still lead to an error after
    # some reductions (LALR merges lookaheads), so the driver is asked too.
    for depth in range(len(states) - 1, 0, -1):
        row = table[states[depth]]
        for sign in ("WHILE", "BLOCK_ATTRIBUTE"):
            if sign in row and driver.accepts(states[: depth + 1], sign):
                brace = _innermost_brace(values[:depth])
                if brace is None:
                    continue
                level = _level(tokens, failure.index, brace)
                index = _next_start(tokens, failure.index, level, text, sign == "WHILE")
                if index is None:
                    return None
                del states[depth + 1 :], values[depth:]
                return index
    return None


def missing_closers(values: list[object], end: int) -> list[Token]:
    """Return the tokens that close what is open on the parser's stack, innermost first, as if written at ``end``."""
    opened: list[str] = []
    for value in values:
        if type(value) is Token and value.kind in OPENERS:
            opened.append(value.kind)
        elif type(value) is Token and value.kind in CLOSERS and opened:
            opened.pop()
    kinds = [CLOSER.get(kind, "TEMPLATE_END") for kind in reversed(opened)]
    return [Token(kind, CLOSER_TEXT[kind], end, end) for kind in kinds]


def _innermost_brace(values: list[object]) -> Token | None:
    for value in reversed(values):
        if type(value) is Token and value.kind == "LBRACE":
            return value
    return None


def _level(tokens: list[Token], index: int, brace: Token) -> int:
    """Return how many delimiters are open inside ``brace`` before the token at ``index``."""
    level = 0
    for at in range(index - 1, -1, -1):
        if tokens[at].start == brace.start:
            break
        if tokens[at].kind in OPENERS:
            level += 1
        elif tokens[at].kind in CLOSERS:
            level -= 1
    return level


def _next_start(tokens: list[Token], index: int, level: int, text: str, statements: bool) -> int | None:
    """Return the index of the next statement's or member's first token, or of the brace that closes the list."""
    for at in range(index, len(tokens)):
        kind = tokens[at].kind
        # The unexpected token itself starts nothing: the parser would be where it was.
        if level == 0 and at > index:
            on_new_line = "\n" in text[tokens[at - 1].end : tokens[at].start]
            if on_new_line and (kind in STATEMENT_KEYWORDS if statements else kind != "COMMA"):
                return at
        if kind in OPENERS:
            level += 1
        elif kind in CLOSERS:
            if level == 0:
                return at if kind == "RBRACE" else None
            level -= 1
            # A block ends its statement, unless what follows belongs to it: `} else {`, `}.name`, `}, …`.
            following = tokens[at + 1].kind if at + 1 < len(tokens) else "RBRACE"
            if statements and level == 0 and kind == "RBRACE" and following not in _CONTINUES_STATEMENT:
                return at + 1
        elif statements and level == 0 and kind == "SEMICOLON":
            return at + 1
    return None
