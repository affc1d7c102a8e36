"""The sources of a project: every ``.baml`` file below a folder, one file, or a mapping of names to texts.

Rule: what other tools keep in a project is not part of the program: hidden folders, ``node_modules`` and virtual
environments are skipped, as is what is no regular file (a pipe would block).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from bamlvm.errors import HostError

SourcePath: TypeAlias = str | os.PathLike[str]
"""The path of a ``.baml`` file or of a folder of such files."""

Source: TypeAlias = SourcePath | Mapping[str, str]
"""A program: a path, sources by file name, or a source text (a string with a line break or a brace in it, or an empty
one)."""


def sources_of(source: Source) -> dict[str, str]:
    """Return the sources of a program by path; a source text is called ``main.baml``.

    Raises :class:`bamlvm.HostError` for a path without sources.
    """
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, str) and (not source or "\n" in source or "{" in source):
        return {"main.baml": source}
    return read_sources(source)


def read_sources(path: SourcePath) -> dict[str, str]:
    """Return every ``.baml`` file below a folder by its path from there, or the one file that ``path`` names.

    Raises :class:`bamlvm.HostError` if there is no such file, or one cannot be read.
    """
    root = Path(path)
    if root.is_file():
        return {root.name: _read(root)}
    if not root.is_dir():
        raise HostError(f"{root}: no such file or folder")
    files = {file.relative_to(root).as_posix(): _read(file) for file in map(Path, baml_files(root))}
    if not files:
        raise HostError(f"{root}: no .baml file in this folder")
    return files


def baml_files(folder: SourcePath) -> Iterator[str]:
    """Yield the paths of the ``.baml`` files below a folder, folder by folder in the order of their names."""
    for inner, folders, names in os.walk(folder):
        if "pyvenv.cfg" in names:  # a virtual environment, whatever it is called
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        for name in sorted(names):
            if name.endswith(".baml") and os.path.isfile(path := os.path.join(inner, name)):
                yield path


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HostError(f"{file}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise HostError(f"{file}: {error.strerror}") from None
