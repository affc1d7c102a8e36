"""Types that a call adds: they show in its prompt, its answer and its arguments, and in no other call."""

from __future__ import annotations

import asyncio
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bamlvm
from bamlvm.calls.border import KEPT
from bamlvm.mock import ThreadedMockServer

SOURCE = """
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" } }
class Resume { name string  age int?  @@dynamic }
class Plain { x int }
enum Category { A @alias("aa")  B  @@dynamic }
class Holder { resume Resume  categories Category[] }
function Extract(text: string) -> Resume { client C  prompt #"{{ text }} {{ ctx.output_format }}"# }
function Classify(text: string) -> Category { client C  prompt #"{{ text }} {{ ctx.output_format }}"# }
function Hold(resume: Resume, category: Category) -> Holder {
  client C
  prompt #"{{ resume }} {{ category }} {{ Category.A }} {{ ctx.output_format }}"#
}
function name_of(resume: Resume) -> string { resume.name }
function same(resume: Resume) -> Resume { resume }
function fresh() -> Resume { Resume { name: "new", age: null } }
function is_one(category: Category) -> string {
  match (category) { Category.A => "a", Category.B => "b" }
}
function is_a(category: Category) -> string {
  match (category) { Category.A => "a", Category.B => "b", _ => "other" }
}
"""
TYPES = """
class Address { street string  no int? }
enum Mood { HAPPY @alias("glad")  SAD @skip  MAD }
dynamic class Resume {
  email string @alias("mail") @description("where to write")
  address Address?
  mood Mood?
  tags string[]
}
dynamic enum Category { C @description("third") }
"""
ANSWER = '{"name": "n", "age": 3, "mail": "e", "address": {"street": "s"}, "mood": "glad", "tags": ["a"]}'
CONTEXT = bamlvm.CallContext(types=TYPES)


@pytest.fixture(scope="module")
def runtime() -> Any:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as made:
        yield made


def prompt(runtime: bamlvm.Runtime, function: str, arguments: dict[str, Any], context: Any = None) -> str:
    (message,) = runtime.render_prompt(function, arguments, context)
    return message.text


def test_added_fields_are_in_the_prompt(runtime: bamlvm.Runtime) -> None:
    text = prompt(runtime, "Extract", {"text": "x"}, CONTEXT)
    assert text == (
        "x Answer in JSON using this schema:\n{\n  name: string,\n  age: int or null,\n  // where to write\n"
        "  mail: string,\n  address: {\n    street: string,\n    no: int or null,\n  } or null,\n"
        "  mood: 'glad' or 'MAD' or null,\n  tags: string[],\n}"
    )
    assert "mail" not in prompt(runtime, "Extract", {"text": "x"})


def test_added_variants_are_in_the_prompt(runtime: bamlvm.Runtime) -> None:
    text = prompt(runtime, "Classify", {"text": "x"}, CONTEXT)
    assert text.endswith("Category\n----\n- aa\n- B\n- C: third")


def test_an_answer_has_the_added_fields(runtime: bamlvm.Runtime) -> None:
    value = runtime.parse("Extract", ANSWER, CONTEXT)
    assert isinstance(value, runtime.types.Resume)
    assert (value.name, value.email, value.address.street, value.mood.value, value.tags) == (
        "n",
        "e",
        "s",
        "HAPPY",
        ["a"],
    )
    assert bamlvm.to_builtins(value) == {
        "name": "n",
        "age": 3,
        "email": "e",
        "address": {"street": "s", "no": None},
        "mood": "HAPPY",
        "tags": ["a"],
    }
    with pytest.raises(bamlvm.ThrownError, match="email"):
        runtime.parse("Extract", '{"name": "n"}', CONTEXT)


def test_a_value_with_added_fields_is_copied_and_pickled(runtime: bamlvm.Runtime) -> None:
    value = runtime.parse("Extract", ANSWER, CONTEXT)
    assert copy.deepcopy(value) == value
    assert bamlvm.to_builtins(pickle.loads(pickle.dumps(value))) == bamlvm.to_builtins(value)


def test_variants(runtime: bamlvm.Runtime) -> None:
    assert runtime.parse("Classify", "aa", CONTEXT) is runtime.types.Category.A
    added = runtime.parse("Classify", "C", CONTEXT)
    assert added.value == str(added) == "C" and added == runtime.parse("Classify", "C", CONTEXT)
    with pytest.raises(bamlvm.ThrownError, match='expected one of "aa", "B"'):
        runtime.parse("Classify", "C")


def test_partials_are_of_the_added_types(runtime: bamlvm.Runtime) -> None:
    shown = [bamlvm.to_builtins(each) for each in runtime.parse_stream("Extract", list(ANSWER), CONTEXT)]
    assert {"street": "s", "no": None} in [each["address"] for each in shown]
    streets = [each["address"] for each in shown if each["mood"] is None]
    assert streets[0] is None and streets[-1] == {"street": "s", "no": None}
    assert shown[-1] == bamlvm.to_builtins(runtime.parse("Extract", ANSWER, CONTEXT))


def test_streaming_attributes_of_added_fields(runtime: bamlvm.Runtime) -> None:
    types = """class Part { id string @stream.not_null  text string }
    dynamic class Resume { parts Part[]  all string @stream.done }"""
    text = '{"name": "n", "parts": [{"id": "one", "text": "x"}], "all": "whole"}'
    context = bamlvm.CallContext(types=types)
    shown = [bamlvm.to_builtins(each) for each in runtime.parse_stream("Extract", list(text), context)]
    assert {each["all"] for each in shown} == {None, "whole"}
    assert all(part["id"] for each in shown for part in each["parts"] or ())


def test_an_added_class_that_streams_as_a_whole(runtime: bamlvm.Runtime) -> None:
    types = "class Part { text string  @@stream.done }\ndynamic class Resume { parts Part[]  part Part?  more int? }"
    text = '{"name": "n", "parts": [{"text": "one"}, {"text": "two"}], "part": {"text": "three"}, "more": 1}'
    context = bamlvm.CallContext(types=types)
    shown = [bamlvm.to_builtins(each) for each in runtime.parse_stream("Extract", list(text), context)]
    texts = {part["text"] for each in shown for part in (*(each["parts"] or ()), each["part"]) if part}
    assert texts == {"one", "two", "three"} and shown[-1]["more"] == 1


def test_a_value_with_added_fields_is_json(runtime: bamlvm.Runtime) -> None:
    value = runtime.parse("Extract", ANSWER, CONTEXT)
    assert msgspec.json.decode(msgspec.json.encode(value)) == bamlvm.to_builtins(value)


def test_asserts_and_checks_of_added_fields(runtime: bamlvm.Runtime) -> None:
    types = """dynamic class Resume {
      score int @assert(positive, {{ this > 0 }}) @check(small, {{ this < 10 }})
      best Category?
      @@assert(named, {{ this.name != "nobody" and this.best != "B" and Category.C != Category.A }})
    }
    dynamic enum Category { C }"""
    context = bamlvm.CallContext(types=types)
    value = runtime.parse("Extract", '{"name": "n", "score": 12, "best": "C"}', context)
    assert value.score.value == 12 and value.score.checks["small"].status == "failed"
    for answer in (
        '{"name": "n", "score": -1}',
        '{"name": "nobody", "score": 1}',
        '{"name": "n", "score": 1, "best": "B"}',
    ):
        with pytest.raises(bamlvm.ThrownError, match="assert"):
            runtime.parse("Extract", answer, context)
    shown = list(runtime.parse_stream("Extract", list('{"name": "n", "score": 12}'), context))
    assert shown[-1].score.checks["small"].status == "failed"


def test_fields_that_are_skipped(runtime: bamlvm.Runtime) -> None:
    context = bamlvm.CallContext(types="dynamic class Resume { hidden string? @skip  seen int }")
    assert "hidden" not in prompt(runtime, "Extract", {"text": "x"}, context)
    value = runtime.parse("Extract", '{"name": "n", "seen": 1, "more": 2}', context)
    assert bamlvm.to_builtins(value) == {"name": "n", "age": None, "hidden": None, "seen": 1, "more": 2}


def test_recursive_types_and_aliases(runtime: bamlvm.Runtime) -> None:
    types = """class Node { value int  next Node? }
    type Json = int | string | Json[] | map<string, Json>
    dynamic class Resume { node Node  json Json  kind Category.C | Category.A  list Link[] }
    dynamic enum Category { C }
    type Link = string | Node"""
    context = bamlvm.CallContext(types=types)
    text = prompt(runtime, "Extract", {"text": "x"}, context)
    assert "Node {\n  value: int,\n  next: Node or null,\n}" in text and "Json = int or string or Json[]" in text
    node, json = '{"value": 1, "next": {"value": 2}}', '{"a": [1, {"b": "c"}]}'
    answer = f'{{"name": "n", "node": {node}, "json": {json}, "kind": "C", "list": ["x"]}}'
    value = runtime.parse("Extract", answer, context)
    assert value.node.next.value == 2 and value.json == {"a": [1, {"b": "c"}]} and value.kind.value == "C"


def test_a_class_without_fields_of_its_own() -> None:
    source = (
        SOURCE
        + """
    class Empty { @@dynamic }
    function Fill(text: string) -> Empty { client C  prompt #"{{ ctx.output_format }}"# }
    """
    )
    context = bamlvm.CallContext(
        types="class Part { a int  b string }\ndynamic class Empty { parts Part[]  end string }"
    )
    text = '{"parts": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "end": "z"}'
    with bamlvm.Runtime.from_files({"main.baml": source}) as own:
        shown = [bamlvm.to_builtins(each) for each in own.parse_stream("Fill", list(text), context)]
        assert {"parts": [{"a": 1, "b": "x"}], "end": None} in shown
        assert shown[-1] == bamlvm.to_builtins(own.parse("Fill", text, context))
        assert bamlvm.to_builtins(own.parse("Fill", text)) == {"parts": shown[-1]["parts"], "end": "z"}


def test_declared_classes_in_added_fields(runtime: bamlvm.Runtime) -> None:
    context = bamlvm.CallContext(types="dynamic class Resume { tool Plain | Holder  plain Plain[] }")
    value = runtime.parse("Extract", '{"name": "n", "tool": {"x": 1}, "plain": [{"x": 2}]}', context)
    assert value.tool == runtime.types.Plain(x=1) and value.plain == [runtime.types.Plain(x=2)]


def test_the_schema_that_a_model_gets_has_the_additions() -> None:
    source = SOURCE.replace('base_url "http', 'output_mode "json_schema"  base_url "http')
    with bamlvm.Runtime.from_files({"main.baml": source}) as own:
        asked = own.request("Extract", {"text": "x"}, CONTEXT).json()
        assert "mail" in str(asked["response_format"]) and "street" in str(asked["response_format"])
        assert "mail" not in str(own.request("Extract", {"text": "x"}).json())


class TestArguments:
    def test_unknown_fields_of_a_dynamic_class_are_kept(self, runtime: bamlvm.Runtime) -> None:
        given = {"name": "n", "e-mail": "q", "more": [1, {"x": None}]}
        text = prompt(runtime, "Hold", {"resume": given, "category": "A"})
        assert text.startswith('{\n    "name": "n",\n    "age": null,\n    "e-mail": "q",\n    "more": [\n        1,')
        assert bamlvm.to_builtins(runtime.functions.same(given)) == {**given, "age": None}
        with pytest.raises(bamlvm.HostError, match=r"args.resume.more: .*no BAML form"):
            runtime.functions.same({"name": "n", "more": object()})

    def test_added_fields_are_checked(self, runtime: bamlvm.Runtime) -> None:
        arguments = {"resume": {"name": "n", "email": "q", "tags": ["t"]}, "category": "C"}
        assert '"email": "q"' in prompt(runtime, "Hold", arguments, CONTEXT)
        with pytest.raises(bamlvm.HostError, match=r"args.resume.email: expected string, got int"):
            prompt(runtime, "Hold", {"resume": {"name": "n", "email": 1}, "category": "A"}, CONTEXT)

    def test_a_value_made_without_the_addition_fits(self, runtime: bamlvm.Runtime) -> None:
        text = prompt(runtime, "Hold", {"resume": runtime.types.Resume(name="n"), "category": "A"}, CONTEXT)
        assert text.startswith('{\n    "name": "n",\n    "age": null,\n} aa aa ')

    def test_a_value_with_additions_fits_a_call_without_them(self, runtime: bamlvm.Runtime) -> None:
        value = runtime.parse("Extract", ANSWER, CONTEXT)
        assert bamlvm.to_builtins(runtime.functions.same(value)) == bamlvm.to_builtins(value)
        again = runtime.call_function_sync("same", {"resume": value}, CONTEXT)
        assert again == value and type(again) is type(value)

    def test_variants(self, runtime: bamlvm.Runtime) -> None:
        added = runtime.parse("Classify", "C", CONTEXT)
        for category in ("C", added):
            assert " C aa " in prompt(runtime, "Hold", {"resume": {"name": "n"}, "category": category}, CONTEXT)
            with pytest.raises(bamlvm.HostError, match=r"expected Category \(A, B\), got .*more variants come from"):
                prompt(runtime, "Hold", {"resume": {"name": "n"}, "category": category})

    def test_a_program_meets_added_values(self, runtime: bamlvm.Runtime) -> None:
        value = runtime.parse("Extract", ANSWER, CONTEXT)
        assert runtime.call_function_sync("name_of", {"resume": value}, CONTEXT) == "n"
        assert [runtime.call_function_sync("is_a", {"category": each}, CONTEXT) for each in ("A", "B", "C")] == [
            "a",
            "b",
            "other",
        ]

    def test_a_match_without_an_arm_for_added_variants(self, runtime: bamlvm.Runtime) -> None:
        (warning,) = (each for each in runtime.diagnostics if each.code == "E0062")
        assert warning.severity == "warning" and "added to `Category` at run time fits no arm" in warning.message
        assert runtime.call_function_sync("is_one", {"category": "B"}, CONTEXT) == "b"
        with pytest.raises(bamlvm.ThrownError, match="Unreachable"):
            runtime.call_function_sync("is_one", {"category": "C"}, CONTEXT)

    def test_a_value_that_the_program_makes_has_no_added_fields(self, runtime: bamlvm.Runtime) -> None:
        value = runtime.call_function_sync("fresh", {}, CONTEXT)
        assert value == runtime.types.Resume(name="new", age=None)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ("dynamic class Plain { y int }", "line 1, column 15: `Plain` is not dynamic"),
        ("class X {\n  y Resum\n}", "line 2, column 5: unknown type `Resum` (did you mean `Resume`?)"),
        ("class Resume { y int }", "`Resume` is defined in the program already (to add to it, write `dynamic class"),
        ("dynamic class Resume { name int }", "`Resume` has a field `name` already"),
        ("dynamic enum Resume { X }", "`Resume` is not an enum (write `dynamic class Resume`)"),
        ("function f() -> int { 1 }", "`f` is no type"),
        ("dynamic class Resume { a X }\nclass X { r Resume }", "no value of Resume can be made: Resume → X → Resume"),
        ("dynamic class Resume { a map<int, int> }", "a map's key is a string or an enum, not `int`"),
        ("dynamic class Resume { a int @assert({{ this | nothing }}) }", "nothing"),
        ("dynamic class Resume { a int", "line 1"),
        ("class string { a int }", "`string` is a built-in name"),
        (3, "expected a TypeBuilder, BAML text or a list of them, not int"),
        ([3], "expected a TypeBuilder, BAML text or a list of them, not int"),
    ],
)
def test_types_that_do_not_fit(runtime: bamlvm.Runtime, types: Any, message: str) -> None:
    with pytest.raises(bamlvm.HostError) as raised:
        runtime.parse("Extract", ANSWER, bamlvm.CallContext(types=types))
    assert str(raised.value).startswith("CallContext.types: ") and message in str(raised.value)


def test_several_sources(runtime: bamlvm.Runtime) -> None:
    context = bamlvm.CallContext(types=["class Extra { x int }", "dynamic class Resume { extra Extra }"])
    assert runtime.parse("Extract", '{"name": "n", "extra": {"x": 1}}', context).extra.x == 1
    twice = bamlvm.CallContext(types=["dynamic class Resume { a int }", "dynamic class Resume { a string }"])
    with pytest.raises(bamlvm.HostError, match="`Resume` has a field `a` already"):
        runtime.parse("Extract", "{}", twice)


def test_readers_are_kept_and_limited(runtime: bamlvm.Runtime) -> None:
    borders = runtime.engine.borders
    assert borders.of(TYPES) is borders.of(TYPES) is not borders.own
    assert borders.of(None) is borders.of("") is borders.of([]) is borders.own
    for number in range(KEPT + 20):
        borders.of(f"dynamic class Resume {{ f{number} int }}")
    assert len(borders._kept) == KEPT


names = st.lists(st.sampled_from("abcdefgh"), min_size=0, max_size=4, unique=True)


@settings(max_examples=15, deadline=None)
@given(st.lists(names, min_size=2, max_size=6))
def test_calls_with_different_types_do_not_meet(runtime: bamlvm.Runtime, sets: list[list[str]]) -> None:
    """Each call has its own fields and variants, in its prompt and in its answer, whatever runs beside it."""
    whole = "abcdefgh"
    answer = '{"name": "n", ' + ", ".join(f'"{each}": "{each}"' for each in whole) + "}"

    def contexts(own: list[str]) -> bamlvm.CallContext:
        fields = " ".join(f'{each} string @description("only {each}")' for each in own)
        types = f"dynamic class Resume {{ {fields} }}" if own else None
        return bamlvm.CallContext(types=types)

    def check(own: list[str]) -> None:
        context = contexts(own)
        text = prompt(runtime, "Extract", {"text": "x"}, context)
        assert [each for each in whole if f"only {each}" in text] == sorted(own)
        value = bamlvm.to_builtins(runtime.parse("Extract", answer, context))
        assert list(value)[2 : 2 + len(own)] == own and set(value) == {"name", "age", *whole}
        partial = [*runtime.parse_stream("Extract", ['{"name": "n"', "}"], context)][-1]
        assert list(bamlvm.to_builtins(partial)) == ["name", "age", *own]

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(check, own) for own in sets * 2]:
            done.result()


def test_tasks_of_one_loop_do_not_meet(runtime: bamlvm.Runtime) -> None:
    async def call(number: int) -> Any:
        context = bamlvm.CallContext(types=f"dynamic class Resume {{ f{number} int? }}")
        value = await runtime.call_function("same", {"resume": {"name": "n", f"f{number}": number}}, context)
        return bamlvm.to_builtins(value)

    async def main() -> list[Any]:
        return await asyncio.gather(*(call(number % 5) for number in range(40)))

    found = asyncio.run(main())
    assert found == [{"name": "n", "age": None, f"f{number % 5}": number % 5} for number in range(40)]


SERVED = (
    SOURCE.replace('"http://127.0.0.1:9/v1"', "env.BASE")
    + """
function both(text: string) -> Resume[] {
  let first = spawn { Extract(text) };
  let second = spawn { Extract(text) };
  [await first, await second]
}
function caught(text: string) -> string {
  Extract(text).name catch (error) { baml.errors.AllAttemptsFailed => "failed" }
}
"""
)


@pytest.fixture
def served() -> Any:
    fields = ", ".join(f'"f{number}": {number}' for number in range(8))
    with ThreadedMockServer() as server:
        server.play(
            {
                "rules": [
                    {"prompt": "whole", "answers": [{"text": ANSWER, "piece_length": 5}]},
                    {"prompt": "fields", "answers": [{"text": f'{{"name": "n", {fields}}}', "piece_length": 3}]},
                ]
            }
        )
        with bamlvm.Runtime.from_files({"main.baml": SERVED}, env={"BASE": f"{server.url}/v1"}) as made:
            yield made


def test_a_stream_over_http(served: bamlvm.Runtime) -> None:
    stream = served.stream("Extract", {"text": "whole"}, CONTEXT)
    shown = [bamlvm.to_builtins(each) for each in stream]
    whole = bamlvm.to_builtins(served.parse("Extract", ANSWER, CONTEXT))
    assert bamlvm.to_builtins(stream.wait()) == shown[-1] == whole
    assert all(list(each) == list(whole) for each in shown)


def test_threads_of_a_call_have_its_types(served: bamlvm.Runtime) -> None:
    values = served.call_function_sync("both", {"text": "whole"}, CONTEXT)
    assert [(value.email, value.mood.value) for value in values] == [("e", "HAPPY")] * 2
    assert served.call_function_sync("caught", {"text": "whole"}, CONTEXT) == "n"
    missing = bamlvm.CallContext(types="dynamic class Resume { missing int }")
    assert served.call_function_sync("caught", {"text": "whole"}, missing) == "failed"


def test_streams_of_one_loop_do_not_meet(served: bamlvm.Runtime) -> None:
    async def call(number: int) -> Any:
        types = bamlvm.TypeBuilder(served)
        types.Resume.add_property(f"f{number}", types.int()).description(f"only {number}")
        stream = served.stream("Extract", {"text": "fields"}, bamlvm.CallContext(types=types))
        typed = [[*bamlvm.to_builtins(partial)][2] async for partial in stream]
        value = bamlvm.to_builtins(await stream.final())
        return set(typed), [*value][2], len(value)

    async def main() -> list[Any]:
        return await asyncio.gather(*(call(number % 8) for number in range(24)))

    assert asyncio.run(main()) == [({f"f{n % 8}"}, f"f{n % 8}", 10) for n in range(24)]
