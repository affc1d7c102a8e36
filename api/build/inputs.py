"""Reading the files that a user or a project names: sources, settings, variables, scripts, arguments, data.

Rule: only regular files are read, whole, up to a limit (:mod:`bamlvm.sysops.regular_files`), so a pipe that nobody
writes to, a device or a file of gigabytes is an error, and neither a wait nor a full memory.  Where ``streams`` are
taken too, what the process was started with may be named as a file (``/dev/stdin``, or ``/dev/fd/63``, which is what a
shell makes of ``<(command)``): it is read to its end, as standard input is.

Every error is a :class:`bamlvm.HostError` on one line that begins with the path, whose control characters are visible.
"""

from __future__ import annotations

import os
from typing import Final

from bamlvm.errors import HostError
from bamlvm.sysops.regular_files import Roots, descriptor_of, read_all, read_file

MAX_BYTES: Final = 64 << 20
"""How large a file may be, where no other limit is given."""

_OTHER_ENCODINGS: Final = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""Other encodings of Unicode, by the mark that a file begins with (Unicode 15, section 23.8)."""


def read_input(
    path: str | os.PathLike[str], limit: int = MAX_BYTES, *, roots: Roots | bool = True, streams: bool = False
) -> bytes:
    """Return the content of a file of at most ``limit`` bytes, below ``roots``.

    Raises :class:`bamlvm.HostError`, and :class:`bamlvm.vm.values.Thrown` for a path that is not below ``roots``.
    """
    name = os.fspath(path)
    try:
        number = descriptor_of(name) if streams else None
        if number is not None:
            return read_all(os.dup(number), limit)
        return read_file(name, limit, roots)
    except OSError as error:
        raise unusable(name, error) from None
    except ValueError:  # a NUL in the path
        raise HostError(f"{shown(name)}: not a path") from None


def read_text(
    path: str | os.PathLike[str], limit: int = MAX_BYTES, *, roots: Roots | bool = True, streams: bool = False
) -> str:
    """Return the text of a file in UTF-8, with its line breaks unchanged.  Raises as :func:`read_input` does."""
    return decode(read_input(path, limit, roots=roots, streams=streams), path)


def decode(data: bytes, path: str | os.PathLike[str]) -> str:
    """Return bytes as text; raise :class:`bamlvm.HostError` about ``path`` if they are not UTF-8 text."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        reason = f"{error.reason} at byte {error.start}, on line {data.count(10, 0, error.start) + 1}"
    found = next((encoding for mark, encoding in _OTHER_ENCODINGS if data.startswith(mark)), None)
    if found is not None:
        reason = f"it begins as {found} does"
    raise HostError(f"{shown(path)}: not UTF-8 text: {reason}; save it as UTF-8")


def unusable(path: str | os.PathLike[str], error: OSError) -> HostError:
    """Return the error about a file that the system refuses."""
    return HostError(f"{shown(path)}: {error.strerror or error}")


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path on one line, as messages have it."""
    from bamlvm.grammar.printable import printable_line  # needed for errors alone

    return printable_line(os.fspath(path))
