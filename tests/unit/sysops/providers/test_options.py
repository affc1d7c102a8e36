"""Options of clients: what is read, what is passed on, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.sysops.providers import openai as openai_wire
from bamlvm.sysops.providers.catalogue import PROVIDERS, headers, provider_of
from bamlvm.sysops.providers.options import OWN, KnownOptions, Options
from bamlvm.vm.program.declarations import environment_reference
from bamlvm.vm.program.llm import ClientInfo
from bamlvm.vm.values import Thrown
from tests.unit.sysops.providers.building import CHAT, ENV, invalid, options, request


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
        "keep_reasoning": True,
        "output_mode": "tool",
        "output_strict": True,
        "parse_failure": "retry",
    }
    others = {"model": "m", "max_tokens": None, "nested": {"a": [1, {"b": True}]}, "tools": []}
    for provider in PROVIDERS:
        given = {key: value for key, value in others.items() if (provider, key) != ("aws-bedrock", "max_tokens")}
        built = request(provider, **own, **given, messages_ignored=1, api_version="v", resource_name="r")
        kept = set(others) - ({"model"} if provider in ("google-ai", "vertex-ai", "aws-bedrock") else set())
        kept -= {"max_tokens"} if provider in ("azure-openai", "aws-bedrock") else set()
        assert {key: built.body[key] for key in kept} == {key: others[key] for key in kept}
        azure = set() if provider == "azure-openai" else {"api_version", "resource_name"}
        prompt = {"openai-responses": "input", "google-ai": "contents", "vertex-ai": "contents"}.get(
            provider, "messages"
        )
        assert set(built.body) == {*kept, *azure, "messages_ignored", prompt}
        assert built.url.endswith("a=b+c")
    assert set(own) == OWN


def test_options_that_the_prompt_decides_are_ignored() -> None:
    built = Options(ClientInfo("C", "openai", None, {"messages": 1, "stream": True, "model": "m"}), ENV)
    assert openai_wire.build(PROVIDERS["openai"], built, CHAT[:1], False).body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}],
    }


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


def test_finish_reasons() -> None:
    assert options("openai").finish_reasons() == (None, None)
    assert options("openai", finish_reason_allow_list=["STOP"]).finish_reasons() == (["stop"], None)
    with pytest.raises(Thrown, match="only one of"):
        options("openai", finish_reason_allow_list=["a"], finish_reason_deny_list=["b"]).finish_reasons()


def test_the_reaction_to_a_parse_failure() -> None:
    assert options("openai").parse_failure() is None
    assert options("openai", parse_failure="reask").parse_failure() == "reask"
    with pytest.raises(Thrown, match="option parse_failure must be one of retry, reask, fail"):
        options("openai", parse_failure="again").parse_failure()


def test_variables_are_secret_but_those_of_the_model_and_the_address() -> None:
    refer = environment_reference
    env = {name: f"value of {name}" for name in "ABCDEFG"}
    given = {
        "model": refer("A"),
        "base_url": refer("B"),
        "api_key": refer("C"),
        "headers": {"x": refer("D")},
        "metadata": [{"user": refer("E")}, "F"],
        "missing": refer("H"),
    }
    found = Options(ClientInfo("C", "openai", None, given), env).secrets()
    assert sorted(found) == ["", "value of C", "value of D", "value of E"]


def test_known_options_are_the_same_until_a_variable_that_they_name_changes() -> None:
    known, env = KnownOptions(), {"KEY": "k1", "TENANT": "t1", "OTHER": "o"}
    client = ClientInfo("C", "openai", None, {"api_key": {"$env": "KEY"}, "headers": {"x-tenant": {"$env": "TENANT"}}})
    options = known.of(client, env)
    assert headers(provider_of(client), options)["authorization"] == "Bearer k1"
    env["OTHER"] = "changed"
    assert known.of(client, env) is options
    env["KEY"] = "k2"
    assert headers(provider_of(client), known.of(client, env))["authorization"] == "Bearer k2"
    env["TENANT"] = "t2"
    assert headers(provider_of(client), known.of(client, env))["x-tenant"] == "t2"
    assert sorted(known.of(client, env).secrets()) == ["k2", "t2"]
    del env["KEY"]
    with pytest.raises(Thrown, match="KEY is not set"):
        headers(provider_of(client), known.of(client, env))


def test_known_options_belong_to_one_client_and_one_environment() -> None:
    known, env = KnownOptions(), {"OPENAI_API_KEY": "k1"}
    client, same = (ClientInfo("C", "openai", None, {"model": "m"}) for _ in range(2))
    options = known.of(client, env)
    assert known.of(same, env) is not options
    assert known.of(client, dict(env)) is not options
    for _ in range(1000):  # a host may give each call clients of its own
        known.of(ClientInfo("C", "openai", None, {"model": "m"}), env)
    assert len(known) <= 256


def test_the_provider_s_variable_is_read_for_each_request() -> None:
    env = {"OPENAI_API_KEY": "k1"}
    options = Options(ClientInfo("C", "openai", None, {"model": "m"}), env)
    row = provider_of(options.client)
    assert headers(row, options)["authorization"] == "Bearer k1"
    env["OPENAI_API_KEY"] = "k2"
    assert headers(row, options)["authorization"] == "Bearer k2"


def test_what_is_derived_is_not_changed_by_who_adds_to_it() -> None:
    options = Options(ClientInfo("C", "openai", None, {"model": "m", "stop": ["a"], "api_key": "k"}), {})
    row = provider_of(options.client)
    headers(row, options)["authorization"] = "other"
    options.body()["model"] = "other"
    assert headers(row, options)["authorization"] == "Bearer k"
    assert options.body() == {"model": "m", "stop": ["a"]}
