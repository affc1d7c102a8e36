"""``baml.net``: sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.virtual_time


async def test_a_socket(closed_call: Any) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.readexactly(len("häuser".encode()))
        writer.write(said.upper()[:2])
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(said.upper()[2:])
        writer.close()

    async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await closed_call("baml.net.connect", f"127.0.0.1:{port}")
        await closed_call("baml.net.Socket.write", socket, "häuser")
        heard = ""
        while text := await closed_call("baml.net.Socket.read", socket):
            heard += text
        assert heard == "HäUSER", "a character split over two arrivals"
        for _ in range(2):
            await closed_call("baml.net.Socket.close", socket)
        assert (await closed_call.fails("baml.net.Socket.read", socket))[0] == "InvalidArgument"


async def test_a_socket_left_open_is_closed_with_the_call(call: Any) -> None:
    closed = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        closed.set()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as server:
        await call("baml.net.connect", f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert await call.end() == 1
        async with asyncio.timeout(60):
            await closed.wait()


@pytest.mark.parametrize(
    "address", ["", "host", "host:", ":80", "host:http", "host:99999", "host:\N{SUPERSCRIPT TWO}", "[]:1"]
)
async def test_what_is_no_address(call: Any, address: str) -> None:
    kind, fields = await call.fails("baml.net.connect", address)
    assert (kind, repr(address) in fields["message"]) == ("InvalidArgument", True)


async def test_nobody_listens(call: Any, unused_tcp_port: int) -> None:
    kind, fields = await call.fails("baml.net.connect", f"127.0.0.1:{unused_tcp_port}")
    assert (kind, str(unused_tcp_port) in fields["message"]) == ("Network", True)
    assert (await call.fails("baml.net.connect", "a" * 64 + ".test:80"))[0] in ("InvalidArgument", "Network")
