"""The files that commands change: their text as it is, a change in one step, and as a diff."""

from __future__ import annotations

import os
import tempfile

from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError


def read_file(real: str, path: str) -> str:
    """Return the text of the file at ``real``, which messages call ``path``, with its line breaks unchanged.

    Raises :class:`CommandError` if it cannot be read, or is not UTF-8 text.
    """
    try:
        with open(real, "rb") as file:
            data = file.read()
    except OSError as error:
        raise _unusable(path, error) from None
    return decode(data, path)


def decode(data: bytes, path: str) -> str:
    """Return bytes as text; raise :class:`CommandError` if they are not UTF-8 text."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"{path}: not UTF-8 text: {error.reason} at byte {error.start}"
        raise CommandError(exit_codes.HOST, message) from None


def replace_file(real: str, path: str, text: str) -> None:
    """Replace a file atomically: a reader sees the old text or the new one.  Its mode is kept.

    Raises :class:`CommandError` if it cannot be written.
    """
    temporary = ""
    try:
        mode = os.stat(real).st_mode & 0o7777
        if not os.access(real, os.W_OK):
            raise PermissionError(13, "not writable")
        number, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=os.path.dirname(real))
        with open(number, "wb") as file:
            file.write(text.encode())
        os.chmod(temporary, mode)
        os.replace(temporary, real)
        temporary = ""
    except OSError as error:
        raise _unusable(path, error) from None
    finally:
        if temporary:
            os.unlink(temporary)


def _unusable(path: str, error: OSError) -> CommandError:
    return CommandError(exit_codes.HOST, f"{path}: {error.strerror}")


def difference(path: str, text: str, changed: str, how: str) -> str:
    """Return a change as a unified diff; ``how`` the text was changed is said beside its name."""
    from difflib import unified_diff

    lines = unified_diff(text.splitlines(True), changed.splitlines(True), path, f"{path} ({how})")
    ended = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(ended)
