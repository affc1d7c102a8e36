"""Serve the functions of a program over HTTP (extra `bamlvm[serve]`), compatible with `baml-cli serve`.

  POST /call/NAME      the arguments as a JSON object; the answer is the value as JSON
  POST /stream/NAME    the same as server-sent events: attempt, partial, then final or error
  GET  /docs, /openapi.json, /health, /ready, /metrics

The first line on stdout is the server's URL.  SIGTERM or Ctrl-C ends the server: what runs may go on for --grace
seconds.

All who reach the server may call it, unless there are keys: in the variable BAMLVM_KEYS (separated by commas), in the
file of --keys-file (one a line), or the variable BAML_PASSWORD, as for the official server.  A client sends one as
`Authorization: Bearer KEY`, as `x-baml-api-key: KEY`, or as the password of Basic authentication.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bamlvm.build.inputs import read_text
from bamlvm.cli import exit_codes
from bamlvm.cli import options as shared
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.program import add_path, program_path, read_program
from bamlvm.tools.server.settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

KEYS: Final = "BAMLVM_KEYS"
PASSWORD: Final = "BAML_PASSWORD"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=2024, help="port to listen on, 0: any (default: %(default)s)")
    parser.add_argument(
        "--workers", type=shared.positive, default=1, metavar="N", help="processes that serve (default: %(default)s)"
    )
    parser.add_argument(
        "--concurrency",
        type=shared.positive,
        default=1000,
        metavar="N",
        help="calls that run at once, in each worker (default: %(default)s)",
    )
    parser.add_argument(
        "--queue",
        type=_count,
        default=1000,
        metavar="N",
        help="calls that wait for that; more are refused with 503 (default: %(default)s)",
    )
    parser.add_argument(
        "--max-body", type=_size, default=16 << 20, metavar="SIZE", help="the largest body: bytes, 512K, 16M (default)"
    )
    shared.add_timeout(parser, "end each call after this time, with 504 (default: 600; 0: never)")
    parser.add_argument(
        "--grace",
        type=shared.seconds,
        default=30.0,
        metavar="SECONDS",
        help="time for calls to end (default: %(default)g)",
    )
    parser.add_argument("--keys-file", metavar="FILE", help="keys of clients, one a line; # begins a comment")
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let pages of this web origin call (CORS), such as https://app.example.com, or *; may be repeated",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which the server may be called (default: on loopback without keys, loopback's own; else any)",
    )
    parser.add_argument(
        "--no-client-registry", action="store_true", help="take no LLM clients from requests (`__baml_options__`)"
    )
    shared.add_verbose(parser, "print a line for each request to stderr")
    shared.add_allow(parser)
    shared.add_network(parser)
    shared.add_environment(parser)


def execute(options: argparse.Namespace) -> int:
    """Serve until a signal."""
    process = _load_process()
    if options.workers > 1 and options.record is not None:
        raise CommandError(exit_codes.USAGE, "--record writes one file, so it needs --workers 1")
    make = Make(options, read_program(program_path(options.path)), _settings(options))
    make.check()
    try:
        listening = process.listen(options.host, options.port)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"cannot listen on {options.host} port {options.port}: {reason}"
        raise CommandError(exit_codes.HOST, message) from None
    with listening, contextlib.ExitStack() as stack:
        host = f"[{options.host}]" if ":" in options.host else options.host

        def announce() -> None:
            print(f"http://{host}:{listening.getsockname()[1]}", flush=True)

        if options.workers == 1:
            process.serve(make, listening, options.grace, announce)
            return exit_codes.OK
        from tempfile import TemporaryDirectory

        # Where the workers share their metrics; prometheus_client reads the variable when a worker imports it.
        shared_folder = stack.enter_context(TemporaryDirectory(prefix="bamlvm-metrics-"))
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared_folder
        failed = process.serve_with_workers(make, listening, options.grace, options.workers, announce)
        return exit_codes.HOST if failed else exit_codes.OK


@dataclass(frozen=True)
class Make:
    """Makes the application of a process, with a runtime that lives as long; it can be pickled."""

    options: argparse.Namespace
    files: Mapping[str, str]
    settings: Settings

    def check(self) -> None:
        """Compile the program, so that what is wrong with it is reported before anything listens."""
        with shared.open_runtime(self.options, self.files):
            pass

    def __call__(self) -> Starlette:
        """Return the application."""
        from bamlvm.tools.server.application import application
        from bamlvm.tools.server.process import ending_gracefully

        _set_up_logging(self.options.verbose)
        stack = contextlib.ExitStack()
        runtime = stack.enter_context(shared.open_runtime(self.options, self.files))

        @contextlib.asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            with stack:
                async with ending_gracefully(app.state.endpoints, self.options.grace):
                    yield
                await runtime.aclose()

        return application(runtime, self.settings, lifespan)


def _load_process() -> Any:
    from bamlvm.tools.server.asgi import needing_the_extra

    try:
        with needing_the_extra("serve"):
            from bamlvm.tools.server import process
    except ImportError as error:
        raise CommandError(exit_codes.HOST, str(error)) from None
    return process


def _settings(options: argparse.Namespace) -> Settings:
    found = shared.environment(options)
    env = os.environ if found is None else found
    keys = [key.strip() for key in env.get(KEYS, "").split(",") if key.strip()]
    if options.keys_file is not None:
        lines = read_text(options.keys_file, streams=True).splitlines()
        written = [line.partition("#")[0].strip() for line in lines]
        if not any(written):
            raise CommandError(exit_codes.HOST, f"{options.keys_file}: there is no key in it")
        keys += filter(None, written)
    password = env.get(PASSWORD) or None
    is_local = options.host in _LOOPBACK
    hosts = tuple(options.allow_host) or None
    if not keys and password is None:
        if is_local:
            hosts = (*_LOOPBACK, "[::1]", *options.allow_host)
        else:
            print(
                f"bamlvm serve: anyone who reaches {options.host} may call these functions; {KEYS}, --keys-file or "
                f"{PASSWORD} would ask for a key",
                file=sys.stderr,
            )
    timeout = 600.0 if options.timeout is None else options.timeout or None
    return Settings(
        keys=tuple(keys),
        password=password,
        concurrency=options.concurrency,
        queue=options.queue,
        max_body=options.max_body,
        timeout=timeout,
        origins=tuple(options.allow_origin),
        hosts=hosts,
        registry=not options.no_client_registry,
    )


def _set_up_logging(verbose: bool) -> None:
    """Send what goes wrong to stderr, and with ``verbose`` a line for each request."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.getLogger("bamlvm.serve").setLevel(logging.INFO if verbose else logging.WARNING)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 up, got {text}")
    return int(text)


def _size(text: str) -> int:
    number, unit = (text[:-1], text[-1:].upper()) if text[-1:].isalpha() else (text, "")
    if not number.isdecimal() or unit not in _UNITS or int(number) < 1:
        raise argparse.ArgumentTypeError(f"expected bytes, as in 65536, 512K or 16M, got {text}")
    return int(number) * _UNITS[unit]
