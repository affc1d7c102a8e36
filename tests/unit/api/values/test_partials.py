"""Partial values: what they share, when they have checks, what is done or not null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm.values.partials import PartialResults
from tests.unit.api.orders import ORDER, SOURCE, TEXT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runtime() -> Iterator[bamlvm.Runtime]:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, env={"KEY": "sk-secret"}) as made:
        yield made


def test_partials_share_what_is_finished_and_are_never_changed(runtime: bamlvm.Runtime) -> None:
    kept: list[Any] = []
    shown: list[Any] = []
    for partial in runtime.parse_stream("Extract", TEXT):
        kept.append(partial)
        shown.append(bamlvm.to_builtins(partial))
    assert [bamlvm.to_builtins(partial) for partial in kept] == shown
    full = [partial for partial in kept if partial.items and len(partial.items) == 3]
    assert full[-1].items[0] is full[0].items[0]


def test_what_may_still_grow_has_no_checks_yet() -> None:
    source = """
        class Inner { a int  b int }
        class Outer {
            open Inner @check(more, {{ this.b > this.a }})
            whole Inner @check(more, {{ this.b > this.a }}) @stream.done
            words string[] @check(some, {{ this|length > 0 }})
        }
        client C { provider openai  options { model "m"  api_key "k" } }
        function F() -> Outer { client C  prompt "" }
    """
    text = '{"open": {"a": 1, "b": 2}, "whole": {"a": 1, "b": 2}, "words": ["x"]}'
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        stream = runtime.parse_stream("F", text)
        for partial in stream:
            assert partial.open is None or partial.open.checks == {}
            assert partial.words is None or partial.words.checks == {}
            assert partial.whole is None or partial.whole.checks["more"].status == "succeeded"
        final = stream.final()
    assert [set(each.checks) for each in (final.open, final.whole, final.words)] == [{"more"}, {"more"}, {"some"}]


ITEMS = st.fixed_dictionaries(
    {"name": st.text(max_size=6), "price": st.floats(1, 99), "tags": st.lists(st.text(max_size=4), max_size=3)}
)


ORDERS = st.fixed_dictionaries(
    {
        "items": st.lists(ITEMS, max_size=4),
        "mood": st.sampled_from(["Happy", "Sad", None]),
        "note": st.text(max_size=9),
        "class": st.none() | st.text(max_size=4),
        "codes": st.lists(st.integers(-9, 9), max_size=5),
        "one": ITEMS,
        "state": st.text(max_size=5),
        "prices": st.dictionaries(st.text("abc", min_size=1, max_size=3), ITEMS, max_size=3),
    }
)


@given(ORDERS, st.integers(1, 40), st.permutations(list(ORDER)))
def test_a_partial_made_of_the_one_before_is_as_one_made_anew(order: Any, size: int, names: list[str]) -> None:
    text = json.dumps({name: order[name] for name in names})
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as runtime:
        parser = runtime.engine.services.readers.output(runtime.signature("Extract").result).stream()
        partials = PartialResults(runtime.engine.results)
        for at in range(0, len(text), size):
            value = parser.feed(text[at : at + size])
            if value is not None:
                assert partials.to_host(value) == PartialResults(runtime.engine.results).to_host(value)


def test_done_and_not_null_classes(runtime: bamlvm.Runtime) -> None:
    assert runtime.partial_types.Whole is runtime.types.Whole
    partials = list(runtime.parse_stream("Wholes", '[{"a": 1, "b": 2}, {"a": 3, "b": 1}]'))
    more = [[each.checks["more"].status for each in partial] for partial in partials if partial]
    assert more[-1] == ["failed", "succeeded"]
    for partial in runtime.parse_stream("Musts", '[{"text": "abc", "id": 7}]'):
        assert all(each.id is not None for each in partial)
    hints = get_type_hints(runtime.partial_types.Must)
    assert hints == {"id": int, "text": str | None}


def emitting(body: str) -> list[Any]:
    got: list[Any] = []
    source = f"""
        type Tree = int | Tree[]
        function F() -> int {{ {body} 1 }}
    """
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        assert runtime.call_function_sync("F", {}, bamlvm.CallContext(on_partial=got.append)) == 1
    return got


def test_what_a_partial_value_shares_is_converted_once() -> None:
    body = "let v: Tree = [1]; for (let i = 0; i < 40; i += 1) { v = [v, v]; } baml.stream.emit_partial(v);"
    [value] = emitting(body)
    for _ in range(40):
        assert value[0] is value[1]
        value = value[0]
    assert value == [1]


def test_a_partial_value_without_a_form_is_an_error_that_says_so() -> None:
    with pytest.raises(bamlvm.HostError, match="contains itself"):
        emitting("let v: unknown[] = []; v.push(v); baml.stream.emit_partial(v);")


def test_a_partial_value_may_be_nested_deeply() -> None:
    [value] = emitting("let v: Tree = [1]; for (let i = 0; i < 9999; i += 1) { v = [v]; } baml.stream.emit_partial(v);")
    for _ in range(9999):
        [value] = value
    assert value == [1]
