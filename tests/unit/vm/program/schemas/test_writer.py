"""Schemas in the dialects: what each has words for, and that nothing else is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import bamlvm
from bamlvm.values.json_schema import named_type
from bamlvm.vm.program.schemas import dialects
from bamlvm.vm.program.schemas.dialects import Dialect
from bamlvm.vm.program.schemas.writer import InexpressibleError, SchemaWriter

pytestmark = pytest.mark.no_program

SOURCE = """
enum Color { Red @alias("rot") @description("like blood")  Green  Hidden @skip }
enum Plain { A  B }
enum None_ { A @skip }
/// An item.
class Item {
  name string @alias("item name") @description("what it is called")
  price float?
  color Color
  kind "a" | "b" | 3
  secret int? @skip
  ratio int @assert(positive, {{ this > 0 }})
}
class Order { items Item[]  first Item? @description("the first")  last Item @description("the last") }
class Node { value int  next Node?  others Node[] }
class Maps { plain map<string, int>  keyed map<Plain, int>  named map<"x" | "y", string> }
class Flag { on true }
class Flags { on true | false }
class Twice { a int @alias("x")  b int @alias("x") }
class Bare {}
class Long { first_name string @alias("first name") }
class Outer { inner Long }
class Literal { one "only"  two Plain.A  three Plain.A | Plain.B }
type Json = int | string | Json[] | map<string, Json>
function Keep(a: Color, b: Plain, c: Order, d: Node, e: Maps, f: Flag, g: Twice, h: Json, i: None_) -> null { null }
"""
PROGRAM = bamlvm.Runtime.from_files({"main.baml": SOURCE}).engine.program
ALL = [each for each in vars(dialects).values() if isinstance(each, Dialect)]
MODELS = [each for each in ALL if each.aliases and each.name != "JSON Schema"]
NAMES = (
    "Color",
    "Plain",
    "Item",
    "Order",
    "Node",
    "Maps",
    "Flag",
    "Flags",
    "Bare",
    "Outer",
    "Literal",
    "Json",
    "Item[]",
)


def written(name: str, dialect: Dialect, key: str | None = None) -> dict[str, Any]:
    return SchemaWriter(PROGRAM, dialect).document(named_type(PROGRAM, name), key)


def refused(name: str, dialect: Dialect) -> str:
    with pytest.raises(InexpressibleError) as caught:
        written(name, dialect)
    return str(caught.value)


def schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all inside it."""
    yield schema
    for inner in (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())):
        yield from schemas(inner)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from schemas(schema[name])


KEYWORDS = {
    "OpenAI's strict schemas": {"$defs", "$ref", "type", "properties", "required", "additionalProperties", "items"}
    | {"anyOf", "enum", "description"},
    "Anthropic's structured outputs": {"$defs", "$ref", "type", "properties", "required", "additionalProperties"}
    | {"items", "anyOf", "enum", "description"},
    "Google's schemas": {"$defs", "$ref", "type", "properties", "required", "additionalProperties", "items"}
    | {"anyOf", "enum", "description"},
}


@pytest.mark.parametrize("dialect", MODELS, ids=lambda each: each.name)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key", [None, "value"])
def test_the_rules_of_each_dialect(dialect: Dialect, name: str, key: str | None) -> None:
    """The documented rules, for whatever a dialect has words for."""
    try:
        schema = written(name, dialect, key)
    except InexpressibleError:
        return
    assert "$ref" not in schema, "the top is no reference"
    for each in schemas(schema):
        allowed = KEYWORDS.get(dialect.name)
        assert allowed is None or each.keys() <= allowed
        if "$ref" in each:
            assert each.keys() == {"$ref"}
            assert each["$ref"].removeprefix("#/$defs/") in schema["$defs"]
        if "enum" in each:
            assert isinstance(each["type"], str)
            assert len({(type(value), value) for value in each["enum"]}) == len(each["enum"])
        if each.get("type") == "object":
            assert "additionalProperties" in each
            if dialect.all_required:
                assert each["additionalProperties"] is False
                assert each["required"] == list(each["properties"])


def test_names_descriptions_and_skips() -> None:
    schema = written("Order", dialects.OPENAI_STRICT)
    item = schema["$defs"]["Item"]
    assert list(item["properties"]) == ["item name", "price", "color", "kind", "ratio"]
    assert item["description"] == "An item."
    assert item["properties"]["item name"] == {"type": "string", "description": "what it is called"}
    assert item["properties"]["price"] == {"type": ["number", "null"]}
    assert item["properties"]["kind"] == {
        "anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "integer", "enum": [3]}]
    }
    assert schema["$defs"]["Color"] == {"type": "string", "description": "- rot: like blood", "enum": ["rot", "Green"]}
    assert schema["properties"]["last"] == {"anyOf": [{"$ref": "#/$defs/Item"}], "description": "the last"}
    assert schema["properties"]["first"] == {
        "anyOf": [{"$ref": "#/$defs/Item"}, {"type": "null"}],
        "description": "the first",
    }
    assert "ratio" in json.dumps(schema)
    assert "assert" not in json.dumps(schema)


def test_literals_and_variants_are_lists_of_one() -> None:
    schema = written("Literal", dialects.GOOGLE)
    assert schema["properties"]["one"] == {"type": "string", "enum": ["only"]}
    assert schema["properties"]["two"] == {"type": "string", "enum": ["A"]}


def test_a_recursive_class_is_at_the_top_and_defined() -> None:
    schema = written("Node", dialects.OPENAI_STRICT)
    assert schema["type"] == "object"
    assert schema["properties"]["next"] == {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
    assert schema["$defs"]["Node"]["properties"] == schema["properties"]


def test_google_has_cycles_in_what_is_not_required() -> None:
    assert written("Node", dialects.GOOGLE)["required"] == ["value"]
    assert written("Json", dialects.GOOGLE, "value")["required"] == []


def test_what_a_dialect_has_no_words_for() -> None:
    strict, anthropic = dialects.OPENAI_STRICT, dialects.ANTHROPIC_STRICT
    assert refused("Maps", strict) == "OpenAI's strict schemas cannot express map<string, int> (Maps.plain)"
    assert refused("Json", strict) == "OpenAI's strict schemas cannot express map<string, Json> (Json)"
    assert refused("Maps", anthropic) == "Anthropic's structured outputs cannot express map<string, int> (Maps.plain)"
    assert (
        refused("Node", anthropic) == "Anthropic's structured outputs cannot express a type that contains itself (Node)"
    )
    assert refused("Flag", dialects.GOOGLE) == "Google's schemas cannot express the literal type true (Flag.on)"
    assert refused("Twice", strict) == "two fields are called 'x' (Twice.b)"
    assert refused("None_", strict) == "the enum None_ has no variant"
    assert written("Flags", dialects.GOOGLE)["properties"]["on"] == {"type": "boolean"}


def test_a_maps_keys_are_properties_where_there_are_no_names_for_keys() -> None:
    maps = written("Maps", dialects.GOOGLE)["properties"]
    assert maps["plain"] == {"type": "object", "additionalProperties": {"type": "integer"}}
    integer = {"type": "integer"}
    assert maps["keyed"] == {
        "type": "object",
        "properties": {"A": integer, "B": integer},
        "additionalProperties": False,
    }
    assert "propertyNames" in written("Maps", dialects.ANSWERS)["properties"]["keyed"]


@pytest.mark.parametrize("dialect", [dialects.ANTHROPIC_TOOLS, dialects.ANTHROPIC_STRICT_TOOLS], ids=str)
def test_anthropics_tools_have_narrow_names_at_the_top(dialect: Dialect) -> None:
    assert "cannot express the name 'first name'" in refused("Long", dialect)
    assert "(Long.first_name)" in refused("Long", dialect)
    assert written("Outer", dialect)["$defs"]["Long"]["properties"].keys() == {"first name"}
    assert written("Long", dialect, "value")


def test_a_long_chain_of_types_takes_no_stack() -> None:
    source = "".join(f"class C{n} {{ next C{n + 1}? }}\n" for n in range(1_000)) + "class C1000 { last int }"
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        schema = SchemaWriter(runtime.engine.program, dialects.VALUES).document(
            named_type(runtime.engine.program, "C0")
        )
    definitions = schema["$defs"]
    assert len(definitions) == 1_000
    assert definitions["C1000"]["properties"] == {"last": {"type": "integer"}}
    assert all(definitions.values())
