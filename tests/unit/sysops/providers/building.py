"""Requests built from clients' options, for the tests of providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.catalogue import provider_of
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.registry import WIRES
from bamlvm.sysops.providers.roles import specialise
from bamlvm.sysops.providers.wire import ProviderRequest
from bamlvm.vm.program.llm import ClientInfo
from bamlvm.vm.values import Thrown

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


def options(provider: str, env: Mapping[str, str] = ENV, **values: Any) -> Options:
    return Options(ClientInfo("C", provider, None, values), env)


def request(
    provider: str,
    messages: list[Message] | None = None,
    stream: bool = False,
    env: Mapping[str, str] = ENV,
    **values: Any,
) -> ProviderRequest:
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
