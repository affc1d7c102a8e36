"""Requests and whole answers of the wire formats, checked against what the providers' own SDKs send and declare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import anthropic.types
import openai.types.chat
import openai.types.responses
import pydantic
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from google.genai import types as genai_types
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers import anthropic as anthropic_wire
from bamlvm.sysops.providers import google as google_wire
from bamlvm.sysops.providers import openai as openai_wire
from bamlvm.sysops.providers import responses as responses_wire
from bamlvm.sysops.providers.catalogue import PROVIDERS, answer_wire, provider_of, streams
from bamlvm.sysops.providers.options import OWN, Options
from bamlvm.sysops.providers.roles import default_role, specialise
from bamlvm.sysops.providers.wire import HttpRequest
from bamlvm.vm.program.declarations import environment_reference
from bamlvm.vm.program.llm import ClientInfo
from bamlvm.vm.values import Media, Thrown

ENV = {
    "OPENAI_API_KEY": "sk-o",
    "ANTHROPIC_API_KEY": "sk-a",
    "AZURE_OPENAI_API_KEY": "sk-z",
    "OPENROUTER_API_KEY": "sk-r",
    "GOOGLE_API_KEY": "sk-g",
}
CHAT = [
    Message("system", [Part("Be brief.")]),
    Message("user", [Part("Hi"), Part("there")]),
    Message("assistant", [Part("Hello")]),
    Message("user", [Part("Bye")]),
]
WIRES = {
    "openai": openai_wire,
    "openai-responses": responses_wire,
    "anthropic": anthropic_wire,
    "google-ai": google_wire,
}


def options(provider: str, env: Mapping[str, str] = ENV, **values: Any) -> Options:
    return Options(ClientInfo("C", provider, None, values), env)


def request(
    provider: str,
    messages: list[Message] | None = None,
    stream: bool = False,
    env: Mapping[str, str] = ENV,
    **values: Any,
) -> HttpRequest:
    given = options(provider, env, **values)
    row = provider_of(given.client)
    fitted = specialise(row, given, CHAT if messages is None else messages)
    return WIRES[row.wire].build(row, given, fitted, stream)


def invalid(provider: str, **values: Any) -> str:
    with pytest.raises(Thrown) as caught:
        request(provider, **values)
    assert caught.value.class_name == "baml.errors.InvalidArgument"
    message = str(caught.value.fields["message"])
    assert message.startswith("client C: ")
    return message


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


# --- golden bodies ----------------------------------------------------------------------------------------------------


def test_openai() -> None:
    built = request("openai", model="gpt-4o", temperature=0.5)
    assert built.url == "https://api.openai.com/v1/chat/completions"
    assert built.headers == {"content-type": "application/json", "authorization": "Bearer sk-o"}
    assert built.body == {
        "model": "gpt-4o",
        "temperature": 0.5,
        "messages": [
            {"role": "system", "content": [text("Be brief.")]},
            {"role": "user", "content": [text("Hi"), text("there")]},
            {"role": "assistant", "content": [text("Hello")]},
            {"role": "user", "content": [text("Bye")]},
        ],
    }
    assert "timeouts" not in built.body


def test_anthropic() -> None:
    built = request("anthropic", model="claude-sonnet-4-20250514")
    assert built.url == "https://api.anthropic.com/v1/messages"
    assert built.headers == {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "x-api-key": "sk-a",
    }
    assert built.body == {
        "model": "claude-sonnet-4-20250514",
        "max_tokens": 4096,
        "system": [text("Be brief.")],
        "messages": [
            {"role": "user", "content": [text("Hi"), text("there")]},
            {"role": "assistant", "content": [text("Hello")]},
            {"role": "user", "content": [text("Bye")]},
        ],
    }


def test_streaming_differs_in_the_flags_alone() -> None:
    whole, streamed = request("openai", model="m"), request("openai", model="m", stream=True)
    assert streamed.body == {**whole.body, "stream": True, "stream_options": {"include_usage": True}}
    assert (streamed.url, streamed.headers) == (whole.url, whole.headers)
    kept = request("openai", model="m", stream=True, stream_options={"include_obfuscation": False})
    assert kept.body["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "stream_options" not in request("openai", model="m", stream_options={"include_usage": True}).body
    for provider, extra in (
        ("anthropic", {}),
        ("openai-generic", {"base_url": "http://h/v1"}),
        ("openai-responses", {}),
    ):
        whole = request(provider, model="m", **extra)
        assert request(provider, model="m", stream=True, **extra).body == {**whole.body, "stream": True}


def test_generic_servers_get_text_as_text() -> None:
    built = request("openai-generic", model="m", base_url="http://h:1/v1/")
    assert built.url == "http://h:1/v1/chat/completions"
    assert built.headers == {"content-type": "application/json"}
    assert [message["content"] for message in built.body["messages"]] == ["Be brief.", "Hi there", "Hello", "Bye"]
    parts = [Message("user", [Part("x", {"cache_control": {"type": "e"}})])]
    marked = request("openai-generic", parts, model="m", base_url="http://h", allowed_role_metadata="all")
    assert marked.body["messages"] == [{"role": "user", "content": [{**text("x"), "cache_control": {"type": "e"}}]}]


def test_azure() -> None:
    built = request("azure-openai", resource_name="r", deployment_id="d", api_version="2024-02-01")
    assert built.url == "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-02-01"
    assert built.headers["api-key"] == "sk-z"
    assert set(built.body) == {"messages", "max_tokens"}
    assert built.body["max_tokens"] == 4096
    based = request("azure-openai", base_url="https://h/d?x=1", api_version="v", max_completion_tokens=5)
    assert based.url == "https://h/d/chat/completions?x=1&api-version=v"
    assert set(based.body) == {"messages", "max_completion_tokens"}
    assert "max_tokens" not in request("azure-openai", base_url="https://h", max_tokens=None).body
    assert "resource_name" in invalid("azure-openai", api_version="v")
    assert "api_version" in invalid("azure-openai", resource_name="r", deployment_id="d")


def test_azure_asks_for_usage_where_its_version_knows_how() -> None:
    for version, expected in (("2024-02-01", False), ("2024-08-01-preview", True), ("2025-01-01", True), ("v1", True)):
        built = request("azure-openai", stream=True, base_url="https://h", api_version=version)
        assert ("stream_options" in built.body) is expected, version
    assert "stream_options" in request("azure-openai", stream=True, base_url="https://h/openai/v1").body
    searching = request("azure-openai", stream=True, base_url="https://h", api_version="2025-01-01", data_sources=[])
    assert "stream_options" not in searching.body
    old = request("azure-openai", stream=True, base_url="https://h", api_version="1", stream_options={"x": 1})
    assert old.body["stream_options"] == {"x": 1}


def test_azures_entra_id_is_refused_and_its_secret_never_sent() -> None:
    for name in ("tenant_id", "client_id", "client_secret"):
        message = invalid("azure-openai", base_url="https://h", **{name: "sk-very-secret"})
        assert name in message and "sk-very-secret" not in message


def test_addresses_and_keys_of_the_others() -> None:
    ollama = request("ollama", model="m", stream=True)
    assert ollama.url == "http://localhost:11434/v1/chat/completions"
    assert "authorization" not in ollama.headers
    assert ollama.body["stream_options"] == {"include_usage": True}
    router = request("openrouter", model="m", stream=True)
    assert router.url == "https://openrouter.ai/api/v1/chat/completions"
    assert router.headers["authorization"] == "Bearer sk-r"
    assert "stream_options" not in router.body  # always reported, says its reference


def test_responses() -> None:
    built = request("openai-responses", model="gpt-4.1", max_output_tokens=5, instructions="Rhyme.", stream=True)
    assert built.url == "https://api.openai.com/v1/responses"
    assert built.headers == {"content-type": "application/json", "authorization": "Bearer sk-o"}
    assert built.body == {
        "model": "gpt-4.1",
        "max_output_tokens": 5,
        "instructions": "Rhyme.",
        "input": [
            {"role": "system", "content": [{"type": "input_text", "text": "Be brief."}]},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_text", "text": "there"}],
            },
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": [{"type": "input_text", "text": "Bye"}]},
        ],
        "stream": True,
    }
    parts = [Message("assistant", [Part("a"), Part("b")])]
    assert request("openai-responses", parts, model="m").body["input"] == [
        {"role": "assistant", "content": [{"type": "output_text", "text": word} for word in ("a", "b")]}
    ]


def test_google() -> None:
    config = {"temperature": 0.5, "maxOutputTokens": 5}
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    built = request("google-ai", model="gemini-2.5-flash", generationConfig=config, safetySettings=safety)
    assert built.url == "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
    assert built.headers == {"content-type": "application/json", "x-goog-api-key": "sk-g"}
    assert built.body == {
        "generationConfig": config,
        "safetySettings": safety,
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}, {"text": "there"}]},
            {"role": "model", "parts": [{"text": "Hello"}]},
            {"role": "user", "parts": [{"text": "Bye"}]},
        ],
    }
    streamed = request("google-ai", stream=True, model="tunedModels/a b", base_url="http://h/v1?k=1", stream_options=1)
    assert streamed.url == "http://h/v1/tunedModels/a%20b:streamGenerateContent?k=1&alt=sse"
    assert "stream" not in streamed.body and "model" not in streamed.body
    assert "needs the option model" in invalid("google-ai")


# --- the SDKs ---------------------------------------------------------------------------------------------------------

IMAGE = Media("image", "image/png", "base64", "AA==")
LINK = Media("image", None, "url", "https://h/x.png")
PDF = Media("pdf", "application/pdf", "base64", "AA==")
PDF_LINK = Media("pdf", None, "url", "https://h/x.pdf")
VIDEO = Media("video", "video/mp4", "url", "https://h/x.mp4")
SOUND = Media("audio", "audio/mpeg", "base64", "AA==")


@pytest.mark.parametrize("stream", [False, True])
def test_the_openai_sdk_takes_the_body(stream: bool) -> None:
    messages = [*CHAT, Message("user", [Part("see"), Part(IMAGE), Part(LINK), Part(PDF), Part(SOUND)])]
    body = request("openai", messages, stream, model="gpt-4o", temperature=1, max_completion_tokens=5).body
    params = CompletionCreateParamsStreaming if stream else CompletionCreateParamsNonStreaming
    taken = pydantic.TypeAdapter(params).validate_python(body)
    assert set(taken) == set(body)


@pytest.mark.parametrize("stream", [False, True])
def test_the_anthropic_sdk_takes_the_body(stream: bool) -> None:
    cached = Part("see", {"cache_control": {"type": "ephemeral"}})
    messages = [*CHAT, Message("user", [cached, Part(IMAGE), Part(LINK), Part(PDF)])]
    body = request(
        "anthropic", messages, stream, model="claude", stop_sequences=["x"], allowed_role_metadata=["cache_control"]
    ).body
    params = MessageCreateParamsStreaming if stream else MessageCreateParamsNonStreaming
    taken = pydantic.TypeAdapter(params).validate_python(body)
    assert set(taken) == set(body)
    assert body["messages"][-1]["content"][0]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize("stream", [False, True])
def test_the_responses_sdk_takes_the_body(stream: bool) -> None:
    messages = [*CHAT, Message("user", [Part("see"), Part(IMAGE), Part(LINK), Part(PDF), Part(PDF_LINK)])]
    body = request("openai-responses", messages, stream, model="gpt-4.1", temperature=1, max_output_tokens=5).body
    params = ResponseCreateParamsStreaming if stream else ResponseCreateParamsNonStreaming
    taken = pydantic.TypeAdapter(params).validate_python(body)
    assert set(taken) == set(body)


def test_the_google_sdk_takes_the_body() -> None:
    messages = [*CHAT, Message("user", [Part("see"), Part(IMAGE), Part(LINK), Part(PDF), Part(SOUND), Part(VIDEO)])]
    body = request("google-ai", messages, model="m", generationConfig={"temperature": 1}).body
    for content in (*body["contents"], body["systemInstruction"]):
        taken = genai_types.Content.model_validate(content, extra="forbid")
        assert taken.model_dump(by_alias=True, exclude_none=True, mode="json") == content
    genai_types.GenerateContentConfig.model_validate(body["generationConfig"], extra="forbid")


# --- roles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "values", "role"),
    [
        ("openai", {}, "system"),
        ("openai", {"model": "o1-mini"}, "user"),
        ("openai", {"model": "o1"}, "user"),
        ("openai", {"model": "o3-mini"}, "system"),
        ("openai", {"allowed_roles": ["user", "assistant"]}, "user"),
        ("openai", {"allowed_roles": ["assistant", "user"]}, "assistant"),
        ("openai", {"default_role": "developer"}, "developer"),
        ("anthropic", {}, "user"),
        ("ollama", {}, "user"),
        ("openai-generic", {}, "system"),
    ],
)
def test_default_role(provider: str, values: dict[str, Any], role: str) -> None:
    given = options(provider, **values)
    assert default_role(PROVIDERS[provider], given) == role


def roles_of(built: HttpRequest) -> list[str]:
    return [message["role"] for message in built.body["messages"]]


def test_roles_that_are_not_allowed_become_the_default_and_then_are_renamed() -> None:
    chat = [Message(role, [Part("x")]) for role in ("system", "weird", "user")]
    assert roles_of(request("openai", chat, model="m")) == ["system", "user"]
    assert roles_of(request("openai", chat, model="m", default_role="user")) == ["system", "user"]
    assert roles_of(request("openai", chat, model="m", remap_roles={"user": "human"})) == ["system", "human"]
    assert roles_of(request("openai", chat, model="m", remap_roles={"weird": "odd"}, allowed_roles=["weird"])) == [
        "odd"
    ]
    assert roles_of(request("openai", chat, model="o1-mini")) == ["user"]


def test_only_a_first_system_message_is_anthropics_system() -> None:
    chat = [Message(role, [Part(role)]) for role in ("system", "user", "system", "user")]
    built = request("anthropic", chat, model="m")
    assert built.body["system"] == [text("system")]
    assert roles_of(built) == ["user", "user", "user"]
    alone = request("anthropic", chat[:1], model="m")
    assert "system" not in alone.body
    assert roles_of(alone) == ["user"]
    own = request("anthropic", chat[:1], model="m", system="mine")
    assert own.body["system"] == "mine"
    assert request("anthropic", chat, model="m", system="mine").body["system"] == [text("system")]


def test_only_a_first_system_message_is_googles_system_instruction() -> None:
    chat = [Message(role, [Part(role)]) for role in ("system", "user", "system", "assistant")]
    built = request("google-ai", chat, model="m", system_instruction={"parts": [{"text": "mine"}]})
    assert built.body["systemInstruction"] == {"parts": [{"text": "system"}]}
    assert "system_instruction" not in built.body
    assert [content["role"] for content in built.body["contents"]] == ["user", "user", "model"]
    alone = request("google-ai", chat[:1], model="m", systemInstruction={"parts": []})
    assert alone.body["systemInstruction"] == {"parts": []}
    assert [content["role"] for content in alone.body["contents"]] == ["user"]
    renamed = request("google-ai", chat, model="m", remap_roles={"user": "function"})
    assert [content["role"] for content in renamed.body["contents"]] == ["function", "user", "model"]


def test_a_renamed_system_prompt_stays_in_the_conversation() -> None:
    chat = [Message(role, [Part(role)]) for role in ("system", "user")]
    for provider, prompt in (("anthropic", "messages"), ("google-ai", "contents")):
        body = request(provider, chat, model="m", remap_roles={"system": "user"}).body
        assert not {"system", "systemInstruction"} & set(body)
        (message,) = body[prompt]  # neighbours by renaming are one message
        assert len(message.get("content") or message["parts"]) == 2


def test_messages_that_were_separate_stay_so() -> None:
    twice = [Message("user", [Part("a")]), Message("user", [Part("b")])]
    assert roles_of(request("openai", twice, model="m")) == ["user", "user"]
    assert roles_of(request("openai", twice, model="m", remap_roles={"user": "human"})) == ["human", "human"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_metadata_is_on_every_part_of_its_message(provider: str) -> None:
    image = Media("image", "image/png", "base64", "AA==")
    mark = {"cache_control": {"type": "ephemeral"}}
    chat = [Message("user", [Part("a", {**mark, "other": 1}), Part(image, mark)]), Message("assistant", [Part("b")])]
    given: dict[str, Any] = {"model": "m", "allowed_role_metadata": ["cache_control"], "base_url": "http://h"}
    body = request(provider, chat, **given).body
    first, second = body.get("messages") or body.get("input") or body["contents"]
    parts = first.get("content") or first["parts"]
    assert [part["cache_control"] for part in parts] == [mark["cache_control"]] * 2
    assert "other" not in json.dumps(body) and "cache_control" not in json.dumps(second)
    for said in ([], "none", None):
        assert "cache_control" not in json.dumps(
            request(provider, chat, **{**given, "allowed_role_metadata": said}).body
        )
    assert '"other": 1' in json.dumps(request(provider, chat, **{**given, "allowed_role_metadata": "all"}).body)


def test_metadata_is_passed_on_only_where_allowed() -> None:
    chat = [Message("user", [Part("x", {"cache_control": {"type": "e"}, "other": 1})])]
    part = request("anthropic", chat, model="m").body["messages"][0]["content"][0]
    assert part == text("x")
    part = request("anthropic", chat, model="m", allowed_role_metadata="all").body["messages"][0]["content"][0]
    assert part == {**text("x"), "cache_control": {"type": "e"}, "other": 1}
    assert chat[0].parts[0].metadata == {"cache_control": {"type": "e"}, "other": 1}


# --- options ----------------------------------------------------------------------------------------------------------


def test_our_own_options_stay_out_of_the_body_and_all_others_are_in_it() -> None:
    own = {
        "base_url": "http://h",
        "api_key": "k",
        "default_role": "user",
        "allowed_roles": ["user"],
        "allowed_role_metadata": ["x"],
        "remap_roles": {"a": "b"},
        "headers": {"x-a": "1"},
        "finish_reason_allow_list": ["stop"],
        "finish_reason_deny_list": ["length"],
        "http": {"connect_timeout_ms": 5},
        "supports_streaming": True,
        "client_response_type": "openai",
        "media_url_handler": {"image": "send_url"},
        "query_params": {"a": "b c"},
    }
    others = {"model": "m", "max_tokens": None, "nested": {"a": [1, {"b": True}]}, "tools": []}
    for provider in PROVIDERS:
        built = request(provider, **own, **others, messages_ignored=1, api_version="v", resource_name="r")
        kept = set(others) - ({"model"} if provider == "google-ai" else set())
        kept -= {"max_tokens"} if provider == "azure-openai" else set()
        assert {key: built.body[key] for key in kept} == {key: others[key] for key in kept}
        azure = set() if provider == "azure-openai" else {"api_version", "resource_name"}
        prompt = {"openai-responses": "input", "google-ai": "contents"}.get(provider, "messages")
        assert set(built.body) == {*kept, *azure, "messages_ignored", prompt}
        assert built.url.endswith("a=b+c")
    assert set(own) == OWN


def test_options_that_the_prompt_decides_are_ignored() -> None:
    built = Options(ClientInfo("C", "openai", None, {"messages": 1, "stream": True, "model": "m"}), ENV)
    assert openai_wire.build(PROVIDERS["openai"], built, CHAT[:1], False).body == {
        "model": "m",
        "messages": [{"role": "system", "content": [text("Be brief.")]}],
    }


def test_headers() -> None:
    built = request("openai", model="m", headers={"X-A": "1", "Authorization": "Basic z", "N": 2, "B": True})
    assert built.headers == {
        "content-type": "application/json",
        "authorization": "Basic z",
        "x-a": "1",
        "n": "2",
        "b": "true",
    }
    assert request("anthropic", model="m", headers={"anthropic-version": "x"}).headers["anthropic-version"] == "x"
    assert "line break" in invalid("openai", headers={"x": "a\r\nb: c"})
    assert "headers: x must be a string" in invalid("openai", headers={"x": []})


def test_environment_references() -> None:
    built = request(
        "openai",
        env={"KEY": "from-env", "MODEL": "big"},
        api_key=environment_reference("KEY"),
        model=environment_reference("MODEL"),
        nested={"a": [environment_reference("MODEL")]},
    )
    assert built.headers["authorization"] == "Bearer from-env"
    assert built.body["model"] == "big"
    assert built.body["nested"] == {"a": ["big"]}
    message = invalid("openai", env={}, api_key=environment_reference("NOPE"))
    assert message == "client C: the environment variable NOPE is not set"


def test_a_key_is_needed_for_the_providers_own_address_alone() -> None:
    assert "OPENAI_API_KEY" in invalid("openai", env={}, model="m")
    assert "ANTHROPIC_API_KEY" in invalid("anthropic", env={}, model="m")
    local = request("openai", env={}, model="m", base_url="http://127.0.0.1:1")
    assert "authorization" not in local.headers
    own = request("openai", env={}, model="m", headers={"authorization": "x"})
    assert own.headers["authorization"] == "x"


@pytest.mark.parametrize("base_url", ["file:///etc/passwd", "ftp://h", "h.example", "http://", "http://[", ""])
def test_base_url_must_be_http(base_url: str) -> None:
    assert "base_url" in invalid("openai-generic", base_url=base_url)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"api_key": 5}, "option api_key must be a string"),
        ({"default_role": True}, "option default_role must be a string, not True"),
        ({"allowed_roles": "user"}, "option allowed_roles must be a list"),
        ({"allowed_roles": [1]}, "option allowed_roles must be a list of strings"),
        ({"allowed_roles": []}, "option allowed_roles is empty"),
        ({"headers": "x"}, "option headers must be a block"),
        ({"http": {"enable_connection_pooling": 1}}, "enable_connection_pooling must be true or false"),
        ({"http": []}, "option http must be a block"),
        ({"query_params": "x"}, "option query_params must be a block"),
        ({"allowed_role_metadata": "cache_control"}, "option allowed_role_metadata must be a list"),
    ],
)
def test_options_of_the_wrong_kind(values: dict[str, Any], part: str) -> None:
    assert part in invalid("openai", **values)


def test_the_http_block() -> None:
    assert options("openai", http={"connect_timeout_ms": 5, "idle_timeout_ms": None}).timeouts() == {"connect_ms": 5}
    limit = options("openai", {"LIMIT": "25"}, http={"idle_timeout_ms": environment_reference("LIMIT")})
    assert limit.timeouts() == {"idle_ms": 25}
    strategy = options("fallback", http={"total_timeout_ms": 5, "request_timeout_ms": 6})
    assert (strategy.total(), strategy.timeouts()) == (5, {"request_ms": 6})
    for wrong, part in (
        ({"total_timeout_ms": 5}, "option http has no total_timeout_ms"),
        ({"connect_ms": 5}, "option http has no connect_ms; there are connect_timeout_ms, "),
        ({"idle_timeout_ms": 0}, "idle_timeout_ms must be a positive number of milliseconds"),
        ({"idle_timeout_ms": 1.5}, "idle_timeout_ms must be a positive number of milliseconds"),
    ):
        with pytest.raises(Thrown, match=part):
            options("openai", http=wrong).timeouts()
    assert "connection" not in request("openai", http={"enable_connection_pooling": True}).headers
    assert request("openai", http={"enable_connection_pooling": False}).headers["connection"] == "close"


@pytest.mark.parametrize(
    ("provider", "values", "expected"),
    [
        ("openai", {"model": "gpt-4o"}, True),
        ("openai", {"model": "o1-mini"}, False),
        ("openai", {"model": "o1-mini", "supports_streaming": True}, True),
        ("openai", {"model": "o1"}, True),
        ("openai-generic", {"model": "o1-mini"}, True),
        ("anthropic", {"model": "m", "supports_streaming": False}, False),
    ],
)
def test_who_streams(provider: str, values: dict[str, Any], expected: bool) -> None:
    assert streams(options(provider, **values)) is expected


def test_finish_reasons() -> None:
    assert options("openai").finish_reasons() == (None, None)
    assert options("openai", finish_reason_allow_list=["STOP"]).finish_reasons() == (["stop"], None)
    with pytest.raises(Thrown, match="only one of"):
        options("openai", finish_reason_allow_list=["a"], finish_reason_deny_list=["b"]).finish_reasons()


def test_whose_format_the_answers_have() -> None:
    assert answer_wire(PROVIDERS["azure-openai"], options("azure-openai")) == "openai"
    for said, wire in (("openai-responses", "openai-responses"), ("anthropic", "anthropic"), ("vertex", "google-ai")):
        assert answer_wire(PROVIDERS["openai"], options("openai", client_response_type=said)) == wire
    with pytest.raises(Thrown, match="client_response_type must be one of openai, openai-responses, anthropic"):
        answer_wire(PROVIDERS["openai"], options("openai", client_response_type="bedrock"))


@pytest.mark.parametrize("provider", ["vertex-ai", "aws-bedrock", "microsoft-foundry", "OpenAI", "", "fallback"])
def test_an_unsupported_provider_is_refused_with_those_that_work(provider: str) -> None:
    with pytest.raises(Thrown) as caught:
        provider_of(ClientInfo("C", provider, None, {}))
    assert caught.value.class_name == "baml.errors.UnsupportedProvider"
    assert caught.value.fields["provider"] == provider
    assert caught.value.fields["supported"] == list(PROVIDERS)
    assert "openai, openai-generic" in caught.value.fields["message"]


# --- answers ----------------------------------------------------------------------------------------------------------


def test_the_openai_sdks_completion_is_read() -> None:
    completion = openai.types.chat.ChatCompletion.model_validate(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-2024",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "length",
                    "logprobs": None,
                    "message": {"role": "assistant", "content": "Hello", "refusal": None},
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
        }
    )
    answer = openai_wire.read(completion.model_dump_json())
    assert (answer.content, answer.finish_reason, answer.model) == ("Hello", "length", "gpt-4o-2024")
    assert (answer.tokens.input, answer.tokens.output) == (3, 5)


def test_the_anthropic_sdks_message_is_read() -> None:
    message = anthropic.types.Message.model_validate(
        {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "Hel"},
                {"type": "text", "text": "lo"},
            ],
            "usage": {"input_tokens": 3, "output_tokens": 5},
        }
    )
    answer = anthropic_wire.read(message.model_dump_json())
    assert (answer.content, answer.finish_reason, answer.model) == ("Hello", "end_turn", "claude-x")
    assert (answer.tokens.input, answer.tokens.output) == (3, 5)


def test_the_responses_sdks_response_is_read() -> None:
    message = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": "Hel", "annotations": []},
            {"type": "output_text", "text": "lo", "annotations": []},
        ],
    }
    response = openai.types.responses.Response.model_validate(
        {
            "id": "r",
            "object": "response",
            "created_at": 1,
            "model": "gpt-4.1-2025",
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "output": [{"id": "s", "type": "reasoning", "summary": []}, message],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 9,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
                "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 1},
                "total_tokens": 14,
            },
        }
    )
    answer = responses_wire.read(response.model_dump_json())
    assert answer.content == response.output_text == "Hello"
    assert (answer.finish_reason, answer.model, answer.refusal) == ("completed", "gpt-4.1-2025", None)
    assert (answer.tokens.input, answer.tokens.output, answer.tokens.cached_input) == (9, 5, 4)


def test_the_google_sdks_response_is_read() -> None:
    response = genai_types.GenerateContentResponse.model_validate(
        {
            "candidates": [
                {
                    "index": 0,
                    "finishReason": "MAX_TOKENS",
                    "content": {
                        "role": "model",
                        "parts": [{"text": "hm", "thought": True}, {"text": "Hel"}, {"text": "lo"}],
                    },
                },
                {"index": 1, "content": {"role": "model", "parts": [{"text": "no"}]}},
            ],
            "modelVersion": "gemini-2.5-flash-001",
            "usageMetadata": {
                "promptTokenCount": 9,
                "cachedContentTokenCount": 4,
                "candidatesTokenCount": 3,
                "thoughtsTokenCount": 2,
                "totalTokenCount": 14,
            },
        }
    )
    answer = google_wire.read(response.model_dump_json(by_alias=True, exclude_none=True))
    assert answer.content == "Hello"
    assert (answer.finish_reason, answer.model) == ("MAX_TOKENS", "gemini-2.5-flash-001")
    assert (answer.tokens.input, answer.tokens.output, answer.tokens.cached_input) == (9, 5, 4)


def test_cached_tokens_are_tokens_of_the_prompt() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 8}}
    chat = openai_wire.read(json.dumps({"choices": [{"message": {"content": "a"}}], "usage": usage}))
    assert (chat.tokens.input, chat.tokens.cached_input) == (9, 8)
    usage = {"input_tokens": 1, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 20, "output_tokens": 1}
    message = anthropic_wire.read(json.dumps({"content": [], "usage": usage}))
    assert (message.tokens.input, message.tokens.cached_input) == (29, 8)


def test_answers_that_are_refusals_or_incomplete() -> None:
    chat = openai_wire.read('{"choices":[{"message":{"content":null,"refusal":"I cannot"},"finish_reason":"stop"}]}')
    assert (chat.content, chat.refusal) == ("", "I cannot")
    refusal = {"type": "message", "content": [{"type": "refusal", "refusal": "I cannot"}]}
    answer = responses_wire.read(json.dumps({"status": "completed", "output": [refusal]}))
    assert (answer.content, answer.refusal) == ("", "I cannot")
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}
    assert responses_wire.read(json.dumps(cut)).finish_reason == "max_output_tokens"
    blocked = google_wire.read('{"promptFeedback":{"blockReason":"SAFETY"}}')
    assert (blocked.content, blocked.finish_reason) == ("", "SAFETY")


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (responses_wire, {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}}),
        (openai_wire, {"choices": [{"message": {}, "error": {"code": 429, "message": "slow"}}]}),
        (google_wire, {"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}),
    ],
)
def test_failures_in_an_answer_may_be_worth_a_retry(wire: Any, body: Any) -> None:
    with pytest.raises(Thrown, match="slow") as caught:
        wire.read(json.dumps(body))
    assert caught.value.fields["retryable"] is True


def test_failures_without_a_reason() -> None:
    for wire, body in (
        (responses_wire, '{"status":"failed","error":null,"output":[]}'),
        (openai_wire, '{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}'),
    ):
        with pytest.raises(Thrown, match="the provider reported an error"):
            wire.read(body)
    with pytest.raises(Thrown, match="cannot be read"):
        responses_wire.read('{"status":"queued","output":[]}')


def test_odd_but_readable_answers() -> None:
    assert openai_wire.read('{"choices":[{"message":{"content":null}}]}').content == ""
    parts = [{"type": "text", "text": "a"}, {"type": "other"}, {"type": "text", "text": "b"}]
    assert openai_wire.read(json.dumps({"choices": [{"message": {"content": parts}}]})).content == "ab"
    assert openai_wire.read('{"choices":[{"message":{}}],"usage":"?","model":5}').model is None
    assert anthropic_wire.read('{"content":[]}').content == ""


@pytest.mark.parametrize("wire", WIRES.values())
@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"choices":[]}', '{"choices":[5]}', '{"content":"x"}'])
def test_unreadable_answers(wire: Any, body: str) -> None:
    with pytest.raises(Thrown) as caught:
        wire.read(body)
    assert caught.value.class_name == "baml.errors.LlmClient"
    assert caught.value.fields["retryable"] is False


@pytest.mark.parametrize("wire", WIRES.values())
def test_an_error_in_an_answer_is_the_providers(wire: Any) -> None:
    with pytest.raises(Thrown) as caught:
        wire.read('{"error": {"type": "overloaded_error", "message": "busy"}}')
    assert caught.value.fields["type"] == "overloaded_error"
    assert caught.value.fields["retryable"] is True
