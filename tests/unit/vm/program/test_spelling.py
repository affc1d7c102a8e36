"""The nearest of the known names, and the hint that names it."""

from __future__ import annotations

import pytest

from bamlvm.vm.program.spelling import did_you_mean, nearest, suggestion


@pytest.mark.parametrize(
    ("name", "candidates", "expected"),
    [
        ("Ood", ["Odd"], "Odd"),
        ("fats", ["fast", "fat"], "fast"),
        ("PERSON", ["person", "parson"], "person"),
        ("lenght", ["length"], "length"),
        ("lengt", ["length"], "length"),
        ("lengthh", ["length"], "length"),
        ("ab", ["ac", "x"], None),
        ("completely", ["other"], None),
        ("x", [], None),
        ("abcd", ["badc"], None),
    ],
)
def test_the_nearest_name(name: str, candidates: list[str], expected: str | None) -> None:
    assert nearest(name, candidates) == expected


def test_a_hint_names_the_nearest() -> None:
    assert did_you_mean("lenght", ["width", "length"]) == "did you mean `length`?"
    assert did_you_mean("depth", ["size"]) is None


def test_a_suggestion_falls_back_to_all_names_in_their_order() -> None:
    assert suggestion("lenght", ["width", "length"]) == "did you mean `length`?"
    assert suggestion("x", ["width", "length"]) == "there are `width`, `length`"
    assert suggestion("x", []) is None
