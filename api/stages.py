"""The compiler's stages as text: what ``bamlvm dump`` prints and the snapshots hold."""

from __future__ import annotations

from typing import Final

from bamlvm.build.cache import Cache
from bamlvm.build.loading import load_standard
from bamlvm.build.sources import Source, sources_of
from bamlvm.compiler import STAGES as STAGES
from bamlvm.errors import CompileError, HostError

_AFTER_ERRORS: Final = ("mir", "bytecode")  # an error stops a program before these


def dump(source: Source, stage: str, optimize: bool = True) -> str:
    """Return one stage of a program as text.

    ``source`` is a path (a file or a folder), a mapping of sources by file name, or a source text (a string with a line
    break or a brace in it).  Raises :class:`bamlvm.CompileError` if the program does not get as far as the stage, and
    :class:`bamlvm.HostError` for an unknown stage or a path without sources.
    """
    if stage not in STAGES:
        raise HostError(f"unknown stage {stage!r}: one of {', '.join(STAGES)}")
    files = sources_of(source)
    from bamlvm.compiler.dump import render_stage
    from bamlvm.compiler.project import compile_project

    stages = compile_project(files, load_standard(optimize, Cache.default()), optimize=optimize)
    if stage in _AFTER_ERRORS and stages.unit is None:
        raise CompileError(stages.diagnostics, files)
    return render_stage(files, stages, stage)
