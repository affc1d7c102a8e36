"""Content codings (RFC 9110, section 8.4.1): the body of a response, decoded in pieces of bounded size.

A few bytes of gzip can expand to a thousand times as many, and a coding over a coding to a million times.  So at most
one :data:`PIECE` is decoded at a time, however much a chunk holds, and only a single coding of those that were
requested (:data:`ACCEPTED`) is accepted; the reader counts the pieces and stops when there are too many.  The event
loop goes on after every :data:`PIECE`: without that, what a few bytes expand to would be all that it does, and no
deadline could end it.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

import httpx

from bamlvm.sysops.errors import INCOMPLETE_BODY

if TYPE_CHECKING:
    from bamlvm.sysops.web.response import Response

ACCEPTED: Final = "gzip, deflate"
PIECE: Final = 64 * 1024
_STEP: Final = 2048
"""Bytes that a piece counts beside its own: decoding a byte, or a member without content, takes its time as well."""

_GZIP: Final = 31
_ZLIB: Final = 15
_DEFLATE: Final = -15  # what some servers send as "deflate"
_NO_CODING: Final = ("", "identity", "none", "utf-8")
"""What some servers call a body that is not coded."""

_MAGIC: Final = b"\x1f\x8b"


def codings(coded: str) -> list[str]:
    """Return the codings that a header ``content-encoding`` names, in the order in which they were applied."""
    words = coded.lower().split(",")
    return [word.strip() for word in words if word.strip() not in _NO_CODING]


def chunks_of(response: Response) -> aclosing[AsyncGenerator[bytes, None]]:
    """Return the body as it arrives, decoded: ``async with chunks_of(response) as chunks``, so that nothing is left
    open where the reader stops early.

    Raises ``httpx.DecodingError``, and what reading the body raises.
    """
    coded = response.headers.get("content-encoding")
    encoded = codings(coded) if coded else []
    chunks = response.stream.__aiter__()
    return aclosing(_decoded(chunks, encoded) if encoded else chunks)


async def _decoded(source: AsyncGenerator[bytes, None], applied: list[str]) -> AsyncGenerator[bytes, None]:
    if len(applied) > 1 or applied[0] not in ("gzip", "x-gzip", "deflate"):
        raise httpx.DecodingError(f"a content coding that was not requested: {', '.join(applied)[:100]}")
    decoder = Inflater(gzip=applied[0] != "deflate")
    spent = 0
    async with aclosing(source) as chunks:
        async for chunk in chunks:
            for piece in decoder.feed(chunk):
                if piece:
                    yield piece
                spent += len(piece) + _STEP
                if spent >= PIECE:
                    spent = 0
                    await asyncio.sleep(0)
    decoder.finish()


def decoded_whole(headers: Iterable[tuple[str, str]], body: bytes, limit: int = 1 << 26) -> bytes:
    """Return as much of a body as can be decoded, at most a :data:`PIECE` more than ``limit`` bytes."""
    applied = codings(",".join(value for name, value in headers if name.lower() == "content-encoding"))
    if len(applied) != 1:
        return body
    found = bytearray()
    with contextlib.suppress(httpx.DecodingError):
        for piece in Inflater(gzip=applied[0] != "deflate").feed(body):
            found += piece
            if len(found) > limit:
                break
    return bytes(found)


class Inflater:
    """A decoder of gzip (any number of members) or of deflate, with or without its zlib frame."""

    def __init__(self, gzip: bool) -> None:
        self._gzip = gzip
        self._inner: Any = None
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode more bytes, at most :data:`PIECE` at a time; a member without content is an empty piece.

        Raises ``httpx.DecodingError``.
        """
        try:
            while data:
                if self._inner is None:
                    self._inner = self._decompressor(data)
                    self._begun = True
                piece = self._inner.decompress(data, PIECE)
                yield piece
                data = self._inner.unconsumed_tail
                if self._inner.eof:
                    rest = self._inner.unused_data
                    data = rest if self._gzip and rest.startswith(_MAGIC) else b""
                    if data:
                        self._inner = None
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from None

    def finish(self) -> None:
        """End the body.  Raise ``httpx.RemoteProtocolError``, as for any body cut short, if it is incomplete."""
        if self._begun and not self._inner.eof:
            raise httpx.RemoteProtocolError(f"{INCOMPLETE_BODY} (it ends inside its content coding)")

    def _decompressor(self, data: bytes) -> Any:
        if self._gzip:
            return zlib.decompressobj(_GZIP)
        framed = data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0)  # RFC 1950, section 2.2
        return zlib.decompressobj(_ZLIB if framed else _DEFLATE)
