"""Options that several commands share: each is written once, with its meaning for a runtime and a call."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

ALLOWED_ON_REQUEST = ("shell",)
"""The capabilities that a program started by a command has only with ``--allow``."""


def add_allow(parser: argparse.ArgumentParser) -> None:
    """Add ``--allow``; see :func:`denied`."""
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        choices=ALLOWED_ON_REQUEST,
        help="let the program do this, which is denied by default; may be repeated",
    )


def denied(options: argparse.Namespace) -> set[str]:
    """Return the capabilities that the runtime must deny."""
    return set(ALLOWED_ON_REQUEST) - set(options.allow)


def add_timeout(parser: argparse.ArgumentParser, help: str) -> None:
    """Add ``--timeout`` in seconds."""
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help=help)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:  # NaN too
        raise argparse.ArgumentTypeError(f"expected seconds from 0 up, got {text}")
    return seconds


def add_verbose(parser: argparse.ArgumentParser, help: str) -> None:
    """Add ``-v``."""
    parser.add_argument("-v", "--verbose", action="store_true", help=help)


def positive(text: str) -> int:
    """Parse a whole number from 1 up, for ``type=``."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, got {text}")
    return int(text)


def add_recording(parser: argparse.ArgumentParser) -> None:
    """Add ``--record``, ``--replay`` and ``--replay-pace``; see :func:`transport`."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--record", metavar="FILE", help="write all HTTP exchanges to this file (without credentials)")
    either.add_argument("--replay", metavar="FILE", help="answer HTTP requests from this recording, not the network")
    parser.add_argument(
        "--replay-pace",
        choices=["fast", "recorded"],
        default="fast",
        help="replay as fast as possible or at the recorded times (default: %(default)s)",
    )


def transport(options: argparse.Namespace) -> httpx.AsyncBaseTransport | None:
    """Return the transport that the options ask for; None is the network.

    Raises :class:`bamlvm.HostError` for a recording that cannot be read or written.
    """
    if options.record is not None:
        import httpx

        from bamlvm.replay import RecordingTransport

        return RecordingTransport(httpx.AsyncHTTPTransport(), options.record)
    if options.replay is not None:
        from bamlvm.replay import ReplayTransport

        return ReplayTransport(options.replay, pace=options.replay_pace)
    return None
