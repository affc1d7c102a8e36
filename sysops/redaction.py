"""Secrets stay out of errors, records, logs and recordings: which parts of a request are secret, and how to hide them.

* A **header** of a request is secret unless it is one of :data:`PUBLIC_HEADERS`: its value is hidden.
* A **query parameter**, a header of a response or a string in a body is secret by its name (:func:`is_secret`).
* A URL's **user and password** are secret.

:class:`Secrets` are the values of these in one request.  They are removed from every text that comes back, because a
server may repeat them.  Each form in which they are looked for stops a leak:

======================================  ================================================================================
form                                    where the secret would appear
======================================  ================================================================================
as it is                                ``Incorrect API key provided: sk-…`` in the body of a 401
percent-encoded, with and without /     a URL in a reason phrase, a redirect's ``Location``, a proxy's error page
as JSON writes it, ASCII or not         the request's headers or body repeated in a JSON error object
as ``repr`` writes it, text or bytes    h11's and httpx's messages quote the header or line that they reject
these two once more                     a Python error about a text that holds JSON (``ParseFailed`` quotes the body)
one word of it (``Bearer`` apart)       servers repeat the token without the scheme
base64 of user and password             the ``Authorization`` header that is made of a URL's credentials
its beginning, at the end of a text     servers shorten keys and bodies (``sk-proj-abc…``), and so do our own excerpts
spread over several pieces of a body    a stream that repeats the prompt token by token (:meth:`Secrets.hide_across`)
======================================  ================================================================================
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, AnyStr, Final
from urllib.parse import quote, unquote, urlsplit

HIDDEN: Final = "***"

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
_SAME_EVERYWHERE: Final = re.compile(r"[A-Za-z0-9._~-]+")  # the same in every form
_SHORTEST: Final = 8  # shorter ones are also ordinary words
_HEAD: Final = 12  # so many characters of a long secret are hidden also if the rest is missing


class Secrets:
    """Values that no text may show.  Those shorter than 8 characters count as words and are ignored."""

    __slots__ = ("_forms", "_heads")

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for value in values:
            forms.update(_forms(value))
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._heads = [(form[: min(_HEAD, len(form) // 2)], form) for form in self._forms if len(form) >= 2 * _SHORTEST]

    def hide(self, text: str) -> str:
        """Return ``text`` without any of them, whole or cut short at their ends."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        for head, form in self._heads:
            if head in text:
                text = _without_beginnings(text, head, form)
        return text

    def hide_in(self, value: Any) -> Any:
        """Return builtins (dicts, lists, strings) with the secrets hidden in all strings, or the same object."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            changed = {key: self.hide_in(part) for key, part in value.items()}
            return changed if any(changed[key] is not value[key] for key in value) else value
        if isinstance(value, list):
            parts = [self.hide_in(part) for part in value]
            return parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
        return value

    def hide_across(self, chunks: Sequence[bytes]) -> list[bytes]:
        """Return the pieces of one body without any of them, also where one is spread over several pieces."""
        whole = b"".join(chunks)
        spans = self._spans(whole)
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

    def _spans(self, whole: bytes) -> list[tuple[int, int]]:
        """Return their places in a body, whole or cut short at their ends: in order, without overlap."""
        found: list[tuple[int, int]] = []
        for head, form in (*((form, form) for form in self._forms), *self._heads):
            found.extend(_beginnings(whole, _encoded(head), _encoded(form)))
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start < merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        return merged

    def __bool__(self) -> bool:
        return bool(self._forms)

    def __repr__(self) -> str:
        return f"<{len(self._forms)} secrets>"


NO_SECRETS: Final = Secrets()


def is_secret(name: str) -> bool:
    """Whether a query parameter, a response's header or a member of a body with this name holds a credential."""
    return _SECRET_NAME.search(name) is not None


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a request's headers with all values hidden except those of :data:`PUBLIC_HEADERS`."""
    return {name: value if name.lower() in PUBLIC_HEADERS else HIDDEN for name, value in headers.items()}


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
        return {
            name: HIDDEN if isinstance(value, str) and is_secret(name) else redacted_body(value)
            for name, value in body.items()
        }
    return [redacted_body(item) for item in body] if isinstance(body, list) else body


def secrets_of(headers: Mapping[str, str], url: str = "", body: Any = None, *others: str) -> Secrets:
    """Return the secrets that a request holds, and ``others`` that it was made with."""
    return Secrets((*_values(headers, url, body), *others))


def _redacted_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={HIDDEN}" if equals and is_secret(unquote(name)) else pair


def _values(headers: Mapping[str, str], url: str, body: Any) -> Iterator[str]:
    for name, value in headers.items():
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
    if body is not None:
        yield from _body_values(body)


def _body_values(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        for name, value in body.items():
            if isinstance(value, str):
                if is_secret(name):
                    yield value
            else:
                yield from _body_values(value)
    elif isinstance(body, list):
        for item in body:
            yield from _body_values(item)


def _forms(value: str) -> Iterator[str]:
    """Return a secret as it is, and as URLs, JSON and Python write it; the last two also within a text that is written
    once more.  The table in the head of this module gives the reason for each."""
    if len(value) < _SHORTEST or value.isspace():
        return
    yield value
    if _SAME_EVERYWHERE.fullmatch(value):
        return
    yield quote(value)
    yield quote(value, safe="")
    for once in set(_escaped(value)):
        yield once
        yield from _escaped(once)


def _escaped(text: str) -> Iterator[str]:
    """Return a text as it is between the quotes of JSON, and of Python's ``repr`` with either kind of quotes."""
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    plain = repr(f"{text}'\"")[1:-4]  # with both kinds of quotes in it, ' is escaped
    yield plain
    yield plain.replace("\\'", "'")
    yield plain.replace('"', '\\"')


def _beginnings(text: AnyStr, head: AnyStr, form: AnyStr) -> Iterator[tuple[int, int]]:
    """Return the places in a text of ``form``'s ``head`` and as much of the rest of ``form`` as follows it."""
    place = 0
    while (found := text.find(head, place)) >= 0:
        place = found + len(head)
        while place < len(text) and place - found < len(form) and text[place] == form[place - found]:
            place += 1
        yield found, place


def _without_beginnings(text: str, head: str, form: str) -> str:
    kept: list[str] = []
    place = 0
    for start, end in _beginnings(text, head, form):
        kept += (text[place:start], HIDDEN)
        place = end
    return "".join([*kept, text[place:]])


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
