"""The HTTP clients of one runtime: one ``httpx.AsyncClient`` an event loop, made when a sys-op first asks.

A client belongs to its loop and its connections can be closed only there.  It is closed with the runtime, or when its
loop ends: an async generator begun on the loop is what ``asyncio.run`` finalises then, and the generator closes the
client.  A runtime that becomes garbage has its clients closed too (:meth:`Clients.drop`).

No lock: a client's entry is taken out of the dict by whoever closes it, and ``dict.pop`` gives it to one only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx

CLOSE_SECONDS: Final = 2.0
"""How long closing waits for another thread's loop."""


class Clients:
    """Clients by loop.  ``transport`` replaces httpx's own, in all of them; it is closed with them."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None) -> None:
        self._transport = transport
        self._clients: dict[asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, AsyncGenerator[None, None]]] = {}
        self._inherited: list[Any] = []

    def current(self) -> httpx.AsyncClient:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        found = self._clients.get(loop)
        if found is not None:
            return found[0]
        from bamlvm.sysops.web.client import new_client  # and with it httpx

        client = new_client(self._transport)
        closer = self._close_with_loop(loop, client)
        with contextlib.suppress(StopIteration):
            closer.__anext__().send(None)  # runs to the yield, which tells the loop about the generator
        self._clients[loop] = (client, closer)
        return client

    async def aclose(self) -> None:
        """Close every client, each on its loop."""
        here = asyncio.get_running_loop()
        for loop in list(self._clients):
            closing = self._take(loop)
            if closing is None:
                continue
            if loop is here:
                await closing.aclose()
            else:
                with contextlib.suppress(TimeoutError):
                    future = _elsewhere(loop, closing)
                    if future is not None:
                        await asyncio.wait_for(asyncio.wrap_future(future), CLOSE_SECONDS)

    def close(self) -> None:
        """Close every client and wait for it, except on a loop of this thread, which closes it when it next runs."""
        here = asyncio._get_running_loop()
        for loop in list(self._clients):
            closing = self._take(loop)
            future = None if closing is None else _elsewhere(loop, closing)
            if future is not None and loop is not here:
                with contextlib.suppress(TimeoutError):
                    future.result(CLOSE_SECONDS)

    def forked(self) -> None:
        """In a child process: keep the parent's clients, which are not the child's to close, out of the way."""
        self._inherited.append(self._clients)
        self._clients = {}

    def drop(self) -> None:
        """Have every client closed on its loop, without waiting."""
        for loop in list(self._clients):
            closing = self._take(loop)
            if closing is not None:
                _elsewhere(loop, closing)

    def _take(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None] | None:
        found = self._clients.pop(loop, None)
        return None if found is None else found[1]

    async def _close_with_loop(
        self, loop: asyncio.AbstractEventLoop, client: httpx.AsyncClient
    ) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._take(loop)
            await client.aclose()


def _elsewhere(loop: asyncio.AbstractEventLoop, closing: AsyncGenerator[None, None]) -> Any:
    """Close on another thread's loop, if that still runs; a concurrent future."""
    if not loop.is_running():
        return None
    coroutine = _finish(closing)
    try:
        return asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:  # it was closed meanwhile
        coroutine.close()
        return None


async def _finish(closing: AsyncGenerator[None, None]) -> None:
    await closing.aclose()
