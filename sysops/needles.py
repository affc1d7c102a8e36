"""How a secret is found in a text: in the forms in which it leaks.

Each form is looked for because of one leak:

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
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote, quote_plus

from bamlvm.sysops.placeholders import PLACEHOLDER

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


class Needles(NamedTuple):
    """What is searched for: the beginnings of forms, and the ends of long ones, each with the forms that have it.

    A phrase is a secret behind another word (``Bearer …``): it is only there where a needle of the secret is.
    """

    heads: tuple[_Needle, ...]
    tails: tuple[_Needle, ...]
    phrases: tuple[bytes, ...]
    shortest: int
    number: int

    def spans(self, whole: bytes) -> list[Span]:
        """Return the places of the secrets in a text, whole or cut short at their ends: in order, without overlap."""
        whole = whole.lower()
        found: list[Span] = []
        for guard, head, forms in self.heads:
            if guard in whole and head in whole:
                # Whole ones are looked for by themselves: a beginning may overlap the secret that follows it.
                for form in forms:
                    found.extend(_places(whole, form))
                found.extend(_beginnings(whole, head, forms))
        for guard, tail, forms in self.tails:
            if guard in whole and tail in whole:
                found.extend(_endings(whole, tail, forms))
        if found:
            for phrase in self.phrases:
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


@lru_cache(maxsize=64)  # the requests of one client have the same secrets
def needles(values: frozenset[str]) -> Needles:
    """Return what is searched for where these values are secret; those shorter than 8 characters count as words."""
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
    return Needles(
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


def _encoded(text: str) -> Iterator[bytes]:
    """Yield a text in UTF-8; one that stands for bytes also as these bytes."""
    yield text.encode("utf-8", "surrogatepass")
    if not text.isascii():
        try:
            yield text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return
