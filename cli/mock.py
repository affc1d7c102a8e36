"""Serve scripted LLM answers on a local port, in the wire formats of OpenAI (…/chat/completions, …/responses),
Anthropic (…/messages) and Google (…:generateContent, …:streamGenerateContent).

The first line on stdout is the server's URL; each request is a line on stderr.  Ctrl-C or SIGTERM stops the server.

Without a script every prompt is echoed.  A script (TOML or JSON) lists rules; the first one that matches answers:

  [[rules]]
  model = "gpt-*"            # conditions: model, path (globs), prompt (a part of it), stream (true or false)
  after = "cycle"            # after the last answer: repeat it (default), cycle, or pass to the rules below
  answers = [
    { faults = [{ kind = "status", code = 503, retry_after = 1 }] },
    { pieces = ["Hello", ", ", "world"], delay_ms = 40 },
  ]

An answer has text or pieces, piece_length, reasoning, delay_ms, first_delay_ms, finish_reason, usage, sse, faults, and
calls of tools: calls = [{ tool = "Ship", arguments = { city = "Oslo" } }].  Where a request asks for its answer by a
schema or by tools, text is sent in that form.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec

from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.mock import Exchange, MockServer, Script, ScriptError, load_script
from bamlvm.tools.mock.faults import KINDS, Fault, parse_fault


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--script", type=Path, metavar="FILE", help="the script (.toml or .json)")
    parser.add_argument(
        "--delay-ms", type=float, metavar="N", help="the pause before each piece, for answers that do not set their own"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="KIND[:FIELD=VALUE,…]",
        help="add a fault to every answer; may be repeated. Kinds: " + "; ".join(map(_describe, sorted(KINDS))),
    )
    parser.add_argument("--quiet", action="store_true", help="do not log requests")


def execute(options: argparse.Namespace) -> int:
    """Serve until a signal stops the server."""
    try:
        script = load_script(options.script) if options.script else Script()
    except ScriptError as error:
        raise CommandError(exit_codes.HOST, str(error)) from None
    if options.delay_ms is not None:
        script = msgspec.structs.replace(script, delay_ms=options.delay_ms)
    script = msgspec.structs.replace(script, faults=(*options.fault, *script.faults))
    asyncio.run(_serve(script, options.host, options.port, options.quiet))
    return exit_codes.OK


async def _serve(script: Script, host: str, port: int, quiet: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    server = MockServer(script, host=host, port=port, log=None if quiet else _log)
    try:
        await server.start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise CommandError(exit_codes.HOST, f"cannot listen on {host} port {port}: {reason}") from None
    try:
        print(server.url, flush=True)
        await stopping.wait()
    finally:
        await server.stop()


def _log(exchange: Exchange) -> None:
    request = exchange.request
    by = "echo" if exchange.rule is None else f"rule {exchange.rule!r}" if exchange.rule else "a rule"
    status = "no status" if exchange.status is None else str(exchange.status)
    print(
        f"{request.method} {request.target} → {status}, {by}, {exchange.sent} bytes, {exchange.outcome}",
        file=sys.stderr,
    )


def _fault(text: str) -> Fault:
    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _describe(kind: str) -> str:
    fields = KINDS[kind].__struct_fields__
    return f"{kind}({', '.join(fields)})" if fields else kind
