"""Bodies as arguments: what is JSON, and what is refused, with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.tools.server.replies import Refused
from bamlvm.tools.server.requests import arguments_of
from bamlvm.tools.server.settings import Settings

SETTINGS = Settings()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=4)


def refused(body: bytes, settings: Settings = SETTINGS) -> Refused:
    with pytest.raises(Refused) as caught:
        arguments_of(body, settings)
    return caught.value


@given(OBJECTS, st.booleans(), st.sampled_from([None, 2]))
def test_any_json_object_is_what_it_says(value: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert arguments_of(body, SETTINGS)[0] == value


@given(OBJECTS, TEXT, st.integers(0, 3))
def test_a_name_that_is_there_twice_is_refused_wherever_it_is(value: dict[str, Any], name: str, depth: int) -> None:
    text = json.dumps(name)
    twice = f"{{{text}: 1, {text}: {json.dumps(value)}}}"
    for _ in range(depth):
        twice = f'{{"a:b": "\\"{{", "list": [{twice}]}}'
    error = refused(twice.encode())
    assert error.status == 400 and "is there twice" in str(error)
    column = int(error.place.split()[-1])  # type: ignore[union-attr]  # it has a place
    assert twice.encode()[column - 1 :].startswith(text.encode())


@pytest.mark.parametrize(
    ("body", "message", "place", "hint"),
    [
        (b"", "the body is empty", "body", "send the arguments as a JSON object"),
        (b"  \n", "the body is empty", "body", "send the arguments as a JSON object"),
        (b"[1]", "expected a JSON object of arguments by name, got a list", "body", "send the arguments"),
        (b"null", "expected a JSON object of arguments by name, got null", "body", "send the arguments"),
        (b'{"a": ', "the body is not JSON: it ends too early", "line 1, column 7", None),
        (b'{"a":\n NaN}', "the body is not JSON: invalid character", "line 2, column 2", "JSON has no NaN"),
        (b'{"a": -Infinity}', "the body is not JSON", "line 1, column", "JSON has no NaN and no infinity"),
        (b"{'a': 1}", "the body is not JSON", "line 1, column 2", "double quotes"),
        (b'\xef\xbb\xbf{"a": 1}', "the body is not JSON", "line 1, column 1", "byte order mark"),
        (b'{"a": 1} {}', "the body is not JSON: trailing characters", "line 1, column 10", None),
        (b'{"a": "\xff"}', "the body is not UTF-8", "line 1, column 8", "send the body as UTF-8"),
        (b'{"a": 1e999}', "a number that cannot be", "body", None),
        (b'{"a": ' + b"1" * 5000 + b"}", "a number that cannot be", "body", None),
        (b'{"a": ' + b"[" * 128 + b"]" * 128 + b"}", "nested more deeply than 128 levels", "body", "flatter"),
        (b'{"a": ' + b"[" * 9999 + b"]" * 9999 + b"}", "nested more deeply than 128 levels", "body", "flatter"),
        (b'{"a": "\\ud800"}', "the body is not JSON", "line 1", None),
    ],
)
def test_what_is_no_object_of_arguments(body: bytes, message: str, place: str, hint: str | None) -> None:
    error = refused(body)
    assert (error.status, error.error) == (400, "invalid_argument")
    assert message in str(error)
    assert (error.place or "").startswith(place)
    assert error.hint is None if hint is None else hint in (error.hint or "")


def test_as_many_levels_as_are_allowed() -> None:
    body = b'{"a": ' + b"[" * 127 + b"]" * 127 + b"}"
    assert arguments_of(body, SETTINGS)[0]["a"]
    assert "deeply than 3 levels" in str(refused(b'{"a": [[[]]]}', Settings(max_depth=3)))


CLIENT = {"name": "A", "provider": "openai", "options": {"model": "m", "api_key": "k"}}


def with_registry(registry: Any) -> bytes:
    return json.dumps({"a": 1, "__baml_options__": {"client_registry": registry}}).encode()


def test_options_are_no_argument() -> None:
    args, options = arguments_of(with_registry({"clients": [CLIENT], "primary": "A"}), SETTINGS)
    assert args == {"a": 1}
    assert options.client == "A"
    assert options.clients == {"A": {"provider": "openai", "options": {"model": "m", "api_key": "k"}}}
    for none in ({}, None, {"client_registry": None}):
        body = json.dumps({"a": 1, "__baml_options__": none}).encode()
        assert arguments_of(body, SETTINGS) == ({"a": 1}, (None, {}))


@pytest.mark.parametrize(
    ("registry", "place"),
    [
        (1, ""),
        ({}, ""),
        ({"clients": 1}, ".clients"),
        ({"clients": [], "primary": 1}, ".primary"),
        ({"clients": [], "primry": "A"}, ""),
        ({"clients": [{"name": "A"}]}, ".clients[0]"),
        ({"clients": [{**CLIENT, "name": 1}]}, ".clients[0].name"),
        ({"clients": [CLIENT, CLIENT]}, ".clients[1].name"),
        ({"clients": [{**CLIENT, "options": {"h": [{"$env": "HOME"}]}}]}, ".clients[0].options.h[0].$env"),
    ],
)
def test_options_that_are_none(registry: Any, place: str) -> None:
    error = refused(with_registry(registry))
    assert (error.status, error.place) == (400, f"__baml_options__.client_registry{place}")


@pytest.mark.parametrize("provider", ["vertex-ai", "aws-bedrock"])
def test_a_client_that_would_use_the_servers_credentials(provider: str) -> None:
    error = refused(with_registry({"clients": [{**CLIENT, "provider": provider}]}))
    assert error.status == 403 and "the server's own credentials" in str(error)


def test_a_server_that_takes_no_clients() -> None:
    settings = Settings(registry=False)
    assert refused(with_registry({"clients": [CLIENT]}), settings).status == 403
    assert arguments_of(with_registry({"clients": [], "primary": "A"}), settings)[1].client == "A"
