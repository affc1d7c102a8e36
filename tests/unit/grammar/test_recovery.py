"""Recovery: what is read, and reported, in spite of a syntax error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile

Errors = Callable[[str], list[tuple[str, str, str]]]
Parse = Callable[[str], tuple[list[Any], list[Diagnostic]]]


def test_an_error_in_one_item_leaves_the_others(parse: Parse) -> None:
    declarations, diagnostics = parse(
        """class A { a int }
function b() -> int { let = 1; }
class C { c }
enum D { A }
clas E { }
function f() -> int { if x { 1 } }
type G = int
class H { h int @a( }
class I { i int }
"""
    )
    assert [declaration.name for declaration in declarations] == ["A", "D", "G", "I"]
    assert [diagnostic.code for diagnostic in diagnostics] == ["E0010", "E0010", "E0010", "E0030", "E0031"]


@pytest.mark.parametrize(
    "broken",
    [
        "function b() -> int {\n  if (x) {\n    1\n}",
        "class B {\n  b int",
        "function b() -> int {\n  f(1, 2;\n}",
        'function b() -> string {\n  let x = "abc;\n  x\n}',
        'function b() -> string {\n  #"abc"\n}',
        "function b() -> string {\n  `abc ${ x\n}",
        "function b() -> string {\n  `abc\n}",
        "client<llm> B {\n  options {\n    model x\n}",
        "class B { b int @assert(x, {{ y }\n}",
        "function b() -> int { 1 } }",
        "function b(",
        "type B =",
        "enum B { @ }",
        "@@dynamic",
        "/// Doc of nothing that can be read.\nfoo bar {",
    ],
)
def test_what_is_not_closed_does_not_swallow_the_items_that_follow(parse: Parse, broken: str) -> None:
    declarations, diagnostics = parse(
        f"class A {{ a int }}\n{broken}\n/// Doc.\nclass C {{ c int }}\nfunction d() {{}}\n"
    )
    names = [declaration.name for declaration in declarations]
    assert names[0] == "A" and names[-2:] == ["C", "d"]
    assert declarations[-2].doc == "Doc."
    assert diagnostics


def test_several_errors_in_one_function(errors: Errors) -> None:
    found = errors(
        """function f() -> int {
  let = 1;
  let b = (1 + );
  if (a) {
    let c: = 2;
    c
  }
  if x { 1 }
  match (x) { A => , B => 2 }
  return 1;
}"""
    )
    assert [(code, where) for code, _, where in found] == [
        ("E0010", "="),
        ("E0010", ")"),
        ("E0010", "="),
        ("E0030", "x"),
        ("E0010", ","),
    ]


def test_several_errors_in_one_class(errors: Errors) -> None:
    found = errors("class A {\n  b int\n  c = 3\n  d string\n  e @foo\n  function m() { let = 1; }\n  f int\n}")
    assert [where for _, _, where in found] == ["=", "@foo", "="]


def test_an_error_is_reported_once_for_an_item_however_broken(parse: Parse) -> None:
    """Recovery gives up after a bounded number of errors."""
    text = "function f() {\n" + "  let = 1;\n" * 1000 + "}"
    diagnostics = parse(text)[1]
    assert 10 <= len(diagnostics) <= 30


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "function f(p: A) -> int {\n  let a = 1;\n  let b = p.\n  let c = g(a, ;\n  if (a) { 2 }\n  h(a\n}",
            ["a", "b"],
        ),
        ("function f() -> int {\n  let a = 1;\n  let b = ;\n  let c = 3;\n  c\n}", ["a", "c"]),
        ("function f() -> int { let a = 1; if (a == 1) { let b = 2; b.", ["a", "b"]),
        ("function f() -> string { let a = `x ${1 +", []),
        ("class A {\n  x int\n  y\n}", ["x"]),
        ("class A {\n  x int @alias(\n  y string", ["x"]),
        ("enum E { A B @", ["A", "B"]),
        ("client<llm> C {\n  provider openai\n  options { model", ["provider", "options"]),
    ],
)
def test_what_could_be_read_of_a_broken_item(text: str, names: list[str]) -> None:
    (item,) = parse_file(SourceFile("main.baml", text))[0].recovered
    kinds = (syntax.Let, syntax.Field, syntax.Variant)
    found = [node.name for node in syntax.walk(item.declaration) if isinstance(node, kinds)]
    if isinstance(item.declaration, syntax.Client):
        found = [entry.key for entry in item.declaration.body.entries]
    assert found[: len(names)] == names and item.text == text


def test_of_a_whole_item_nothing_is_recovered() -> None:
    assert parse_file(SourceFile("main.baml", "class A { x int }"))[0].recovered == ()
