"""The parts of an LLM call on their own: prompts, requests, parsing.  No network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import bamlvm
from bamlvm import Checked, StreamState
from tests.unit.api.orders import ORDER, SOURCE, TEXT, check


@pytest.fixture(scope="module")
def runtime() -> Iterator[bamlvm.Runtime]:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, env={"KEY": "sk-secret"}) as made:
        yield made


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
        assert runtime.request("F", {"x": "a", "s": "b"}).json()["messages"][0]["content"] == "a 3 b"
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


def test_a_variable_may_be_called_self() -> None:
    source = """
        template_string T(self: string) #"[{{ self }}]"#
        function F(self: string) -> string {
          client "openai/m"
          prompt #"{{ self }} {{ T("in") }} {% for self in [1, 2] %}{{ self }}{% endfor %}"#
        }
    """
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        assert [each.text for each in runtime.render_prompt("F", {"self": "q"})] == ["q [in] 12"]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ t }} {{ t|upper }}", "x" * 1_000_000),
        ("{% for i in t %}{% for j in t %}.{% endfor %}{% endfor %}", "x" * 300),
    ],
)
def test_a_prompt_that_takes_long_is_rendered_in_the_caller_s_thread(template: str, text: str) -> None:
    source = f"""
        client C {{ provider openai  options {{ model "m"  api_key "k" }} }}
        function F(t: string) -> int {{ client C  prompt #"{template}"# }}
    """
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        (message,) = runtime.render_prompt("F", {"t": text})
        assert len(message.text) in (2_000_001, 90_000)
        assert runtime.request("F", {"t": text}).json()["messages"][0]["content"] == message.text
