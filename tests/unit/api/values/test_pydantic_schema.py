"""Structs in Pydantic: validated, written, described; generated ones and those that are made at run time."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError, create_model

import bamlvm
from bamlvm.tools.generate.package import client_files, write

SOURCE = """
enum Color { Red Green }
/// A node of a tree.
class Node { value int  next Node?  kids Node[] }
class Item {
  name string @alias("n")
  color Color
  price float?
  from "a" | "b"
  class string @check(some, {{ this|length > 0 }})
  picture image?
  nodes map<string, Node>
  either Node | int | null
}
class Loose { a int  @@dynamic }
function Same(item: Item, node: Node) -> Item { item }
"""
NODE = {"value": 1, "next": {"value": 2, "next": None, "kids": []}, "kids": [{"value": 3, "next": None, "kids": []}]}
ITEM: dict[str, Any] = {
    "name": "x",
    "color": "Red",
    "price": None,
    "from": "a",
    "class": {"value": "c", "checks": {}},
    "picture": {"kind": "image", "mime": None, "source": "url", "data": "https://example.com/a.png"},
    "nodes": {"one": NODE},
    "either": NODE,
}
RUNTIME = bamlvm.Runtime.from_files({"main.baml": SOURCE})


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("generated")
    write({folder / "pydantic_schema_client": client_files(RUNTIME, {"main.baml": SOURCE})})
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("pydantic_schema_client.types")
    finally:
        sys.path.remove(str(folder))


@pytest.fixture(params=["generated", "made"])
def types(request: pytest.FixtureRequest, generated: Any) -> Any:
    return generated if request.param == "generated" else RUNTIME.types


def test_a_field_of_a_model(types: Any) -> None:
    model = create_model("Order", item=(types.Item, ...), nodes=(list[types.Node], []))
    data = {"item": ITEM, "nodes": [NODE]}
    for order in (model.model_validate(data), model.model_validate_json(json.dumps(data))):
        item = order.item  # type: ignore[attr-defined]  # a field that the model has at run time
        assert type(item) is types.Item
        assert (item.color, item.from_, item.class_.value) == (types.Color.Red, "a", "c")
        assert type(item.nodes["one"].next) is type(item.either) is types.Node
        assert type(item.picture) is bamlvm.Media
        assert order.model_dump(mode="json") == data
        assert json.loads(order.model_dump_json()) == data
        assert model.model_validate(order.model_dump()) == order
    whole = types.Item(**{name: getattr(item, name) for name in item.__struct_fields__})
    assert model(item=whole).item is whole, "an instance is taken as it is"  # type: ignore[attr-defined]  # as above


def test_what_does_not_fit_is_said_where_it_is(types: Any) -> None:
    wrong = {**ITEM, "color": "Blue", "nodes": {"one": {**NODE, "next": {"value": "x", "kids": []}}}}
    del wrong["from"]
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(list[types.Item]).validate_python([ITEM, wrong])
    places = {".".join(map(str, error["loc"])): error["type"] for error in caught.value.errors()}
    assert places == {"1.color": "enum", "1.from": "missing", "1.nodes.one.next.value": "int_parsing"}


def test_fields_that_may_be_null_may_be_left_out(types: Any) -> None:
    node = TypeAdapter(types.Node).validate_python({"value": 1, "kids": []})
    assert node == types.Node(value=1, kids=[])
    assert TypeAdapter(types.Node).dump_python(node) == {"value": 1, "next": None, "kids": []}


def test_the_json_schema(types: Any) -> None:
    schema = TypeAdapter(types.Item).json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(ITEM)
    assert not validator.is_valid({**ITEM, "color": "Blue"})
    assert schema["title"] == "Item"
    assert set(schema["properties"]) == set(ITEM)
    assert schema["$defs"]["Node"]["description"] == "A node of a tree."
    assert schema["$defs"]["Node"]["required"] == ["value", "kids"]


def test_values_are_arguments(generated: Any) -> None:
    item = TypeAdapter(generated.Item).validate_python({**ITEM, "class": {"value": "c", "checks": {}}})
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as runtime:
        same = runtime.functions.Same(item=item, node=item.either)
    assert same.name == "x"


def test_a_dynamic_class_and_a_partial_one() -> None:
    loose = TypeAdapter(RUNTIME.types.Loose).validate_python({"a": 1, "b": 2})
    assert loose.a == 1
    partial = TypeAdapter(RUNTIME.partial_types.Item).validate_python({"name": "x"})
    assert (partial.name, partial.color) == ("x", None)


def test_pydantic_is_imported_by_those_who_ask(tmp_path: Path) -> None:
    program = f"""
import sys
import bamlvm
runtime = bamlvm.Runtime.from_files({{"main.baml": {SOURCE!r}}})
runtime.types.Item
sys.exit("pydantic" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
