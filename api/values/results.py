"""BAML values → Python values, and Python values → builtins.

An instance becomes a Struct, an enum value a Python enum's member, a list or map a *new* list or dict (the host may
keep and change it); media stay :class:`bamlvm.Media`.  A function, a handle or a type has no Python form: it becomes an
:class:`Opaque`, which can be printed and passed to the same runtime again, and nothing else.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, Self

from bamlvm.errors import HostError
from bamlvm.sysops.constraints import Constraints
from bamlvm.sysops.services import Readers
from bamlvm.values.checked import WRAPPERS
from bamlvm.values.classes import PartialTypes, Types
from bamlvm.values.host_classes import HostClass, fields_of
from bamlvm.values.rebuild import Leaf, Unfolded, all_scalars, rebuild, rebuilding
from bamlvm.vm.builtins import SCALARS, description
from bamlvm.vm.program.declarations import ClassInfo, FieldInfo, has_attribute
from bamlvm.vm.program.types import Attribute, AttributedType, ListType, MapType, Type, UnionType
from bamlvm.vm.values import EnumValue, Future, Instance, Media
from bamlvm.vm.work import PIECE, Work, finish


class Opaque:
    """A BAML value that has no Python form: a function, a resource handle, a type."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<opaque {self.value!r}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:  # another process gets a line about the value, as builtins have it
        return str, (description(self.value),)


class Results:
    """The conversion of one program's values; :mod:`bamlvm.values.partials` has that of partial values."""

    def __init__(self, types: Types, partial_types: PartialTypes, readers: Readers) -> None:
        self.types = types
        self.partial_types = partial_types
        self._readers = readers
        self._marked: dict[str, Marks | None] = {}

    def to_host(self, value: Any, type_: Type | None = None) -> Any:
        """Return a value's Python form.

        ``type_`` is the annotated type where that may have checks: its values become :class:`bamlvm.Checked`, as the
        fields with checks do.  Raises :class:`bamlvm.HostError` if the value contains itself.
        """
        return finish(self.converting(value, type_))

    def converting(self, value: Any, type_: Type | None = None) -> Work[Any]:
        """Return the same, in pieces."""
        host = value if type(value) in SCALARS else (yield from rebuilding(value, self.unfold))
        if type_ is not None and self.constraints.concern("check", type_):
            return (yield from self._with_checks(value, host, type_, True))
        return host

    def unfold(self, value: Any) -> Unfolded | Leaf | Work[Unfolded | Leaf]:
        """Return a container's parts, or the Python form of a value that is none (:mod:`bamlvm.values.rebuild`)."""
        kind = type(value)
        if kind is list:
            if len(value) > PIECE:
                return _long_list(value)
            return Leaf(list(value)) if all_scalars(value) else (value, _parts)
        if kind is dict:
            if len(value) > PIECE:
                return self._long_map(value)
            keys = [self.key(key) for key in value]
            return value.values(), partial(_dict, keys)
        if kind is Instance:
            marks = self.marks(value)
            made = partial(new_object, self.types.form(value.cls))
            return value.fields, made if marks is None else partial(self._marked_struct, value, marks, made)
        if kind is EnumValue:
            return Leaf(self._enum(value))
        if kind is Future:
            raise HostError("a future belongs to the call that has spawned it: `await` it, and return its value")
        return Leaf(value if kind is Media else Opaque(value))

    def _long_map(self, value: dict[Any, Any]) -> Work[Unfolded | Leaf]:
        keys: list[Any] = []
        given = iter(value)
        while piece := [self.key(key) for key in islice(given, PIECE)]:
            keys += piece
            yield None
        return value.values(), partial(_long_dict, keys)

    def _enum(self, value: EnumValue) -> Any:
        host = self.types.variant(value)
        attributes = self._readers.schema.enums[value.enum].attributes
        return self._with_outcomes(value, host, attributes) if attributes else host

    def key(self, key: Any) -> Any:
        """Return the Python form of a map's key."""
        return self.types.variant(key) if type(key) is EnumValue else key

    def _marked_struct(
        self, value: Instance, marks: Marks, made: Callable[[list[Any]], Any], parts: list[Any]
    ) -> Work[Any]:
        for place, field in marks.fields.items():
            parts[place] = yield from self.with_field_checks(value.fields[place], parts[place], field, True)
        return self._with_outcomes(value, made(parts), value.cls.info.attributes) if marks.checks else made(parts)

    def with_field_checks(self, value: Any, host: Any, field: FieldInfo, whole: bool) -> Work[Any]:
        """Return ``host``, the Python form of a field's value, inside the outcomes of the checks in its type and on it.

        A value that is not ``whole``, inside a partial value, may still grow.
        """
        if field.annotated is not field.type:
            host = yield from self._with_checks(value, host, field.annotated, whole)
        if not has_attribute(field.attributes, "check"):
            return host
        return self._with_outcomes(value, host, field.attributes, whole)

    def _with_checks(self, value: Any, host: Any, type_: Type, whole: bool) -> Work[Any]:
        """Return ``host``, the Python form of a value, with every part inside the outcomes of its checks in a type."""
        match type_:
            case AttributedType(item, attributes):
                host = yield from self._with_checks(value, host, item, whole)
                yield None
                return self._with_outcomes(value, host, attributes, whole)
            case ListType(item) if type(value) is list:
                items = []
                for place, (each, one) in enumerate(zip(value, host, strict=True)):
                    if place % PIECE == PIECE - 1:
                        yield None
                    items.append((yield from self._with_checks(each, one, item, whole)))
                return items
            case MapType(_, entry) if type(value) is dict:
                entries = {}
                for place, (each, (key, one)) in enumerate(zip(value.values(), host.items(), strict=True)):
                    if place % PIECE == PIECE - 1:
                        yield None
                    entries[key] = yield from self._with_checks(each, one, entry, whole)
                return entries
            case UnionType(parts):
                part = self.constraints.alternative(value, parts)
                return host if part is None else (yield from self._with_checks(value, host, part, whole))
            case _:
                return host

    def _with_outcomes(self, value: Any, host: Any, attributes: Iterable[Attribute], whole: bool = True) -> Any:
        """Return ``host`` inside the outcomes of the checks among ``attributes``; none yet of what may still grow."""
        if not has_attribute(attributes, "check"):
            return host
        wrappers = self.types.wrappers
        if not whole and type(value) in _GROWING:
            return wrappers.checked(host, {})
        checks = {
            each.name: wrappers.check(each.name, each.expression, "succeeded" if each.holds else "failed")
            for each in self.constraints.outcomes(value, attributes)
        }
        return wrappers.checked(host, checks)

    def marks(self, value: Instance) -> Marks | None:
        """Return the marks of an instance's class, None if it has none."""
        info = value.cls.info
        if self._readers.schema.classes.get(info.name) is not info:  # of a @@dynamic class, with other fields
            return self._find_marks(info)
        if info.name not in self._marked:
            self._marked[info.name] = self._find_marks(info)
        return self._marked[info.name]

    def _find_marks(self, info: ClassInfo) -> Marks | None:
        fields = {}
        done = set()
        for place, field in enumerate(info.fields):
            annotated = field.annotated
            inside = annotated is not field.type and self.constraints.concern("check", annotated)
            if inside or has_attribute(field.attributes, "check"):
                fields[place] = field
            if has_attribute(field.attributes, "stream.done"):
                done.add(place)
        checks = has_attribute(info.attributes, "check")
        return Marks(fields, frozenset(done), checks) if fields or done or checks else None

    @property
    def constraints(self) -> Constraints:
        """The constraints of the program."""
        return self._readers.constraints


_GROWING: Final = frozenset({list, dict, Instance, str})
"""The types of values that may grow while an answer arrives."""


class Marks(NamedTuple):
    """The attributes of a class that concern conversion.

    ``fields`` are those that may have checks, by place; ``done`` the places of those that a partial value has only as a
    whole; ``checks`` says whether the class itself has checks.
    """

    fields: dict[int, FieldInfo]
    done: frozenset[int]
    checks: bool


def to_builtins(value: Any, *, checks: bool = True) -> Any:
    """Return a result as dicts, lists, strings, numbers, booleans and None.

    A Struct becomes a dict by its fields' BAML names, an enum its variant's name, media a dict with ``url`` or
    ``base64`` and ``media_type``, an opaque value its description.  A value with checks becomes a dict of both, or
    the value alone if ``checks`` is False.  Raises :class:`bamlvm.HostError` if the value contains itself.
    """
    return rebuild(value, _unfold_builtins if checks else _unfold_values)


def building(value: Any) -> Work[Any]:
    """Return the same with checks, in pieces."""
    return rebuilding(value, _unfold_builtins)


def _unfold_values(value: Any) -> Unfolded | Leaf:
    if type(value) in WRAPPERS:
        return (value.value,), _only
    return _unfold_builtins(value)


def _only(parts: list[Any]) -> Any:
    return parts[0]


def _unfold_builtins(value: Any) -> Unfolded | Leaf:
    if isinstance(value, (list, tuple)):
        return value, _parts
    if isinstance(value, dict):
        make = _dict if len(value) <= PIECE else _long_dict
        return value.values(), partial(make, [_builtin_key(key) for key in value])
    if isinstance(value, Media):
        return Leaf({value.source: value.data, "media_type": value.mime})
    fields = fields_of(value)
    if fields is not None:
        return fields.values(), partial(_dict, list(fields))
    if isinstance(value, enum.Enum):
        return Leaf(value.value)
    if isinstance(value, (str, int, float)):
        return Leaf(value)
    if type(value).__name__ == "Decimal":  # an amount of money in a record
        return Leaf(str(value))
    return Leaf(description(value.value if isinstance(value, Opaque) else value))


def _builtin_key(key: Any) -> Any:
    return key.value if isinstance(key, enum.Enum) else key


def _long_list(value: list[Any]) -> Work[Unfolded | Leaf]:
    copied: list[Any] = []
    for place in range(0, len(value), PIECE):
        piece = value[place : place + PIECE]
        if not all_scalars(piece):
            return value, _parts
        copied += piece
        yield None
    return Leaf(copied)


def _parts(parts: list[Any]) -> list[Any]:
    return parts


def _dict(keys: Any, parts: list[Any]) -> dict[Any, Any]:
    return dict(zip(keys, parts, strict=True))


def _long_dict(keys: list[Any], parts: list[Any]) -> Work[dict[Any, Any]]:
    made: dict[Any, Any] = {}
    for place in range(0, len(keys), PIECE):
        made.update(zip(keys[place : place + PIECE], parts[place : place + PIECE], strict=True))
        yield None
    return made


def new_object(host: HostClass, parts: list[Any]) -> Any:
    """Return an instance of a Python class; ``parts`` are in the order of its fields."""
    return host.new(**dict(zip(host.hosts, parts, strict=True)))
