"""Explain a diagnostic's code: its meaning, what to do about it, a program that shows it and what is reported of it."""

from __future__ import annotations

import argparse

from bamlvm.cli import exit_codes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("code", metavar="CODE", help="a code, such as E0062")


def execute(options: argparse.Namespace) -> int:
    """Print the explanation."""
    from bamlvm.tools.explain import explain

    print(explain(options.code).rstrip("\n"))
    return exit_codes.OK
