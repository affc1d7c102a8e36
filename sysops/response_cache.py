"""The cache of responses: an LLM's answer to a request that has been answered before.

What is kept is the response as it came, so a hit goes the way of any response: a streamed one through events,
accumulator and partial values, a whole one through the reader of its format.  A streamed response is kept for streamed
requests and a whole one for whole requests, because these differ.

- The **key** is a digest of the provider, the method, the URL without its secrets, the headers that choose a version of
  the service, and the body as canonical JSON.  Keys and other credentials have no part in it.
- Only a response to an attempt that **succeeded** is kept: status 200, read to the end of its answer, parsed.  One that
  holds a secret of its request is not.
- An attempt that **fails on a kept response** (the return type has changed since) has the response removed, so that a
  retry asks the provider.

Round-robin clients take their turns, and fallbacks and retries go on, as they would without a cache.

A store is anything with ``get(key) -> bytes | None`` and ``put(key, value)``, perhaps ``delete(key)``; each may be
``async``, the others are called in a thread.  What a store returns is not trusted: it is read within bounds, and is
ignored if it is not an entry of the key.  What a store raises is a warning.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

import msgspec

from bamlvm.sysops.errors import invalid
from bamlvm.sysops.redaction import Secrets, redacted_url
from bamlvm.sysops.response_store import ResponseCache, ResponseCacheWarning
from bamlvm.sysops.threads import in_thread

if TYPE_CHECKING:
    from bamlvm.sysops.web.exchange import Exchange
    from bamlvm.sysops.web.response import Response, Stream

MAX_ENTRY: Final = 16 << 20
"""The longest response that is kept, in bytes."""

_VERSION: Final = 1
_LONGEST_TYPE: Final = 200
_VERSIONS: Final = ("anthropic-beta", "anthropic-version", "openai-beta", "openai-organization", "openai-project")
"""The headers that are a part of the key."""

Mode: TypeAlias = Literal["use", "refresh", "only"]


class Store(Protocol):
    """Where entries are kept."""

    def get(self, key: str, /) -> Any: ...

    def put(self, key: str, value: bytes, /) -> Any: ...


class Caching(msgspec.Struct, frozen=True):
    """The cache as a call uses it: ``use`` takes from it and adds to it, ``refresh`` only adds, ``only`` only takes."""

    store: Any
    mode: Mode = "use"


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    version: int
    key: str
    created: float
    media_type: str
    body: bytes


_DECODER: Final = msgspec.msgpack.Decoder(_Entry)


def store_of(cache: Any) -> Any:
    """Return the store that a host's ``cache`` means: True is that of the user, a path a file, None or False none.

    Raises :class:`TypeError` for what is none of these and no store.
    """
    if cache is None or cache is False:
        return None
    if cache is True:
        return ResponseCache()
    if isinstance(cache, str) or hasattr(cache, "__fspath__"):
        return ResponseCache(cache)
    for name in ("get", "put"):
        if not callable(getattr(cache, name, None)):
            raise TypeError(f"cache must be True, a path, or an object with get and put, not {type(cache).__name__}")
    return cache


def key_of(provider: str, exchange: Exchange) -> str:
    """Return the key of a request."""
    try:
        body: Any = msgspec.json.decode(exchange.body)
    except (msgspec.DecodeError, RecursionError):
        body = exchange.body.decode("utf-8", "replace")
    versions = {name: exchange.headers[name] for name in _VERSIONS if name in exchange.headers}
    facts = [_VERSION, provider, exchange.method, redacted_url(exchange.url), versions, body]
    return hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()


class Kept:
    """A response of the attempt under way that is in the cache, or may be kept when the attempt succeeds."""

    __slots__ = ("_body", "_caching", "_headers", "_is_hit", "_key", "_size", "_status")

    def __init__(self, caching: Caching, key: str, is_hit: bool) -> None:
        self._caching = caching
        self._key = key
        self._is_hit = is_hit
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._size = 0

    def watched(self, response: Response) -> Response:
        """Return a response whose body is kept while it is read."""
        from bamlvm.sysops.web.response import Response

        self._status = response.status_code
        wanted = ("content-type", "content-encoding")
        self._headers = [(name, response.headers[name]) for name in wanted if name in response.headers]
        stream = _Watched(response.stream, self)
        return Response(response.status_code, response.reason_phrase, response.headers, response.url, stream)

    def add(self, data: bytes) -> None:
        """Keep more of the body, unless it is too long."""
        self._size += len(data)
        if self._size <= MAX_ENTRY:
            self._body.append(data)
        else:
            self._body.clear()

    def settled(self, succeeded: bool, secrets: Secrets) -> Callable[[], Awaitable[None]] | None:
        """Return what is left to do when the attempt has ended, or None."""
        if self._is_hit:
            return None if succeeded else self._forgotten
        if not succeeded or self._status != 200 or not 0 < self._size <= MAX_ENTRY or self._caching.mode == "only":
            return None
        from bamlvm.sysops.web.decoding import decoded_whole

        body = decoded_whole(self._headers, b"".join(self._body), MAX_ENTRY)
        text = body.decode("utf-8", "replace")
        if len(body) > MAX_ENTRY or (secrets and secrets.hide(text) != text):
            return None
        media_type = dict(self._headers).get("content-type", "")
        value = msgspec.msgpack.encode(_Entry(_VERSION, self._key, time.time(), media_type, body))
        return lambda: _asked(self._caching.store.put, self._key, value)

    async def _forgotten(self) -> None:
        delete = getattr(self._caching.store, "delete", None)
        if callable(delete):
            await _asked(delete, self._key)


async def found(caching: Caching, key: str, exchange: Exchange) -> Response | None:
    """Return the response that a request has in the cache, or None.

    Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) if it must have one.
    """
    entry = None
    if caching.mode != "refresh":
        entry = _read(await _asked(caching.store.get, key), key)
    if entry is None:
        if caching.mode == "only":
            raise invalid("the cache has no response to this request, and the call takes them from there only")
        return None
    from bamlvm.sysops.web.response import Response, Whole

    exchange.clocks.arrived(exchange.subject.monotonic())
    if exchange.trace is not None:
        exchange.trace(f"← 200 from the cache, {len(entry.body)} bytes")
    headers = {"content-type": entry.media_type} if entry.media_type else {}
    return Response(200, "OK", headers, exchange.url, Whole(entry.body))


def _read(value: Any, key: str) -> _Entry | None:
    """Return the entry of a key that a store has returned, or None for anything else."""
    if not isinstance(value, bytes | bytearray | memoryview) or len(value) > MAX_ENTRY + 4096:
        return None
    from bamlvm.sysops.web.transport.headers import is_field_value

    try:
        entry = _DECODER.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None
    if entry.version != _VERSION or entry.key != key or not entry.body:
        return None
    is_type = len(entry.media_type) <= _LONGEST_TYPE and entry.media_type.isascii() and is_field_value(entry.media_type)
    return entry if is_type else None


async def _asked(method: Callable[..., Any], *arguments: Any) -> Any:
    """Call a store's method; what it raises is a warning."""
    try:
        result = await in_thread(method, *arguments)
        if isinstance(result, Awaitable):
            result = await result
    except Exception as error:
        owner = type(getattr(method, "__self__", method)).__name__
        if isinstance(error, Warning):  # where warnings are errors
            raise
        warnings.warn(ResponseCacheWarning(f"the cache {owner} failed: {error!r}"), stacklevel=2)
        return None
    return result


class _Watched:
    """A body that is kept while it is read."""

    def __init__(self, inner: Stream, kept: Kept) -> None:
        self._inner = inner
        self._kept = kept

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._inner.__aiter__()) as chunks:
            async for chunk in chunks:
                self._kept.add(chunk)
                yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
