"""Secrets stay out of errors, records, logs and recordings: which parts of a request are secret, and how to hide them.

* A **header** of a request is secret unless it is one of :data:`PUBLIC_HEADERS`: its value is hidden.
* A **query parameter**, a header of a response or a string in a body is secret by its name (:func:`is_secret`).
* A URL's **user and password** are secret.
* A **variable** of the environment that a program reads is secret by its name, too, unless its value is an ordinary
  word or a number (:func:`secrets_in_variable`): it may go into a prompt, a body, a URL or a header.

:class:`Secrets` are the values of these in one request.  They are removed from every text that comes back, because a
server may repeat them.  Each form in which they are looked for stops a leak:

======================================  ================================================================================
form                                    where the secret would appear
======================================  ================================================================================
as it is                                ``Incorrect API key provided: sk-…`` in the body of a 401
percent-encoded, as path, query, form   a URL in a reason phrase, a redirect's ``Location``, a proxy's error page
as JSON writes it, ASCII or not         the request's headers or body repeated in a JSON error object
as HTML writes it                       a proxy's error page
as ``repr`` writes it, text or bytes    h11's and httpx's messages quote the header or line that they reject
these two once more                     a Python error about a text that holds JSON (``ParseFailed`` quotes the body)
one word of it (``Bearer`` apart)       servers repeat the token without the scheme
base64 and hexadecimal, within a text   ``Authorization: Basic``, tokens made of a key, logs of raw bytes
in upper or lower case                  servers and proxies that normalise headers, host names, percent-encoding
its beginning, or its end               servers shorten keys and bodies (``sk-proj-abc…``), and so do our own excerpts
spread over several pieces of a body    a stream that repeats the prompt token by token (:meth:`Secrets.hide_across`)
======================================  ================================================================================

All of them are looked for by a few *needles*: the beginnings and the ends of the forms (a short form is its own), long
enough for 12 characters of the secret.  A text without needles, which is nearly every text, costs a search for each and
no more.  A search costs the less the longer its needle is, and next to nothing where the needle's *guard*, the one of
its bytes that texts have least often, is missing.  The search is in UTF-8 with ASCII in lower case, where positions are
those of the text itself.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import quote, quote_plus, unquote, urlsplit

from bamlvm.sysops.placeholders import PLACEHOLDER

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
_SAME_EVERYWHERE: Final = re.compile(r"[A-Za-z0-9._~-]+")  # the same in every form
_SHORTEST: Final = 8  # shorter ones are also ordinary words
_PART: Final = 12  # so many characters at either end of a long secret are hidden also if the rest is missing
_PART_HEX: Final = 24  # the same in hexadecimal
_PART_BASE64: Final = 16  # the same in base64
_COMMON: Final = b"etaoinsrhldcumfpgwybv.,-kxjqz_0123456789/"  # the bytes of texts, the most frequent first
_HTML: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;"))

Span: TypeAlias = tuple[int, int]


class _Needle(NamedTuple):
    guard: int
    text: bytes
    forms: tuple[bytes, ...]


class _Needles(NamedTuple):
    """What is searched for: the beginnings of forms, and the ends of long ones, each with the forms that have it.

    A phrase is a secret behind another word (``Bearer …``): it is only there where a needle of the secret is.
    """

    heads: tuple[_Needle, ...]
    tails: tuple[_Needle, ...]
    phrases: tuple[bytes, ...]
    shortest: int
    number: int


class Secrets:
    """Values that no text may show.  Those shorter than 8 characters count as words and are ignored."""

    __slots__ = ("_needles",)

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._needles = _needles(frozenset(values))

    def hide(self, text: str) -> str:
        """Return ``text`` without any of them, whole or cut short at either end; the same object if there is none."""
        if len(text) * 4 < self._needles.shortest:
            return text
        data = text.encode("utf-8", "surrogatepass")
        spans = self._spans(data)
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

    def _spans(self, whole: bytes) -> list[Span]:
        """Return their places in a text, whole or cut short at their ends: in order, without overlap."""
        whole = whole.lower()
        found: list[Span] = []
        for guard, head, forms in self._needles.heads:
            if guard in whole and head in whole:
                # Whole ones are looked for by themselves: a beginning may overlap the secret that follows it.
                for form in forms:
                    found.extend(_places(whole, form))
                found.extend(_beginnings(whole, head, forms))
        for guard, tail, forms in self._needles.tails:
            if guard in whole and tail in whole:
                found.extend(_endings(whole, tail, forms))
        if found:
            for phrase in self._needles.phrases:
                found.extend(_places(whole, phrase))
        if not found:
            return found
        merged: list[Span] = []
        for start, end in sorted(found):
            if merged and start < merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        return merged

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


@lru_cache(maxsize=64)  # the requests of one client have the same secrets
def _needles(values: frozenset[str]) -> _Needles:
    parts: dict[bytes, int] = {}
    phrases: set[bytes] = set()
    heads: dict[bytes, set[bytes]] = {}
    tails: dict[bytes, set[bytes]] = {}
    for value in values:
        if len(value) < _SHORTEST or value.isspace():
            continue
        scheme, _, rest = value.partition(" ")
        if PLACEHOLDER.fullmatch(rest or value):  # these end alike, and none is a secret
            continue
        if rest in values and len(scheme) < _SHORTEST <= len(rest):  # what else is to be hidden of it is its rest's
            phrases.add(value.encode("utf-8", "surrogatepass").lower())
        else:
            for form, part in _forms(value):
                for data in _encoded(form):
                    parts[data.lower()] = min(part, parts.get(data.lower(), part))
    for data, part in parts.items():
        if len(data) < 2 * _SHORTEST:
            heads.setdefault(data, set()).add(data)
        else:
            size = min(part, len(data) // 2)
            heads.setdefault(data[:size], set()).add(data)
            tails.setdefault(data[-size:], set()).add(data)
    return _Needles(
        tuple(_Needle(_guard(head), head, tuple(each)) for head, each in heads.items()),
        tuple(_Needle(_guard(tail), tail, tuple(each)) for tail, each in tails.items()),
        tuple(phrases),
        min(map(len, (*heads, *tails)), default=0),
        len(parts),
    )


def _guard(needle: bytes) -> int:
    """Return the byte of a needle that is most likely to be missing in a text."""
    return max(needle, key=lambda byte: _COMMON.index(byte) if byte in _COMMON else len(_COMMON))


def _forms(value: str) -> Iterator[tuple[str, int]]:
    """Yield the forms of a secret, each with the length of its needles.

    The table in the head of this module gives the reason for each.
    """
    for form in _writings(value):
        yield form, _PART
    data = value.encode("utf-8", "surrogatepass")
    yield data.hex(), _PART_HEX
    for text in _base64(data):
        yield text, _PART_BASE64
        if not text.isalnum():
            yield text.replace("+", "-").replace("/", "_"), _PART_BASE64
            yield quote(text, safe=""), _PART_BASE64
            yield text.replace("/", "\\/"), _PART_BASE64


def _writings(value: str) -> Iterator[str]:
    for each in {value, value.lower(), value.upper()} if not value.isascii() else {value}:  # ASCII's case is ignored
        yield each
        if _SAME_EVERYWHERE.fullmatch(each):
            continue
        yield quote(each, errors="replace")
        yield quote(each, safe="", errors="replace")
        yield quote_plus(each, errors="replace")
        html = each
        for mark, entity in _HTML:
            html = html.replace(mark, entity)
        yield html
        for once in set(_escaped(each)):
            yield once
            yield from _escaped(once)


def _base64(data: bytes) -> Iterator[str]:
    """Yield what is sure to be in the base64 of any text that holds ``data``, which may begin at each of the three
    places of a group, and be followed by something or by nothing."""
    for place, first in enumerate((0, 2, 3)):  # characters that belong to what is before it, in part at least
        text = base64.b64encode(b"\0" * place + data).decode()[first:]
        last = text.rstrip("=")
        yield text
        if last != text:  # the last character has bits of what follows
            yield last[:-1]


def _escaped(text: str) -> Iterator[str]:
    """Yield a text as it is between the quotes of JSON, and of Python's ``repr`` with either kind of quotes."""
    ascii_only = json.dumps(text)[1:-1]
    yield ascii_only
    yield ascii_only.replace("/", "\\/")
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    plain = repr(f"{text}'\"")[1:-4]  # with both kinds of quotes in it, ' is escaped
    yield plain
    yield plain.replace("\\'", "'")
    yield plain.replace('"', '\\"')


def _places(text: bytes, form: bytes) -> Iterator[Span]:
    place = 0
    while (found := text.find(form, place)) >= 0:
        place = found + len(form)
        yield found, place


def _beginnings(text: bytes, head: bytes, forms: Sequence[bytes]) -> Iterator[Span]:
    """Yield the places in a text of a ``head``, and as much of the rest of one of its forms as follows it."""
    place = 0
    while (found := text.find(head, place)) >= 0:
        place = found + len(head)
        for form in forms:
            end = found + len(head)
            while end < len(text) and end - found < len(form) and text[end] == form[end - found]:
                end += 1
            place = max(place, end)
        yield found, place


def _endings(text: bytes, tail: bytes, forms: Sequence[bytes]) -> Iterator[Span]:
    """Yield the places in a text of a ``tail``, and as much of the rest of one of its forms as is before it."""
    place = 0
    while (found := text.find(tail, place)) >= 0:
        first, end = found, found + len(tail)
        for form in forms:
            start = found
            while start > place and end - start < len(form) and text[start - 1] == form[start - 1 - end]:
                start -= 1
            first = min(first, start)
        place = end
        yield first, end


def _continues(data: bytes, place: int) -> bool:
    """Whether the byte at a place of UTF-8 continues a character."""
    return place < len(data) and data[place] & 0xC0 == 0x80


def _encoded(text: str) -> Iterator[bytes]:
    """Yield a text in UTF-8; one that stands for bytes also as these bytes."""
    yield text.encode("utf-8", "surrogatepass")
    if not text.isascii():
        try:
            yield text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return


NO_SECRETS: Final = Secrets()
"""Hides nothing."""
