"""Compile programs (files, or folders of .baml files) and report errors and warnings.

As text, diagnostics go to stderr, and a line for each program without errors to stdout.  The other formats are one
document for all programs, on stdout: JSON (an object with `diagnostics`, each with code, severity, message, file,
start, end, labels, hint; lines and columns from 1), GitHub's workflow commands, or SARIF 2.1.0.  The exit code is 0 if
no program has an error, whatever the warnings; `--strict`, or the settings `strict` and `levels` of the project, make
warnings errors.

With `--fix` what has one obvious mend (a misspelt name, a missing `;` or parenthesis, a word of another language) is
changed in the files first, and each change is named on stderr; a program is never made worse, and a file that cannot be
mended is left as it is.  `--diff` shows the changes and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import bamlvm
from bamlvm.build.inputs import read_text, shown
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.files import difference, leads_out, replace_all
from bamlvm.cli.output import report, wants_colour, write_result
from bamlvm.cli.program import add_path, program_path, read_program
from bamlvm.tools.project import settings_of

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Level

FORMATS = ("text", "json", "github", "sarif")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser, several=True)
    parser.add_argument("--strict", action="store_true", help="count warnings as errors (default: as the project sets)")
    parser.add_argument("--fix", action="store_true", help="mend what has one obvious mend, then check")
    parser.add_argument("--diff", action="store_true", help="print what --fix would change; write nothing")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour the text (default: on a terminal, unless NO_COLOR is set)",
    )


def execute(options: argparse.Namespace) -> int:
    """Check each program, also after one that cannot be read."""
    code = exit_codes.OK
    found: list[bamlvm.Diagnostic] = []
    sources: dict[str, str] = {}
    for path in options.paths or [program_path(None)]:
        try:
            settings = settings_of(path if os.path.isdir(path) else os.path.dirname(path) or ".")
            strict = options.strict or settings.strict
            program = read_program(path)
            if options.fix or options.diff:
                program = _fix(path, program, settings.levels, options.diff)
            checked = bamlvm.check(program, levels=settings.levels, strict=strict)
        except (bamlvm.HostError, CommandError) as error:
            code = max(code, report(error, "check"))
            continue
        if not checked.ok:
            code = max(code, exit_codes.COMPILE)
        if options.format == "text":
            _print(path, checked, options.color)
        found += checked.diagnostics
        sources.update(checked.sources)
    if options.format != "text":
        from bamlvm.tools import reports

        # A file, and so a diagnostic, may belong to two of the programs.
        text = reports.report(list(dict.fromkeys(found)), sources, options.format)
        if text:
            write_result(text.removesuffix("\n"))
    return code


def _fix(root: str, paths: Iterable[str], levels: Mapping[str, Level], show: bool) -> dict[str, str]:
    """Mend the files at ``paths``, the program at ``root``; return their texts.  With ``show`` print a diff instead,
    and return them as they are."""
    from bamlvm.tools.fixes import fix

    before = {path: read_text(path) for path in paths}
    theirs = [path for path in before if os.path.isdir(root) and leads_out(path, root)]
    for path in theirs:
        print(f"not mended: {shown(path)} is a link out of {shown(root)}", file=sys.stderr)
    after, applied = fix(before, levels, theirs)
    changed = {path: text for path, text in after.items() if text != before[path]}
    if show:
        for path, text in changed.items():
            print(difference(path, before[path], text, "fixed"), end="")
        return before
    real = {os.path.realpath(path): path for path in changed}
    replace_all({each: changed[path] for each, path in real.items()}, real)
    for each in applied:
        found = each.diagnostic
        change = f"`{each.before}` is now `{each.after}`" if each.before.strip() else f"added `{each.after}`"
        change = change if each.after else f"removed `{each.before.strip()}`"
        print(f"{found.span.file}:{each.line}:{each.column}: fixed {found.code}: {change}", file=sys.stderr)
    return after


def _print(path: str, checked: bamlvm.CheckReport, color: str) -> None:
    if checked.diagnostics:
        print(checked.render(wants_colour(sys.stderr, color)).rstrip("\n"), file=sys.stderr)
    if checked.ok:
        count = len(checked.warnings)
        note = f", {count} warning{'s' if count > 1 else ''}" if count else ""
        print(f"{shown(path)}: ok{note}")
