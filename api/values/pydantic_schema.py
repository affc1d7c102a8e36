"""Structs in Pydantic: as fields of models, in ``TypeAdapter``, in FastAPI's requests and responses.

A Struct is validated from an instance, which is taken as it is, or from an object with its fields' BAML names; it is
written as such an object, and so is its JSON Schema.  Pydantic makes all three from a *twin*: a ``TypedDict`` of the
fields' types, which it can name, reuse and follow into itself, as it could not a schema that we wrote out.

This module imports Pydantic, and is imported when Pydantic asks a class for its schema.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, NotRequired, Union, get_args, get_origin

import msgspec
from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema
from typing_extensions import TypedDict  # which Pydantic asks for before Python 3.12

_OWN_HOOK: Final = "__get_pydantic_core_schema__"


def struct_schema(struct: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    """Return Pydantic's schema of a Struct, which may have type arguments."""
    cls = get_origin(struct) or struct
    hosts = dict(zip(cls.__struct_encode_fields__, cls.__struct_fields__, strict=True))
    fields = handler.generate_schema(_twin(struct))

    def validate(value: Any, read: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, cls):
            return value
        return cls(**{hosts[name]: field for name, field in read(value).items()})

    validate.__qualname__ = cls.__name__  # which errors about unions show
    written = core_schema.plain_serializer_function_ser_schema(functools.partial(_read, hosts), return_schema=fields)
    return core_schema.no_info_wrap_validator_function(validate, fields, serialization=written)


def _read(hosts: Mapping[str, str], value: Any) -> Any:
    if not isinstance(value, msgspec.Struct):  # as of a model that was made without validation
        return value
    return {name: getattr(value, host) for name, host in hosts.items()}


@functools.cache
def _twin(struct: Any) -> Any:
    """Return the ``TypedDict`` of a Struct; a field that has a default may be left out.

    A class that was made at run time knows its own name in its fields only when it has been made.
    """
    cls = get_origin(struct) or struct
    fields = {}
    known: dict[str, Any] = getattr(cls, "__baml_annotations__", dict)()
    for field in msgspec.structs.fields(struct):
        annotation = _understood(known.get(field.encode_name, field.type))
        fields[field.encode_name] = annotation if field.required else NotRequired[annotation]
    make: Any = TypedDict  # with a name that is not known to type checkers
    twin = make(cls.__name__, fields)
    twin.__module__ = cls.__module__
    if "__doc__" in vars(cls):
        twin.__doc__ = cls.__doc__
    return twin


class _Hook:
    """Gives a Struct that has no hook of its own its schema, inside ``Annotated``."""

    def __init__(self, struct: Any) -> None:
        self._struct = struct

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return struct_schema(self._struct, handler)


def _understood(annotation: Any) -> Any:
    """Return an annotation in which Pydantic understands every Struct."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None:
        is_struct = isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)
        return (
            Annotated[annotation, _Hook(annotation)] if is_struct and not hasattr(annotation, _OWN_HOOK) else annotation
        )
    if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        return Annotated[annotation, _Hook(annotation)]
    if origin is Union or origin is types.UnionType:
        return functools.reduce(operator.or_, map(_understood, arguments))
    if origin in (list, dict):
        return origin[tuple(map(_understood, arguments))]
    return annotation
