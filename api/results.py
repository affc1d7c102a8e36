"""BAML values → Python values, and Python values → builtins.

A class value becomes a Struct, an enum value a Python enum's member, a list or map a *new* list or dict (the host may
keep and change it), media stay :class:`bamlvm.Media`.  A function, a handle or a type has no Python form: it becomes an
:class:`Opaque`, which can be looked at and given back to the same runtime, nothing else.
"""

from __future__ import annotations

import enum
from functools import partial
from typing import Any

import msgspec

from bamlvm.types import Types
from bamlvm.vm.values import Closure, EnumValue, Handle, Instance, Media, TypeValue
from bamlvm.walk import SCALARS, Leaf, Unfolded, all_scalars, rebuild


class Opaque:
    """A BAML value that has no Python form: a function, a resource handle, a type."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<opaque {self.value!r}>"


class Results:
    """Conversion of one program's values."""

    def __init__(self, types: Types) -> None:
        self._types = types

    def to_host(self, value: Any) -> Any:
        """A value as Python sees it.  Raises :class:`bamlvm.HostError` if it contains itself."""
        if type(value) in SCALARS:
            return value
        return rebuild(value, self._unfold)

    def _unfold(self, value: Any) -> Unfolded | Leaf:
        kind = type(value)
        if kind is list:
            return Leaf(list(value)) if all_scalars(value) else (value, _same)
        if kind is dict:
            keys = [self._key(key) for key in value]
            return value.values(), partial(_dict, keys)
        if kind is Instance:
            return value.fields, partial(_struct, self._types[value.cls.name], value.cls.field_names)
        if kind is EnumValue:
            return Leaf(self._types[value.enum](value.variant))
        return Leaf(value if kind is Media else Opaque(value))

    def _key(self, key: Any) -> Any:
        return self._types[key.enum](key.variant) if type(key) is EnumValue else key


def to_builtins(value: Any) -> Any:
    """A result as dicts, lists, strings, numbers, booleans and None.

    A Struct becomes a dict by its fields' names, an enum its variant's name, media a dict with ``url`` or ``base64``
    and ``mime``; what is opaque becomes its description.  Raises :class:`bamlvm.HostError` on a cycle.
    """
    return rebuild(value, _unfold_builtins)


def _unfold_builtins(value: Any) -> Unfolded | Leaf:
    if isinstance(value, (list, tuple)):
        return value, _same
    if isinstance(value, dict):
        return value.values(), partial(_dict, [_builtin_key(key) for key in value])
    if isinstance(value, Media):
        return Leaf({value.source: value.data, "mime": value.mime})
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return [getattr(value, name) for name in names], partial(_dict, names)
    if isinstance(value, enum.Enum):
        return Leaf(value.value)
    if isinstance(value, (str, int, float)):
        return Leaf(value)
    return Leaf(describe(value))


def describe(value: Any) -> str:
    """One line about a value that has no other form."""
    if isinstance(value, Opaque):
        value = value.value
    match value:
        case Closure():
            return f"<function {value.function.name}>"
        case Handle(kind):
            return f"<handle {kind}>"
        case TypeValue(type_):
            return str(type_)
        case _:
            return f"<{type(value).__name__}>"


def _builtin_key(key: Any) -> Any:
    return key.value if isinstance(key, enum.Enum) else key


def _same(parts: list[Any]) -> list[Any]:
    return parts


def _dict(keys: Any, parts: list[Any]) -> dict[Any, Any]:
    return dict(zip(keys, parts, strict=True))


def _struct(cls: Any, names: tuple[str, ...], parts: list[Any]) -> Any:
    return cls(**dict(zip(names, parts, strict=True)))
