"""Actions for blocks, statements and branches."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import Any, Final

from bamlvm.grammar.actions.context import ActionContext
from bamlvm.grammar.syntax import (
    Arm,
    Assert,
    Assign,
    Block,
    Catch,
    ClassPattern,
    Destructure,
    Expr,
    ExprStatement,
    For,
    ForIn,
    Header,
    If,
    Index,
    Let,
    MapLiteral,
    Match,
    Member,
    Name,
    Pattern,
    Statement,
    TypeExpr,
    While,
)
from bamlvm.grammar.tokens import Token

_start: Final = attrgetter("start")
_STATEMENTS: Final = frozenset({Let, Destructure, Assign, While, ForIn, For, Assert, ExprStatement, Header})
_CONTINUED: Final = {MapLiteral: "map", If: "`if`", Match: "`match`", Block: "block", Catch: "`catch`"}
"""The expressions that end a statement with their brace, as messages name them."""

_Handler = tuple[bool, str | None, list[Arm], int]


# --- blocks and statements


def empty_block(c: ActionContext, start: Token, close: Token) -> Block:
    return _block(c, start, [], None, close)


def block(c: ActionContext, start: Token, statements: list[Any], close: Token) -> Block:
    """Build a block; a block-like expression at its end is its tail."""
    tail = None
    if statements[-1] is not None and type(statements[-1]) not in _STATEMENTS:
        tail = statements.pop()
    return _block(c, start, statements, tail, close)


def block_last(c: ActionContext, start: Token, statements: list[Any], last: Any, close: Token) -> Block:
    if type(last) in _STATEMENTS:
        statements.append(last)
        last = None
    return _block(c, start, statements, last, close)


def block_only(c: ActionContext, start: Token, last: Any, close: Token) -> Block:
    return block_last(c, start, [], last, close)


def _block(c: ActionContext, start: Token, entries: list[Any], tail: Expr | None, close: Token) -> Block:
    statements: list[Statement] = []
    for entry in entries:
        if type(entry) in _STATEMENTS:
            statements.append(entry)
        elif entry is not None:
            statements.append(ExprStatement(entry.start, entry.end, entry))
    _refuse_continued(c, statements, tail)
    if c.headers:
        _insert_headers(c, start.start, close.end, statements)
    return Block(start.start, close.end, tuple(statements), tail)


def _refuse_continued(c: ActionContext, statements: list[Statement], tail: Expr | None) -> None:
    """Report `{ "a": 1 }["a"]` and `if (a) { 1 } else { 2 } - x` where the map or the `if` is a statement.

    Its brace ends the statement, so the rest would be another one with another value than was meant, without a word.
    What begins on a line of its own is another statement, and so is what follows an `if` without a value.
    """
    for at, statement in enumerate(statements):
        if not isinstance(statement, ExprStatement):
            continue
        value = statement.value
        kind = None if isinstance(value, If) and value.otherwise is None else _CONTINUED.get(type(value))
        following = statements[at + 1] if at + 1 < len(statements) else tail
        if kind is None or following is None or c.text[statement.end : following.start].strip(" \t"):
            continue
        sign = c.text[following.start]
        if sign in "[(-":
            message = f"`{sign}` begins another statement: the {kind} before it ends with its `}}`"
            hint = f"to go on with the {kind}, put it in parentheses; otherwise write `;` between the two"
            c.report("E0010", message, following.start, following.start + 1, hint)


def _insert_headers(c: ActionContext, start: int, end: int, statements: list[Statement]) -> None:
    """Move the headers between two places into a block's statements.

    Headers are not part of the grammar.  Inner blocks are built before outer ones, so each goes to the innermost.
    """
    first = bisect_right(c.headers, start, key=_start)
    last = bisect_left(c.headers, end, first, key=_start)
    if first == last:
        return
    for token in c.headers[first:last]:
        text = token.text[2:]
        title = text.lstrip("#")
        statements.append(Header(token.start, token.end, title.strip(), len(text) - len(title)))
    del c.headers[first:last]
    statements.sort(key=_start)


def expression_statement(c: ActionContext, value: Expr, _semicolon: Token) -> Statement:
    return ExprStatement(value.start, value.end, value)


def bare_expression(c: ActionContext, value: Expr) -> Statement:
    return ExprStatement(value.start, value.end, value)


def empty_statement(c: ActionContext, _semicolon: Token) -> None:
    return None


def assert_(c: ActionContext, word: Token, condition: Expr) -> Statement:
    return Assert(word.start, condition.end, condition)


def let(c: ActionContext, word: Token, name: Token, _assign: Token, value: Expr) -> Statement:
    return Let(word.start, value.end, name.text, name.start, None, value)


def destructure(c: ActionContext, word: Token, pattern: ClassPattern, _assign: Token, value: Expr) -> Statement:
    return Destructure(word.start, value.end, pattern, value)


def let_typed(
    c: ActionContext, word: Token, name: Token, _colon: Token, type_: TypeExpr, _assign: Token, value: Expr
) -> Statement:
    return Let(word.start, value.end, name.text, name.start, type_, value)


def watch_let(c: ActionContext, word: Token, _let: Token, name: Token, _assign: Token, value: Expr) -> Statement:
    return Let(word.start, value.end, name.text, name.start, None, value, True)


def watch_let_typed(
    c: ActionContext, word: Token, _let: Token, name: Token, _colon: Token, type_: TypeExpr, _assign: Token, value: Expr
) -> Statement:
    return Let(word.start, value.end, name.text, name.start, type_, value, True)


def assign(c: ActionContext, target: Expr, operator: Token, value: Expr) -> Statement:
    return _assign(c, target, None, value)


def assign_compound(c: ActionContext, target: Expr, operator: Token, value: Expr) -> Statement:
    return _assign(c, target, operator.text[:-1], value)


def _assign(c: ActionContext, target: Expr, operator: str | None, value: Expr) -> Statement:
    if type(target) not in (Name, Member, Index):
        hint = "a variable, a field or an element can be assigned to"
        c.report("E0010", "this cannot be assigned to", target.start, target.end, hint)
    return Assign(target.start, value.end, target, operator, value)


def while_(c: ActionContext, word: Token, _open: Token, condition: Expr, _close: Token, body: Block) -> Statement:
    return While(word.start, body.end, condition, body)


def for_in(
    c: ActionContext,
    word: Token,
    _open: Token,
    _let: Token,
    name: Token,
    _in: Token,
    iterable: Expr,
    _close: Token,
    body: Block,
) -> Statement:
    return ForIn(word.start, body.end, name.text, name.start, iterable, body)


def for_in_pattern(
    c: ActionContext,
    word: Token,
    _open: Token,
    _let: Token,
    pattern: ClassPattern,
    _in: Token,
    iterable: Expr,
    _close: Token,
    body: Block,
) -> Statement:
    return ForIn(word.start, body.end, "", pattern.start, iterable, body, pattern)


def for_(
    c: ActionContext,
    word: Token,
    _open: Token,
    init: Let | Assign | ExprStatement | None,
    _first: Token,
    condition: Expr | None,
    _second: Token,
    step: Assign | ExprStatement | None,
    _close: Token,
    body: Block,
) -> Statement:
    return For(word.start, body.end, init, condition, step, body)


# --- branches


def if_(c: ActionContext, word: Token, _open: Token, condition: Expr, _close: Token, then: Block) -> Expr:
    return If(word.start, then.end, condition, then, None)


def if_else(
    c: ActionContext,
    word: Token,
    _open: Token,
    condition: Expr,
    _close: Token,
    then: Block,
    _else: Token,
    otherwise: Expr,
) -> Expr:
    return If(word.start, otherwise.end, condition, then, otherwise)


def match(
    c: ActionContext,
    word: Token,
    _open: Token,
    value: Expr,
    _close: Token,
    _brace: Token,
    arms: list[Arm],
    close: Token,
) -> Expr:
    return Match(word.start, close.end, value, None, tuple(arms))


def match_typed(
    c: ActionContext,
    word: Token,
    _open: Token,
    value: Expr,
    _colon: Token,
    type_: TypeExpr,
    _close: Token,
    _brace: Token,
    arms: list[Arm],
    close: Token,
) -> Expr:
    return Match(word.start, close.end, value, type_, tuple(arms))


def handler(c: ActionContext, word: Token, _open: Token, arms: list[Arm], close: Token) -> _Handler:
    return word.kind == "CATCH_ALL", None, arms, close.end


def handler_named(
    c: ActionContext,
    word: Token,
    _open: Token,
    name: Token,
    _close: Token,
    _brace: Token,
    arms: list[Arm],
    close: Token,
) -> _Handler:
    return word.kind == "CATCH_ALL", name.text, arms, close.end


def catch(c: ActionContext, operand: Expr, handler: _Handler) -> Expr:
    all_, binding, arms, end = handler
    return Catch(operand.start, end, operand, binding, tuple(arms), all_)


def arm_head(c: ActionContext, pattern: Pattern, _arrow: Token) -> tuple[Pattern, Expr | None]:
    return pattern, None


def arm_head_guarded(
    c: ActionContext, pattern: Pattern, _if: Token, guard: Expr, _arrow: Token
) -> tuple[Pattern, Expr | None]:
    return pattern, guard


def arm(c: ActionContext, head: tuple[Pattern, Expr | None], body: Expr, _comma: Token | None = None) -> Arm:
    """Build an arm; in ``=> {}`` the braces are an empty block, not an empty map."""
    if type(body) is MapLiteral and not body.entries:
        body = Block(body.start, body.end, (), None)
    return Arm(head[0].start, body.end, head[0], head[1], body)
