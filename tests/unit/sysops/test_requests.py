"""Requests and whole answers of the wire formats, checked against what the providers' own SDKs send and declare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import anthropic.types
import openai.types.chat
import pydantic
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.requests import anthropic as anthropic_wire
from bamlvm.sysops.requests import openai as openai_wire
from bamlvm.sysops.requests.options import Options
from bamlvm.sysops.requests.providers import PROVIDERS, provider_of
from bamlvm.sysops.requests.roles import default_role, specialise
from bamlvm.sysops.requests.wire import HttpRequest
from bamlvm.vm.program import ClientInfo, environment_reference
from bamlvm.vm.values import Media, Thrown

ENV = {
    "OPENAI_API_KEY": "sk-o",
    "ANTHROPIC_API_KEY": "sk-a",
    "AZURE_OPENAI_API_KEY": "sk-z",
    "OPENROUTER_API_KEY": "sk-r",
}
CHAT = [
    Message("system", [Part("Be brief.")]),
    Message("user", [Part("Hi"), Part("there")]),
    Message("assistant", [Part("Hello")]),
    Message("user", [Part("Bye")]),
]
WIRES = {"openai": openai_wire, "anthropic": anthropic_wire}


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
    for provider, extra in (("anthropic", {}), ("openai-generic", {"base_url": "http://h/v1"}), ("ollama", {})):
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


def test_addresses_and_keys_of_the_others() -> None:
    ollama = request("ollama", model="m")
    assert ollama.url == "http://localhost:11434/v1/chat/completions"
    assert "authorization" not in ollama.headers
    router = request("openrouter", model="m")
    assert router.url == "https://openrouter.ai/api/v1/chat/completions"
    assert router.headers["authorization"] == "Bearer sk-r"


# --- the SDKs ---------------------------------------------------------------------------------------------------------

IMAGE = Media("image", "image/png", "base64", "AA==")
LINK = Media("image", None, "url", "https://h/x.png")
PDF = Media("pdf", "application/pdf", "base64", "AA==")
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


def test_media_that_a_provider_does_not_take() -> None:
    assert "takes no video" in invalid("openai", messages=[Message("user", [Part(Media("video", None, "url", "u"))])])
    assert "takes no pdf by URL" in invalid(
        "openai", messages=[Message("user", [Part(Media("pdf", None, "url", "u"))])]
    )
    assert "takes no audio" in invalid("anthropic", messages=[Message("user", [Part(SOUND)])])
    bare = Media("image", None, "base64", "AA==")
    for provider in ("openai", "anthropic"):
        assert "without a media type" in invalid(provider, messages=[Message("user", [Part(bare)])])


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
    assert roles_of(request("openai", chat, model="m")) == ["system", "system", "user"]
    assert roles_of(request("openai", chat, model="m", default_role="user")) == ["system", "user", "user"]
    assert roles_of(request("openai", chat, model="m", remap_roles={"user": "human"})) == ["system", "system", "human"]
    assert roles_of(request("openai", chat, model="o1-mini")) == ["user", "user", "user"]


def test_only_a_first_system_message_is_anthropics_system() -> None:
    chat = [Message(role, [Part(role)]) for role in ("system", "user", "system", "user")]
    built = request("anthropic", chat, model="m")
    assert built.body["system"] == [text("system")]
    assert roles_of(built) == ["user", "user", "user"]
    alone = request("anthropic", chat[:1], model="m")
    assert "system" not in alone.body
    assert roles_of(alone) == ["user"]


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
        "http": {"connect_timeout_ms": 5},
        "supports_streaming": True,
    }
    others = {"model": "m", "max_tokens": None, "nested": {"a": [1, {"b": True}]}, "tools": []}
    built = request("openai", **own, **others, messages_ignored=1)
    assert set(built.body) == {*others, "messages_ignored", "messages"}
    assert {key: built.body[key] for key in others} == others
    assert built.timeouts == {"connect_ms": 5}


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
        ({"http": {"connect_ms": 5}}, "option http has no connect_ms"),
        ({"http": {"idle_timeout_ms": 0}}, "positive number of milliseconds"),
        ({"http": {"idle_timeout_ms": 1.5}}, "positive number of milliseconds"),
    ],
)
def test_options_of_the_wrong_kind(values: dict[str, Any], part: str) -> None:
    assert part in invalid("openai", **values)


def test_finish_reasons() -> None:
    assert options("openai").finish_reasons() == (None, None)
    assert options("openai", finish_reason_allow_list=["STOP"]).finish_reasons() == (["stop"], None)
    with pytest.raises(Thrown, match="only one of"):
        options("openai", finish_reason_allow_list=["a"], finish_reason_deny_list=["b"]).finish_reasons()


def test_an_unsupported_provider_is_refused_with_those_that_work() -> None:
    with pytest.raises(Thrown) as caught:
        provider_of(ClientInfo("C", "vertex-ai", None, {}))
    assert caught.value.class_name == "baml.errors.UnsupportedProvider"
    assert caught.value.fields["provider"] == "vertex-ai"
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


def test_odd_but_readable_answers() -> None:
    assert openai_wire.read('{"choices":[{"message":{"content":null}}]}').content == ""
    parts = [{"type": "text", "text": "a"}, {"type": "other"}, {"type": "text", "text": "b"}]
    assert openai_wire.read(json.dumps({"choices": [{"message": {"content": parts}}]})).content == "ab"
    assert openai_wire.read('{"choices":[{"message":{}}],"usage":"?","model":5}').model is None
    assert anthropic_wire.read('{"content":[]}').content == ""


@pytest.mark.parametrize("wire", [openai_wire, anthropic_wire])
@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"choices":[]}', '{"choices":[5]}', '{"content":"x"}'])
def test_unreadable_answers(wire: Any, body: str) -> None:
    with pytest.raises(Thrown) as caught:
        wire.read(body)
    assert caught.value.class_name == "baml.errors.LlmClient"
    assert caught.value.fields["retryable"] is False


@pytest.mark.parametrize("wire", [openai_wire, anthropic_wire])
def test_an_error_in_an_answer_is_the_providers(wire: Any) -> None:
    with pytest.raises(Thrown) as caught:
        wire.read('{"error": {"type": "overloaded_error", "message": "busy"}}')
    assert caught.value.fields["type"] == "overloaded_error"
    assert caught.value.fields["retryable"] is True
