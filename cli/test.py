"""Run the tests of a BAML program (a file, or a folder of .baml files): each function of each `test` block.

A test passes if its call returns and every @@assert holds.  An @@check that does not hold is reported and fails
nothing.  LLM functions ask their providers, or a recording (--replay).  One line a test goes to stdout, in the order of
the sources, then what went wrong with it, at last a summary; with --json an object a line:

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
from typing import Any

import msgspec

import bamlvm
from bamlvm.cli import exit_codes, tape
from bamlvm.cli.failure import Failure
from bamlvm.cli.output import json_text, thrown_text, wants_colour
from bamlvm.cli.program import compile_program, read_program
from bamlvm.tools.test_runner import Case, Constraint, Outcome, run_case, select

_COLOURS = {"passed": "32", "failed": "31", "error": "31", "check": "33"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("path", metavar="PATH", nargs="?", default="baml_src", help="default: baml_src")
    parser.add_argument(
        "-i", "--include", action="append", default=[], metavar="PATTERN", help="only these tests; may be repeated"
    )
    parser.add_argument(
        "-x", "--exclude", action="append", default=[], metavar="PATTERN", help="not these tests; may be repeated"
    )
    parser.add_argument(
        "--parallel", type=int, default=10, metavar="N", help="how many at the same time (default: %(default)s)"
    )
    parser.add_argument("--list", action="store_true", help="print the tests' names and run none")
    parser.add_argument("--junit", metavar="FILE", help="write the results to this file as JUnit XML, too")
    parser.add_argument("--json", action="store_true", help="print JSON, an object a line")
    parser.add_argument("--timeout", type=float, metavar="S", help="give each test up after this many seconds")
    parser.add_argument(
        "--allow", action="append", default=[], choices=["shell"], help="let the program do this, which it may not else"
    )
    tape.configure(parser)


def execute(options: argparse.Namespace) -> int:
    """Compile, select, run, report."""
    if options.timeout is not None and not options.timeout >= 0:
        raise Failure(exit_codes.USAGE, f"bamlvm test: --timeout: expected seconds from 0 up, got {options.timeout:g}")
    if options.parallel < 1:
        raise Failure(exit_codes.USAGE, f"bamlvm test: --parallel: expected a number from 1 up, got {options.parallel}")
    files = read_program(options.path)
    transport = None if options.list else tape.transport(options, "bamlvm test")
    with compile_program(files, transport=transport, denied={"shell"} - set(options.allow)) as runtime:
        every = runtime.cases
        chosen = select(every, options.include, options.exclude)
        if not chosen:
            there = _none_chosen(every, options.include) if every else "there is no test"
            raise Failure(exit_codes.NO_TESTS, f"bamlvm test: {options.path}: {there}")
        if options.list:
            for case in chosen:
                print(_line({"event": "case", **_about(case)}) if options.json else case.name)
            return exit_codes.OK
        return _run(runtime, chosen, options)


def _none_chosen(every: Sequence[Case], patterns: Sequence[str]) -> str:
    """Why no test is left, and which ones may have been meant."""
    from bamlvm.vm.program.spelling import did_you_mean

    names = sorted({name for case in every for name in (case.name, case.function)})
    hints = filter(None, (did_you_mean(pattern, names) for pattern in patterns))
    return f"none of its tests ({len(every)}) is chosen ({next(hints, '--list shows their names')})"


def _run(runtime: bamlvm.Runtime, chosen: Sequence[Case], options: argparse.Namespace) -> int:
    colour = wants_colour(sys.stdout) and not options.json
    started = time.perf_counter()
    outcomes: list[Outcome] = []
    interrupted = False
    try:
        for outcome in _outcomes(runtime, chosen, options):
            outcomes.append(outcome)
            print(_line(_as_json(outcome)) if options.json else _text(outcome, colour), flush=True)
    except KeyboardInterrupt:
        interrupted = True
    summary = _summary(outcomes, len(chosen), time.perf_counter() - started)
    print(_line({"event": "summary", **summary}) if options.json else _summary_text(summary, colour), flush=True)
    if options.junit is not None:
        _write_junit(options.junit, outcomes, options.path)
    if interrupted:
        raise Failure(exit_codes.INTERRUPTED, "bamlvm test: interrupted")
    return exit_codes.OK if summary["passed"] == len(chosen) else exit_codes.FAILED


def _outcomes(runtime: bamlvm.Runtime, chosen: Sequence[Case], options: argparse.Namespace) -> Iterator[Outcome]:
    """The outcomes in the order of the cases, each as soon as those before it are there."""
    cancel = bamlvm.CancelToken()
    context = bamlvm.CallContext(timeout=options.timeout, cancel=cancel)
    with ThreadPoolExecutor(min(options.parallel, len(chosen)), "bamlvm-test") as pool:
        futures = [pool.submit(run_case, runtime, case, context) for case in chosen]
        try:
            for future in futures:
                yield future.result()
        finally:  # Ctrl-C, or a reader of stdout that went away: what has not begun never does, the rest is cancelled
            for future in futures:
                future.cancel()
            cancel.cancel()


# --- what is shown ----------------------------------------------------------------------------------------------------


def _text(outcome: Outcome, colour: bool) -> str:
    word = {"passed": "ok", "failed": "FAILED", "error": "ERROR"}[outcome.status]
    head = f"{_paint(f'{word:<6}', outcome.status, colour)} {outcome.case.name} ({_duration(outcome.seconds)})"
    lines = [*_problems(outcome)]
    if outcome.failures and outcome.error is None:
        lines.append(f"result: {json_text(outcome.value)}")
    checks = [_paint(f"check: {each.message}", "check", colour) for each in outcome.failed_checks]
    return "\n".join([head, *("  " + line for text in (*lines, *checks) for line in text.split("\n"))])


def _problems(outcome: Outcome) -> list[str]:
    """Why a case did not pass; empty if it did."""
    if isinstance(outcome.error, bamlvm.ThrownError):
        return [thrown_text(outcome.error)]
    if outcome.error is not None:
        return [str(outcome.error)]
    return [each.message for each in outcome.failures]


def _summary(outcomes: Sequence[Outcome], chosen: int, seconds: float) -> dict[str, Any]:
    statuses = [outcome.status for outcome in outcomes]
    return {
        "passed": statuses.count("passed"),
        "failed": statuses.count("failed"),
        "errors": statuses.count("error"),
        "not_run": chosen - len(outcomes),
        "failed_checks": sum(len(outcome.failed_checks) for outcome in outcomes),
        "seconds": round(seconds, 6),
    }


def _summary_text(summary: dict[str, Any], colour: bool) -> str:
    status = "passed" if not (summary["failed"] or summary["errors"] or summary["not_run"]) else "failed"
    counts = [("passed", "passed"), ("failed", "failed"), ("errors", "with errors"), ("not_run", "not run")]
    parts = [f"{summary[key]} {word}" for key, word in counts if summary[key] or key == "passed"]
    if checks := summary["failed_checks"]:
        parts.append("1 check does not hold" if checks == 1 else f"{checks} checks do not hold")
    return f"{_paint(', '.join(parts), status, colour)} in {_duration(summary['seconds'])}"


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
    return msgspec.json.encode(value).decode()


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _paint(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if colour else text


# --- JUnit ------------------------------------------------------------------------------------------------------------


def _write_junit(path: str, outcomes: Sequence[Outcome], suite: str) -> None:
    """The file that CI servers read: one suite, a case's function as its class name."""
    from xml.etree import ElementTree

    counts = {
        "tests": str(len(outcomes)),
        "failures": str(sum(outcome.status == "failed" for outcome in outcomes)),
        "errors": str(sum(outcome.status == "error" for outcome in outcomes)),
        "time": f"{sum(outcome.seconds for outcome in outcomes):.6f}",
    }
    root = ElementTree.Element("testsuites", counts)
    parent = ElementTree.SubElement(root, "testsuite", {"name": _xml_text(suite), **counts})
    for outcome in outcomes:
        about = {
            "classname": outcome.case.function,
            "name": outcome.case.info.name,
            "time": f"{outcome.seconds:.6f}",
            "file": _xml_text(outcome.case.file),
            "line": str(outcome.case.line),
        }
        element = ElementTree.SubElement(parent, "testcase", about)
        problems = [_xml_text(text) for text in _problems(outcome)]
        if problems:
            kind = "failure" if outcome.status == "failed" else "error"
            first = problems[0].partition("\n")[0]
            ElementTree.SubElement(element, kind, {"message": first}).text = "\n".join(problems)
        notes = [f"check: {each.message}" for each in outcome.failed_checks]
        if outcome.error is None:
            notes.insert(0, f"result: {json_text(outcome.value)}")
        if notes:
            ElementTree.SubElement(element, "system-out").text = _xml_text("\n".join(notes))
    ElementTree.indent(root)
    try:
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise Failure(exit_codes.HOST, f"bamlvm test: {path}: {error.strerror}") from None


def _xml_text(text: str) -> str:
    """Text without what no XML document may hold (the production ``Char`` of XML 1.0)."""
    return "".join(
        c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff" and not _surrogate(c)) else "\ufffd" for c in text
    )


def _surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"
