"""Blocks, statements and branches."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bamlvm.grammar.syntax import Header

Shape = Callable[[str], str]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("", "{=> nothing}"),
        ("1", "{=> 1}"),
        ("1;", "{1; => nothing}"),
        (";; 1 ;;", "{1; => nothing}"),
        ("if (a) { 1 } -1", "{(If a {=> 1} nothing); => (- 1)}"),
        ("if (a) { 1 } [1]", "{(If a {=> 1} nothing); => (ListLiteral [1])}"),
        ("if (a) { 1 } (b)", "{(If a {=> 1} nothing); => b}"),
        ("if (a) { 1 } else { 2 }", "{=> (If a {=> 1} {=> 2})}"),
        ("if (a) { 1 };", "{(If a {=> 1} nothing); => nothing}"),
        (
            "match (a) { _ => 1 } match (b) { _ => 2 }",
            "{(Match a nothing [(WildcardPattern nothing) -> 1]); "
            "=> (Match b nothing [(WildcardPattern nothing) -> 2])}",
        ),
        ("if (a) { b }.c()", "{=> (Call (. (If a {=> b} nothing) c) [])}"),
        ("if (a) { b }.c + 1; 2", "{(+ (. (If a {=> b} nothing) c) 1); => 2}"),
        ("{ 1 } { 2 }", "{{=> 1}; => {=> 2}}"),
        ("{} 1", "{(MapLiteral []); => 1}"),
        ('{ "a": 1 }', "{=> (MapLiteral ['a':1])}"),
        ("if (a) {} catch (e) { E => 1 }\n-1", "{(Catch (If a {=> nothing} nothing) e [E -> 1] False); => (- 1)}"),
        ("f() catch (e) { E => 1 }\n-1", "{(Catch (Call f []) e [E -> 1] False); => (- 1)}"),
        (
            "f() catch (e) { E => 1 } catch (e) { F => 2 }",
            "{=> (Catch (Catch (Call f []) e [E -> 1] False) e [F -> 2] False)}",
        ),
        ("return 1", "{=> (Return 1)}"),
        ("while (a) {} 1", "{(While a {=> nothing}) => 1}"),
        ("while (a) { break; continue }", "{(While a {(Break); => (Continue)}) => nothing}"),
    ],
)
def test_block_like_expressions_end_their_statement(body: Shape, text: str, shape: str) -> None:
    assert body(text) == shape


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("let a = 1; a", "{(Let a nothing 1 False) => a}"),
        ("let a: int? = 1", "{(Let a (OptionalTypeExpr int) 1 False) => nothing}"),
        (
            "let m: map<string, map<string, int>> = {};",
            "{(Let m (MapTypeExpr string (MapTypeExpr string int)) (MapLiteral []) False) => nothing}",
        ),
        (
            "let x = match (a) { _ => 1 };",
            "{(Let x nothing (Match a nothing [(WildcardPattern nothing) -> 1]) False) => nothing}",
        ),
        (
            "let in = 1; in = in_; let type = in.x;",
            "{(Let in nothing 1 False) (Assign in nothing in_) (Let type nothing (. in x) False) => nothing}",
        ),
        ("watch let a = 1; watch = 2", "{(Let a nothing 1 True) (Assign watch nothing 2) => nothing}"),
        (
            "a = 1; a.b = 2; a[0].c = 3;",
            "{(Assign a nothing 1) (Assign (. a b) nothing 2) (Assign (. ([] a 0) c) nothing 3) => nothing}",
        ),
        ("assert a == b; assert c", "{(Assert (== a b)) (Assert c) => nothing}"),
        ("for (let x in xs) { x }", "{(ForIn x xs {=> x} nothing) => nothing}"),
        ("for (;;) {}", "{(For nothing nothing nothing {=> nothing}) => nothing}"),
        (
            "for (let i = 0; i < n; i += 1) {}",
            "{(For (Let i nothing 0 False) (< i n) (Assign i + 1) {=> nothing}) => nothing}",
        ),
        ("for (i = 0; f(); g()) {}", "{(For (Assign i nothing 0) (Call f []) (Call g []); {=> nothing}) => nothing}"),
    ],
)
def test_forms(body: Shape, text: str, shape: str) -> None:
    assert body(text) == shape


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"])
def test_compound_assignment(body: Shape, operator: str) -> None:
    assert body(f"a.b {operator}= 1 + 2;") == f"{{(Assign (. a b) {operator} (+ 1 2)) => nothing}}"


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("A => 1, B => 2,", "[A -> 1, B -> 2]"),
        ("A => { 1 } B => { 2 }, C => 3", "[A -> {=> 1}, B -> {=> 2}, C -> 3]"),
        ("A => {} B => 2", "[A -> {=> nothing}, B -> 2]"),
        ("A => {}, B => 2", "[A -> {=> nothing}, B -> 2]"),
        ("A => if (x) { 1 } else { 2 } -1 => 2", "[A -> (If x {=> 1} {=> 2}), -1 -> 2]"),
        ('A => { "k": v } B => P { x: 1 }', "[A -> (MapLiteral ['k':v]), B -> (ObjectLiteral P [x:1])]"),
        ("A => return, B => throw x, C => break", "[A -> (Return nothing), B -> (Throw x), C -> (Break)]"),
        ("A => f() catch (e) { E => 1 } B => 2", "[A -> (Catch (Call f []) e [E -> 1] False), B -> 2]"),
        ("A if x > 1 => 1, B if y => { 2 }", "[A if (> x 1) -> 1, B if y -> {=> 2}]"),
        ("A => match (b) { C => 1 } D => 2", "[A -> (Match b nothing [C -> 1]), D -> 2]"),
    ],
)
def test_arms(body: Shape, text: str, shape: str) -> None:
    assert body(f"match (a) {{ {text} }}") == f"{{=> (Match a nothing {shape})}}"
    assert body(f"a catch (e) {{ {text} }}") == f"{{=> (Catch a e {shape} False)}}"


def test_headers_are_in_the_innermost_block_at_their_place(declaration: Callable[[str], object]) -> None:
    function = declaration(
        "function f() -> int {\n //# One\n let a = g( //# Two\n 1);\n"
        " if (a) {\n //### Three deep \n } //# Four\n 2 //# Five\n}"
    )
    statements = function.body.statements  # type: ignore[attr-defined]  # it is a function
    assert [type(s).__name__ for s in statements] == ["Header", "Let", "Header", "ExprStatement", "Header", "Header"]
    assert [(s.title, s.level) for s in statements if isinstance(s, Header)] == [
        ("One", 1),
        ("Two", 1),
        ("Four", 1),
        ("Five", 1),
    ]
    inner = statements[3].value.then.statements
    assert [(s.title, s.level) for s in inner] == [("Three deep", 3)]
