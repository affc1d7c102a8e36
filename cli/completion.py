"""Print a script that completes `bamlvm` in a shell (extra `bamlvm[completion]`).

bamlvm completion bash > ~/.local/share/bash-completion/completions/bamlvm
bamlvm completion zsh > ~/.zsh/completions/_bamlvm          (a folder of $fpath)
"""

from __future__ import annotations

import argparse

from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError

SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def execute(options: argparse.Namespace) -> int:
    """Print the script.  Raises :class:`CommandError` if shtab is not installed."""
    try:
        import shtab
    except ImportError:
        raise CommandError(exit_codes.HOST, "completion needs shtab: pip install 'bamlvm[completion]'") from None
    from bamlvm.cli.parser import whole_parser

    print(shtab.complete(whole_parser(files=shtab.FILE, folders=shtab.DIRECTORY), shell=options.shell))
    return exit_codes.OK
