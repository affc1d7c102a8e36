"""JSON Schema → types: what each keyword becomes, what is refused and where, and whether answers come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bamlvm
from bamlvm.build.sources import read_sources
from bamlvm.dynamic.json_schemas import SchemaReader
from bamlvm.dynamic.schema_keywords import SchemaError
from bamlvm.values.json_schema import json_schema

SOURCE = """
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" } }
class Answer { @@dynamic }
class Taken { x int }
function Read(text: string) -> Answer { client C  prompt #"{{ ctx.output_format }}"# }
"""


@pytest.fixture(scope="module")
def runtime() -> Any:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as made:
        yield made


@pytest.fixture
def tb(runtime: bamlvm.Runtime) -> bamlvm.TypeBuilder:
    return bamlvm.TypeBuilder(runtime)


def added(tb: bamlvm.TypeBuilder, schema: Any, **options: Any) -> str:
    """The type of a schema, and what it adds, as BAML."""
    type_ = tb.add_type(schema, **options)
    return f"{type_}\n{tb}" if tb.additions() else str(type_)


def read(runtime: bamlvm.Runtime, schema: Any, value: Any) -> Any:
    """What an answer of this value comes back as."""
    tb = bamlvm.TypeBuilder(runtime)
    tb.Answer.add_property("value", tb.add_type(schema))
    text = json.dumps({"value": value})
    return bamlvm.to_builtins(runtime.parse("Read", text, bamlvm.CallContext(types=tb)))["value"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": "integer", "title": "A Number"}, "int"),
        ({"type": ["integer", "null"]}, "int?"),
        ({"type": ["string", "integer"]}, "string | int"),
        ({"type": "number", "nullable": True}, "float?"),
        ({"enum": ["a b", 1, True, None]}, '"a b" | 1 | true | null'),
        ({"type": "string", "enum": ["x"]}, '"x"'),
        ({"const": "x", "type": "string"}, '"x"'),
        ({"const": None}, "null"),
        ({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "boolean"}}]}, "string | bool[]"),
        ({"oneOf": [{"const": 1}, {"const": 2}]}, "1 | 2"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map<string, int>"),
        ({"additionalProperties": {"type": "integer"}, "propertyNames": {"enum": ["a", "b"]}}, 'map<"a" | "b", int>'),
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": False}, "int[]"),
        ({"items": {"enum": [1, 2]}}, "(1 | 2)[]"),
        ({"allOf": [{"type": "string"}], "description": "d"}, "string"),
    ],
)
def test_types_without_names(tb: bamlvm.TypeBuilder, schema: Any, expected: str) -> None:
    assert added(tb, schema) == expected


def test_objects(tb: bamlvm.TypeBuilder) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Person",
        "description": "somebody",
        "type": "object",
        "properties": {
            "first name": {"type": "string", "description": "given"},
            "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
            "mail": {"type": "string", "format": "email", "examples": ["a@b.org", "c@d.org"]},
            "home": {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]},
            "tags": {"type": "array", "items": {"type": "string", "description": "a tag"}, "maxItems": 3},
            "kind": {"enum": ["a", "b"], "default": "a"},
            "id": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2},
            "any": {},
        },
        "required": ["first name", "home"],
    }
    assert added(tb, schema) == (
        "Person\n"
        "class Person {\n"
        '  first name string @description("given")\n'
        "  age (int @assert(minimum, {{this >= 0}}) @assert(exclusiveMaximum, {{this < 150}})) | null\n"
        '  mail string? @description("(format: email) (for example: a@b.org, c@d.org)")\n'
        "  home PersonHome\n"
        '  tags string[] @assert(maxItems, {{this|length <= 3}}) @description("a tag")\n'
        '  kind "a" | "b" | null @description("(default: a)")\n'
        "  id (string @assert(minLength, {{this|length >= 2}})"
        " @assert(pattern, {{this|regex_match('^[a-z]+$')}})) | null\n"
        "  any Json?\n"
        '  @@description("somebody")\n'
        "}\n\n"
        "class PersonHome {\n  street string\n}\n\n"
        "type Json = string | int | float | bool | null | Json[] | map<string, Json>"
    )


def test_definitions_and_recursion(tb: bamlvm.TypeBuilder) -> None:
    schema = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "properties": {
                    "value": {"$ref": "#/$defs/Value"},
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                    "colour": {"$ref": "#/$defs/Colour", "description": "of it"},
                    "same": {"$ref": "#/$defs/Node/properties/colour"},
                },
                "required": ["value", "next", "colour"],
            },
            "Value": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/$defs/Value"}}]},
            "Colour": {"enum": ["red", "dark blue"], "title": "A Colour"},
        },
    }
    assert added(tb, schema) == (
        "Node\nclass Node {\n  value Value\n  next Node?\n"
        '  colour Colour @description("of it")\n  same Colour? @description("of it")\n}\n\n'
        "enum Colour {\n  red\n  dark blue\n}\n\n"
        "type Value = string | Value[]"
    )
    assert added(tb, schema).startswith("Node\n"), "the same again"
    assert str(tb.add_type(schema, name="Mine")) == "Mine"
    assert "next Mine?" in str(tb)
    assert str(tb.add_type(schema, prefix="My")) == "MyNode" and "same MyColour?" in str(tb)


def test_a_schema_that_refers_to_itself_as_a_whole(runtime: bamlvm.Runtime) -> None:
    tree = {
        "title": "Tree",
        "properties": {"leaves": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["leaves"],
    }
    value = {"leaves": [{"leaves": []}, {"leaves": [{"leaves": []}]}]}
    assert read(runtime, tree, value) == value


def test_described_constants(tb: bamlvm.TypeBuilder) -> None:
    schema = {"title": "Mood", "oneOf": [{"const": "glad", "description": "smiles"}, {"const": "sad"}]}
    assert added(tb, schema) == 'Mood\nenum Mood {\n  glad @description("smiles")\n  sad\n}'


def test_objects_that_are_open(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    schema = {
        "title": "Open",
        "properties": {"a": {"type": "integer"}},
        "additionalProperties": True,
        "required": ["a"],
    }
    assert added(tb, schema) == "Open\nclass Open {\n  a int\n  @@dynamic\n}"
    assert read(runtime, schema, {"a": 1, "b": [2]}) == {"a": 1, "b": [2]}
    assert read(runtime, schema | {"additionalProperties": False}, {"a": 1, "b": [2]}) == {"a": 1}
    assert read(runtime, {"type": "object"}, {"a": {"b": [1, None]}}) == {"a": {"b": [1, None]}}


def test_schemas_that_are_merged(tb: bamlvm.TypeBuilder) -> None:
    schema = {
        "title": "Both",
        "allOf": [
            {"$ref": "#/$defs/Base"},
            {"properties": {"b": {"type": "string"}}, "required": ["b"]},
            {"allOf": [{"required": ["a"]}]},
        ],
        "$defs": {"Base": {"properties": {"a": {"type": "integer"}}, "required": ["a"], "description": "base"}},
    }
    assert added(tb, schema) == 'Both\nclass Both {\n  a int\n  b string\n  @@description("base")\n}'
    assert str(tb.add_type({"allOf": [{"type": "integer"}, {"minimum": 1}]})) == "int @assert"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 3}, 4),
        ({"type": "number", "exclusiveMinimum": 0}, 0),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0),
        ({"type": "integer", "multipleOf": 5}, 7),
        ({"type": "string", "minLength": 2}, "a"),
        ({"type": "string", "maxLength": 2}, "abc"),
        ({"type": "string", "pattern": r"^\d{3}\}\}é'\"$"}, "12"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1]),
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, [1, 1]),
        ({"type": "array", "prefixItems": [{"type": "integer"}] * 2, "items": False, "minItems": 2}, [1, 2, 3]),
        ({"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 1}, {"a": 1, "b": 2}),
        ({"anyOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]}, 4),
    ],
)
def test_what_a_value_must_hold(runtime: bamlvm.Runtime, schema: Any, value: Any) -> None:
    with pytest.raises(bamlvm.ThrownError, match="does not hold"):
        read(runtime, schema, value)


def test_a_value_that_holds_it(runtime: bamlvm.Runtime) -> None:
    assert read(runtime, {"type": "string", "pattern": r"^\d{3}\}\}é'\"$"}, "123}}é'\"") == "123}}é'\""
    assert read(runtime, {"type": "array", "items": {"enum": ["a", "A"]}, "uniqueItems": True}, ["a", "A"]) == [
        "a",
        "A",
    ]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "strin"}, "#/type: there is no type 'strin'"),
        ({"type": "object", "properties": {"a": {"type": "x"}}}, "#/properties/a/type: there is no type 'x'"),
        ({"properties": {"a/b": {"not": {}}}}, "#/properties/a~1b: the keyword 'not' has no meaning here"),
        ({"if": {}, "then": {}}, "#: the keyword 'if' has no meaning here"),
        ({"type": "object", "patternProperties": {}}, "#: the keyword 'patternProperties' has no meaning here"),
        ({"type": "string", "minimum": 1}, "#: the keyword 'minimum' has no meaning here"),
        ({"$ref": "other.json"}, "#/$ref: 'other.json' is outside of this schema"),
        ({"$ref": "#/$defs/Nothing"}, "#/$ref: there is no #/$defs/Nothing"),
        ({"$ref": "#"}, "#: it refers to itself without end"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}, "without end"),
        ({"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"allOf": [{"$ref": "#/$defs/A"}]}}}, "without end"),
        ({"$ref": "#/$defs/A", "minimum": 3, "$defs": {"A": {"type": "integer"}}}, "the keyword 'minimum'"),
        ({"prefixItems": [{"type": "string"}, {"type": "integer"}]}, "#/prefixItems: items of different types"),
        ({"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}, "#/items: items of different types"),
        ({"type": "array", "contains": {}}, "#: the keyword 'contains'"),
        ({"type": "array", "items": {"type": "object"}, "uniqueItems": True}, "#/uniqueItems: it can be asked of text"),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}, "#/additionalProperties: beside"),
        ({"properties": {"a": {}}, "required": ["b"]}, "#/required: there is no property 'b'"),
        ({"type": "object", "required": ["b"]}, "#/required: properties that are not among the properties"),
        ({"enum": []}, "#/enum: expected a list, got []"),
        ({"enum": [1.5]}, "#/enum/0: 1.5 cannot be a literal"),
        ({"const": {"a": 1}}, "#/const: {'a': 1} cannot be a literal"),
        ({"const": 1 << 70}, "cannot be a literal"),
        ({"anyOf": []}, "#/anyOf: expected a list, got []"),
        ({"anyOf": [{"type": "integer"}], "minimum": 1}, "#: the keyword 'minimum'"),
        ({"allOf": [{"type": "integer"}, {"type": "string"}]}, "#/allOf/1/type: another part says 'integer'"),
        ({"type": "number", "multipleOf": 0.1}, "#/multipleOf: it can be a positive integer only"),
        ({"type": "integer", "minimum": "1"}, "#/minimum: expected a number, got '1'"),
        ({"type": "string", "pattern": "("}, "#/pattern: '(' is no regular expression"),
        ({"type": "object", "propertyNames": {"type": "integer"}}, "#/propertyNames: the names are texts"),
        ({"properties": [1]}, "#/properties: expected an object, got [1]"),
        ({"type": ["string", 3]}, "#/type: expected texts, got ['string', 3]"),
        ({"allOf": [{"required": "a"}]}, "#/allOf/0/required: expected a list, got 'a'"),
        (False, "#: false: no value fits it"),
        ({"properties": {"a": 3}}, "#/properties/a: expected a schema, got 3"),
        ({"title": "Taken", "properties": {"a": {}}}, "the name Taken is taken: give the schema's types a prefix"),
    ],
)  # fmt: skip
def test_what_is_refused(tb: bamlvm.TypeBuilder, schema: Any, message: str) -> None:
    with pytest.raises(SchemaError) as raised:
        tb.add_type(schema)
    assert message in str(raised.value)
    assert not tb.additions(), "nothing is added"


def test_a_deep_schema() -> None:
    schema: Any = {"type": "integer"}
    for _ in range(5000):
        schema = {"items": schema}
    with pytest.raises(SchemaError, match="nested too deeply"):
        SchemaReader(schema, None, "", lambda name: False).read()


def doubling(combine: Any, last: Any) -> Any:
    """A schema of 40 lines that names the next one twice in each."""
    named = {f"A{at}": combine({"$ref": f"#/$defs/A{at + 1}"}) for at in range(40)}
    return {"$ref": "#/$defs/A0", "$defs": {**named, "A40": last}}


def test_schemas_that_double_are_merged_once_or_refused(tb: bamlvm.TypeBuilder) -> None:
    merged = doubling(lambda part: {"allOf": [part, part]}, {"properties": {"a": {"type": "integer"}}})
    assert "a int" in added(tb, merged)
    with pytest.raises(SchemaError, match="a type of more than 10000 parts"):
        tb.add_type(doubling(lambda part: {"anyOf": [part, {"type": "array", "items": part}]}, {"type": "string"}))
    with pytest.raises(SchemaError, match="a type of more than 10000 parts"):
        tb.add_type({"enum": [f"v{at}" for at in range(20_000)]})


def test_many_literals_take_linear_time(runtime: bamlvm.Runtime) -> None:
    assert read(runtime, {"enum": [f"v{at}" for at in range(9_000)]}, "v8999") == "v8999"


def test_properties_for_a_dynamic_class(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    schema = {"properties": {"a": {"type": "integer"}, "b": {"properties": {"c": {"const": 1}}}}, "required": ["a"]}
    tb.Answer.add_properties(schema)
    assert str(tb) == "dynamic class Answer {\n  a int\n  b RootB?\n}\n\nclass RootB {\n  c 1?\n}"
    tb.Answer.props.a.description("more")
    with pytest.raises(bamlvm.HostError, match="Property a already exists in Answer"):
        tb.Answer.add_properties(schema)
    with pytest.raises(bamlvm.HostError, match="#: expected an object with properties"):
        tb.Answer.add_properties({"type": "string"})
    context = bamlvm.CallContext(types=tb)
    assert bamlvm.to_builtins(runtime.parse("Read", '{"a": 1, "b": {"c": 1}}', context)) == {"a": 1, "b": {"c": 1}}


def test_a_pattern_that_cannot_be_asserted_is_told(tb: bamlvm.TypeBuilder) -> None:
    schema = {
        "title": "A",
        "properties": {"a": {"type": "string", "pattern": "^(?!x)y$"}, "b": {"items": {"$ref": "#/$defs/Code"}}},
        "required": ["a", "b"],
        "$defs": {"Code": {"type": "string", "description": "a code", "pattern": r"^(a)\1$"}},
    }
    assert added(tb, schema) == (
        'A\nclass A {\n  a string @description("(pattern: ^(?!x)y$)")\n'
        '  b string[] @description("a code (pattern: ^(a)\\\\1$)")\n}'
    )


def test_a_document_of_openapi(tb: bamlvm.TypeBuilder) -> None:
    components = {
        "schemas": {
            "Pet": {
                "type": "object",
                "properties": {
                    "kind": {"$ref": "#/components/schemas/Kind"},
                    "parent": {"allOf": [{"$ref": "#/components/schemas/Pet"}], "nullable": True},
                },
                "required": ["kind"],
            },
            "Kind": {"type": "string", "enum": ["cat", "dog"], "x-order": 1},
        }
    }
    assert added(tb, {"$ref": "#/components/schemas/Pet", "components": components}) == (
        "Pet\nclass Pet {\n  kind Kind\n  parent Pet?\n}\n\nenum Kind {\n  cat\n  dog\n}"
    )


def test_defaults(runtime: bamlvm.Runtime, tb: bamlvm.TypeBuilder) -> None:
    properties: dict[str, Any] = {
        "a": {"type": "integer", "default": 3},
        "b": {"type": "number", "default": 3},
        "c": {"$ref": "#/$defs/Colour", "default": "red"},
        "d": {"enum": ["x", "y"], "default": "x"},
        "e": {"type": "boolean", "default": False},
        "f": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "g": {"type": "array", "items": {"type": "string"}, "default": ["told"]},
        "h": {"type": "string", "default": "z"},
    }
    schema = {"properties": properties, "required": ["h"], "$defs": {"Colour": {"enum": ["red", "blue"]}}}
    filled = {"a": 3, "b": 3.0, "c": "red", "d": "x", "e": False, "f": None, "g": None, "h": "?"}
    assert read(runtime, schema, {"h": "?"}) == filled
    assert read(runtime, schema, {"h": "?", "a": None, "e": True}) == {**filled, "e": True}
    tb.Answer.add_properties(schema)
    context = bamlvm.CallContext(types=tb)
    shown = [*map(bamlvm.to_builtins, runtime.parse_stream("Read", list('{"h": "?"}'), context))]
    assert shown[0]["a"] is None and shown[-1] == filled
    with pytest.raises(SchemaError, match="#/properties/a/default: 'x' is no value of the property"):
        tb.add_type({"properties": {"a": {"type": "integer", "default": "x"}}})


def test_one_name_for_two_things(tb: bamlvm.TypeBuilder) -> None:
    tb.add_type({"title": "A", "properties": {"x": {"type": "integer"}}})
    with pytest.raises(bamlvm.HostError, match="there is another type A already: give the new types a prefix"):
        tb.add_type({"title": "A", "properties": {"x": {"type": "string"}}})


PROJECTS = Path(__file__).parents[3] / "projects"


@pytest.mark.parametrize("project", ["real_catalog", "real_invoices", "real_recruiting", "real_support", "real_school"])
def test_the_schemas_of_our_own_types_come_back(project: str) -> None:
    """A type's schema, read again, has the same schema."""
    with bamlvm.Runtime.from_files(read_sources(PROJECTS / project)) as theirs:
        program = theirs.engine.program
        own = [name for name in (*program.classes, *program.enums) if not name.startswith("baml.")]
        schemas = {name: theirs.json_schema(name) for name in own}
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as runtime:
        for name, schema in schemas.items():
            if "media_type" in json.dumps(schema):
                continue  # media have no type in a schema
            tb = bamlvm.TypeBuilder(runtime)
            tb.Answer.add_property("value", tb.add_type(schema, name=name))
            border = runtime.engine.borders.of(tb)
            overlay: Any = border.arguments.schema
            assert same(json_schema(overlay, border.results.types, name)) == same(schema), name


def same(schema: Any, definitions: Any = None, through: tuple[str, ...] = ()) -> Any:
    """A schema without the order of things, and with definitions in their places."""
    definitions = schema.get("$defs", {}) if definitions is None else definitions
    if isinstance(schema, list):
        return sorted((same(each, definitions, through) for each in schema), key=json.dumps)
    if not isinstance(schema, dict):
        return schema
    name = (schema.get("$ref") or "").removeprefix("#/$defs/")
    if name in definitions and name not in through:
        return same({**definitions[name], **schema} | {"$ref": None}, definitions, (*through, name))
    if name in through:
        return through.index(name)
    kept = {key: value for key, value in schema.items() if key != "$defs" and value is not None}
    if "required" in kept:  # null is as good as nothing
        whole = same(kept["properties"], definitions, through)
        kept["required"] = [each for each in kept["required"] if "null" not in json.dumps(whole[each])]
    return {key: same(value, definitions, through) for key, value in sorted(kept.items())}


scalars = st.one_of(
    st.tuples(st.just({"type": "string"}), st.text("abc ", min_size=1).map(lambda text: f"x{text}y")),
    st.tuples(st.just({"type": "integer"}), st.integers(-(2**53), 2**53)),
    st.tuples(st.just({"type": "boolean"}), st.booleans()),
    st.tuples(st.just({"const": "k"}), st.just("k")),
    st.tuples(st.just({"enum": ["one", "two three"]}), st.sampled_from(["one", "two three"])),
)


def containers(inner: Any) -> Any:
    def object_of(parts: dict[str, tuple[Any, Any]]) -> tuple[Any, Any]:
        properties = {name: schema for name, (schema, _) in parts.items()}
        schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
        return schema, {name: value for name, (_, value) in parts.items()}

    def nullable(part: tuple[Any, Any], absent: bool) -> tuple[Any, Any]:
        return {"anyOf": [part[0], {"type": "null"}]}, None if absent else part[1]

    return st.one_of(
        st.dictionaries(st.sampled_from(["a", "first name", "B2", "@c"]), inner, min_size=1).map(object_of),
        inner.map(lambda part: ({"type": "array", "items": part[0]}, [part[1]] * 2)),
        inner.map(lambda part: ({"type": "object", "additionalProperties": part[0]}, {"k": part[1], "l m": part[1]})),
        st.builds(nullable, inner, st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(scalars, containers, max_leaves=8))
def test_values_of_a_schema_come_back(runtime: bamlvm.Runtime, pair: tuple[Any, Any]) -> None:
    schema, value = pair
    assert read(runtime, schema, value) == value


KEYWORDS = (
    *("$ref", "$defs", "type", "properties", "items", "enum", "const", "anyOf", "oneOf", "allOf", "required", "not"),
    *("additionalProperties", "propertyNames", "minimum", "exclusiveMinimum", "pattern", "minLength", "maxItems"),
    *("uniqueItems", "prefixItems", "nullable", "default", "description", "title", "format", "multipleOf", "examples"),
)
json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.floats(allow_nan=False),
        st.sampled_from(["string", "object", "array", "#", "#/$defs/a", "a", "(", ""]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*KEYWORDS, "a"]), inner, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYWORDS), json_values, max_size=5))
def test_nonsense_is_refused_and_never_breaks_anything(runtime: bamlvm.Runtime, schema: Any) -> None:
    tb = bamlvm.TypeBuilder(runtime)
    try:
        tb.Answer.add_property("value", tb.add_type(schema))
        prompt = runtime.render_prompt("Read", {"text": ""}, bamlvm.CallContext(types=tb))
    except bamlvm.HostError:
        return
    assert prompt and str(tb)
