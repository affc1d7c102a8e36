"""Opening files that a program names: only regular ones, only below the folders that it may use, never blocking.

A pipe, a terminal or a device would block its reader, or has no end, so a file is opened without blocking, and
what is no regular file is closed again.  :func:`read_all` stops at a limit.

:class:`Roots` are the folders of an allow-list.  A path is resolved first, symbolic links and ``..`` included, and must
then be below a root.  It is opened from that root component by component, following no link, so that a link that is
put there in between is refused and not followed.  (Where the system has no ``openat``, the check is the path alone.)
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import Final

from bamlvm.vm.values import Thrown

_CREATED: Final = 0o666
_NON_BLOCKING: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_OPENAT: Final = os.open in os.supports_dir_fd and bool(_NO_LINK)
_CHUNK: Final = 1024 * 1024

NOT_REGULAR: Final = "not a regular file"
"""How the reason of the :class:`OSError` begins of what is a folder, a pipe, a socket or a device."""

_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


_STANDARD: Final = ("/dev/stdin", "/dev/stdout", "/dev/stderr")
_DESCRIPTORS: Final = ("/dev/fd/", "/proc/self/fd/")


class Roots:
    """The folders that a program may use files in."""

    __slots__ = ("_folders", "_text")

    def __init__(self, folders: Iterable[str]) -> None:
        written = list(folders)
        self._folders = [os.path.realpath(folder) for folder in written]
        self._text = ", ".join(written)

    def resolve(self, path: str) -> tuple[str, list[str]]:
        """Return the root that a file is below, and the components of its path from there.

        Raises :class:`Thrown` (``InvalidArgument``) for a path that leads elsewhere.
        """
        real = os.path.realpath(path)
        for folder in self._folders:
            if is_below(real, folder):
                parts = os.path.relpath(real, folder).split(os.sep)
                return folder, [] if parts == [os.curdir] else parts
        message = f"{path}: the host allows files only below {self._text}"
        raise Thrown("baml.errors.InvalidArgument", {"message": message})


def is_below(path: str, folder: str) -> bool:
    """Whether a resolved path is a resolved folder or something in it."""
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def open_to_read(path: str, roots: Roots | bool = True) -> int:
    """Return the descriptor of a file.  Raise :class:`OSError`, also for what is no regular file."""
    return _open(path, os.O_RDONLY, roots)


def open_to_append(path: str) -> int:
    """Return the descriptor of a file, made if there is none, that grows at its end.  Raise as :func:`open_to_write`
    does."""
    return _open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, roots=True)


def open_to_write(path: str, roots: Roots | bool = True) -> int:
    """Return the descriptor of a file that is empty now.  Raise :class:`OSError`, also for what is no regular file."""
    descriptor = _open(path, os.O_WRONLY | os.O_CREAT, roots)
    try:
        os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_all(descriptor: int, limit: int) -> bytes:
    """Return the content of a file, which is closed.  Raise :class:`OSError` if it has more than ``limit`` bytes."""
    try:
        if os.fstat(descriptor).st_size > limit:  # which may be a hole: nothing of it is read
            raise _too_large(limit)
        return read_rest(descriptor, limit)
    finally:
        os.close(descriptor)


def read_rest(descriptor: int, limit: int) -> bytes:
    """Return the rest of a file, which stays open.  Raise :class:`OSError` if it has more than ``limit`` bytes."""
    pieces: list[bytes] = []
    left = limit + 1
    while left > 0 and (piece := os.read(descriptor, min(left, _CHUNK))):
        pieces.append(piece)
        left -= len(piece)
    if left <= 0:
        raise _too_large(limit)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def read_file(path: str, limit: int, roots: Roots | bool = True) -> bytes:
    """Return the content of a regular file.  Raise :class:`OSError`."""
    return read_all(open_to_read(path, roots), limit)


def exists(path: str, roots: Roots | bool = True) -> bool:
    """Whether there is anything at a path.  Raise :class:`Thrown` for one that a program may not use."""
    if isinstance(roots, Roots):
        folder, parts = roots.resolve(path)
        path = os.path.join(folder, *parts)
    return os.path.exists(path)


def descriptor_of(path: str) -> int | None:
    """Return the number of the open file of this process that a path names, such as ``/dev/stdin`` or ``/dev/fd/63``,
    or None."""
    if path in _STANDARD:
        return _STANDARD.index(path)
    head = next((head for head in _DESCRIPTORS if path.startswith(head)), None)
    number = path.removeprefix(head) if head is not None else ""
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 8 else None


def not_regular(mode: int) -> OSError:
    """Return the error about what has this mode (``st_mode``) and is no regular file."""
    return OSError(errno.EINVAL, f"{NOT_REGULAR} but {_KINDS.get(stat.S_IFMT(mode), 'something else')}")


def _too_large(limit: int) -> OSError:
    size = f"{limit >> 20} MiB" if limit >= 1 << 20 and not limit % (1 << 20) else f"{limit} bytes"
    return OSError(errno.EFBIG, f"larger than {size}")


def _open(path: str, flags: int, roots: Roots | bool) -> int:
    flags |= _NON_BLOCKING | _BINARY
    try:
        if isinstance(roots, Roots):
            folder, parts = roots.resolve(path)
            descriptor = _open_below(folder, parts, flags)
        else:
            descriptor = os.open(path, flags, _CREATED)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a pipe that would be written and has no reader
            raise not_regular(os.stat(path).st_mode) from None
        raise
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise not_regular(mode)
        return descriptor
    except BaseException:
        os.close(descriptor)
        raise


def _open_below(folder: str, parts: list[str], flags: int) -> int:
    """Open a file from a folder, component by component, following no link."""
    if not parts:
        raise not_regular(stat.S_IFDIR)
    if not _OPENAT:
        return os.open(os.path.join(folder, *parts), flags | _NO_LINK, _CREATED)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in parts[:-1]:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | _NO_LINK, dir_fd=place)
            os.close(place)
            place = inner
        return os.open(parts[-1], flags | _NO_LINK, _CREATED, dir_fd=place)
    finally:
        os.close(place)
