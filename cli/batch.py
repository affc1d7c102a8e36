"""Call a function with every row of a data set: JSONL, JSON (an array), CSV, Parquet, or JSONL from standard input (-).

A column is the argument of its name; other columns are ignored.  OUT gets one line a row, with its result or its error,
as soon as it is there, and is put in the order of the data at the end:

  {"row": 0, "key": "5f0a…", "program": "91bc…", "result": {…}, "attempts": 1, "input_tokens": 210, …}
  {"row": 1, "key": "77de…", "program": "91bc…", "error": {"type": "baml.errors.Timeout", "message": "…"}, …}

The same command goes on where it was interrupted, by a crash too: no row that has its result in OUT is asked again.
An OUT that ends in .csv or .parquet is made of such a file beside it.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli import options as shared
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.output import is_terminal
from bamlvm.cli.program import program_path, read_program
from bamlvm.grammar.printable import printable_line

_COLLECTED: Final = 20_000
"""Objects that are made before circles among them are looked for: the calls under way leave none, and to look at all of
their objects after every 700, as Python does, takes a tenth of the time of a batch."""

if TYPE_CHECKING:
    from bamlvm.tools.batch.ray_engine import RayEngine
    from bamlvm.tools.batch.run import Ended, Options
    from bamlvm.tools.batch.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("function", metavar="FUNCTION", help="the function to call")
    add_rows(parser)
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the results: .jsonl, .csv or .parquet")
    parser.add_argument("--client", metavar="NAME", help="the client to ask instead of the function's own")
    parser.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="call from this process, or on a Ray cluster (extra `bamlvm[ray]`; default: %(default)s)",
    )
    parser.add_argument("--ray-address", metavar="ADDRESS", help="of the cluster (default: the one that Ray finds)")
    parser.add_argument(
        "--actors", type=shared.positive, metavar="N", help="processes on the cluster (default: one a CPU)"
    )
    parser.add_argument("--order", choices=["data", "done"], default="data", help="of OUT (default: %(default)s)")
    parser.add_argument("--with-input", action="store_true", help="write the columns of each row beside its result")
    parser.add_argument("--max-errors", type=shared.positive, metavar="N", help="end after so many failed rows")
    shared.add_timeout(parser, "end the call of a row after this time")
    shared.add_allow(parser)
    shared.add_verbose(parser, "print the messages of the program's log from `debug` up")
    shared.add_network(parser)
    shared.add_environment(parser)


def add_rows(parser: argparse.ArgumentParser) -> None:
    """Add which rows are taken, how they are called, and what becomes of those that have been."""
    parser.add_argument("data", metavar="DATA", help="the data set; - is standard input")
    parser.add_argument(
        "--program", metavar="PATH", help="a .baml file or a folder of them (default: the nearest baml_src)"
    )
    parser.add_argument("--format", choices=["jsonl", "json", "csv", "parquet"], help="of DATA (default: by its name)")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="PARAMETER=COLUMN",
        help="take a parameter from a column of another name; may be repeated",
    )
    parser.add_argument(
        "--concurrency", type=shared.positive, default=10, metavar="N", help="calls at a time (default: %(default)s)"
    )
    parser.add_argument("--rate", metavar="N/min", help="attempts that may begin (also N/s, N/hour)")
    parser.add_argument("--tokens-rate", metavar="N/min", help="tokens that they may cost")
    parser.add_argument("--limit", type=shared.positive, metavar="N", help="only the first rows")
    parser.add_argument("--sample", type=shared.positive, metavar="N", help="only so many rows, chosen by chance")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="choose other rows (default: 0)")
    parser.add_argument("--retry-errors", action="store_true", help="ask rows again that have failed")
    parser.add_argument("--keep-older", action="store_true", help="add to results of another version of the program")
    parser.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, help="show a progress bar (default: on a terminal)"
    )


def execute(options: argparse.Namespace) -> int:
    """Compile, read, call, write, sum up."""
    from bamlvm.tools.batch.summary import Summary

    files = read_program(program_path(options.program))
    summary = Summary()
    started = time.monotonic()
    try:
        ended = _run(options, files, summary)
    except KeyboardInterrupt as interrupt:
        _print_summary(summary, started)
        print(f"{str(interrupt) or 'interrupted'}: the same command goes on from here", file=sys.stderr)
        raise
    _print_summary(summary, started)
    if not ended.is_complete:
        print(f"ended by --max-errors {options.max_errors}; the same command goes on from here", file=sys.stderr)
    return exit_codes.OK if ended.is_complete and not summary.failed else exit_codes.FAILED


def _run(options: argparse.Namespace, files: dict[str, str], summary: Summary) -> Ended:
    from bamlvm.cli.termination import run_to_end
    from bamlvm.tools.batch.arguments import Columns
    from bamlvm.tools.batch.output import refuse_data, refuse_unwritable
    from bamlvm.tools.batch.rows import data_format, read_rows, waits
    from bamlvm.tools.batch.run import LocalEngine, program_digest, run

    refuse_data(options.output, options.data)
    refuse_unwritable(options.output)
    format = data_format(options.data, options.format)
    with shared.open_runtime(options, files) as runtime, shown_progress(options, options.data, format) as progress:
        columns = Columns(runtime, options.function, options.data, renamed_columns(options.column))
        context = bamlvm.CallContext(timeout=options.timeout, client=options.client)
        engine = (
            LocalEngine(
                runtime,
                columns,
                context,
                options.concurrency,
                options.rate,
                options.tokens_rate,
            )
            if options.engine == "local"
            else _cluster(options, files, context)
        )
        rows = read_rows(options.data, format)
        digest = program_digest(files, options.client)

        gc.freeze()  # the program and its libraries stay
        gc.set_threshold(_COLLECTED)

        async def whole() -> Ended:
            try:
                return await run(
                    engine,
                    columns,
                    rows,
                    options.output,
                    digest,
                    _run_options(options),
                    progress,
                    summary,
                    waits=waits(options.data),
                )
            finally:
                await runtime.aclose()

        return run_to_end(whole())


def _cluster(options: argparse.Namespace, files: dict[str, str], context: bamlvm.CallContext) -> RayEngine:
    from functools import partial

    from bamlvm.calls.pace import rate_of
    from bamlvm.tools.batch.ray_engine import RayEngine

    if options.record is not None or options.replay is not None:
        raise CommandError(exit_codes.USAGE, "--record and --replay are of one process: they need --engine local")
    return RayEngine(
        partial(shared.make_runtime, options, files),
        options.function,
        context,
        options.concurrency,
        rate_of("rate", options.rate),
        rate_of("tokens_rate", options.tokens_rate),
        actors=options.actors,
        address=options.ray_address,
    )


def _run_options(options: argparse.Namespace) -> Options:
    from bamlvm.tools.batch.run import Options

    return Options(
        limit=options.limit,
        sample=options.sample,
        seed=options.seed,
        retry_errors=options.retry_errors,
        keep_older=options.keep_older,
        max_errors=options.max_errors,
        keeps_columns=options.with_input,
        ordered=options.order == "data",
    )


def renamed_columns(words: list[str]) -> dict[str, str]:
    """Return the columns of ``--column``, by parameter.  Raises :class:`CommandError` for words of another form."""
    renamed = {}
    for word in words:
        parameter, equals, column = word.partition("=")
        if not equals:
            raise CommandError(exit_codes.USAGE, f"--column {word}: expected PARAMETER=COLUMN")
        renamed[parameter] = column
    return renamed


def shown_progress(
    options: argparse.Namespace, title: str, format: str
) -> AbstractContextManager[Callable[[Summary], None]]:
    """Return the display of a batch's progress, called with each summary; it shows nothing unless it is wanted."""
    shown = is_terminal(sys.stderr) if options.progress is None else options.progress
    if not shown:
        return nullcontext(lambda summary: None)
    from bamlvm.cli.batch_progress import Bar
    from bamlvm.tools.batch.rows import count_rows

    counts = [options.limit, options.sample, count_rows(options.data, format)]
    return Bar(title, min((count for count in counts if count is not None), default=None))


def _print_summary(summary: Summary, started: float) -> None:
    for line in summary.lines(time.monotonic() - started):
        print(printable_line(line), file=sys.stderr)
    sys.stderr.flush()
