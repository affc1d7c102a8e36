"""The environment of a program that a command runs: the process's, over the variables of a file ``.env``.

A line is ``NAME=VALUE``, with or without ``export`` before it; empty lines and those that begin with ``#`` are skipped.
A value in single quotes is literal, in double quotes a backslash escapes as in C; both may span lines.  An unquoted
value ends before a space and ``#``, and loses the space around it.  References to other variables are not expanded.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping

from bamlvm.cli.exit_codes import HOST, CommandError

DEFAULT_FILE = ".env"
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


def add_environment(parser: argparse.ArgumentParser) -> None:
    """Add ``--env-file`` and ``--no-env-file``; see :func:`environment`."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--env-file",
        metavar="FILE",
        help="read environment variables from this file (default: .env, if there is one); those already set win",
    )
    either.add_argument("--no-env-file", action="store_true", help="do not read .env")


def environment(options: argparse.Namespace) -> Mapping[str, str] | None:
    """Return the variables for the runtime; None is the process's environment alone.

    Raises :class:`CommandError` for a file that cannot be read.
    """
    if options.no_env_file or (options.env_file is None and not os.path.isfile(DEFAULT_FILE)):
        return None
    path = options.env_file or DEFAULT_FILE
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        raise CommandError(HOST, f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(HOST, f"{path}: not UTF-8 text") from None
    return {**parse(text, path), **os.environ}


def parse(text: str, path: str = DEFAULT_FILE) -> dict[str, str]:
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
            raise CommandError(HOST, f"{path}:{line}: expected NAME=VALUE (--no-env-file ignores the file)")
        place = entry.end()
        value = entry["literal"] if entry["literal"] is not None else entry["bare"]
        if entry["escaped"] is not None:
            value = _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), entry["escaped"])
        variables[entry["name"]] = value
    return variables
