"""What a client sends: the body of a call, read within its bounds, as arguments and options.

A body is a JSON object of arguments by name.  It is held to RFC 8259 and to what all readers agree on: UTF-8, no
``NaN``, no name twice in an object (readers differ in which of the two counts), not more levels than
``max_depth``.  ``__baml_options__`` is the official server's: ``{"client_registry": {"clients": […], "primary": …}}``.

A client that a request brings along must not reach what is the server's: it cannot refer to the environment, nor be of
a provider that signs in with the server's credentials; and a provider's key goes to no other address than its own
(:func:`bamlvm.sysops.providers.catalogue.headers`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NamedTuple

import msgspec

from bamlvm.sysops.providers.catalogue import PROVIDERS
from bamlvm.tools.server.replies import Refused
from bamlvm.tools.server.settings import Settings
from bamlvm.vm.program.spelling import suggestion

OPTIONS: Final = "__baml_options__"
_EXAMPLE: Final = 'send the arguments as a JSON object, such as {"name": "world"}'
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_TOKEN: Final = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")(\s*+:)?|[{}\[\]]', re.DOTALL)
_OFFSET: Final = re.compile(r" \(byte (\d+)\)$| - at `.*`$", re.DOTALL)

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGone(Exception):  # noqa: N818 (nothing is wrong)
    """The client left before its request was whole."""


class Options(NamedTuple):
    """The options of a call: the LLM client for it, and clients that the request brings along."""

    client: str | None = None
    clients: dict[str, dict[str, Any]] = {}  # noqa: RUF012 (never changed)


async def read_body(scope: MutableMapping[str, Any], receive: Receive, settings: Settings) -> bytes:
    """Return the body of a request.  Raises :class:`Refused` and :class:`ClientGone`."""
    length = _check_headers(scope["headers"])
    if length is not None and length > settings.max_body:
        raise _too_large(settings)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                piece = message.get("body", b"")
                size += len(piece)
                if size > settings.max_body:
                    raise _too_large(settings)
                pieces.append(piece)
                if not message.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError:
        raise Refused(
            408,
            "request_timeout",
            f"the body did not arrive within {settings.body_timeout:g} s",
            headers={"connection": "close"},
        ) from None


def _check_headers(headers: list[tuple[bytes, bytes]]) -> int | None:
    """Return the length of the body if it is stated.  Raises :class:`Refused` for a body of another kind."""
    length: int | None = None
    kind = b""
    for name, value in headers:
        if name == b"content-type":
            kind = value
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise Refused(
                415,
                "unsupported_media_type",
                f"a body that is encoded as {_shown(value)} cannot be read",
                place="content-encoding",
                hint="send it as it is, without Content-Encoding",
                headers={"accept-encoding": "identity"},
            )
        elif name == b"content-length" and value.isdigit():
            length = int(value[:20])
    media, *parameters = kind.lower().split(b";")
    media = media.strip()
    if media != b"application/json" and not (media.startswith(b"application/") and media.endswith(b"+json")):
        got = f"got {_shown(media)}" if media else "there is none"
        raise Refused(
            415,
            "unsupported_media_type",
            f"expected a body of the type application/json, {got}",
            place="content-type",
            hint="send the header Content-Type: application/json",
        )
    for parameter in parameters:
        attribute, _, charset = parameter.partition(b"=")
        if attribute.strip() == b"charset" and charset.strip(b' "') not in (b"utf-8", b"utf8", b"us-ascii"):
            raise Refused(
                415,
                "unsupported_media_type",
                f"JSON is UTF-8, not {_shown(charset)}",
                place="content-type",
                hint="send the body as UTF-8",
            )
    return length


def arguments_of(body: bytes, settings: Settings) -> tuple[dict[str, Any], Options]:
    """Return the arguments in a body, and the options of the call.  Raises :class:`Refused`."""
    value = _decoded(body, settings)
    if not isinstance(value, dict):
        raise _invalid(f"expected a JSON object of arguments by name, got {_kind(value)}", "body", _EXAMPLE)
    names, depth = _measured(value, settings.max_depth)
    if depth > settings.max_depth:
        raise _too_deep(settings.max_depth)
    # A name that is there twice is in the text twice and in the value once: a colon outside strings is a name's.
    if names != _STRING.sub(b"", body).count(b":"):
        name, offset = _named_twice(body)
        raise _invalid(f"the name {name} is there twice in one object", _line(body, offset), "leave one of the two out")
    given = value.pop(OPTIONS, None)
    return value, Options() if given is None else _options(given, settings)


def _decoded(body: bytes, settings: Settings) -> Any:
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise _too_deep(settings.max_depth) from None
    except UnicodeDecodeError:
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise _invalid("the body is not UTF-8", _line(body, error.start), "send the body as UTF-8") from None
        raise _invalid("the body has a string that is no text", "body", None) from None
    except msgspec.DecodeError as error:
        if not body.strip():
            raise _invalid("the body is empty", "body", _EXAMPLE) from None
        hint = None
        text = str(error)
        found = _OFFSET.search(text)
        offset = len(body) if found is None or found[1] is None else int(found[1])
        reason = _OFFSET.sub("", text).removeprefix("JSON is malformed: ")
        if isinstance(error, msgspec.ValidationError):  # a number of thousands of digits
            raise _invalid(f"the body has a number that cannot be: {reason.lower()}", "body", None) from None
        if body.startswith(b"\xef\xbb\xbf"):
            hint = "send the body without a byte order mark"
        elif body[offset : offset + 1] in (b"N", b"I") or body[offset - 1 : offset + 1] == b"-I":
            hint = "JSON has no NaN and no infinity"
        elif body[offset : offset + 1] == b"'":
            hint = 'strings are in double quotes: "…"'
        elif reason == "Input data was truncated":
            reason = "it ends too early"
        elif reason == "trailing characters":
            offset -= 1  # msgspec counts to behind the first of them
        raise _invalid(f"the body is not JSON: {reason}", _line(body, offset), hint) from None


def _measured(value: Any, deepest: int) -> tuple[int, int]:
    """Return how many names a value's objects have, and its levels; those below ``deepest`` are not looked at."""
    names = depth = 0
    level = [value]
    while level and depth <= deepest:
        depth += 1
        below: list[Any] = []
        for each in level:
            if type(each) is dict:
                names += len(each)
                each = each.values()
            below += [part for part in each if type(part) is dict or type(part) is list]
        level = below
    return names, depth


def _named_twice(body: bytes) -> tuple[str, int]:
    """Return the first name that an object has twice, and where it is the second time."""
    objects: list[set[Any]] = []
    for token in _TOKEN.finditer(body):
        text, colon = token.groups()
        if text is None:
            if token[0] in (b"{", b"["):
                objects.append(set())
            else:
                objects.pop()
        elif colon is not None:
            name = msgspec.json.decode(text)
            if name in objects[-1]:
                return text.decode(errors="replace")[:80], token.start()
            objects[-1].add(name)
    raise AssertionError("no name is there twice")


def _options(given: Any, settings: Settings) -> Options:
    """Return the options of a call.  Raises :class:`Refused`."""
    options = _object(given, OPTIONS, ("client_registry",), ())
    if "client_registry" not in options or options["client_registry"] is None:
        return Options()
    place = f"{OPTIONS}.client_registry"
    registry = _object(options["client_registry"], place, ("clients", "primary"), ("clients",))
    primary = registry.get("primary")
    if primary is not None and not isinstance(primary, str):
        raise _invalid(f"expected the name of a client, got {_kind(primary)}", f"{place}.primary", None)
    if not isinstance(registry["clients"], list):
        raise _invalid(f"expected a list of clients, got {_kind(registry['clients'])}", f"{place}.clients", None)
    if registry["clients"] and not settings.registry:
        raise Refused(
            403, "forbidden", "this server takes no clients from requests", place=place, hint="choose one by `primary`"
        )
    clients: dict[str, dict[str, Any]] = {}
    for index, each in enumerate(registry["clients"]):
        where = f"{place}.clients[{index}]"
        client = _object(each, where, ("name", "provider", "options", "retry_policy"), ("name", "provider"))
        name = client.pop("name")
        if not isinstance(name, str):
            raise _invalid(f"expected a name, got {_kind(name)}", f"{where}.name", None)
        if name in clients:
            raise _invalid(f"the client {name!r} is there twice", f"{where}.name", None)
        provider = PROVIDERS.get(client["provider"]) if isinstance(client["provider"], str) else None
        if provider is not None and provider.signs_in is not None:
            raise Refused(
                403,
                "forbidden",
                f"a client of {provider.name} would use the server's own credentials",
                place=f"{where}.provider",
                hint="declare it in the program",
            )
        _refuse_references(client.get("options"), f"{where}.options")
        clients[name] = client
    return Options(primary, clients)


def _refuse_references(value: Any, place: str) -> None:
    """Refuse ``{"$env": …}``, which is how a compiled program has ``env.NAME``: a request must not read the server's
    environment, and send it wherever it likes.  Raises :class:`Refused`."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name.startswith("$"):
                raise _invalid(
                    "an option of a client cannot be a reference", f"{place}.{name}", "send the value itself"
                )
            _refuse_references(each, f"{place}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _refuse_references(each, f"{place}[{index}]")


def _object(value: Any, place: str, known: tuple[str, ...], needed: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(f"expected an object, got {_kind(value)}", place, None)
    for name in value:
        if name not in known:
            raise _invalid(f"there is no {name!r} here", place, suggestion(name, known))
    for name in needed:
        if name not in value:
            raise _invalid(f"{name!r} is missing", place, None)
    return value


def _invalid(message: str, place: str, hint: str | None) -> Refused:
    return Refused(400, "invalid_argument", message, place=place, hint=hint)


def _too_deep(deepest: int) -> Refused:
    return _invalid(f"the body is nested more deeply than {deepest} levels", "body", "send flatter arguments")


def _too_large(settings: Settings) -> Refused:
    return Refused(
        413,
        "payload_too_large",
        f"the body is larger than {settings.max_body:,} bytes",
        place="body",
        hint="send less, or start the server with a higher --max-body",
        headers={"connection": "close"},
    )


def _line(body: bytes, offset: int) -> str:
    line = body.count(b"\n", 0, offset) + 1
    start = body.rfind(b"\n", 0, offset)
    return f"line {line}, column {offset - start}"


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def _shown(value: bytes) -> str:
    return repr(value[:80].decode("latin-1"))
