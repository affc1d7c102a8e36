"""The pieces of an LLM call on their own: prompts, requests, parsing, checks, partial values.  No network."""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm import Check, Checked, StreamState
from bamlvm.sysops.llm_support import output_for
from bamlvm.values.partials import PartialResults

SOURCE = """
client C { provider openai  options { model "m"  api_key env.KEY } }
client Two { provider fallback  options { strategy [C] } }
enum Mood { Happy  Sad  mro  None }
class Item {
  name string
  price float @check(cheap, {{ this < 10 }}) @assert(positive, {{ this > 0 }})
  tags string[]
}
class Order {
  items Item[]
  mood Mood?
  note string @check(short, {{ this|length < 5 }})
  class string?
  codes (int @check(odd, {{ this % 2 == 1 }}))[]
  one Item @stream.done
  state string @stream.with_state
  prices map<string, Item>
}
class Whole { a int  b int  @@stream.done  @@check(more, {{ this.a > this.b }}) }
class Must { id int @stream.not_null  text string }
class Names { class string  class_ int  __init__ bool  None int? }
function Extract(x: string, p: Item? ) -> Order {
  client Two
  prompt #"{{ _.role("system") }}Read {{ x }} {{ _.role("user") }}{{ ctx.output_format }}"#
}
function Size(x: string) -> int @check(big, {{ this > 10 }}) @assert(some, {{ this > 0 }}) {
  client C
  prompt #"{{ x }}"#
}
function Wholes() -> Whole[] { client C  prompt "" }
function Musts() -> Must[] { client C  prompt "" }
function Named() -> Names { client C  prompt "" }
function Plain(x: Names) -> Names { x }
"""
ORDER = {
    "items": [
        {"name": "a", "price": 5, "tags": ["x", "y"]},
        {"name": "bad", "price": -5, "tags": []},
        {"name": "b", "price": 15, "tags": []},
    ],
    "mood": "happy",
    "note": "a long note",
    "class": "k",
    "codes": [1, 2],
    "one": {"name": "o", "price": 1, "tags": ["z"]},
    "state": "done",
    "prices": {"p": {"name": "p", "price": 2, "tags": []}, "q": {"name": "q", "price": -2, "tags": []}},
}
TEXT = json.dumps(ORDER)


@pytest.fixture(scope="module")
def runtime() -> Iterator[bamlvm.Runtime]:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, env={"KEY": "sk-secret"}) as made:
        yield made


def check(name: str, expression: str, holds: bool) -> dict[str, Check]:
    return {name: Check(name, expression, "succeeded" if holds else "failed")}


def test_parse_gives_typed_values_with_their_checks(runtime: bamlvm.Runtime) -> None:
    order = runtime.parse("Extract", f"Here it is:\n```json\n{TEXT}\n```")
    types = runtime.types
    assert type(order) is types.Order
    assert [item.name for item in order.items] == ["a", "b"]  # an assert dropped one
    assert list(order.prices) == ["p"]
    assert order.items[0].price == Checked(5.0, check("cheap", "this < 10", True))
    assert order.items[1].price.checks["cheap"].status == "failed"
    assert order.mood is types.Mood.Happy
    assert order.note == Checked("a long note", check("short", "this|length < 5", False))
    assert order.codes == [
        Checked(1, check("odd", "this % 2 == 1", True)),
        Checked(2, check("odd", "this % 2 == 1", False)),
    ]
    assert order.class_ == "k"
    builtins = bamlvm.to_builtins(order)
    assert builtins["class"] == "k"
    assert builtins["note"]["checks"]["short"]["status"] == "failed"
    plain = bamlvm.to_builtins(order, checks=False)
    assert plain["note"] == "a long note"
    assert plain["codes"] == [1, 2]


def test_checks_and_asserts_of_the_return_type(runtime: bamlvm.Runtime) -> None:
    assert runtime.parse("Size", "5") == Checked(5, check("big", "this > 10", False))
    with pytest.raises(bamlvm.ThrownError, match="the assertion `some`") as caught:
        runtime.parse("Size", "-3")
    assert caught.value.class_name == "baml.errors.ParseFailed"
    assert caught.value.value.raw == "-3"


def test_a_failed_assert_tells_its_path(runtime: bamlvm.Runtime) -> None:
    broken = json.dumps(ORDER | {"one": {"name": "o", "price": -1, "tags": []}})
    with pytest.raises(bamlvm.ThrownError) as caught:
        runtime.parse("Extract", broken)
    assert caught.value.value.path == "one.price"
    assert str(caught.value.value.message) == "one.price: the assertion `positive` {{ this > 0 }} does not hold"


def test_checked_values_go_back_in(runtime: bamlvm.Runtime) -> None:
    order = runtime.parse("Extract", TEXT)
    [system, _] = runtime.render_prompt("Extract", {"x": "it", "p": order.items[0]})
    assert system.role == "system"
    assert system.text == "Read it"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_parse_stream_gives_partials_of_their_own_types(runtime: bamlvm.Runtime, size: int) -> None:
    stream = runtime.parse_stream("Extract", (TEXT[at : at + size] for at in range(0, len(TEXT), size)))
    partials = list(stream)
    assert {type(each) for each in partials} == {runtime.partial_types.Order}
    for partial in partials:
        assert type(partial.state) is StreamState
        assert partial.one is None or type(partial.one) is runtime.types.Item
        assert partial.items is None or all(type(item) is runtime.partial_types.Item for item in partial.items)
        assert partial.note is None or partial.note.checks == {}  # text may still grow
        for code in partial.codes or []:
            assert set(code.checks) == {"odd"}
    last = bamlvm.to_builtins(partials[-1], checks=False)
    assert last == ORDER | {"mood": "Happy", "items": last["items"], "prices": last["prices"]}
    assert stream.final() == runtime.parse("Extract", TEXT)


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
        parser = output_for(runtime.engine.services, runtime.signature("Extract").result).stream()
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


def test_parse_stream_of_an_asynchronous_iterable(runtime: bamlvm.Runtime) -> None:
    async def pieces() -> AsyncIterator[str]:
        for at in range(0, len(TEXT), 9):
            await asyncio.sleep(0)
            yield TEXT[at : at + 9]

    async def main() -> tuple[int, Any]:
        stream = runtime.parse_stream("Extract", pieces())
        seen = 0
        async for _ in stream:
            seen += 1
            if seen == 5:
                break
        with pytest.raises(bamlvm.HostError, match="async for"):
            next(iter(stream))
        return seen, await stream.final()

    seen, final = asyncio.run(main())
    assert seen == 5
    assert final == runtime.parse("Extract", TEXT)


def test_the_request_is_what_would_be_sent_and_prints_no_key(runtime: bamlvm.Runtime) -> None:
    request = runtime.request("Extract", {"x": "it"})
    assert (request.method, request.url) == ("POST", "https://api.openai.com/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert "sk-secret" not in repr(request) + str(request)
    assert request.json()["model"] == "m"
    assert "stream" not in request.json()
    assert runtime.request("Extract", {"x": "it"}, stream=True).json()["stream"] is True
    other = runtime.request("Extract", {"x": "it"}, bamlvm.CallContext(env={"KEY": "other"}))
    assert other.headers["authorization"] == "Bearer other"


def test_a_prompt_has_roles_and_parts(runtime: bamlvm.Runtime) -> None:
    system, user = runtime.render_prompt("Extract", {"x": "it"})
    assert (system.role, system.text) == ("system", "Read it")
    assert user.text.startswith("Answer in JSON using this schema:\n{")
    assert user.parts == (bamlvm.PromptPart(user.text, {}),)


def test_defaults_are_taken() -> None:
    source = """
        client C { provider openai  options { model "m"  api_key "k" } }
        function Slow() -> int { baml.sys.sleep(1); 1 }
        function F(x: string, n: int = 1 + 2, s: string = x) -> int { client C  prompt #"{{ x }} {{ n }} {{ s }}"# }
        function G(n: int = Slow()) -> int { client C  prompt #"{{ n }}"# }
    """
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        assert [each.text for each in runtime.render_prompt("F", {"x": "a"})] == ["a 3 a"]
        assert runtime.request("F", {"x": "a", "s": "b"}).json()["messages"][0]["content"][0]["text"] == "a 3 b"
        with pytest.raises(bamlvm.HostError, match="must be waited for"):
            runtime.request("G")


def test_a_prompt_has_nothing_to_do_with_the_checks_of_the_result() -> None:
    source = """
        client C { provider openai  options { model "m"  api_key "k" } }
        function F(x: string = "a") -> string @check(short, {{ this|length < 9 }}) { client C  prompt #"{{ x }}"# }
    """
    collector = bamlvm.Collector()
    with bamlvm.Runtime.from_files({"main.baml": source}, collectors=[collector]) as runtime:
        assert [each.text for each in runtime.render_prompt("F")] == ["a"]
        assert runtime.request("F").method == "POST"
        assert [record.outcome for record in collector.calls] == ["returned", "returned"]


def test_only_llm_functions_have_pieces(runtime: bamlvm.Runtime) -> None:
    for piece in (runtime.request, runtime.render_prompt):
        with pytest.raises(bamlvm.HostError, match="not an LLM function"):
            piece("Plain", {"x": {}})
    with pytest.raises(bamlvm.HostError, match="not an LLM function"):
        runtime.parse("Plain", "")
    with pytest.raises(bamlvm.HostError, match="not an LLM function"):
        runtime.parse_stream("Plain", [])
    with pytest.raises(bamlvm.HostError, match="missing"):
        runtime.request("Extract", {})


def test_names_that_python_keeps_for_itself(runtime: bamlvm.Runtime) -> None:
    given = {"class": "a", "class_": 1, "__init__": True, "None": None}
    value = runtime.parse("Named", json.dumps(given))
    assert (value.class__, value.class_, value.field__init__, value.None_) == ("a", 1, True, None)
    assert bamlvm.to_builtins(value) == given
    assert runtime.call_function_sync("Plain", {"x": value}) == value
    members: type[enum.Enum] = runtime.types.Mood
    assert [member.name for member in members] == ["Happy", "Sad", "mro_", "None_"]
    assert members("None").value == "None"
