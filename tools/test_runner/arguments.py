"""The arguments of a test, from its configuration to the Python values that a call takes.

A block is a class, a map, or media: ``{ file "a.png" }`` (a path relative to the file of the test), ``{ url "…" }``,
``{ base64 "…" }``, each with a ``media_type`` where it cannot be derived.  The parameter's type decides.  ``env.X`` is
looked up when the case runs.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bamlvm.errors import HostError
from bamlvm.vm.program.declarations import ConfigValue, referenced_environment
from bamlvm.vm.program.types import MEDIA, AliasType, ClassType, ListType, MapType, Primitive, Type, UnionType
from bamlvm.vm.values import Media

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.test_case import Case

_SOURCES: Final = ("file", "url", "base64")
_MEDIA_TYPES: Final = {  # those that some systems' tables lack, or name otherwise than providers do
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".webp": "image/webp",
}


def arguments(runtime: Runtime, case: Case, environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Return the arguments of a case; media files are relative to ``folder``.

    Raises :class:`bamlvm.HostError` for a variable that ``environment`` lacks and for media that cannot be read.
    """
    types = {parameter.name: parameter.type for parameter in runtime.signature(case.function).parameters}
    reader = _ArgumentReader(runtime, environment, folder)
    given = case.info.arguments
    if len(case.info.functions) > 1:  # they share one block of arguments: each takes its own
        given = {name: value for name, value in given.items() if name in types}
    return {name: reader.read(value, types.get(name), name) for name, value in given.items()}


class _ArgumentReader:
    """Converts configuration to Python values."""

    def __init__(self, runtime: Runtime, environment: Mapping[str, str], folder: Path) -> None:
        self._program = runtime.engine.program
        self._environment = environment
        self._folder = folder

    def read(self, value: ConfigValue, type_: Type | None, path: str) -> Any:
        """Convert a value for a parameter or a part of one, of this type (None: unknown); errors name ``path``."""
        parts = self._parts(type_)
        if isinstance(value, list):
            item = next((part.item for part in parts if isinstance(part, ListType)), None)
            return [self.read(each, item, f"{path}[{place}]") for place, each in enumerate(value)]
        if not isinstance(value, dict):
            return value
        variable = referenced_environment(value)
        if variable is not None:
            if variable not in self._environment:
                raise HostError(f"{path}: the environment has no variable {variable}")
            return self._environment[variable]
        kind = next((part.name for part in parts if isinstance(part, Primitive) and part.name in MEDIA), None)
        if kind is not None and any(source in value for source in _SOURCES):
            return self._media(value, kind, path)
        types: dict[str, Type] = {}
        anything: Type | None = None
        for part in parts:
            if isinstance(part, ClassType) and part.name in self._program.classes:
                types |= {field.name: field.type for field in self._program.classes[part.name].fields}
            elif isinstance(part, MapType):
                anything = part.value
        return {key: self.read(each, types.get(key, anything), f"{path}.{key}") for key, each in value.items()}

    def _parts(self, type_: Type | None) -> list[Type]:
        """Return the members of a union, with aliases resolved; any other type is its own only member."""
        found: list[Type] = []
        waiting = [type_] if type_ is not None else []
        seen: set[str] = set()
        while waiting:
            each = waiting.pop()
            if isinstance(each, UnionType):
                waiting.extend(each.members)
            elif isinstance(each, AliasType):
                if each.name not in seen and each.name in self._program.aliases:
                    seen.add(each.name)
                    waiting.append(self._program.aliases[each.name])
            else:
                found.append(each)
        return found

    def _media(self, value: dict[str, Any], kind: str, path: str) -> Media:
        given = {key: self.read(each, None, f"{path}.{key}") for key, each in value.items()}
        mime = given.pop("media_type", None)
        if len(given) != 1 or not all(isinstance(each, str) for each in (*given.values(), mime or "")):
            forms = '`file "…"`, `url "…"` or `base64 "…"`'
            raise HostError(f"{path}: expected {kind} as one of {forms}, with a `media_type` or without")
        ((source, data),) = given.items()
        if source == "url":
            return Media(kind, mime, "url", data)
        if source == "base64":
            return Media(kind, mime, "base64", data)
        file = self._folder / data
        try:
            content = file.read_bytes()
        except OSError as error:
            raise HostError(f"{path}: {file}: {error.strerror}") from None
        mime = mime or _MEDIA_TYPES.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0]
        return Media(kind, mime, "base64", base64.b64encode(content).decode())
