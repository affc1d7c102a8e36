"""The compiler's stages as text: what ``bamlvm dump`` prints and the snapshots hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bamlvm.build.cache import Cache
from bamlvm.build.loading import load_standard
from bamlvm.build.sources import Source, sources_of
from bamlvm.compiler import STAGES as COMPILED
from bamlvm.errors import CompileError, HostError
from bamlvm.vm.program.unit import Unit

STAGES: Final = (*COMPILED, "python")
"""The compiler's stages, and what the second tier makes of each function (:mod:`bamlvm.vm.translate`)."""

_AFTER_ERRORS: Final = ("mir", "bytecode", "python")  # an error stops a program before these


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

    standard = load_standard(optimize, Cache.default())
    stages = compile_project(files, standard, optimize=optimize)
    if stage in _AFTER_ERRORS and stages.unit is None:
        raise CompileError(stages.diagnostics, files)
    if stage == "python":
        assert stages.unit is not None
        return render_python((standard, stages.unit), stages.unit.functions)
    return render_stage(files, stages, stage)


def render_python(units: Sequence[Unit], names: Iterable[str]) -> str:
    """Return the Python functions of these functions of a program, or why one stays interpreted.

    ``units`` are those of the program, the standard library first.
    """
    from bamlvm.sysops.table import load as load_sysops
    from bamlvm.vm.flow import Unsupported
    from bamlvm.vm.linker import Program
    from bamlvm.vm.native import Native
    from bamlvm.vm.natives import load_natives

    program = Program.link(units, load_natives(), load_sysops())
    native = Native(program)
    parts = []
    for name in names:
        try:
            text = native.translation(program.function(name)).text
        except Unsupported as reason:
            text = f"# stays interpreted: {reason}\n"
        parts.append(f"# {name}\n{text}")
    return "\n".join(parts)
