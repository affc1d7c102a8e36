"""Run a function of a BAML program (a file, or a folder of .baml files) and print its result.

The result goes to stdout, everything else to stderr: a string as it is, null as nothing, anything else as JSON;
with --json always JSON on one line.  While a program streams, a terminal shows the text growing in place, and a new
attempt clears it.  Where stdout is no terminal, --stream writes partial values and attempts to stderr, one a line:

  attempt 1: Primary (openai) started
  partial 1: "Hello, "
  attempt 1: Primary (openai) succeeded

with --json as objects: {"event": "partial", "attempt": 1, "value": "Hello, "}.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import bamlvm
from bamlvm.cli import exit_codes, tape
from bamlvm.cli.arguments import ArgumentsError, gather, signature_text
from bamlvm.cli.failure import Failure
from bamlvm.cli.output import is_terminal, json_text, thrown_text, value_text, write_result
from bamlvm.cli.program import compile_program, read_program

if TYPE_CHECKING:
    from bamlvm.cli.progress import Display


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("path", metavar="PATH", help="a .baml file or a folder of them")
    parser.add_argument("function", metavar="FUNCTION", nargs="?", default="main", help="default: main")
    parser.add_argument(
        "-a",
        "--arg",
        dest="named",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one argument: text for a string, JSON for any other type; may be repeated",
    )
    parser.add_argument("--args", metavar="JSON", help="arguments as a JSON object; -a adds to it")
    parser.add_argument(
        "--stream",
        action=argparse.BooleanOptionalAction,
        help="show partial results (default: if stdout is a terminal)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON on one line")
    parser.add_argument("--timeout", type=float, metavar="S", help="give up after this many seconds")
    parser.add_argument(
        "--allow", action="append", default=[], choices=["shell"], help="let the program do this, which it may not else"
    )
    tape.configure(parser)


def execute(options: argparse.Namespace) -> int:
    """Compile, call, print."""
    if options.timeout is not None and not options.timeout >= 0:
        raise Failure(exit_codes.USAGE, f"bamlvm run: --timeout: expected seconds from 0 up, got {options.timeout:g}")
    files = read_program(options.path)
    transport = tape.transport(options, "bamlvm run")
    runtime = compile_program(files, transport=transport, denied={"shell"} - set(options.allow))
    try:
        _call_and_print(runtime, options)
    except bamlvm.ThrownError as error:
        raise Failure(exit_codes.THREW, thrown_text(error)) from None
    except bamlvm.DeadlineExceeded as error:
        raise Failure(exit_codes.TIMEOUT, f"bamlvm run: {error}") from None
    except bamlvm.BamlError as error:
        raise Failure(exit_codes.HOST, f"bamlvm run: {error}") from None
    except KeyboardInterrupt:
        raise Failure(exit_codes.INTERRUPTED, "bamlvm run: interrupted") from None
    finally:
        runtime.close()
    return exit_codes.OK


def _call_and_print(runtime: bamlvm.Runtime, options: argparse.Namespace) -> None:
    try:
        signature = runtime.signature(options.function)
        arguments = gather(signature.parameters, options.named, options.args)
    except (bamlvm.HostError, ArgumentsError) as error:
        raise Failure(exit_codes.USAGE, f"bamlvm run: {error}") from None
    display = _display(options)
    context = bamlvm.CallContext(timeout=options.timeout)
    if display is not None:
        # Callbacks and not `runtime.stream`: a function that only computes then starts no event loop.
        context = bamlvm.CallContext(timeout=options.timeout, on_partial=display.partial, on_attempt=display.attempt)
    try:
        value = runtime.call_function_sync(options.function, arguments, context)
    except bamlvm.HostError as error:
        if type(error) is not bamlvm.HostError:  # a recording that does not fit, not an argument
            raise
        expected = f"expected: {signature_text(signature)}"
        raise Failure(exit_codes.USAGE, f"bamlvm run: {error}\n{expected}") from None
    except BaseException:
        if display is not None:
            display.finish(None)
        raise
    text = json_text(value) if options.json else value_text(value)
    shown = display is not None and display.finish(text)
    if text is not None and not shown:
        write_result(text)


def _display(options: argparse.Namespace) -> Display | None:
    on_terminal = is_terminal(sys.stdout)
    if not (on_terminal if options.stream is None else options.stream):
        return None
    from bamlvm.cli.progress import Lines, Screen

    if on_terminal and not options.json:
        return Screen(sys.stdout, sys.stderr, takes_result=True)
    if is_terminal(sys.stderr) and not options.json:
        return Screen(sys.stderr, sys.stderr, takes_result=False)
    return Lines(sys.stderr, as_json=options.json)
