"""From a host's name to a connected socket: its addresses, alternating between families and started a little apart
(RFC 8305, "Happy Eyeballs").

asyncio can do this too (``happy_eyeballs_delay``), but leaves sockets open when it is cancelled.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Final, Protocol, TypeAlias

from bamlvm.sysops.web.transport.names import resolve

ATTEMPT_SECONDS: Final = 0.25
"""How long one address may take before the next is tried beside it (RFC 8305, section 5: 250 ms)."""

Address: TypeAlias = tuple[int, tuple[object, ...]]
"""Family, and address in that family's form."""


class Guard(Protocol):
    """Decides which connections may be opened.  Its methods raise what the caller is to get where one may not be."""

    def check_host(self, host: str, port: int) -> None:
        """Ask for a host by its name, before anything is resolved."""

    def check_address(self, host: str, port: int, address: str) -> None:
        """Ask for one of the addresses of a host."""


async def dial(host: str, port: int, guard: Guard | None = None) -> socket.socket:
    """Return a socket that is connected to one of a host's addresses.  Raise :class:`OSError` if none answers.

    With a ``guard``, those addresses are left out that it refuses; its own exception is raised if that leaves none.
    """
    if guard is not None:
        guard.check_host(host, port)
    addresses: list[Address] = await resolve(host, port)
    if guard is not None:
        addresses = _granted(addresses, host, port, guard)
    return await first_to_connect(interleaved(addresses))


def _granted(addresses: Sequence[Address], host: str, port: int, guard: Guard) -> list[Address]:
    kept: list[Address] = []
    refusal: Exception | None = None
    for each in addresses:
        try:
            guard.check_address(host, port, str(each[1][0]))
        except Exception as error:
            refusal = error
        else:
            kept.append(each)
    if not kept and refusal is not None:
        raise refusal
    return kept


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Return addresses with their families alternating, beginning with that of the first (RFC 8305, section 4)."""
    first = [each for each in addresses if each[0] == addresses[0][0]]
    others = [each for each in addresses if each[0] != addresses[0][0]]
    return [each for each in chain.from_iterable(zip_longest(first, others)) if each is not None]


async def first_to_connect(addresses: Sequence[Address]) -> socket.socket:
    """Return the socket that is connected first and close the others.  Raise :class:`OSError` if all fail."""
    if len(addresses) == 1:
        return await _connected(addresses[0])
    waiting = list(reversed(addresses))
    attempts: set[asyncio.Task[socket.socket]] = set()
    errors: list[str] = []
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(_connected(waiting.pop())))
            done, _ = await asyncio.wait(
                attempts, timeout=ATTEMPT_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                attempts.discard(attempt)
                error = attempt.exception()
                if error is None:
                    attempts |= done - {attempt}  # several may be done at once: the others are closed below
                    return attempt.result()
                if not isinstance(error, OSError):
                    raise error
                errors.append(str(error))
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_discard)
    raise OSError("; ".join(dict.fromkeys(errors)) or "the host has no address")


async def _connected(address: Address) -> socket.socket:
    family, place = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, place)
    except BaseException:
        sock.close()
        raise
    return sock


def _discard(attempt: asyncio.Task[socket.socket]) -> None:
    """Close the socket of an attempt that succeeded too late to be used."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
