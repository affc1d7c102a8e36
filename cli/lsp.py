"""Serve editors: the language server of BAML, over stdin and stdout (extra `bamlvm[lsp]`).

An editor starts it; see docs/language_server.md.  The protocol is LSP 3.17.  The log goes to stderr.
"""

from __future__ import annotations

import argparse
import gc

from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError

LEVELS = ("error", "warning", "info", "debug")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--stdio", action="store_true", help="talk over stdin and stdout: the only way, and the default"
    )
    parser.add_argument("--log", choices=LEVELS, default="warning", help="what to log (default: warning)")


def execute(options: argparse.Namespace) -> int:
    """Serve until the client says `exit`.  Raises :class:`CommandError` if pygls is not installed."""
    try:
        import lsprotocol  # noqa: F401 (an empty package)
        import pygls  # noqa: F401 (whether it is there)
    except ImportError:
        raise CommandError(exit_codes.HOST, "the language server needs pygls: pip install 'bamlvm[lsp]'") from None
    gc.disable()  # the classes of the protocol stay: a collector that looks at them takes a tenth of the start
    from bamlvm.tools.language_server.server import serve

    gc.enable()
    return exit_codes.OK if serve(options.log) else exit_codes.THREW
