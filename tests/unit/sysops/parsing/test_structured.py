"""Answers with classes, lists, maps and unions in them: what is read, what is shown meanwhile, and what it costs."""

from __future__ import annotations

import contextlib
import gc
import pickle
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import bamlvm
from bamlvm.sysops.parsing import fed, final_parse, finished, output_of
from bamlvm.sysops.parsing.output import Abandoned
from bamlvm.sysops.parsing.structured import StructuredOutput, StructuredStream
from bamlvm.vm.equality import deep_copy, deep_equals
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    AttributedType,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Type,
    optional,
    union,
)
from bamlvm.vm.values import EnumValue, Instance, Thrown
from tests.support.hurtful import hurtful
from tests.unit.sysops.parsing.structures import JSON_ALIAS, PROGRAM, Style, answers, done, types, value

pytestmark = pytest.mark.slow

PERSON, POINT, TREE = ClassType("Person"), ClassType("Point"), ClassType("Tree")
PETS = union((ClassType("Cat"), ClassType("Dog")))
MESSAGES = union((ClassType("Email"), ClassType("Call")))
JSON = PROGRAM.aliases["Json"]


def plain(value: Any) -> Any:
    """A value as Python's literals; an instance is a dict with its class's name under ``""``."""
    if isinstance(value, Instance):
        return {"": value.class_name} | dict(zip(value.cls.field_names, map(plain, value.fields), strict=True))
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return repr(value) if isinstance(value, EnumValue) else value


def output(type_: Type) -> StructuredOutput:
    made = output_of(type_, PROGRAM)
    assert isinstance(made, StructuredOutput)
    return made


def final(type_: Type, text: str) -> Any:
    """The value of a text read whole, which is also that of the text read character by character."""
    made = output_of(type_, PROGRAM)
    whole = final_parse(made, text)
    stream = made.stream()
    for character in text:
        stream.feed(character)
    assert deep_equals(finished(stream), whole)
    return plain(whole)


def refused(type_: Type, text: str) -> str:
    with pytest.raises(Thrown) as caught:
        final(type_, text)
    assert caught.value.class_name == "baml.errors.ParseFailed"
    assert caught.value.fields["raw"] == text
    return str(caught.value.fields["message"])


def partials(type_: Type, text: str) -> list[Any]:
    """The partial values of a text that comes character by character."""
    stream = output_of(type_, PROGRAM).stream()
    found = [stream.feed(character) for character in text]
    return [plain(partial) for partial in found if partial is not None]


def grows(before: Any, after: Any) -> bool:
    """Whether a later partial takes nothing back."""
    if before is None:
        return True
    if type(before) is not type(after):
        return False
    if isinstance(before, Instance):
        if before.class_name == "baml.stream.State":
            order = ["Pending", "Incomplete", "Complete"]
            return order.index(before.fields[1]) <= order.index(after.fields[1]) and grows(
                before.fields[0], after.fields[0]
            )
        if before.cls is not after.cls:  # a dynamic class with more fields
            names = before.cls.field_names
            if before.class_name != after.class_name or names != after.cls.field_names[: len(names)]:
                return False
        return all(map(grows, before.fields, after.fields))
    if isinstance(before, str):
        return bool(after.startswith(before))
    if isinstance(before, list):
        return len(before) <= len(after) and all(grows(*both) for both in zip(before, after, strict=False))
    if isinstance(before, dict):
        return list(before) == list(after)[: len(before)] and all(
            grows(each, after[key]) for key, each in before.items()
        )
    return deep_equals(before, after)


# --- any value, in any style, cut anywhere ----------------------------------------------------------------------------


@given(answers(), st.lists(st.floats(0, 1), max_size=6))
def test_what_was_written_is_read(answer: tuple[Type, Any, Style], cuts: list[float]) -> None:
    type_, value, style = answer
    made = output(type_)
    text = style.text(value)
    assert plain(final_parse(made, style.show(value))) == plain(value)
    assert plain(final_parse(made, text)) == plain(value)
    for places in (range(len(text)), sorted(int(cut * len(text)) for cut in cuts)):
        stream = made.stream()
        before: Any = None
        copied: list[tuple[Any, Any]] = []
        for start, end in pairwise([0, *places, len(text)]):
            partial = stream.feed(text[start:end])
            if partial is not None:
                assert grows(before, partial)
                before = partial
                copied.append((partial, deep_copy(partial)))
        result = finished(stream)
        assert plain(result) == plain(value)
        assert plain(before) == plain(value)  # the last partial value is the value
        assert all(deep_equals(partial, copy) for partial, copy in copied[-20:]), "a delivered partial was changed"


@given(answers(), st.floats(0, 1))
def test_a_text_cut_anywhere_is_read_as_far_as_it_goes(answer: tuple[Type, Any, Style], cut: float) -> None:
    type_, value, style = answer
    text = style.show(value)
    made = output(type_)
    stream = made.stream()
    partial = stream.feed(text[: int(cut * len(text))])
    assert grows(partial, value)
    try:
        result = finished(stream)
    except Thrown as thrown:
        assert thrown.class_name == "baml.errors.ParseFailed"
    else:
        assert grows(partial, result)


_SOUP = st.lists(
    st.sampled_from(" \n")
    | st.sampled_from(
        [
            "{",
            "}",
            "[",
            "]",
            '"',
            "'",
            "`",
            "```",
            ",",
            ":",
            "\\",
            "\\u12",
            "//",
            "/*",
            "*/",
            "#",
            "=",
            "-",
            "<",
            "<think>",
            "</think>",
            "name",
            "age",
            "kids",
            "Red",
            '"x"',
            '"kind":"dog"',
            "1",
            "1,234.5",
            "null",
            "true",
            "ü",
        ]
    ),
    max_size=60,
).map("".join)


@given(types(), st.one_of(_SOUP, st.text()), st.lists(st.integers(0, 80), max_size=4))
@example(TREE, "[" * 400, [])
@example(ListType(TREE), '{"kids":[' * 200, [100])
@example(JSON, '{"a":[' * 3000, [7])
def test_any_text_is_read_or_refused_however_it_is_cut(type_: Type, text: str, cuts: list[int]) -> None:
    made = output_of(type_, PROGRAM)

    def outcome(places: list[int]) -> Any:
        stream = made.stream()
        for start, end in pairwise([0, *sorted(places), max([len(text), *places])]):
            stream.feed(text[start:end])
        try:
            return plain(finished(stream))
        except Thrown as thrown:
            assert thrown.class_name == "baml.errors.ParseFailed"
            return str(thrown.fields["message"])

    whole = outcome([])
    assert outcome(cuts) == whole
    assert outcome(list(range(len(text)))) == whole


@pytest.mark.parametrize(
    ("type_", "shape"),
    [
        (JSON, "["),
        (JSON, '{"a":'),
        (JSON, '["'),
        (JSON, '"'),
        (JSON, '{"a": "' + '"' * 50),
        (JSON, '{"a": "x", '),
        (JSON, '{"a": \\'),
        (JSON, '{"a": "\\'),
        (JSON, "```"),
        (JSON, "{a: 1,234,"),
        (JSON, "{a: b, "),
        (JSON, '{"a": "b" '),
        (ListType(PERSON), "{ and } or [ "),
        (ListType(PERSON), '{"name": "a '),
        (PERSON, "say {x} and {y: z} "),
        (PERSON, "<think>{"),
        (PERSON, "{/*"),
        (PERSON, '{"name": "' + "x" * 500),
        (PERSON, "{name: " + "x " * 300),
        (PERSON, " " * 500),
        (MESSAGES, '{"to": {"to": '),
        (ListType(MESSAGES), '[{"to": "x", "subject": "y"},'),
        (PERSON, "<think>a</think> "),
        (PERSON, "a </think>"),
        (PERSON, "```json\n"),
        (PERSON, "{\u201cname\u201d\uff1a\u201cAnn\u201d\uff0c"),
        (PERSON, '{"name": "a, age: "'),
        (PERSON, '{"name: "a'),
    ],
)
def test_work_is_linear(type_: Type, shape: str) -> None:
    small, large = (work(type_, shape * times, 6)[0] for times in (40, 160))
    assert large <= 4.4 * small + 2000
    assert large <= 450 * len(shape) * 160


def work(type_: Type, text: str, size: int) -> tuple[int, int]:
    """What it takes to read a text in pieces: the reader's own count of its steps, and the functions called."""
    stream = output(type_).stream()
    assert isinstance(stream, StructuredStream)
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    gc.disable()  # a collection calls finalisers
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for start in range(0, len(text), size):
            stream.feed(text[start : start + size])
        with contextlib.suppress(Thrown):
            finished(stream)
    finally:
        sys.setprofile(before)
        gc.enable()
    return stream.reader.steps, calls


HURTFUL = hurtful("age", "full name")


@pytest.mark.parametrize("before", ["", '{"full name": "', "{full name: "], ids=["prose", "string", "bare"])
@pytest.mark.parametrize("shape", HURTFUL)
def test_no_text_is_worse_than_linear(shape: str, before: str) -> None:
    small, large = (
        work(PERSON, before + HURTFUL[shape] * (characters // len(HURTFUL[shape])), 40) for characters in (1_000, 4_000)
    )
    assert large[0] <= 4.4 * small[0] + 2000, "steps"
    assert large[1] <= 4.4 * small[1] + 500, "calls"


# --- tolerance --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"full name": "Ann", "age": 3, "nick": null, "tags": ["a", "b"]}',
        "{'full name': 'Ann', 'age': 3, 'tags': ['a', 'b'],}",
        "{full name: Ann, age: 3, tags: [a, b]}",
        '{"name": "Ann" "age": 3 "tags": ["a" "b"]}',
        '{\n  "name": "Ann"\n  "age": 3\n  "tags": [\n    "a"\n    "b"\n  ]\n}',
        '{"name": "Ann", "age": 3, "tags": ["a", "b"',
        '{"name": "Ann", "age": 3, "tags": ["a", "b"}',
        '{"Full-Name": "Ann", "AGE": "3", "Tags": ["a", "b"], "nick": None}',
        '{"name": "Ann", "age": "3 years", "tags": ["a", "b"], "nick": null}',
        "{“name”: “Ann”, “age”: 3, “tags”: [“a”, “b”]}",
        '{"name": """Ann""", "age": 3, "tags": [`a`, \'b\']}',
        '{"name": "Ann", // who\n "age": 3, /* how old */ "tags": ["a", "b"] # what\n}',
        '{{"name": "Ann", "age": 3, "tags": ["a", "b"]}}',
        '{"name" = "Ann", "age" => 3, "tags": ["a", "b"]}',
        '[{"name": "Ann", "age": 3, "tags": ["a", "b"]}]',
        'Of the form {name, age}:\n```json\n{"name": "Ann", "age": 3, "tags": ["a", "b"]}\n```\nor {"name": "Bob"}?',
        '{"thought": "easy"}\n{"name": "Ann", "age": 3, "tags": ["a", "b"], "mood": {"a": [1]}}',
        '<think>{"name": "Bob", "age": 1}</think>{"name": "Ann", "age": 3, "tags": ["a", "b"]}',
        '{"name": "Ann", "age": 3, "tags": ["a", "b"], "age": 4}',
        '{"name": "Ann", "age": 3.0, "tags": ["a", "b"',
        '```\n{"name": "Ann", "age": 3, "tags": ["a", "b"\n```\nThere.',
    ],
)
def test_tolerance(text: str) -> None:
    assert final(PERSON, text) == {"": "Person", "name": "Ann", "age": 3, "nick": None, "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('"He said "hi" and left"', 'He said "hi" and left'),
        ('"a "quoted", word"', 'a "quoted", word'),
        ('"two\nlines"', "two\nlines"),
        ('"C:\\dir \\u00e9 \\ud83d\\ude00 \\ud83d"', "C:\\dir é 😀 �"),
        ("'it's'", "it's"),
        ("```python\nprint('}')\n```", "print('}')"),
        ("Smith, John", "Smith, John"),
        ("http://a.b/c#d", "http://a.b/c#d"),
        ("several\n words", "several\n words"),
        ("#fff", "#fff"),
        ("12", "12"),
        ("[1, {a: 'b'}]", '[1, {"a": "b"}]'),
    ],
)
def test_strings(text: str, read: str) -> None:
    assert final(MapType(STRING, STRING), f'{{"s": {text}, "next": "x"}}') == {"s": read, "next": "x"}


@pytest.mark.parametrize(
    ("type_", "text", "read"),
    [
        (FLOAT, "1,234.56", 1234.56),
        (FLOAT, "$5", 5.0),
        (FLOAT, "1/2", 0.5),
        (FLOAT, "50%", 50.0),
        (FLOAT, "1e5", 1e5),
        (FLOAT, '"12.5"', 12.5),
        (FLOAT, "7", 7.0),
        (FLOAT, "-Infinity", float("-inf")),
        (INT, "1,234,567", 1234567),
        (INT, "3.0", 3),
        (INT, '"about 12"', 12),
        (INT, "[4]", 4),
        (BOOL, "True", True),
        (BOOL, '"yes"', True),
        (NULL, "None", None),
        (optional(INT), '"null"', None),
        (optional(STRING), '"null"', "null"),
        (optional(STRING), "null", None),
        (EnumType("Color"), '"red"', "Color.Red"),
        (EnumType("Color"), "dark-blue", "Color.DarkBlue"),
        (EnumType("Color"), '"I would say Green."', "Color.Green"),
        (LiteralType(3), '"3"', 3),
        (ListType(INT), "4", [4]),
        (ListType(INT), "null", []),
        (ListType(INT), "[1 2 3]", [1, 2, 3]),
        (ListType(STRING), '"x"', ["x"]),
        (ListType(POINT), '{"x": 1, "y": 2}', [{"": "Point", "x": 1.0, "y": 2.0}]),
        (ClassType("Wrapped"), "4", {"": "Wrapped", "value": 4}),
        (union((INT, STRING)), "4", 4),
        (union((INT, STRING)), '"4"', "4"),
        (union((INT, FLOAT)), "4.5", 4.5),
        (union((FLOAT, BOOL)), '"true"', True),
        (union((LiteralType("a"), INT)), "A", "a"),
        (union((POINT, STRING)), '"x"', "x"),
        (MESSAGES, '{"to": "x", "minutes": 1}', {"": "Call", "to": "x", "minutes": 1}),
        (MESSAGES, '{"to": "x", "subject": 1}', {"": "Email", "to": "x", "subject": "1"}),
        (PETS, '{"name": "x", "age": 1, "kind": "DOG"}', {"": "Dog", "kind": "dog", "name": "x", "age": 1}),
        (optional(POINT), "null", None),
        (JSON_ALIAS, '{"a": [1, "2", null, {"b": 2.5}]}', {"a": [1, "2", None, {"b": 2.5}]}),
    ],
)
def test_alignment(type_: Type, text: str, read: Any) -> None:
    assert final(MapType(STRING, type_), f'{{"v": {text}, "v2": {text}}}') == {"v": read, "v2": read}


@pytest.mark.parametrize(
    ("type_", "text", "read"),
    [
        (ListType(PERSON), 'a {"name": "A", "age": 1}\nb {"name": "B", "age": 2}', ["A", "B"]),
        (ListType(PERSON), 'As in [1]: [{"name": "A", "age": 1}] or [{"name": "B", "age": 1}]', ["A"]),
        (optional(ListType(PERSON)), '{"name": "A", "age": 1}', ["A"]),
    ],
)
def test_lists_in_prose(type_: Type, text: str, read: list[str]) -> None:
    assert [person["name"] for person in final(type_, text)] == read


@pytest.mark.parametrize(
    ("type_", "text", "read"),
    [
        (union((PERSON, STRING)), "I cannot say.", "I cannot say."),
        (optional(PERSON), "null", None),
        (union((PERSON, INT)), "The answer is 4", 4),
        (union((INT, STRING)), "4", 4),
        (union((INT, STRING)), "four", "four"),
        (union((INT, STRING)), '[{"a": 1}] is it', '[{"a": 1}] is it'),
        (MapType(STRING, INT), '{"' + "k" * 700 + '": 1}', {"k" * 700: 1}),
        (ListType(INT), "The answer is 4", [4]),
        (MapType(EnumType("Color"), INT), '{"red": 1, "Dark Blue": 2}', {"Color.Red": 1, "Color.DarkBlue": 2}),
        (ListType(STRING), "[sic] or [a] []", []),
        (ListType(STRING), "[a, b c]", ["a", "b c"]),
        (MapType(STRING, INT), "{}", {}),
    ],
)
def test_whole_answers(type_: Type, text: str, read: Any) -> None:
    assert final(type_, text) == read


@pytest.mark.parametrize(
    ("type_", "text", "message"),
    [
        (PERSON, "", "expected Person, got nothing"),
        (PERSON, "I do not know.", "expected Person, got 'I do not know.'"),
        (PERSON, '{"name": "x"}', 'age: expected an int, got nothing, in \'{"name": "x"}\''),
        (PERSON, '{"name": null, "age": 1}', "name: expected a string, got null"),
        (
            ListType(PERSON),
            '[{"name": "x", "age": 1}, {"name": "x", "age": "old"}]',
            "[1].age: expected an int, got 'old'",
        ),
        (PERSON, '{"name": "x", "age": 3.6}', "age: expected an int, got 3.6"),
        (PERSON, '{"name": "x", "age": 9223372036854775808}', "age: expected an int, got 9223372036854775808"),
        (PERSON, '[{"name": "x", "age": 1}, {"name": "y", "age": 1}]', "expected Person, got a list of 2"),
        (MapType(STRING, POINT), '{"a b": {"x": 1, "y": {}}}', "['a b'].y: expected a float, got an object"),
        (
            MapType(EnumType("Color"), INT),
            '{"pink": 1}',
            'pink: expected one of "Red", "dark blue", "Green", got \'pink\'',
        ),
        (MESSAGES, '{"to": "x"}', "expected Email or Call, got an object (subject: expected a string, got nothing)"),
        (
            ListType(EnumType("Color")),
            '["red or green"]',
            '[0]: expected one of "Red", "dark blue", "Green", got \'red or green\'',
        ),
        (MapType(STRING, JSON), '{"a":' * 150, "objects and lists nested deeper than 100"),
    ],
)
def test_refusals(type_: Type, text: str, message: str) -> None:
    assert message in refused(type_, text)


# --- partial values ---------------------------------------------------------------------------------------------------


def test_partials_of_a_class() -> None:
    text = 'Sure: {"name": "Ann", "age": 31, "tags": ["a"], "nick": null}'

    def person(**fields: Any) -> dict[str, Any]:
        return {"": "Person", "name": None, "age": None, "nick": None, "tags": None} | fields

    assert partials(PERSON, text) == [
        person(),
        *(person(name=name) for name in ("A", "An", "Ann")),
        person(name="Ann", age=31),  # not 3: a number appears when something follows it
        person(name="Ann", age=31, tags=[]),
        person(name="Ann", age=31, tags=["a"]),
    ]


def test_partials_of_marked_fields() -> None:
    text = '{"points": [{"x": 1, "y": 2}], "title": "t", "text": "long", "note": "ab"}'
    shown = partials(ClassType("Marked"), text)
    assert [(each["title"], each["text"], each["note"]["value"], each["note"]["state"]) for each in shown] == [
        ("t", None, None, "Pending"),  # not before the title
        ("t", "long", None, "Pending"),
        ("t", "long", "a", "Incomplete"),
        ("t", "long", "ab", "Incomplete"),
        ("t", "long", "ab", "Complete"),
    ]
    assert final(ClassType("Marked"), text)["note"] == "ab"


def test_partials_of_what_comes_whole() -> None:
    whole = {"": "Whole", "a": "1", "b": "2"}
    assert partials(ListType(ClassType("Whole")), '[{"a": "1", "b": "2"}]') == [[], [whole]]
    marked = AttributedType(PERSON, (done("done"),))
    shown = partials(ListType(marked), '[{"name": "x", "age": 1}, {"name": "y"')
    assert [[person["name"] for person in each] for each in shown] == [[], ["x"]]


def test_partials_of_unions() -> None:
    """A field that tells the members apart decides at once, and so does a key that only one of them declares."""
    cat, dog = '{"kind": "cat", "name": "To"', '{"name": "Rex", "kind": "dog", "age": '
    assert partials(PETS, cat)[-1] == {"": "Cat", "kind": "cat", "name": "To"}
    assert partials(PETS, dog)[-1] == {"": "Dog", "kind": "dog", "name": "Rex", "age": None}
    assert partials(ListType(MESSAGES), '[{"to": "x", "sub') in ([], [[]])
    assert partials(ListType(MESSAGES), '[{"to": "x", "subject": "y"')[-1] == [{"": "Email", "to": "x", "subject": "y"}]
    assert partials(ListType(MESSAGES), '[{"to": "x", "subject": "y"}')[-1][0][""] == "Email"
    assert partials(MapType(STRING, union((INT, STRING))), '{"a": "xy')[-1] == {"a": "xy"}
    assert partials(MapType(STRING, union((EnumType("Color"), STRING))), '{"a": "Re') in ([], [{}])


def test_nothing_new_is_nothing() -> None:
    stream = output(PERSON).stream()
    assert stream.feed('{"name": "A') is not None
    assert stream.feed("") is None
    assert stream.feed("nn") is not None
    assert stream.feed('", "foreign": "') is None
    assert stream.feed("text nobody asked for") is None


def test_a_shown_candidate_that_fails_is_followed_by_nothing() -> None:
    text = '{"name": "Ann"} no: {"name": "Bob", "age": 3}'
    assert [each["name"] for each in partials(PERSON, text)][-1] == "Ann"
    assert final(PERSON, text)["name"] == "Bob"


def test_an_empty_candidate_takes_nothing_back() -> None:
    text = 'see [it]: ["yes please"]'
    assert partials(ListType(LiteralType("yes please")), text) == [[], ["yes please"]]


def test_finished_parts_are_shared() -> None:
    stream = output(ListType(POINT)).stream()
    first = stream.feed('[{"x": 1, "y": 2}, {"x": 3')
    second = stream.feed(', "y": 4}, {')
    assert first[0] is second[0]
    assert (len(first), len(second)) == (2, 3)


def test_a_value_of_a_class() -> None:
    point = value("Point", x=1.0, y=2.0)
    assert deep_equals(final_parse(output(POINT), '{"x": 1.0, "y": 2.0}'), point)


# --- classes that keep what they do not declare -----------------------------------------------------------------------

DYNAMIC = """
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1/v1" } }
class Note { title string  @@dynamic }
class Page { first Note  notes Note[] }
function Read(x: string) -> Page { client C  prompt #"{{ x }}"# }
"""


def test_a_dynamic_class_keeps_unknown_fields() -> None:
    first = '{"title": "a", "e-mail": "q", "z": {"y": [1, null]}}'
    text = f'{{"first": {first}, "notes": [{{"title": "b"}}, {{"k": 2.5, "title": "c"}}]}}'
    with bamlvm.Runtime.from_files({"main.baml": DYNAMIC}) as runtime:
        page = runtime.parse("Read", text)
        partial = list(runtime.parse_stream("Read", list(text)))[-1]
        again = pickle.loads(pickle.dumps(page))
        assert isinstance(page.first, runtime.types.Note)
        assert page.first == runtime.parse("Read", text).first
    assert page.first.z == {"y": [1, None]}
    assert bamlvm.to_builtins(page) == bamlvm.to_builtins(partial) == bamlvm.to_builtins(again)
    assert bamlvm.to_builtins(page) == {
        "first": {"title": "a", "e-mail": "q", "z": {"y": [1, None]}},
        "notes": [{"title": "b"}, {"title": "c", "k": 2.5}],
    }


def test_the_rows_of_a_union_stream() -> None:
    """A key that one member alone declares decides, if its value begins like that field's."""
    source = """
    client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1/v1" } }
    class Ok { rows int[]  total int }
    class Err { code int  message string }
    function Read(x: string) -> Ok | Err { client C  prompt #"{{ x }}"# }
    """
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        shown = [
            bamlvm.to_builtins(each) for each in runtime.parse_stream("Read", list('{"rows": [1, 22, 3], "total": 26}'))
        ]
        assert [each["rows"] for each in shown if each["total"] is None] == [[], [1], [1, 22], [1, 22, 3]]
        shown = [
            bamlvm.to_builtins(each) for each in runtime.parse_stream("Read", list('{"message": "no", "code": 1}'))
        ]
        assert [each["message"] for each in shown][:3] == [None, "n", "no"]


def test_a_parser_that_is_closed_reads_no_further() -> None:
    text = "[" + "1," * 20_000 + "1]"
    parser = output(ListType(INT)).stream()
    assert finished(fed(parser, text)) == [1] * 20_001
    parser = output(ListType(INT)).stream()
    parser.close()
    with pytest.raises(Abandoned):
        parser.feed(text)
