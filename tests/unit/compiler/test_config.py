"""What the compiler says about the options of clients: the `http` block, and what a strategy may have."""

from __future__ import annotations

import pytest

import bamlvm
from bamlvm.sysops.providers import catalogue, registry
from bamlvm.vm.program import llm

pytestmark = pytest.mark.no_program

ONE = 'client<llm> One { provider openai  options { model "m" } }\n'


def reported(provider: str, options: str) -> list[tuple[str, str]]:
    """Code and message of what is reported for a client of these options."""
    model = 'model "m"  ' if provider == "openai" else ""
    source = f"{ONE}client<llm> C {{ provider {provider}  options {{ {model}{options} }} }}\n"
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
        ("anthropic", "model x  temperature 0.5  nested { a [1] }"),
    ],
)
def test_what_is_fine(provider: str, options: str) -> None:
    assert reported(provider, options) == []


@pytest.mark.parametrize(
    ("provider", "options", "code", "message"),
    [
        ("opnai", 'model "m"', "E0021", "unknown provider `opnai`"),
        ("baml-ollama-chat", 'model "m"', "E0021", "the provider `baml-ollama-chat` is not supported"),
        ("anthropic", "", "E0026", "`C` has no model"),
        ("fallback", 'strategy [One, "opnai/x"]', "E0021", "unknown provider `opnai`"),
        ("openai", "allowed_roles []", "E0023", "`allowed_roles` is a list of roles"),
        ("openai", "default_role 1", "E0023", "`default_role` is a role"),
        ("openai", 'remap_roles ["a"]', "E0023", "`remap_roles` is a block of roles"),
        ("openai", "finish_reason_deny_list [1]", "E0024", "`finish_reason_deny_list` is a list of strings"),
        (
            "openai",
            'client_response_type "x"',
            "E0025",
            "`client_response_type` is one of `openai`, `openai-responses`, `anthropic`, `google`, `vertex`",
        ),
        ("openai", 'parse_failure "again"', "E0001", "`parse_failure` is one of `retry`, `reask`, `fail`"),
        (
            "fallback",
            'strategy [One]  parse_failure "again"',
            "E0001",
            "`parse_failure` is one of `retry`, `reask`, `fail`",
        ),
        ("openai", "supports_streaming 1", "E0001", "`supports_streaming` is true or false"),
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
        (
            "openai",
            'api_key env.KEY ?? "k"',
            "E0027",
            "a variable has no default: `??` and the value behind it are an option of the request",
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


def test_the_facts_about_providers_are_those_of_the_catalogue() -> None:
    assert set(llm.PROVIDERS) == set(catalogue.PROVIDERS)
    assert set(llm.RESPONSE_TYPES) == set(registry.RESPONSE_TYPES)


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("generator g { output_type python/pydantic }", []),
        ("generator g { output_type pyhton }", ["E0022"]),
        ('function F() -> string { client "opnai/x" prompt #"x"# }', ["E0021"]),
        ('class P { a int @alias("x") @alias("y") }', ["E0014"]),
        ('class P { a int @@alias("x") @@alias("y") }', ["E0014"]),
        ("class P { a int @check(a, {{ true }}) @check(b, {{ true }}) @assert({{ true }}) @assert({{ true }}) }", []),
    ],
)
def test_what_is_reported_of_declarations(source: str, codes: list[str]) -> None:
    assert [each.code for each in bamlvm.check({"main.baml": source}).diagnostics] == codes


def test_the_reaction_of_a_policy_to_a_parse_failure() -> None:
    policy = 'retry_policy P { max_retries 1  parse_failure "reask" }\n'
    assert not bamlvm.check({"main.baml": policy}).diagnostics
    (found,) = bamlvm.check({"main.baml": policy.replace("reask", "reaks")}).diagnostics
    assert (found.code, found.message) == ("E0001", "`parse_failure` is one of `retry`, `reask`, `fail`")
    assert "reask" in str(found.hint)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ('client<llm> C {{ provider openai options {{ model "m" max_tokens {0} }} }}', 1),
        ('client<llm> C {{ provider openai options {{ model "m" deep {{ list [1 {0}] }} }} }}', 1),
        ('client<llm> C {{ provider openai options {{ model "m" http {{ connect_timeout_ms {0} }} }} }}', 1),
        ("retry_policy R {{ max_retries {0} }}", 1),
        ("retry_policy R {{ max_retries 2\nstrategy {{ delay_ms {0} }} }}", 2),
        ('generator g {{ output_type "python"\nproject {0} }}', 2),
    ],
)
def test_a_number_that_is_out_of_range_is_reported_where_it_stands(place: str, line: int) -> None:
    for number in (str(2**63), "9" * 5000):
        source = place.format(number)
        found = [each for each in bamlvm.check({"main.baml": source}).diagnostics if each.severity == "error"]
        assert [(each.code, each.message, each.hint) for each in found] == [
            ("E0001", "this integer does not fit into 64 bits", f"the largest is {2**63 - 1}")
        ]
        assert found[0].span.start == source.index(number)
        assert source[: found[0].span.start].count("\n") == line - 1
