"""Tests of your own programs.

A program's ``test`` blocks run as with ``bamlvm test``:

    for case in bamlvm.testing.select(runtime.cases, include=["Extract::*"]):
        outcome = bamlvm.testing.run_case(runtime, case)
        assert outcome.status == "passed", outcome.failures

A snapshot test keeps one stage of a program's compilation in a file and fails when it changes:

    bamlvm.testing.assert_stage("baml_src", "bytecode", "snapshots/program.txt")

With pytest, the fixture ``baml_snapshot`` names the file itself (:mod:`bamlvm.pytest_plugin`).
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final

from bamlvm.build.sources import Source, SourcePath, sources_of
from bamlvm.checking import check
from bamlvm.errors import CompileError, HostError
from bamlvm.stages import STAGES, dump
from bamlvm.sysops.replacing import write_output
from bamlvm.test_case import Case
from bamlvm.tools.test_runner.cases import Constraint, Outcome, select
from bamlvm.tools.test_runner.runner import run_case

__all__ = [
    "DIAGNOSTICS",
    "Case",
    "Constraint",
    "Outcome",
    "SnapshotError",
    "assert_stage",
    "compare",
    "run_case",
    "select",
    "stage_text",
]

DIAGNOSTICS: Final = "diagnostics"
"""A stage beside those of the compiler: errors and warnings, rendered."""

_SHOWN_LINES: Final = 200


class SnapshotError(AssertionError):
    """A snapshot is missing or differs; the message shows the difference."""


def stage_text(source: Source, stage: str, optimize: bool = True) -> str:
    """Return the text of a snapshot: one of :data:`bamlvm.stages.STAGES`, or ``diagnostics``.

    ``source`` is a path (a file or a folder), sources by file name, or a source text.  Where a program has errors, the
    stages after the checker (``mir``, ``bytecode``) are its diagnostics.  Raises :class:`bamlvm.HostError` for an
    unknown stage and for a path that does not exist.
    """
    if stage not in (*STAGES, DIAGNOSTICS):
        raise HostError(f"unknown stage {stage!r}: one of {', '.join(STAGES)}, {DIAGNOSTICS}")
    files = sources_of(source)
    if stage == DIAGNOSTICS:
        return check(files).render() or "no diagnostics\n"
    try:
        return dump(files, stage, optimize=optimize)
    except CompileError as error:
        return error.render()


def assert_stage(
    source: Source,
    stage: str,
    snapshot_path: SourcePath,
    *,
    update: bool = False,
    optimize: bool = True,
) -> None:
    """Compare a stage of a program (see :func:`stage_text`) with the file ``snapshot_path``; ``update`` writes it.

    Raises :class:`SnapshotError`, an :class:`AssertionError`, if the file is missing or differs.
    """
    __tracebackhide__ = True  # pytest shows the test's line instead of this one
    compare(stage_text(source, stage, optimize), Path(snapshot_path), update=update, how="update=True")


def compare(text: str, path: Path, *, update: bool, how: str) -> bool:
    """Compare a text with a file; return whether the file was written.  ``how`` tells the user how to accept the text.

    Raises :class:`SnapshotError`.
    """
    __tracebackhide__ = True
    try:
        kept = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        kept = None
    except UnicodeDecodeError:
        kept = "(not UTF-8)\n"
    if kept == text:
        return False
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_output(str(path), text.encode("utf-8"))
        return True
    if kept is None:
        raise SnapshotError(f"there is no snapshot {path}; write it with {how}")
    raise SnapshotError(f"the snapshot {path} differs; accept the change with {how}\n{_difference(kept, text)}")


def _difference(kept: str, text: str) -> str:
    lines = list(difflib.unified_diff(kept.splitlines(), text.splitlines(), "snapshot", "now", lineterm=""))
    if not lines:
        lines = ["(only the line breaks at the end differ)"]
    left_out = len(lines) - _SHOWN_LINES
    return "\n".join(lines if left_out <= 0 else [*lines[:_SHOWN_LINES], f"… {left_out} more lines"])
