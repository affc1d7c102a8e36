"""The wire formats: which one a client's answers have."""

from __future__ import annotations

import pytest

from bamlvm.sysops.providers.catalogue import PROVIDERS
from bamlvm.sysops.providers.registry import answer_wire
from bamlvm.vm.values import Thrown
from tests.unit.sysops.providers.building import options


def test_whose_format_the_answers_have() -> None:
    assert answer_wire(PROVIDERS["azure-openai"], options("azure-openai")).name == "openai"
    for said, wire in (("openai-responses", "openai-responses"), ("anthropic", "anthropic"), ("vertex", "vertex-ai")):
        assert answer_wire(PROVIDERS["openai"], options("openai", client_response_type=said)).name == wire
    with pytest.raises(Thrown, match="client_response_type must be one of openai, openai-responses, anthropic"):
        answer_wire(PROVIDERS["openai"], options("openai", client_response_type="bedrock"))
