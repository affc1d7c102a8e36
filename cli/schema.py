"""Print the JSON Schema (draft 2020-12) of a type: a class, an enum, an alias, or the result of a function."""

from __future__ import annotations

import argparse
import json

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.program import add_path, program_path, read_program


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("type", metavar="TYPE", help="a name, which [] and ? may follow, as in Order[]")
    add_path(parser)
    parser.add_argument("--aliases", action="store_true", help="name fields as models see them, by @alias")


def execute(options: argparse.Namespace) -> int:
    """Print the schema."""
    with bamlvm.Runtime.from_files(read_program(program_path(options.path))) as runtime:
        try:
            schema = runtime.json_schema(options.type, aliases=options.aliases)
        except bamlvm.HostError as error:
            raise CommandError(exit_codes.USAGE, str(error)) from None
    print(json.dumps(schema, indent=2, ensure_ascii=False))
    return exit_codes.OK
