"""Secrets stay out of errors, records and recordings: which parts of a request are secret, and how they are shown.

A header is secret by its name, a query parameter too; whatever a secret header carries is also removed from texts that
a server sent back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote, urlsplit

HIDDEN: Final = "***"

_SECRET_NAME: Final = re.compile(
    r"auth|cookie|key|token|secret|password|passwd|signature|credential|^sig$", re.IGNORECASE
)
_SHORTEST: Final = 8  # a shorter secret would blot out ordinary words


def is_secret(name: str) -> bool:
    """Whether a header or query parameter of this name carries a credential."""
    return _SECRET_NAME.search(name) is not None


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with the values of the secret ones hidden."""
    return {name: HIDDEN if is_secret(name) else value for name, value in headers.items()}


def redacted_url(url: str) -> str:
    """A URL without user, password and the values of secret query parameters."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    query = "&".join(_redacted_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment="").geturl()


def scrubbed(text: str, headers: Mapping[str, str], url: str = "") -> str:
    """``text`` without the secrets that ``headers`` and ``url`` carry."""
    for secret in _secrets(headers, url):
        text = text.replace(secret, HIDDEN)
    return text


def _redacted_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={HIDDEN}" if equals and is_secret(unquote(name)) else pair


def _secrets(headers: Mapping[str, str], url: str) -> list[str]:
    found: set[str] = set()
    for name, value in headers.items():
        if is_secret(name):
            found.update((value, *value.split()))
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    found.update(parts.netloc.rpartition("@")[0].split(":"))
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if is_secret(unquote(name)):
            found.update((value, unquote(value), quote(unquote(value))))
    return sorted((secret for secret in found if len(secret) >= _SHORTEST), key=len, reverse=True)
