"""Source that is nested too deep or chained too long is refused in words; everything else of any size is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.dump import render_tree, spans_nest
from bamlvm.grammar.lexer_state import MAX_DEPTH
from bamlvm.grammar.parser import MAX_TREE_DEPTH, parse_file
from bamlvm.grammar.source import SourceFile

Parse = Callable[[str], tuple[list[Any], list[Diagnostic]]]


def depth(node: syntax.Node) -> int:
    """The depth of a tree, without recursion."""
    level, count = [node], 0
    while level:
        level = [child for each in level for child in syntax.children(each)]
        count += 1
    return count


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000 + "1" + ")" * 10_000, "[" * 10_000, "{" * 10_000, "`${" * 10_000, "f(" * 10_000, "if (a) {" * 10_000],
)
def test_deep_nesting_is_refused_once(parse: Parse, text: str) -> None:
    declarations, diagnostics = parse(f"function f() {{ {text} }}\nclass A {{}}")
    assert [diagnostic.code for diagnostic in diagnostics] == ["E0010"]
    assert diagnostics[0].message == f"this is nested more than {MAX_DEPTH} levels deep"
    assert [declaration.name for declaration in declarations][-1:] in ([], ["A"])


@pytest.mark.parametrize(
    "text",
    [
        "1" + " + 1" * 5000,
        "f()" + ".b()" * 5000,
        "f" + "()" * 5000,
        "a" + "[0]" * 5000,
        "- " * 5000 + "1",
        "!" * 5000 + "a",
        "return " * 5000 + "1",
        "throw " * 5000 + "1",
        "if (a) {} " + "else if (a) {}" * 5000,
        "a" + " catch { A => 1 }" * 5000,
        "a" + " ?? b" * 5000,
        "a is int" + "[]" * 5000,
        "a" + " is int" * 5000,
        "a" + " >> 1" * 5000,
        "let x: " + "() -> " * 5000 + "int = 1;",
        "let x: " + "map<string, " * 5000 + "int" + ">" * 5000 + " = 1;",
        "let x: " + "Array<" * 5000 + "int" + ">" * 5000 + " = 1;",
    ],
)
def test_deep_trees_are_refused_once(parse: Parse, text: str) -> None:
    (declaration,), diagnostics = parse(f"function f() {{ {text} }}\nclass A {{}}")
    assert declaration.name == "A"
    assert [(diagnostic.code, diagnostic.message) for diagnostic in diagnostics] == [
        ("E0010", f"this is more than {MAX_TREE_DEPTH} levels deep in one expression or type")
    ]


@pytest.mark.parametrize("text", ["a" + ".b" * 5000, "a.b" + ".c" * 200 + "()", "P" + ".b" * 200 + " {}"])
def test_long_names_are_refused_once(parse: Parse, text: str) -> None:
    (diagnostic,) = parse(f"function f() {{ {text} }}")[1]
    assert (diagnostic.code, diagnostic.message) == ("E0010", "this name has more than 100 parts")


def test_what_is_within_the_limits_is_read() -> None:
    links = MAX_TREE_DEPTH - 3
    chain = "1" + " + 1" * links
    nested = "(" * (MAX_DEPTH - 2) + "[" + chain + "]" + ")" * (MAX_DEPTH - 2)
    file, diagnostics = parse_file(SourceFile("a", f"function f() {{ {nested} }}"))
    assert diagnostics == []
    assert depth(file.items[0].declaration) == MAX_TREE_DEPTH + 1
    assert spans_nest(file) == []
    assert render_tree(file).count("Binary") == links


def test_what_is_long_but_not_deep_has_no_limit(parse: Parse) -> None:
    many = 3000
    (function, union), diagnostics = parse(
        f"function f() {{ {'f();' * many} [{'1,' * many}]; f({'1,' * many}); match (a) {{ {'1 => 2,' * many} }} }}"
        f"type T = {' | '.join(str(number) for number in range(many))}"
    )
    assert diagnostics == []
    assert len(function.body.statements) == many + 2
    assert len(union.type.members) == many


@pytest.mark.parametrize(
    "text",
    [
        *("/*" * 20_000, '"' * 20_001, "#" * 20_000, '#"' * 20_001, "{//" * 20_000, "@a(" * 20_000, "{{" * 20_000),
        *("`" * 20_001, "class A {\n" * 5_000, "a\n" * 20_000, "///\n" * 20_000, "'" * 20_000, "é" * 20_000),
        *("class A { a int @b({{ ' \" " * 2_000, "function f() { `${" * 2_000, "type A = \n" * 5_000, "\x00" * 20_000),
        *('template_string T #"\n' * 5_000, "function f() { " + "x(1;" * 5_000 + "}", "@a({{" * 10_000),
        *("function f() { " + "/* " * 20_000, "function f() { `" * 3_000, "function f() {\n/*\n" * 3_000),
        *("class A { a int @b({{ " * 5_000, "function f() { a" + ".b" * 50_000 + " }", "type T = " + "A | " * 5_000),
        *('"' + '\\"\n' * 10_000, "function f() { " + "`${" * 50 + '"' + '\\"\n' * 10_000),
    ],
)
def test_text_made_to_hurt_is_read_in_linear_time(text: str) -> None:
    """Each would take minutes if anything were quadratic; nothing is measured."""
    _, diagnostics = parse_file(SourceFile("a", text))
    assert diagnostics or text.startswith("///")
