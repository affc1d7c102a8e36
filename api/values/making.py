"""Python classes made at run time: Structs and enums, which can be copied and pickled though they cannot be imported.

Where their values are unpickled they are of a class made for that: of the same names and ``__baml_name__``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import cache, lru_cache
from typing import Any, Self, get_args

import msgspec

from bamlvm.values.identifiers import host_names


class BamlEnum(enum.Enum):
    """Base of the enums made from a program."""

    def __str__(self) -> str:
        return str(self.value)


class BamlStruct(msgspec.Struct):
    """Base of the Structs made from a program.  Pydantic can validate and write them, and knows their JSON Schema."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from bamlvm.values.pydantic_schema import struct_schema  # it imports Pydantic, which is here then

        return struct_schema(cls, handler)


class _MadeEnum(BamlEnum):
    """Base of the enums made at run time."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        cls: Any = type(self)
        members = tuple((member.name, member.value) for member in cls)
        return _restored_member, (cls.__baml_name__, members, self.value)


def _reduce(self: Any) -> tuple[Any, ...]:
    names = self.__struct_fields__
    values = tuple(getattr(self, name) for name in names)
    return _restored_struct, (self.__baml_name__, self.__module__, names, self.__struct_encode_fields__, values)


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    return type(self)(**{name: deepcopy(getattr(self, name), memo) for name in self.__struct_fields__})


def _restored_struct(
    name: str, module: str, fields: tuple[str, ...], encoded: tuple[str, ...], values: tuple[Any, ...]
) -> Any:
    """Return an instance of a class of another process."""
    return _restored_class(name, module, fields, encoded)(**dict(zip(fields, values, strict=True)))


def _restored_member(name: str, members: tuple[tuple[str, str], ...], value: str) -> Any:
    """Return a member of an enum of another process."""
    return _restored_enum(name, members)(value)


def new_struct(name: str, module: str, fields: Sequence[Any], encoded: Sequence[str], doc: str = "") -> Any:
    """Make a Struct; ``fields`` are those of :func:`msgspec.defstruct`, ``encoded`` their BAML names."""
    namespace: dict[str, Any] = {"__baml_name__": name, "__reduce__": _reduce, "__deepcopy__": _deepcopy}
    if doc:
        namespace["__doc__"] = doc
    hosts = [field if isinstance(field, str) else field[0] for field in fields]
    renamed = {host: own for host, own in zip(hosts, encoded, strict=True) if host != own}
    return msgspec.defstruct(
        name.rpartition(".")[2],
        fields,
        bases=(BamlStruct,),
        namespace=namespace,
        module=module,
        kw_only=True,
        rename=renamed or None,
    )


def new_enum(name: str, members: Iterable[tuple[str, str]], doc: str = "") -> Any:
    """Make an enum of members by their Python names."""
    make: Any = _MadeEnum  # called as enum.Enum is, to make a class
    made = make(name.rpartition(".")[2], list(members), module="bamlvm.values.making")
    made.__baml_name__ = name
    if doc:
        made.__doc__ = doc
    return made


@lru_cache(1024)
def with_more_fields(made: Any, names: tuple[str, ...], annotations: tuple[Any, ...] = ()) -> Any:
    """Return the Struct of a ``@@dynamic`` class with fields that it does not declare: a subclass.

    The fields have any value, or those of ``annotations``.  A field that may be None need not be given.
    """
    hosts = [*host_names(names, made.__struct_fields__).values()]
    renamed = {host: own for host, own in zip(hosts, names, strict=True) if host != own}
    fields: list[Any] = [(host, Any) for host in hosts]
    if annotations:
        fields = [
            (host, annotation, None) if _takes_none(annotation) else (host, annotation)
            for host, annotation in zip(hosts, annotations, strict=True)
        ]
    return msgspec.defstruct(
        made.__name__,
        fields,
        bases=(made,),
        namespace={"__reduce__": _reduce, "__deepcopy__": _deepcopy},
        module=made.__module__,
        kw_only=True,
        rename=renamed or None,
    )


def _takes_none(annotation: Any) -> bool:
    return annotation is Any or annotation is None or type(None) in get_args(annotation)


_restored_class = cache(new_struct)
_restored_enum = cache(new_enum)
