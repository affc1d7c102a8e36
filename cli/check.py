"""Compile programs (files, or folders of .baml files) and report what is wrong with them.

Diagnostics go to stderr, a line for each program without errors to stdout.  Exits with 0 if no program has an error;
warnings do not count.
"""

from __future__ import annotations

import argparse
import sys

from bamlvm.cli import exit_codes
from bamlvm.cli.failure import Failure
from bamlvm.cli.output import wants_colour
from bamlvm.cli.program import compile_program, read_program
from bamlvm.errors import render_diagnostics


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a .baml file or a folder of them")


def execute(options: argparse.Namespace) -> int:
    """Compile each; one that fails does not keep the others from being looked at."""
    code = exit_codes.OK
    for path in options.paths:
        try:
            _check(path)
        except Failure as failure:
            print(failure.message, file=sys.stderr)
            code = max(code, failure.exit_code)
    return code


def _check(path: str) -> None:
    files = read_program(path)
    warnings = compile_program(files).diagnostics
    if warnings:
        print(render_diagnostics(warnings, files, wants_colour(sys.stderr)).rstrip("\n"), file=sys.stderr)
    note = f", {len(warnings)} warning{'s' if len(warnings) > 1 else ''}" if warnings else ""
    print(f"{path}: ok{note}")
