"""Secrets stay out of errors, records and recordings: which parts of a request are secret, and how they are shown.

* A **header** of a request is secret unless it is one of :data:`PUBLIC_HEADERS`: its value is hidden.
* A **query parameter**, a header of an answer or a string in a body is secret by its name (:func:`is_secret`).
* A URL's **user and password** are secret.

:class:`Secrets` are the values of these in one request.  They are taken out of every text that comes back, because a
server may say them back: in each form that a text may show them in, and also where a text was cut inside them.
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
_SAME_EVERYWHERE: Final = re.compile(r"[A-Za-z0-9._~-]+")  # nobody escapes these
_SHORTEST: Final = 8  # a shorter secret would blot out ordinary words
_HEAD: Final = 12  # so much of the beginning of a long secret is as good as the secret


class Secrets:
    """Values that no text may show.  Those shorter than 8 characters are taken for words and left alone."""

    __slots__ = ("_forms", "_heads")

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for value in values:
            forms.update(_forms(value))
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._heads = [(form[: min(_HEAD, len(form) // 2)], form) for form in self._forms if len(form) >= 2 * _SHORTEST]

    def hide(self, text: str) -> str:
        """``text`` without any of them, whole or cut short at their ends."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        for head, form in self._heads:
            if head in text:
                text = _without_beginnings(text, head, form)
        return text

    def hide_in(self, value: Any) -> Any:
        """Builtins (dicts, lists, strings) with all their strings hidden; what holds none is returned as it is."""
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
        """Pieces of one body without any of them, also where one is spread over several pieces."""
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
                if first >= start:  # the mark stands where the secret began
                    kept += HIDDEN.encode()
                place = min(last, end)
            out.append(kept + whole[place:end])
            start = end
        return out

    def _spans(self, whole: bytes) -> list[tuple[int, int]]:
        """Where they stand in a body, whole or cut short at their ends: in order, none inside another."""
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
    """Whether a query parameter, an answer's header or a member of a body of this name carries a credential."""
    return _SECRET_NAME.search(name) is not None


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """A request's headers with all values hidden but those of :data:`PUBLIC_HEADERS`."""
    return {name: value if name.lower() in PUBLIC_HEADERS else HIDDEN for name, value in headers.items()}


def redacted_url(url: str) -> str:
    """A URL without user, password and the values of secret query parameters."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    query = "&".join(_redacted_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment="").geturl()


def redacted_body(body: Any) -> Any:
    """Builtins without the strings under names that say that they are secret."""
    if isinstance(body, dict):
        return {
            name: HIDDEN if isinstance(value, str) and is_secret(name) else redacted_body(value)
            for name, value in body.items()
        }
    return [redacted_body(item) for item in body] if isinstance(body, list) else body


def secrets_of(headers: Mapping[str, str], url: str = "", body: Any = None) -> Secrets:
    """The secrets that a request carries."""
    return Secrets(_values(headers, url, body))


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
    """A secret as it stands, and as URLs, JSON and Python write it, these two also within a text that is written again
    (an error shows, as Python would, what a server said in JSON)."""
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
    """What stands between the quotes where JSON has a text, or Python shows it or its bytes, with any quotes."""
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    plain = repr(f"{text}'\"")[1:-4]  # with both kinds of quotes in it, ' is escaped
    yield plain
    yield plain.replace("\\'", "'")
    yield plain.replace('"', '\\"')


def _beginnings(text: AnyStr, head: AnyStr, form: AnyStr) -> Iterator[tuple[int, int]]:
    """Where ``form``, or as much of it as there is, stands in a text that has its ``head``."""
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
