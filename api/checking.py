"""The errors and warnings of a program that is not to be run: ``bamlvm check`` as a function.

No bytecode is made, which is most of the work of compiling.  The diagnostics, errors too, are kept in the disk cache
(:mod:`bamlvm.build.cache`), so that a program that has not changed is checked without loading the compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from bamlvm.build.cache import Cache, fingerprint, key_of
from bamlvm.build.loading import load_standard
from bamlvm.build.sources import Source, sources_of
from bamlvm.errors import HostError, render_diagnostics
from bamlvm.grammar.diagnostics import CODES, with_levels
from bamlvm.vm.program.spelling import did_you_mean

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic, Level


class CheckReport(NamedTuple):
    """The result of a check: errors and warnings in the order of the sources, and the sources by path."""

    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that keep the program from running."""
        return tuple(each for each in self.diagnostics if each.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that do not."""
        return tuple(each for each in self.diagnostics if each.severity == "warning")

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def render(self, colour: bool = False) -> str:
        """Return all diagnostics as text, each with its source excerpt; "" if there are none."""
        return render_diagnostics(self.diagnostics, self.sources, colour)


def check(source: Source, *, levels: Mapping[str, Level] | None = None, strict: bool = False) -> CheckReport:
    """Return the errors and warnings of a program: a path (a file or a folder), sources by file name, or a source text.

    ``levels`` says by code what its warnings count as: ``"error"``, ``"warning"`` or ``"off"``; with ``strict`` the
    warnings of all other codes are errors.  Raises :class:`bamlvm.HostError` for a path without sources, and for a code
    that does not exist.
    """
    unknown = [code for code in levels or () if code not in CODES]
    if unknown:
        hint = did_you_mean(unknown[0], CODES)
        raise HostError(f"no diagnostic has the code {unknown[0]!r}" + (f" ({hint})" if hint else ""))
    report = _check(source)
    if not levels and not strict:
        return report
    return CheckReport(tuple(with_levels(report.diagnostics, levels or {}, strict)), report.sources)


def _check(source: Source) -> CheckReport:
    files = sources_of(source)
    cache = Cache.default()
    compiler = fingerprint()
    key = key_of(files, True, "check", compiler)
    kept = cache.read_diagnostics(key)
    if kept is None:
        kept = cache.read_diagnostics(key_of(files, True, "project", compiler))  # a run has compiled it
    if kept is not None:
        return CheckReport(kept, files)
    from bamlvm.compiler.project import Project

    found = tuple(Project(load_standard(True, cache, compiler)).update(files, emit=False).diagnostics)
    cache.write_diagnostics(key, found)
    return CheckReport(found, files)
