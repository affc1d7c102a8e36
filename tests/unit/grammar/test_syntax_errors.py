"""Syntax errors: code, message, place, labels and hint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile

Errors = Callable[[str], list[tuple[str, str, str]]]


Parse = Callable[[str], tuple[list[Any], list[Diagnostic]]]


def in_function(statements: str) -> str:
    return f"function f() -> int {{ {statements} }}"


@pytest.mark.parametrize(
    ("text", "code", "message", "place"),
    [
        # what was found and what is expected, in the reader's words
        (in_function("let = 1;"), "E0010", "expected a name, found `=`", "="),
        (in_function("let x: = 1;"), "E0010", "expected a type, found `=`", "="),
        (in_function("x = ;"), "E0010", "expected an expression, found `;`", ";"),
        (in_function("f(1,, 2)"), "E0010", "expected an expression or `)`, found `,`", ","),
        (in_function("f(1 2)"), "E0010", "expected `,`, `)` or an operator, found `2`", "2"),
        (in_function("match (x) { 1 -> 2 }"), "E0010", "expected `if` or `=>`, found `->`", "->"),
        (in_function('"a" "b"'), "E0010", 'expected `}`, `;` or an operator, found the string `"b"`', '"b"'),
        (in_function("a b"), "E0010", "expected `}`, `;` or an operator, found `b`", "b"),
        (in_function("if (a) { } else 3"), "E0010", "expected `if` or `{`, found `3`", "3"),
        (in_function("let x = if;"), "E0030", "the condition of `if` must be in parentheses", ";"),
        ("class A { a }", "E0010", "expected a type, found `}`", "}"),
        (
            "class A { a int = 3 }",
            "E0010",
            "expected a name, a block attribute, `function`, `,` or something else, found `=`",
            "=",
        ),
        (
            "enum E { A(1) }",
            "E0010",
            "expected a name, an attribute, a block attribute, `,` or `}`, found `(`",
            "(",
        ),
        ("client<llm> C { provider }", "E0010", "expected a value, found `}`", "}"),
        ("client<gpt> C { provider x }", "E0010", "a client is a `client<llm>`, not a `client<gpt>`", "gpt"),
        ("test 1-a { }", "E0010", "`1-a` is not a name", "1-a"),
        ("function f() -> int nothing", "E0010", "expected the function's body `{ … }`, found `nothing`", "nothing"),
        ("function f(a, b: int) {}", "E0010", "the parameter `a` has no type", "a"),
        ("function f() -> R { client A client B }", "E0010", "`client` is given twice", "client"),
        (in_function("1 + 2 = 3;"), "E0010", "expected `}`, `;` or an operator, found `=`", "="),
        (in_function("f() = 3;"), "E0010", "this cannot be assigned to", "f()"),
        # other dialects and languages
        (in_function("let x = spawn with (a) { f() };"), "E0010", "`spawn … with` is not part of this dialect", "with"),
        (in_function("let x = spawn f();"), "E0010", "expected `{` after `spawn`, found `f`", "f"),
        (in_function("let x = 12n;"), "E0010", "`12n` is a bigint, which this dialect does not have", "12n"),
        ("interface I { }", "E0010", "interfaces are not part of this dialect", "interface"),
        ("class A implements I { }", "E0010", "interfaces are not part of this dialect", "implements"),
        # items
        ("clas A { a int }", "E0010", "`clas` begins no declaration", "clas"),
        ("42", "E0010", "expected a declaration, found `4`", "4"),
        # the end
        ("class", "E0009", "unexpected end, expected a name", "s"),
        ("type A = int |", "E0009", "unexpected end, expected a type", "|"),
        (in_function('let s = "abc;'), "E0009", "this string is never closed", '"'),
        (in_function('let s = ##"abc"#;'), "E0009", "this raw string is never closed", '##"'),
        (in_function("let s = `abc;"), "E0009", "this template string is never closed", "`"),
        (in_function("/* let s = 1;"), "E0009", "this comment is never closed", "/*"),
        ("class A { a int @b({{ x ) }", "E0009", "this `{{` is never closed", "{{"),
        # delimiters
        (in_function("(1 + 2"), "E0031", "`}` does not close the `(` before it", "}"),
        (in_function("[1)"), "E0031", "`)` does not close the `[` before it", ")"),
        ("class A { a int", "E0031", "this `{` is never closed", "{"),
        ("class A { a int } }", "E0031", "`}` closes nothing", "}"),
        ("function f() -> string { `${ a", "E0031", "this `${` is never closed", "${"),
        # parentheses
        (in_function("if x == 3 { 1 }"), "E0030", "the condition of `if` must be in parentheses", "x == 3"),
        (in_function("while x { }"), "E0030", "the condition of `while` must be in parentheses", "x"),
        (in_function("for let x in xs { }"), "E0030", "the head of `for` must be in parentheses", "let x in xs"),
        (in_function("match x { _ => 1 }"), "E0030", "the value of `match` must be in parentheses", "x"),
        # characters
        (in_function("let s = 'a';"), "E0010", "a string is in double quotes", "'a'"),
        (in_function("let ä = 1;"), "E0010", "unexpected character 'ä'", "ä"),
        (in_function("1.5abc"), "E0010", "`5abc` is neither a number nor a name", "5abc"),
        (in_function(r'"\q"'), "E0010", r"`\q` is not an escape", r"\q"),
        (in_function(r'"\u{110000}"'), "E0010", r"`\u{110000}` is not an escape", r"\u{110000}"),
        (in_function(r'"\u{d800}"'), "E0010", r"`\u{d800}` is not an escape", r"\u{d800}"),
    ],
)
def test_one_mistake_is_one_diagnostic(errors: Errors, text: str, code: str, message: str, place: str) -> None:
    found = errors(text)
    assert found[0] == (code, message, place)
    assert len({where for _, _, where in found}) == 1 or text.count("'") == 2, found


@pytest.mark.parametrize(
    ("statements", "hint"),
    [
        ("if x == 3 { 1 }", "write `if (x == 3)`"),
        ("for x in xs { }", "write `for (let x in xs)`"),
        ("if (a = b) { 1 }", "equality is written `==`"),
        ("a ? b : c", "there is no `a ? b : c`: write `if (a) { b } else { c }`"),
        ("a?[0]", "an element of what may be null is written `xs?.[0]`"),
        ("match (x) { A -> 1 }", "an arm is written `pattern => result`"),
        ("var x = 1;", "variables are declared with `let`"),
        ("let x = spawn f();", "write what is to run in braces: `spawn { f(x) }`"),
        ("f(1,, 2)", "remove this `,`"),
        ("P { a = 1 }", "write `:` between a name and its value"),
        ("try { f() }", "there is no `try`: write `e catch (error) { … }` after the expression that may throw"),
        ("switch (a.b) { }", "write `match (value) { pattern => result }`"),
    ],
)
def test_hints(parse: Parse, statements: str, hint: str | None) -> None:
    diagnostic = parse(in_function(statements))[1]
    assert [d.hint for d in diagnostic][:1] == ([hint] if hint else [])


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("clas A {}", "did you mean `class`?"),
        ("functon f() {}", "did you mean `function`?"),
        ("retry_polcy P {}", "did you mean `retry_policy`?"),
        ("Enum E {}", "did you mean `enum`?"),
        ("fn f() {}", "functions are declared with `function`"),
        ("if (a) {}", "statements belong inside a function"),
        ("xyzzy", "a file holds `class`, `enum`, `type`, `function`, `client<llm>`, `test` and the like"),
    ],
)
def test_an_unknown_item_suggests_the_nearest(parse: Parse, word: str, hint: str) -> None:
    (diagnostic,) = parse(word)[1]
    assert diagnostic.hint == hint


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("let x = 1\n  let y = 2;", "1"),
        ("let x = f()\n  x", ")"),
        ("x = 1\n  y = 2;", "1"),
        ("f()\n  g()", ")"),
        ("let x = match (a) { _ => 1 }\n  x", "}"),
        ("let x = 1 let y = 2;", "1"),
        ("let c = 1 // comment\n  g();", "1"),
        ("assert a\n  b", "a"),
    ],
)
def test_a_missing_semicolon_is_inserted_after_the_statement(parse: Parse, text: str, after: str) -> None:
    source = in_function(text)
    (declaration,), (diagnostic,) = parse(source)
    assert diagnostic.code == "E0028"
    assert source[diagnostic.span.start : diagnostic.span.end] == after
    assert diagnostic.hint == "add `;` here"
    assert len(declaration.body.statements) + (declaration.body.tail is not None) == 2


@pytest.mark.parametrize("text", ["return 1 // comment\n  g();", "throw a\n  b", "while (true) { break\n g() }"])
def test_a_semicolon_may_be_left_out_after_a_diverging_statement(parse: Parse, text: str) -> None:
    (declaration,), diagnostics = parse(in_function(text))
    assert not diagnostics
    assert declaration.body.statements


def test_labels_point_at_the_opener(parse: Parse) -> None:
    text = in_function("f(1 + [2, 3)")
    (diagnostic,) = parse(text)[1]
    assert [(text[label.span.start : label.span.end], label.message) for label in diagnostic.labels] == [
        ("[", "this `[` needs a `]`")
    ]


def test_an_unclosed_parenthesis_says_where_it_is_missed(parse: Parse) -> None:
    text = "function f( -> int { 1 }"
    (diagnostic,) = parse(text)[1]
    assert diagnostic.code == "E0031"
    assert text[diagnostic.span.start] == "("
    assert [(text[label.span.start : label.span.end], label.message) for label in diagnostic.labels] == [
        ("->", "`)` is missing here")
    ]


def test_a_brace_too_few_is_traced_by_indentation(parse: Parse) -> None:
    text = "function f() {\n  if (a) {\n    b();\n\n  while (c) {\n    d();\n  }\n}\n"
    (diagnostic,) = parse(text)[1]
    assert diagnostic.code == "E0031"
    assert [text[label.span.start - 2 : label.span.end] for label in diagnostic.labels] == ["}\n}"]


def test_no_message_ever_shows_a_terminals_name(parse: Parse) -> None:
    """Every prefix of a program that uses everything is an error in plain words."""
    from bamlvm.grammar.tokens import ITEM_KEYWORDS, PUNCTUATION

    program = (
        "class A<T> { a int @b(c, {{ d }}) function m(self, x: int[] = 1) -> map<string, A?> throws E { "
        "for (let i = 0; i < 3; i += 1) { if (a is B) { return } else { x.y[1] = `a ${b}`; } } "
        "let f = (x: int) -> int { -x ?? throw y }; match (z) { A | 1 => { }, _ if q => P { r: 1, ...s } } "
        'f() catch (e) { E => [1, ...t] } watch let w = { "k": 1 }; assert a; } @@c }'
    )
    names = {*PUNCTUATION.values(), *ITEM_KEYWORDS.values(), "NAME", "INT", "WORD", "STRING", "$END"}
    for end in range(len(program)):
        for diagnostic in parse(program[:end])[1]:
            words = set(diagnostic.message.replace("`", " ").replace(",", " ").split())
            assert not words & names, diagnostic.message


def test_diagnostics_carry_the_file_and_its_places() -> None:
    text = "class A { }\n\n  class B { b }"
    _, (diagnostic,) = parse_file(SourceFile("dir/x.baml", text))
    assert diagnostic.span.file == "dir/x.baml"
    assert diagnostic.span.start == text.rindex("}")
