"""The format of recordings, and when a request matches a recorded one.

A recording is a file of JSON lines, a :class:`RecordedExchange` or a :class:`RecordedCall` each.  Credentials are
hidden before anything is kept (:mod:`bamlvm.sysops.redaction`); a body is kept as the bytes that came over the wire, so
a compressed one stays compressed.  A request matches by method, URL and body, where bodies that are JSON are compared
as values; headers, and so keys, are not compared.  The placeholders of variables that are not set match whatever was
recorded in their place.

An address (scheme, host and port) that the recording has nothing of *stands for* a recorded one: the only one whose
exchanges match the request otherwise, and that no other address stands for.  It does so for as long as the recording
is replayed.  So a recording of production serves a program that is pointed at a local server, and two servers are never
confused.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias

import httpx
import msgspec

from bamlvm.sysops.placeholders import PLACEHOLDER
from bamlvm.sysops.redaction import HIDDEN, PUBLIC_HEADERS, SECRETS, Secrets, redacted_url, secrets_of

VERSION: Final = 1
_EXCERPT: Final = 60
_ADDRESS: Final = re.compile(r"[A-Za-z][\w+.-]*://[^/?#]*")

Body: TypeAlias = "str | Binary"
Headers: TypeAlias = list[tuple[str, str]]


class Binary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that are not UTF-8 text."""

    base64: bytes


class RecordedRequest(msgspec.Struct, frozen=True):
    """A request without its credentials."""

    method: str
    url: str
    headers: Headers
    body: Body


class RecordedResponse(msgspec.Struct, frozen=True):
    """The head of a response; ``at`` is when it was complete, in seconds from the start of the request."""

    status: int
    headers: Headers
    at: float


class RecordedError(msgspec.Struct, frozen=True):
    """The exception that ended an exchange, by the name of its class."""

    type: str
    message: str


class RecordedCall(msgspec.Struct, frozen=True):
    """A line about a call of the host, before the first exchange that followed it: its function, and of the first call
    of a recording the arguments, without credentials (None where they could not be kept)."""

    call: str
    arguments: dict[str, Any] | None = None
    version: int = VERSION


class RecordedExchange(msgspec.Struct):
    """The line of one exchange.

    ``chunks`` are the pieces of the body as they arrived, each with its time in seconds from the start of the request.
    ``end`` says how the exchange ended, at the time ``seconds``: the body was ``complete``, the reader ``left``, or
    ``error`` holds what was raised (there is no ``response`` if that was before its head).
    """

    request: RecordedRequest
    response: RecordedResponse | None = None
    chunks: list[tuple[float, Body]] = []
    end: Literal["complete", "left", "error"] = "left"
    error: RecordedError | None = None
    seconds: float = 0.0
    version: int = VERSION


def recorded_request(request: httpx.Request) -> RecordedRequest:
    """Return a request as a recording holds it."""
    secrets = secrets_in(request)
    url = secrets.hide(redacted_url(str(request.url)))
    (content,) = secrets.hide_across([request.content])
    headers = [(name, secrets.hide(value)) for name, value in redacted(request.headers, _is_hidden)]
    return RecordedRequest(request.method, url, headers, body_of(content))


def secrets_in(request: httpx.Request) -> Secrets:
    """Return the secrets that a request holds, in its headers, its URL and its JSON body, and those that the program
    has read."""
    try:
        body = msgspec.json.decode(request.content)
    except (msgspec.DecodeError, RecursionError):
        body = None
    return secrets_of(request.headers, str(request.url), body, *request.extensions.get(SECRETS, ()))


def _is_hidden(name: str) -> bool:
    return name.lower() not in PUBLIC_HEADERS


def redacted(headers: httpx.Headers, hidden: Callable[[str], bool]) -> Headers:
    """Return headers as pairs, with the values hidden for whose names ``hidden`` is true."""
    pairs = ((key.decode("latin-1"), value.decode("latin-1")) for key, value in headers.raw)
    return [(name, HIDDEN if hidden(name) else value) for name, value in pairs]


def body_of(data: bytes) -> Body:
    """Return bytes as a recording holds them."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(data)


def bytes_of(body: Body) -> bytes:
    """Return the bytes of a recorded body."""
    return body.encode() if isinstance(body, str) else body.base64


def differences(recorded: RecordedRequest, sent: RecordedRequest) -> list[str]:
    """Return what keeps a request from matching a recorded one, a line each; nothing if it matches."""
    found = []
    if recorded.method != sent.method:
        found.append(f"method: recorded {recorded.method}, sent {sent.method}")
    if recorded.url != sent.url and not _matches_placeholders(recorded.url, sent.url):
        found.append(f"url: recorded {recorded.url}, sent {sent.url}")
    if recorded.body != sent.body:
        try:
            old, new = msgspec.json.decode(bytes_of(recorded.body)), msgspec.json.decode(bytes_of(sent.body))
            found += _json_differences("body", old, new)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found.append(f"body: recorded {_excerpt(recorded.body)}, sent {_excerpt(sent.body)}")
    return found


def address_of(url: str) -> str:
    """Return the scheme, host and port of a URL; those of an invalid one are the whole of it."""
    return url[: _address_end(url)]


def readdressed(request: RecordedRequest, address: str) -> RecordedRequest:
    """Return a request as it would have been sent to another address."""
    url = address + request.url[_address_end(request.url) :]
    return RecordedRequest(request.method, url, request.headers, request.body)


def _address_end(url: str) -> int:
    found = _ADDRESS.match(url)
    return len(url) if found is None else found.end()


def _matches_placeholders(recorded: str, sent: str) -> bool:
    """Whether ``sent`` has placeholders, and equals ``recorded`` everywhere else."""
    constant = PLACEHOLDER.split(sent)
    return len(constant) > 1 and re.fullmatch(".*".join(map(re.escape, constant)), recorded, re.DOTALL) is not None


def _json_differences(path: str, old: Any, new: Any) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        found = [f"{path}.{key}: recorded {_excerpt(old[key])}, not sent" for key in old if key not in new]
        found += [f"{path}.{key}: not recorded, sent {_excerpt(new[key])}" for key in new if key not in old]
        for key in old:
            if key in new:
                found += _json_differences(f"{path}.{key}", old[key], new[key])
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            line
            for index, (left, right) in enumerate(zip(old, new, strict=True))
            for line in _json_differences(f"{path}[{index}]", left, right)
        ]
    if old == new and isinstance(old, bool) == isinstance(new, bool):
        return []
    if isinstance(old, str) and isinstance(new, str) and _matches_placeholders(old, new):
        return []
    return [f"{path}: recorded {_excerpt(old)}, sent {_excerpt(new)}"]


def distance(found: Sequence[str]) -> tuple[int, int]:
    """Return how far apart two requests are: another method or URL outweighs any difference of bodies."""
    heavy = sum(1 for line in found if line.startswith(("method:", "url:")))
    return heavy, len(found)


def _excerpt(value: Any) -> str:
    if isinstance(value, Binary):
        return f"{len(value.base64)} bytes ({base64.b64encode(value.base64[:24]).decode()}…)"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
