"""The Python classes that BAML classes become, whatever library makes them: msgspec Structs or Pydantic models.

A class of either kind has its BAML name in ``__baml_name__``.  A field's BAML name is the field's own, unless the class
says otherwise: a Struct by ``rename``, a model by the field's alias.  Pydantic is never imported here: a model is
recognised by its attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec


class HostClass(NamedTuple):
    """A Python class: its fields' names in Python (``hosts``) and in BAML (``names``), in the same order.

    ``new(**fields)`` makes an instance of fields that are known to fit.
    """

    made: Any
    hosts: tuple[str, ...]
    names: tuple[str, ...]
    new: Callable[..., Any]


def host_class(made: Any) -> HostClass:
    """Describe a Struct or a Pydantic model."""
    models = getattr(made, "__pydantic_fields__", None)
    if models is None:
        return HostClass(made, made.__struct_fields__, made.__struct_encode_fields__, made)
    names = tuple(field.alias or name for name, field in models.items())
    begun_empty = frozenset(name for name, field in models.items() if field.default_factory is not None)
    new = made.model_construct
    return HostClass(made, tuple(models), names, partial(_without_nulls, new, begun_empty) if begun_empty else new)


def _without_nulls(new: Callable[..., Any], names: frozenset[str], **fields: Any) -> Any:
    """Make an instance whose fields of these names keep their default where they would be None."""
    return new(**{name: value for name, value in fields.items() if value is not None or name not in names})


def fields_of(value: Any) -> dict[str, Any] | None:
    """Return the fields of a Struct or of a Pydantic model by their BAML names; None for any other value."""
    if isinstance(value, msgspec.Struct):
        return {
            name: getattr(value, host)
            for host, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        }
    models = getattr(type(value), "__pydantic_fields__", None)
    if models is None:
        return None
    own = {field.alias or name: getattr(value, name) for name, field in models.items()}
    return own | (value.__pydantic_extra__ or {})
