"""OpenAPI documents: valid, with the official names, and what goes over the wire fits them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

import bamlvm
from bamlvm.tools.generate.openapi_document import openapi_document
from tests.support.generated import PROJECTS

SOURCE = """
/// How one feels.
enum Mood { Happy @description("all is well") @alias("joy")  Sad }
enum Size { S  L }
class Person { name string @description("the whole name") @alias("full name")  age int?  friends Person[] }
class Rated { person Person  stars int @check(few, {{ this < 6 }})  next Rated? }
class Box { rated Rated  by_size map<Size, int>  kind "a" | "b" | 1  mood Mood  owner string? }
class Handler { run (int) -> int  back Back? }
class Back { handler Handler? }
type Tree = int | Tree[] | map<string, Tree>
client C { provider openai  options { model "m"  api_key "k" } }
/// Who it is about.
function Extract(text: string, picture: image?, mood: Mood = Mood.Sad) -> Box { client C  prompt #"{{ text }}"# }
function Keep(box: Box, tree: Tree) -> Tree { tree }
function Count() -> int @check(some, {{ this > 0 }}) { 1 }
function Handle(handler: Handler) -> Back? { handler.back }
function Nothing() -> null { null }
function Failure() -> baml.errors.Timeout? { null }
"""
RUNTIME = bamlvm.Runtime.from_files({"main.baml": SOURCE})
DOCUMENT = openapi_document(RUNTIME)
SCHEMAS = DOCUMENT["components"]["schemas"]


def valid(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


def fits(value: Any, schema: dict[str, Any]) -> bool:
    resolvable = {"components": DOCUMENT["components"], **schema}
    return jsonschema.Draft202012Validator(resolvable).is_valid(value)


def body(name: str) -> Any:
    return DOCUMENT["components"]["requestBodies"][name]["content"]["application/json"]["schema"]


def result(name: str) -> Any:
    response = DOCUMENT["paths"][f"/call/{name}"]["post"]["responses"]["200"]
    return response["content"]["application/json"]["schema"]


def test_it_is_valid_and_depends_on_nothing_but_the_program() -> None:
    valid(DOCUMENT)
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as again:
        assert json.dumps(openapi_document(again)) == json.dumps(DOCUMENT)


@pytest.mark.parametrize("project", sorted(path.name for path in PROJECTS.iterdir() if path.name.startswith("real")))
def test_those_of_projects_are_valid(project: str) -> None:
    with bamlvm.Runtime.from_directory(PROJECTS / project) as runtime:
        document = openapi_document(runtime)
    valid(document)
    functions = [name for name in runtime.function_names if "." not in name]  # the others are methods
    assert len(document["paths"]) == 2 * len(functions)


def test_paths_operations_and_components_have_the_official_names() -> None:
    call = DOCUMENT["paths"]["/call/Extract"]["post"]
    assert call["operationId"] == "Extract"
    assert call["description"] == "Who it is about."
    assert call["requestBody"] == {"$ref": "#/components/requestBodies/Extract"}
    assert body("Extract")["title"] == "ExtractRequest"
    assert list(body("Extract")["properties"]) == ["text", "picture", "mood", "__baml_options__"]
    assert body("Extract")["required"] == ["text"]
    assert result("Extract") == {"title": "ExtractResponse", "$ref": "#/components/schemas/Box"}
    assert "text/event-stream" in DOCUMENT["paths"]["/stream/Extract"]["post"]["responses"]["200"]["content"]
    assert {"BamlImage", "BamlOptions", "ClientProperty", "Check", "Person", "Mood"} <= SCHEMAS.keys()


def test_the_forms_of_media_have_the_official_titles() -> None:
    assert [form["title"] for form in SCHEMAS["BamlImage"]["oneOf"]] == ["BamlImageBase64", "BamlImageUrl"]


def test_names_are_those_of_hosts_and_not_of_models() -> None:
    assert SCHEMAS["Person"]["properties"]["name"] == {"type": "string", "description": "the whole name"}
    assert SCHEMAS["Mood"] == {
        "type": "string",
        "description": "How one feels.",
        "enum": ["Happy", "Sad"],
        "x-enum-descriptions": ["all is well", ""],
    }
    assert SCHEMAS["Box"]["properties"]["kind"] == {"enum": ["a", "b", 1]}


def test_what_goes_over_the_wire_fits() -> None:
    person = {"name": "Ada", "friends": []}
    rated = {"person": person, "stars": 3}
    box = {"rated": rated, "by_size": {"S": 1}, "kind": 1, "mood": "Sad", "owner": None}
    assert fits({"box": box, "tree": [1, {"a": [2]}]}, body("Keep"))
    media = {"text": "x", "picture": {"base64": "QQ==", "media_type": None}}
    assert fits(media, body("Extract")) and not fits(media | {"picture": "QQ=="}, body("Extract"))
    assert fits({"box": box, "tree": 1, "__baml_options__": {"client_registry": {"clients": []}}}, body("Keep"))
    assert not fits({"box": box | {"mood": "joy"}, "tree": 1}, body("Keep"))
    assert not fits({"box": box, "tree": 1, "more": 1}, body("Keep"))
    assert RUNTIME.call_function_sync("Keep", {"box": box, "tree": 1}) == 1
    answer = RUNTIME.parse(
        "Extract", json.dumps(box | {"rated": rated | {"person": {"full name": "A", "friends": []}}})
    )
    assert fits(bamlvm.to_builtins(answer), result("Extract"))
    assert fits(bamlvm.to_builtins(RUNTIME.call_function_sync("Count")), result("Count"))
    assert fits(None, result("Nothing"))


def test_a_type_with_checks_has_one_schema_as_an_argument_and_one_as_a_result() -> None:
    assert SCHEMAS["RatedInput"]["properties"]["stars"] == {"type": "integer", "format": "int64"}
    assert SCHEMAS["RatedInput"]["properties"]["next"]["anyOf"][0] == {"$ref": "#/components/schemas/RatedInput"}
    assert SCHEMAS["BoxInput"]["properties"]["rated"] == {"$ref": "#/components/schemas/RatedInput"}
    assert SCHEMAS["Rated"]["properties"]["stars"]["required"] == ["value", "checks"]
    assert "PersonInput" not in SCHEMAS


def test_what_has_no_form_as_json_is_left_out_by_name() -> None:
    assert "/call/Handle" not in DOCUMENT["paths"]
    assert DOCUMENT["info"]["description"].endswith("no form as JSON: Handle.")
    assert SCHEMAS.keys().isdisjoint({"Handler", "Back"})


def test_the_programs_own_names_come_first() -> None:
    source = """
    class BamlOptions { a image }
    class Check { b int @check(c, {{ true }}) }
    class CheckInput { d int }
    function stream_F(a: BamlOptions) -> Check { Check { b: 1 } }
    function F(a: Check, b: CheckInput) -> int { 1 }
    """
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        document = openapi_document(runtime)
    valid(document)
    schemas = document["components"]["schemas"]
    assert list(schemas["BamlOptions"]["properties"]) == ["a"]
    assert list(schemas["BamlOptions_"]["properties"]) == ["client_registry"]
    assert {"Check", "CheckInput", "CheckInput_", "baml.Check"} <= schemas.keys()
    identifiers = [path["post"]["operationId"] for path in document["paths"].values()]
    assert sorted(identifiers) == ["F", "stream_F", "stream_F_", "stream_stream_F"]


OFFICIAL = """
generator target {
  output_type "rest/openapi"
  output_dir "../"
  version "0.226.3"
}
client<llm> C {
  provider openai
  options {
    model "m"
    api_key "k"
  }
}
enum Color {
  Red @alias("rouge")
  Green
}
class Leaf {
  name string @alias("nom")
  n int?
}
class Tree {
  leaf Leaf
  kids Tree[]
  either int | string | Leaf
  m map<string, int>
  em map<Color, Leaf>
  checked int @check(pos, {{ this > 0 }})
}
function F(text: string, n: int?, photo: image, leaf: Leaf, color: Color) -> Tree {
  client C
  prompt #"{{ text }}"#
}
function G(sound: audio | int, page: pdf, film: video) -> Leaf[] {
  client C
  prompt #"{{ sound }}"#
}
function H() -> Leaf? {
  client C
  prompt #"x"#
}
"""


def test_it_has_all_that_the_official_document_has(tmp_path: Path) -> None:
    source = tmp_path / "baml_src"
    source.mkdir()
    (source / "main.baml").write_text(OFFICIAL)
    command = [str(Path(sys.executable).with_name("baml-cli")), "generate", "--from", str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    official = yaml.safe_load((tmp_path / "baml_client" / "openapi.yaml").read_text())
    with bamlvm.Runtime.from_directory(source) as runtime:
        ours = openapi_document(runtime)
    for path, methods in official["paths"].items():
        assert ours["paths"][path]["post"]["operationId"] == methods["post"]["operationId"]
    for name, request in official["components"]["requestBodies"].items():
        there = request["content"]["application/json"]["schema"]
        here = ours["components"]["requestBodies"][name]["content"]["application/json"]["schema"]
        assert here["title"] == there["title"]
        assert here["properties"].keys() == there["properties"].keys()
        assert sorted(here.get("required", [])) == sorted(there["required"])
    for name, there in official["components"]["schemas"].items():
        here = ours["components"]["schemas"][name]
        assert [form["title"] for form in here.get("oneOf", [])] == [form["title"] for form in there.get("oneOf", [])]
        assert here.get("enum") == there.get("enum")
        if name != "Check":  # whose `expr` is `expression` in what both servers send
            assert here.get("properties", {}).keys() == there.get("properties", {}).keys()
            assert set(here.get("required", [])) <= set(there.get("required", []))
            assert name == "BamlOptions" or len(here.get("required", [])) == len(there.get("required", []))
    assert ours["servers"] == official["servers"]


def test_the_address_and_the_title_are_the_services() -> None:
    document = openapi_document(RUNTIME, title="Orders", version="2", address="https://example.com")
    assert document["info"]["title"] == "Orders"
    assert document["servers"][0]["variables"]["address"]["default"] == "https://example.com"
    valid(document)
