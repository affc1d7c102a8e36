"""Declarations: what is reported about them."""

from __future__ import annotations

import bamlvm


def test_a_parameter_given_twice_shows_the_first() -> None:
    source = "function f(a: int, b: int, a: string) -> int { b }"
    (found,) = bamlvm.check(source).errors
    (label,) = found.labels
    assert (found.code, source[label.span.start : label.span.end]) == ("E0012", "a: int")
