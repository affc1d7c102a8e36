"""Content codings: any split, bounded pieces, and what is not accepted."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from bamlvm.sysops.errors import INCOMPLETE_BODY
from bamlvm.sysops.web.decoding import PIECE, Inflater, chunks_of, decoded_whole
from bamlvm.sysops.web.response import converted

TEXT = b"data: one\n\n" * 50
RAW = zlib.compressobj(wbits=-15)
CODED = {
    "gzip": gzip.compress(TEXT),
    "gzip in two members": gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]),
    "deflate": zlib.compress(TEXT),
    "deflate without a frame": RAW.compress(TEXT) + RAW.flush(),
}


@pytest.mark.parametrize("name", CODED)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_any_split_is_decoded(name: str, size: int) -> None:
    inflater, data = Inflater(gzip=name.startswith("gzip")), CODED[name]
    pieces = [piece for at in range(0, len(data), size) for piece in inflater.feed(data[at : at + size])]
    inflater.finish()
    assert b"".join(pieces) == TEXT


def test_a_bomb_comes_in_bounded_pieces() -> None:
    pieces = Inflater(gzip=True).feed(gzip.compress(b"\0" * 50_000_000))
    assert len(next(pieces)) <= PIECE


def test_a_body_that_ends_inside_its_coding() -> None:
    inflater = Inflater(gzip=True)
    list(inflater.feed(CODED["gzip"][:-9]))
    with pytest.raises(httpx.RemoteProtocolError, match=INCOMPLETE_BODY):
        inflater.finish()


async def read(response: httpx.Response) -> bytes:
    async with chunks_of(converted(response, "http://host")) as chunks:
        return b"".join([chunk async for chunk in chunks])


def streamed(data: bytes, coding: str) -> httpx.Response:
    class Stream(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield data

    return httpx.Response(200, headers={"content-encoding": coding}, stream=Stream())


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", " identity , gzip"])
async def test_a_response_is_decoded(coding: str) -> None:
    assert await read(streamed(CODED["gzip"], coding)) == TEXT


async def test_a_response_that_has_its_content_already() -> None:
    response = httpx.Response(200, headers={"content-encoding": "gzip"}, content=CODED["gzip"])
    assert await read(response) == TEXT
    assert await read(httpx.Response(200)) == b""


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd"])
async def test_a_coding_that_was_not_requested(coding: str) -> None:
    with pytest.raises(httpx.DecodingError, match="was not requested"):
        await read(streamed(TEXT, coding))


def test_as_much_as_can_be_decoded() -> None:
    headers = [("Content-Encoding", "gzip")]
    assert decoded_whole(headers, CODED["gzip"]) == TEXT
    assert TEXT.startswith(decoded_whole(headers, CODED["gzip"][:-9]))
    assert decoded_whole([], TEXT) == TEXT


@pytest.mark.parametrize("data", [gzip.compress(b"\0" * 20 * PIECE), gzip.compress(b"") * 20 * 32])
async def test_the_loop_goes_on_between_the_pieces_of_one_chunk(data: bytes) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await read(streamed(data, "gzip"))
    counting.cancel()
    assert turns >= 18
