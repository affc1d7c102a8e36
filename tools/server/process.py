"""Serving: one process, or several that share a listening socket, until a signal.

SIGTERM and SIGINT end a server gracefully: it accepts no more connections, lets what runs go on for ``grace`` seconds,
and then cancels it, so that every client hears how its call ended.  The second SIGINT ends it at once.

With several workers the first process only watches: it starts each anew that dies, and ends when one cannot start.
Each worker makes the application itself, and with it a runtime of its own.

Who reads the address that a server prints may send it a signal at once: the address is announced once the signals
are handled.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any, Final, Protocol

import uvicorn
from starlette.applications import Starlette

from bamlvm.tools.server.protocol import Protocol as HttpProtocol

MakeApp = Callable[[], Starlette]
"""Makes the application, in the process that serves it; with several workers it can be pickled."""

Announce = Callable[[], object]
"""Is called when the signals are handled: says where the server listens."""

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_BACKLOG: Final = 2048
_AFTER_GRACE: Final = 5.0
"""Seconds that a cancelled call has to close what it has open, and its client to hear of it."""

_SHORT_LIFE: Final = 2.0
_SHORT_LIVES: Final = 5
_FAILED: Final = 3


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.  Raises :class:`OSError`."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def serve(make: MakeApp, listening: socket.socket, grace: float, announce: Announce = lambda: None) -> None:
    """Serve in this process until a signal."""
    config = uvicorn.Config(
        make,
        factory=True,
        http=HttpProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=int(grace + _AFTER_GRACE) + 1,
    )
    server = uvicorn.Server(config)

    def end(number: int, frame: FrameType | None) -> None:
        """Take a signal that comes before uvicorn's own handlers are there; at its end it raises those again that it
        has taken."""
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        announce()
        server.run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve_with_workers(
    make: MakeApp, listening: socket.socket, grace: float, workers: int, announce: Announce = lambda: None
) -> int:
    """Serve in so many processes until a signal; return 0, or another number if a worker cannot start."""
    context = multiprocessing.get_context("spawn")
    woken, wake = socket.socketpair()
    wake.setblocking(False)

    def start() -> SpawnProcess:
        process = context.Process(target=_work, args=(make, listening, grace), daemon=False)
        # A worker inherits the mask: signals that come while it starts wait until it handles them.
        resource_tracker.ensure_running()  # which unblocks them
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        return process

    def end(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            wake.send(b"!")

    before = {number: signal.signal(number, end) for number in SIGNALS}
    started: dict[Any, tuple[SpawnProcess, float]] = {}
    short_lives = 0
    failed = False
    try:
        announce()
        for _ in range(workers):
            process = start()
            started[process.sentinel] = process, time.monotonic()
        while not failed:
            for each in wait([*started, woken]):
                if each is woken:
                    return 0
                process, since = started.pop(each)
                process.join()
                short_lives = short_lives + 1 if time.monotonic() - since < _SHORT_LIFE else 0
                if process.exitcode == _FAILED or short_lives >= _SHORT_LIVES:
                    print("bamlvm serve: a worker cannot start", file=sys.stderr, flush=True)
                    failed = True
                    break
                print(f"bamlvm serve: worker {process.pid} has died ({process.exitcode})", file=sys.stderr, flush=True)
                process = start()
                started[process.sentinel] = process, time.monotonic()
        return 1
    finally:
        _end([process for process, _ in started.values()], grace)
        for number, handler in before.items():
            signal.signal(number, handler)
        woken.close()
        wake.close()


class Stoppable(Protocol):
    """What an application runs: ``stop`` takes nothing new, ``cancel_all`` ends what still runs."""

    def stop(self) -> None: ...

    def cancel_all(self) -> None: ...


@contextlib.asynccontextmanager
async def ending_gracefully(endpoints: Stoppable, grace: float) -> AsyncIterator[None]:
    """Stop an application at the first of the signals, and cancel its calls ``grace`` seconds later.

    It stands around the application's life, inside the server, whose own handlers of the signals still run.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None
    handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def stop() -> None:
        nonlocal timer
        if timer is None:
            endpoints.stop()
            timer = loop.call_later(grace, endpoints.cancel_all)

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        handler = handlers[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in SIGNALS:
            signal.signal(number, handlers[number])
        if timer is not None:
            timer.cancel()


def _work(make: MakeApp, listening: socket.socket, grace: float) -> None:
    try:
        serve(make, listening, grace, lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS))
    except SystemExit:
        raise
    except Exception as error:
        print(f"bamlvm serve: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        sys.exit(_FAILED)


def _end(processes: list[SpawnProcess], grace: float) -> None:
    """End workers: gracefully, and after that at once."""
    for process in processes:
        process.terminate()
    until = time.monotonic() + grace + 2 * _AFTER_GRACE
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
