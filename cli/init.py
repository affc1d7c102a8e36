"""Write a new project into DIR: a program with a test, .env.example, a CI workflow and editor settings.

It runs at once, without a key: `bamlvm run --mock`, `bamlvm test --mock`.  Files that exist are not changed.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from bamlvm.build.inputs import shown, unusable
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.tools.new_project import create_project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("dir", metavar="DIR", nargs="?", type=Path, default=Path(), help="default: the current folder")


def execute(options: argparse.Namespace) -> int:
    """Write the files and print their names."""
    try:
        written, kept = create_project(options.dir)
    except OSError as error:
        raise CommandError(exit_codes.HOST, str(unusable(error.filename or options.dir, error))) from None
    for path in written:
        print(shown(path))
    for path in kept:
        print(f"not changed: {shown(path)}", file=sys.stderr)
    place = "" if options.dir == Path() else f"cd {shlex.quote(shown(options.dir))} && "
    print(f"next: {place}bamlvm run --mock", file=sys.stderr)
    return exit_codes.OK
