"""Print the JSON Schema (2020-12) of a type: a class, an enum, an alias, or a function's result, as in `Order[]`."""

from __future__ import annotations

import argparse
import json

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.failure import Failure
from bamlvm.cli.program import compile_program, read_program


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("type", metavar="TYPE", help="its name; [] and ? may follow")
    parser.add_argument("path", metavar="PATH", nargs="?", default=".", help="a .baml file or a folder (default: .)")
    parser.add_argument("--aliases", action="store_true", help="with the names that models are told, by @alias")


def execute(options: argparse.Namespace) -> int:
    """Print the schema."""
    with compile_program(read_program(options.path)) as runtime:
        try:
            schema = runtime.json_schema(options.type, aliases=options.aliases)
        except bamlvm.HostError as error:
            raise Failure(exit_codes.USAGE, f"bamlvm schema: {error}") from None
    print(json.dumps(schema, indent=2, ensure_ascii=False))
    return exit_codes.OK
