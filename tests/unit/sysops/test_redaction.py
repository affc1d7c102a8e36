"""What is secret in a request, and how it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.redaction import is_secret, redacted_headers, redacted_url, scrubbed

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
    assert scrubbed(text, headers, url) == "key ***, ***, k, application/json, ***, ***, ***"


@given(st.text(min_size=8).filter(lambda text: not text.isspace()), st.text(), st.text())
def test_a_secret_is_never_left(secret: str, before: str, after: str) -> None:
    shown = scrubbed(before + secret + after, {"x-api-key": secret})
    assert secret not in shown or secret in "***"
