"""The standard library, compiled: at build time into the wheel, else on demand by whoever asks."""

from __future__ import annotations

from pathlib import Path

from bamlvm import stdlib
from bamlvm.compiler.project import compile_standard
from bamlvm.vm.program.unit import encode


def write_compiled(path: str) -> None:
    """Compile the standard library and write it to ``path``; raises :class:`SystemExit` with what is wrong in it."""
    result = compile_standard(stdlib.sources())
    if result.unit is None:
        raise SystemExit("\n".join(f"{each.code} {each.span}: {each.message}" for each in result.diagnostics))
    Path(path).write_bytes(encode(result.unit))
