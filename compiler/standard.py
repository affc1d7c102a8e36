"""The standard library, compiled: into the wheel when it is built, else on demand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bamlvm import stdlib
from bamlvm.compiler.project import Project, Stages
from bamlvm.vm.program.unit import Unit, encode


def compile_standard(sources: Mapping[str, str], *, optimize: bool = True) -> Stages:
    """Compile the sources of a standard library, by file name."""
    return Project(Unit(), namespaces=stdlib.NAMESPACES, optimize=optimize).update(sources)


def write_compiled(path: str) -> None:
    """Compile the standard library and write it to ``path``; raise :class:`SystemExit` with the errors in it."""
    result = compile_standard(stdlib.sources())
    if result.unit is None:
        raise SystemExit("\n".join(f"{each.code} {each.span}: {each.message}" for each in result.diagnostics))
    Path(path).write_bytes(encode(result.unit))
