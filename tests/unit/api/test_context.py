"""The options of one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

import bamlvm
from bamlvm import CallContext, HostError
from tests.unit.api.functions import SOURCE

Make: TypeAlias = Callable[..., bamlvm.Runtime]


@pytest.mark.parametrize(
    "wrong", [{"timeout": -1}, {"timeout": float("nan")}, {"on_partial": 3}, {"cancel": "now"}], ids=str
)
def test_a_context_is_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(HostError):
        CallContext(**wrong)


def test_a_context_does_not_show_what_may_be_a_key() -> None:
    context = CallContext(env={"OPENAI_API_KEY": "sk-secret"}, timeout=3)
    assert repr(context) == "CallContext(timeout, env)"


def test_the_environment_and_its_overrides(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = make(SOURCE)
    monkeypatch.setenv("BAMLVM_TEST", "outside")
    assert runtime.functions.variable() == "outside"
    assert runtime.call_function_sync("variable", {}, CallContext(env={"BAMLVM_TEST": "call"})) == "call"
    assert make(SOURCE, env={}).functions.variable() == "none"
