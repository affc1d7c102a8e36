"""The mock server: a real HTTP server on a local port that answers as LLM providers do, or fails as they do.

The answer to a request is *planned* (:mod:`bamlvm.tools.mock.planning`, pure: request and script in, steps out) and
then *performed*, step by step, on the connection.

Waits are counted from the start of the response, not from each other: 300 pieces 1 ms apart take 300 ms, however slow
each write.  A client that leaves ends its answer at once, also in the middle of a wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from bamlvm.tools.mock.delivery import Send, Wait
from bamlvm.tools.mock.http import BadRequestError, Request, RequestReader
from bamlvm.tools.mock.planning import Plan, plan, refusal
from bamlvm.tools.mock.script import Player, Script, script_from

_STEPS_BETWEEN_YIELDS = 64
_STEPS_OF_AN_ACCEPT = 4  # of the event loop: from accept(2) to the protocol's connection_made

Ending = Literal["answering", "answered", "client left", "reset", "closed"]


@dataclass(slots=True)
class Exchange:
    """One request in the log and the answer it got.

    ``rule`` is the name of the rule that answered ("" for an unnamed one, None for the echo), ``status`` the HTTP
    status (None if the server sent none), ``connection`` counts connections from 1, ``sent`` the bytes written.
    """

    request: Request
    connection: int
    rule: str | None = None
    status: int | None = None
    outcome: Ending = "answering"
    sent: int = 0

    @property
    def body(self) -> Any:
        """The request's body, decoded from JSON."""
        return self.request.json()


class _Reader(asyncio.StreamReader):
    """A stream reader with an event that is set when the client has left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        self.gone.set()
        super().feed_eof()

    def set_exception(self, exc: Exception) -> None:
        self.gone.set()
        super().set_exception(exc)


class MockServer:
    """The server in the running event loop: ``async with MockServer(script) as server: … server.url …``.

    ``script`` is a :class:`Script` or plain data of that shape.  ``log`` is called with every finished
    :class:`Exchange`.
    """

    def __init__(
        self,
        script: Script | Mapping[str, Any] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        log: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.requests: list[Exchange] = []
        self.connection_count = 0
        self._player = Player(_as_script(script))
        self._host, self._port = host, port
        self._log = log
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        """``http://host:port``, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def open_connections(self) -> int:
        """The number of clients that are connected now."""
        return len(self._tasks)

    def play(self, script: Script | Mapping[str, Any]) -> None:
        """Answer by another script, from its beginning, from the next request on."""
        self._player = Player(_as_script(script))

    async def until(self, condition: Callable[[MockServer], bool]) -> None:
        """Wait until ``condition`` holds; it is asked whenever a request arrives or ends, or a client leaves."""
        while not condition(self):
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Listen; raises :class:`OSError` if the address is not available."""
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(_Reader(loop), self._connected, loop)

        self._server = await loop.create_server(protocol, self._host, self._port, backlog=1024)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection.  May be called twice."""
        server, self._server = self._server, None
        if server is None:
            return
        # A connection that asyncio has accepted but not yet handed over would be lost, unclosed, with a closed server.
        for listener in server.sockets:
            asyncio.get_running_loop().remove_reader(listener.fileno())
        for _ in range(_STEPS_OF_AN_ACCEPT):
            await asyncio.sleep(0)
        server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, _Reader)
        if self._server is None:  # accepted while the server was stopping
            writer.transport.abort()
            return
        self.connection_count += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer, self.connection_count))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._disconnected(task, writer))

    def _disconnected(self, task: asyncio.Task[None], writer: asyncio.StreamWriter) -> None:
        writer.close()  # for a task that was cancelled before its first step
        self._tasks.discard(task)
        self._notify()

    async def _serve(self, reader: _Reader, writer: asyncio.StreamWriter, connection: int) -> None:
        requests = RequestReader(reader, writer)
        try:
            while (request := await requests.next()) is not None:
                exchange = Exchange(request, connection)
                self.requests.append(exchange)
                self._notify()
                chosen = plan(request, self._player, len(self.requests))
                exchange.rule = chosen.rule.name if chosen.rule else None
                try:
                    exchange.outcome = await self._perform(chosen, exchange, reader, writer)
                finally:
                    if exchange.outcome == "answering":
                        exchange.outcome = "client left"
                    self._notify()
                    if self._log is not None:
                        self._log(exchange)
                if exchange.outcome != "answered" or not request.keeps_alive:
                    break
        except BadRequestError as error:
            writer.writelines(step.data for step in refusal(str(error)) if isinstance(step, Send))
        except ConnectionError:
            pass  # the client left in the middle of an answer, which the log shows
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await writer.wait_closed()

    async def _perform(self, chosen: Plan, exchange: Exchange, reader: _Reader, writer: asyncio.StreamWriter) -> Ending:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for index, step in enumerate(chosen.steps):
            if reader.gone.is_set():
                return "client left"
            if isinstance(step, Send):
                exchange.status = chosen.status
                writer.write(step.data)
                await writer.drain()
                exchange.sent += len(step.data)
                if index % _STEPS_BETWEEN_YIELDS == _STEPS_BETWEEN_YIELDS - 1:
                    await asyncio.sleep(0)
            elif isinstance(step, Wait):
                if step.seconds is None:
                    await reader.gone.wait()
                    return "client left"
                due += step.seconds
                if await _left_before(reader, due - loop.time()):
                    return "client left"
            else:
                if step.reset:
                    _reset(writer)
                return "reset" if step.reset else "closed"
        return "answered"


class ThreadedMockServer:
    """The server in a thread with an event loop of its own: ``with ThreadedMockServer(script) as server: …``."""

    def __init__(
        self, script: Script | Mapping[str, Any] | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._server = MockServer(script, host=host, port=port)
        self._thread = threading.Thread(target=self._run, name="bamlvm-mock", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """See :class:`MockServer`."""
        return self._server.url

    @property
    def requests(self) -> list[Exchange]:
        """See :class:`MockServer`."""
        return self._server.requests

    @property
    def open_connections(self) -> int:
        """See :class:`MockServer`."""
        return self._server.open_connections

    def play(self, script: Script | Mapping[str, Any]) -> None:
        """See :class:`MockServer`."""
        self._server.play(script)

    def until(self, condition: Callable[[MockServer], bool], timeout: float = 60.0) -> None:
        """See :class:`MockServer`; raises :class:`TimeoutError` after ``timeout`` seconds."""
        if self._loop is None:
            raise RuntimeError("the server has not been started: use it in a with statement")
        asyncio.run_coroutine_threadsafe(self._server.until(condition), self._loop).result(timeout)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None and self._stopping is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        try:
            await self._server.start()
        except OSError as error:
            self._failure = error
            return
        finally:
            self._ready.set()
        await self._stopping.wait()
        await self._server.stop()


def _as_script(script: Script | Mapping[str, Any] | None) -> Script:
    if script is None:
        return Script()
    return script if isinstance(script, Script) else script_from(script)


async def _left_before(reader: _Reader, seconds: float) -> bool:
    """Wait ``seconds``, or until the client leaves; return whether it left."""
    if seconds <= 0:
        return False
    try:
        async with asyncio.timeout(seconds):
            await reader.gone.wait()
    except TimeoutError:
        return False
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP RST: a socket that does not linger drops what it has not sent (socket(7), SO_LINGER)."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
