"""``bamlvm.grammar.syntax_hints``: what people type from other languages, and the hint and fix that each has."""

from __future__ import annotations

import pytest

from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile

_IN_PARENTHESES = (
    "a statement that begins with a block ends with its `}`: to go on with its value, put it in parentheses"
)

HINTS = [
    ("f(a: 1)", "a named argument is written `a = …`", "f(a = 1)"),
    ("g() catch (e) { 0 }", "a `catch` has arms, as a `match` has: `catch (e) { _ => … }`", "g() catch (e) { _ => 0 }"),
    ("let mut x = 1; x", "every variable can be assigned to: leave `mut` out", "let x = 1; x"),
    ("let x: int; x", "a variable has a value from the start: `let x: int = 0;`", None),
    ("let [a, b] = xs; a", "one `let` declares one variable", None),
    ("for (x of xs) { f(x); }", "write `for (let x in …)`", "for (let x in xs) { f(x); }"),
    ("for (const x of xs) { f(x); }", "write `for (let x in …)`", "for (let x in xs) { f(x); }"),
    ("x++; x", "there is no `++`: write `x += 1`", "x += 1; x"),
    ("x--; x", "there is no `--`: write `x -= 1`", "x -= 1; x"),
    ("++x; x", "there is no `++`: write `x += 1`", None),
    ("x === 1", "there is no `===`: write `==`", "x == 1"),
    ("x ** 2", "there is no `**`: multiply, as in `x * x`", None),
    ("x! + 1", "what may be null is checked first: `if (x != null) { … }`, or `x ?? default`", None),
    ("Color::Red", "a variant is written `Color.Red`", "Color.Red"),
    ("xs.map(x => x)", "a lambda is written `(x: int) -> int { x + 1 }`", None),
    ("xs.map(|x| x)", "a lambda is written `(x: int) -> int { x + 1 }`", None),
    ("xs.map((x) => { x })", "a lambda is written `(x: int) -> int { x + 1 }`", None),
    ("xs.map(lambda x: x)", "a lambda is written `(x: int) -> int { x + 1 }`", None),
    ("x in [1]", "write `xs.includes(x)`, or `m.has(key)` for a map", None),
    ("x as int", "there are no casts: check with `if (x is T) { … }` or `match`", None),
    ("typeof x", "write `x is string`", None),
    ("raise x", "write `throw`", "throw x"),
    ("'a'", 'write `"a"`', '"a"'),
    ("if a > 1: 1", "write `if (a > 1) { … }`", None),
    ("match (x) { 1 -> 2 }", "an arm is written `pattern => result`", "match (x) { 1 => 2 }"),
    ("let v = g() ?: 3;", "write `x ?? default`", "let v = g() ?? 3;"),
    ("g()?;", "an error goes to the caller by itself: leave `?` out", "g();"),
    ("x ~= 2;", "not equal is written `!=`", None),
    ("xs.map(fn(i: int) -> int { i })", "a lambda is written `(x: int) -> int { x + 1 }`", None),
    ("xs.map(function(i) { i })", "a lambda is written `(x: int) -> int { x + 1 }`", None),
    ("println!(x);", "there are no macros: write `print(value)`", None),
    ("vec![1];", "a list is written `[1, 2]`", None),
    ("let v = 1 if x else 2;", "there is no `a if b else c`: write `if (b) { a } else { c }`", None),
    ("y := 3;", "a variable is declared by `let y = …`", "let y = 3;"),
    ("int y = 3;", "a variable is declared by `let y: int = …`", "let y: int = 3;"),
    ("let y int = 3;", "a type stands behind `:`: `let y: int = …`", "let y: int = 3;"),
    ("val y = 3;", "variables are declared with `let`", "let y = 3;"),
    ("xs[1:2];", "there are no slices: write `xs.slice(a, b)`, or `text.substring(a, b)`", None),
    ("match (x) { 1: 2 }", "an arm is written `pattern => result`", "match (x) { 1 => 2 }"),
    ("try: f()", "there is no `try`: write `e catch (error) { … }` after the expression that may throw", None),
    ("go f(1);", "a thread is started by `spawn { f(x) }`", None),
    ("yield 3;", "there are no generators: build a list and return it", None),
    ("delete m;", "an entry is removed by `m.remove(key)`", None),
    ("unless (x) { g() }", "write `if (!condition) { … }`", None),
    ("channel<int>();", "channels are not part of this dialect: threads share variables and futures", None),
    ("let (a, b) = xs;", "there are no patterns in `let`: declare each variable by a `let` of its own", None),
    ("(1, 2)", "there are no tuples: use a class with a field for each part, or a list", None),
    ("x is not null", "write `x != null`", "x != null"),
    ('P { "a": 1 }', "the fields of an object are written without quotes", "P { a: 1 }"),
    ('P { a "b" }', "write `:` between a name and its value", 'P { a: "b" }'),
    ('print("a" "b");', "texts are joined by `+`", 'print("a" + "b");'),
    ("x <> 2", "not equal is written `!=`", "x != 2"),
    ("x <=> 2", "there is no `<=>`: compare with `<`, `==` and `>`", None),
    ("let v = &x;", "there are no references: leave `&` out", "let v = x;"),
    ("let v = 5.;", "a float has digits behind its point: `5.0`", "let v = 5.0;"),
    ("let v = .5;", "a float has digits before its point: `0.5`", "let v = 0.5;"),
    ("if (x) g();", "what is run stands in braces: `if (x) { … }`", None),
    ("match (x) { Some(v) => 1 }", "a pattern tests for a type, as in `v: int => v`, or for `null`", None),
    ("let v = 0X1F;", "write `0x1f`", "let v = 0x1f;"),
    ("let v = 0B11;", "write `0b11`", "let v = 0b11;"),
    ("let v = xs.map { it * 2 };", "a function is passed in parentheses: `xs.map((x: int) -> int { x + 1 })`", None),
    ("let v = xs.map { |x| x * 2 };", "a function is passed in parentheses: `xs.map((x: int) -> int { x + 1 })`", None),
    (
        "let v = xs.map { x -> x * 2 };",
        "a function is passed in parentheses: `xs.map((x: int) -> int { x + 1 })`",
        None,
    ),
    ("let v = xs.map(x -> x * 2);", "a lambda is written `(x: int) -> int { x + 1 }`", None),
    ("if (a) { 1 } else { 2 } + 3", _IN_PARENTHESES, None),
    ('{ "a": 1 } == m', _IN_PARENTHESES, None),
    ("let v = `a ${x`;", "add the missing `` ` ``", None),
]
ITEMS = [
    ("function f(): int { 1 }", "a result type is written `-> T`", "function f() -> int { 1 }"),
    ("function f(string x) -> int { 1 }", "a parameter is written `x: string`", "function f(x: string) -> int { 1 }"),
    ("class A { x?: string }", "what may be missing has an optional type: `x T?`", None),
    ("class A { x int = 1 }", "a field has no default: make it optional, as in `name string?`", None),
    ("class A extends B { x int }", "classes do not inherit: repeat the fields, or have one of the other class", None),
    ("class A { constructor(x: int) { } }", "a method is written `function name(self, x: int) -> T { … }`", None),
    ('class A { x int @alias "y" }', 'write `@alias("y")`', 'class A { x int @alias("y") }'),
    ("class A { x dict[str, int] }", "a map is written `map<string, int>`, a list `int[]`", None),
    ("class A { x [int] }", "a list is written `int[]`", None),
    ("enum A { B = 1 }", 'a variant has no value: its name in an answer is set by `@alias("…")`', None),
    ("type A = { x: int }", "an object has a class: `class Name { field type }`", None),
    ('type A = "x" or "y"', "a type that is one of several is written `A | B`", 'type A = "x" | "y"'),
    ("async function f() -> int { 1 }", "every function may wait: leave `async` out", "function f() -> int { 1 }"),
    ("interface A { x: int }", "a type with fields is written `class Name { field type }`", None),
    (
        'client A { provider openai  options { key env("X") } }',
        "a variable of the environment is written `env.NAME`",
        None,
    ),
    ("function f(a int) -> int { a }", "a parameter is written `a: int`", "function f(a: int) -> int { a }"),
    ("function f(a = 1) -> int { a }", "a parameter has a type: `a: int = …`", None),
    (
        "function f(...a: int[]) -> int { 1 }",
        "a function takes a fixed number of arguments: take a list, `xs: T[]`",
        None,
    ),
    ("class A(B) { x int }", "classes do not inherit: repeat the fields, or have one of the other class", None),
    ("class A { private x int }", "leave it out: all is public", None),
    ('class A { x int "text" }', 'write `@description("text")`', 'class A { x int @description("text") }'),
    ("class A:\n  x int", "what it holds stands in braces: `{ … }`", None),
    ("enum A { B(int) }", "a variant holds no value: write a class for each, and `type Name = A | B`", None),
    ('enum A { "b" }', 'a variant is a name; its text is set by `@alias("…")`', None),
    ("type A int", "write `=` before the type", "type A = int"),
    ('test "a" { functions [f] }', "a test has a name without quotes: `test Name { … }`", None),
    (
        "test A { functions [f] @assert({{ true }}) }",
        "an attribute of the whole test is written `@@assert`",
        "test A { functions [f] @@assert({{ true }}) }",
    ),
    ('template_string A() { "a" }', 'the text of a template string is a raw string: `#"…"#`', None),
    (
        'function F() -> string { model "openai/gpt-4o" prompt #"a"# }',
        'a model is named by its client: `client "openai/gpt-4o"`',
        'function F() -> string { client "openai/gpt-4o" prompt #"a"# }',
    ),
    ("function f() -> int throws { 1 }", "name what is thrown: `throws ErrorClass`", None),
    (
        'client A { provider = openai options { model = "x" } }',
        "a key and its value stand side by side: `provider openai`",
        None,
    ),
    ("class A { m {string: int} }", "write `map<string, int>`", "class A { m map<string, int> }"),
    ("class A { m {a: int} }", "an object has a class: `class Name { field type }`", None),
    ("function f() -> {string: int} { {} }", "write `map<string, int>`", "function f() -> map<string, int> { {} }"),
    ("function f() -> {a: int} { 1 }", "an object has a class: `class Name { field type }`", None),
    (
        "type X = @@dynamic",
        "what gets its fields at run time is a class: `class X { @@dynamic }`",
        "class X { @@dynamic }",
    ),
    (
        "function F() -> string { client C prompt `a {{ b }}` }",
        'a prompt is a raw string, `#"…"#`; a template string in backticks is part of the code of a function',
        'function F() -> string { client C prompt #"a {{ b }}"# }',
    ),
    (
        "function F() -> string { client C prompt `a ${b}` }",
        'a prompt is a raw string, `#"…"#`; a template string in backticks is part of the code of a function',
        None,
    ),
    (
        "client C { provider openai options { model `gpt` } }",
        'a prompt is a raw string, `#"…"#`; a template string in backticks is part of the code of a function',
        'client C { provider openai options { model #"gpt"# } }',
    ),
    ("# remark", "a comment begins with `//`; every file of a project sees every other", "// remark"),
    ("let g = () => 1;", "a lambda is written `(x: int) -> int { x + 1 }`", None),
    ("function f() -> int raises X { 1 }", "write `throws`", None),
]


@pytest.mark.parametrize(("written", "hint", "mended"), HINTS, ids=[each[0] for each in HINTS])
def test_a_hint_in_a_function(written: str, hint: str, mended: str | None) -> None:
    around = "function main(x: int) -> int {{ {} }}"
    _check(around.format(written), hint, around.format(mended) if mended is not None else None)


@pytest.mark.parametrize(("written", "hint", "mended"), ITEMS, ids=[each[0] for each in ITEMS])
def test_a_hint_in_an_item(written: str, hint: str, mended: str | None) -> None:
    _check(written, hint, mended)


COMMENTS = [
    ("# remark", "a comment begins with `//`", "// remark"),
    ("let v = x // 2;", "`//` begins a comment; `/` of two ints is an int", "let v = x / 2;"),
    ("let v = x // 2;\n  v", "`//` begins a comment; `/` of two ints is an int", "let v = x / 2;\n  v"),
]


@pytest.mark.parametrize(("written", "hint", "mended"), COMMENTS, ids=[each[0] for each in COMMENTS])
def test_comments_of_other_languages(written: str, hint: str, mended: str | None) -> None:
    around = "function main(x: int) -> int {{\n  {}\n}}"
    _check(around.format(written), hint, around.format(mended))


@pytest.mark.parametrize("comment", ["// a remark;", "// see f(x)", "//", "// half", "/* 2; */", "// TODO: x / 2;"])
def test_a_remark_behind_the_last_expression(comment: str) -> None:
    assert not parse_file(SourceFile("a.baml", f"function main(x: int) -> int {{\n  x {comment}\n}}"))[1]


def _check(text: str, hint: str, mended: str | None) -> None:
    found = parse_file(SourceFile("a.baml", text))[1]
    assert [each.hint for each in found] == [hint]
    for edit in sorted(found[0].fix, key=lambda edit: -edit.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert (text if found[0].fix else None) == mended
