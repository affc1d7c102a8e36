"""Report what is wrong with programs (files, or folders of .baml files).

As text, diagnostics go to stderr, and a line for each program without errors to stdout.  The other formats go to
stdout whole, one document for all programs: JSON (an object with `diagnostics`, each with code, severity, message,
file, start, end, labels, hint; lines and columns from 1), GitHub's workflow commands, or SARIF 2.1.0.  Exits with 0 if
no program has an error; warnings do not count.
"""

from __future__ import annotations

import argparse
import sys

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.failure import Failure
from bamlvm.cli.output import wants_colour, write_result
from bamlvm.cli.program import read_program

FORMATS = ("text", "json", "github", "sarif")


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("paths", metavar="PATH", nargs="*", default=["baml_src"], help="default: baml_src")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour the text (default: on a terminal, unless NO_COLOR is set)",
    )


def execute(options: argparse.Namespace) -> int:
    """Check each; one that cannot be read does not keep the others from being looked at."""
    code = exit_codes.OK
    found: list[bamlvm.Diagnostic] = []
    sources: dict[str, str] = {}
    for path in options.paths:
        try:
            checked = bamlvm.check(read_program(path))
        except Failure as failure:
            print(failure.message, file=sys.stderr)
            code = max(code, failure.exit_code)
            continue
        if not checked.ok:
            code = max(code, exit_codes.COMPILE)
        if options.format == "text":
            _print(path, checked, options.color)
        found += checked.diagnostics
        sources.update(checked.sources)
    if options.format != "text":
        from bamlvm.tools.reports import report

        # A file may belong to two of the programs, and so may what is wrong in it.
        text = report(list(dict.fromkeys(found)), sources, options.format)
        if text:
            write_result(text.removesuffix("\n"))
    return code


def _print(path: str, checked: bamlvm.CheckReport, color: str) -> None:
    if checked.diagnostics:
        print(checked.render(wants_colour(sys.stderr, color)).rstrip("\n"), file=sys.stderr)
    if checked.ok:
        count = len(checked.warnings)
        note = f", {count} warning{'s' if count > 1 else ''}" if count else ""
        print(f"{path}: ok{note}")
