"""The typed client package ``baml_client``: its files, and the folders that they are written to.

    __init__.py        ``b`` and ``b_async``, the types, ``configure``
    sync_client.py     a method for each function, ``b.stream``, ``b.parse``, ``b.request``
    async_client.py    the same for event loops
    types.py           classes as Structs, enums, aliases
    partial_types.py   the classes as they are while they stream
    _sources.py        the program's sources

The text depends only on the program, so generating twice writes the same files.  It passes type checkers in their
strict modes; a name that is reserved in Python is changed by :mod:`bamlvm.values.identifiers`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from bamlvm.errors import HostError
from bamlvm.tools.generate.client_module import client_module
from bamlvm.tools.generate.types_module import types_module
from bamlvm.vm.program.declarations import GeneratorInfo

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

PACKAGE: Final = "baml_client"
HEADER: Final = "# Written by `bamlvm generate` from the program's sources: changes will be lost.\n"
_PYTHON: Final = "python"


class Target(NamedTuple):
    """The folder of a client package, and whether its ``b`` is the asynchronous client."""

    folder: Path
    is_async: bool


def targets(runtime: Runtime, root: Path) -> list[Target]:
    """Return the packages that the program's generators of Python clients name; their paths are relative to ``root``.

    Raises :class:`HostError` for an unknown ``default_client_mode``.
    """
    found = []
    for generator in runtime.generators:
        properties = generator.properties
        if _language(generator) != _PYTHON:
            continue
        mode = properties.get("default_client_mode", "sync")
        if mode not in ("sync", "async"):
            raise HostError(f"generator {generator.name}: default_client_mode is sync or async, not {mode!r}")
        folder = root / Path(generator.file).parent / str(properties.get("output_dir", ".."))
        found.append(Target(package_folder(folder), mode == "async"))
    return found


def foreign(runtime: Runtime) -> list[str]:
    """Return the generators of clients in other languages, each with its language."""
    found = [(generator.name, _language(generator)) for generator in runtime.generators]
    return [f"{name} ({language})" for name, language in found if language != _PYTHON]


def _language(generator: GeneratorInfo) -> str:
    return str(generator.properties.get("output_type", _PYTHON)).partition("/")[0]


def package_folder(folder: Path) -> Path:
    """Return the package's folder in ``folder``, which may be that folder itself."""
    folder = Path(os.path.normpath(folder))
    return folder if folder.name == PACKAGE else folder / PACKAGE


def client_files(runtime: Runtime, sources: Mapping[str, str], *, is_async: bool = False) -> dict[str, str]:
    """Return the files of a client, by name."""
    texts = {
        "__init__.py": _package(is_async),
        "_sources.py": _project(sources),
        "async_client.py": client_module(runtime, is_async=True),
        "partial_types.py": types_module(runtime, is_partial=True),
        "sync_client.py": client_module(runtime, is_async=False),
        "types.py": types_module(runtime, is_partial=False),
    }
    return {name: HEADER + text for name, text in texts.items()} | {"py.typed": ""}


def stale(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Return the files in a package's folder that differ from what would be written: changed, missing, or written
    earlier and no longer part of it."""
    found = [folder / name for name, text in files.items() if _read(folder / name) != text]
    return found + [path for path in _written(folder) if path.name not in files]


def write(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write the files of a package that are stale; return those that were written or removed.

    Raises :class:`HostError`.
    """
    changed = stale(folder, files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in changed:
            if path.name in files:
                path.write_text(files[path.name], encoding="utf-8", newline="\n")
            else:
                path.unlink()
    except OSError as error:
        raise HostError(f"{error.filename or folder}: {error.strerror}") from None
    return changed


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _written(folder: Path) -> Iterator[Path]:
    """Yield the modules in a folder that were generated."""
    for path in sorted(folder.glob("*.py")):
        if (_read(path) or "").startswith(HEADER):
            yield path


# --- texts ------------------------------------------------------------------------------------------------------------


def _package(is_async: bool) -> str:
    other, this = ("sync", "async") if is_async else ("async", "sync")
    return f'''"""A typed client of a BAML program: ``from {PACKAGE} import b``."""

from . import partial_types, types
from ._sources import project as _project
from .{this}_client import b
from .{other}_client import b as b_{other}

b_{this} = b
configure = _project.configure

__all__ = ["b", "b_async", "b_sync", "configure", "partial_types", "types"]
'''


def _project(sources: Mapping[str, str]) -> str:
    entries = "".join(f"    {name!r}: {_literal(text)},\n" for name, text in sorted(sources.items()))
    return f'''"""The program: its sources by file name, compiled at the first call."""

from typing import Final

from bamlvm.client import Project

from . import partial_types, types

SOURCES: Final[dict[str, str]] = {{
{entries}}}

project: Final = Project(SOURCES, types, partial_types)
'''


def _literal(text: str) -> str:
    """Return a string as source, each of its lines on a line."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:
        return repr(text)
    return "(\n" + "".join(f"        {line!r}\n" for line in lines) + "    )"
