"""The arguments of a test, from its configuration to the Python values that a call takes.

The parameter's type decides what a block is: a class, a map, text (``{ file "a.txt" }``, a path relative to the file
of the test), or media: ``{ file "a.png" }``, ``{ url "…" }``, ``{ base64 "…" }``, each with a ``media_type`` (or
``mime``) where it cannot be derived.  ``env.X`` is looked up when the case runs.

A test is a part of the program: what the host denies the program, its tests have not either, and their files must lie
in the project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bamlvm.errors import HostError
from bamlvm.sysops.grants import reason_missing
from bamlvm.sysops.regular_files import Roots
from bamlvm.tools.argument_files import media_file, media_kind, takes_text, text_file, union_members
from bamlvm.vm.program.declarations import ConfigValue, referenced_environment
from bamlvm.vm.program.types import ClassType, ListType, MapType, Type
from bamlvm.vm.values import Media, Thrown

if TYPE_CHECKING:
    from bamlvm.context import CallContext
    from bamlvm.runtime import Runtime
    from bamlvm.test_case import Case

_SOURCES: Final = ("file", "url", "base64")
_T = TypeVar("_T")


def arguments(runtime: Runtime, case: Case, context: CallContext, folder: Path, project: str) -> dict[str, Any]:
    """Return the arguments of a case; files are relative to ``folder`` and must be below ``project``.

    Raises :class:`bamlvm.HostError` for a variable that the context's environment lacks, for files that cannot be read,
    and for types that do not fit the program.
    """
    types = {parameter.name: parameter.type for parameter in runtime.signature(case.function).parameters}
    reader = _ArgumentReader(runtime, context, folder, project)
    given = case.info.arguments
    if len(case.info.functions) > 1:  # they share one block of arguments: each takes its own
        given = {name: value for name, value in given.items() if name in types}
    return {name: reader.read(value, types.get(name), name) for name, value in given.items()}


class _ArgumentReader:
    """Converts configuration to Python values."""

    def __init__(self, runtime: Runtime, context: CallContext, folder: Path, project: str) -> None:
        self._fs = runtime.engine.services.grants.fs
        self._project = project
        self._schema = runtime.engine.borders.of(context.types).arguments.schema
        self._environment: Mapping[str, str] = runtime.engine.environment(context.env)
        self._folder = folder

    def read(self, value: ConfigValue, type_: Type | None, path: str) -> Any:
        """Convert a value for a parameter or a part of one, of this type (None: unknown); errors name ``path``."""
        parts = union_members(type_, self._schema.aliases)
        if isinstance(value, list):
            item = next((part.item for part in parts if isinstance(part, ListType)), None)
            return [self.read(each, item, f"{path}[{place}]") for place, each in enumerate(value)]
        if not isinstance(value, dict):
            return value
        variable = referenced_environment(value)
        if variable is not None:
            if variable not in self._environment:
                raise HostError(f"{path}: {reason_missing(self._environment, variable)}")
            return self._environment[variable]
        kind = media_kind(parts)
        if kind is not None and any(source in value for source in _SOURCES):
            return self._media(value, kind, path)
        if list(value) == ["file"] and takes_text(parts):
            return self._from_file(text_file, self.read(value["file"], None, f"{path}.file"), path)
        types: dict[str, Type] = {}
        anything: Type | None = None
        for part in parts:
            if isinstance(part, ClassType) and part.name in self._schema.classes:
                types |= {field.name: field.type for field in self._schema.classes[part.name].fields}
            elif isinstance(part, MapType):
                anything = part.value
        return {key: self.read(each, types.get(key, anything), f"{path}.{key}") for key, each in value.items()}

    def _media(self, value: dict[str, Any], kind: str, path: str) -> Media:
        given = {key: self.read(each, None, f"{path}.{key}") for key, each in value.items()}
        media_type = given.pop("mime", None)
        media_type = given.pop("media_type", media_type)
        if len(given) != 1 or not all(isinstance(each, str) for each in (*given.values(), media_type or "")):
            forms = '`file "…"`, `url "…"` or `base64 "…"`'
            raise HostError(f"{path}: expected {kind} as one of {forms}, with a `media_type` or without")
        ((source, data),) = given.items()
        if source == "url":
            return Media(kind, media_type, "url", data)
        if source == "base64":
            return Media(kind, media_type, "base64", data)
        return self._from_file(lambda file, roots: media_file(kind, file, media_type, roots), data, path)

    def _from_file(self, read: Callable[[Path, Roots], _T], name: Any, path: str) -> _T:
        if not isinstance(name, str):
            raise HostError(f"{path}: expected the name of a file, got {name!r}")
        if self._fs is False:
            raise HostError(f"{path}: the host denies the capability 'fs', so no file can be read")
        file = self._folder / name
        try:
            if isinstance(self._fs, Roots):
                self._fs.resolve(str(file))
            return read(file, Roots([self._project]))
        except Thrown as refused:
            raise HostError(f"{path}: {refused.fields['message']}") from None
        except (HostError, ValueError) as error:  # a NUL in the name is a ValueError
            raise HostError(f"{path}: {error}") from None
