"""Secrets stay out of errors, records, logs and recordings: which parts of a request are secret, and how to hide them.

* A **header** of a request is secret unless it is one of :data:`PUBLIC_HEADERS`: its value is hidden.
* A **query parameter**, a header of a response or a string in a body is secret by its name (:func:`is_secret`).
* A URL's **user and password** are secret.
* A **variable** of the environment that a program reads is secret by its name, too, unless its value is an ordinary
  word or a number (:func:`secrets_in_variable`): it may go into a prompt, a body, a URL or a header.

:class:`Secrets` are the values of these in one request.  They are removed from every text that comes back, because a
server may repeat them, in whatever form (:mod:`bamlvm.sysops.needles`); also where one is spread over several pieces of
a body, as in a stream that repeats the prompt token by token (:meth:`Secrets.hide_across`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from bamlvm.sysops.needles import needles

HIDDEN: Final = "***"

SECRETS: Final = "bamlvm.secrets"
"""The extension of a request that holds the secrets that the program has read, for those who record it."""

PUBLIC_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "anthropic-beta",
        "anthropic-version",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "http-referer",
        "openai-beta",
        "openai-organization",
        "openai-project",
        "referer",
        "transfer-encoding",
        "user-agent",
        "x-title",
    }
)
"""The headers of a request whose values may be shown."""

_SECRET_NAME: Final = re.compile(
    r"auth|cookie|key|token|secret|password|passwd|signature|credential|^sig$", re.IGNORECASE
)
_SECRET_VARIABLE: Final = re.compile(
    r"pwd|passphrase|private|bearer|jwt|webhook|dsn|connection_?string|(^|_)(pass|pat|pin|salt|sig)(_|$)", re.IGNORECASE
)
_ORDINARY: Final = re.compile(r"[a-z]{1,15}|[A-Z]{1,15}|[A-Z][a-z]{1,14}|[+-]?[0-9]{1,15}(\.[0-9]*)?")
"""Values that other texts may well have: ``production``, ``1000000``."""


class Secrets:
    """Values that no text may show.  Those shorter than 8 characters count as words and are ignored."""

    __slots__ = ("_needles",)

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._needles = needles(frozenset(values))

    def hide(self, text: str) -> str:
        """Return ``text`` without any of them, whole or cut short at either end; the same object if there is none."""
        if len(text) * 4 < self._needles.shortest:
            return text
        data = text.encode("utf-8", "surrogatepass")
        spans = self._needles.spans(data)
        if not spans:
            return text
        kept: list[bytes] = []
        place = 0
        for start, end in spans:
            while _continues(data, start):  # a form that was cut within a character: the character is hidden
                start -= 1
            while _continues(data, end):
                end += 1
            kept += (data[place : max(place, start)], HIDDEN.encode())
            place = end
        return b"".join([*kept, data[place:]]).decode("utf-8", "surrogatepass")

    def hide_in(self, value: Any) -> Any:
        """Return builtins (dicts, lists, strings) with the secrets hidden in all strings, or the same object."""
        if not self._needles.number:
            return value
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            changed = {key: self.hide_in(part) for key, part in value.items()}
            return changed if any(changed[key] is not value[key] for key in value) else value
        if isinstance(value, list):
            parts = [self.hide_in(part) for part in value]
            return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
        return value

    def shown(self, body: Any) -> Any:
        """Return a body as :func:`redacted_body` does, with the secrets hidden in all other strings too."""
        if not self._needles.number:
            return redacted_body(body)
        if isinstance(body, str):
            return self.hide(body)
        if isinstance(body, dict):
            found = {}
            for name, value in body.items():
                if isinstance(value, str):
                    found[name] = HIDDEN if is_secret(name) else self.hide(value)
                else:
                    found[name] = self.shown(value)
            return found
        return [self.shown(item) for item in body] if isinstance(body, list) else body

    def shown_head(self, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Return a request's URL and headers as :func:`redacted_url` and :func:`redacted_headers` do, with the secrets
        hidden in them too."""
        shown, values = _shown_head(self, url, tuple(headers.items()))
        return shown, dict(values)

    def hide_across(self, chunks: Sequence[bytes]) -> list[bytes]:
        """Return the pieces of one body without any of them, also where one is spread over several pieces."""
        whole = b"".join(chunks)
        spans = self._needles.spans(whole)
        if not spans:
            return list(chunks)
        out: list[bytes] = []
        start = 0
        for chunk in chunks:
            end = start + len(chunk)
            kept, place = b"", start
            for first, last in spans:
                if last <= place or first >= end:
                    continue
                kept += whole[place : max(place, first)]
                if first >= start:  # the mark goes into the piece where the secret begins
                    kept += HIDDEN.encode()
                place = min(last, end)
            out.append(kept + whole[place:end])
            start = end
        return out

    def __bool__(self) -> bool:
        return self._needles.number > 0

    def __repr__(self) -> str:
        return f"<{self._needles.number} secrets>"


@lru_cache(maxsize=1024)  # the names in requests are few
def is_secret(name: str) -> bool:
    """Whether a query parameter, a response's header or a member of a body with this name holds a credential."""
    return _SECRET_NAME.search(name) is not None


def secrets_in_variable(name: str, value: str) -> Iterator[str]:
    """Yield what is secret in the value of an environment variable, by its name; a URL's user and password always are.

    Nothing is secret that has fewer than 8 characters, or is an ordinary word or number: hiding it would blank what has
    nothing to do with it.
    """
    if (is_secret(name) or _SECRET_VARIABLE.search(name)) and not _ORDINARY.fullmatch(value.strip()):
        yield value
        yield value.strip()
    if "://" in value and "@" in value:
        yield from (each for each in _values((), value.strip()) if not _ORDINARY.fullmatch(each))


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a request's headers with all values hidden except those of :data:`PUBLIC_HEADERS`."""
    return {name: value if name.lower() in PUBLIC_HEADERS else HIDDEN for name, value in headers.items()}


@lru_cache(maxsize=64)
def redacted_url(url: str) -> str:
    """Return a URL without user, password, fragment, and the values of secret query parameters."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    query = "&".join(_redacted_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment="").geturl()


def redacted_body(body: Any) -> Any:
    """Return builtins with the strings hidden whose names are those of secrets."""
    if isinstance(body, dict):
        found = {}
        for name, value in body.items():
            if isinstance(value, str):
                found[name] = HIDDEN if is_secret(name) else value
            else:
                found[name] = redacted_body(value)
        return found
    return [redacted_body(item) for item in body] if isinstance(body, list) else body


def secrets_of(headers: Mapping[str, str], url: str = "", body: Any = None, *others: str) -> Secrets:
    """Return the secrets that a request holds, and ``others`` that it was made with."""
    return _secrets(frozenset(secret_values(headers, url, body, *others)))


def secret_values(headers: Mapping[str, str], url: str = "", body: Any = None, *others: str) -> tuple[str, ...]:
    """Return the values of :func:`secrets_of`."""
    values = _head_values(tuple(headers.items()), url)
    return (*values, *others) if body is None else (*values, *_body_values(body), *others)


@lru_cache(maxsize=64)  # the requests of one client have the same secrets, and the same head
def _secrets(values: frozenset[str]) -> Secrets:
    return Secrets(values)


@lru_cache(maxsize=64)
def _shown_head(secrets: Secrets, url: str, headers: tuple[tuple[str, str], ...]) -> tuple[str, dict[str, str]]:
    return secrets.hide(redacted_url(url)), secrets.hide_in(redacted_headers(dict(headers)))


def _redacted_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={HIDDEN}" if equals and is_secret(unquote(name)) else pair


@lru_cache(maxsize=64)  # the requests of one client have the same head
def _head_values(headers: tuple[tuple[str, str], ...], url: str) -> tuple[str, ...]:
    return tuple(_values(headers, url))


def _values(headers: tuple[tuple[str, str], ...], url: str) -> Iterator[str]:
    for name, value in headers:
        if name.lower() not in PUBLIC_HEADERS:
            yield from (value, value.strip(), *value.split())
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    userinfo = parts.netloc.rpartition("@")[0]
    if userinfo:
        user, _, password = (unquote(part) for part in userinfo.partition(":"))
        yield from (user, password, *userinfo.split(":"))
        yield base64.b64encode(f"{user}:{password}".encode()).decode()
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if is_secret(unquote(name)):
            yield from (value, unquote(value))


def _body_values(body: Any) -> list[str]:
    found = []
    waiting = [body]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            for name, value in each.items():
                if not isinstance(value, str):
                    waiting.append(value)
                elif is_secret(name):
                    found.append(value)
        elif isinstance(each, list):
            waiting += each
    return found


def _continues(data: bytes, place: int) -> bool:
    """Whether the byte at a place of UTF-8 continues a character."""
    return place < len(data) and data[place] & 0xC0 == 0x80


NO_SECRETS: Final = Secrets()
"""Hides nothing."""
