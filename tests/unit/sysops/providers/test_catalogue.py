"""The providers' rows: addresses, credentials, support; and that docs/providers.md says what the code says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import bamlvm.sysops.providers.openai as openai_wire
from bamlvm.sysops.providers import anthropic
from bamlvm.sysops.providers.catalogue import PROVIDERS, provider_of, streams
from bamlvm.sysops.providers.options import OWN
from bamlvm.vm.program.llm import CLOCKS, POOLING, STRATEGIES, TOTAL, ClientInfo
from bamlvm.vm.values import Thrown
from tests.unit.sysops.providers.building import invalid, options, request

PAGE = (Path(__file__).parents[4] / "docs" / "providers.md").read_text("utf-8")
KINDS = ("image", "audio", "pdf", "video")


def rows(section: str) -> dict[str, list[str]]:
    """The rows of a section's tables by their first cell; cells lose their backticks."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `"))
    return {cells[0].strip("`"): [cell.replace("`", "") for cell in cells[1:]] for cells in lines}


def test_the_tables_have_every_provider_and_no_other() -> None:
    for section in ("Defaults", "Prompts"):
        assert list(rows(section)) == list(PROVIDERS)
    documents = PAGE.split("\n## The documents behind this page\n")[1]
    for name in PROVIDERS:
        assert f"- `{name}`: [" in documents or f"- `{name}`: the format of" in documents


@pytest.mark.parametrize("name", PROVIDERS)
def test_defaults(name: str) -> None:
    row = PROVIDERS[name]
    base, path, key, sent = rows("Defaults")[name]
    azure = "https://RESOURCE.openai.azure.com/openai/deployments/DEPLOYMENT"
    made = {"azure-openai": azure, "aws-bedrock": "https://bedrock-runtime.REGION.amazonaws.com"}
    assert base == (row.base_url or made.get(name, "required"))
    assert key == (row.key_variable or "none")
    assert sent == f"{row.key_header}: {row.key_prefix}…"
    assert path.startswith("/")


@pytest.mark.parametrize("name", PROVIDERS)
def test_prompts(name: str) -> None:
    row = PROVIDERS[name]
    role, system, assistant, *media = rows("Prompts")[name]
    assert role == row.default_role
    assert ("beside" in system) is row.system_apart
    assert assistant == row.renamed.get("assistant", "assistant")
    assert media == [", ".join(row.media.get(kind, ())) or "no" for kind in KINDS]


def test_options() -> None:
    text = PAGE.split("\n## Options\n")[1].split("\n## ")[0]
    for name in (*OWN, *CLOCKS, POOLING, TOTAL, "strategy", "start"):
        assert f"`{name}" in text or f" {name} " in text, name
    assert f"is {openai_wire.AZURE_MAX_TOKENS} unless it" in text
    assert f"`max_tokens` is {anthropic.MAX_TOKENS} unless given" in text
    assert f"`anthropic-version` is `{anthropic.VERSION}`" in text
    for strategy in set(STRATEGIES.values()):
        assert f"`{strategy}`" in text
    reporting = text.split("Streams are asked to report tokens")[1].split(";")[0]
    assert {name for name, row in PROVIDERS.items() if row.include_usage} == {
        name for name in PROVIDERS if f"`{name}`" in reporting
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
    assert "the header 'x' has a character that cannot be sent" in invalid("openai", headers={"x": "a\r\nb: c"})
    assert "headers: x must be a string" in invalid("openai", headers={"x": []})


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


@pytest.mark.parametrize(
    "provider", ["baml-openai-chat", "baml-ollama-chat", "microsoft-foundry", "OpenAI", "", "fallback"]
)
def test_an_unsupported_provider_is_refused_with_those_that_work(provider: str) -> None:
    with pytest.raises(Thrown) as caught:
        provider_of(ClientInfo("C", provider, None, {}))
    assert caught.value.class_name == "baml.errors.UnsupportedProvider"
    assert caught.value.fields["provider"] == provider
    assert caught.value.fields["supported"] == list(PROVIDERS)
    assert "openai, openai-generic" in caught.value.fields["message"]
