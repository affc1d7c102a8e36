"""One run reports all mistakes that do not follow from each other, whatever is wrong with the text around them."""

from __future__ import annotations

import pytest

import bamlvm

MANY = """\
class Person { name strng }
class Person { age int }
enum Color { Red Red }
type Loop = Loop
class Node { next Node }
class Twice { a int  a int  function m(self) -> int { 1 }  function m(self) -> int { 2 } }
class Odd { a int @nope }
client<llm> NoProvider { options { model "x" } }
client<llm> Empty { provider fallback  options { strategy [] } }
client<llm> Lost { provider openai  retry_policy Nope }
retry_policy Bad { max_retries 1  strategy { type nope } }
function Ask(text: string) -> string { client Nope prompt #"{{ txet }}"# }
template_string Line(text: string) #"{{ text|nope }}"#
function numbers() -> int { "a" }
function syntax() -> int { let = 1; 2 }
function names() -> int { nope + nowhere }
function several(node: Node) -> int {
  let a: int = "x";
  let b = node.nope;
  if (1) { return true }
  for (let x in [1]) { x.nope(); }
  let f = (x: int) -> int { x + "a" };
  match (a) { 1 => "x", 2 => nope }
}
function contract() -> int throws int { throw "x" }
function arity() -> int { several() }
clas Unknown { a int }
test T { functions [nope]  args { x 1 } }
test U { args { x 1 } }
function last() -> int { 1 + }
"""

EXPECTED = """
1 E0002, 2 E0011, 3 E0013, 4 E0068, 5 E0069, 6 E0012, 6 E0093, 7 E0015, 8 E0026, 9 E0090, 10 E0091, 11 E0092, 12 E0003,
12 E0070, 13 E0071, 14 E0001, 15 E0010, 16 E0003, 16 E0003, 18 E0001, 19 E0007, 20 E0001, 20 E0001, 21 E0007, 22 E0004,
23 E0062, 23 E0003, 25 E0096, 26 E0005, 27 E0010, 28 E0088, 29 E0035, 30 E0010
"""


def reported(source: str) -> list[str]:
    """Line and code of each error."""
    found = bamlvm.check({"main.baml": source}).errors
    return [f"{source.count(chr(10), 0, each.span.start) + 1} {each.code}" for each in found]


def test_a_file_of_mistakes() -> None:
    assert reported(MANY) == " ".join(EXPECTED.split()).split(", ")


def test_mistakes_in_different_files() -> None:
    found = bamlvm.check({f"{n}.baml": line for n, line in enumerate(MANY.splitlines()[:13])}).errors
    assert {each.span.file for each in found} == {f"{n}.baml" for n in range(13)}


BEFORE = 'function before() -> int { "a" }\n'
AFTER = "\nfunction after() -> int { missing }\nclass AfterToo { a Missing }\n"


@pytest.mark.parametrize(
    "broken",
    [
        # inside a body
        "function f() -> int { let = 1; 2 }",
        "function f() -> int { let x: = 1; 2 }",
        "function f() -> int { x = ; }",
        "function f() -> int { g(1,, 2) }",
        "function f() -> int { match (x) { 1 -> 2 } }",
        "function f() -> int { if x > 1 { 1 } else { 2 } }",
        "function f() -> int { for x in xs { } 1 }",
        "function f() -> int { 1 + }",
        "function f() -> int { var x = 1; x }",
        "function f() -> int { P { a = 1 } }",
        "function f() -> int { let ä = 1; 1 }",
        'function f() -> string { "\\q" }',
        # delimiters
        "function f() -> int { (1 + 2 }",
        "function f() -> int { [1) }",
        "function f() -> int { { 1 }",
        "function f() -> int { 1 } }",
        "function f( -> int { 1 }",
        "class A { a int",
        "class A { a int } }",
        "enum E { A",
        "client<llm> C { provider openai",
        "test T { functions [f",
        'function f() -> string { " }',
        "function f() -> string { ` }",
        'function f() -> string { #" }',
        "function f() -> string { /* }",
        # heads
        "function () -> int { 1 }",
        "function f() -> { 1 }",
        "function f() -> int",
        "function f(a) -> int { 1 }",
        "class { a int }",
        "class A a int }",
        "enum E { A(1) }",
        "type A =",
        "type = int",
        "client<gpt> C { provider openai }",
        "client<llm> C { provider }",
        "retry_policy { max_retries 1 }",
        "generator { output_type python }",
        "test 1-a { functions [f] }",
        "template_string T(x: string)",
        # no declaration
        "clas A { a int }",
        "let x = 1;",
        "42",
        "}",
        "interface I { }",
        "some words of no meaning",
    ],
)
def test_what_stands_around_a_broken_declaration_is_checked(broken: str) -> None:
    source = BEFORE + broken + AFTER
    found = reported(source)
    lines = source.count("\n")
    assert found[0] == "1 E0001"
    assert found[-2:] == [f"{lines - 1} E0003", f"{lines} E0002"]
    assert len(found) > 3


@pytest.mark.parametrize(
    "match",
    [
        "match (c) { Colr.Red => 1, _ => 2 }",
        "match (c) { Color.Rad => 1, Color.Green => 2 }",
        "match (c) { Color.Rad | Color.Green => 1, _ => 2, }",
        "match (c) { x: Colr => 1, Color.Red => 2 }",
        "match (c) { Colour => 1, Color.Green => 2 }",
    ],
)
def test_a_wrong_pattern_brings_nothing_else_with_it(match: str) -> None:
    source = f"enum Color {{ Red Green }}\nfunction f(c: Color) -> int {{ {match} }}"
    (found,) = bamlvm.check(source).diagnostics
    assert found.code in ("E0002", "E0064")
