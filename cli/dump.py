"""Print one stage of a program's compilation: tokens, ast, hir, tir, mir or bytecode."""

from __future__ import annotations

import argparse

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.program import add_path, program_path, read_program
from bamlvm.stages import STAGES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser)
    parser.add_argument("--stage", required=True, choices=STAGES, metavar="STAGE", help=f"one of {', '.join(STAGES)}")
    parser.add_argument("-O0", dest="optimize", action="store_false", help="do not optimise")


def execute(options: argparse.Namespace) -> int:
    """Print the stage."""
    text = bamlvm.stages.dump(read_program(program_path(options.path)), options.stage, optimize=options.optimize)
    print(text.rstrip("\n"))
    return exit_codes.OK
