"""Run a function of a BAML program (a file, or a folder of .baml files) and print its result.

One word that is not a path is the name of the function: `bamlvm run Greet` runs it in the nearest baml_src.

The result goes to stdout, everything else to stderr: a string unquoted, null as nothing, anything else as JSON; with
--json always JSON on one line.  While a program streams, a terminal shows the text growing in place, and a new attempt
clears it.  Where stdout is not a terminal, --stream writes partial values and attempts to stderr, one a line:

  attempt 1: Primary (openai) started
  partial 1: "Hello, "
  attempt 1: Primary (openai) succeeded

with --json as objects: {"event": "partial", "attempt": 1, "value": "Hello, "}.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli import options as shared
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.output import error_line, is_terminal, json_text, usage_text, value_text, write_result
from bamlvm.cli.program import add_path, arguments, program_path, read_program
from bamlvm.grammar.printable import printable_line

if TYPE_CHECKING:
    from bamlvm.cli.progress import Display
    from bamlvm.vm.profile import Profiler


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser)
    parser.add_argument("function", metavar="FUNCTION", nargs="?", help="default: main")
    parser.add_argument(
        "-a",
        "--arg",
        dest="named",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one argument: text for a string, JSON for any other type; @FILE is the contents of a file, as text, JSON "
        "or media by the parameter's type (@@ begins a value with @); may be repeated",
    )
    parser.add_argument("--args", metavar="JSON", help="arguments as a JSON object; -a adds to it")
    parser.add_argument(
        "--stream",
        action=argparse.BooleanOptionalAction,
        help="show partial results (default: if stdout is a terminal)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON on one line")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="print the time by function and source line to stderr",
    )
    shared.add_timeout(parser, "end the call after this time")
    shared.add_allow(parser)
    shared.add_verbose(parser, "print the attempts, the time and the tokens of the call to stderr")
    shared.add_network(parser)
    shared.add_environment(parser)


def execute(options: argparse.Namespace) -> int:
    """Compile, call, print."""
    if options.function is None:
        options.function = "main"
        if options.path is not None and not _is_path(options.path):
            options.path, options.function = None, options.path
    files = read_program(program_path(options.path))
    collectors = [bamlvm.Collector()] if options.verbose else []
    with shared.open_runtime(options, files, collectors) as runtime:
        profiler = _profiled(runtime) if options.profile else None
        try:
            _call_and_print(runtime, options)
        finally:
            if profiler is not None:
                profiler.stop()
                print(profiler.table(), file=sys.stderr)
            for collector in collectors:
                _print_usage(collector)
    return exit_codes.OK


def _profiled(runtime: bamlvm.Runtime) -> Profiler:
    """Make a runtime profile its one call."""
    import time

    from bamlvm.vm.profile import Profiler

    profiler = Profiler(time.perf_counter)
    runtime.engine.new_tracer = lambda scope: profiler
    return profiler


def _is_path(word: str) -> bool:
    """Whether a word is meant as a path: it exists, or no function can have such a name."""
    parts = word.split(".")
    return os.path.lexists(word) or parts[-1] == "baml" or not all(part.isidentifier() for part in parts)


def _print_usage(collector: bamlvm.Collector) -> None:
    call = collector.last
    if call is None:  # an argument did not fit: nothing was called
        return
    for each in call.attempts:
        failed = f" failed: {error_line(each.error)}" if each.error is not None else ""
        model = f" {each.model}" if each.model else ""
        usage = usage_text([each], each.duration or 0.0).replace(", 1 attempt", "")
        line = f"attempt {each.ordinal}: {each.client} ({each.provider}{model}), {usage}{failed}"
        print(printable_line(line), file=sys.stderr)
    print(f"{call.function}: {usage_text(call.attempts, call.duration)}", file=sys.stderr, flush=True)


def _call_and_print(runtime: bamlvm.Runtime, options: argparse.Namespace) -> None:
    try:
        signature = runtime.signature(options.function)
    except bamlvm.HostError as error:
        raise CommandError(exit_codes.USAGE, str(error)) from None
    values = arguments(signature.parameters, options.named, options.args, runtime.engine.program.aliases)
    display = _display(options)
    context = bamlvm.CallContext(timeout=options.timeout)
    if display is not None:
        # Callbacks instead of `runtime.stream`: so a function that only computes starts no event loop.
        context = bamlvm.CallContext(timeout=options.timeout, on_partial=display.partial, on_attempt=display.attempt)
    try:
        value = runtime.call_function_sync(options.function, values, context)
    except BaseException as error:
        if type(error) is bamlvm.HostError:  # not a subclass: an argument does not fit its parameter
            expected = f"expected: {signature}"
            raise CommandError(exit_codes.USAGE, f"{error}\n{expected}") from None
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
