"""Print what one stage of the compiler makes of a program: tokens, ast, hir, tir, mir or bytecode."""

from __future__ import annotations

import argparse
import sys

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.failure import Failure
from bamlvm.cli.output import wants_colour
from bamlvm.cli.program import read_program
from bamlvm.stages import STAGES


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("path", metavar="FILE", help="a .baml file or a folder of them")
    parser.add_argument("--stage", required=True, choices=STAGES, metavar="STAGE", help=f"one of {', '.join(STAGES)}")
    parser.add_argument("-O0", dest="optimize", action="store_false", help="without the optimiser")


def execute(options: argparse.Namespace) -> int:
    """Print the stage."""
    files = read_program(options.path)
    try:
        text = bamlvm.stages.dump(files, options.stage, optimize=options.optimize)
    except bamlvm.CompileError as error:
        raise Failure(exit_codes.COMPILE, error.render(wants_colour(sys.stderr))) from None
    except bamlvm.HostError as error:
        raise Failure(exit_codes.HOST, f"bamlvm dump: {error}") from None
    print(text.rstrip("\n"))
    return exit_codes.OK
