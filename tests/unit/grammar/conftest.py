"""Ways into the front end for its tests: parse a text, or look at one expression, type or pattern as a short string."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile


def shape(node: Any) -> str:
    """A node without its places: operators in front, as in Lisp."""
    match node:
        case None:
            return "nothing"
        case syntax.Literal(_, _, value) | syntax.LiteralPattern(_, _, value) | syntax.LiteralTypeExpr(_, _, value):
            return repr(value)
        case syntax.Name(_, _, name):
            return name
        case syntax.Binary():
            return f"({node.operator} {shape(node.left)} {shape(node.right)})"
        case syntax.Unary():
            return f"({node.operator} {shape(node.operand)})"
        case syntax.Member():
            return f"(. {shape(node.object)} {node.name})"
        case syntax.Index():
            return f"([] {shape(node.object)} {shape(node.index)})"
        case syntax.Argument():
            return shape(node.value) if node.name is None else f"{node.name}={shape(node.value)}"
        case syntax.FieldInit():
            return f"{node.name}:{shape(node.value)}"
        case syntax.MapEntry():
            return f"{shape(node.key)}:{shape(node.value)}"
        case syntax.NamedType():
            return node.path + (f"<{' '.join(map(shape, node.arguments))}>" if node.arguments else "")
        case syntax.PathPattern():
            return node.path
        case syntax.Attribute():
            return f"@{node.name}"
        case syntax.Block():
            return "{" + " ".join([*map(shape, node.statements), f"=> {shape(node.tail)}"]) + "}"
        case syntax.ExprStatement():
            return shape(node.value) + ";"
        case syntax.Arm():
            guard = "" if node.guard is None else f" if {shape(node.guard)}"
            return f"{shape(node.pattern)}{guard} -> {shape(node.body)}"
    parts = [type(node).__name__]
    for name, value in syntax.fields(node):
        if isinstance(value, syntax.Node) or value is None:
            parts.append(shape(value))
        elif isinstance(value, tuple):
            parts.append(
                "[" + ", ".join(shape(part) if isinstance(part, syntax.Node) else repr(part) for part in value) + "]"
            )
        elif not name.endswith(("_start", "_end")):
            parts.append(str(value))
    return f"({' '.join(parts)})"


def tree_depth(node: syntax.Node) -> int:
    """The levels of a tree, without recursion."""
    level, count = [node], 0
    while level:
        level = [child for each in level for child in syntax.children(each)]
        count += 1
    return count


@pytest.fixture
def parse() -> Callable[[str], tuple[list[Any], list[Diagnostic]]]:
    """A text's declarations and its diagnostics."""

    def parse(text: str) -> tuple[list[Any], list[Diagnostic]]:
        file, diagnostics = parse_file(SourceFile("main.baml", text))
        return [item.declaration for item in file.items], diagnostics

    return parse


@pytest.fixture
def declaration() -> Callable[[str], Any]:
    """The only declaration of a text without errors."""

    def declaration(text: str) -> Any:
        file, diagnostics = parse_file(SourceFile("main.baml", text))
        assert diagnostics == []
        (item,) = file.items
        return item.declaration

    return declaration


@pytest.fixture
def body(declaration: Callable[[str], Any]) -> Callable[[str], str]:
    """The shape of a function's body."""
    return lambda text: shape(declaration(f"function f() -> int {{ {text} }}").body)


@pytest.fixture
def expression(declaration: Callable[[str], Any]) -> Callable[[str], str]:
    """The shape of an expression."""

    def expression(text: str) -> str:
        block = declaration(f"function f() -> int {{ let x = {text}; }}").body
        return shape(block.statements[0].value)

    return expression


@pytest.fixture
def type_() -> Callable[[str], str]:
    """The shape of a type; of a type with an error, its diagnostics."""

    def type_(text: str) -> str:
        file, diagnostics = parse_file(SourceFile("main.baml", f"type T = {text}"))
        if diagnostics:
            return "; ".join(diagnostic.message for diagnostic in diagnostics)
        return shape(file.items[0].declaration.type)  # type: ignore[union-attr]  # an alias

    return type_


@pytest.fixture
def pattern(declaration: Callable[[str], Any]) -> Callable[[str], str]:
    """The shape of a pattern."""

    def pattern(text: str) -> str:
        block = declaration(f"function f() -> int {{ match (x) {{ {text} => 1 }} }}").body
        return shape(block.tail.arms[0].pattern)

    return pattern


@pytest.fixture
def errors(parse: Callable[[str], tuple[list[Any], list[Diagnostic]]]) -> Callable[[str], list[tuple[str, str, str]]]:
    """The diagnostics of a text: code, message and the text they are about."""

    def errors(text: str) -> list[tuple[str, str, str]]:
        return [(d.code, d.message, text[d.span.start : d.span.end]) for d in parse(text)[1]]

    return errors
