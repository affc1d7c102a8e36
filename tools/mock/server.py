"""The mock server: a real HTTP server on a local port that answers as LLM providers do, or fails as they do.

The answer to a request is *planned* (:func:`plan`, pure: request and script in, steps out) and then *performed*, step
by step, on the connection.  The provider is known by the end of the path, so that any ``base_url`` works:
``…/chat/completions`` and ``…/responses`` are OpenAI's formats, ``…/messages`` Anthropic's, ``…:generateContent`` and
``…:streamGenerateContent`` Google's; other paths are answered by a rule for that path, ``/echo`` with the request.

Waits are counted from the start of the response, not from each other: 300 pieces 1 ms apart take 300 ms, however slow
each write.  A client that leaves ends its answer at once, also in the middle of a wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from bamlvm.tools.mock.anthropic import ANTHROPIC
from bamlvm.tools.mock.faults import Fault, Send, Status, Step, Wait, encode_frames, find, spoil_frames, wire_steps
from bamlvm.tools.mock.google import GOOGLE
from bamlvm.tools.mock.http import MAX_HEAD_BYTES, BadRequestError, Request, read_request
from bamlvm.tools.mock.openai import OPENAI
from bamlvm.tools.mock.responses import RESPONSES
from bamlvm.tools.mock.script import Answer, Player, Question, Rule, Script, reply_to, script_from
from bamlvm.tools.mock.wire import Frame, Piece, Response, WireFormat, json_response

_STEPS_BETWEEN_YIELDS = 64
_STEPS_OF_AN_ACCEPT = 4  # of the event loop: from accept(2) to the protocol's connection_made
_FORMATS = {
    "/chat/completions": OPENAI,
    "/responses": RESPONSES,
    "/messages": ANTHROPIC,
    ":generateContent": GOOGLE,
    ":streamGenerateContent": GOOGLE,
}

Outcome = Literal["answering", "answered", "client left", "reset", "closed"]


@dataclass(slots=True)
class Exchange:
    """One request in the log and what became of it.

    ``rule`` is the name of the rule that answered ("" for an unnamed one, None for the echo), ``status`` the HTTP
    status (None if the server sent none), ``connection`` counts connections from 1, ``sent`` the bytes written.
    """

    request: Request
    connection: int
    rule: str | None = None
    status: int | None = None
    outcome: Outcome = "answering"
    sent: int = 0

    @property
    def body(self) -> Any:
        """The request's JSON body."""
        return self.request.json()


@dataclass(frozen=True, slots=True)
class Plan:
    """What the server will do for one request."""

    rule: Rule | None
    status: int | None
    steps: Sequence[Step]


def plan(request: Request, player: Player, number: int) -> Plan:
    """The answer to a request, as steps; ``number`` makes ids of answers distinct."""
    wire = next((wire for suffix, wire in _FORMATS.items() if request.path.endswith(suffix)), None)
    if wire is not None and request.method == "POST":
        return _plan_chat(request, wire, player, number)
    question = Question(request.path, "", request.body.decode("utf-8", "replace"), stream=False)
    rule, answer = player.choose(question)
    if rule is not None:
        return _plan_plain(request, question, rule, answer, player, number)
    if request.path == "/echo":
        seen = {"method": request.method, "path": request.path, "query": request.query, "headers": request.headers}
        return _whole(request, json_response(200, {**seen, "body": question.prompt}))
    if wire is not None:
        message = f"{request.path} takes POST, not {request.method}"
        return _whole(request, json_response(405, wire.error_body(405, None, message), {"Allow": "POST"}))
    served = ", ".join(f"…{suffix} ({format_.name})" for suffix, format_ in _FORMATS.items())
    message = (
        f"nothing is served at {request.method} {request.path}; this mock serves POST {served}, "
        "/echo, and the paths of the script's rules"
    )
    return _whole(request, json_response(404, OPENAI.error_body(404, "not_found_error", message)))


def _whole(request: Request, response: Response) -> Plan:
    return Plan(None, response.status, wire_steps(response, (), keep_alive=request.keeps_alive))


def _plan_chat(request: Request, wire: WireFormat, player: Player, number: int) -> Plan:
    try:
        body = request.json()
    except ValueError as error:
        return _whole(request, json_response(400, wire.error_body(400, None, f"the body is not JSON: {error}")))
    problem = wire.problem(request, body)
    if problem is not None:
        return _whole(request, json_response(400, wire.error_body(400, None, problem)))
    asked = wire.asked(request, body)
    question = Question(request.path, asked.model, asked.prompt, asked.stream)
    rule, answer = player.choose(question)
    faults = (*player.script.faults, *answer.faults)
    if status := find(faults, Status):
        return _planned(request, rule, _error_response(status, wire), faults)
    reply = reply_to(question, answer, asked.last_words, number=number, delay_ms=player.script.delay_ms)
    if not question.stream:
        response = json_response(200, wire.whole(reply))
        wait = reply.first_wait + reply.wait * max(0, len(reply.pieces) - 1)
        return _planned(request, rule, response, faults, wait)
    frames = spoil_frames(wire.frames(reply, body), faults, wire)
    return _planned(request, rule, _event_stream(frames, faults), faults)


def _plan_plain(request: Request, question: Question, rule: Rule, answer: Answer, player: Player, number: int) -> Plan:
    faults = (*player.script.faults, *answer.faults)
    if status := find(faults, Status):
        return _planned(request, rule, _error_response(status, None), faults)
    reply = reply_to(question, answer, question.prompt, number=number, delay_ms=player.script.delay_ms)
    if answer.sse:
        frames = [Frame("content", piece, wait=wait) for piece, wait in reply.timed_pieces()]
        return _planned(request, rule, _event_stream(frames, faults), faults)
    pieces = [Piece(piece.encode(), wait) for piece, wait in reply.timed_pieces()]
    response = Response(200, {"Content-Type": "text/plain; charset=utf-8"}, pieces)
    return _planned(request, rule, response, faults)


def _planned(
    request: Request, rule: Rule | None, response: Response, faults: Sequence[Fault], wait: float = 0.0
) -> Plan:
    steps = wire_steps(response, faults, keep_alive=request.keeps_alive)
    return Plan(rule, response.status, [Wait(wait), *steps] if wait else steps)


def _event_stream(frames: Sequence[Frame], faults: Sequence[Fault]) -> Response:
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
    return Response(200, headers, encode_frames(frames, faults), streamed=True)


def _error_response(status: Status, wire: WireFormat | None) -> Response:
    headers = {} if status.retry_after is None else {"Retry-After": str(status.retry_after)}
    if status.body is not None:
        kind = "application/json" if status.body.lstrip()[:1] in ("{", "[") else "text/plain; charset=utf-8"
        return Response(status.code, {"Content-Type": kind, **headers}, [Piece(status.body.encode())])
    body = (wire or OPENAI).error_body(status.code, status.type, status.message or f"mock error {status.code}")
    return json_response(status.code, body, headers)


class _Reader(asyncio.StreamReader):
    """A stream reader that also tells when the client has left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=MAX_HEAD_BYTES, loop=loop)
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
        """How many clients are connected now."""
        return len(self._tasks)

    def play(self, script: Script | Mapping[str, Any]) -> None:
        """Answer by another script from the next request on, from its beginning."""
        self._player = Player(_as_script(script))

    async def until(self, condition: Callable[[MockServer], bool]) -> None:
        """Wait until ``condition`` holds, asking whenever a request comes in or is dealt with, or a client leaves."""
        while not condition(self):
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Listen; raises :class:`OSError` if the address cannot be had."""
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
        try:
            while (request := await read_request(reader, writer)) is not None:
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
            steps = wire_steps(json_response(400, OPENAI.error_body(400, None, str(error))), (), keep_alive=False)
            writer.writelines(step.data for step in steps if isinstance(step, Send))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left in the middle of a request or of an answer; the log says which answer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await writer.wait_closed()

    async def _perform(
        self, chosen: Plan, exchange: Exchange, reader: _Reader, writer: asyncio.StreamWriter
    ) -> Outcome:
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
        """As of :class:`MockServer`."""
        return self._server.url

    @property
    def requests(self) -> list[Exchange]:
        """As of :class:`MockServer`."""
        return self._server.requests

    @property
    def open_connections(self) -> int:
        """As of :class:`MockServer`."""
        return self._server.open_connections

    def play(self, script: Script | Mapping[str, Any]) -> None:
        """As of :class:`MockServer`."""
        self._server.play(script)

    def until(self, condition: Callable[[MockServer], bool], timeout: float = 10.0) -> None:
        """As of :class:`MockServer`; raises :class:`TimeoutError` after ``timeout`` seconds."""
        assert self._loop is not None
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
    """Wait ``seconds``; True, at once, if the client leaves meanwhile."""
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
