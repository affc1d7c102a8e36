"""Fixtures of the sys-ops' tests: a raw HTTP server on loopback that may misbehave, and the scope of a call.

``serve(handler)`` starts a server whose handler gets each request's :class:`Exchange` and writes any bytes it likes.
After a test the handle table must be empty and no connection may be open on the server's side.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest_asyncio

import bamlvm.stdlib
from bamlvm.sysops.scope import Hooks, Scope
from bamlvm.sysops.services import Services
from bamlvm.sysops.table import MODULES, load
from bamlvm.vm.handles import HandleTable
from bamlvm.vm.program.declarations import ClassInfo, FieldInfo
from bamlvm.vm.program.types import UNKNOWN
from bamlvm.vm.values import Instance, LoadedClass, Pending, Thrown

OWNER = 7


class Exchange:
    """One request as it came, and the connection to answer on.  Names of headers are in lower case."""

    def __init__(self, head: bytes, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        pairs = (line.partition(":") for line in lines[1:] if line)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}
        self.body = body
        self._reader = reader
        self._writer = writer

    async def send(self, *parts: bytes) -> None:
        """Write all parts at once."""
        self._writer.write(b"".join(parts))
        await self._writer.drain()

    def reset(self) -> None:
        """Close with RST."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def until_closed(self) -> None:
        """Wait until the client has closed."""
        while await self._reader.read(65536):
            pass


Handler = Callable[[Exchange], Awaitable[None]]


class Loopback:
    """A server on 127.0.0.1.  A connection is closed when its handler returns, unless that answers keep-alive."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Exchange] = []
        self.connections = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def idle(self) -> None:
        """Wait until every connection is closed."""
        async with asyncio.timeout(60):
            while self._tasks:
                await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                exchange = Exchange(head, body, reader, writer)
                self.requests.append(exchange)
                await self.handler(exchange)
                if "x-keep" not in exchange.headers:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()


class StandardClasses:
    """The program's schema, as far as these tests need it: the standard library's classes and their fields."""

    def __init__(self) -> None:
        folder = Path(bamlvm.stdlib.__file__).parent
        self.classes: dict[str, LoadedClass] = {}
        for file, namespace in bamlvm.stdlib.NAMESPACES.items():
            source = (folder / file).read_text("utf-8") if (folder / file).exists() else ""
            for name, body in re.findall(r"(?ms)^class (\w+) \{\n(.*?)^\}", source):
                fields = re.findall(r"(?m)^    (?!function\b)(\w+) ", body)
                info = ClassInfo(f"{namespace}.{name}", tuple(FieldInfo(field, UNKNOWN) for field in fields))
                self.classes[info.name] = LoadedClass(info)
        self.enums = self.aliases = self.signatures = self.llm_functions = {}
        self.clients = self.retry_policies = self.templates = {}

    def new_instance(self, class_name: str, fields: Mapping[str, Any]) -> Instance:
        cls = self.classes[class_name]
        unknown = set(fields) - set(cls.field_names)
        assert not unknown, f"{class_name} does not declare {unknown}"
        return Instance(cls, [fields.get(name) for name in cls.field_names])

    def enum_value(self, enum: str, variant: str) -> Any:
        raise KeyError(enum)


class Call:
    """A call in the making: runs sys-ops by path as the driver does."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._table = load(name for name in MODULES if not name.endswith(".llm"))

    def start(self, path: str, *arguments: Any) -> Any:
        """What the sys-op's function gives at once: a value, a Pending or a coroutine."""
        return self._table[path].call(self.scope, *arguments)

    async def __call__(self, path: str, *arguments: Any) -> Any:
        """The sys-op's result; a :class:`Thrown` must be an error that the standard library declares."""
        try:
            result = self.start(path, *arguments)
            if self._table[path].is_async:
                return await result
            return await result.awaitable if isinstance(result, Pending) else result
        except Thrown as thrown:
            self.scope.new_instance(thrown.class_name, **thrown.fields)
            raise

    async def fails(self, path: str, *arguments: Any) -> tuple[str, dict[str, Any]]:
        """The error that a sys-op throws: its class without the namespace, and its fields."""
        try:
            result = await self(path, *arguments)
        except Thrown as thrown:
            return thrown.class_name.rpartition(".")[2], thrown.fields
        raise AssertionError(f"{path} did not throw but gave {result!r}")

    def request(self, url: str, method: str = "GET", body: str = "", timeouts: dict[str, int] | None = None,
                **headers: str) -> Instance:  # fmt: skip
        clocks = None if timeouts is None else self.scope.new_instance("baml.http.Timeouts", **timeouts)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.scope.new_instance(
            "baml.http.Request", method=method, url=url, headers=named, body=body, timeouts=clocks
        )

    async def end(self) -> int:
        """Close what is left open, as the driver does when a call ends; how many that was."""
        left = self.scope.services.handles.take_all(OWNER)
        for entry in left:
            closing = entry.close()
            if closing is not None:
                await closing
        return len(left)


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[Loopback]]]:
    """``await serve(handler)`` starts a server; the test fails if a client's connection outlives its call."""
    servers: list[Loopback] = []

    async def start(handler: Handler) -> Loopback:
        server = Loopback(handler)
        await server.start()
        servers.append(server)
        return server

    yield start
    try:
        for server in servers:
            await server.idle()
    finally:
        for server in servers:
            await server.stop()


@pytest_asyncio.fixture
async def call(serve: Any) -> AsyncIterator[Call]:
    """A call with everything allowed; afterwards the handle table is empty."""
    from bamlvm.sysops.web.clients import new_client

    async with new_client() as client:
        now = asyncio.get_running_loop().time
        services = Services(StandardClasses(), HandleTable(), lambda: client, monotonic=now)
        call = Call(Scope(services, OWNER, {"GREETING": "hello"}, Hooks()))
        yield call
        await call.end()
        assert len(services.handles) == 0


@pytest_asyncio.fixture
async def closed_call(call: Call) -> AsyncIterator[Call]:
    """A call that must itself have closed what it opened."""
    yield call
    assert await call.end() == 0, "the call left something open"
