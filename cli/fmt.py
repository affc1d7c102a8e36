"""Format .baml files in place: the files named, and all those below the folders named.

The setting `format.indent` of a project (in bamlvm.toml, or in [tool.bamlvm] of pyproject.toml) is the number of
columns of an indentation, by default 2.

A file with a syntax error is reported and not changed, as is what is no regular file; the others are formatted, all of
them or, if one cannot be written, none.  A link that leads out of a folder is not followed.  The names of the files
that changed (with --check: that would change) go to stdout, one a line, everything else to stderr.  With `-` the text
comes from stdin and goes to stdout.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

import bamlvm
from bamlvm.build.inputs import decode, read_text, shown
from bamlvm.build.sources import baml_files
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.files import difference, leads_out, replace_all
from bamlvm.cli.output import report
from bamlvm.cli.program import add_path, program_path
from bamlvm.tools.project import settings_of

STDIN = "-"
_SHOWN_STDIN = "<stdin>"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser, several=True)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change")


def execute(options: argparse.Namespace) -> int:
    """Format each file, also after one that fails."""
    paths: list[str] = options.paths or [program_path(None)]
    if STDIN in paths:
        if len(paths) > 1:
            raise CommandError(exit_codes.USAGE, f"{STDIN} (stdin) cannot be combined with another path")
        return _Run(options.check, options.diff).stdin()
    return _Run(options.check, options.diff).files(paths)


class _Run:
    """One run of the command: counts files, and collects the exit code."""

    def __init__(self, check: bool, diff: bool) -> None:
        self.check = check
        self.diff = diff
        self.code = exit_codes.OK
        self.changed = 0
        self.unchanged = 0
        self._formatted: dict[str, tuple[str, str, str]] = {}
        self._indents: dict[str, int] = {}

    def files(self, paths: Sequence[str]) -> int:
        seen: set[str] = set()
        for path in paths:
            try:
                for file in self.found(path):
                    real = os.path.realpath(file)
                    if file != path and leads_out(file, path):
                        print(f"skipped: {shown(file)} is a link out of {shown(path)}", file=sys.stderr)
                    elif real not in seen:
                        seen.add(real)
                        self.file(file, real)
            except CommandError as error:
                self.fail(error)
        self.write()
        self.summary(len(seen) - self.changed - self.unchanged)
        return self.code

    def found(self, path: str) -> Iterator[str]:
        """Yield the file at ``path``, or the ``.baml`` files below it; report what cannot be followed."""
        if not os.path.isdir(path):
            yield path
            return
        is_empty = True
        for file in baml_files(path, self.fail):
            is_empty = False
            yield os.path.normpath(file)
        if is_empty:
            raise CommandError(exit_codes.HOST, f"{shown(path)}: no .baml file in this folder")

    def file(self, path: str, real: str) -> None:
        """Format the text of one file, or report why not."""
        indent = self.indent(os.path.dirname(path) or ".")  # wrong settings end the command
        try:
            text = read_text(path)
            formatted = bamlvm.format_source(text, path, indent=indent)
        except bamlvm.BamlError as error:
            self.fail(error)
        else:
            self._formatted[real] = path, text, formatted

    def write(self) -> None:
        """Replace the files that are not formatted, and show all."""
        if not (self.check or self.diff):
            changed = {real: after for real, (_, before, after) in self._formatted.items() if before != after}
            try:
                replace_all(changed, {real: path for real, (path, _, _) in self._formatted.items()})
            except bamlvm.HostError as error:
                self.fail(error)
                for real in changed:
                    del self._formatted[real]
        for path, before, after in self._formatted.values():
            self.show(path, before, after)

    def indent(self, folder: str) -> int:
        """Return the setting for the files of a folder."""
        if folder not in self._indents:
            self._indents[folder] = settings_of(folder).format.indent
        return self._indents[folder]

    def stdin(self) -> int:
        data = b"" if sys.stdin is None else sys.stdin.buffer.read()
        text = decode(data, _SHOWN_STDIN)
        formatted = bamlvm.format_source(text, _SHOWN_STDIN, indent=self.indent("."))
        if self.check or self.diff:
            self.show(_SHOWN_STDIN, text, formatted)
        else:
            sys.stdout.buffer.write(formatted.encode())
        return self.code

    def show(self, path: str, text: str, formatted: str) -> None:
        if formatted == text:
            self.unchanged += 1
            return
        self.changed += 1
        if self.check:
            self.code = max(self.code, exit_codes.UNFORMATTED)
        if self.diff:
            print(difference(shown(path), text, formatted, "formatted"), end="")
        else:
            print(shown(path))

    def fail(self, error: CommandError | bamlvm.BamlError) -> None:
        self.code = max(self.code, report(error, "fmt"))

    def summary(self, failed: int) -> None:
        """Print the number of files to stderr."""
        change = "would change" if self.check or self.diff else "formatted"
        counts = {change: self.changed, "already formatted": self.unchanged, "failed": failed}
        shown = [f"{_files(count)} {what}" for what, count in counts.items() if count]
        if shown:
            print(", ".join(shown), file=sys.stderr)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
