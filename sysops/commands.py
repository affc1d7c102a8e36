"""A shell command as a group of processes that ends as a whole.

A :class:`Command` runs in a session of its own.  When the shell has ended, when there is too much output, or when
:meth:`Command.kill` is called, every process of the group is killed, before the shell's number can be used again; then
the pipes are read to their end, or, where a process has left the group with a pipe still open, closed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import IO, Any, Final, NamedTuple

_CHUNK: Final = 65536
_DRAIN_SECONDS: Final = 1.0
"""How long the pipes may stay open when every process of the group is dead."""


class Finished(NamedTuple):
    """What has become of a command: its status (negative: the signal), its output, and what it said of errors.

    ``is_cut`` says that it wrote too much and was killed.
    """

    status: int
    output: bytes
    errors: bytes
    is_cut: bool


class Command:
    """A shell command; ``limit`` bounds the bytes of its output, and of what it writes to its standard error."""

    def __init__(self, text: str, env: Mapping[str, str], limit: int) -> None:
        self._text = text
        self._env = dict(env)
        self._limit = limit
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_killed = False
        self._has_ended = False
        self._is_cut = False

    def run(self) -> Finished:
        """Run the command to its end, in a thread that may block.  Raises :class:`OSError`."""
        with self._lock:
            if self._is_killed:
                return Finished(-signal.SIGKILL, b"", b"", False)
            pipe = subprocess.PIPE
            self._process = process = subprocess.Popen(
                self._text,
                shell=True,
                stdin=subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
                env=self._env,
                start_new_session=True,
            )
        output, errors = bytearray(), bytearray()
        readers = [self._reader(process.stdout, output), self._reader(process.stderr, errors)]
        _wait_unreaped(process)
        with self._lock:
            _kill_group(process.pid)
            self._has_ended = True
        process.wait()
        for thread in readers:
            thread.join(_DRAIN_SECONDS)
        return Finished(process.returncode, bytes(output), bytes(errors), self._is_cut)

    def kill(self) -> None:
        """Kill every process of the command, from any thread; :meth:`run` ends then, or does not begin."""
        with self._lock:
            self._is_killed = True
            if self._process is not None and not self._has_ended:
                _kill_group(self._process.pid)

    def _reader(self, stream: IO[bytes] | None, into: bytearray) -> threading.Thread:
        thread = threading.Thread(target=self._read, args=(stream, into), name="bamlvm-command", daemon=True)
        thread.start()
        return thread

    def _read(self, stream: Any, into: bytearray) -> None:
        with stream, contextlib.suppress(OSError):
            while piece := os.read(stream.fileno(), _CHUNK):
                into += piece[: max(0, self._limit - len(into))]
                if len(into) >= self._limit and not self._is_cut:
                    self._is_cut = True
                    self.kill()


def _wait_unreaped(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has ended, and leave it as a zombie, whose number nobody else can get."""
    if hasattr(os, "waitid"):
        with contextlib.suppress(ChildProcessError):  # the host's own handler has reaped it
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: only zombies are left in the group
        os.killpg(group, signal.SIGKILL)
