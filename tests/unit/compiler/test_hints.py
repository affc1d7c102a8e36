"""What a type mismatch suggests."""

from __future__ import annotations

import pytest

import bamlvm


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (
            "function f(x: int?) -> int { x }",
            "it may be null: check with `if (x != null)`, or set a default with `??`",
        ),
        ("function f() -> float { 2 }", "an int never becomes a float by itself: write `2.0`"),
        ("function f(x: int?) -> null { if (x) { } }", "nothing but a bool is true or false: write `x != null`"),
        ("function f(x: int) -> null { while (x) { } }", "nothing but a bool is true or false: write `x != 0`"),
        ("function f(x: string) -> bool { x && true }", 'nothing but a bool is true or false: write `x != ""`'),
        ("function f(x: int[]) -> null { assert x; }", "nothing but a bool is true or false: write `xs.length() > 0`"),
        (
            "function f(x: int) -> string { x }",
            "nothing becomes a string by itself: write `x.to_string()` or a template string `${x}`",
        ),
        ("class P { } function f(x: P) -> bool { x }", None),
        ("class P { } function f(x: P) -> string { x }", None),
    ],
)
def test_what_to_do_about_it(source: str, hint: str | None) -> None:
    (found,) = bamlvm.check(source).errors
    assert found.hint == hint


def test_a_parameter_given_twice_shows_the_first() -> None:
    source = "function f(a: int, b: int, a: string) -> int { b }"
    (found,) = bamlvm.check(source).errors
    (label,) = found.labels
    assert (found.code, source[label.span.start : label.span.end]) == ("E0012", "a: int")
