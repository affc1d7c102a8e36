"""What is secret in a request, and how it is shown."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.redaction import (
    Secrets,
    is_secret,
    redacted_body,
    redacted_headers,
    redacted_url,
    secrets_in_variable,
    secrets_of,
)

KEY = "sk-abc/def+ghi="


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "X-Goog-Api-Key",
        "cookie",
        "key",
        "access_token",
        "sig",
    ],
)
def test_secret_names(name: str) -> None:
    assert is_secret(name)
    assert redacted_headers({name: KEY, "accept": "*/*"}) == {name: "***", "accept": "*/*"}


@pytest.mark.parametrize("name", ["accept", "content-type", "alt", "model", "anthropic-version", "design"])
def test_ordinary_names(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/v1?alt=sse", "https://host/v1?alt=sse"),
        ("https://user:pass@host:8/v1#part", "https://host:8/v1"),
        ("https://host/v1?key=abc&alt=sse&x%2Dapi-key=d&flag", "https://host/v1?key=***&alt=sse&x%2Dapi-key=***&flag"),
        ("http://[::1", "***"),
        ("", ""),
    ],
)
def test_urls(url: str, shown: str) -> None:
    assert redacted_url(url) == shown


def test_texts() -> None:
    headers = {"authorization": f"Bearer {KEY}", "x-short-key": "k", "accept": "application/json"}
    url = "https://user:hidden-password@host/?token=a%2Fbcdefgh"
    text = f"key {KEY}, Bearer {KEY}, k, application/json, hidden-password, a/bcdefgh, a%2Fbcdefgh"
    assert secrets_of(headers, url).hide(text) == "key ***, ***, k, application/json, ***, ***, ***"


@given(st.text(min_size=8).filter(lambda text: not text.isspace()), st.text(), st.text())
def test_a_secret_is_never_left(secret: str, before: str, after: str) -> None:
    shown = secrets_of({"x-api-key": secret}).hide(before + secret + after)
    assert secret not in shown or secret in "***"


def test_headers_are_hidden_unless_they_are_known_to_be_harmless() -> None:
    shown = redacted_headers({"X-Portal": KEY, "Content-Type": "application/json", "X-Title": "mine"})
    assert shown == {"X-Portal": "***", "Content-Type": "application/json", "X-Title": "mine"}
    assert secrets_of({"X-Portal": KEY}).hide(f"got {KEY}") == "got ***"


def test_a_secret_is_known_in_every_writing() -> None:
    key = 'Ab"c\\d e/fé-0123456789'
    secrets = Secrets([key])
    urls, texts = (quote(key), quote(key, safe="")), (json.dumps(key), json.dumps(key, ensure_ascii=False), repr(key))
    for written in (key, *urls, *texts, repr(repr(key))):
        assert "0123456789" not in secrets.hide(f"say {written} again")
    assert repr(secrets).endswith(" secrets>")
    assert key not in repr(secrets)


@pytest.mark.parametrize("length", [12, 15, 20, 30])
def test_a_secret_that_was_cut_is_hidden_too(length: int) -> None:
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz"
    assert Secrets([key]).hide(f"your key {key[:length]}… is wrong") == "your key ***… is wrong"
    assert Secrets([key]).hide("a key begins with sk-proj-") == "a key begins with sk-proj-"


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_characters="\x7f"), min_size=16, max_size=40),
    st.sampled_from((str, str.upper, str.lower)),
    st.sampled_from((str, quote, lambda text: quote(text, safe=""), quote_plus, escape, lambda t: json.dumps(t)[1:-1])),
    st.text("ab \u00e9", max_size=4),
    st.text("ab \u00e9", max_size=4),
)
def test_a_secret_is_hidden_in_any_case_and_encoding(
    secret: str, case: Callable[[str], str], encode: Callable[[str], str], before: str, after: str
) -> None:
    written = encode(case(secret))
    for text in {written, written.lower() if written.isascii() else written}:
        shown = Secrets([secret]).hide(f"{before}<{text}>{after}")
        assert shown == f"{before}<***>{after}"


@given(st.text("abXY019-_.", min_size=16, max_size=40), st.binary(max_size=7), st.binary(max_size=7))
def test_a_secret_is_hidden_in_base64_and_hexadecimal(secret: str, before: bytes, after: bytes) -> None:
    data = before + secret.encode() + after
    for text in (b64encode(data).decode(), urlsafe_b64encode(data).decode(), data.hex(), data.hex().upper()):
        shown = Secrets([secret]).hide(text)
        assert "***" in shown
        assert len(shown) <= len(text) - 3 * len(secret) // 4


@pytest.mark.parametrize("length", [12, 15, 20, 30])
def test_a_secret_whose_front_was_cut_is_hidden_too(length: int) -> None:
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz"
    assert Secrets([key]).hide(f"your key …{key[-length:]} is wrong") == "your key …*** is wrong"
    assert Secrets([key]).hide("a key ends with wxyz") == "a key ends with wxyz"


def test_a_secret_behind_its_own_beginning() -> None:
    key = "ababababababababab-secret-part"
    assert Secrets([key]).hide(f"abab{key}!") == "***!"


def test_a_lone_surrogate() -> None:
    assert Secrets(["\ud800secret-key"]).hide("a \udc80 \ud800secret-key") == "a \udc80 ***"


def test_basic_authentication_from_a_url() -> None:
    secrets = secrets_of({}, "https://someone:pass%2Fword1@host/")
    basic = b64encode(b"someone:pass/word1").decode()
    assert secrets.hide(f"pass/word1 pass%2Fword1 {basic}") == "*** *** ***"


def test_bodies() -> None:
    body = {"model": "m", "access_token": "s3cret-token", "max_tokens": 5, "deep": [{"password": "s3cret-word"}]}
    hidden = {"model": "m", "access_token": "***", "max_tokens": 5, "deep": [{"password": "***"}]}
    assert redacted_body(body) == hidden
    secrets = secrets_of({}, "", body)
    assert secrets.hide_in({"a": ["s3cret-token", 1], "b": "s3cret-word"}) == {"a": ["***", 1], "b": "***"}
    whole = {"a": [1, "x"]}
    assert secrets.hide_in(whole) is whole


@given(st.text("ab\x00é", min_size=8, max_size=12), st.lists(st.text("abé")), st.data())
def test_a_secret_is_found_however_a_body_is_cut(secret: str, texts: list[str], data: st.DataObject) -> None:
    whole = secret.join([*texts, ""]).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    secrets = Secrets([secret])
    hidden = secrets.hide_across(chunks)
    assert len(hidden) == len(chunks)
    assert secret.encode() not in b"".join(hidden)
    assert b"".join(hidden) == b"".join(secrets.hide_across([whole]))
    if secret.encode() not in whole and not any(map(whole.count, [json.dumps(secret)[1:-1].encode()])):
        assert hidden == chunks


@given(st.integers(12, 40), st.integers(1, 60))
def test_a_secret_that_is_cut_short_is_hidden_in_a_body_too(kept: int, size: int) -> None:
    secret = "sk-Zq8/w7=e5+r3&t1%y9~u2i4o6p8a0sd2f4g6h8j"
    body = f'data: {{"said": "key={quote(secret, safe="")[:kept]}'.encode()
    hidden = b"".join(Secrets([secret]).hide_across([body[at : at + size] for at in range(0, len(body), size)]))
    assert hidden == b'data: {"said": "key=***'


@pytest.mark.parametrize("secret", ["sk-proj-0123456789-QRSTUVWXYZ-" + "xyz"[:n] for n in range(4)])
@pytest.mark.parametrize(
    ("encode", "size"),
    [(lambda data: data.hex(), 24), (lambda data: b64encode(data).decode(), 16), (lambda data: data.decode(), 12)],
)
def test_either_end_of_an_encoded_secret_is_hidden(secret: str, encode: Callable[[bytes], str], size: int) -> None:
    text = encode(secret.encode())
    for kept in range(size, len(text)):
        assert Secrets([secret]).hide(f"{text[:kept]}…") == "***…"
        assert Secrets([secret]).hide(f"…{text[-kept:]}") == "…***"


@given(st.permutations("bcdfgjkmpqvwxyzBCDFGHJKLMNPQRSTVWXYZ0123456789"), st.data())
def test_what_is_stated_of_parts_of_a_secret_is_what_happens(letters: list[str], data: st.DataObject) -> None:
    """``docs/security.md``: either end is hidden from 12 characters on, 24 digits in hexadecimal, 16 in base64; shorter
    parts, and those from the middle, are not."""
    secret = "".join(letters[: data.draw(st.integers(30, 42))])
    hide = Secrets([secret]).hide
    forms = [(secret, 12), (secret.encode().hex(), 24), (b64encode(secret.encode()).decode(), 16)]
    form, least = data.draw(st.sampled_from(forms))
    size = data.draw(st.integers(1, len(form) - 4))
    for part in (form[:size], form[-size:]):
        text = f"a: {part} e"
        if size >= least:
            assert hide(text) == "a: *** e"
        elif size < least - 3:  # a group of base64 is part of four characters
            assert hide(text) == text
    middle = f"a: {form[4:-4]} e"  # a group of base64 from either end
    assert hide(middle) == middle


def test_a_secret_behind_a_scheme_is_hidden_with_it() -> None:
    secrets = secrets_of({"authorization": "Bearer 0123456789abcdefghij"})
    assert secrets.hide("BEARER 0123456789abcdefghij, bearer 0123456789ab…") == "***, bearer ***…"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text("ab\u00e9s3cret-", max_size=30)
    | st.just("my s3cret-token here"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "api_key", "role", "token"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from([[], ["s3cret-token"], ["short"]]))
def test_a_body_is_shown_without_its_secrets_and_all_others(body: Any, values: list[str]) -> None:
    secrets, before = Secrets(values), json.dumps(body)
    assert secrets.shown(body) == secrets.hide_in(redacted_body(body))
    assert json.dumps(body) == before


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("API_KEY", "sk-12345678", {"sk-12345678"}),
        ("DB_PASSWORD", "correct horse", {"correct horse"}),
        ("SLACK_WEBHOOK", "https://hooks.example.com/T0/B0\n", None),
        ("SIGNING_SALT", "Zm9vYmFy", {"Zm9vYmFy"}),
        ("USE_TOKENS", "true", set()),
        ("AUTH_MODE", "production", set()),
        ("MAX_TOKENS", "100000000", set()),
        ("TOKEN_SHARE", "0.25000000", set()),
        ("HOME", "/home/someone-else", set()),
        ("DATABASE_URL", "postgres://app:s3cr3t-word@db/app", None),
        ("DATABASE_URL", "postgres://postgres:password@db/app", None),
    ],
)
def test_what_is_secret_in_a_variable(name: str, value: str, found: set[str] | None) -> None:
    secrets = set(secrets_in_variable(name, value))
    if found is not None:
        assert secrets == found
    text = Secrets(secrets).hide(f"true production 100000000 0.25000000 {value.strip()}")
    assert text.startswith("true production 100000000 0.25000000 ")
    if found is None and "s3cr3t" in value:
        assert "s3cr3t-word" not in text
