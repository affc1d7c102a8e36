"""Actions for operands, calls, operators and patterns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bamlvm.grammar.actions.context import ActionContext
from bamlvm.grammar.actions.types import WORDS, DottedName, integer
from bamlvm.grammar.syntax import (
    Argument,
    Await,
    Binary,
    BindPattern,
    Block,
    Break,
    Call,
    ClassPattern,
    Continue,
    Expr,
    FieldInit,
    FieldPattern,
    Index,
    Lambda,
    ListLiteral,
    ListPattern,
    Literal,
    LiteralPattern,
    LiteralTypeExpr,
    MapEntry,
    MapLiteral,
    Member,
    Name,
    NamedType,
    ObjectLiteral,
    OptionalChain,
    OrPattern,
    Parameter,
    PathPattern,
    Pattern,
    PatternTest,
    Present,
    RestPattern,
    Return,
    Spawn,
    Spread,
    Template,
    Throw,
    TypeExpr,
    TypePattern,
    TypeTest,
    Unary,
    WildcardPattern,
)
from bamlvm.grammar.tokens import Token

# --- operands


def int_literal(c: ActionContext, token: Token) -> Expr:
    return Literal(token.start, token.end, integer(token.text))


def float_literal(c: ActionContext, token: Token) -> Expr:
    return Literal(token.start, token.end, float(token.text.replace("_", "")))


def string_literal(c: ActionContext, token: Token) -> Expr:
    return Literal(token.start, token.end, c.unquote(token))


def word_literal(c: ActionContext, token: Token) -> Expr:
    return Literal(token.start, token.end, WORDS[token.text])


def template(c: ActionContext, start: Token, parts: list[Any], close: Token) -> Expr:
    values: list[str | Expr] = []
    for part in _dedented(parts):
        text = part if not isinstance(part, tuple) else c.unescape(*part)
        if values and isinstance(text, str) and isinstance(values[-1], str):
            values[-1] += text
        else:
            values.append(text)
    return Template(start.start, close.end, tuple(values))


def _dedented(parts: list[Any]) -> Iterator[tuple[str, int] | Expr]:
    """Yield the texts of a template string, with their places, and its expressions.

    One that is written over several lines loses its blank first and last lines and the indentation that all its lines
    share, as officially.  Line breaks in what it is filled with, or written as ``\\n``, make no lines here.
    """
    lines: list[list[tuple[str, int] | Expr]] = [[]]
    for part in parts:
        if type(part) is not Token:
            lines[-1].append(part)
            continue
        at = part.start
        for number, text in enumerate(part.text.split("\n")):
            if number:
                lines.append([])
            if text:
                lines[-1].append((text, at))
            at += len(text) + 1
    if len(lines) == 1:
        yield from lines[0]
        return
    filled = [place for place, line in enumerate(lines) if not _is_blank(line)]
    lines = lines[filled[0] : filled[-1] + 1] if filled else []
    width = min((_indentation(line) for line in lines if not _is_blank(line)), default=0)
    for place, line in enumerate(lines):
        if place:
            yield "\n", line[0][1] if line and isinstance(line[0], tuple) else 0
        if _is_blank(line):
            continue
        first, *others = line
        if isinstance(first, tuple):
            first = (first[0][width:], first[1] + width)
        for each in (first, *others):
            if isinstance(each, tuple) and each is (others or [first])[-1] and place + 1 < len(lines):
                each = (each[0].removesuffix("\r"), each[1])
            yield each


def _is_blank(line: list[tuple[str, int] | Expr]) -> bool:
    return all(isinstance(each, tuple) and not each[0].strip() for each in line)


def _indentation(line: list[tuple[str, int] | Expr]) -> int:
    first = line[0]
    return len(first[0]) - len(first[0].lstrip(" \t")) if isinstance(first, tuple) else 0


def group(c: ActionContext, start: Token, value: Expr, end: Token) -> Expr:
    """Return the operand with its range extended to the parentheses, which leave no node."""
    return msgspec.structs.replace(value, start=start.start, end=end.end)


def path_expression(c: ActionContext, path: DottedName) -> Expr:
    names = path.text.split(".")
    value: Expr = Name(path.start, path.start + len(names[0]), names[0])
    for name, start in zip(names[1:], path.starts[1:], strict=True):
        value = Member(path.start, start + len(name), value, name, start)
    return value


def member(c: ActionContext, value: Expr, _dot: Token, name: Token) -> Expr:
    return Member(value.start, name.end, value, name.text, name.start)


# --- optional chains


def optional_chain(c: ActionContext, links: Expr) -> Expr:
    return OptionalChain(links.start, links.end, links)


def present(c: ActionContext, value: Expr, dot: Token) -> Present:
    return Present(value.start, dot.end, value)


def present_path(c: ActionContext, path: DottedName, dot: Token) -> Present:
    return present(c, path_expression(c, path), dot)


def member_of_present(c: ActionContext, value: Present, name: Token) -> Expr:
    return Member(value.start, name.end, value, name.text, name.start)


def call_of_present(c: ActionContext, value: Present, start: Token, arguments: list[Argument], close: Token) -> Expr:
    return call(c, value, start, arguments, close)


def index_of_present(c: ActionContext, value: Present, start: Token, place: Expr, close: Token) -> Expr:
    return index(c, value, start, place, close)


# --- calls, indices, literals


def argument(c: ActionContext, value: Expr) -> Argument:
    return Argument(value.start, value.end, value)


def argument_named(c: ActionContext, name: Token, _assign: Token, value: Expr) -> Argument:
    return Argument(name.start, value.end, value, name.text)


def call(c: ActionContext, callee: Expr, _open: Token, arguments: list[Argument], close: Token) -> Expr:
    return Call(callee.start, close.end, callee, tuple(arguments))


def call_path(c: ActionContext, path: DottedName, start: Token, arguments: list[Argument], close: Token) -> Expr:
    return call(c, path_expression(c, path), start, arguments, close)


def index(c: ActionContext, value: Expr, _open: Token, index: Expr, close: Token) -> Expr:
    return Index(value.start, close.end, value, index)


def index_path(c: ActionContext, path: DottedName, start: Token, place: Expr, close: Token) -> Expr:
    return index(c, path_expression(c, path), start, place, close)


def list_literal_empty(c: ActionContext, start: Token, close: Token) -> Expr:
    return ListLiteral(start.start, close.end, ())


def list_literal(c: ActionContext, start: Token, items: list[Expr | Spread], *rest: Token) -> Expr:
    return ListLiteral(start.start, rest[-1].end, tuple(items))


def spread(c: ActionContext, start: Token, value: Expr) -> Spread:
    return Spread(start.start, value.end, value)


def object_literal(c: ActionContext, path: DottedName, _open: Token, *rest: Any) -> Expr:
    fields = tuple(rest[0]) if type(rest[0]) is list else ()
    return ObjectLiteral(path.start, rest[-1].end, path.text, path.end, fields)


def field_init(c: ActionContext, name: Token, _colon: Token, value: Expr) -> FieldInit:
    return FieldInit(name.start, value.end, name.text, value)


def field_init_short(c: ActionContext, name: Token) -> FieldInit:
    return FieldInit(name.start, name.end, name.text, Name(name.start, name.end, name.text))


def map_literal_empty(c: ActionContext, start: Token, close: Token) -> Expr:
    return MapLiteral(start.start, close.end, ())


def map_literal(c: ActionContext, start: Token, entries: list[MapEntry | Spread], *rest: Token) -> Expr:
    return MapLiteral(start.start, rest[-1].end, tuple(entries))


def map_entry(c: ActionContext, key: Expr, _colon: Token, value: Expr) -> MapEntry:
    return MapEntry(key.start, value.end, key, value)


# --- functions as values


def parameter(c: ActionContext, name: Token, _colon: Token, type_: TypeExpr) -> Parameter:
    return Parameter(name.start, type_.end, name.text, type_)


def parameter_default(
    c: ActionContext, name: Token, _colon: Token, type_: TypeExpr, _assign: Token, default: Expr
) -> Parameter:
    return Parameter(name.start, default.end, name.text, type_, default)


def lambda_parameter_untyped(c: ActionContext, name: Token) -> Parameter:
    return Parameter(name.start, name.end, name.text, None)


def lambda_0(c: ActionContext, start: Token, _close: Token, body: Block) -> Expr:
    return Lambda(start.start, body.end, (), None, body)


def lambda_0_typed(c: ActionContext, start: Token, _close: Token, _arrow: Token, type_: TypeExpr, body: Block) -> Expr:
    return Lambda(start.start, body.end, (), type_, body)


def lambda_0_arrow(c: ActionContext, start: Token, _close: Token, _arrow: Token, body: Block) -> Expr:
    return Lambda(start.start, body.end, (), None, body)


def lambda_(c: ActionContext, start: Token, parameters: list[Parameter], _close: Token, body: Block) -> Expr:
    return Lambda(start.start, body.end, tuple(parameters), None, body)


def lambda_typed(
    c: ActionContext,
    start: Token,
    parameters: list[Parameter],
    _close: Token,
    _arrow: Token,
    type_: TypeExpr,
    body: Block,
) -> Expr:
    return Lambda(start.start, body.end, tuple(parameters), type_, body)


def lambda_arrow(
    c: ActionContext, start: Token, parameters: list[Parameter], _close: Token, _arrow: Token, body: Block
) -> Expr:
    return Lambda(start.start, body.end, tuple(parameters), None, body)


def lambda_name_typed(
    c: ActionContext, start: Token, name: Expr, _close: Token, _arrow: Token, type_: TypeExpr, body: Block
) -> Expr:
    return Lambda(start.start, body.end, _only_parameter(c, name), type_, body)


def lambda_name_arrow(c: ActionContext, start: Token, name: Expr, _close: Token, _arrow: Token, body: Block) -> Expr:
    return Lambda(start.start, body.end, _only_parameter(c, name), None, body)


def _only_parameter(c: ActionContext, written: Expr) -> tuple[Parameter, ...]:
    """Return the parameter of ``(x) -> …``, of which the parser knows only at the arrow that it is no operand."""
    if type(written) is Name and written.end - written.start == len(written.name):
        return (Parameter(written.start, written.end, written.name, None),)
    hint = "a lambda is written `(x) -> { x + 1 }`, or with types: `(x: int) -> int { x + 1 }`"
    c.report("E0010", "this is no parameter of a lambda", written.start, written.end, hint)
    return (Parameter(written.start, written.end, "_", None),)


def spawn(c: ActionContext, word: Token, body: Block) -> Expr:
    return Spawn(word.start, body.end, body)


# --- operators


def binary(c: ActionContext, left: Expr, operator: Token, right: Expr) -> Expr:
    return Binary(left.start, right.end, operator.text, left, right, operator.start)


def shift_right(c: ActionContext, left: Expr, first: Token, _second: Token, right: Expr) -> Expr:
    return Binary(left.start, right.end, ">>", left, right, first.start)


def type_test(c: ActionContext, operand: Expr, _is: Token, type_: TypeExpr) -> Expr:
    return TypeTest(operand.start, type_.end, operand, type_)


def pattern_test(c: ActionContext, operand: Expr, _is: Token, pattern: ClassPattern | ListPattern) -> Expr:
    return PatternTest(operand.start, pattern.end, operand, pattern)


def await_(c: ActionContext, word: Token, operand: Expr) -> Expr:
    return Await(word.start, operand.end, operand)


def unary(c: ActionContext, operator: Token, operand: Expr) -> Expr:
    return Unary(operator.start, operand.end, operator.text, operand)


def return_(c: ActionContext, word: Token, value: Expr | None = None) -> Expr:
    end = word.end if value is None else value.end
    return Return(word.start, end, value)


def break_(c: ActionContext, word: Token) -> Expr:
    return Break(word.start, word.end)


def continue_(c: ActionContext, word: Token) -> Expr:
    return Continue(word.start, word.end)


def throw(c: ActionContext, word: Token, value: Expr) -> Expr:
    return Throw(word.start, value.end, value)


# --- patterns


def or_pattern(c: ActionContext, alternatives: list[Pattern]) -> Pattern:
    return OrPattern(alternatives[0].start, alternatives[-1].end, tuple(alternatives))


def bind(c: ActionContext, name: Token, _colon: Token, type_: TypeExpr) -> Pattern:
    return _bind(name.start, name, type_)


def bind_let(c: ActionContext, word: Token, name: Token, _colon: Token, type_: TypeExpr) -> Pattern:
    return _bind(word.start, name, type_)


def _bind(start: int, name: Token, type_: TypeExpr) -> Pattern:
    if name.text == "_":
        return WildcardPattern(start, type_.end, type_)
    return BindPattern(start, type_.end, name.text, type_)


def bind_let_bare(c: ActionContext, word: Token, name: Token) -> Pattern:
    if name.text == "_":
        return WildcardPattern(word.start, name.end)
    return BindPattern(word.start, name.end, name.text)


def bind_structured(
    c: ActionContext, word: Token, name: Token, _colon: Token, inner: ClassPattern | ListPattern
) -> Pattern:
    return BindPattern(word.start, inner.end, name.text, None, inner)


def class_pattern(c: ActionContext, path: DottedName, _open: Token, *rest: Any) -> ClassPattern:
    fields = tuple(rest[0]) if type(rest[0]) is list else ()
    return ClassPattern(path.start, rest[-1].end, path.text, path.end, fields)


def let_class_pattern(c: ActionContext, _let: Token, pattern: ClassPattern) -> Pattern:
    return pattern


def field_pattern(c: ActionContext, name: Token, _colon: Token, pattern: Pattern) -> FieldPattern:
    return FieldPattern(name.start, pattern.end, name.text, pattern)


def field_pattern_short(c: ActionContext, name: Token) -> FieldPattern:
    return FieldPattern(name.start, name.end, name.text, None)


def list_pattern(c: ActionContext, start: Token, *rest: Any) -> ListPattern:
    """Build the pattern of a list, of which one item may be the rest."""
    items = tuple(rest[0]) if type(rest[0]) is list else ()
    rests = [item for item in items if type(item) is RestPattern]
    for extra in rests[1:]:
        c.report("E0010", "a list has one rest", extra.start, extra.end, "write `..` once")
    if len(rests) > 1:
        items = tuple(item for item in items if item not in rests[1:])
    return ListPattern(start.start, rest[-1].end, items)


def rest_pattern(c: ActionContext, dots: Token, _let: Token | None = None, name: Token | None = None) -> RestPattern:
    if name is None or name.text == "_":
        return RestPattern(dots.start, dots.end if name is None else name.end, None)
    return RestPattern(dots.start, name.end, name.text)


def type_pattern(c: ActionContext, type_: TypeExpr) -> Pattern:
    """Build the pattern that is written like a type: a literal, ``_``, a path, or any other type."""
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


def float_pattern(c: ActionContext, first: Token, number: Token | None = None) -> Pattern:
    if number is None:
        return LiteralPattern(first.start, first.end, float(first.text))
    return LiteralPattern(first.start, number.end, -float(number.text))
