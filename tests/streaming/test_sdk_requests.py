"""What we send beside what the providers' own SDKs send for the same conversation, down to the bytes of a real server.

Every difference is listed with its reason, and a difference that is gone must leave the list.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import anthropic
import boto3
import openai
import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

import bamlvm
from bamlvm.mock import Exchange, ThreadedMockServer
from bamlvm.sysops.providers.catalogue import PROVIDERS

PIXEL = base64.b64encode(b"\x89PNG not really").decode()
PROMPT = """
  {{ _.role("system") }} Be brief.
  {{ _.role("user") }} What is this? {{ picture }}
  {{ _.role("assistant") }} A pixel.
  {{ _.role("user") }} And now?
"""
CLIENTS = {
    "openai": 'model "gpt-4o"  temperature 0.5',
    "azure-openai": 'api_version "2025-01-01"  max_tokens 100',
    "openrouter": 'model "meta/llama"  max_tokens 100',
    "openai-responses": 'model "gpt-4.1"  max_output_tokens 100',
    "anthropic": 'model "claude-x"  max_tokens 100',
    "google-ai": 'model "gemini-x"  generationConfig { temperature 0.5  maxOutputTokens 100 }',
    "vertex-ai": 'model "gemini-x"  generationConfig { temperature 0.5  maxOutputTokens 100 }',
}
CLIENTS["aws-bedrock"] = (
    'model "anthropic.claude-x:0"  region "us-east-1"  inference_configuration { max_tokens 100  temperature 0.5 }'
)
CREDENTIALS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "sk-secret-key", "session_token": "session-token"}
PATHS = {"aws-bedrock": "", "azure-openai": "/openai/deployments/d", "anthropic": "", "google-ai": "/v1beta"}
PATHS["vertex-ai"] = "/v1/projects/p/locations/l/publishers/google/models"


def url(server: ThreadedMockServer, provider: str) -> str:
    """The base URL of a provider at the mock server."""
    return server.url + PATHS.get(provider, "/v1")


def ours(server: ThreadedMockServer, provider: str, stream: bool) -> None:
    options = f'{CLIENTS[provider]}  base_url "{url(server, provider)}"'
    if provider == "aws-bedrock":
        options += "".join(f'  {name} "{value}"' for name, value in CREDENTIALS.items())
    else:
        options += '  api_key "sk-key"'
    source = f"""
        client C {{ provider {provider}  options {{ {options} }} }}
        function Ask(picture: image) -> string {{ client C  prompt #"{PROMPT}"# }}
    """
    context = bamlvm.CallContext(on_partial=lambda *_: None) if stream else None
    with bamlvm.Runtime.from_files({"main.baml": source}, env={}) as runtime:
        runtime.call_function_sync("Ask", {"picture": bamlvm.Media("image", "image/png", "base64", PIXEL)}, context)


# --- the same with the SDKs -------------------------------------------------------------------------------------------

CHAT: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        ],
    },
    {"role": "assistant", "content": "A pixel."},
    {"role": "user", "content": "And now?"},
]


def finish(answer: Any, stream: bool) -> None:
    """Read a streamed answer to its end."""
    for _ in answer if stream else ():
        pass


def chat(client: openai.OpenAI, stream: bool, usage: bool, **options: Any) -> None:
    if stream:
        options["stream"] = True
    if stream and usage:
        options["stream_options"] = {"include_usage": True}
    with client:
        finish(client.chat.completions.create(messages=CHAT, **options), stream)


def openai_sdk(server: ThreadedMockServer, stream: bool) -> None:
    client = openai.OpenAI(api_key="sk-key", base_url=url(server, "openai"))
    chat(client, stream, True, model="gpt-4o", temperature=0.5)


def azure_sdk(server: ThreadedMockServer, stream: bool) -> None:
    client = openai.AzureOpenAI(api_key="sk-key", api_version="2025-01-01", base_url=url(server, "azure-openai"))
    chat(client, stream, True, model="d", max_tokens=100)


def openrouter_sdk(server: ThreadedMockServer, stream: bool) -> None:
    client = openai.OpenAI(api_key="sk-key", base_url=url(server, "openrouter"))
    chat(client, stream, False, model="meta/llama", max_tokens=100)


def responses_sdk(server: ThreadedMockServer, stream: bool) -> None:
    picture = {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PIXEL}"}
    items: Any = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "What is this?"}, picture]},
        {"role": "assistant", "content": "A pixel."},
        {"role": "user", "content": "And now?"},
    ]
    flag: Any = {"stream": True} if stream else {}
    with openai.OpenAI(api_key="sk-key", base_url=url(server, "openai-responses")) as client:
        finish(client.responses.create(model="gpt-4.1", max_output_tokens=100, input=items, **flag), stream)


def anthropic_sdk(server: ThreadedMockServer, stream: bool) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    messages: Any = [
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image", "source": source}]},
        {"role": "assistant", "content": "A pixel."},
        {"role": "user", "content": "And now?"},
    ]
    system: Any = "Be brief."
    flag: Any = {"stream": True} if stream else {}
    with anthropic.Anthropic(api_key="sk-key", base_url=url(server, "anthropic")) as client:
        answer = client.messages.create(model="claude-x", max_tokens=100, system=system, messages=messages, **flag)
        finish(answer, stream)


def google_sdk(server: ThreadedMockServer, stream: bool) -> None:
    place = types.HttpOptions(base_url=server.url, api_version="v1beta")
    generate(genai.Client(api_key="sk-key", vertexai=False, http_options=place), stream)


def vertex_sdk(server: ThreadedMockServer, stream: bool) -> None:
    place = types.HttpOptions(base_url=server.url, api_version="v1")
    token = Credentials("sk-key")
    generate(
        genai.Client(vertexai=True, project="p", location="l", credentials=token, http_options=place),
        stream,
    )


def generate(client: genai.Client, stream: bool) -> None:
    image = types.Part.from_bytes(data=base64.b64decode(PIXEL), mime_type="image/png")
    contents: Any = [
        types.Content(role="user", parts=[types.Part(text="What is this?"), image]),
        types.Content(role="model", parts=[types.Part(text="A pixel.")]),
        types.Content(role="user", parts=[types.Part(text="And now?")]),
    ]
    config = types.GenerateContentConfig(system_instruction="Be brief.", temperature=0.5, max_output_tokens=100)
    with client:
        if stream:
            finish(client.models.generate_content_stream(model="gemini-x", contents=contents, config=config), True)
        else:
            client.models.generate_content(model="gemini-x", contents=contents, config=config)


def bedrock_sdk(server: ThreadedMockServer, stream: bool) -> None:
    given = {f"aws_{name}": value for name, value in CREDENTIALS.items()}
    client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=server.url, **given)
    image = {"image": {"format": "png", "source": {"bytes": base64.b64decode(PIXEL)}}}
    messages: Any = [
        {"role": "user", "content": [{"text": "What is this?"}, image]},
        {"role": "assistant", "content": [{"text": "A pixel."}]},
        {"role": "user", "content": [{"text": "And now?"}]},
    ]
    asked: Any = {
        "modelId": "anthropic.claude-x:0",
        "system": [{"text": "Be brief."}],
        "messages": messages,
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.5},
    }
    try:
        if stream:
            events = list(client.converse_stream(**asked)["stream"])
            assert [name for event in events[-2:] for name in event] == ["messageStop", "metadata"]
        else:
            assert client.converse(**asked)["stopReason"] == "end_turn"
    finally:
        client.close()


# --- the differences --------------------------------------------------------------------------------------------------


def flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The leaves of a JSON value, by their path."""
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from flat(entry, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for place, entry in enumerate(value):
            yield from flat(entry, f"{path}[{place}]")
    else:
        yield path, value


def leaves(exchange: Exchange) -> dict[str, Any]:
    request = exchange.request
    found = {f"header {name}": value for name, value in request.headers.items()}
    scheme, _, rest = found.get("header authorization", "").partition(" ")
    if scheme == "AWS4-HMAC-SHA256":  # everything but the signature, which is of another body
        found |= dict(part.split("=") for part in f"authorization {rest}".replace("authorization ", "").split(", "))
        del found["header authorization"], found["Signature"], found["header x-amz-date"]
    return {**found, "path": request.path, "query": request.query, **dict(flat(exchange.body, "body"))}


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (left.get(name), right.get(name)) for name in sorted({*left, *right}) if left.get(name) != right.get(name)
    }


@dataclass(frozen=True)
class Peer:
    """An SDK's call, and how its request differs from ours: a glob of what differs → why that is right."""

    call: Callable[[ThreadedMockServer, bool], None]
    differs: Mapping[str, str] = field(default_factory=dict)


ALWAYS = {"header user-agent": "each says who it is"}
STREAMED = {
    "header accept": "the media type of event streams, by their specification; the SDKs ask for JSON and get events",
    "header accept-encoding": "a compressed stream arrives in the blocks of the compressor, not when it is written",
    "header cache-control": "by the specification of event streams",
}
STAINLESS = {"header x-stainless-*": "the SDK reports on itself to its makers"}
WHOLE = {"header accept": "we take what comes; what is no JSON is an error with an excerpt"}
PEERS = {
    "openai": Peer(openai_sdk, STAINLESS),
    "azure-openai": Peer(
        azure_sdk,
        {
            **STAINLESS,
            "body.model": "the SDK's argument must be given; Azure takes the model from the deployment in the path",
            "header content-length": "that of the body",
        },
    ),
    "openrouter": Peer(openrouter_sdk, STAINLESS),
    "openai-responses": Peer(responses_sdk, STAINLESS),
    "anthropic": Peer(
        anthropic_sdk,
        {
            **STAINLESS,
            "header authorization": "the SDK of this version sends keys as bearer tokens",
            "header x-api-key": "the header that the API reference documents for keys",
            "header anthropic-version": "the version that the API reference documents; a header option lifts it",
        },
    ),
    "google-ai": Peer(
        google_sdk,
        {
            "header x-goog-api-client": "the SDK reports on itself to its makers",
            "header content-length": "that of the body",
            "body.systemInstruction.role": "the SDK puts one; the reference has none: a system instruction is nobody's",
            "body.contents[[]0].parts[[]1].inlineData.mime*": "both forms of a protocol buffer's member are taken; "
            "the reference writes mimeType",
        },
    ),
    "vertex-ai": Peer(
        vertex_sdk,
        {
            "header x-goog-api-client": "the SDK reports on itself to its makers",
            "header content-length": "that of the body",
            "body.systemInstruction.role": "the SDK puts one; the reference has none: a system instruction is nobody's",
            "body.contents[[]0].parts[[]1].inlineData.mime*": "both forms of a protocol buffer's member are taken; "
            "the reference writes mimeType",
        },
    ),
}


PEERS["aws-bedrock"] = Peer(
    bedrock_sdk,
    {
        "header accept*": "we say what we can read",
        "header amz-sdk-*": "the SDK counts its own retries",
        "header content-length": "that of the body, which the SDK writes with spaces",
        "header connection": "the SDK's HTTP client leaves the default unsaid",
    },
)


def test_every_provider_with_an_sdk_of_its_own_has_a_peer() -> None:
    without = {"openai-generic": "as openai, but for text as text", "ollama": "as openai"}
    assert set(PEERS) | set(without) == set(PROVIDERS)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", PEERS)
def test_we_send_what_the_sdk_sends(threaded_mock_server: ThreadedMockServer, provider: str, stream: bool) -> None:
    ours(threaded_mock_server, provider, stream)
    PEERS[provider].call(threaded_mock_server, stream)
    left, right = threaded_mock_server.requests
    assert left.status == right.status == 200
    found = differences(leaves(left), leaves(right))
    listed = {**ALWAYS, **(STREAMED if stream else WHOLE), **PEERS[provider].differs}
    if provider in ("google-ai", "vertex-ai") and not stream:
        del listed["header accept"]  # Google's SDK takes what comes, too
    if provider == "aws-bedrock" and stream:
        del listed["header accept-encoding"]  # nor does boto3 ask for a coding
    unexplained = {name: pair for name, pair in found.items() if not any(fnmatchcase(name, glob) for glob in listed)}
    assert not unexplained
    assert not [glob for glob in listed if not any(fnmatchcase(name, glob) for name in found)], "no difference any more"
