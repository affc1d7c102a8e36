"""Roles: which are allowed, what becomes of the others, and their metadata."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.catalogue import PROVIDERS
from bamlvm.sysops.providers.roles import default_role
from bamlvm.sysops.providers.wire import ProviderRequest
from bamlvm.vm.values import Media
from tests.unit.sysops.providers.building import options, request, text


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


def roles_of(built: ProviderRequest) -> list[str]:
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
    assert built.body["system"] == "system"
    assert roles_of(built) == ["user", "user", "user"]
    alone = request("anthropic", chat[:1], model="m")
    assert "system" not in alone.body
    assert roles_of(alone) == ["user"]
    own = request("anthropic", chat[:1], model="m", system="mine")
    assert own.body["system"] == "mine"
    assert request("anthropic", chat, model="m", system="mine").body["system"] == "system"


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


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "aws-bedrock"])
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
    assert request("anthropic", chat, model="m").body["messages"][0]["content"] == "x"
    part = request("anthropic", chat, model="m", allowed_role_metadata="all").body["messages"][0]["content"][0]
    assert part == {**text("x"), "cache_control": {"type": "e"}, "other": 1}
    assert chat[0].parts[0].metadata == {"cache_control": {"type": "e"}, "other": 1}
