"""Mend what has one obvious mend: the fixes of diagnostics, applied to sources.

Rule: a program is never made worse.  A round applies the fixes of all files that do not overlap, and is kept if neither
the syntax errors nor, with as many of these, all errors become more; a mended syntax error may show errors that it has
hidden.  If a round is not kept its files are tried one by one, each with all of its fixes or none.  Rounds follow until
nothing changes, since a mended mistake may show the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from bamlvm.checking import check
from bamlvm.grammar.diagnostics import Diagnostic, Edit, Level
from bamlvm.grammar.source import SourceFile

_SYNTAX: Final = frozenset({"E0009", "E0010", "E0028", "E0030", "E0031"})
_MOST_ROUNDS: Final = 20


class Applied(NamedTuple):
    """A fix that was applied: where its diagnostic was (line and column from 1, at that time), what was written and
    what is written now."""

    diagnostic: Diagnostic
    line: int
    column: int
    before: str
    after: str


class Fixed(NamedTuple):
    """Sources after all rounds, by path, and what was applied, in order."""

    sources: dict[str, str]
    applied: list[Applied]


def fix(sources: Mapping[str, str], levels: Mapping[str, Level] | None = None, kept: Iterable[str] = ()) -> Fixed:
    """Return the sources of a program with every fix applied that makes it no worse.

    Warnings that ``levels`` turns off are not mended, and the files ``kept`` not changed.
    """
    texts, applied = dict(sources), list[Applied]()
    rejected = set(kept)
    found = check(texts, levels=levels).diagnostics
    for _ in range(_MOST_ROUNDS):
        chosen = {path: each for path, each in _chosen(found).items() if path in texts and path not in rejected}
        if not chosen:
            break
        # All files at once; if that makes one worse, file by file.
        for paths in ([*chosen], *([path] for path in chosen if len(chosen) > 1)):
            after = {path: _edited(texts[path], chosen[path]) for path in paths}
            checked = check({**texts, **after}, levels=levels).diagnostics
            if not _is_worse(checked, found, after):
                for path in paths:
                    applied += _described(chosen[path], texts[path])
                texts, found = {**texts, **after}, checked
                if len(paths) == len(chosen):
                    break
            elif len(paths) == 1:
                rejected.update(paths)
    return Fixed(texts, applied)


def _is_worse(after: Iterable[Diagnostic], before: Iterable[Diagnostic], files: Iterable[str]) -> bool:
    """Whether there is more wrong with the program, or with one of ``files``."""
    return any(_measure(after, file) > _measure(before, file) for file in ("", *files))


def _measure(diagnostics: Iterable[Diagnostic], file: str) -> tuple[int, int]:
    """Return what is wrong with a file, "" for all: the number of syntax errors, then of all errors."""
    errors = [each.code for each in diagnostics if each.severity == "error" and file in ("", each.span.file)]
    return sum(code in _SYNTAX for code in errors), len(errors)


def _chosen(diagnostics: Iterable[Diagnostic]) -> dict[str, list[Diagnostic]]:
    """Return the diagnostics to mend, by file: their fixes are in that file and do not touch one another."""
    chosen: dict[str, list[Diagnostic]] = {}
    taken: dict[str, list[Edit]] = {}
    for each in diagnostics:
        file = each.span.file
        others = taken.setdefault(file, [])
        if not each.fix or any(edit.span.file != file for edit in each.fix):
            continue
        if any(
            one.span.start <= other.span.end and other.span.start <= one.span.end
            for one in each.fix
            for other in others
        ):
            continue
        others += each.fix
        chosen.setdefault(file, []).append(each)
    return chosen


def _edited(text: str, diagnostics: Iterable[Diagnostic]) -> str:
    edits = [edit for each in diagnostics for edit in each.fix]
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def _described(diagnostics: Iterable[Diagnostic], text: str) -> list[Applied]:
    source = SourceFile("", text)
    described = []
    for each in diagnostics:
        line, column = source.position(each.fix[0].span.start)
        before = " … ".join(text[edit.span.start : edit.span.end] for edit in each.fix)
        described.append(Applied(each, line, column, before, " … ".join(edit.text for edit in each.fix)))
    return described
