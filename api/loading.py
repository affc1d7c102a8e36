"""From sources to linkable units: the standard library, the project, and the warnings of compiling it.

Both come from the disk cache where they can.  The compiler, and with it Lark, is imported only where they cannot.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bamlvm import stdlib
from bamlvm.cache import Cache, fingerprint, key_of
from bamlvm.errors import CompileError, HostError
from bamlvm.vm.program import Unit, decode

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic

SHIPPED = "stdlib.bamlc"
"""The compiled standard library as a wheel has it, in the folder of its sources."""


class Loaded(NamedTuple):
    """A project ready to be linked; ``diagnostics`` are warnings."""

    standard: Unit
    unit: Unit
    diagnostics: tuple[Diagnostic, ...]


def load(files: Mapping[str, str], optimize: bool, cache: Cache) -> Loaded:
    """The units of a project.  Raises :class:`CompileError`."""
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
    cache.write(key, result.unit, result.diagnostics)
    return Loaded(standard, result.unit, result.diagnostics)


def load_standard(optimize: bool, cache: Cache, compiler: bytes | None = None) -> Unit:
    """The compiled standard library: the one shipped, else the one kept, else made now.

    ``compiler`` is the :func:`bamlvm.cache.fingerprint`, if the caller has it.
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
    from bamlvm.compiler.project import compile_standard

    sources = stdlib.sources()
    result = compile_standard(sources, optimize=optimize)
    if result.unit is None:
        raise CompileError(result.diagnostics, sources)
    cache.write(key, result.unit, ())
    return result.unit


def sources_of(source: str | os.PathLike[str] | Mapping[str, str]) -> dict[str, str]:
    """The sources by path of a program given as a path (a file or a folder), as a mapping of sources by file name, or
    as a source text (a string with a line break or a brace in it, or an empty one), which is called ``main.baml``.

    Raises :class:`HostError` for a path that is none.
    """
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, str) and (not source or "\n" in source or "{" in source):
        return {"main.baml": source}
    return read_sources(source)


def read_sources(path: str | os.PathLike[str]) -> dict[str, str]:
    """Every ``.baml`` file below a folder by its path from there, or the one file that ``path`` names.

    Raises :class:`HostError` if there is none or one cannot be read.
    """
    root = Path(path)
    if root.is_file():
        return {root.name: _read(root)}
    if not root.is_dir():
        raise HostError(f"{root}: no such file or folder")
    files = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(".baml"):
                file = Path(folder, name)
                files[file.relative_to(root).as_posix()] = _read(file)
    if not files:
        raise HostError(f"{root}: no .baml file in this folder")
    return files


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HostError(f"{file}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise HostError(f"{file}: {error.strerror}") from None
