"""What one operation of a template may cost: each template here would take gigabytes, or hours, if it were let."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.prompts.engine import Engine, PromptContext
from bamlvm.sysops.prompts.limits import Stuck, Turns
from bamlvm.sysops.prompts.predicates import PredicateError, Predicates
from bamlvm.vm.program.types import STRING
from bamlvm.vm.values import Thrown
from bamlvm.vm.work import finish

_DOUBLED = "{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% endfor %}"
_NESTED = "{% set n = namespace(a=[1]) %}{% for i in range(2000) %}{% set n.a = [n.a] %}{% endfor %}"
_TEXTS = "{% set n = namespace(a='ab') %}{% for i in range(60) %}{% set n.a = TEXT %}{% endfor %}"
_MANY = "(range(100000)|list * 2)"

REFUSED: dict[str, str] = {
    # what makes more than it takes
    "'{:>1000000000}'.format(x)": "width",
    "'{:{}}'.format(x, 10**9)": "width",
    "('{:9999}' * 100000).format(x)": "width",
    "'x' * 10**9": "makes more",
    "10**9 * 'x'": "makes more",
    "([1] * 10**9)|length": "makes a list",
    "[1] * 2.5e9": "makes a list",
    "x|center(10**9)": "at most",
    "('a\n' * 10000)|indent(10**5)": "makes more",
    "'a'|indent('x' * 6000000, true) * 20": "makes more",
    "[1]|batch(10**9, 0)": "at most",
    "[1]|slice(10**9)": "at most",
    "1.5|round(10**9, 'floor')": "at most",
    "[1]|tojson(indent=10**9)": "at most",
    "x.ljust(10**9)": "at most",
    "x.rjust(10**9)": "at most",
    "x.zfill(10**9)": "at most",
    "('\t' * 1000).expandtabs(90000)": "makes more",
    "('x' * 10**6).join(['a'] * 10000)": "makes more",
    "('x' * 10**6).replace('x', 'y' * 10**6)": "makes more",
    "('x' * 10**6)|replace('x', 'y' * 10**6)": "makes more",
    "('a' * 10**6).translate({97: 'b' * 10**6})": "makes more",
    "range(100000)|join('x' * 100000)": "makes more",
    "range(100000)|join(d='x' * 100000)": "makes more",
    "('a ' * 100000)|wordwrap(1, wrapstring='x' * 10000)": "makes more",
    "('a.bc ' * 20000)|urlize(target='x' * 100000)": "makes more",
    # numbers
    "7 ** (9 ** 9)": "bits",
    "2 ** 100000000 % 7": "bits",
    # much data
    "('a ' * 3000000)|wordwrap(3)": "at most",
    "('http://a.b ' * 100000)|urlize": "at most",
    "('ab ' * 1000000)|title": "at most",
    f"({_MANY} + {_MANY})|sort": "makes a list",
    "('a,' * 10**7).split(',')": "at most",
    "-1 in [[range(100000)], [range(100000)], [range(100000)]]": "at most",
    # what no prompt has
    "x.encode('punycode')": "unsafe",
    "(5).to_bytes(10**9, 'big')": "unsafe",
    "range(10**12)|sum": "too big",
}

REFUSED_BLOCKS: dict[str, str] = {
    _DOUBLED + "{{ n.a }}": "at most",
    _DOUBLED + "{{ n.a|tojson }}": "at most",
    _DOUBLED + "{{ n.a|pprint }}": "at most",
    _DOUBLED + "{{ n.a ~ '' }}": "at most",
    _DOUBLED + "{{ n.a|string }}": "at most",
    _DOUBLED + "{{ n.a == [n.a] }}": "at most",
    _DOUBLED + "{{ n.a is eq(n.a) }}": "at most",
    _DOUBLED + "{{ n.a in [n.a] }}": "at most",
    _DOUBLED + "{{ n.a|format(type='json') }}": "at most",
    _DOUBLED + "{{ [n.a]|join }}": "at most",
    _DOUBLED + "{{ '{}'.format(n.a) }}": "at most",
    _NESTED + "{{ n.a }}": "deep",
    _NESTED + "{{ n.a|tojson }}": "deep",
    _TEXTS.replace("TEXT", "n.a ~ n.a"): "makes more",
    _TEXTS.replace("TEXT", "n.a + n.a"): "makes more",
    _TEXTS.replace("TEXT", "n.a|replace('a', n.a)"): "at most|makes more",
    "{% set n = namespace(a=[]) %}"
    "{% for i in range(9999) %}{% set n.a = [n.a, 'x' * 9999999 ~ i] %}{% endfor %}": "MiB",
    "{% set n = namespace(a=[]) %}{% set b = range(99999)|list %}"
    "{% for i in range(99999) %}{% set n.a = [n.a, b[1:]] %}{% endfor %}": "MiB",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": "without end",
    "{{ range(99999)|select('in', range(99999)|list)|list }}": "too much",
    "{% filter upper %}{% for i in range(99999) %}{{ 'x' * 9999 }}{{ i }}{% endfor %}{% endfilter %}": "more than",
}


def render(template: str) -> str:
    context = PromptContext("C", "openai", "user", STRING, {})
    messages = Engine({}, {}).render("F", template, {"x": "abc"}, context)
    return "".join(str(part.content) for message in messages for part in message.parts)


@pytest.mark.parametrize("expression", REFUSED)
def test_an_operation_that_costs_too_much_is_refused(expression: str) -> None:
    with pytest.raises(Thrown, match=REFUSED[expression]):
        render("{{ " + expression + " }}")


@pytest.mark.parametrize("template", REFUSED_BLOCKS)
def test_a_template_that_costs_too_much_is_refused(template: str) -> None:
    with pytest.raises(Thrown, match=REFUSED_BLOCKS[template]):
        render(template)


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("'{:<5}|{}'.format(x, 2)", "abc  |2"),
        ("'{a}'.format_map({'a': 1})", "1"),
        ("x * 3 ~ [1] * 2", "abcabcabc[1, 1]"),
        ("2 ** 62 + 1 - 7 // 2 * 3 % 4", "4611686018427387904"),
        ("2 ** -1 * 1.5 ** 2", "1.125"),
        ("x|center(9)|trim|upper|replace('B', 'b')", "AbC"),
        ("['a', 'b']|join(', ') ~ x.replace('b', '').zfill(5)", "a, b000ac"),
        ("[3, 1, 2]|sort|map('string')|join", "123"),
        ("{'a': [1]}|tojson(indent=2)", '{\n  "a": [\n    1\n  ]\n}'),
        ("x[1:] ~ [1, 2, 3][:2]|length", "bc2"),
        ("1 < 2 <= 2 and 'a' in x and 3 not in [1, 2] and x == 'abc'", "True"),
        ("'a-b'|regex_match('^[a-z]-b$')", "True"),
    ],
)
def test_what_prompts_do_is_as_before(expression: str, printed: str) -> None:
    assert render("{{ " + expression + " }}").lower() == printed.lower()


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "([a-z]+)*=", "(.*a){20}"])
def test_a_pattern_takes_time_linear_in_the_text(pattern: str) -> None:
    assert render(f"{{{{ ('a' * 3000 ~ '!')|regex_match('{pattern}') }}}}") in ("false", "true")


def test_a_pattern_that_cannot_be_linear_is_refused() -> None:
    with pytest.raises(Thrown, match="regex_match"):
        render("{{ x|regex_match('(?=a)') }}")


@pytest.mark.parametrize(
    "expression",
    ["this|map('string')|list|length > 0", "this|sort == this|sort", "('a' * 60000)|regex_match('(a+)+$')"],
)
def test_a_constraint_takes_less_than_a_prompt(expression: str) -> None:
    predicates = Predicates({})
    with pytest.raises(PredicateError, match="too much"):
        predicates.holds(expression, {"this": list(range(40_000))})
    if "this" in expression:
        assert predicates.holds(expression, {"this": list(range(400))})


LONG = {
    "a macro": "{% macro m() %}{% for i in range(100000) %}{{ i }}{% endfor %}{% endmacro %}{{ m() }}",
    "a block": "{% set b %}{% for i in range(100000) %}{{ i }}{% endfor %}{% endset %}{{ b }}",
    "a long list": "{{ range(100000)|map('string')|list|length }}",
    "a long text": "{{ ('x' * 5000000)|upper|length }}",
    "a pattern": "{{ ('a' * 90000)|regex_match('b$') }}",
    "much to print": "{{ range(100000)|list }}",
    "much to compare": "{{ range(100000)|list == range(100000)|list }}",
    "an argument": "{{ many|length }}",
}


@pytest.mark.parametrize("name", LONG)
def test_a_rendering_that_cannot_yield_asks_to_be_moved(name: str) -> None:
    engine, context = Engine({}, {}), PromptContext("C", "openai", "user", STRING, {})
    arguments = {"many": [[each] for each in range(20_000)]}
    with pytest.raises(Stuck):
        finish(engine.rendering("F", LONG[name], arguments, context, movable=True))
    assert engine.render("F", LONG[name], arguments, context)


async def test_a_moved_rendering_is_in_a_thread_and_other_tasks_run() -> None:
    import bamlvm

    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    template = LONG["a block"].replace("100000", "300").replace("{{ i }}", "{% for j in range(900) %}{% endfor %}")
    source = f"""
        client C {{ provider openai  options {{ model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" }} }}
        function F() -> string {{ client C  prompt #"{template}"# }}
    """
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        task = asyncio.create_task(other())
        for ended in await asyncio.gather(*[runtime.call_function("F", {}) for _ in range(2)], return_exceptions=True):
            assert isinstance(ended, bamlvm.ThrownError)
            assert "cannot connect" in str(ended)
        task.cancel()
    assert turns > 5


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=30,
)


def counted(value: Any) -> tuple[int, int]:
    if isinstance(value, str):
        return 0, len(value)
    if isinstance(value, dict):
        parts = [counted(each) for pair in value.items() for each in pair]
        return len(value) + sum(each[0] for each in parts), sum(each[1] for each in parts)
    if isinstance(value, list):
        parts = [counted(each) for each in value]
        return len(value) + sum(each[0] for each in parts), sum(each[1] for each in parts)
    return 0, 0


@given(st.lists(VALUES, max_size=5))
def test_values_are_weighed_as_they_print(values: list[Any]) -> None:
    found = Turns().take("a test", values)
    parts = [counted(each) for each in values]
    assert found[:2] == (sum(each[0] for each in parts), sum(each[1] for each in parts))
