"""Format .baml files in place: those named, and all those below the folders named (the current one by default).

A file with a syntax error is left as it is and reported, the others are formatted all the same.  The names of the files
that changed (with --check: that would change) go to stdout, a line each, everything else to stderr.  With `-` the text
comes from stdin and goes to stdout.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import NoReturn

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.failure import Failure
from bamlvm.cli.output import wants_colour

STDIN = "-"
_SHOWN_STDIN = "<stdin>"


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="a file, a folder, or - for stdin to stdout")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change")


def execute(options: argparse.Namespace) -> int:
    """Format each; one that fails does not keep the others from being formatted."""
    paths: list[str] = options.paths or ["."]
    if STDIN in paths:
        if len(paths) > 1:
            raise Failure(exit_codes.USAGE, f"bamlvm fmt: {STDIN} (stdin) goes with no other path")
        return _Run(options.check, options.diff).stdin()
    return _Run(options.check, options.diff).files(paths)


class _Run:
    """One run of the command."""

    def __init__(self, check: bool, diff: bool) -> None:
        self.check = check
        self.diff = diff
        self.code = exit_codes.OK
        self.changed = 0
        self.unchanged = 0

    def files(self, paths: Sequence[str]) -> int:
        seen: set[str] = set()
        for path in paths:
            try:
                for file in _baml_files(path):
                    real = os.path.realpath(file)
                    if real not in seen:
                        seen.add(real)
                        self.file(file, real)
            except Failure as failure:
                self.report(failure)
        self.summary(len(seen) - self.changed - self.unchanged)
        return self.code

    def file(self, path: str, real: str) -> None:
        """Format one file, or say why not."""
        try:
            text = _read(real, path)
            formatted = _format(text, path)
            if formatted != text and not (self.check or self.diff):
                _write(real, path, formatted)
        except Failure as failure:
            self.report(failure)
        else:
            self.tell(path, text, formatted)

    def stdin(self) -> int:
        data = b"" if sys.stdin is None else sys.stdin.buffer.read()
        text = _decode(data, _SHOWN_STDIN)
        formatted = _format(text, _SHOWN_STDIN)
        if self.check or self.diff:
            self.tell(_SHOWN_STDIN, text, formatted)
        else:
            sys.stdout.buffer.write(formatted.encode())
        return self.code

    def tell(self, path: str, text: str, formatted: str) -> None:
        if formatted == text:
            self.unchanged += 1
            return
        self.changed += 1
        if self.check:
            self.code = max(self.code, exit_codes.UNFORMATTED)
        if self.diff:
            print(_difference(path, text, formatted), end="")
        else:
            print(path)

    def report(self, failure: Failure) -> None:
        print(failure.message, file=sys.stderr)
        self.code = max(self.code, failure.exit_code)

    def summary(self, failed: int) -> None:
        """How many files, to stderr."""
        change = "would change" if self.check or self.diff else "formatted"
        counts = {change: self.changed, "already formatted": self.unchanged, "failed": failed}
        told = [f"{_files(count)} {what}" for what, count in counts.items() if count]
        if told:
            print(", ".join(told), file=sys.stderr)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _baml_files(path: str) -> Iterator[str]:
    """The file at ``path``, or the ``.baml`` files below it; folders whose name begins with a dot are not entered."""
    if not os.path.isdir(path):
        yield path
        return
    found = False
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(".baml"):
                found = True
                yield os.path.normpath(os.path.join(folder, name))
    if not found:
        raise Failure(exit_codes.HOST, f"bamlvm fmt: {path}: no .baml file in this folder")


def _format(text: str, path: str) -> str:
    try:
        return bamlvm.format_source(text, path)
    except bamlvm.CompileError as error:
        raise Failure(exit_codes.COMPILE, error.render(wants_colour(sys.stderr)).rstrip("\n")) from None
    except bamlvm.HostError as error:
        raise Failure(exit_codes.HOST, f"bamlvm fmt: {error}") from None


def _read(real: str, path: str) -> str:
    """A file's text with its line breaks as they are."""
    try:
        with open(real, "rb") as file:
            data = file.read()
    except OSError as error:
        _fail(path, error)
    return _decode(data, path)


def _decode(data: bytes, path: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"bamlvm fmt: {path}: not UTF-8 text: {error.reason} at byte {error.start}"
        raise Failure(exit_codes.HOST, message) from None


def _write(real: str, path: str, text: str) -> None:
    """Replace a file at one stroke: whoever reads it sees the old text or the new one.  Its mode is kept."""
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
        _fail(path, error)
    finally:
        if temporary:
            os.unlink(temporary)


def _fail(path: str, error: OSError) -> NoReturn:
    raise Failure(exit_codes.HOST, f"bamlvm fmt: {path}: {error.strerror}") from None


def _difference(path: str, text: str, formatted: str) -> str:
    """The change as a unified diff."""
    from difflib import unified_diff

    lines = unified_diff(text.splitlines(True), formatted.splitlines(True), path, f"{path} (formatted)")
    ended = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "".join(ended)
