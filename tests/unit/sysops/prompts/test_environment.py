"""The limits of a rendering."""

from __future__ import annotations

import pytest

from bamlvm.sysops.prompts.environment import TURNS, Environment
from bamlvm.vm.work import LONGEST


def render(template: str, **variables: object) -> str:
    environment = Environment()
    environment.begin()
    return environment.from_string(template).render(variables)


def test_loops_are_as_they_were() -> None:
    counted = "{% for i in xs %}{{ loop.index }}/{{ loop.length }}{{ i }} {% endfor %}"
    assert render(counted, xs=["a", "b"]) == "1/2a 2/2b "
    filtered = "{% for k, v in m.items() if v %}{{ k }}{{ loop.last }}{% else %}none{% endfor %}"
    assert render(filtered, m={"a": 0}) == "none"
    assert render("{% for x in absent %}{{ x }}{% else %}none{% endfor %}") == "none"
    template = "{% for x in xs recursive %}{{ x.n }}{{ loop(x.below) }}{% endfor %}"
    assert render(template, xs=[{"n": 1, "below": [{"n": 2, "below": []}]}]) == "12"


def test_nested_loops_end() -> None:
    template = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(OverflowError, match=f"more than {TURNS} turns"):
        render(template)
    macro = "{% macro m() %}{% for j in range(99999) %}{% endfor %}{% endmacro %}"
    with pytest.raises(OverflowError, match="turns"):
        render(macro + "{% for i in range(9999) %}{{ m() }}{% endfor %}")


def test_a_text_that_is_too_long_is_not_made() -> None:
    with pytest.raises(OverflowError, match=f"more than {LONGEST} characters"):
        render("{% for i in range(9999) %}{{ text }}{% endfor %}", text="x" * 100_000)
