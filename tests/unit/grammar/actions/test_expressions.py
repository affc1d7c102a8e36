"""Operands, operators and patterns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Shape = Callable[[str], str]


LADDER = ["||", "&&", "??", "|", "^", "&", "==", "<", "<<", "+", "*"]


SAME_LEVEL = [("==", "!="), ("<", "<="), ("<", ">"), ("<", ">="), ("<<", ">>"), ("+", "-"), ("*", "/"), ("*", "%")]


@pytest.mark.parametrize("looser", range(len(LADDER)))
def test_a_looser_operator_takes_tighter_ones_as_operands(expression: Shape, looser: int) -> None:
    low = LADDER[looser]
    for high in LADDER[looser + 1 :]:
        assert expression(f"a {low} b {high} c") == f"({low} a ({high} b c))"
        assert expression(f"a {high} b {low} c") == f"({low} ({high} a b) c)"


@pytest.mark.parametrize("operator", LADDER)
def test_operators_associate_to_the_left(expression: Shape, operator: str) -> None:
    assert expression(f"a {operator} b {operator} c") == f"({operator} ({operator} a b) c)"


@pytest.mark.parametrize(("first", "second"), SAME_LEVEL)
def test_operators_of_one_level_associate_with_each_other(expression: Shape, first: str, second: str) -> None:
    assert expression(f"a {first} b {second} c") == f"({second} ({first} a b) c)"
    assert expression(f"a {second} b {first} c") == f"({first} ({second} a b) c)"


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("-a * b", "(* (- a) b)"),
        ("-a.b", "(- (. a b))"),
        ("- -a", "(- (- a))"),
        ("!a && ~b == c", "(&& (! a) (== (~ b) c))"),
        ("a is int && b", "(&& (TypeTest a int) b)"),
        ("a == b is T", "(== a (TypeTest b T))"),
        ("a is T < b", "(< (TypeTest a T) b)"),
        ("a instanceof b.C[]", "(TypeTest a (ListTypeExpr b.C))"),
        ("a is map<string, int[]>", "(TypeTest a (MapTypeExpr string (ListTypeExpr int)))"),
        ("a is (int | string)?", "(TypeTest a (OptionalTypeExpr (UnionTypeExpr [int, string])))"),
        ('a is null || a is "x" || a is -1', "(|| (|| (TypeTest a null) (TypeTest a 'x')) (TypeTest a -1))"),
        ("(a + b) * c", "(* (+ a b) c)"),
        ("a >> b >> c", "(>> (>> a b) c)"),
        ("a > b", "(> a b)"),
        ("a > > b", ""),
    ],
)
def test_prefixes_type_tests_and_groups(expression: Shape, text: str, shape: str) -> None:
    if shape:
        assert expression(text) == shape
    else:
        with pytest.raises(AssertionError):
            expression(text)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("a ?? return b || c", "(?? a (Return (|| b c)))"),
        ("a && throw b && c", "(&& a (Throw (&& b c)))"),
        ("a + return", "(+ a (Return nothing))"),
        ("a || b && return c", "(|| a (&& b (Return c)))"),
        ("a && b || return c", "(|| (&& a b) (Return c))"),
        ("a || b || return c", "(|| (|| a b) (Return c))"),
        ("!return a", "(! (Return a))"),
        ("f(return 1, break)", "(Call f [(Return 1), (Break)])"),
        ("[throw a, continue]", "(ListLiteral [(Throw a), (Continue)])"),
        ("return return 1", "(Return (Return 1))"),
        ("throw throw a", "(Throw (Throw a))"),
        ("P { a: return 1 }", "(ObjectLiteral P [a:(Return 1)])"),
        ("if (return 1) { 2 }", "(If (Return 1) {=> 2} nothing)"),
    ],
)
def test_diverging_expressions_stand_anywhere_and_reach_to_the_right(expression: Shape, text: str, shape: str) -> None:
    assert expression(text) == shape


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("f() catch (e) { _ => 1 }", "(Catch (Call f []) e [(WildcardPattern nothing) -> 1] False)"),
        ("a + b catch (e) { _ => 1 }", "(Catch (+ a b) e [(WildcardPattern nothing) -> 1] False)"),
        ("throw a catch (e) { E => 1 }", "(Catch (Throw a) e [E -> 1] False)"),
        ("a ?? throw b catch (e) { E => 1 }", "(Catch (?? a (Throw b)) e [E -> 1] False)"),
        ("a catch { E => 1 } catch_all (x) { F => 2 }", "(Catch (Catch a nothing [E -> 1] False) x [F -> 2] True)"),
        ("a catch (e) { E => return 1, F => throw e }", "(Catch a e [E -> (Return 1), F -> (Throw e)] False)"),
        ("f(a catch (e) { E => 1 })", "(Call f [(Catch a e [E -> 1] False)])"),
    ],
)
def test_catch_is_the_loosest(expression: Shape, text: str, shape: str) -> None:
    assert expression(text) == shape


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("1", "1"),
        ("1.5", "1.5"),
        ("1e3", "1000.0"),
        ("2.5e-1", "0.25"),
        ("9223372036854775808", "9223372036854775808"),
        ("1.abs()", "(Call (. 1 abs) [])"),
        ("true", "True"),
        ("null", "None"),
        (r'"a\n\"\u{1F600}\0"', repr('a\n"\U0001f600\0')),
        ('#"a "b" \\n"#', repr('a "b" \\n')),
        ('##"a "# b"##', repr('a "# b')),
        ('"two\nlines"', repr("two\nlines")),
        ("[1, 2, ...xs]", "(ListLiteral [1, 2, (Spread xs)])"),
        ("[1,]", "(ListLiteral [1])"),
        ("[]", "(ListLiteral [])"),
        ("{}", "(MapLiteral [])"),
        ('{ "a": 1, b: 2, ...c, }', "(MapLiteral ['a':1, b:2, (Spread c)])"),
        ('{ Color.Red: { "x": {} } }', "(MapLiteral [(. Color Red):(MapLiteral ['x':(MapLiteral [])])])"),
        ("{ ...a }", "(MapLiteral [(Spread a)])"),
        ("{ 1 }", "{=> 1}"),
        ("{ f(); }", "{(Call f []); => nothing}"),
        ("{ ; }", "{=> nothing}"),
        ("{ { 1 } }", "{=> {=> 1}}"),
        ("P {}", "(ObjectLiteral P [])"),
        ("a.b.P { x: 1, y, ...o, }", "(ObjectLiteral a.b.P [x:1, y:y, (Spread o)])"),
        ("P { type: 1, test: 2, in: 3, if: 4 }", "(ObjectLiteral P [type:1, test:2, in:3, if:4])"),
        ("P { x: 1 }.y", "(. (ObjectLiteral P [x:1]) y)"),
        ("a.type.in.match.let", "(. (. (. (. a type) in) match) let)"),
        ("f(1, b = 2, type = 3)", "(Call f [1, b=2, type=3])"),
        ("f(a == b,)", "(Call f [(== a b)])"),
        ("a[0][1](2).b", "(. (Call ([] ([] a 0) 1) [2]) b)"),
        ("env.NAME", "(. env NAME)"),
        ("a.$watch.options(b)", "(Call (. (. a $watch) options) [b])"),
        ("map", "map"),
        ("map < 3", "(< map 3)"),
        ("xs.map(f)", "(Call (. xs map) [f])"),
        ("() { 1 }", "(Lambda [] nothing {=> 1})"),
        ("() -> int { 1 }", "(Lambda [] int {=> 1})"),
        ("(x: int) { x }", "(Lambda [(Parameter x int nothing)] nothing {=> x})"),
        (
            "(x: int, y: T = 2) -> int | T {}",
            "(Lambda [(Parameter x int nothing), (Parameter y T 2)] (UnionTypeExpr [int, T]) {=> nothing})",
        ),
        (
            "(f: (int) -> int) -> () -> int { f }",
            "(Lambda [(Parameter f (FunctionTypeExpr [int] int nothing) nothing)] "
            "(FunctionTypeExpr [] int nothing) {=> f})",
        ),
        ("f((x: int) { x }, (y))", "(Call f [(Lambda [(Parameter x int nothing)] nothing {=> x}), y])"),
        ("if (a) { 1 } else if (b) { 2 } else { 3 }", "(If a {=> 1} (If b {=> 2} {=> 3}))"),
        ("1 + if (a) { 1 } else { 2 } * 3", "(+ 1 (* (If a {=> 1} {=> 2}) 3))"),
        ("match (a) { 1 => 2 }.b", "(. (Match a nothing [1 -> 2]) b)"),
        ("a?.b.c", "(OptionalChain (. (. (Present a) b) c))"),
        ("(a?.b).c", "(. (OptionalChain (. (Present a) b)) c)"),
        ("a.b?.(x)?.[1]", "(OptionalChain ([] (Present (Call (Present (. a b)) [x])) 1))"),
        ("-f()?.in", "(- (OptionalChain (. (Present (Call f [])) in)))"),
        ("(x) -> { x }", "(Lambda [(Parameter x nothing nothing)] nothing {=> x})"),
        (
            "(x, y: int, z) -> int { x }",
            "(Lambda [(Parameter x nothing nothing), (Parameter y int nothing), (Parameter z nothing nothing)] "
            "int {=> x})",
        ),
        ("match (a: int | T) {}", "(Match a (UnionTypeExpr [int, T]) [])"),
    ],
)
def test_operands(expression: Shape, text: str, shape: str) -> None:
    assert expression(text) == shape


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("`plain`", "(Template ['plain'])"),
        ("``", "(Template [])"),
        ("`a ${b} c`", "(Template ['a ', b, ' c'])"),
        ("`${a}${b}`", "(Template [a, b])"),
        ('`${ f("}") + `in ${x}` }`', "(Template [(+ (Call f ['}']) (Template ['in ', x]))])"),
        ('`${ {"a": 1} }`', "(Template [(MapLiteral ['a':1])])"),
        (r"`\`\${a}\n$ $x`", r"(Template ['`${a}\n$ $x'])"),
        ("`two\nlines // no comment`", r"(Template ['two\nlines // no comment'])"),
    ],
)
def test_template_strings(expression: Shape, text: str, shape: str) -> None:
    assert expression(text) == shape


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("_", "(WildcardPattern nothing)"),
        ("x", "x"),
        ("1", "1"),
        ("-1", "-1"),
        ("-1.5", "-1.5"),
        ("2.0", "2.0"),
        ('"a"', "'a'"),
        ("true", "True"),
        ("null", "None"),
        ("Color.Red", "Color.Red"),
        ("1 | 2 | -3", "(OrPattern [1, 2, -3])"),
        ("Color.Red | null", "(OrPattern [Color.Red, None])"),
        ("int[]", "(TypePattern (ListTypeExpr int))"),
        ("string?", "(TypePattern (OptionalTypeExpr string))"),
        ("map<string, int>", "(TypePattern (MapTypeExpr string int))"),
        ("x: int", "(BindPattern x int nothing)"),
        ("x: int | string", "(BindPattern x (UnionTypeExpr [int, string]) nothing)"),
        ("_: T", "(WildcardPattern T)"),
        ("let x: T", "(BindPattern x T nothing)"),
        ("let _: T", "(WildcardPattern T)"),
        ("let x", "(BindPattern x nothing nothing)"),
        ("type: T", "(BindPattern type T nothing)"),
        ("P { x: 1, y }", "(ClassPattern P [(FieldPattern x 1), (FieldPattern y nothing)])"),
        ("a.P {}", "(ClassPattern a.P [])"),
        ("let y: [..let r, _]", "(BindPattern y nothing (ListPattern [(RestPattern r), (WildcardPattern nothing)]))"),
        ("[] | let P { x }", "(OrPattern [(ListPattern []), (ClassPattern P [(FieldPattern x nothing)])])"),
        ("A | x: B | C", "(OrPattern [A, (BindPattern x (UnionTypeExpr [B, C]) nothing)])"),
    ],
)
def test_patterns(pattern: Shape, text: str, shape: str) -> None:
    assert pattern(text) == shape
    if "x" not in text:
        assert pattern(f"{text} if a > 1") == shape
