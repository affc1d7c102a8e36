"""``baml.sys``, ``baml.time``, ``baml.random``: sleeping, shell commands, the clock, randomness; and the process as the
host's side of the package sees it.

The layers above read the clock and the process's environment here, never from ``time`` and ``os`` themselves.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from bamlvm.sysops.capabilities import require
from bamlvm.sysops.errors import Subject, boundary, invalid
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.values import Thrown, panic

monotonic: Final = time.monotonic
"""Seconds on a clock that never goes back."""

unix_time: Final = time.time
"""Seconds since 1970."""

pause: Final = time.sleep
"""Block this thread for some seconds."""

environment: Final[Mapping[str, str]] = os.environ
"""The process's environment, as it is at any time."""


def resident_bytes() -> int:
    """Return an estimate of the memory that the process has: its pages in memory, where the system says that, else
    what its small objects take.

    The file that says it stays open: Ctrl-C between its opening and its closing would leave it open.
    """
    try:
        return int(os.pread(_STATM[0], 200, 0).split()[1]) * _PAGE
    except (OSError, ValueError, IndexError, AttributeError):  # AttributeError: not a POSIX system
        return small_objects_bytes()


def small_objects_bytes() -> int:
    """Return an estimate of the memory that the process's small objects take, freed ones not counted."""
    return sys.getallocatedblocks() * 64


def held_bytes(now: float) -> tuple[int, int]:
    """Return the resident bytes of the process and those of its small objects, as they were a moment before ``now`` on
    the monotonic clock.

    Counting the blocks of a large process takes longer than an event of a stream.  Of hundreds of calls at once each
    asks; they share one answer for ``_HELD_SECONDS``.
    """
    at, held = _HELD[0]
    if not 0 <= now - at < _HELD_SECONDS:
        held = resident_bytes(), small_objects_bytes()
        _HELD[0] = now, held
    return held


_HELD_SECONDS: Final = 0.01
_HELD: Final = [(-1.0, (0, 0))]


def _open_statm() -> int:
    try:
        return os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return -1


_STATM: Final = [_open_statm()]
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def after_fork(callback: Callable[[], None]) -> None:
    """Have a callback called in every child process that is forked off this one, where the system has that."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=callback)


@sysop("baml.sys.sleep")
async def sleep(scope: Scope, ms: int) -> None:
    import asyncio

    await asyncio.sleep(max(0, ms) / 1000)


@sysop("baml.sys.now_ms")
def now_ms(scope: Scope) -> int:
    return time.time_ns() // 1_000_000


@sysop("baml.time.now_iso")
def now_iso(scope: Scope) -> str:
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03}Z"


@sysop("baml.random.int")
def random_int(scope: Scope, a: int, b: int) -> int:
    if b < a:
        raise invalid(f"there is no integer from {a} to {b}")
    span = b - a + 1
    bits = span.bit_length()
    while True:  # rejection: every integer is equally likely
        found = int.from_bytes(os.urandom(bits // 8 + 1), "big") >> (8 - bits % 8)
        if found < span:
            return a + found


@sysop("baml.random.float")
def random_float(scope: Scope) -> float:
    return (int.from_bytes(os.urandom(7), "big") >> 3) / (1 << 53)


@sysop("baml.random.uuid")
def random_uuid(scope: Scope) -> str:
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40  # version 4
    digits[8] = digits[8] & 0x3F | 0x80  # the variant of RFC 9562
    text = digits.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@sysop("baml.sys.panic")
def user_panic(scope: Scope, msg: str) -> None:
    raise panic("UserPanic", msg)


@sysop("baml.sys.shell")
async def shell(scope: Scope, cmd: str) -> str:
    """Run a command.  Its whole group of processes ends with the call, however that ends."""
    from bamlvm.sysops.commands import Command
    from bamlvm.sysops.threads import in_thread

    require(scope, "shell", "baml.sys.shell")
    if "\0" in cmd:
        raise invalid("a shell command cannot hold a NUL character")
    subject = Subject(f"shell command {cmd!r}")
    limit = scope.services.max_bytes
    command = Command(cmd, scope.env, limit)
    try:
        with boundary(subject):
            status, output, errors, is_cut = await in_thread(command.run)
    finally:
        command.kill()
    if is_cut:
        message = f"{subject.action} wrote more than {limit} bytes and was killed"
        raise Thrown("baml.errors.Io", {"message": message})
    if status:
        said = errors.decode("utf-8", "replace").strip()
        message = f"{subject.action} ended with status {status}" + (f": {said}" if said else "")
        raise Thrown("baml.errors.Io", {"message": message, "exit_code": status})
    return output.decode("utf-8", "replace")


def _reopen_statm() -> None:
    """Open the child's own file: the one inherited is its parent's."""
    if _STATM[0] >= 0:
        os.close(_STATM[0])
    _STATM[0] = _open_statm()


after_fork(_reopen_statm)
