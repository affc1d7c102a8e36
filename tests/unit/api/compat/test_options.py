"""``baml_options`` as the context of a call."""

from __future__ import annotations

import pytest

from bamlvm.compat.collector import Collector
from bamlvm.compat.errors import BamlAbortError, BamlInvalidArgumentError
from bamlvm.compat.options import AbortController, ClientRegistry, context_of, given_options


def test_every_option_reaches_the_context() -> None:
    registry, collector = ClientRegistry(), Collector()
    registry.add_llm_client("Mine", "openai", {"model": "m"}, "Twice")
    registry.set_primary("Mine")
    made = context_of(
        "F",
        {
            "client_registry": registry,
            "collector": collector,
            "env": {"A": "1", "B": None},
            "tags": {"t": "u"},
            "abort_controller": AbortController(timeout_ms=1500),
        },
    )
    assert made.client == "Mine"
    assert made.clients == {"Mine": {"provider": "openai", "options": {"model": "m"}, "retry_policy": "Twice"}}
    assert list(made.collectors) == [collector]
    assert (made.env, made.tags, made.timeout) == ({"A": "1", "B": None}, {"t": "u"}, 1.5)


def test_a_client_takes_precedence_over_the_registry() -> None:
    registry = ClientRegistry()
    registry.set_primary("Mine")
    assert context_of("F", {"client": "Other", "client_registry": registry}).client == "Other"


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(BamlInvalidArgumentError, match="baml_options has no 'colector'"):
        context_of("F", {"colector": Collector()})  # type: ignore[typeddict-unknown-key]  # what is refused


def test_an_aborted_controller_begins_nothing() -> None:
    controller = AbortController()
    assert not controller.aborted
    controller.abort()
    assert controller.aborted
    with pytest.raises(BamlAbortError):
        context_of("F", {"abort_controller": controller})


def test_options_that_are_none_are_not_given() -> None:
    assert given_options(client=None, env={}) == {"env": {}}
