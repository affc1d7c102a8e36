"""JSON Schema of types: any value of a type validates, what is none does not; ``bamlvm schema`` prints it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.values.arguments import Arguments
from bamlvm.values.json_schema import Schemas, named_type
from bamlvm.vm.program import types as t

pytestmark = pytest.mark.slow

SOURCE = """
/// How one feels.
enum Mood { Happy @description("all is well") @alias("joy")  Sad  Hidden @skip }
enum Size { S  L }
class Person {
  name string @description("the whole name") @alias("full name")
  /// In years.
  age int?
  secret string? @skip
}
class Order {
  people Person[]
  by_size map<Size, float>
  by_word map<"a" | "b", bool>
  free map<string, Person | null>
  mood Mood
  kind "x" | 1 | true | Size.S
  either int | string[] | Person
  picture image?
  anything unknown
  tree Tree?
  next Order?
}
type Tree = int | Tree[]
type Orders = Order[]
class Empty {}
class Check { checked int @check(small, {{ this < 9 }})  maybe (string @check(short, {{ this|length < 3 }}))?
  rated Rated[]  level Level @check(known, {{ true }}) }
class Rated { stars int  @@check(rated, {{ this.stars > 0 }}) }
enum Level { Low  High  @@check(low, {{ this == "Low" }}) }
function Rate() -> int @check(positive, {{ this > 0 }}) { 1 }
function Get() -> Orders { [] }
function Call(f: (int) -> int) -> (int) -> int { f }
"""
NAMES = ["Mood", "Size", "Person", "Order", "Tree", "Orders", "Empty", "Order?", "Mood[][]", "Get", "int", "string?"]
NAMES += ["Check", "Rated[]", "Level", "Rate"]
RUNTIME = bamlvm.Runtime.from_files({"main.baml": SOURCE})


def values(type_: t.Type, depth: int = 3) -> st.SearchStrategy[Any]:
    """Python values for a type, as arguments take them."""
    program = RUNTIME.engine.program
    match type_:
        case t.Primitive("int"):
            return st.integers(-(2**63), 2**63 - 1)
        case t.Primitive("float"):
            return st.floats(allow_nan=False, allow_infinity=False)
        case t.Primitive("string"):
            return st.text(max_size=5)
        case t.Primitive("bool"):
            return st.booleans()
        case t.Primitive("null"):
            return st.none()
        case t.Primitive("unknown"):
            return st.none() | st.integers(0, 9) | st.lists(st.text(max_size=2), max_size=2)
        case t.Primitive("image"):
            return st.sampled_from([{"url": "https://a/b.png"}, {"base64": "QQ==", "media_type": "image/png"}])
        case t.LiteralType(value):
            return st.just(value)
        case t.VariantType(_, variant):
            return st.just(variant)
        case t.EnumType(name):
            return st.sampled_from([variant.name for variant in program.enums[name].variants])
        case t.ListType(item):
            return st.lists(values(item, depth - 1), max_size=2) if depth > 0 else st.just([])
        case t.MapType(key, value):
            return st.dictionaries(values(key), values(value, depth - 1), max_size=2) if depth > 0 else st.just({})
        case t.UnionType(parts):
            kept = [part for part in parts if depth > 0 or not isinstance(part, t.ClassType)]
            return st.one_of([values(part, depth - 1) for part in kept])
        case t.AliasType(name):
            return values(program.aliases[name], depth)
        case t.ClassType(name):
            fields = program.classes[name].fields
            return st.fixed_dictionaries({field.name: values(field.type, depth - 1) for field in fields})
    raise AssertionError(type_)


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_one(name: str) -> None:
    for aliases in (False, True):
        jsonschema.Draft202012Validator.check_schema(RUNTIME.json_schema(name, aliases=aliases))


@given(st.data())
def test_every_value_of_a_type_validates(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    annotated = named_type(RUNTIME.engine.program, name)
    type_ = t.bare(annotated)
    given = data.draw(values(type_))
    argument = Schemas(RUNTIME.engine.program, RUNTIME.types, "argument")
    schema = {"$defs": argument.definitions} | argument.schema(type_)
    jsonschema.Draft202012Validator(schema).validate(given)
    value = Arguments(RUNTIME.engine.program, RUNTIME.types).convert(given, type_, "x")
    plain = json.loads(json.dumps(bamlvm.to_builtins(RUNTIME.engine.results.to_host(value, annotated))))
    jsonschema.Draft202012Validator(RUNTIME.json_schema(name)).validate(plain)


PERSON = {"name": "Ada", "age": 36, "secret": None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Person", {"age": 1}),
        ("Person", PERSON | {"more": 1}),
        ("Person", PERSON | {"age": "x"}),
        ("Mood", "joy"),
        ("Tree", [1, ["a"]]),
        ("Orders", {}),
        ("Empty", {"a": 1}),
    ],
)
def test_what_is_no_value_does_not(name: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(RUNTIME.json_schema(name)).validate(value)


def test_a_class_that_nothing_refers_to_stands_at_the_top() -> None:
    assert RUNTIME.json_schema("Person") == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "the whole name"},
            "age": {"type": ["integer", "null"], "description": "In years."},
            "secret": {"type": ["string", "null"]},
        },
        "required": ["name"],
        "additionalProperties": False,
    }


def test_recursive_types_are_definitions() -> None:
    schema = RUNTIME.json_schema("Order")
    assert schema["$ref"] == "#/$defs/Order"
    order = schema["$defs"]["Order"]["properties"]
    assert order["by_size"]["propertyNames"] == {"enum": ["S", "L"]}
    assert order["by_word"]["propertyNames"] == {"enum": ["a", "b"]}
    assert order["tree"] == {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]}
    assert schema["$defs"]["Tree"] == {
        "anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#/$defs/Tree"}}]
    }


def test_values_with_checks_have_their_outcomes() -> None:
    definitions = RUNTIME.json_schema("Check")["$defs"]  # its own class has the name of the outcomes' definition
    outcome = {"$ref": "#/$defs/baml.Check"}
    schema = RUNTIME.json_schema("Check")
    assert schema["required"] == ["checked", "rated", "level"]
    assert schema["properties"]["checked"] == {
        "type": "object",
        "properties": {
            "value": {"type": "integer"},
            "checks": {
                "type": "object",
                "properties": {"small": outcome},
                "required": ["small"],
                "additionalProperties": False,
            },
        },
        "required": ["value", "checks"],
        "additionalProperties": False,
    }
    assert definitions["Rated"]["properties"] == {"stars": {"type": "integer"}}
    assert schema["properties"]["rated"]["items"]["properties"]["value"] == {"$ref": "#/$defs/Rated"}
    assert "baml.Check" not in str(RUNTIME.json_schema("Check", aliases=True))


def test_with_aliases_it_is_what_a_model_is_told() -> None:
    assert list(RUNTIME.json_schema("Person", aliases=True)["properties"]) == ["full name", "age"]
    assert RUNTIME.json_schema("Mood", aliases=True) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "string",
        "description": "How one feels.",
        "oneOf": [{"const": "joy", "description": "all is well"}, {"const": "Sad"}],
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Persn", "no type 'Persn' (did you mean `Person`?)"),
        ("zzzzzz", "there are "),
        ("Call", "(int) -> int has no form as JSON"),
    ],
)
def test_types_without_a_schema(name: str, message: str) -> None:
    with pytest.raises(bamlvm.HostError) as caught:
        RUNTIME.json_schema(name)
    assert message in str(caught.value)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "main.baml"
    file.write_text(SOURCE)
    assert main(["schema", "Person[]", str(file), "--aliases"]) == exit_codes.OK
    assert json.loads(capsys.readouterr().out) == RUNTIME.json_schema("Person[]", aliases=True)
    assert main(["schema", "Nope", str(file)]) == exit_codes.USAGE
    assert capsys.readouterr().err.startswith("bamlvm schema: the program has no type 'Nope'")
