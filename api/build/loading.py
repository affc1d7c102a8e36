"""From sources to units that can be linked: the standard library and the project.

Both come from the disk cache if it has them.  Only if it has not is the compiler, and with it Lark, imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bamlvm import stdlib
from bamlvm.build.cache import Cache, fingerprint, key_of
from bamlvm.errors import CompileError, HostError
from bamlvm.vm.program.unit import Unit, decode

if TYPE_CHECKING:
    from bamlvm.compiler.project import Project, Stages
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
    return Loader(optimize, cache).load(files)


class Loader:
    """Loads the versions of a project, one after another.  Safe to share between threads.

    A version is taken from the disk cache, or compiled and put there.  After the first that was compiled, of each
    version only what has changed is, and the disk cache is left alone.
    """

    def __init__(self, optimize: bool, cache: Cache) -> None:
        self._optimize = optimize
        self._cache = cache
        self._lock = Lock()
        self._project: tuple[Project, Unit] | None = None

    def load(self, files: Mapping[str, str]) -> Loaded:
        """Return the units of a version.  Raises :class:`bamlvm.CompileError`."""
        with self._lock:
            if self._project is not None:
                return self._loaded(files)
            compiler = fingerprint()
            key = key_of(files, self._optimize, "project", compiler)
            kept = self._cache.read(key)
            if kept is not None:
                return Loaded(load_standard(self._optimize, self._cache, compiler), *kept)
            loaded = self._loaded(files)
            self._cache.write(key, loaded.unit, loaded.diagnostics)
            return loaded

    def stages(self, files: Mapping[str, str]) -> Stages:
        """Return what each stage of the compiler makes of a version."""
        with self._lock:
            return self._compiled(files)[0]

    def _loaded(self, files: Mapping[str, str]) -> Loaded:
        stages, standard = self._compiled(files)
        if stages.unit is None:
            raise CompileError(stages.diagnostics, files)
        return Loaded(standard, stages.unit, tuple(stages.diagnostics))

    def _compiled(self, files: Mapping[str, str]) -> tuple[Stages, Unit]:
        if self._project is None:
            from bamlvm.compiler.project import Project

            standard = load_standard(self._optimize, self._cache)
            self._project = Project(standard, optimize=self._optimize), standard
        project, standard = self._project
        return project.update(files), standard


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
