"""``--record`` and ``--replay``: where a command's HTTP exchanges go to or come from."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.failure import Failure

if TYPE_CHECKING:
    import httpx


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    tape = parser.add_mutually_exclusive_group()
    tape.add_argument("--record", metavar="FILE", help="write all HTTP exchanges to this file (without credentials)")
    tape.add_argument("--replay", metavar="FILE", help="answer HTTP requests from this recording, not the network")
    parser.add_argument(
        "--replay-pace",
        choices=["fast", "recorded"],
        default="fast",
        help="replay as fast as possible or at the recorded times (default: %(default)s)",
    )


def transport(options: argparse.Namespace, command: str) -> httpx.AsyncBaseTransport | None:
    """The transport that the options ask for; None is the network.  ``command`` begins what is said of a failure."""
    try:
        if options.record is not None:
            import httpx

            from bamlvm.replay import RecordingTransport

            return RecordingTransport(httpx.AsyncHTTPTransport(), options.record)
        if options.replay is not None:
            from bamlvm.replay import ReplayTransport

            return ReplayTransport(options.replay, pace=options.replay_pace)
    except bamlvm.HostError as error:
        raise Failure(exit_codes.HOST, f"{command}: {error}") from None
    return None
