"""The mock without a server: an httpx transport that answers from a script in the same process.

It takes a request straight to :func:`bamlvm.tools.mock.planning.plan` and reads the bytes that the server would send
with the HTTP client's own reader, so the formats, the faults and what the client makes of them are the server's; only
sockets are missing.  A fault that closes the connection is the error that a client raises for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Self
from urllib.parse import unquote

import httpx
import msgspec

from bamlvm.sysops.web.clients import ATTEMPT
from bamlvm.sysops.web.transport.response_reader import ResponseReader
from bamlvm.tools.mock.delivery import Send, Step, Wait
from bamlvm.tools.mock.http import Request
from bamlvm.tools.mock.planning import Chooser, plan
from bamlvm.tools.mock.script import Answer, Player, Rule, Script, script_from
from bamlvm.tools.mock.server import Exchange
from bamlvm.values.results import to_builtins


class MockTransport(httpx.AsyncBaseTransport):
    """A transport that plays a script, for ``Runtime(transport=…)``; without one it answers with an echo.

    Instead of a script it may have an object that chooses answers, such as
    :class:`bamlvm.tools.mock.plausible.PlausibleAnswers`.  ``requests`` are the exchanges so far, as
    :class:`bamlvm.mock.MockServer` logs them.  It may be shared by runtimes, threads and event loops.
    """

    needs_credentials = False

    def __init__(self, script: Script | Mapping[str, Any] | Chooser | None = None) -> None:
        self.requests: list[Exchange] = []
        self._lock = threading.Lock()  # the player counts answers
        self.play(script or Script())

    def play(self, script: Script | Mapping[str, Any] | Chooser) -> Self:
        """Play a script from its beginning.  Raise :class:`bamlvm.mock.ScriptError` if it is malformed."""
        if isinstance(script, Mapping):
            script = script_from(script)
        with self._lock:
            self._chooser = Player(script) if isinstance(script, Script) else script
        return self

    def answer(self, *answers: Any, function: str | None = None) -> Self:
        """Answer the next requests with these answers, in order, and all others with the last.

        With ``function`` they are the requests of an LLM function; the answers of other functions stay, and all begin
        again with their first.  An answer is a text, an :class:`bamlvm.mock.Answer`, or any other value as JSON.
        """
        rule = Rule(function=function, answers=tuple(map(_answer, answers)))
        if function is None:
            return self.play(Script(rules=(rule,)))
        script = self._chooser.script
        others = tuple(each for each in script.rules if each.function != function)
        return self.play(msgspec.structs.replace(script, rules=(rule, *others)))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response that the script has for a request.

        Raises :class:`httpx.RemoteProtocolError` and :class:`httpx.ReadError` for faults of the connection.
        """
        received = _received(request, await request.aread())
        with self._lock:
            exchange = Exchange(received, connection=1)
            self.requests.append(exchange)
            chosen = plan(received, self._chooser, len(self.requests))
        exchange.rule = chosen.rule.name if chosen.rule else None
        reader = ResponseReader(head_only=request.method == "HEAD")
        body = _performed(chosen.steps, reader, exchange)
        begun = await anext(body, b"")  # empty where the head came alone, or with all of an empty body
        exchange.status = reader.status
        return httpx.Response(
            reader.status,
            headers=reader.headers,
            stream=_Body(begun, body),
            extensions={"http_version": reader.version, "reason_phrase": reader.reason},
        )


class _Body(httpx.AsyncByteStream):
    def __init__(self, begun: bytes, rest: AsyncGenerator[bytes, None]) -> None:
        self._begun = begun
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._begun:
            yield self._begun
        async for data in self._rest:
            yield data

    async def aclose(self) -> None:
        await self._rest.aclose()


def _received(request: httpx.Request, content: bytes) -> Request:
    """Return a request as the server reads it."""
    target = request.url.raw_path.decode("ascii")
    path, _, query = target.partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    attempt = request.extensions.get(ATTEMPT)
    function = "" if attempt is None else attempt.function
    return Request(request.method, target, unquote(path), query, headers, content, True, function)


def _answer(answer: Any) -> Answer:
    if isinstance(answer, Answer):
        return answer
    return Answer(text=answer if isinstance(answer, str) else msgspec.json.encode(to_builtins(answer)).decode())


async def _performed(steps: Sequence[Step], reader: ResponseReader, exchange: Exchange) -> AsyncGenerator[bytes, None]:
    """Perform steps and yield the body: first, perhaps empty, once the head is complete, then each piece."""
    begun = False
    # A server has answered when it has written everything, even to a client that left after the last event.
    last_stop = max((index for index, step in enumerate(steps) if not isinstance(step, Send)), default=-1)
    for index, step in enumerate(steps):
        exchange.outcome = "client left" if index <= last_stop else "answered"  # if this generator is closed here
        if isinstance(step, Wait):
            if step.seconds is None:
                await asyncio.get_running_loop().create_future()  # until the client leaves
            else:
                await asyncio.sleep(step.seconds)
            continue
        if not isinstance(step, Send):
            exchange.outcome = "reset" if step.reset else "closed"
            if step.reset:
                raise httpx.ReadError("the mock reset the connection")
            break
        await asyncio.sleep(0)  # pieces arrive one by one
        if reader.complete:  # more than the head announced
            break
        exchange.sent += len(step.data)
        data = reader.feed(step.data)
        if data or (reader.has_head and not begun):
            begun = True
            yield data
        if reader.failure is not None:
            break
    reader.end()
    if reader.failure is not None:
        raise httpx.RemoteProtocolError(reader.failure)
