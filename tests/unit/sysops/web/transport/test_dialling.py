"""From a host's name to a socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from typing import Any

import httpx
import pytest

from bamlvm.sysops.web.transport.dialling import first_to_connect, interleaved
from tests.unit.sysops.web.transport.servers import (
    OK,
    sends,
)

pytestmark = pytest.mark.virtual_time


async def test_a_name_that_no_host_can_have(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ConnectError):
        await client.get(f"http://{'x' * 64}.invalid/")


def test_families_take_turns() -> None:
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(six, ("::1", 1)), (six, ("::2", 1)), (six, ("::3", 1)), (four, ("127.0.0.1", 1))]
    assert interleaved(found) == [found[0], found[3], found[1], found[2]]
    assert interleaved([]) == []


async def test_an_address_that_refuses_is_passed_over(serve: Any, unused_tcp_port: int) -> None:
    server = await serve(sends(OK))
    refusing = (socket.AF_INET, ("127.0.0.1", unused_tcp_port))
    with await first_to_connect([refusing, (socket.AF_INET, ("127.0.0.1", server.port))]) as sock:
        assert sock.getpeername()[1] == server.port
    with pytest.raises(OSError, match=str(unused_tcp_port)):
        await first_to_connect([refusing, refusing])


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog swallows connections on Linux only")
@pytest.mark.parametrize("cancelled", [False, True])
async def test_an_address_that_says_nothing_does_not_hold_up_the_next(serve: Any, cancelled: bool) -> None:
    server = await serve(sends(OK))
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        silent = (socket.AF_INET, full.getsockname())
        task = asyncio.create_task(first_to_connect([silent, (socket.AF_INET, ("127.0.0.1", server.port)), silent]))
        if cancelled:
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with asyncio.timeout(60):
                with await task as sock:
                    assert sock.getpeername()[1] == server.port
        await asyncio.sleep(0)
