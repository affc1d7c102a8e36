"""BAML values → Python values, and Python values → builtins.

A class value becomes a Struct, an enum value a Python enum's member, a list or map a *new* list or dict (the host may
keep and change it), media stay :class:`bamlvm.Media`.  A function, a handle or a type has no Python form: it becomes an
:class:`Opaque`, which can be looked at and given back to the same runtime, nothing else.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from bamlvm.sysops.constraints import Constraints, constraints_of
from bamlvm.sysops.scope import Services
from bamlvm.values.checked import Check, Checked, StreamState
from bamlvm.values.classes import PartialTypes, Types
from bamlvm.values.rebuild import SCALARS, Leaf, Unfolded, all_scalars, rebuild
from bamlvm.vm.program.declarations import FieldInfo, has_attribute
from bamlvm.vm.program.types import Attribute, AttributedType, ListType, MapType, Type, UnionType
from bamlvm.vm.values import Closure, EnumValue, Handle, Instance, LoadedClass, Media, TypeValue


class Opaque:
    """A BAML value that has no Python form: a function, a resource handle, a type."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<opaque {self.value!r}>"


class Results:
    """Conversion of one program's values."""

    def __init__(self, types: Types, partial_types: PartialTypes, services: Services) -> None:
        self._types = types
        self._partial_types = partial_types
        self._services = services
        self._marked: dict[str, _Marks | None] = {}

    def to_host(self, value: Any, type_: Type | None = None) -> Any:
        """A value as Python sees it.

        ``type_`` is the annotated type where that may have checks: its values come as :class:`bamlvm.Checked`, as do
        the fields with checks.  Raises :class:`bamlvm.HostError` if the value contains itself.
        """
        host = value if type(value) in SCALARS else rebuild(value, self._unfold)
        if type_ is not None and self.constraints.concern("check", type_):
            return self._checked(value, host, type_, True)
        return host

    def partial_to_host(self, value: Any, before: Any = None, host_before: Any = None) -> Any:
        """A partial value as Python sees it, of the partial types.

        ``before`` and ``host_before`` are the last partial of the same answer and what it became: what the two values
        share is converted once, so that a partial costs what has changed.
        """
        kind = type(value)
        if kind in SCALARS:
            return value
        if value is before:
            return host_before
        if kind is list:
            return self._partial_list(value, before, host_before)
        if kind is dict:
            return self._partial_dict(value, before, host_before)
        if kind is Instance:
            return self._partial_instance(value, before, host_before)
        return self.to_host(value)

    def _partial_list(self, value: list[Any], before: Any, host_before: Any) -> list[Any]:
        if type(before) is not list or not _goes_on(value, before):
            return [self.partial_to_host(each) for each in value]
        last = len(before) - 1
        host: list[Any] = host_before.copy()
        host[last] = self.partial_to_host(value[last], before[last], host_before[last])
        host += [self.partial_to_host(each) for each in value[last + 1 :]]
        return host

    def _partial_dict(self, value: dict[Any, Any], before: Any, host_before: Any) -> dict[Any, Any]:
        if type(before) is not dict or not _goes_on_by_key(value, before):
            return {self._key(key): self.partial_to_host(entry) for key, entry in value.items()}
        host: dict[Any, Any] = host_before.copy()
        fresh = [*islice(reversed(value.items()), len(value) - len(before) + 1)]
        for key, entry in reversed(fresh):
            host_key = self._key(key)
            host[host_key] = self.partial_to_host(entry, before.get(key), host.get(host_key))
        return host

    def _partial_instance(self, value: Instance, before: Any, host_before: Any) -> Any:
        name = value.cls.name
        if name == _STATE:
            held, state = value.fields
            old = before.fields[0] if type(before) is Instance and before.cls is value.cls else None
            return StreamState(self.partial_to_host(held, old, host_before.value if old is not None else None), state)
        marks = self._marks(value)
        made = self._partial_types[name]
        if made is self._types[name]:
            return self.to_host(value)
        if marks is not None and marks.checks and type(host_before) is Checked:
            host_before = host_before.value
        shared = type(before) is Instance and before.cls is value.cls and host_before is not None
        fields = []
        for place, field in enumerate(value.fields):
            if shared and field is before.fields[place]:
                fields.append(getattr(host_before, made.__struct_fields__[place]))
                continue
            if marks is not None and place in marks.done:
                host = self.to_host(field)
            elif shared and (marks is None or place not in marks.fields):
                old = getattr(host_before, made.__struct_fields__[place])
                host = self.partial_to_host(field, before.fields[place], old)
            else:
                host = self.partial_to_host(field)
            if marks is not None and place in marks.fields and field is not None:
                host = self._field_checked(field, host, marks.fields[place], place in marks.done)
            fields.append(host)
        struct = _struct(made, value.cls, fields)
        return Checked(struct, {}) if marks is not None and marks.checks else struct

    def _unfold(self, value: Any) -> Unfolded | Leaf:
        kind = type(value)
        if kind is list:
            return Leaf(list(value)) if all_scalars(value) else (value, _same)
        if kind is dict:
            keys = [self._key(key) for key in value]
            return value.values(), partial(_dict, keys)
        if kind is Instance:
            marks = self._marks(value)
            made = partial(_struct, self._types[value.cls.name], value.cls)
            return value.fields, made if marks is None else partial(self._marked_struct, value, marks, made)
        if kind is EnumValue:
            return Leaf(self._enum(value))
        return Leaf(value if kind is Media else Opaque(value))

    def _enum(self, value: EnumValue) -> Any:
        host = self._types[value.enum](value.variant)
        attributes = self._services.schema.enums[value.enum].attributes
        return self._outcomes(value, host, attributes) if attributes else host

    def _key(self, key: Any) -> Any:
        return self._types[key.enum](key.variant) if type(key) is EnumValue else key

    def _marked_struct(self, value: Instance, marks: _Marks, made: Callable[[list[Any]], Any], parts: list[Any]) -> Any:
        for place, field in marks.fields.items():
            parts[place] = self._field_checked(value.fields[place], parts[place], field, True)
        return self._outcomes(value, made(parts), value.cls.info.attributes) if marks.checks else made(parts)

    def _field_checked(self, value: Any, host: Any, field: FieldInfo, whole: bool) -> Any:
        """A field's value with what the checks in its type and on it say of it."""
        if field.annotated is not field.type:
            host = self._checked(value, host, field.annotated, whole)
        if not has_attribute(field.attributes, "check"):
            return host
        return self._outcomes(value, host, field.attributes, whole)

    def _checked(self, value: Any, host: Any, type_: Type, whole: bool) -> Any:
        """A value that has become ``host`` with the checks in its annotated type."""
        match type_:
            case AttributedType(item, attributes):
                inner = self._checked(value, host, item, whole)
                return self._outcomes(value, inner, attributes, whole) if has_attribute(attributes, "check") else inner
            case ListType(item) if type(value) is list:
                return [self._checked(each, one, item, whole) for each, one in zip(value, host, strict=True)]
            case MapType(_, entry) if type(value) is dict:
                hosts = zip(value.values(), host.items(), strict=True)
                return {key: self._checked(each, one, entry, whole) for each, (key, one) in hosts}
            case UnionType(parts):
                part = self.constraints.alternative(value, parts)
                return host if part is None else self._checked(value, host, part, whole)
            case _:
                return host

    def _outcomes(self, value: Any, host: Any, attributes: Iterable[Attribute], whole: bool = True) -> Any:
        """``host`` beside what the checks among ``attributes`` say; of a partial value only where it is complete."""
        if not has_attribute(attributes, "check"):
            return host
        if not whole and type(value) in _GROWING:
            return Checked(host, {})
        checks = {
            each.name: Check(each.name, each.expression, "succeeded" if each.holds else "failed")
            for each in self.constraints.outcomes(value, attributes)
        }
        return Checked(host, checks)

    def _marks(self, value: Instance) -> _Marks | None:
        """What must be looked at in the instances of a class beside their values."""
        name = value.cls.name
        if name not in self._marked:
            fields = {}
            done = set()
            for place, field in enumerate(value.cls.info.fields):
                annotated = field.annotated
                inside = annotated is not field.type and self.constraints.concern("check", annotated)
                if inside or has_attribute(field.attributes, "check"):
                    fields[place] = field
                if has_attribute(field.attributes, "stream.done"):
                    done.add(place)
            checks = has_attribute(value.cls.info.attributes, "check")
            self._marked[name] = _Marks(fields, frozenset(done), checks) if fields or done or checks else None
        return self._marked[name]

    @property
    def constraints(self) -> Constraints:
        """The program's constraints."""
        return constraints_of(self._services)


class _Marks(NamedTuple):
    """Of a class: the fields that may have checks, by place; those that partial values have whole; whether the class
    itself has checks."""

    fields: dict[int, FieldInfo]
    done: frozenset[int]
    checks: bool


class PartialResults:
    """The partial values of one call, each converted on the basis of the one before."""

    __slots__ = ("_before", "_host", "_results")

    def __init__(self, results: Results) -> None:
        self._results = results
        self._before: Any = None
        self._host: Any = None

    def to_host(self, value: Any) -> Any:
        """The next one."""
        self._host = self._results.partial_to_host(value, self._before, self._host)
        self._before = value
        return self._host


def _goes_on(value: list[Any], before: list[Any]) -> bool:
    """Whether a list has all items of the one before but its last, at least one.

    Only a parser's partial values share a list, map or instance with the one before, and what a parser has finished it
    keeps: one finished part in common tells of all before it.
    """
    last = len(before) - 1
    if last < 0 or last >= len(value):
        return False
    if last and before[last - 1] is value[last - 1] and type(value[last - 1]) in _CONTAINERS:
        return True
    return before[:last] == value[:last]


def _goes_on_by_key(value: dict[Any, Any], before: dict[Any, Any]) -> bool:
    """The same of the entries of maps."""
    more = len(value) - len(before)
    if not before or more < 0:
        return False
    known = next(islice(reversed(before.items()), 1, None), (None, None))
    now = next(islice(reversed(value.items()), more + 1, None), (None, None))
    if known[1] is now[1] and known[0] == now[0] and type(known[1]) in _CONTAINERS:
        return bool(next(reversed(before)) == next(islice(reversed(value), more, None)))
    last = len(before) - 1
    entries, others = [*before.items()], [*islice(value.items(), last + 1)]
    return entries[:last] == others[:last] and entries[last][0] == others[last][0]


_CONTAINERS = frozenset({list, dict, Instance})
_STATE = "baml.stream.State"
_GROWING = _CONTAINERS | {str}


def to_builtins(value: Any, *, checks: bool = True) -> Any:
    """A result as dicts, lists, strings, numbers, booleans and None.

    A Struct becomes a dict by its fields' BAML names, an enum its variant's name, media a dict with ``url`` or
    ``base64`` and ``mime``; what is opaque becomes its description.  A value with checks becomes a dict of both,
    without ``checks`` the value alone.  Raises :class:`bamlvm.HostError` on a cycle.
    """
    return rebuild(value, _unfold_builtins if checks else _unfold_values)


def _unfold_values(value: Any) -> Unfolded | Leaf:
    if isinstance(value, (Checked, StreamState)):
        return (value.value,), _only
    return _unfold_builtins(value)


def _only(parts: list[Any]) -> Any:
    return parts[0]


def _unfold_builtins(value: Any) -> Unfolded | Leaf:
    if isinstance(value, (list, tuple)):
        return value, _same
    if isinstance(value, dict):
        return value.values(), partial(_dict, [_builtin_key(key) for key in value])
    if isinstance(value, Media):
        return Leaf({value.source: value.data, "mime": value.mime})
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return [getattr(value, name) for name in names], partial(_dict, value.__struct_encode_fields__)
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


def _struct(made: Any, cls: LoadedClass, parts: list[Any]) -> Any:
    """A Struct of ``parts``, which are in the order of the class's fields."""
    hosts = made.__struct_fields__
    if made.__struct_encode_fields__ == cls.field_names:
        return made(**dict(zip(hosts, parts, strict=True)))
    by_name = dict(zip(made.__struct_encode_fields__, hosts, strict=True))
    return made(**{by_name[name]: part for name, part in zip(cls.field_names, parts, strict=True)})
