"""The journal: the results of a batch, one line each, as they are done.

A result counts once it is on the disk: lines are written and synced in groups, a hundred times a second at most.  After
a crash the journal has whole lines and at most a part of one, which is cut off when it is opened again.  A later line
of the same key takes the place of an earlier one (a row that had failed was asked again).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import IO, Any, Final, NamedTuple, Self

import msgspec

from bamlvm.build.inputs import unusable
from bamlvm.errors import HostError
from bamlvm.sysops.regular_files import open_to_append
from bamlvm.tools.batch.results import LINE_START, Line, RowResult, encoded

_MOST_WAITING: Final = 1000
"""How many lines may wait to be written before those who add them wait."""

_GATHERING: Final = 0.01
"""Seconds for which lines gather between two groups."""

_LONGEST: Final = 1 << 30
"""How many bytes a line may have."""

_decode = msgspec.json.Decoder(Line).decode


class Entry(NamedTuple):
    """The line of a key: where it is in the journal, in bytes, the number of its row, and whether it is of an error."""

    start: int
    length: int
    row: int
    failed: bool


class _Waiting(NamedTuple):
    """A line that is not on the disk yet; ``written`` is called when it is."""

    text: bytes
    key: str
    row: int
    failed: bool
    written: Callable[[], None]


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a journal; of a file that is not one, which may be huge, no more than its beginning."""
    beginning = file.read(1)
    if beginning not in (b"", LINE_START[:1]):
        yield beginning
        return
    file.seek(0)
    yield from iter(lambda: file.readline(_LONGEST), b"")


class Journal:
    """The journal at a path, open for one process alone; ``entries`` are by key, of what is on the disk.

    ``program`` is the digest of the program that the results are of: a journal of another one is refused, unless
    ``keep_older``.  Raises :class:`HostError` for that, for a file that is no journal, and one that is in use.
    """

    def __init__(self, path: str, program: str, *, keep_older: bool = False) -> None:
        self.path = path
        self._program = program
        self._end = 0
        self.entries: dict[str, Entry] = {}
        self._waiting: list[_Waiting] = []
        self._lines = 0
        self._writer: asyncio.Future[None] | None = None
        self._hurry = asyncio.Event()  # set while something waits for what is not on the disk
        self._failure: HostError | None = None
        self._is_new = not os.path.exists(path)
        try:
            # Unbuffered: what a full disk has refused must not be written again when the file is closed.
            self._file = open(open_to_append(path), "ab", buffering=0)  # noqa: SIM115 (closed by __exit__)
        except OSError as error:
            raise unusable(path, error) from None
        try:
            self._lock()
            self._read(keep_older)
        except BaseException:
            self._file.close()
            raise

    @property
    def has_stale_lines(self) -> bool:
        """Whether a line has been replaced by a later one."""
        return self._lines > len(self.entries)

    def forget_error(self, key: str) -> None:
        """Let the error of a key count no longer; its line goes when the output is put in order."""
        if key in self.entries and self.entries[key].failed:
            del self.entries[key]

    def texts(self, keys: Iterable[str]) -> Iterator[bytes]:
        """Yield the line of each key."""
        with open(self.path, "rb") as file:
            for key in keys:
                entry = self.entries[key]
                file.seek(entry.start)
                yield file.read(entry.length)

    async def add(self, key: str, row: int, result: RowResult, columns: Any, written: Callable[[], None]) -> None:
        """Add the result of a row, and call ``written`` when it is on the disk; wait where too many are not.

        Raises :class:`HostError` if the disk refuses.
        """
        text = encoded(row, key, self._program, result, columns)
        self._waiting.append(_Waiting(text, key, row, result.error is not None, written))
        if self._writer is None:
            self._writer = asyncio.ensure_future(self._write())
        if len(self._waiting) > _MOST_WAITING or self._failure is not None:
            await self.flush()

    async def flush(self) -> None:
        """Wait until everything is on the disk.  Raises :class:`HostError` if the disk refuses."""
        self._hurry.set()
        while self._writer is not None:
            await asyncio.wait([self._writer])
        self._hurry.clear()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._is_new and not self._end:  # nothing has come of it
            with contextlib.suppress(OSError):
                if not os.fstat(self._file.fileno()).st_size:
                    os.unlink(self.path)
        self._file.close()

    async def _write(self) -> None:
        """Write what waits, group after group, until nothing does."""
        try:
            while self._waiting and self._failure is None:
                group, self._waiting = self._waiting, []
                await asyncio.to_thread(self._append, b"".join(each.text for each in group))
                for each in group:
                    self._note(each.key, len(each.text), each.row, each.failed)
                    each.written()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), _GATHERING)
        except OSError as error:
            self._failure = unusable(self.path, error)
        finally:
            self._writer = None

    def _append(self, text: bytes) -> None:
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)  # whole lines alone stay
            raise

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows: two processes on one journal are the user's to avoid
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HostError(f"{self.path}: another process writes this file") from None

    def _note(self, key: str, length: int, row: int, failed: bool) -> None:
        """Take a line that is on the disk, after those before it."""
        self.entries[key] = Entry(self._end, length, row, failed)
        self._end += length
        self._lines += 1

    def _read(self, keep_older: bool) -> None:
        """Read the lines that are there, and cut off a part of one at the end."""
        with open(self.path, "rb") as file:
            self._take(file, keep_older)

    def _take(self, file: IO[bytes], keep_older: bool) -> None:
        for number, text in enumerate(_lines(file), 1):
            if not text.endswith(b"\n"):  # the process ended while it wrote this
                if not text.startswith(LINE_START[: len(text)]):
                    raise HostError(f"{self.path}:{number}: not a result of bamlvm batch; give another -o")
                self._file.truncate(self._end)
                break
            try:
                line = _decode(text)
            except (msgspec.DecodeError, UnicodeError):
                raise HostError(f"{self.path}:{number}: not a result of bamlvm batch; give another -o") from None
            if line.program != self._program and not keep_older:
                raise HostError(
                    f"{self.path}: its results are of another version of the program, or of other options; give "
                    "--keep-older to add to them, or another -o"
                )
            self._note(line.key, len(text), line.row, line.error is not None)
