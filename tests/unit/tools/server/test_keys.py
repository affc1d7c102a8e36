"""Credentials in headers."""

from __future__ import annotations

import base64

import pytest

from bamlvm.errors import HostError
from bamlvm.tools.server.keys import Keys
from bamlvm.tools.server.settings import Settings


def basic(user_and_password: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(user_and_password.encode())


KEYS = Keys(Settings(keys=("first-key", "zweiter-schlüssel"), password="pass:word"))


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer first-key"),
        (b"authorization", b"bearer   first-key"),
        (b"authorization", "Bearer zweiter-schlüssel".encode()),
        (b"authorization", b"Bearer pass:word"),
        (b"x-baml-api-key", b"pass:word"),
        (b"x-baml-api-key", b"first-key"),
        basic("anyone:pass:word"),
        basic(":first-key"),
    ],
)
def test_each_way_to_send_a_key(header: tuple[bytes, bytes]) -> None:
    assert KEYS.refusal([(b"host", b"x"), header]) is None


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], "No authorization metadata"),
        ([(b"authorization", b"Digest x")], "No authorization metadata"),
        ([(b"authorization", b"Bearer first-ke")], "Incorrect bearer token"),
        ([(b"authorization", b"Bearer ")], "Incorrect bearer token"),
        ([(b"authorization", b"Bearer")], "Incorrect bearer token"),
        ([(b"x-baml-api-key", b"")], "Incorrect x-baml-api-key"),
        ([basic("pass:word:")], "Incorrect password provided in basic auth"),
        ([(b"authorization", b"Basic ?")], "The authorization header cannot be read"),
    ],
)
def test_what_is_refused(headers: list[tuple[bytes, bytes]], reason: str) -> None:
    assert KEYS.refusal(headers) == reason


def test_without_keys_everybody_may() -> None:
    keys = Keys(Settings())
    assert not keys and keys.refusal([]) is None


def test_the_status_is_the_official_one_for_the_password_alone() -> None:
    assert Keys(Settings(password="p")).status == 403
    assert KEYS.status == 401


@pytest.mark.parametrize("settings", [{"keys": ("",)}, {"keys": (" ",)}, {"password": ""}])
def test_an_empty_key_is_no_key(settings: dict[str, object]) -> None:
    with pytest.raises(HostError, match="a key is empty"):
        Settings(**settings)  # type: ignore[arg-type]  # what is refused
