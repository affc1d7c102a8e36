"""Writing files whole or not at all, and changing several in one step: all of them, or none.

Each new text is written beside its file; only when all of them are written are they renamed, one after the other, which
needs no space.  What a rename replaces is kept beside it until the last one has succeeded, so that those before one
that fails can be taken back.  A reader sees the old text of a file or the new one, never a part of it.

:func:`replace_files` takes paths as they are: a link is replaced, and where it leads nothing changes.  A file that the
user has named (:func:`replacing`, :func:`write_output`) is written where its links lead.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bamlvm.sysops.regular_files import descriptor_of, not_regular

_NON_BLOCKING: Final = getattr(os, "O_NONBLOCK", 0)
_TO_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NON_BLOCKING | getattr(os, "O_CLOEXEC", 0)
_BESIDE: Final = ".tmp"


def replace_files(texts: Mapping[str, str], removed: Iterable[str] = ()) -> None:
    """Replace files, or make them, by their paths, and remove others.  The mode of a file is kept.

    Raises :class:`OSError`, whose ``filename`` is the path that failed; everything is then as it was.
    """
    new: dict[str, str] = {}
    kept: dict[str, str] = {}
    renamed: list[str] = []
    try:
        for path, text in texts.items():
            with _about(path):
                new[path] = _write_beside(path, text)
        for path in (*texts, *removed):
            with _about(path):
                if os.path.lexists(path):
                    kept[path] = _keep_beside(path)
        for path in (*texts, *removed):
            with _about(path):
                if path in new:
                    os.replace(new[path], path)
                else:
                    os.unlink(path)
                renamed.append(path)
    except BaseException:
        for path in reversed(renamed):
            if path in kept:
                os.replace(kept.pop(path), path)
            else:
                os.unlink(path)
            new.pop(path, None)
        raise
    else:
        new.clear()  # they are in their places
    finally:
        for temporary in (*new.values(), *kept.values()):
            with contextlib.suppress(OSError):
                os.unlink(temporary)


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """Give a new file beside ``path`` to write, which takes its place, with its mode, if the block ends well.

    Raises :class:`OSError`, also for what is no regular file; it is then as it was.
    """
    path = os.path.realpath(path)
    mode = mode_of(path)
    temporary = _new_beside(path)
    try:
        yield temporary
        os.chmod(temporary, _new_mode() if mode is None else mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_output(path: str, content: bytes) -> None:
    """Write a file that the user has named; what is no regular file, such as ``/dev/stdout`` or a pipe, is written to.

    Raises :class:`OSError`; a regular file is then as it was.
    """
    if descriptor_of(path) is not None or _is_special(path):
        _write_all(open_stream(path), content)
        return
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(content)


class GrowingFile:
    """A file that grows by whole lines, readable by the user alone.

    What a file of that name has held stays until the first lines are written: these take its place.  What is no regular
    file, such as ``/dev/stdout``, is written to.
    """

    def __init__(self, path: str) -> None:
        """Raises :class:`OSError` for a file that cannot be written."""
        self._stream = path if descriptor_of(path) is not None or _is_special(path) else None
        self._target = os.path.realpath(path)
        self._is_begun = False
        if self._stream is not None:
            os.close(open_stream(path))
        else:
            mode_of(self._target)
            os.unlink(self._written_beside(b""))

    def add(self, lines: bytes) -> None:
        """Add lines: all of them, or nothing where the disk refuses.  Raises :class:`OSError`."""
        if self._stream is not None:
            _write_all(open_stream(self._stream), lines)
        elif self._is_begun:
            self._append(lines)
        else:
            os.replace(self._written_beside(lines), self._target)
            self._is_begun = True

    def _append(self, lines: bytes) -> None:
        with open(os.open(self._target, _TO_APPEND, 0o600), "ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            rest = memoryview(lines)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(end)
                raise

    def _written_beside(self, lines: bytes) -> str:
        temporary = _new_beside(self._target)  # with mode 0600
        try:
            with open(temporary, "wb") as file:
                file.write(lines)
        except BaseException:
            os.unlink(temporary)
            raise
        return temporary


def open_stream(path: str) -> int:
    """Return the descriptor of a pipe, a device or an open file of this process, to write to.

    Raises :class:`OSError`, also for a pipe that nobody reads.
    """
    given = descriptor_of(path)
    if given is not None:
        return os.dup(given)
    try:
        number = os.open(path, os.O_WRONLY | os.O_APPEND | _NON_BLOCKING)
    except OSError as error:
        if error.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode):
            raise OSError(errno.ENXIO, "a pipe that nobody reads") from None
        raise
    if _NON_BLOCKING:
        os.set_blocking(number, True)
    return number


def _is_special(path: str) -> bool:
    """Whether there is something that is neither a regular file nor a folder."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def mode_of(path: str) -> int | None:
    """Return the mode of a file that may be replaced, or None if there is none.

    Raises :class:`OSError` for what is no regular file or may not be written.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise not_regular(mode)
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "not writable")
    return mode & 0o7777


@contextlib.contextmanager
def folders_made(folders: Iterable[str]) -> Iterator[None]:
    """Make folders, and those around them, for a block; if it raises, those that were made are removed again.

    Raises :class:`OSError`, whose ``filename`` is the path that failed.
    """
    made: list[str] = []
    try:
        for folder in folders:
            missing = []
            while folder and not os.path.isdir(folder):
                if os.path.lexists(folder):
                    raise NotADirectoryError(errno.ENOTDIR, "not a folder", folder)
                missing.append(folder)
                folder = os.path.dirname(folder)
            for each in reversed(missing):
                os.mkdir(each)
                made.append(each)
        yield
    except BaseException:
        for each in reversed(made):
            with contextlib.suppress(OSError):
                os.rmdir(each)
        raise


def _write_all(number: int, content: bytes) -> None:
    with open(number, "wb") as file:
        file.write(content)


def _write_beside(path: str, text: str) -> str:
    """Write a text to a new file in the folder of ``path``, with the mode that this has, and return its path."""
    mode = None if os.path.islink(path) else mode_of(path)
    temporary = _new_beside(path)
    try:
        with open(temporary, "wb") as file:
            file.write(text.encode())
        os.chmod(temporary, _new_mode() if mode is None else mode)
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _new_beside(path: str) -> str:
    """Make an empty file in the folder of ``path``, and return its path."""
    number, temporary = tempfile.mkstemp(prefix=".", suffix=_BESIDE, dir=os.path.dirname(path) or os.curdir)
    os.close(number)
    return temporary


def _keep_beside(path: str) -> str:
    """Link a file to another name in its folder, where nothing else changes, and return that."""
    temporary = _new_beside(path)
    os.unlink(temporary)
    try:
        os.link(path, temporary, follow_symlinks=False)
    except (OSError, NotImplementedError):  # a file system without links
        shutil.copy2(path, temporary, follow_symlinks=False)
    return temporary


def _new_mode() -> int:
    """Return the mode of a new file."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextlib.contextmanager
def _about(path: str) -> Iterator[None]:
    """Let an :class:`OSError` be about a path, and not about the file beside it."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, path) from None
