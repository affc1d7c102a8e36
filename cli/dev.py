"""Open a page in the browser to look at a program, run it, and see what each run does (extra `bamlvm[serve]`).

The first line on stdout is the page's URL, with the token that only this run knows; a browser that is opened gets it
from a private file instead.  The page is live: it follows every save.  Ctrl-C ends it.

  bamlvm dev --mock              LLM calls are answered with plausible values: no key, no network
  bamlvm dev --open run.jsonl    look into a recording, and run its call again from it
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli import options as shared
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.program import add_path, program_path, read_program

if TYPE_CHECKING:
    from bamlvm.build.loading import Loaded

_PORT: Final = 2025
_GRACE: Final = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser)
    parser.add_argument("--port", type=int, default=_PORT, help="port to listen on, 0: any (default: %(default)s)")
    parser.add_argument("--open", metavar="FILE", help="open a recording (`bamlvm run --record FILE`)")
    parser.add_argument(
        "--browser",
        action=argparse.BooleanOptionalAction,
        help="open the page in a browser (default: on a terminal with a display)",
    )
    shared.add_allow(parser)
    shared.add_verbose(parser, "print the messages of the program's log from `debug` up")
    shared.add_network(parser, cache=False)  # a page is to show what is asked
    shared.add_environment(parser)


def execute(options: argparse.Namespace) -> int:
    """Serve the page until a signal."""
    import secrets

    process, application = _loaded()
    from bamlvm.tools.dev import opening
    from bamlvm.tools.dev.project import Project
    from bamlvm.tools.dev.recordings import Recording, replaying

    path = program_path(options.path)
    # What is wrong with it is said before anything listens.
    recording = None if options.open is None else Recording(options.open)

    def make(files: Mapping[str, str], loaded: Loaded) -> bamlvm.Runtime:
        try:
            return shared.make_runtime(options, files, loaded=loaded)
        except CommandError as error:  # of a file that has changed meanwhile: the page says so
            raise bamlvm.HostError(error.message) from None

    def replay(loaded: Loaded, path: str) -> bamlvm.Runtime:
        return bamlvm.Runtime(loaded, transport=replaying(path), capabilities=shared.capabilities(options))

    with shared.log_shown(options.verbose):
        token = secrets.token_urlsafe(24)
        project = Project(path, lambda: read_program(path), make)
        app = application(project, token, mocked=options.mock, recording=recording, replaying=replay)
        try:
            listening = process.listen("127.0.0.1", options.port)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CommandError(exit_codes.HOST, f"cannot listen on port {options.port}: {reason}") from None
        with listening, contextlib.ExitStack() as stack:
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            file = None
            if (sys.stdout.isatty() and opening.has_browser()) if options.browser is None else options.browser:
                file = stack.enter_context(opening.opening_file(address, token))

            def announce() -> None:
                print(f"{address}/#token={token}", flush=True)
                if file is not None:
                    opening.open_in_browser(file)

            process.serve(lambda: app, listening, _GRACE, announce)
    return exit_codes.OK


def _loaded() -> tuple[Any, Any]:
    from bamlvm.tools.server.asgi import needing_the_extra

    try:
        with needing_the_extra("dev"):
            from bamlvm.tools.dev.application import application
            from bamlvm.tools.server import process
    except ImportError as error:
        raise CommandError(exit_codes.HOST, str(error)) from None
    return process, application
