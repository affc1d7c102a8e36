"""The Python classes that BAML classes become, whatever library makes them: msgspec Structs or Pydantic models.

A class of either kind has its BAML name in ``__baml_name__``.  A field's BAML name is the field's own, unless the class
says otherwise: a Struct by ``rename``, a model by the field's alias.  Pydantic is never imported here: a model is
recognised by its attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec


class HostClass(NamedTuple):
    """A Python class: its fields' names in Python (``hosts``) and in BAML (``names``), in the same order.

    ``new(**fields)`` makes an instance of fields that are known to fit, ``read(instance, host)`` returns a field.
    """

    made: Any
    hosts: tuple[str, ...]
    names: tuple[str, ...]
    new: Callable[..., Any]
    read: Callable[[Any, str], Any] = getattr


def host_class(made: Any) -> HostClass:
    """Describe a Struct or a Pydantic model."""
    models = getattr(made, "__pydantic_fields__", None)
    if models is None:
        return HostClass(made, made.__struct_fields__, made.__struct_encode_fields__, made)
    names = tuple(field.alias or name for name, field in models.items())
    begun_empty = {name: field.default_factory for name, field in models.items() if field.default_factory is not None}
    new = made.model_construct
    return HostClass(made, tuple(models), names, partial(_begun, new, begun_empty) if begun_empty else new)


def with_fields(described: HostClass, more: Mapping[str, Callable[[], Any] | None]) -> HostClass:
    """Describe a Pydantic model of the same class with fields that it does not declare, by their BAML names.

    A field that is None where it has not begun has no function here, any other the one that makes it.
    """
    hosts = {name: f"extra {name}" for name in more}  # no field of the model's own is called so
    empty = {hosts[name]: make for name, make in more.items() if make is not None}
    new = partial(_with_extra, described.new, {host: name for name, host in hosts.items()})
    if empty:
        new = partial(_begun, new, empty)
    return HostClass(
        described.made, (*described.hosts, *hosts.values()), (*described.names, *more), new, _attribute_or_extra
    )


def plain_dict(fields: Mapping[str, Callable[[], Any] | None]) -> HostClass:
    """Describe values that are dicts by their fields' BAML names; functions as :func:`with_fields` takes them."""
    names = tuple(fields)
    hosts = tuple(f"extra {name}" for name in names)
    empty = {host: make for host, make in zip(hosts, fields.values(), strict=True) if make is not None}
    new: Callable[..., Any] = _dict_of
    return HostClass(dict, hosts, names, partial(_begun, new, empty) if empty else new, _entry)


def _begun(new: Callable[..., Any], empty: Mapping[str, Callable[[], Any]], **fields: Any) -> Any:
    """Make an instance whose fields of these names are empty where they would be None."""
    return new(**{name: empty[name]() if value is None and name in empty else value for name, value in fields.items()})


def _with_extra(new: Callable[..., Any], names: Mapping[str, str], **fields: Any) -> Any:
    extra = {names[host]: fields.pop(host) for host in names if host in fields}
    made = new(**fields)
    made.__pydantic_extra__ = (made.__pydantic_extra__ or {}) | extra
    made.__pydantic_fields_set__.update(extra)
    return made


def _attribute_or_extra(instance: Any, host: str) -> Any:
    return instance.__pydantic_extra__[host[_EXTRA:]] if host.startswith("extra ") else getattr(instance, host)


def _dict_of(**fields: Any) -> dict[str, Any]:
    return {host[_EXTRA:]: value for host, value in fields.items()}


def _entry(instance: dict[str, Any], host: str) -> Any:
    return instance[host[_EXTRA:]]


_EXTRA: Final = len("extra ")


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
