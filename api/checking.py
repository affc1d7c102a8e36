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
from bamlvm.errors import render_diagnostics

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic


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


def check(source: Source) -> CheckReport:
    """Return the errors and warnings of a program: a path (a file or a folder), sources by file name, or a source text.

    Raises :class:`bamlvm.HostError` for a path without sources.
    """
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
