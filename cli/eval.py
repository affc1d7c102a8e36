"""Score a function over a data set, and compare clients or prompts.

SUBJECT is a function, or a test (Function::Test) whose asserts each row must hold.  --expect COLUMN says that a row's
result is the value of a column, --expect FIELD=COLUMN that a field of it is.  With several --client or --with (another
function, with another prompt, say) each is a column of the table:

  bamlvm eval Classify tickets.csv --expect label --client Fast --client Smart -o evaluation

The calls are those of `bamlvm batch`: in the folder of -o each variant has a file of results, and the same command goes
on after an interruption, or scores the same results by other expectations without calling anything.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli import options as shared
from bamlvm.cli.batch import add_rows, renamed_columns, shown_progress
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.files import write_report
from bamlvm.cli.program import program_path, read_program
from bamlvm.grammar.printable import printable

if TYPE_CHECKING:
    from bamlvm.test_case import Case
    from bamlvm.tools.batch.rows import Row
    from bamlvm.tools.evaluation.scoring import Scored
    from bamlvm.tools.evaluation.subject import Subject, Variant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("subject", metavar="SUBJECT", help="a function, or a test: Function::Test")
    add_rows(parser)
    parser.add_argument(
        "--expect", action="append", default=[], metavar="[FIELD=]COLUMN", help="what is expected; may be repeated"
    )
    parser.add_argument("--normalize", action="store_true", help="compare texts without regard to case and spaces")
    parser.add_argument(
        "--client", action="append", default=[], metavar="NAME", help="a client to compare; may be repeated"
    )
    parser.add_argument(
        "--with", dest="others", action="append", default=[], metavar="FUNCTION", help="another function to compare"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="keep the results here")
    parser.add_argument("--html", metavar="FILE", help="also write a page with plots (extra `bamlvm[eval]`)")
    parser.add_argument("--junit", metavar="FILE", help="also write JUnit XML, a test case a row")
    parser.add_argument(
        "--min-pass", type=_percent, default=0.0, metavar="PERCENT", help="exit with 1 if a variant passes fewer rows"
    )
    shared.add_timeout(parser, "end the call of a row after this time")
    shared.add_allow(parser)
    shared.add_verbose(parser, "print the messages of the program's log from `debug` up")
    shared.add_network(parser)
    shared.add_environment(parser)


def execute(options: argparse.Namespace) -> int:
    """Call, score, compare."""
    from bamlvm.cli.termination import run_to_end
    from bamlvm.tools.batch.rows import data_format
    from bamlvm.tools.evaluation.scoring import Scorer
    from bamlvm.tools.evaluation.subject import subject
    from bamlvm.tools.evaluation.table import passed, table

    files = read_program(program_path(options.program))
    format = data_format(options.data, options.format)
    with shared.open_runtime(options, files) as runtime, _folder(options.output) as folder:
        evaluated = subject(runtime, options.subject, options.others, options.client, options.expect)
        scorer = Scorer(runtime, evaluated, is_text=format == "csv", normalize=options.normalize)
        called = run_to_end(_called(options, runtime, files, format, evaluated, folder))
        scored = [scorer.scored(variant, _lines(path, rows)) for variant, path, rows in called]
    print(printable(table(scored)), flush=True)
    _write_reports(options, scored)
    too_few = [each for each in scored if not passed([*each.rows.values()]).value * 100 >= options.min_pass]
    return exit_codes.FAILED if options.min_pass and too_few else exit_codes.OK


async def _called(
    options: argparse.Namespace,
    runtime: bamlvm.Runtime,
    files: dict[str, str],
    format: str,
    evaluated: Subject,
    folder: Path,
) -> list[tuple[Variant, Path, dict[str, Row]]]:
    """Call every variant with every row; return the journals, and the rows of this run by their keys there."""
    from bamlvm.tools.batch.arguments import Columns
    from bamlvm.tools.batch.rows import STDIN, read_rows, waits
    from bamlvm.tools.batch.run import LocalEngine, Options, program_digest, run

    if options.data == STDIN and len(evaluated.variants) > 1:
        raise CommandError(exit_codes.USAGE, "standard input can be read once: several variants need a file")
    called = []
    defaults, types = _of_test(runtime, evaluated.case)
    try:
        for variant in evaluated.variants:
            path = folder / f"{variant.file_name}.jsonl"
            columns = Columns(runtime, variant.function, options.data, renamed_columns(options.column), defaults)
            context = bamlvm.CallContext(timeout=options.timeout, client=variant.client, types=types)
            engine = LocalEngine(
                runtime,
                columns,
                context,
                options.concurrency,
                options.rate,
                options.tokens_rate,
                checks=False,
            )
            chosen = Options(
                limit=options.limit,
                sample=options.sample,
                seed=options.seed,
                retry_errors=options.retry_errors,
                keep_older=options.keep_older,
                keeps_columns=True,
            )
            digest = program_digest(files, variant.client)
            with shown_progress(options, variant.name, format) as progress:
                rows = _checked(read_rows(options.data, format), evaluated)
                found: dict[str, Row] = {}
                await run(
                    engine,
                    columns,
                    rows,
                    str(path),
                    digest,
                    chosen,
                    progress,
                    chosen=found.__setitem__,
                    waits=waits(options.data),
                )
            called.append((variant, path, found))
    finally:
        await runtime.aclose()
    return called


def _checked(rows: Iterator[Row], evaluated: Subject) -> Iterator[Row]:
    """Yield the rows; the first one must have what is expected, before anything is paid."""
    from bamlvm.tools.evaluation.subject import require_columns

    for number, row in enumerate(rows):
        if number == 0:
            require_columns(evaluated.expectations, row.value, row.place)
        yield row


def _of_test(runtime: bamlvm.Runtime, case: Case | None) -> tuple[dict[str, Any], Any]:
    """Return the arguments of a test, for parameters that have no column, and the types that it adds."""
    if case is None:
        return {}, None
    from bamlvm.tools.project import project_folder
    from bamlvm.tools.test_runner.arguments import arguments

    folder = Path(case.file).parent
    return arguments(runtime, case, bamlvm.CallContext(), folder, project_folder(str(folder))), case.info.types or None


def _lines(path: Path, rows: Mapping[str, Row]) -> Iterator[dict[str, Any]]:
    """Yield the lines of the rows that are evaluated, with what the data expects of them now: the journal may have
    older ones, and rows that are not chosen this time."""
    with path.open("rb") as file:
        for text in file:
            line = msgspec.json.decode(text)
            row = rows.get(line["key"])
            if row is not None:
                yield {**line, "row": row.number, "input": row.value}


def _write_reports(options: argparse.Namespace, scored: list[Scored]) -> None:
    reports: dict[str, bytes] = {}
    if options.junit is not None:
        from bamlvm.tools.evaluation.junit import junit

        reports[options.junit] = junit(scored)
    if options.html is not None:
        from bamlvm.tools.evaluation.page import page

        reports[options.html] = page(scored, f"{options.subject} over {options.data}").encode()
    for path, content in reports.items():
        write_report(path, content)


@contextmanager
def _folder(path: str | None) -> Iterator[Path]:
    if path is None:
        with tempfile.TemporaryDirectory(prefix="bamlvm-eval-") as made:
            yield Path(made)
        return
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(exit_codes.HOST, f"{path}: {error.strerror}") from None
    yield Path(path)


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"expected a percentage, got {text}")
    return value
