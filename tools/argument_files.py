"""Arguments from texts and files: ``bamlvm run -a photo=@cat.png``, ``{ file "cat.png" }`` in a test, a cell of CSV.

The type of the parameter decides what a file is: an image, audio, pdf or video where it takes one, text where it takes
a string, JSON otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from bamlvm.build.inputs import read_input, read_text, shown
from bamlvm.errors import HostError
from bamlvm.sysops.regular_files import Roots
from bamlvm.vm.program.types import MEDIA, AliasType, Primitive, Type, UnionType
from bamlvm.vm.values import Media

_TEXT_TYPES: Final = ("string", "string?")


def file_argument(path: Path, type_: Type, aliases: Mapping[str, Type]) -> Any:
    """Return the value in a file for a parameter of this type.

    Raises :class:`bamlvm.HostError` for a file that cannot be read or is not text or JSON where it must be.
    """
    members = union_members(type_, aliases)
    kind = media_kind(members)
    if kind is not None:
        return media_file(kind, path)
    text = text_file(path)
    if takes_text(members):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise HostError(f"{shown(path)}: not JSON: {error}") from None


def text_argument(text: str, type_: Type) -> Any:
    """Return the value of a text for a parameter: itself for a ``string`` (or ``string?``), else as JSON.

    What is not JSON is text: an enum's variant, a string literal.
    """
    if str(type_) in _TEXT_TYPES:
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text


def union_members(type_: Type | None, aliases: Mapping[str, Type]) -> list[Type]:
    """Return the members of a union, with aliases resolved; any other type is its own only member."""
    found: list[Type] = []
    waiting = [type_] if type_ is not None else []
    seen: set[str] = set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, UnionType):
            waiting.extend(each.members)
        elif isinstance(each, AliasType):
            if each.name not in seen and each.name in aliases:
                seen.add(each.name)
                waiting.append(aliases[each.name])
        else:
            found.append(each)
    return found


def media_kind(members: list[Type]) -> str | None:
    """Return the kind of media among the members of a type, or None."""
    return next((each.name for each in members if isinstance(each, Primitive) and each.name in MEDIA), None)


def takes_text(members: list[Type]) -> bool:
    """Whether a string is among the members of a type."""
    return Primitive("string") in members


def media_file(kind: str, path: Path, media_type: str | None = None, roots: Roots | bool = True) -> Media:
    """Return a file below ``roots`` as media; its name gives the media type, unless that is known."""
    import base64  # neither is needed for a text

    from bamlvm.sysops.media_types import media_type_by_name

    content = read_input(path, roots=roots)
    media_type = media_type or media_type_by_name(path.name)
    return Media(kind, media_type, "base64", base64.b64encode(content).decode())


def text_file(path: Path, roots: Roots | bool = True) -> str:
    """Return the text of a file below ``roots`` in UTF-8, with its line breaks unchanged."""
    return read_text(path, roots=roots)
