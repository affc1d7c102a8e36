"""What the compiler says about the options of clients: the `http` block, and what a strategy may have."""

from __future__ import annotations

import pytest

import bamlvm

ONE = 'client<llm> One { provider openai  options { model "m" } }\n'


def reported(provider: str, options: str) -> list[tuple[str, str]]:
    """Code and message of what is reported for a client of these options."""
    source = f"{ONE}client<llm> C {{ provider {provider}  options {{ {options} }} }}\n"
    return [(each.code, each.message) for each in bamlvm.check({"main.baml": source}).diagnostics]


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("openai", "http { connect_timeout_ms 5  request_timeout_ms env.LIMIT  idle_timeout_ms null }"),
        ("openai", "http { time_to_first_token_timeout_ms 5  request_timeout_ms 5  enable_connection_pooling false }"),
        ("fallback", "strategy [One]  http { request_timeout_ms 5  total_timeout_ms 10 }"),
        ("round-robin", "strategy [One]  start 1"),
        ("round_robin", "strategy [One]"),
        ("baml-fallback", "strategy [One]"),
        ("anthropic", "temperature 0.5  nested { a [1] }"),
    ],
)
def test_what_is_fine(provider: str, options: str) -> None:
    assert reported(provider, options) == []


@pytest.mark.parametrize(
    ("provider", "options", "code", "message"),
    [
        ("openai", "http 5", "E0001", "`http` is a block: `http { connect_timeout_ms 5000 }`"),
        ("openai", "http { timeout 5 }", "E0027", "`http` has no `timeout`"),
        ("openai", "http { idle_timeout_ms 0 }", "E0001", "`idle_timeout_ms` is a number of milliseconds above 0"),
        ("openai", "http { idle_timeout_ms true }", "E0001", "`idle_timeout_ms` is a number of milliseconds above 0"),
        ("openai", "http { idle_timeout_ms 1.5 }", "E0001", "`idle_timeout_ms` is a number of milliseconds above 0"),
        (
            "openai",
            "http { request_timeout_ms 5  time_to_first_token_timeout_ms 6 }",
            "E0001",
            "the first token may take 6 ms, longer than the whole request: 5 ms",
        ),
        ("openai", "http { total_timeout_ms 5 }", "E0027", "`http` has no `total_timeout_ms`"),
        (
            "fallback",
            "strategy [One]  http { total_timeout_ms 0 }",
            "E0001",
            "`total_timeout_ms` is a number of milliseconds above 0",
        ),
        ("fallback", "strategy [One]  temperature 1", "E0027", "a fallback client has no option `temperature`"),
        ("fallback", "strategy [One]  start 1", "E0027", "a fallback client has no option `start`"),
        ("baml-round-robin", "strategy [One]  model 1", "E0027", "a round-robin client has no option `model`"),
        (
            "fallback",
            "strategy [One]  http { enable_connection_pooling true }",
            "E0027",
            "`http` has no `enable_connection_pooling`",
        ),
    ],
)
def test_what_is_not(provider: str, options: str, code: str, message: str) -> None:
    assert reported(provider, options) == [(code, message)]
