"""Run the tests of a BAML program (a file, or a folder of .baml files): each function of each `test` block.

A test passes if its call returns and every @@assert holds.  An @@check that does not hold is reported and does not fail
the test.  LLM functions ask their providers, or a recording (--replay).  Each test is a line on stdout, in the order of
the sources, followed by what is wrong with it, if anything; the last line is a summary.  With --json each is an object:

  {"event": "test", "name": "Feel::Sunny", "status": "passed", …}   status: passed, failed or error
  {"event": "summary", "passed": 3, "failed": 0, "errors": 0, …}

A PATTERN is Function::Test; either side may be empty (any) or have `*` (any text): "Feel::*", "::Sunny", "Feel".
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli import options as shared
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.files import write_report
from bamlvm.cli.output import duration_text, json_text, shortened, thrown_text, usage_text, wants_colour
from bamlvm.cli.program import add_path, program_path, read_program
from bamlvm.grammar.printable import printable, printable_json
from bamlvm.testing import Case, Constraint, Outcome, run_case, select
from bamlvm.tools.project import project_folder
from bamlvm.tools.xml_text import xml_text

_SHOWN_RESULT = 400  # characters
_COLOURS = {"passed": "32", "failed": "31", "error": "31", "check": "33"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser)
    parser.add_argument(
        "-i", "--include", action="append", default=[], metavar="PATTERN", help="only these tests; may be repeated"
    )
    parser.add_argument(
        "-x", "--exclude", action="append", default=[], metavar="PATTERN", help="not these tests; may be repeated"
    )
    parser.add_argument(
        "--parallel",
        type=shared.positive,
        default=10,
        metavar="N",
        help="tests to run at once (default: %(default)s)",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the tests and run none")
    parser.add_argument("--junit", metavar="FILE", help="also write the results to this file, as JUnit XML")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    shared.add_timeout(parser, "end each test after this time")
    shared.add_allow(parser)
    shared.add_verbose(parser, "print the tokens of each test, and of all")
    shared.add_network(parser)
    shared.add_environment(parser)


def execute(options: argparse.Namespace) -> int:
    """Compile, select, run, report."""
    options.path = program_path(options.path)
    files = read_program(options.path)
    if options.list:
        options.record = options.replay = options.cache_file = None
        options.cache = False
    with shared.open_runtime(options, files) as runtime:
        every = runtime.cases
        selected = select(every, options.include, options.exclude)
        if not selected:
            reason = _none_selected(every, options.include) if every else "there are no tests"
            raise CommandError(exit_codes.NO_TESTS, f"{options.path}: {reason}")
        if options.list:
            for case in selected:
                print(_line({"event": "case", **_about(case)}) if options.json else case.name)
            return exit_codes.OK
        return _run(runtime, selected, options)


def _none_selected(every: Sequence[Case], patterns: Sequence[str]) -> str:
    """Return why no test is selected, with the names that may have been meant."""
    from bamlvm.vm.program.spelling import did_you_mean

    names = sorted({name for case in every for name in (case.name, case.function)})
    hints = filter(None, (did_you_mean(pattern, names) for pattern in patterns))
    return f"none of its {len(every)} tests is selected ({next(hints, '--list shows their names')})"


def _run(runtime: bamlvm.Runtime, selected: Sequence[Case], options: argparse.Namespace) -> int:
    colour = wants_colour(sys.stdout) and not options.json
    started = time.perf_counter()
    outcomes: list[Outcome] = []
    interrupted = False
    try:
        for outcome in _outcomes(runtime, selected, options):
            outcomes.append(outcome)
            print(_line(_as_json(outcome)) if options.json else _text(outcome, colour, options.verbose), flush=True)
    except KeyboardInterrupt:
        interrupted = True
    summary = _summary(outcomes, len(selected), time.perf_counter() - started)
    attempts = [attempt for outcome in outcomes for attempt in outcome.attempts]
    if options.json:
        print(_line({"event": "summary", **summary}), flush=True)
    else:
        print(_summary_text(summary, attempts, colour, options.verbose), flush=True)
    if options.junit is not None:
        _write_junit(options.junit, outcomes, options.path)
    if interrupted:
        raise KeyboardInterrupt
    return exit_codes.OK if summary["passed"] == len(selected) else exit_codes.FAILED


def _outcomes(runtime: bamlvm.Runtime, selected: Sequence[Case], options: argparse.Namespace) -> Iterator[Outcome]:
    """Yield the outcomes in the order of the cases, each as soon as those before it are known."""
    cancel = bamlvm.CancelToken()
    context = bamlvm.CallContext(timeout=options.timeout, cancel=cancel)
    path = Path(options.path)
    project = project_folder(str(path if path.is_dir() else path.parent))
    with ThreadPoolExecutor(min(options.parallel, len(selected)), "bamlvm-test") as pool:
        futures = [pool.submit(run_case, runtime, case, context, project=project) for case in selected]
        try:
            for future in futures:
                yield future.result()
        finally:  # Ctrl-C, or stdout was closed: cancel what runs, and start nothing more
            for future in futures:
                future.cancel()
            cancel.cancel()


# --- output -----------------------------------------------------------------------------------------------------------


def _text(outcome: Outcome, colour: bool, verbose: bool) -> str:
    word = {"passed": "ok", "failed": "FAILED", "error": "ERROR"}[outcome.status]
    facts = usage_text(outcome.attempts, outcome.seconds) if verbose else duration_text(outcome.seconds)
    head = f"{_paint(f'{word:<6}', outcome.status, colour)} {outcome.case.name} ({facts})"
    lines = [*_problems(outcome)]
    if outcome.failures and outcome.error is None:
        lines.append(f"result: {shortened(json_text(outcome.value), _SHOWN_RESULT)}")
    lines = [printable(line) for line in lines]
    checks = [_paint(printable(f"check: {each.message}"), "check", colour) for each in outcome.failed_checks]
    return "\n".join([head, *("  " + line for text in (*lines, *checks) for line in text.split("\n"))])


def _problems(outcome: Outcome) -> list[str]:
    """Return why a case did not pass; empty if it did."""
    if isinstance(outcome.error, bamlvm.ThrownError):
        return [thrown_text(outcome.error)]
    if outcome.error is not None:
        return [str(outcome.error)]
    return [_failure(each) for each in outcome.failures]


def _failure(constraint: Constraint) -> str:
    """Return the message of a constraint, and its operands on lines below it."""
    shown = [f"  {source} is {shortened(json_text(value))}" for source, value in constraint.operands]
    return "\n".join([constraint.message, *shown])


def _summary(outcomes: Sequence[Outcome], selected: int, seconds: float) -> dict[str, Any]:
    statuses = [outcome.status for outcome in outcomes]
    return {
        "passed": statuses.count("passed"),
        "failed": statuses.count("failed"),
        "errors": statuses.count("error"),
        "not_run": selected - len(outcomes),
        "failed_checks": sum(len(outcome.failed_checks) for outcome in outcomes),
        "seconds": round(seconds, 6),
    }


def _summary_text(
    summary: dict[str, Any], attempts: Sequence[bamlvm.AttemptRecord], colour: bool, verbose: bool
) -> str:
    status = "passed" if not (summary["failed"] or summary["errors"] or summary["not_run"]) else "failed"
    counts = [("passed", "passed"), ("failed", "failed"), ("errors", "with errors"), ("not_run", "not run")]
    parts = [f"{summary[key]} {word}" for key, word in counts if summary[key] or key == "passed"]
    if checks := summary["failed_checks"]:
        parts.append("1 check does not hold" if checks == 1 else f"{checks} checks do not hold")
    seconds = summary["seconds"]
    facts = usage_text(attempts, seconds) if verbose else duration_text(seconds)
    return f"{_paint(', '.join(parts), status, colour)} in {facts}"


def _about(case: Case) -> dict[str, Any]:
    return {
        "name": case.name,
        "function": case.function,
        "test": case.info.name,
        "file": case.file,
        "line": case.line,
    }


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "event": "test",
        **_about(outcome.case),
        "status": outcome.status,
        "seconds": round(outcome.seconds, 6),
        "value": bamlvm.to_builtins(outcome.value) if outcome.error is None else None,
        "problems": _problems(outcome),
        "constraints": [_constraint(each) for each in outcome.constraints],
    }


def _constraint(each: Constraint) -> dict[str, Any]:
    return {
        "level": each.level,
        "name": each.name,
        "expression": each.expression,
        "holds": each.holds,
        "problem": each.problem,
    }


def _line(value: Any) -> str:
    return printable_json(msgspec.json.encode(value).decode())


def _paint(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if colour else text


# --- JUnit ------------------------------------------------------------------------------------------------------------


def _write_junit(path: str, outcomes: Sequence[Outcome], suite: str) -> None:
    """Write the file that CI servers read: one suite, in which a case's function is its class name."""
    from xml.etree import ElementTree

    counts = {
        "tests": str(len(outcomes)),
        "failures": str(sum(outcome.status == "failed" for outcome in outcomes)),
        "errors": str(sum(outcome.status == "error" for outcome in outcomes)),
        "time": f"{sum(outcome.seconds for outcome in outcomes):.6f}",
    }
    root = ElementTree.Element("testsuites", counts)
    parent = ElementTree.SubElement(root, "testsuite", {"name": xml_text(suite), **counts})
    for outcome in outcomes:
        about = {
            "classname": outcome.case.function,
            "name": outcome.case.info.name,
            "time": f"{outcome.seconds:.6f}",
            "file": xml_text(outcome.case.file),
            "line": str(outcome.case.line),
        }
        element = ElementTree.SubElement(parent, "testcase", about)
        problems = [xml_text(text) for text in _problems(outcome)]
        if problems:
            kind = "failure" if outcome.status == "failed" else "error"
            first = problems[0].partition("\n")[0]
            ElementTree.SubElement(element, kind, {"message": first}).text = "\n".join(problems)
        notes = [f"check: {each.message}" for each in outcome.failed_checks]
        if outcome.error is None:
            notes.insert(0, f"result: {json_text(outcome.value)}")
        if notes:
            ElementTree.SubElement(element, "system-out").text = xml_text("\n".join(notes))
    ElementTree.indent(root)
    write_report(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
