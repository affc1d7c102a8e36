"""The files that commands change: their text as it is, changes in one step, and as a diff."""

from __future__ import annotations

from collections.abc import Mapping

from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.sysops.regular_files import read_file as read_regular
from bamlvm.tools.replacing import replace_files

_MAX_BYTES = 64 * 1024 * 1024


def read_file(real: str, path: str) -> str:
    """Return the text of the file at ``real``, which messages call ``path``, with its line breaks unchanged.

    Raises :class:`CommandError` if it is no regular file, cannot be read, or is not UTF-8 text.
    """
    try:
        data = read_regular(real, _MAX_BYTES)
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


def replace_all(texts: Mapping[str, str], paths: Mapping[str, str]) -> None:
    """Replace files by their real paths, all or none; messages call them as ``paths`` does.

    Raises :class:`CommandError` if one cannot be written.
    """
    try:
        replace_files(texts)
    except OSError as error:
        raise _unusable(paths.get(error.filename, str(error.filename)), error) from None


def _unusable(path: str, error: OSError) -> CommandError:
    return CommandError(exit_codes.HOST, f"{path}: {error.strerror}")


def difference(path: str, text: str, changed: str, how: str) -> str:
    """Return a change as a unified diff; ``how`` the text was changed is said beside its name."""
    from difflib import unified_diff

    lines = unified_diff(text.splitlines(True), changed.splitlines(True), path, f"{path} ({how})")
    ended = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(ended)
