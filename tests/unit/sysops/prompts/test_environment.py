"""The limits of a rendering, and where it follows the official runtime and not Jinja."""

from __future__ import annotations

import pytest

from bamlvm.sysops.prompts.environment import Environment
from bamlvm.sysops.prompts.limits import TURNS
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


def test_a_loop_does_not_name_the_characters_of_a_text() -> None:
    """Officially an error, too; a map gives its keys, so that its values would be letters."""
    template = "{% for key, value in m %}{{ key }}={{ value }} {% endfor %}"
    with pytest.raises(TypeError, match=r"write `m\.items\(\)`"):
        render(template, m={"ab": 1})
    assert render(template, m={"ab": 1}.items()) == "ab=1 "
    assert render(template, m=[["a", 1], ("b", 2)]) == "a=1 b=2 "


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


def test_operators_make_nothing_too_large() -> None:
    for template in ("{{ 'ab' * 99999999999 }}", "{{ [1] * 99999999999 }}", "{{ 9 ** 99999 }}"):
        with pytest.raises(OverflowError, match=r"makes a|makes more"):
            render(template)
    assert (
        render("{{ 'ab' * 2 }} {{ 2 * [1] }} {{ 3 * 1.5 }} {{ 2 ** 10 }} {{ 2 ** 0.5 > 1 }}")
        == "abab [1, 1] 4.5 1024 true"
    )


# What baml-py 0.226.3 prints.
OFFICIAL = {
    "{{ 2.25|round(1) }} {{ 2.5|round }} {{ -2.5|round }} {{ 7|round(2) }} {{ 12345.678|round(-2) }}": (
        "2.3 3.0 -3.0 7 12300.0"
    ),
    "{{ 7 % -3 }} {{ -7 % -3 }} {{ 7 // -3 }} {{ -7 // 2 }} {{ -7.5 % 2 }} {{ 7.5 // -2 }} {{ -7.5 // 2 }}": (
        "1 2 -2 -4 -1.5 -3.0 -4.0"
    ),
    "{{ 'it is o-clock_2x'|title }} {{ 'hELLO'|capitalize }}": "It Is O-Clock_2x Hello",
    "{{ 'a b' is lower }} {{ 'abc' is lower }} {{ '' is upper }}": "false true true",
    "{{ '<a href=\"x\">&\\''|escape }}": "&lt;a href=&quot;x&quot;&gt;&amp;&#x27;",
    "{{ [1e-7, 1.5e-6, 1e-5, 1.5e-5, 0.0001, 1e15, 1e16, 1.5e300, -1e-7, 'e', '1e-07']|tojson }}": (
        '[1e-7,1.5e-6,0.00001,0.000015,0.0001,1000000000000000.0,1e16,1.5e300,-1e-7,"e","1e-07"]'
    ),
    "{{ {'a': ['<', 1.5, none]}|tojson }} {{ [1]|tojson(true) }}": '{"a":["\\u003c",1.5,null]} [\n  1\n]',
    "{{ none }} {{ [none] }} {{ {'a': none} }} {{ 'x' ~ none }} {{ [none, 1]|join('-') }} {{ none|trim }}": (
        'null [none] {"a": none} xnone none-1 none'
    ),
    "{{ [1, [2, {'a': 'b'}]]|pprint }} {{ 'x'|pprint }} {{ none|pprint }} {{ []|pprint }}": (
        '[\n    1,\n    [\n        2,\n        {\n            "a": "b",\n        },\n    ],\n] "x" none []'
    ),
    "{{ [3, 1]|zip(['a', 'b'])|list }} {{ [1]|chain([2]) }} {{ {'a': 1}|chain({'b': 2})|length }}": (
        '[[3, "a"], [1, "b"]] [1, 2] 2'
    ),
    "{{ ['a\x01'] }} {{ {1: 2} }} {{ {'a': 2}|attr('a') }} {{ 'hi' is startingwith('h') }} {{ {} is sequence }}": (
        '["a\\u{1}"] {1: 2} 2 true false'
    ),
    "{% for x in none %}{{ x }}{% else %}no{% endfor %}": "no",
}


@pytest.mark.parametrize("template", OFFICIAL)
def test_as_the_official_runtime(template: str) -> None:
    assert render(template) == OFFICIAL[template]
