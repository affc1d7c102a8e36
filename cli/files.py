"""The files that commands change: in one step, and as a diff.

Rule: a command that was given a folder changes nothing outside of it, whatever the links in it lead to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from bamlvm.build.inputs import unusable
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.sysops.regular_files import is_below
from bamlvm.sysops.replacing import replace_files, write_output


def leads_out(path: str, folder: str) -> bool:
    """Whether a file found in a folder is a link to a place outside of it."""
    return not is_below(os.path.realpath(path), os.path.realpath(folder))


def replace_all(texts: Mapping[str, str], paths: Mapping[str, str]) -> None:
    """Replace files by their real paths, all or none; messages call them as ``paths`` does.

    Raises :class:`bamlvm.HostError` if one cannot be written.
    """
    try:
        replace_files(texts)
    except OSError as error:
        raise unusable(paths.get(error.filename, str(error.filename)), error) from None


def write_report(path: str, content: bytes) -> None:
    """Write a file that an option names.  Raises :class:`CommandError` if that fails; the file is then as it was."""
    try:
        write_output(path, content)
    except OSError as error:
        raise CommandError(exit_codes.HOST, str(unusable(path, error))) from None


def difference(path: str, text: str, changed: str, how: str) -> str:
    """Return a change as a unified diff; ``how`` the text was changed is said beside its name."""
    from difflib import unified_diff

    lines = unified_diff(text.splitlines(True), changed.splitlines(True), path, f"{path} ({how})")
    ended = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(ended)
