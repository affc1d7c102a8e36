"""The sources of a project: every ``.baml`` file below a folder, one file, or a mapping of names to texts.

Rule: what other tools keep in a project is not part of the program: hidden folders, ``node_modules`` and virtual
environments are skipped, as is what is no regular file.  Links to folders are not followed.  Whatever else cannot be
read is an error, and never a program without it: a folder that cannot be listed, a link that leads nowhere.

The name of a source stands in diagnostics, traces and generated code, so it must be text without control characters.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from bamlvm.build.inputs import read_text, shown, unusable
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

    Line breaks are ``\\n`` in the texts, whatever they are in the files.  Raises :class:`bamlvm.HostError` if there is
    no such file, or one cannot be read.
    """
    root = os.fspath(path)
    if not os.path.isdir(root):
        if not os.path.lexists(root):
            raise HostError(f"{shown(root)}: no such file or folder")
        return {checked_name(os.path.basename(root), root): _read(root)}
    beginning = len(os.path.join(root, ""))
    files = {}
    for file in baml_files(root):
        try:
            files[file[beginning:].replace(os.sep, "/")] = _read(file)
        except HostError:
            if os.path.lexists(file):
                raise  # otherwise it has been deleted since the folder was listed
    if not files:
        raise HostError(f"{shown(root)}: no .baml file in this folder")
    return files


def baml_files(folder: SourcePath, failed: Callable[[HostError], None] | None = None) -> Iterator[str]:
    """Yield the paths of the ``.baml`` files below a folder, folder by folder in the order of their names.

    Calls ``failed`` with each error about a folder, a link or a name that cannot be followed, and goes on; without it
    raises the error.
    """
    root = os.fspath(folder)
    beginning = len(os.path.join(root, ""))
    waiting = [root]
    while waiting:  # not recursively: a tree may be deeper than Python's stack
        inner = waiting.pop()
        folders: list[str] = []
        files: list[str] = []
        try:
            with os.scandir(inner) as entries:
                for entry in entries:
                    name = entry.name
                    if name == "pyvenv.cfg":  # a virtual environment, whatever it is called
                        folders.clear()
                        files.clear()
                        break
                    if entry.is_dir(follow_symlinks=False):
                        if not name.startswith(".") and name != "node_modules":
                            folders.append(name)
                    elif name.endswith(".baml") and _is_file(entry, failed):
                        files.append(name)
        except FileNotFoundError as error:
            if inner == root:
                _fail(failed, unusable(inner, error))
            continue  # deleted since the folder around it was listed
        except OSError as error:
            _fail(failed, unusable(inner, error))
            continue
        for name in sorted(files):
            path = os.path.join(inner, name)
            try:
                checked_name(path[beginning:], path)
            except HostError as error:
                _fail(failed, error)
            else:
                yield path
        waiting += [os.path.join(inner, name) for name in sorted(folders, reverse=True)]


def _is_file(entry: os.DirEntry[str], failed: Callable[[HostError], None] | None) -> bool:
    """Whether an entry is a regular file, or a link to one."""
    try:
        if entry.is_file() or not entry.is_symlink() or entry.name.startswith("."):  # an editor's lock is a hidden link
            return entry.is_file()
        if os.path.exists(entry.path):  # a folder, a device
            return False
        reason = f"a symbolic link to {shown(os.readlink(entry.path))}, where nothing is"
        _fail(failed, HostError(f"{shown(entry.path)}: {reason}"))
    except OSError as error:  # links that lead to each other
        if not entry.name.startswith("."):
            _fail(failed, unusable(entry.path, error))
    return False


def _fail(failed: Callable[[HostError], None] | None, error: HostError) -> None:
    if failed is None:
        raise error
    failed(error)


def checked_name(name: str, path: str) -> str:
    """Return the name of the source at ``path``.  Raise :class:`bamlvm.HostError` if no source can be called so."""
    if not name.isprintable() and shown(name) != name:
        raise HostError(f"{shown(path)}: a source's name must be UTF-8 text without control characters; rename it")
    return name


def _read(path: str) -> str:
    return read_text(path).replace("\r\n", "\n").replace("\r", "\n")
