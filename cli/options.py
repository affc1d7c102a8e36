"""Options that several commands share: each is written once, with its meaning for a runtime and a call."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import bamlvm

if TYPE_CHECKING:
    import httpx

    from bamlvm.build.loading import Loaded
    from bamlvm.collector import Observer
    from bamlvm.mock import PlausibleAnswers

ALLOWED_ON_REQUEST = ("shell",)
"""The capabilities that a program started by a command has only with ``--allow``."""

_ENV_FILE = ".env"


def add_allow(parser: argparse.ArgumentParser) -> None:
    """Add ``--allow``; see :func:`capabilities`."""
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        choices=ALLOWED_ON_REQUEST,
        help="let the program do this, which is denied by default; may be repeated",
    )


def capabilities(options: argparse.Namespace) -> frozenset[str]:
    """Return the capabilities of the program: those of any, and the ones that the user allows."""
    from bamlvm.sysops.grants import DEFAULT

    return DEFAULT | set(options.allow)


def add_timeout(parser: argparse.ArgumentParser, help: str) -> None:
    """Add ``--timeout`` in seconds."""
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help=help)


def seconds(text: str) -> float:
    """Parse seconds from 0 up, for ``type=``."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not number >= 0:  # NaN too
        raise argparse.ArgumentTypeError(f"expected seconds from 0 up, got {text}")
    return number


def add_verbose(parser: argparse.ArgumentParser, help: str) -> None:
    """Add ``-v``."""
    parser.add_argument("-v", "--verbose", action="store_true", help=help)


def positive(text: str) -> int:
    """Parse a whole number from 1 up, for ``type=``."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, got {text}")
    return int(text)


def add_network(parser: argparse.ArgumentParser, *, cache: bool = True) -> None:
    """Add what LLM calls may be answered by instead of the network: ``--record``, ``--replay``, ``--mock``,
    ``--cache``."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--record", metavar="FILE", help="write all HTTP exchanges to this file (without credentials)")
    either.add_argument("--replay", metavar="FILE", help="answer HTTP requests from this recording, not the network")
    either.add_argument(
        "--mock",
        action="store_true",
        help="answer LLM calls with plausible values of the return type: no key, no network",
    )
    parser.add_argument(
        "--replay-pace",
        choices=["fast", "recorded"],
        default="fast",
        help="replay as fast as possible or at the recorded times (default: %(default)s)",
    )
    parser.add_argument("--mock-seed", type=int, default=0, metavar="N", help="choose other values (default: 0)")
    if cache:
        parser.add_argument(
            "--cache",
            action="store_true",
            help="take the responses of LLMs from a cache of yours, and keep new ones there",
        )
        parser.add_argument("--cache-file", metavar="FILE", help="use the cache in this file (implies --cache)")
    else:
        parser.set_defaults(cache=False, cache_file=None)


def add_environment(parser: argparse.ArgumentParser) -> None:
    """Add ``--env-file`` and ``--no-env-file``; see :func:`environment`."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--env-file",
        metavar="FILE",
        help="read environment variables from this file (default: .env, if there is one); those already set win",
    )
    either.add_argument("--no-env-file", action="store_true", help="do not read .env")


def environment(options: argparse.Namespace) -> Mapping[str, str] | None:
    """Return the variables for the runtime; None is the process's environment alone.

    Raises :class:`CommandError` for a file that cannot be read.
    """
    if options.no_env_file or (options.env_file is None and not os.path.isfile(_ENV_FILE)):
        return None
    from bamlvm.cli.dotenv import read_variables
    from bamlvm.sysops.grants import ProcessEnvironment

    return ProcessEnvironment({**read_variables(options.env_file or _ENV_FILE), **os.environ})


def make_runtime(
    options: argparse.Namespace,
    files: Mapping[str, str],
    collectors: Iterable[Observer] = (),
    loaded: Loaded | None = None,
) -> bamlvm.Runtime:
    """Return the runtime that the options ask for.  The parser has all options of this module.

    ``loaded`` is what is made of the files, if the caller has it.  Raises :class:`bamlvm.CompileError`, and
    :class:`bamlvm.HostError` and :class:`CommandError` for options that cannot be followed.
    """
    from bamlvm.build.prices import found_prices

    answers = _plausible_answers(options)
    make = partial(bamlvm.Runtime.from_files, files) if loaded is None else partial(bamlvm.Runtime, loaded)
    runtime = make(
        transport=_transport(options, answers),
        capabilities=capabilities(options),
        env=environment(options),
        collectors=collectors,
        cache=options.cache_file or options.cache,
        prices=found_prices(next(iter(files), os.curdir)),
    )
    if answers is not None:
        answers.runtime = runtime
    return runtime


@contextmanager
def open_runtime(
    options: argparse.Namespace, files: Mapping[str, str], collectors: Iterable[Observer] = ()
) -> Iterator[bamlvm.Runtime]:
    """Make the runtime that the options ask for, show its log, and close it.  Raises as :func:`make_runtime` does."""
    with make_runtime(options, files, collectors) as runtime:
        if not any("log." in text for text in files.values()):  # so nothing is logged: save importing `logging`
            yield runtime
            return
        with log_shown(options.verbose):
            yield runtime


@contextmanager
def log_shown(verbose: bool = False) -> Iterator[None]:
    """Show the messages of ``baml.log`` on stderr: from `info` up, with ``verbose`` from `debug`."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    logger = logging.getLogger("bamlvm.program")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def _plausible_answers(options: argparse.Namespace) -> PlausibleAnswers | None:
    if not options.mock:
        return None
    from bamlvm.mock import PlausibleAnswers

    return PlausibleAnswers(options.mock_seed)


def _transport(options: argparse.Namespace, answers: PlausibleAnswers | None) -> httpx.AsyncBaseTransport | None:
    """Return the transport that the options ask for; None is the network."""
    if answers is not None:
        from bamlvm.mock import MockTransport

        return MockTransport(answers)
    if options.record is not None:
        from bamlvm.replay import RecordingTransport
        from bamlvm.sysops.web.clients import NetworkTransport

        return RecordingTransport(NetworkTransport(), options.record)
    if options.replay is not None:
        from bamlvm.replay import ReplayTransport

        return ReplayTransport(options.replay, pace=options.replay_pace)
    return None
