"""The whole command line as one parser: for completion scripts and the manual page.

A run of a command never builds it: :mod:`bamlvm.cli.main` imports the one command that runs.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from bamlvm.cli import exit_codes
from bamlvm.cli.main import COMMANDS

_FILES = frozenset({"PATH", "FILE"})
_FOLDERS = frozenset({"DIR"})


def whole_parser(files: Any = None, folders: Any = None) -> argparse.ArgumentParser:
    """Return a parser with every command; ``files`` and ``folders`` mark the arguments that are completed as such."""
    parser = argparse.ArgumentParser(
        prog="bamlvm",
        description="Run BAML programs.",
        epilog=exit_codes.help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (module_name, summary) in COMMANDS.items():
        module = import_module(module_name)
        command = commands.add_parser(
            name, help=summary, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        for action in command._actions:
            kinds = {action.metavar, action.dest.upper()}
            marked: Any = action
            if files is not None and kinds & _FILES:
                marked.complete = files
            elif folders is not None and kinds & _FOLDERS:
                marked.complete = folders
    return parser
