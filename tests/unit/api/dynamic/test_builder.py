"""``TypeBuilder``: what it adds, what it refuses, and what a call sees of it."""

from __future__ import annotations

from typing import Any

import pytest

import bamlvm
from bamlvm.dynamic.state import TypeBuilderError

SOURCE = """
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" } }
class Resume { name string @description("whose")  age int?  @@dynamic }
class Plain { x int }
enum Category { A @alias("aa")  B  @@dynamic }
enum Fixed { P }
type Text = string
function Extract(text: string) -> Resume { client C  prompt #"{{ text }} {{ ctx.output_format }}"# }
function Classify(text: string) -> Category { client C  prompt #"{{ text }} {{ ctx.output_format }}"# }
"""


@pytest.fixture(scope="module")
def runtime() -> Any:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as made:
        yield made


@pytest.fixture
def tb(runtime: bamlvm.Runtime) -> bamlvm.TypeBuilder:
    return bamlvm.TypeBuilder(runtime)


def prompt(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder, function: str = "Extract") -> str:
    (message,) = runtime.render_prompt(function, {"text": "x"}, bamlvm.CallContext(types=tb))
    return message.text


def parse(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder, text: str, function: str = "Extract") -> Any:
    return bamlvm.to_builtins(runtime.parse(function, text, bamlvm.CallContext(types=tb)))


def test_every_type(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    inner = tb.add_class("Inner")
    inner.add_property("n", tb.int())
    mood = tb.add_enum("Mood")
    mood.add_value("HAPPY").alias("glad")
    mood.add_value("SAD").skip()
    types = {
        "a": tb.string(),
        "b": tb.float().optional(),
        "c": tb.list(tb.bool()),
        "d": tb.map(tb.string(), tb.int().list()),
        "e": tb.union([tb.literal_string("x"), tb.literal_int(3), tb.literal_bool(True), tb.null()]),
        "f": tb.optional(inner.type()),
        "g": mood.type(),
        "h": tb.Category.type(),
        "i": tb["Plain"].type(),
        "j": tb.map(tb.Fixed.type(), tb.string()),
    }
    for name, type_ in types.items():
        tb.Resume.add_property(name, type_)
    assert [str(tb.Resume.props[name].get_type()) for name in types] == [
        "string",
        "float?",
        "bool[]",
        "map<string, int[]>",
        '"x" | 3 | true | null',
        "Inner?",
        "Mood",
        "Category",
        "Plain",
        "map<Fixed, string>",
    ]
    text = """{"name": "n", "a": "s", "b": 1, "c": [true], "d": {"k": [1]}, "e": 3, "f": {"n": 1}, "g": "glad",
      "h": "aa", "i": {"x": 2}, "j": {"P": "p"}}"""
    assert parse(runtime, tb, text) == {
        "name": "n", "age": None, "a": "s", "b": 1.0, "c": [True], "d": {"k": [1]}, "e": 3, "f": {"n": 1},
        "g": "HAPPY", "h": "A", "i": {"x": 2}, "j": {"P": "p"},
    }  # fmt: skip


def test_attributes_of_properties_and_values(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    tb.Resume.add_property("email", tb.string()).alias("mail").description("where")
    tb.Resume.add_property("secret", tb.string().optional()).skip()
    tb.Category.add_value("C").description("third").alias("cc")
    assert "  // where\n  mail: string,\n}" in prompt(runtime, tb)
    assert "- cc: third" in prompt(runtime, tb, "Classify")
    tb.Resume.props.email.alias(None).description(None)
    tb.Category.values.C.alias(None).description(None)
    assert "  email: string,\n}" in prompt(runtime, tb) and prompt(runtime, tb, "Classify").endswith("- C")
    assert parse(runtime, tb, "C", "Classify") == "C"


def test_declared_parts_get_other_attributes(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    tb.Resume.props.name.alias("nom").description("the name")
    tb.Category.values.A.alias("alpha")
    tb.Category.values.B.skip()
    assert "  // the name\n  nom: string,\n" in prompt(runtime, tb)
    assert prompt(runtime, tb, "Classify").endswith("Category\n----\n- alpha")
    assert parse(runtime, tb, '{"nom": "n"}')["name"] == "n" and parse(runtime, tb, "alpha", "Classify") == "A"
    assert "whose" in prompt(runtime, bamlvm.TypeBuilder(runtime))


def test_looking_at_parts_changes_nothing(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    assert tb.Resume.props.name.get_type() == tb.string()
    assert [name for name, _ in tb.Category.list_values()] == ["A", "B"]
    assert [name for name, _ in tb.Plain.list_properties()] == ["x"] and tb.Plain.props.x.get_type() == tb.int()
    assert [name for name, _ in tb.Fixed.list_values()] == ["P"] and tb.Fixed.values.P.name == "P"
    assert tb.Resume.list_properties() == [] and not tb.additions()
    assert runtime.engine.borders.of(tb) is runtime.engine.borders.own


def test_streaming_marks(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    tb.Resume.add_property("text", tb.string()).stream("done")
    shown = runtime.parse_stream("Extract", list('{"name": "n", "text": "long"}'), bamlvm.CallContext(types=tb))
    assert {each.text for each in shown} == {None, "long"}
    tb.Resume.props.text.stream()
    shown = runtime.parse_stream("Extract", list('{"name": "n", "text": "long"}'), bamlvm.CallContext(types=tb))
    assert {each.text for each in shown} == {None, "l", "lo", "lon", "long"}
    with pytest.raises(TypeBuilderError, match=r"no @stream.doen \(did you mean `done`\?\)"):
        tb.Resume.props.text.stream("doen")


def test_a_builder_changes_between_calls(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    tb.Resume.add_property("a", tb.int())
    first = tb.additions()
    assert tb.additions() is first
    tb.Resume.add_property("a", tb.string())
    tb.Resume.add_property("b", tb.int())
    assert [str(each.get_type()) for _, each in tb.Resume.list_properties()] == ["string", "int"]
    tb.Resume.remove_property("a")
    tb.Resume.remove_property("nothing")
    tb.Resume.remove_property("name")
    assert [name for name, _ in tb.Resume.list_properties()] == ["b"]
    assert parse(runtime, tb, '{"name": "n", "b": 1}') == {"name": "n", "age": None, "b": 1}
    tb.Resume.reset()
    assert not tb.additions()
    tb.add_class("New").add_property("x", tb.int())
    tb.reset()
    tb.add_class("New")
    tb.reset()
    assert not tb.additions() and str(tb) == ""


def test_baml(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    tb.add_class("First").add_property("x", tb.int())
    tb.add_baml("""
    class Second { first First @description("d")  score float @assert(a, {{ this > 0 }}) @assert(b, {{ this < 1 }}) }
    dynamic class Resume { second Second }
    dynamic enum Category { C @alias("cc") }
    type Json = int | Json[]
    """)
    assert [name for name, _ in tb.Resume.list_properties()] == ["second"]
    tb.Second.add_property("more", tb.string().optional())
    tb.Category.values.C.description("third")
    answer = '{"name": "n", "second": {"first": {"x": 1}, "score": 0.5}}'
    assert parse(runtime, tb, answer)["second"] == {"first": {"x": 1}, "score": 0.5, "more": None}
    for score in ("2", "-1"):
        with pytest.raises(bamlvm.ThrownError, match="assertion"):
            parse(runtime, tb, answer.replace("0.5", score))
    assert str(tb) == (
        "class First {\n  x int\n}\n\n"
        'class Second {\n  first First @description("d")\n'
        "  score float @assert(a, {{ this > 0 }}) @assert(b, {{ this < 1 }})\n  more string?\n}\n\n"
        "dynamic class Resume {\n  second Second\n}\n\n"
        'dynamic enum Category {\n  C @alias("cc") @description("third")\n}\n\n'
        "type Json = int | Json[]"
    )
    again = bamlvm.TypeBuilder(runtime)
    again.add_baml(str(tb))
    assert again.additions() == tb.additions()


def test_wrong_baml_adds_nothing(tb: bamlvm.TypeBuilder) -> None:
    with pytest.raises(bamlvm.HostError, match=r"^add_baml: line 2, column 5: unknown type `Nothing`"):
        tb.add_baml("class Y {\n  z Nothing }\ndynamic class Resume { x int }")
    assert not tb.additions()
    tb.add_baml("class New { x int }")
    with pytest.raises(bamlvm.HostError, match="`New` is defined in the program already"):
        tb.add_baml("class New { x int }")


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda tb: tb.Resume.add_property("name", tb.int()), "Property name already exists"),
        (lambda tb: tb.Resume.add_property("", tb.int()), "a property cannot be called ''"),
        (lambda tb: tb.Resume.props.name.type(tb.int()), "Resume.name is declared in the source, as string"),
        (lambda tb: tb.Category.add_value("A"), "Value A already exists"),
        (lambda tb: tb.add_class("Resume"), "Class with name Resume already exists"),
        (lambda tb: tb.add_enum("Resume"), "Class with name Resume already exists"),
        (lambda tb: tb.add_class("Fixed"), "Enum with name Fixed already exists"),
        (lambda tb: tb.add_class("Text"), "Alias with name Text already exists"),
        (lambda tb: tb.add_class("int"), "Built-in type with name int already exists"),
        (lambda tb: tb.add_class("a b"), "a type cannot be called 'a b'"),
        (lambda tb: (tb.add_enum("E").add_value("X"), tb.E.add_value("X")), "Value X already exists"),
        (lambda tb: tb.map(tb.int(), tb.int()), "a map's key is a string or an enum, not int"),
        (lambda tb: tb.union([]), "a union of no types"),
    ],
)
def test_what_is_refused(tb: bamlvm.TypeBuilder, work: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        work(tb)
    assert isinstance(raised.value, bamlvm.HostError)


def test_types_of_another_builder(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    other = bamlvm.TypeBuilder(runtime)
    new = other.add_class("New")
    with pytest.raises(TypeBuilderError, match=r"Resume.x: New belongs to another TypeBuilder"):
        tb.Resume.add_property("x", new.type().list().optional())
    with pytest.raises(TypeBuilderError, match="different TypeBuilders"):
        tb.union([tb.add_class("Mine").type(), new.type()])
    tb.Resume.add_property("x", other.map(other.string(), other.Plain.type()))
    assert [str(each.get_type()) for _, each in tb.Resume.list_properties()] == ["map<string, Plain>"]


def test_what_is_no_type(tb: bamlvm.TypeBuilder) -> None:
    untyped: Any = tb
    for work in (
        lambda: untyped.Resume.add_property("x", int),
        lambda: untyped.list(int),
        lambda: untyped.union([int]),
        lambda: untyped.literal_int(True),
        lambda: untyped.literal_string(1),
        lambda: untyped.Resume.add_property("y", untyped.int()).alias(3),
        lambda: untyped.add_baml(3),
    ):
        with pytest.raises(TypeError):
            work()


def test_unknown_names(tb: bamlvm.TypeBuilder) -> None:
    for work, message in (
        (lambda: tb.Resum, r"there is no class or enum 'Resum' \(did you mean `Resume`\?\)"),
        (lambda: tb.Resume.props.nam, r"Property nam not found: Resume has no such property \(did you mean `name`\?\)"),
        (lambda: tb.Category.values.D, r"Value D not found: Category has no such value"),
        (lambda: tb.Plain.props.y, "Property y not found"),
        (
            lambda: tb.Plain.add_property("y", tb.int()),
            "no add_property: the class Plain is not dynamic: add `@@dynamic`",
        ),
        (lambda: tb.Fixed.add_value("Q"), "no add_value: the enum Fixed is not dynamic: add `@@dynamic`"),
        (lambda: tb.Fixed.values.Q, "Value Q not found"),
    ):
        with pytest.raises(AttributeError, match=message):
            work()
    with pytest.raises(KeyError):
        tb["Resum"]


def test_an_enum_without_values_is_refused_by_the_call(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    tb.Resume.add_property("e", tb.add_enum("Empty").type())
    with pytest.raises(bamlvm.HostError, match=r"CallContext.types: the enum Empty has no variants"):
        parse(runtime, tb, "{}")


def test_names_that_are_no_identifiers(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    for name in ("first name", "class", "@id", "self", "__init__", "é"):
        tb.Resume.add_property(name, tb.int().optional())
    tb.Category.add_value("not a name")
    answer = '{"name": "n", "first name": 1, "class": 2, "@id": 3, "self": 4, "__init__": 5, "é": 6}'
    assert list(parse(runtime, tb, answer).values()) == ["n", None, 1, 2, 3, 4, 5, 6]
    assert parse(runtime, tb, "not a name", "Classify") == "not a name"
    value = runtime.parse("Extract", answer, bamlvm.CallContext(types=tb))
    assert value.field_first_name == 1 and value.class_ == 2


def test_a_type_has_a_limit(runtime: bamlvm.Runtime) -> None:
    types = bamlvm.TypeBuilder(runtime)
    deep = doubled = types.string()
    with pytest.raises(bamlvm.HostError, match="the type is deeper than 256: make classes of some of its parts"):
        for _ in range(1_000):
            deep = types.list(deep)
    with pytest.raises(bamlvm.HostError, match="the type has more than 10000 parts"):
        for _ in range(40):
            doubled = types.map(types.string(), types.union([doubled, types.list(doubled)]))
