"""From sources to units that can be linked: the standard library and the project.

Both come from the disk cache if it has them.  Only if it has not is the compiler, and with it Lark, imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bamlvm import stdlib
from bamlvm.build.cache import Cache, fingerprint, key_of
from bamlvm.errors import CompileError, HostError
from bamlvm.vm.program.unit import Unit, decode

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic

SHIPPED = "stdlib.bamlc"
"""The file of a wheel that has the compiled standard library, in the folder of its sources."""


class Loaded(NamedTuple):
    """A project ready to be linked; ``diagnostics`` are the warnings of its compilation."""

    standard: Unit
    unit: Unit
    diagnostics: tuple[Diagnostic, ...]


def load(files: Mapping[str, str], optimize: bool, cache: Cache) -> Loaded:
    """Return the units of a project.  Raises :class:`bamlvm.CompileError`."""
    compiler = fingerprint()
    standard = load_standard(optimize, cache, compiler)
    key = key_of(files, optimize, "project", compiler)
    kept = cache.read(key)
    if kept is not None:
        return Loaded(standard, *kept)
    from bamlvm.compiler.project import compile_project

    result = compile_project(files, standard, optimize=optimize)
    if result.unit is None:
        raise CompileError(result.diagnostics, files)
    diagnostics = tuple(result.diagnostics)
    cache.write(key, result.unit, diagnostics)
    return Loaded(standard, result.unit, diagnostics)


def load_standard(optimize: bool, cache: Cache, compiler: bytes | None = None) -> Unit:
    """Return the compiled standard library: the one shipped, else the one in the cache, else compile it.

    ``compiler`` is the :func:`bamlvm.build.cache.fingerprint`, if the caller has it.  Raises
    :class:`bamlvm.HostError` if the one shipped cannot be read.
    """
    shipped = stdlib.FOLDER / SHIPPED
    if shipped.exists():
        try:
            return decode(shipped.read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            raise HostError(f"this installation is damaged: {shipped}: {error}") from error
    key = key_of({}, optimize, "standard", compiler or fingerprint())  # its sources are in the fingerprint
    kept = cache.read(key)
    if kept is not None:
        return kept[0]
    from bamlvm.compiler.standard import compile_standard

    sources = stdlib.sources()
    result = compile_standard(sources, optimize=optimize)
    if result.unit is None:
        raise CompileError(result.diagnostics, sources)
    cache.write(key, result.unit, ())
    return result.unit
