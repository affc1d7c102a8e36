"""The variables of a file ``.env``.

A line is ``NAME=VALUE``, with or without ``export`` before it; empty lines and those that begin with ``#`` are skipped.
A value in single quotes is literal, in double quotes a backslash escapes as in C; both may span lines.  An unquoted
value ends before a space and ``#``, and loses the space around it.  References to other variables are not expanded.
"""

from __future__ import annotations

import re

from bamlvm.build.inputs import read_text, shown
from bamlvm.cli.exit_codes import HOST, CommandError

_ENTRY = re.compile(
    r"""
    [^\S\n]* (?:export[^\S\n]+)? (?P<name>[A-Za-z_][A-Za-z0-9_.]*) [^\S\n]* = [^\S\n]*
    (?: '(?P<literal>[^']*)' | "(?P<escaped>(?:[^"\\]|\\.)*)" | (?P<bare>(?!['"])[^\n]*?) )
    [^\S\n]* (?:(?<=\s)\#[^\n]*)? (?:\n|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLANK = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def read_variables(path: str) -> dict[str, str]:
    """Return the variables of a file, or of a stream such as ``/dev/fd/63``.

    Raises :class:`bamlvm.HostError` for one that cannot be read, and :class:`CommandError` for another form.
    """
    text = read_text(path, streams=True).removeprefix("\ufeff")
    return parse(text.replace("\r\n", "\n").replace("\r", "\n"), path)


def parse(text: str, path: str) -> dict[str, str]:
    """Return the variables of a file; the last one of a name counts.  Raises :class:`CommandError`."""
    variables = {}
    place = 0
    while place < len(text):
        if blank := _BLANK.match(text, place):
            place = blank.end()
            continue
        entry = _ENTRY.match(text, place)
        if entry is None:
            line = text.count("\n", 0, place) + 1
            raise CommandError(HOST, f"{shown(path)}:{line}: expected NAME=VALUE (--no-env-file ignores the file)")
        place = entry.end()
        value = entry["literal"] if entry["literal"] is not None else entry["bare"]
        if entry["escaped"] is not None:
            value = _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), entry["escaped"])
        variables[entry["name"]] = value
    return variables
