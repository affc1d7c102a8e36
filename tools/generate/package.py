"""The files of what a program's generators ask for, and those that are out of date.  A Python package:

    __init__.py        ``b`` and ``b_async``, the types, ``configure``
    sync_client.py     a method for each function, ``b.stream``, ``b.parse``, ``b.request``
    async_client.py    the same for event loops
    types.py           classes as Structs, enums, aliases
    type_builder.py    ``TypeBuilder`` with the program's classes and enums
    partial_types.py   the classes as they are while they stream
    _sources.py        the program's sources

The text depends only on the program, so generating twice writes the same files.  It passes type checkers in their
strict modes; a name that is reserved in Python is changed by :mod:`bamlvm.values.identifiers`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bamlvm.build.inputs import read_text, unusable
from bamlvm.errors import HostError
from bamlvm.sysops.replacing import folders_made, replace_files
from bamlvm.tools.generate.builder_module import builder_module
from bamlvm.tools.generate.client_module import client_module
from bamlvm.tools.generate.compat_module import compat_module
from bamlvm.tools.generate.models_module import models_module
from bamlvm.tools.generate.openapi_document import openapi_document
from bamlvm.tools.generate.targets import PACKAGE, Target
from bamlvm.tools.generate.types_module import types_module
from bamlvm.tools.generate.typescript_module import HEADER as TYPESCRIPT_HEADER
from bamlvm.tools.generate.typescript_module import typescript_files
from bamlvm.tools.generate.yaml_text import yaml_text

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

HEADER: Final = "# Written by `bamlvm generate` from the program's sources: changes will be lost.\n"


def target_files(runtime: Runtime, sources: Mapping[str, str], targets: Iterable[Target]) -> dict[Path, dict[str, str]]:
    """Return the files that targets ask for, by folder and name.

    Raises :class:`HostError` if two of them ask for different files of one name.
    """
    found: dict[Path, dict[str, str]] = {}
    for target in targets:
        files = found.setdefault(target.folder, {})
        for name, text in _target_files(runtime, sources, target).items():
            if files.setdefault(name, text) != text:
                raise HostError(f"two generators write {target.folder / name}: give one of them another output_dir")
    return found


def _target_files(runtime: Runtime, sources: Mapping[str, str], target: Target) -> dict[str, str]:
    match target.output:
        case "openapi" | "rest/openapi" as output:
            document = openapi_document(runtime)
            if output == "openapi":
                return {"openapi.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"}
            return {"openapi.yaml": HEADER + yaml_text(document)}
        case "typescript":
            return typescript_files(runtime, has_extensions=target.has_extensions)
        case output:
            return client_files(
                runtime,
                sources,
                is_async=target.is_async,
                has_models=output == "python/pydantic",
                beside=target.sources,
            )


def client_files(
    runtime: Runtime,
    sources: Mapping[str, str],
    *,
    is_async: bool = False,
    has_models: bool = False,
    beside: str | None = None,
) -> dict[str, str]:
    """Return the files of a client, by name; ``beside`` is where the sources are, as seen from its folder."""
    make = _compat_texts if has_models else _texts
    texts = make(runtime, sources, is_async, "" if beside is None else f", at=(__file__, {beside!r})")
    return {name: HEADER + text for name, text in texts.items()} | {"py.typed": ""}


def _texts(runtime: Runtime, sources: Mapping[str, str], is_async: bool, place: str) -> dict[str, str]:
    return {
        "__init__.py": _package(is_async),
        "_sources.py": _project(sources, place),
        "async_client.py": client_module(runtime, is_async=True),
        "partial_types.py": types_module(runtime, is_partial=True),
        "sync_client.py": client_module(runtime, is_async=False),
        "type_builder.py": builder_module(runtime, has_models=False),
        "types.py": types_module(runtime, is_partial=False),
    }


def _compat_texts(runtime: Runtime, sources: Mapping[str, str], is_async: bool, place: str) -> dict[str, str]:
    return {
        "__init__.py": _COMPAT_PACKAGE.format(mode="async" if is_async else "sync"),
        "async_client.py": compat_module(runtime, is_async=True),
        "config.py": _COMPAT_CONFIG,
        "globals.py": _COMPAT_GLOBALS.format(place=place),
        "inlinedbaml.py": _COMPAT_SOURCES.format(entries=_entries(sources)),
        "partial_types.py": _COMPAT_PARTIAL_TYPES,
        "stream_types.py": models_module(runtime, is_partial=True),
        "sync_client.py": compat_module(runtime, is_async=False),
        "tracing.py": _COMPAT_TRACING,
        "type_builder.py": builder_module(runtime, has_models=True),
        "types.py": models_module(runtime, is_partial=False),
    }


def stale(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Return the files in a package's folder that differ from what would be written: changed, missing, or written
    earlier and no longer part of it."""
    found = [folder / name for name, text in files.items() if _read(folder / name) != text]
    return found + [path for path in _written(folder) if path.name not in files]


def write(packages: Mapping[Path, Mapping[str, str]]) -> list[Path]:
    """Write the files of packages, by their folders, that are stale; return those that were written or removed.

    Raises :class:`HostError` if one cannot be written; all are then as they were.
    """
    texts: dict[str, str] = {}
    removed: list[str] = []
    for folder, files in packages.items():
        for path in stale(folder, files):
            if path.name in files:
                texts[str(path)] = files[path.name]
            else:
                removed.append(str(path))
    try:
        with folders_made(map(str, packages)):
            replace_files(texts, removed)
    except OSError as error:
        raise unusable(error.filename, error) from None
    return [Path(path) for path in (*texts, *removed)]


def _read(path: Path) -> str | None:
    try:
        return read_text(path)
    except HostError:
        return None


def _written(folder: Path) -> Iterator[Path]:
    """Yield the modules in a folder that were generated."""
    for path in sorted(folder.glob("*")):
        header = {".py": HEADER, ".ts": TYPESCRIPT_HEADER}.get(path.suffix)
        if header is not None and (_read(path) or "").startswith(header):
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


def _project(sources: Mapping[str, str], place: str) -> str:
    return f'''"""The program: its sources by file name, compiled at the first call."""

from typing import Final

from bamlvm.client import Project

from . import partial_types, types

SOURCES: Final[dict[str, str]] = {{
{_entries(sources)}}}

project: Final = Project(SOURCES, types, partial_types{place})
'''


def _entries(sources: Mapping[str, str]) -> str:
    return "".join(f"    {name!r}: {_literal(text)},\n" for name, text in sorted(sources.items()))


def _literal(text: str) -> str:
    """Return a string as source, each of its lines on a line."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:
        return repr(text)
    return "(\n" + "".join(f"        {line!r}\n" for line in lines) + "    )"


_COMPAT_PACKAGE: Final = '''"""A typed client of a BAML program: ``from baml_client import b``."""

from . import config, stream_types, tracing, types
from .config import reset_baml_env_vars
from .globals import configure
from .{mode}_client import b

partial_types = stream_types

__all__ = [
    "b",
    "config",
    "configure",
    "partial_types",
    "reset_baml_env_vars",
    "stream_types",
    "tracing",
    "types",
]
'''

_COMPAT_CONFIG: Final = '''"""The log level of the program."""

from bamlvm.compat.config import get_log_level, reset_baml_env_vars, set_log_level

__all__ = ["get_log_level", "reset_baml_env_vars", "set_log_level"]
'''

_COMPAT_GLOBALS: Final = '''"""The program, compiled at the first call."""

from typing import Final

from bamlvm.client import Project
from bamlvm.compat.models import MODELS

from . import stream_types, types
from .inlinedbaml import get_baml_files

project: Final = Project(get_baml_files(), types, stream_types, MODELS{place})
configure = project.configure
'''

_COMPAT_SOURCES: Final = '''"""The program's sources by file name."""

from typing import Final

_FILES: Final[dict[str, str]] = {{
{entries}}}


def get_baml_files() -> dict[str, str]:
    """Return the program's sources by file name."""
    return _FILES
'''

_COMPAT_PARTIAL_TYPES: Final = '''"""Another name of ``stream_types``."""

from .stream_types import *  # noqa: F403
'''

_COMPAT_TRACING: Final = '''"""Names for code that traces; records of calls come from collectors and OpenTelemetry."""

from bamlvm.compat.tracing import flush, on_log_event, set_tags, trace

__all__ = ["flush", "on_log_event", "set_tags", "trace"]
'''
