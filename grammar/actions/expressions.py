"""Actions for expressions, statements and patterns; see ``actions.py``."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from bamlvm.grammar.actions.types import Path, TypeActions, integer
from bamlvm.grammar.syntax import (
    Argument,
    Arm,
    Assert,
    Assign,
    Binary,
    BindPattern,
    Block,
    Break,
    Call,
    Catch,
    Continue,
    Expr,
    ExprStatement,
    FieldInit,
    For,
    ForIn,
    Header,
    If,
    Index,
    Lambda,
    Let,
    ListLiteral,
    Literal,
    LiteralPattern,
    LiteralTypeExpr,
    MapEntry,
    MapLiteral,
    Match,
    Member,
    Name,
    NamedType,
    ObjectLiteral,
    OrPattern,
    Parameter,
    PathPattern,
    Pattern,
    Return,
    Spread,
    Statement,
    Template,
    Throw,
    TypeExpr,
    TypePattern,
    TypeTest,
    Unary,
    While,
    WildcardPattern,
)
from bamlvm.grammar.tokens import Token

_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_STATEMENTS: Final = frozenset({Let, Assign, While, ForIn, For, Assert, ExprStatement, Header})
_Handler = tuple[bool, str | None, list[Arm], int]


class ExpressionActions(TypeActions):
    """Actions for expressions, statements and patterns."""

    # --- operands

    def int_literal(self, token: Token) -> Expr:
        return Literal(token.start, token.end, integer(token.text))

    def float_literal(self, token: Token) -> Expr:
        return Literal(token.start, token.end, float(token.text))

    def string_literal(self, token: Token) -> Expr:
        return Literal(token.start, token.end, self.unquote(token))

    def word_literal(self, token: Token) -> Expr:
        return Literal(token.start, token.end, _WORDS[token.text])

    def template(self, start: Token, parts: list[Any], close: Token) -> Expr:
        values: list[str | Expr] = [
            self.unescape(part.text, part.start) if type(part) is Token else part for part in parts
        ]
        return Template(start.start, close.end, tuple(values))

    def group(self, start: Token, value: Expr, end: Token) -> Expr:
        """Parentheses leave no node; the operand's range takes them in."""
        return msgspec.structs.replace(value, start=start.start, end=end.end)

    def path_expression(self, path: Path) -> Expr:
        names = path.text.split(".")
        value: Expr = Name(path.start, path.start + len(names[0]), names[0])
        for name, start in zip(names[1:], path.starts[1:], strict=True):
            value = Member(path.start, start + len(name), value, name, start)
        return value

    def member(self, value: Expr, _dot: Token, name: Token) -> Expr:
        return Member(value.start, name.end, value, name.text, name.start)

    def argument(self, value: Expr) -> Argument:
        return Argument(value.start, value.end, value)

    def argument_named(self, name: Token, _assign: Token, value: Expr) -> Argument:
        return Argument(name.start, value.end, value, name.text)

    def call(self, callee: Expr, _open: Token, arguments: list[Argument], close: Token) -> Expr:
        return Call(callee.start, close.end, callee, tuple(arguments))

    def call_path(self, path: Path, start: Token, arguments: list[Argument], close: Token) -> Expr:
        return self.call(self.path_expression(path), start, arguments, close)

    def index(self, value: Expr, _open: Token, index: Expr, close: Token) -> Expr:
        return Index(value.start, close.end, value, index)

    def index_path(self, path: Path, start: Token, index: Expr, close: Token) -> Expr:
        return self.index(self.path_expression(path), start, index, close)

    def list_literal_empty(self, start: Token, close: Token) -> Expr:
        return ListLiteral(start.start, close.end, ())

    def list_literal(self, start: Token, items: list[Expr | Spread], *rest: Token) -> Expr:
        return ListLiteral(start.start, rest[-1].end, tuple(items))

    def spread(self, start: Token, value: Expr) -> Spread:
        return Spread(start.start, value.end, value)

    def object_literal(self, path: Path, _open: Token, *rest: Any) -> Expr:
        fields = tuple(rest[0]) if type(rest[0]) is list else ()
        return ObjectLiteral(path.start, rest[-1].end, path.text, path.end, fields)

    def field_init(self, name: Token, _colon: Token, value: Expr) -> FieldInit:
        return FieldInit(name.start, value.end, name.text, value)

    def field_init_short(self, name: Token) -> FieldInit:
        return FieldInit(name.start, name.end, name.text, Name(name.start, name.end, name.text))

    def map_literal_empty(self, start: Token, close: Token) -> Expr:
        return MapLiteral(start.start, close.end, ())

    def map_literal(self, start: Token, entries: list[MapEntry | Spread], *rest: Token) -> Expr:
        return MapLiteral(start.start, rest[-1].end, tuple(entries))

    def map_entry(self, key: Expr, _colon: Token, value: Expr) -> MapEntry:
        return MapEntry(key.start, value.end, key, value)

    # --- functions as values

    def parameter(self, name: Token, _colon: Token, type_: TypeExpr) -> Parameter:
        return Parameter(name.start, type_.end, name.text, type_)

    def parameter_default(
        self, name: Token, _colon: Token, type_: TypeExpr, _assign: Token, default: Expr
    ) -> Parameter:
        return Parameter(name.start, default.end, name.text, type_, default)

    def lambda_0(self, start: Token, _close: Token, body: Block) -> Expr:
        return Lambda(start.start, body.end, (), None, body)

    def lambda_0_typed(self, start: Token, _close: Token, _arrow: Token, type_: TypeExpr, body: Block) -> Expr:
        return Lambda(start.start, body.end, (), type_, body)

    def lambda_(self, start: Token, parameters: list[Parameter], _close: Token, body: Block) -> Expr:
        return Lambda(start.start, body.end, tuple(parameters), None, body)

    def lambda_typed(
        self, start: Token, parameters: list[Parameter], _close: Token, _arrow: Token, type_: TypeExpr, body: Block
    ) -> Expr:
        return Lambda(start.start, body.end, tuple(parameters), type_, body)

    # --- operators

    def binary(self, left: Expr, operator: Token, right: Expr) -> Expr:
        return Binary(left.start, right.end, operator.text, left, right, operator.start)

    def shift_right(self, left: Expr, first: Token, _second: Token, right: Expr) -> Expr:
        return Binary(left.start, right.end, ">>", left, right, first.start)

    def type_test(self, operand: Expr, _is: Token, type_: TypeExpr) -> Expr:
        return TypeTest(operand.start, type_.end, operand, type_)

    def unary(self, operator: Token, operand: Expr) -> Expr:
        return Unary(operator.start, operand.end, operator.text, operand)

    def return_(self, word: Token, value: Expr | None = None) -> Expr:
        end = word.end if value is None else value.end
        return Return(word.start, end, value)

    def break_(self, word: Token) -> Expr:
        return Break(word.start, word.end)

    def continue_(self, word: Token) -> Expr:
        return Continue(word.start, word.end)

    def throw(self, word: Token, value: Expr) -> Expr:
        return Throw(word.start, value.end, value)

    # --- blocks and statements

    def empty_block(self, start: Token, close: Token) -> Block:
        return self._block(start, [], None, close)

    def block(self, start: Token, statements: list[Any], close: Token) -> Block:
        """A block-like expression that ends a block is its tail."""
        tail = None
        if statements[-1] is not None and type(statements[-1]) not in _STATEMENTS:
            tail = statements.pop()
        return self._block(start, statements, tail, close)

    def block_last(self, start: Token, statements: list[Any], last: Any, close: Token) -> Block:
        if type(last) in _STATEMENTS:
            statements.append(last)
            last = None
        return self._block(start, statements, last, close)

    def block_only(self, start: Token, last: Any, close: Token) -> Block:
        return self.block_last(start, [], last, close)

    def _block(self, start: Token, entries: list[Any], tail: Expr | None, close: Token) -> Block:
        statements: list[Statement] = []
        for entry in entries:
            if type(entry) in _STATEMENTS:
                statements.append(entry)
            elif entry is not None:
                statements.append(ExprStatement(entry.start, entry.end, entry))
        if self.headers:
            self._insert_headers(start.start, close.end, statements)
        return Block(start.start, close.end, tuple(statements), tail)

    def _insert_headers(self, start: int, end: int, statements: list[Statement]) -> None:
        """Headers are no part of the grammar: each goes to the innermost block around it, in its place."""
        inside = [header for header in self.headers if start < header.start < end]
        if not inside:
            return
        self.headers = [header for header in self.headers if not start < header.start < end]
        for token in inside:
            text = token.text[2:]
            title = text.lstrip("#")
            statements.append(Header(token.start, token.end, title.strip(), len(text) - len(title)))
        statements.sort(key=lambda statement: statement.start)

    def expression_statement(self, value: Expr, _semicolon: Token) -> Statement:
        return ExprStatement(value.start, value.end, value)

    def bare_expression(self, value: Expr) -> Statement:
        return ExprStatement(value.start, value.end, value)

    def empty_statement(self, _semicolon: Token) -> None:
        return None

    def assert_(self, word: Token, condition: Expr) -> Statement:
        return Assert(word.start, condition.end, condition)

    def let(self, word: Token, name: Token, _assign: Token, value: Expr) -> Statement:
        return Let(word.start, value.end, name.text, name.start, None, value)

    def let_typed(
        self, word: Token, name: Token, _colon: Token, type_: TypeExpr, _assign: Token, value: Expr
    ) -> Statement:
        return Let(word.start, value.end, name.text, name.start, type_, value)

    def watch_let(self, word: Token, _let: Token, name: Token, _assign: Token, value: Expr) -> Statement:
        return Let(word.start, value.end, name.text, name.start, None, value, True)

    def watch_let_typed(
        self, word: Token, _let: Token, name: Token, _colon: Token, type_: TypeExpr, _assign: Token, value: Expr
    ) -> Statement:
        return Let(word.start, value.end, name.text, name.start, type_, value, True)

    def assign(self, target: Expr, operator: Token, value: Expr) -> Statement:
        return self._assign(target, None, value)

    def assign_compound(self, target: Expr, operator: Token, value: Expr) -> Statement:
        return self._assign(target, operator.text[:-1], value)

    def _assign(self, target: Expr, operator: str | None, value: Expr) -> Statement:
        if type(target) not in (Name, Member, Index):
            hint = "a variable, a field or an element can be assigned to"
            self.report("E0010", "this cannot be assigned to", target.start, target.end, hint)
        return Assign(target.start, value.end, target, operator, value)

    def while_(self, word: Token, _open: Token, condition: Expr, _close: Token, body: Block) -> Statement:
        return While(word.start, body.end, condition, body)

    def for_in(
        self,
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

    def for_(
        self,
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

    def if_(self, word: Token, _open: Token, condition: Expr, _close: Token, then: Block) -> Expr:
        return If(word.start, then.end, condition, then, None)

    def if_else(
        self, word: Token, _open: Token, condition: Expr, _close: Token, then: Block, _else: Token, otherwise: Expr
    ) -> Expr:
        return If(word.start, otherwise.end, condition, then, otherwise)

    def match(
        self, word: Token, _open: Token, value: Expr, _close: Token, _brace: Token, arms: list[Arm], close: Token
    ) -> Expr:
        return Match(word.start, close.end, value, None, tuple(arms))

    def match_typed(
        self,
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

    def handler(self, word: Token, _open: Token, arms: list[Arm], close: Token) -> _Handler:
        return word.kind == "CATCH_ALL", None, arms, close.end

    def handler_named(
        self, word: Token, _open: Token, name: Token, _close: Token, _brace: Token, arms: list[Arm], close: Token
    ) -> _Handler:
        return word.kind == "CATCH_ALL", name.text, arms, close.end

    def catch(self, operand: Expr, handler: _Handler) -> Expr:
        all_, binding, arms, end = handler
        return Catch(operand.start, end, operand, binding, tuple(arms), all_)

    def arm_head(self, pattern: Pattern, _arrow: Token) -> tuple[Pattern, Expr | None]:
        return pattern, None

    def arm_head_guarded(self, pattern: Pattern, _if: Token, guard: Expr, _arrow: Token) -> tuple[Pattern, Expr | None]:
        return pattern, guard

    def arm(self, head: tuple[Pattern, Expr | None], body: Expr, _comma: Token | None = None) -> Arm:
        """``=> {}`` does nothing: there the braces are an empty block, not an empty map."""
        if type(body) is MapLiteral and not body.entries:
            body = Block(body.start, body.end, (), None)
        return Arm(head[0].start, body.end, head[0], head[1], body)

    # --- patterns

    def or_pattern(self, left: Pattern, _pipe: Token, right: Pattern) -> Pattern:
        alternatives = left.alternatives if type(left) is OrPattern else (left,)
        return OrPattern(left.start, right.end, (*alternatives, right))

    def bind(self, name: Token, _colon: Token, type_: TypeExpr) -> Pattern:
        return self._bind(name.start, name, type_)

    def bind_let(self, word: Token, name: Token, _colon: Token, type_: TypeExpr) -> Pattern:
        return self._bind(word.start, name, type_)

    def _bind(self, start: int, name: Token, type_: TypeExpr) -> Pattern:
        if name.text == "_":
            return WildcardPattern(start, type_.end, type_)
        return BindPattern(start, type_.end, name.text, type_)

    def bind_let_bare(self, word: Token, name: Token) -> Pattern:
        if name.text == "_":
            return WildcardPattern(word.start, name.end)
        return BindPattern(word.start, name.end, name.text)

    def type_pattern(self, type_: TypeExpr) -> Pattern:
        """A pattern that is written like a type: what it means is decided by what it looks like."""
        start, end = type_.start, type_.end
        if type(type_) is LiteralTypeExpr:
            return LiteralPattern(start, end, type_.value)
        if type(type_) is NamedType and not type_.arguments:
            if type_.path == "_":
                return WildcardPattern(start, end)
            if type_.path == "null":
                return LiteralPattern(start, end, None)
            return PathPattern(start, end, type_.path)
        return TypePattern(start, end, type_)

    def float_pattern(self, first: Token, number: Token | None = None) -> Pattern:
        if number is None:
            return LiteralPattern(first.start, first.end, float(first.text))
        return LiteralPattern(first.start, number.end, -float(number.text))
