"""What the output modes send, held against the providers' own SDKs.

Each SDK is asked the same question in its own words: its request must be ours, and it must read the mock server's
answer as an answer of the form.  Where an SDK derives schemas itself, ours must be what it would make of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import boto3
import openai
import pytest
from anthropic.lib._parse._transform import transform_schema
from google import genai
from google.genai import types
from openai.lib._pydantic import _ensure_strict_json_schema

import bamlvm
from bamlvm.mock import ThreadedMockServer

PROGRAM = """
enum Color { Red @alias("rot") @description("like blood")  Green }
class Item { name string @description("what it is called")  price float?  color Color  kind "a" | "b" }
class Order { items Item[]  first Item? @description("the first one")  last Item @description("the last one") }
class Refund { order int }
class Ship { city string }
client<llm> C { provider PROVIDER  options { OPTIONS } }
function One(text: string) -> Order { client C  prompt #"{{ text }}"# }
function Wrapped(text: string) -> Color[] { client C  prompt #"{{ text }}"# }
function Either(text: string) -> Refund | Ship { client C  prompt #"{{ text }}"# }
function Many(text: string) -> (Refund | Ship)[] { client C  prompt #"{{ text }}"# }
"""
OPTIONS = {
    "openai": 'model "gpt-4o"  api_key "k"  base_url "URL/v1"',
    "openai-responses": 'model "gpt-4o"  api_key "k"  base_url "URL/v1"',
    "anthropic": 'model "claude-x"  max_tokens 100  api_key "k"  base_url "URL"',
    "google-ai": 'model "gemini-x"  api_key "k"  base_url "URL/v1beta"',
    "aws-bedrock": 'model "m"  region "us-east-1"  api_key "k"  base_url "URL"',
}
ITEM = {"name": "a", "price": None, "color": "rot", "kind": "b"}
ANSWERS: dict[str, Any] = {
    "One": {"items": [ITEM], "first": None, "last": ITEM},
    "Wrapped": ["rot", "Green"],
    "Either": {"city": "Oslo"},
    "Many": [{"order": 1}, {"city": "Oslo"}],
}
FUNCTIONS = tuple(ANSWERS)
MODES = ("json_schema", "tool")


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMockServer]:
    with ThreadedMockServer() as server:
        yield server


def ours(server: ThreadedMockServer, provider: str, mode: str, function: str) -> dict[str, Any]:
    """Call the function and return the body of its request."""
    server.play({"rules": [{"answers": [{"text": json.dumps(ANSWERS[function]), "piece_length": 4}]}]})
    options = OPTIONS[provider].replace("URL", server.url) + f'  output_mode "{mode}"'
    source = PROGRAM.replace("PROVIDER", provider).replace("OPTIONS", options)
    with bamlvm.Runtime.from_files({"main.baml": source}, env={}) as runtime:
        value = runtime.call_function_sync(function, {"text": "T"})
        assert value == runtime.parse(function, json.dumps(ANSWERS[function]))
    body = server.requests[-1].body
    assert isinstance(body, dict)
    return body


def read_calls(function: str, calls: list[tuple[str, Any]]) -> None:
    """Hold what an SDK has read of tool calls against the answer."""
    answer = ANSWERS[function]
    values = [arguments for _, arguments in calls]
    assert values == (answer if function == "Many" else [{"value": answer} if function == "Wrapped" else answer])
    names = {"One": ["Order"], "Wrapped": ["answer"], "Either": ["Ship"], "Many": ["Refund", "Ship"]}
    assert [name for name, _ in calls] == names[function]


def read_text(function: str, text: str) -> None:
    answer = ANSWERS[function]
    assert json.loads(text) == (answer if function == "One" else {"value": answer})


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_openai(server: ThreadedMockServer, mode: str, function: str) -> None:
    body = ours(server, "openai", mode, function)
    with openai.OpenAI(api_key="k", base_url=f"{server.url}/v1") as client:
        answer = client.chat.completions.create(**body)
        assert server.requests[-1].body == body
        streamed = list(client.chat.completions.create(**body, stream=True))
    message = answer.choices[0].message
    if mode == "json_schema":
        read_text(function, message.content or "")
        read_text(function, "".join(chunk.choices[0].delta.content or "" for chunk in streamed))
        schemas = [body["response_format"]["json_schema"]["schema"]]
    else:
        calls = [call.function for call in message.tool_calls or () if call.type == "function"]
        read_calls(function, [(call.name, json.loads(call.arguments)) for call in calls])
        assert answer.choices[0].finish_reason == streamed[-1].choices[0].finish_reason == "tool_calls"
        schemas = [tool["function"]["parameters"] for tool in body["tools"]]
    for schema in schemas:
        made = _ensure_strict_json_schema(json.loads(json.dumps(schema)), path=(), root=schema)
        assert made == schema


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_responses(server: ThreadedMockServer, mode: str, function: str) -> None:
    body = ours(server, "openai-responses", mode, function)
    with openai.OpenAI(api_key="k", base_url=f"{server.url}/v1") as client:
        answer = client.responses.create(**body)
        assert server.requests[-1].body == body
        with client.responses.stream(**body) as stream:
            final = stream.get_final_response()
    for read in (answer, final):
        if mode == "json_schema":
            read_text(function, read.output_text)
        else:
            calls = [item for item in read.output if item.type == "function_call"]
            read_calls(function, [(call.name, json.loads(call.arguments)) for call in calls])


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_anthropic(server: ThreadedMockServer, mode: str, function: str) -> None:
    body = ours(server, "anthropic", mode, function)
    with anthropic.Anthropic(api_key="k", base_url=server.url) as client:
        answer = client.messages.create(**body)
        assert server.requests[-1].body == body
        with client.messages.stream(**body) as stream:
            final = stream.get_final_message()
    for read in (answer, final):
        if mode == "json_schema":
            read_text(function, "".join(block.text for block in read.content if block.type == "text"))
        else:
            calls = [block for block in read.content if block.type == "tool_use"]
            read_calls(function, [(call.name, call.input) for call in calls])
            assert read.stop_reason == "tool_use"
    if mode == "json_schema":
        schema = body["output_config"]["format"]["schema"]
        assert untyped(transform_schema(schema)) == untyped(schema)


def untyped(schema: Any) -> Any:
    """A schema without ``type`` beside ``enum``, which the SDK leaves out."""
    if isinstance(schema, list):
        return [untyped(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: untyped(each) for key, each in schema.items() if key != "type" or "enum" not in schema}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_google(server: ThreadedMockServer, mode: str, function: str) -> None:
    body = ours(server, "google-ai", mode, function)
    given = body.get("generationConfig", {})
    functions = [each for tool in body.get("tools", ()) for each in tool["functionDeclarations"]]
    declared = [
        types.FunctionDeclaration(
            name=each["name"],
            description=each["description"],
            parameters_json_schema=each["parametersJsonSchema"],
        )
        for each in functions
    ]
    config = types.GenerateContentConfig(
        response_mime_type=given.get("responseMimeType"),
        response_json_schema=given.get("responseJsonSchema"),
        tools=[types.Tool(function_declarations=declared)] if declared else None,
        tool_config=types.ToolConfig.model_validate(body["toolConfig"]) if declared else None,
    )
    place = types.HttpOptions(base_url=server.url, api_version="v1beta")
    with genai.Client(api_key="k", vertexai=False, http_options=place) as client:
        answer = client.models.generate_content(model="gemini-x", contents="T", config=config)
        theirs = json.loads(
            json.dumps(server.requests[-1].body).replace("parameters_json_schema", "parametersJsonSchema")
        )
        empty: dict[str, Any] = {"contents": None, "generationConfig": {}}  # the SDK sends one in any case
        assert {**empty, **theirs, "contents": None} == {**empty, **body, "contents": None}
    if mode == "json_schema":
        read_text(function, answer.text or "")
    else:
        read_calls(function, [(call.name or "", call.args) for call in answer.function_calls or ()])


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_bedrock(server: ThreadedMockServer, mode: str, function: str) -> None:
    body = ours(server, "aws-bedrock", mode, function)
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "s"}
    client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=server.url, **keys)
    try:
        answer = client.converse(modelId="m", **body)
        assert server.requests[-1].body == body
        events = list(client.converse_stream(modelId="m", **body)["stream"])
    finally:
        client.close()
    content = answer["output"]["message"]["content"]
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    if mode == "json_schema":
        read_text(function, "".join(block["text"] for block in content))
        read_text(function, "".join(delta["text"] for delta in deltas))
    else:
        read_calls(function, [(block["toolUse"]["name"], block["toolUse"]["input"]) for block in content])
        assert answer["stopReason"] == "tool_use"
        assert [
            event["contentBlockStart"]["start"]["toolUse"]["name"] for event in events if "contentBlockStart" in event
        ]
