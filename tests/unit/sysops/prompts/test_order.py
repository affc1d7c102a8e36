"""Null and undefined values in an order; the results are those of baml-py 0.226.3."""

from __future__ import annotations

import itertools

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.prompts.environment import Environment, UndefinedName
from bamlvm.sysops.prompts.order import ordered

LATER = {"one": 1, "text": "a", "flag": True, "items": [1], "fields": {"k": 1}}


def render(template: str, *, strict: bool = False, **variables: object) -> str:
    environment = Environment(strict=strict)
    environment.begin()
    return environment.from_string(template).render(variables)


@pytest.mark.parametrize("other", LATER)
@pytest.mark.parametrize("first", ["none", "null", "absent", "fields.absent"])
def test_what_is_absent_is_less_than_any_value(first: str, other: str) -> None:
    assert render(f"{{{{ {first} < {other} }}}}{{{{ {first} <= {other} }}}}", **LATER) == "truetrue"
    assert render(f"{{{{ {first} > {other} }}}}{{{{ {first} >= {other} }}}}", **LATER) == "falsefalse"
    assert render(f"{{{{ {other} > {first} }}}}{{{{ {other} >= {first} }}}}", **LATER) == "truetrue"
    assert render(f"{{{{ {other} < {first} }}}}{{{{ {other} <= {first} }}}}", **LATER) == "falsefalse"


def test_the_undefined_is_less_than_null() -> None:
    assert render("{{ absent < none }} {{ none > absent }} {{ none < absent }} {{ absent >= none }}") == (
        "true true false false"
    )
    assert render("{{ none < none }} {{ none <= none }} {{ none >= none }} {{ none > none }}") == (
        "false true true false"
    )
    assert render("{{ absent < gone }} {{ absent <= gone }} {{ absent >= gone }}") == "false true true"


def test_a_chain_of_comparisons() -> None:
    assert render("{{ 1 <= score <= 5 }} {{ none < 2 <= 2 }}", score=None) == "false true"


def test_constraints_know_null_and_no_undefined_name() -> None:
    assert render("{{ this.low < this.high }}", strict=True, this={"low": None, "high": 1}) == "true"
    for template in ("{{ this.gone < 1 }}", "{{ 1 >= this.gone }}", "{{ none > gone }}"):
        with pytest.raises(UndefinedName, match="gone"):
            render(template, strict=True, this={})


KINDS: list[object] = [None, True, 2, "a", [1], {"k": 1}]
LITERALS = ["none", "true", "2", "'a'", "[1]", "{'k': 1}"]


def test_values_of_different_kinds_are_ordered_by_their_kinds() -> None:
    for low, high in itertools.combinations(range(len(KINDS)), 2):
        for one, other in ((f"v{low}", f"v{high}"), (LITERALS[low], f"v{high}"), (f"v{low}", LITERALS[high])):
            template = f"{{{{ {one} < {other} }}}}{{{{ {one} >= {other} }}}}{{{{ {other} > {one} }}}}"
            assert render(template, **{f"v{place}": value for place, value in enumerate(KINDS)}) == "truefalsetrue"
    assert render("{{ b < 0 }} {{ b >= 1 }} {{ b == 1 }} {{ 1.5 > '1' }}", b=True) == "true false true false"


def test_maps_have_no_order() -> None:
    with pytest.raises(TypeError, match="not supported"):
        render("{{ a < b }}", a={}, b={})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("debug(xs)", "[\n    3,\n    none,\n]"),
        ("debug(1, 'a')", '[\n    1,\n    "a",\n]'),
        ("debug(n=1)", '{\n    "n": 1,\n}'),
        ("debug(gone)", "undefined"),
        ("gone|pprint", "undefined"),
        ("debug()", '{\n    "xs": [\n        3,\n        none,\n    ],\n}'),
    ],
)
def test_what_debug_shows(template: str, text: str) -> None:
    assert render(f"{{{{ {template} }}}}", xs=[3, None]) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("xs|sort", "[none, 1, 3]"),
        ("xs|sort(reverse=true)", "[3, 1, none]"),
        ("xs|min", "null"),
        ("xs|max", "3"),
        ("xs|select('gt', 1)|list", "[3]"),
        ("xs|select('lessthan', 2)|list", "[none, 1]"),
        ("xs|reject('>=', 2)|list", "[none, 1]"),
        ("rows|sort(attribute='k')|map(attribute='k')|list", "[none, 1, 2]"),
        ("rows|selectattr('k', 'lt', 2)|map(attribute='k')|list", "[none, 1]"),
        ("rows|groupby('k')|map('first')|list", "[none, 1, 2]"),
        ("rows|max(attribute='k')", '{"k": 2}'),
        ("names|sort", '["a", "B", "C"]'),
        ("names|sort(case_sensitive=true)", '["B", "C", "a"]'),
        ("names|min", "B"),
        ("names|max", "a"),
        ("[]|max", ""),
    ],
)
def test_filters_and_tests_of_an_order(template: str, text: str) -> None:
    rows = [{"k": 2}, {"k": None}, {"k": 1}]
    assert render(f"{{{{ {template} }}}}", xs=[3, None, 1], rows=rows, names=["B", "a", "C"]) == text


def test_groups_have_names() -> None:
    template = "{% for g in rows|groupby('k', default='none') %}{{ g.grouper }}:{{ g.list|length }} {% endfor %}"
    assert render(template, rows=[{"k": "b"}, {"k": "A"}, {"k": "B"}, {}]) == "A:1 b:2 none:1 "


@given(st.lists(st.none() | st.integers()))
def test_sorting_puts_nulls_first(values: list[int | None]) -> None:
    result = sorted(values, key=ordered)
    numbers = [each for each in values if each is not None]
    assert result == [None] * (len(values) - len(numbers)) + sorted(numbers)


def test_null_leaves_the_undefined_to_itself() -> None:
    null = ordered(None)
    for compare in (null.__lt__, null.__le__, null.__gt__, null.__ge__):
        assert compare(jinja2.Undefined()) is NotImplemented
