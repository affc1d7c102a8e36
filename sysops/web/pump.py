"""A response read by a task, for transports that cannot call a receiver themselves, and for encoded bodies.

The task must be stoppable at any moment, but never while httpcore closes a connection, which takes it several turns of
the loop: a plain ``Task.cancel()`` there leaves the connection open for good.  From outside the two cannot be
distinguished, since httpcore also closes by itself, inside the iteration, where a body ends or breaks.  httpcore can:
it closes within a shielded scope of anyio.  So the reading happens in an anyio scope too, and stopping cancels that
scope; where a shield is in the way, the cancellation waits until it is left.
"""

from __future__ import annotations

import asyncio

import anyio
import httpx

from bamlvm.sysops.web.decoding import chunks_of
from bamlvm.sysops.web.response import Response
from bamlvm.sysops.web.transport.body import Receiver


class Pump:
    """A task that reads a response and passes its pieces to a receiver.  Made inside a task on the event loop."""

    __slots__ = ("_loop", "_receiver", "_response", "_resumed", "_scope", "_task")

    def __init__(self, response: Response, receiver: Receiver) -> None:
        self._response = response
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._resumed: asyncio.Future[None] | None = None  # set while the pump is paused
        self._scope = anyio.CancelScope()
        self._task = self._loop.create_task(self._run())

    def pause(self) -> None:
        """Read no further than the piece that is being passed on."""
        if self._resumed is None:
            self._resumed = self._loop.create_future()

    def resume(self) -> None:
        """Go on reading."""
        if self._resumed is not None:
            if not self._resumed.done():
                self._resumed.set_result(None)
            self._resumed = None

    def abort(self) -> None:
        """Stop reading and close the connection, without waiting; the end follows, with an error."""
        self._scope.cancel()

    async def aclose(self) -> None:
        """Stop reading, close the connection, and wait until it is closed."""
        self.abort()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        error: Exception | None = None
        try:
            with self._scope:
                async with chunks_of(self._response) as chunks:
                    async for chunk in chunks:
                        self._receiver.body_received(chunk)
                        if self._resumed is not None:
                            await self._resumed
            if self._scope.cancelled_caught:
                error = httpx.ReadError("reading was stopped")
        except Exception as raised:
            error = raised
        except BaseException:  # the task itself was cancelled: the loop ends
            error = httpx.ReadError("reading was cancelled")
            raise
        finally:
            self._receiver.body_ended(error)
            await self._response.aclose()
