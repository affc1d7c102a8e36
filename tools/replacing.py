"""Changing several files in one step: all of them, or none.

Each new text is written beside its file; only when all of them are on the disk are they renamed, one after the other,
which needs no space.  What a rename replaces is kept beside it until the last one has succeeded, so that those before
one that fails can be taken back.  A reader sees the old text of a file or the new one, never a part of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping

_BESIDE = ".tmp"


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

    Raises :class:`OSError`; the file is then as it was.
    """
    temporary = _new_beside(path)
    try:
        yield temporary
        os.chmod(temporary, os.stat(path).st_mode & 0o7777 if os.path.exists(path) else _new_mode())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _write_beside(path: str, text: str) -> str:
    """Write a text to a new file in the folder of ``path``, with the mode that this has, and return its path."""
    mode = None
    if os.path.lexists(path):
        mode = os.stat(path).st_mode & 0o7777
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "not writable")
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
