"""Expressions, statements, branches and patterns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bamlvm.grammar.syntax import Header

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
        ("if (a) {} catch (e) { E => 1 } -1", "{(Catch (If a {=> nothing} nothing) e [E -> 1] False); => (- 1)}"),
        ("f() catch (e) { E => 1 } -1", "{(Catch (Call f []) e [E -> 1] False); => (- 1)}"),
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
        ("for (let x in xs) { x }", "{(ForIn x xs {=> x}) => nothing}"),
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


def test_headers_stand_in_the_innermost_block_at_their_place(declaration: Callable[[str], object]) -> None:
    function = declaration(
        "function f() -> int {\n //# One\n let a = g( //# Two\n 1);\n"
        " if (a) {\n //### Three deep \n } //# Four\n 2 //# Five\n}"
    )
    statements = function.body.statements  # type: ignore[attr-defined]
    assert [type(s).__name__ for s in statements] == ["Header", "Let", "Header", "ExprStatement", "Header", "Header"]
    assert [(s.title, s.level) for s in statements if isinstance(s, Header)] == [
        ("One", 1),
        ("Two", 1),
        ("Four", 1),
        ("Five", 1),
    ]
    inner = statements[3].value.then.statements
    assert [(s.title, s.level) for s in inner] == [("Three deep", 3)]


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
        ("x: int", "(BindPattern x int)"),
        ("x: int | string", "(BindPattern x (UnionTypeExpr [int, string]))"),
        ("_: T", "(WildcardPattern T)"),
        ("let x: T", "(BindPattern x T)"),
        ("let _: T", "(WildcardPattern T)"),
        ("let x", "(BindPattern x nothing)"),
        ("type: T", "(BindPattern type T)"),
        ("A | x: B | C", "(OrPattern [A, (BindPattern x (UnionTypeExpr [B, C]))])"),
    ],
)
def test_patterns(pattern: Shape, text: str, shape: str) -> None:
    assert pattern(text) == shape
    if "x" not in text:
        assert pattern(f"{text} if a > 1") == shape
