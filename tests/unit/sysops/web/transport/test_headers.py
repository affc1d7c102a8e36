"""The grammar of a request's head."""

from __future__ import annotations

import string

import pytest

from bamlvm.sysops.web.transport.headers import is_field_value, is_target, is_token


def test_tokens() -> None:
    allowed = set("!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters)
    for code in range(256):
        character = chr(code)
        assert is_token(character) == (character in allowed), character
        assert is_token(bytes([code])) == (character in allowed), character
    for empty in ("", b""):
        assert not is_token(empty)


@pytest.mark.parametrize("trap", ["x\n", "a b", "naïve", "x:"])
def test_a_whole_name_must_be_a_token(trap: str) -> None:
    assert not is_token(trap)
    assert not is_token(trap.encode())


def test_values() -> None:
    for code in range(256):
        visible = code == 9 or 32 <= code < 127
        assert is_field_value(chr(code)) == visible
        assert is_field_value(bytes([code])) == (visible or code >= 128)
    assert is_field_value("")
    assert not is_field_value("a\n")
    assert not is_field_value(b"a\r\nb: c")


def test_targets() -> None:
    assert is_target(b"/v1/chat?x=%20")
    for wrong in (b"", b"/a b", b"/\r\n", b"/\xff"):
        assert not is_target(wrong)
