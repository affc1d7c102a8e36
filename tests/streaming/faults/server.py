"""A server that misbehaves byte by byte, for the tests of faults.

It knows no HTTP beyond reading requests.  An *answer* is a sequence of steps, done in order on the connection:
bytes are written as they stand; a number is a pause in seconds; :data:`STALL` sends nothing more until the client
leaves; :data:`RESET` closes with RST, :data:`CLOSE` in order.  After an answer without either the connection takes the
next request.

Which answer a request gets is decided by the first part of its path, its *key*: ``play(key, first, second)`` gives the
first request of that key the first answer, and so on; the last one repeats.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias


class Mark:
    """A step that is neither bytes nor a pause."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


STALL: Final = Mark("STALL")
RESET: Final = Mark("RESET")
CLOSE: Final = Mark("CLOSE")

Step: TypeAlias = bytes | float | Mark
Answer: TypeAlias = Sequence[Step]

_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass(slots=True)
class Hit:
    """One request and what became of it; ``left`` is set once the client has closed the connection under it."""

    head: bytes
    body: bytes
    outcome: Literal["answering", "answered", "closed", "reset", "left"] = "answering"


class FaultServer:
    """The server, on 127.0.0.1, in the running event loop."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self._answers: dict[str, Sequence[Answer]] = {}
        self._hits: dict[str, list[Hit]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()

    def play(self, key: str, *answers: Answer) -> None:
        """What the requests of a key get from now on."""
        self._answers[key] = answers
        self._hits[key] = []

    def url(self, key: str) -> str:
        """The ``base_url`` of a key."""
        return f"http://127.0.0.1:{self.port}/{key}"

    def hits(self, key: str) -> list[Hit]:
        """The requests of a key so far."""
        return self._hits[key]

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self._tasks)

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until a condition holds that a request or a leaving client may bring about."""
        async with asyncio.timeout(seconds):
            while not condition():
                await self._changed.wait()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        # A connection that asyncio has accepted but not yet handed over would be lost, unclosed, with a closed server.
        for listener in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listener.fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._disconnected(task, writer))

    def _disconnected(self, task: asyncio.Task[None], writer: asyncio.StreamWriter) -> None:
        writer.close()
        self._tasks.discard(task)
        self._notify()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                hit = Hit(head, body)
                key = head.split(b" ", 2)[1].decode().split("?")[0].strip("/").split("/")[0]
                hits = self._hits[key]
                hits.append(hit)
                self._notify()
                answers = self._answers[key]
                try:
                    hit.outcome = await self._perform(answers[min(len(hits), len(answers)) - 1], reader, writer)
                except BaseException:
                    hit.outcome = "left"
                    raise
                finally:
                    self._notify()
                if hit.outcome != "answered":
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await writer.wait_closed()

    async def _perform(
        self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Literal["answered", "closed", "reset", "left"]:
        leaving = asyncio.ensure_future(_gone(reader)) if STALL in answer else None
        try:
            for step in answer:
                if reader.at_eof():
                    return "left"
                if isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                    await asyncio.sleep(0)
                elif step is STALL:
                    assert leaving is not None
                    await leaving
                    return "left"
                elif step is CLOSE:
                    return "closed"
                elif isinstance(step, Mark):
                    reset(writer)
                    return "reset"
                else:
                    await asyncio.sleep(step)
            return "answered"
        finally:
            if leaving is not None:
                leaving.cancel()


async def _gone(reader: asyncio.StreamReader) -> None:
    """Until the client has closed."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP RST (socket(7), SO_LINGER)."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens at: bound, so that nobody else gets it, but never listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def full_port() -> Iterator[int]:
    """A port whose queue is full: a connection to it is neither accepted nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
