"""``bamlvm.tools.fixes``: what is mended, and that nothing gets worse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm.tools.fixes import fix

MENDED = [
    ("class A { x str }", "class A { x string }"),
    ("class A { x List<str> }", "class A { x string[] }"),
    ("class A { x Optional<List<int | float>> }", "class A { x (int | float)[]? }"),
    ("class A { x dict<string, any> }", "class A { x map<string, unknown> }"),
    ("class A { x Union<int, string, bool> }", "class A { x int | string | bool }"),
    ('class A { x int @descripton("y") }', 'class A { x int @description("y") }'),
    ("clas A { x int }", "class A { x int }"),
    ("def f() -> int { 1 }", "function f() -> int { 1 }"),
    ("function f() -> bool { True }", "function f() -> bool { true }"),
    ("function f() -> int? { None }", "function f() -> int? { null }"),
    ("function f() -> int {\n  let x = 1\n  x\n}", "function f() -> int {\n  let x = 1;\n  x\n}"),
    ("function f(a: bool) -> int { if a { 1 } else { 2 } }", "function f(a: bool) -> int { if (a) { 1 } else { 2 } }"),
    ("function f() -> int { let n = 0; n++; n }", "function f() -> int { let n = 0; n += 1; n }"),
    ("function f() -> int { let n = 0; n--; n }", "function f() -> int { let n = 0; n -= 1; n }"),
    ('function f(n: int) -> string { f"n {n} {{}}" }', "function f(n: int) -> string { `n ${n} {}` }"),
    (
        "function f(a: bool, b: bool) -> int { if (a) { 1 } elif (not b and a or b) { 2 } else { 3 } }",
        "function f(a: bool, b: bool) -> int { if (a) { 1 } else if (!b && a || b) { 2 } else { 3 } }",
    ),
    ("function count() -> int { coutn() }", "function count() -> int { count() }"),
    ("retry_policy R { max_retires 2 }", "retry_policy R { max_retries 2 }"),
    (
        "retry_policy R { max_retries 2  strategy { type exponential_backoff  mutliplier 2.0 } }",
        "retry_policy R { max_retries 2  strategy { type exponential_backoff  multiplier 2.0 } }",
    ),
    (
        'client<llm> A { provider opnai  options { model "m" } }',
        'client<llm> A { provider openai  options { model "m" } }',
    ),
    (
        'function F(name: string) -> string { client "openai/m"  prompt #"é {{ nmae|uper }}"# }',
        'function F(name: string) -> string { client "openai/m"  prompt #"é {{ name|upper }}"# }',
    ),
    ("class P { n int }\nfunction f() -> P { new P { m: 1 } }", "class P { n int }\nfunction f() -> P { P { m: 1 } }"),
]


@pytest.mark.parametrize(("text", "expected"), MENDED, ids=[text for text, _ in MENDED])
def test_mends(text: str, expected: str) -> None:
    assert fix({"a.baml": text}).sources == {"a.baml": expected}
    assert fix({"a.baml": text.replace("\n", "\r\n")}).sources == {"a.baml": expected.replace("\n", "\r\n")}


@pytest.mark.parametrize(
    "text",
    [
        "function f(x: number) -> int { 1 }",  # int or float
        "function f() -> int { let x = 1; 2 }",  # left over, or its use is missing
        "function f() -> int { g(1) }",
        "class A { x int  x int }",
    ],
)
def test_leaves_what_has_more_than_one_mend(text: str) -> None:
    assert fix({"a.baml": text}).sources == {"a.baml": text}


def test_a_fix_that_makes_it_worse_is_not_kept() -> None:
    """Where a misspelt name is mended, two more errors are seen: the name is probably another."""
    text = "class Person { name string }\nfunction f(p: Persn) -> int { p.age + p.size }"
    fine = "function g() -> int { let x = 1\n x }"
    fixed = fix({"a.baml": text, "b.baml": fine})
    assert fixed.sources == {"a.baml": text, "b.baml": fine.replace("1\n", "1;\n")}
    assert [each.diagnostic.code for each in fixed.applied] == ["E0028"]


def test_what_is_turned_off_is_not_mended() -> None:
    text = "retry_policy R { max_retries 2  strategy { type exponential_backoff  mutliplier 2.0 } }"
    assert fix({"a.baml": text}, {"E0027": "off"}).sources == {"a.baml": text}


def test_changes_are_described_by_place() -> None:
    applied = fix({"a.baml": "class A {\n  x str\n}"}).applied
    assert [(each.line, each.column, each.before, each.after) for each in applied] == [(2, 5, "str", "string")]


@given(st.lists(st.sampled_from([text for text, _ in MENDED]), min_size=1, max_size=4))
def test_never_makes_a_program_worse(texts: list[str]) -> None:
    sources = {f"{place}.baml": text for place, text in enumerate(texts)}
    before = bamlvm.check(sources)
    after = bamlvm.check(fix(sources).sources)
    assert _syntax_errors(after) <= _syntax_errors(before)
    if _syntax_errors(after) == _syntax_errors(before):  # else others may be seen that were hidden
        assert len(after.errors) <= len(before.errors)


def _syntax_errors(checked: bamlvm.CheckReport) -> int:
    return sum(each.code in ("E0009", "E0010", "E0028", "E0030", "E0031") for each in checked.errors)
