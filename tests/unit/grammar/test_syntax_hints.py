"""``bamlvm.grammar.syntax_hints``: what people type from other languages, and the hint and fix that each has."""

from __future__ import annotations

import pytest

from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile

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
    ("x ** 2", "there is no `**`: multiply, or call `baml.math`", None),
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
]


@pytest.mark.parametrize(("written", "hint", "mended"), HINTS, ids=[each[0] for each in HINTS])
def test_a_hint_in_a_function(written: str, hint: str, mended: str | None) -> None:
    around = "function main(x: int) -> int {{ {} }}"
    _check(around.format(written), hint, around.format(mended) if mended is not None else None)


@pytest.mark.parametrize(("written", "hint", "mended"), ITEMS, ids=[each[0] for each in ITEMS])
def test_a_hint_in_an_item(written: str, hint: str, mended: str | None) -> None:
    _check(written, hint, mended)


def _check(text: str, hint: str, mended: str | None) -> None:
    found = parse_file(SourceFile("a.baml", text))[1]
    assert [each.hint for each in found] == [hint]
    for edit in sorted(found[0].fix, key=lambda edit: -edit.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert (text if found[0].fix else None) == mended
