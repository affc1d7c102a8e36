"""From a host's name to its addresses, on threads of our own.

An event loop resolves names on the few threads of its default executor, and a process waits for these when it ends: a
name server that does not answer would keep the files and the names of all other calls waiting, and the process alive.
So each name that is under way has a daemon thread, which all that ask for the name share, whatever their loop; nothing
waits for it but them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from typing import Any, Final, TypeAlias

MOST: Final = 64
"""How many names may be under way: more than that wait for a server that does not answer."""

Found: TypeAlias = list[tuple[int, tuple[object, ...]]]
"""Families and addresses."""

_Waiters: TypeAlias = "list[tuple[asyncio.AbstractEventLoop, asyncio.Future[Found]]]"


class _Lookups:
    """The names under way, each with those that wait for it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a child process has none of its parent's threads."""
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], _Waiters] = {}

    def add(self, host: str, port: int, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Found]) -> None:
        """Have a future of a loop get a host's addresses, or the error of looking for them."""
        key = host, port
        with self._lock:
            waiters = self._waiting.get(key)
            if waiters is not None:
                waiters.append((loop, future))
                return
            if len(self._waiting) >= MOST:
                raise socket.gaierror(socket.EAI_AGAIN, f"{MOST} other names are being resolved: no server answers")
            self._waiting[key] = [(loop, future)]
        threading.Thread(target=self._look_up, args=key, name="bamlvm-resolving", daemon=True).start()

    def _look_up(self, host: str, port: int) -> None:
        found: Found = []
        failure: BaseException | None = None
        try:
            found = addresses(host, port)
        except Exception as error:
            failure = error
        with self._lock:
            waiters = self._waiting.pop((host, port))
        for loop, future in waiters:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_deliver, future, found, failure)


def addresses(host: str, port: int, flags: int = 0) -> Found:
    """Return the addresses of a host.  Raises :class:`OSError`; blocks."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in infos]


async def resolve(host: str, port: int) -> Found:
    """Return the addresses of a host.  Raises :class:`OSError`, :class:`ValueError`."""
    if is_address(host):
        return addresses(host, port, socket.AI_NUMERICHOST)
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Found] = loop.create_future()
    _LOOKUPS.add(host, port, loop, future)
    return await future


def is_address(host: str) -> bool:
    """Whether a host is an address in numbers."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):  # UnicodeError and a NUL are ValueErrors
            socket.inet_pton(family, host)
            return True
    return False


def _deliver(future: asyncio.Future[Found], found: Found, failure: Any) -> None:
    if future.done():  # cancelled
        return
    if failure is None:
        future.set_result(found)
    else:
        future.set_exception(failure)


_LOOKUPS: Final = _Lookups()
os.register_at_fork(after_in_child=_LOOKUPS.forget)
