"""A call and a stream, from a request to the last byte of its response.

A call runs in the task of its request.  Beside it one task waits for the client to leave, and cancels the call then; a
server that ends cancels it by the same token.  A stream needs no queue: each event is written by the call itself, which
waits while the socket is full (``on_partial`` returns the awaitable of ``send``).  What a provider sends meanwhile
stays in *its* connection until the call goes on, and then makes one partial value: so a slow reader gets fewer of them,
and always the newest.

The response to a stream begins with its first event.  A call that fails before that is answered as ``/call`` would be,
with a status; one that fails later, by an ``error`` event with the same object.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from bamlvm.context import CallContext, CancelToken
from bamlvm.errors import BamlError, Cancelled, HostError
from bamlvm.events import Attempt
from bamlvm.tools.server.admission import Admission
from bamlvm.tools.server.metrics import Metrics
from bamlvm.tools.server.replies import (
    CLIENT_GONE,
    JSON,
    Refused,
    attempt_json,
    encode,
    event,
    invalid_arguments,
    refusal,
    value_json,
)
from bamlvm.tools.server.requests import OPTIONS, ClientGone, Options, Receive, arguments_of, read_body
from bamlvm.tools.server.settings import Settings

if TYPE_CHECKING:
    from bamlvm.collector import CallRecord
    from bamlvm.runtime import Runtime

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_STREAM_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_HEARTBEAT: Final = b": still running\n\n"
_PLAIN: Final = b"events=plain"
"""The query of a stream whose events are to be the official server's: nothing but values, and no names."""

logger: Final = logging.getLogger("bamlvm.serve")


class Endpoints:
    """The two endpoints of a runtime, and the calls that are under way."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.runtime = runtime
        self.settings = settings
        self.functions = frozenset(runtime.function_names)
        self.admission = Admission(settings.concurrency, settings.queue)
        self.metrics = Metrics(frozenset(runtime.engine.program.clients))
        self.stopping = False
        self._tokens: set[CancelToken] = set()

    def stop(self) -> None:
        """Take no more calls; those under way and in the queue go on."""
        self.stopping = True

    def cancel_all(self) -> None:
        """Cancel every call that is under way; their clients get 503, or an ``error`` event."""
        self.stopping = True
        for token in tuple(self._tokens):
            token.cancel()

    async def call(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``POST /call/F``: the value as JSON."""
        await self._answer("call", scope, receive, send)

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``POST /stream/F``: events, the last of which is ``final`` or ``error``."""
        await self._answer("stream", scope, receive, send)

    async def _answer(self, route: str, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        name = scope["path_params"]["function"]
        function = name if name in self.functions else ""
        reply = Reply(send)
        in_flight = self.metrics.in_flight.labels(route)
        in_flight.inc()
        status = CLIENT_GONE
        try:
            if not function:
                raise self._unknown(name)
            if self.stopping:
                raise Cancelled("the server ends")
            with self.metrics.queued.track_inprogress():
                await self.admission.enter(self.settings.timeout)
            entered = time.perf_counter()
            try:
                status = await self._run(route, name, scope, receive, reply, started)
            finally:
                self.admission.leave(time.perf_counter() - entered)
        except ClientGone:
            pass
        except Exception as error:
            with contextlib.suppress(ClientGone):
                status = await reply.error(error)
        finally:
            in_flight.dec()
            seconds = time.perf_counter() - started
            self.metrics.requests.labels(route, function, str(status)).inc()
            self.metrics.duration.labels(route, function).observe(seconds)
            logger.info("%s %s: %d after %.3f s", route, function or "(unknown)", status, seconds)

    async def _run(self, route: str, name: str, scope: Scope, receive: Receive, reply: Reply, started: float) -> int:
        """Run a call and send all of its response; return the status.  Raises what ends the call before that."""
        settings = self.settings
        args, options = arguments_of(await read_body(scope, receive, settings), settings)
        token = CancelToken()
        begun = Begun(self.metrics)
        listeners: dict[str, Any] = {}
        heart: Heart | None = None
        if route == "stream":
            plain = _PLAIN in scope["query_string"].split(b"&")
            events = Events(reply, plain, self._observer_of_first(name, started))
            listeners = {"on_partial": events.partial} | ({} if plain else {"on_attempt": events.attempt})
            heart = Heart(reply, settings.heartbeat)
        context = _context(options, token, begun, self._left(started), listeners)
        if options.clients or options.client is not None:
            self._check_clients(context)
        self._tokens.add(token)
        watch = asyncio.create_task(_watch(receive, token))
        try:
            value = await self.runtime.call_function(name, args, context)
            if heart is None:
                await reply.whole(200, value_json(value), {})
            else:
                await events.final(value)
            return 200
        except HostError as error:
            if begun.has_begun:
                raise
            raise invalid_arguments(error, str(self.runtime.signature(name))) from None
        except Cancelled:
            if watch.done():
                raise ClientGone from None
            raise
        finally:
            if heart is not None:
                heart.stop()
            self._tokens.discard(token)
            watch.cancel()

    def _left(self, started: float) -> float | None:
        """Return the seconds that a call has which arrived at ``started``."""
        timeout = self.settings.timeout
        return None if timeout is None else max(0.001, timeout - (time.perf_counter() - started))

    def _check_clients(self, context: CallContext) -> None:
        """Raise :class:`Refused` for clients that cannot be, or are not there."""
        try:
            self.runtime.engine.clients_of(context)
        except HostError as error:
            message = str(error).removeprefix("CallContext.clients: ")
            raise Refused(400, "invalid_argument", message, place=f"{OPTIONS}.client_registry") from None

    def _observer_of_first(self, name: str, started: float) -> Callable[[], None]:
        histogram = self.metrics.first_partial.labels(name)
        return lambda: histogram.observe(time.perf_counter() - started)

    def _unknown(self, name: str) -> Refused:
        from bamlvm.vm.program.spelling import suggestion

        return Refused(
            404,
            "not_found",
            f"the program has no function {name[:80]!r}",
            place="path",
            hint=suggestion(name[:80], self.runtime.function_names) or "it has none",
        )


class Begun:
    """A collector that notes that a call has begun, so that nothing is wrong with its arguments and options."""

    def __init__(self, metrics: Metrics) -> None:
        self._begin = metrics.begin
        self.keep_raw_events = False
        self.has_begun = False

    def begin(self, function: str, tags: Mapping[str, str]) -> Callable[[CallRecord], None]:
        """See :class:`bamlvm.Observer`."""
        self.has_begun = True
        return self._begin(function, tags)


class Reply:
    """The response to one request.  ``at`` is when something was last sent, ``sending`` how many sends are under way.

    All of what a stream sends goes through :meth:`piece`, each event in one message, so that events never mix.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.at = 0.0
        self.sending = 0
        self.number = 0

    async def whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a whole response of JSON."""
        self.started = True
        fields = [(b"content-type", JSON), (b"content-length", b"%d" % len(body))]
        fields += [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._pass({"type": "http.response.start", "status": status, "headers": fields})
        await self._pass({"type": "http.response.body", "body": body, "more_body": False})

    async def piece(self, data: bytes, more: bool = True) -> None:
        """Send a piece of a stream, and before the first one the head of the response."""
        self.sending += 1
        try:
            if not self.started:
                self.started = True
                await self._pass({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
            await self._pass({"type": "http.response.body", "body": data, "more_body": more})
        finally:
            self.sending -= 1
            self.at = time.perf_counter()

    def event(self, name: str | None, data: bytes, more: bool = True) -> Awaitable[None]:
        """Send an event."""
        self.number += 1
        return self.piece(event(name, self.number, data), more)

    async def error(self, error: Exception) -> int:
        """Send an error, as a response or as the last event; return its status."""
        status, body, headers = refusal(error)
        if not isinstance(error, (BamlError, Refused)):
            logger.error("a call failed unexpectedly", exc_info=error)
        if self.started:
            await self.event("error", encode({**body, "status": status}), more=False)
        else:
            await self.whole(status, encode(body), headers)
        return status

    async def _pass(self, message: MutableMapping[str, Any]) -> None:
        """Pass a message on to the server.  Raises :class:`ClientGone` where the connection is closed: servers ignore
        the message, raise an :class:`OSError`, or let through the :class:`RuntimeError` of uvloop's transport."""
        try:
            await self._send(message)
        except OSError:
            raise ClientGone from None
        except RuntimeError as error:
            if "closed" in str(error):
                raise ClientGone from None
            raise


class Events:
    """The events of a stream; ``first`` is called at the first partial value."""

    def __init__(self, reply: Reply, plain: bool, first: Callable[[], None]) -> None:
        self._reply = reply
        self._plain = plain
        self._first: Callable[[], None] | None = first

    def partial(self, value: Any) -> Awaitable[None]:
        """Send a partial value; the call waits for it."""
        if self._first is not None:
            self._first()
            self._first = None
        if self._plain:
            return self._reply.event(None, value_json(value, checks=False))
        return self._reply.event("partial", value_json(value))

    def attempt(self, attempt: Attempt) -> Awaitable[None]:
        """Send an attempt's start or end."""
        return self._reply.event("attempt", attempt_json(attempt))

    async def final(self, value: Any) -> None:
        """Send the value of the call, and end."""
        if self._plain:
            await self._reply.event(None, value_json(value, checks=False), more=False)
        else:
            await self._reply.event("final", value_json(value), more=False)


class Heart:
    """Sends a comment whenever a stream has been silent for so many seconds, so that nothing on the way closes it.

    It sends none while an event waits for a slow reader: the connection is not silent then, it is full.
    """

    def __init__(self, reply: Reply, seconds: float) -> None:
        self._reply = reply
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(seconds, self._beat)

    def stop(self) -> None:
        """Send no more."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _beat(self) -> None:
        silent = time.perf_counter() - self._reply.at
        left = self._seconds - silent
        if left <= 0:
            left = self._seconds
            if not self._reply.sending:
                self._task = self._loop.create_task(self._send())
        self._timer = self._loop.call_later(left, self._beat)

    async def _send(self) -> None:
        with contextlib.suppress(ClientGone):
            await self._reply.piece(_HEARTBEAT)


async def _watch(receive: Receive, token: CancelToken) -> None:
    """Cancel the call when its client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass
    token.cancel()


def _context(
    options: Options, token: CancelToken, begun: Begun, timeout: float | None, listeners: Mapping[str, Any]
) -> CallContext:
    return CallContext(
        cancel=token,
        timeout=timeout,
        collectors=(begun,),
        client=options.client,
        clients=options.clients,
        **listeners,
    )
