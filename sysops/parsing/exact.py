"""Whole answers that are JSON of exactly the declared shape: decoded at the speed of C, and built without a search.

:func:`exact_value` gives None for anything else: another key, a missing field that has no default, an int for a float
in a union, a key twice.  Such an answer is read by the scanner, which gives the same value where both give one.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Collection
from math import isfinite
from operator import itemgetter
from typing import Any, Final, TypeAlias

import msgspec

from bamlvm.sysops.parsing.base import Plan
from bamlvm.sysops.parsing.classes import ClassPlan
from bamlvm.sysops.parsing.lists import ListPlan
from bamlvm.sysops.parsing.maps import MapPlan
from bamlvm.sysops.parsing.raw import RawContainer, RawScalar
from bamlvm.sysops.parsing.scalars import BoolPlan, ChoicePlan, FloatPlan, IntPlan, NullPlan, StringPlan
from bamlvm.sysops.parsing.unions import UnionPlan
from bamlvm.vm.values import Instance, in_i64

Build: TypeAlias = Callable[[Any], Any]
"""A decoded value to a BAML value.  Raises :class:`Inexact`."""

_FENCED: Final = re.compile(r"```(?:json)?[ \t]*\r?\n(.*)\n[ \t]*```", re.DOTALL)
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")  # JSON decoders pair them or leave them alone
_SPACED: Final = ('" :', '"\n:', '"\t:', '"\r:')


class Inexact(Exception):  # noqa: N818 (no error: the scanner reads it then)
    """Not of exactly the declared shape."""


class ExactReader:
    """Reads exact answers of one type."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._local = threading.local()
        self._decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)

    def value(self, content: str) -> tuple[Any] | None:
        """The value of an answer, in a tuple; None if it is not an exact one."""
        text = content.strip()
        if text.startswith("```"):
            fenced = _FENCED.fullmatch(text)
            if fenced is None:
                return None
            text = fenced[1].strip()
        if text[:1] not in ("{", "[") or ("\\u" in text and _SURROGATE.search(text)):
            return None
        builder: _Builder | None = getattr(self._local, "builder", None)
        if builder is None:
            builder = self._local.builder = _Builder(self._plan)
        try:
            builder.keys[0] = 0
            value = builder.build(msgspec.json.decode(text))
            # A key that came twice was counted once.  Where other places look like keys, too, a slower decoder tells.
            if builder.keys[0] != text.count('":') or any(spaced in text for spaced in _SPACED):
                value = builder.build(self._decoder.decode(text))
            return (value,)
        except (Inexact, ValueError, RecursionError):
            return None


def raw_of(decoded: Any) -> Any:
    """A decoded value as the text would have it that it was decoded from."""
    kind = decoded.__class__
    if kind is str:
        return RawScalar(decoded, True)
    if kind is not dict and kind is not list:
        return RawScalar(json.dumps(decoded), False)
    raw = RawContainer(kind is dict)
    if kind is dict:
        raw.keys = list(decoded)
        decoded = decoded.values()
    raw.parts = [raw_of(part) for part in decoded]
    return raw


class _Builder:
    """What builds the values of one type, in one thread: ``keys[0]`` counts the keys of the objects it has seen."""

    def __init__(self, plan: Plan) -> None:
        self.keys = [0]
        self._builds: dict[Plan, Build] = {}
        self.build = self._of(plan)

    def _of(self, plan: Plan) -> Build:
        """What builds a plan's values; a plan inside itself calls through the table."""
        found = self._builds.get(plan)
        if found is not None:
            return found
        self._builds[plan] = lambda raw: self._builds[plan](raw)
        built = self._builds[plan] = self._make(plan)
        return built

    def _make(self, plan: Plan) -> Build:
        match plan:
            case StringPlan():
                return _string
            case IntPlan():
                return _int
            case FloatPlan():
                return _float
            case BoolPlan():
                return _bool
            case NullPlan():
                return _null
            case ChoicePlan():
                return _choice(plan)
            case ListPlan():
                return _list(self._of(plan.item), plan.item)
            case MapPlan():
                return _map(plan, self._of(plan.value), self.keys)
            case ClassPlan():
                return _class(plan, [self._of(each) for each in plan.plans], self.keys)
            case UnionPlan():
                return self._union(plan)
            case _:
                return _refuse

    def _union(self, plan: UnionPlan) -> Build:
        members = plan.members
        builds = {member: self._of(member) for member in members}
        by_kind: dict[type, Build] = {}
        if plan.nullable:
            by_kind[type(None)] = _null
        for member in members:
            if isinstance(member, StringPlan) and plan.grows:
                by_kind[str] = _string
            elif isinstance(member, ChoicePlan):
                by_kind[str] = builds[member]
            elif isinstance(member, (IntPlan, FloatPlan, BoolPlan)) and len(members) - plan.nullable == 1:
                by_kind = {**dict.fromkeys((int, float, bool), builds[member]), **by_kind}
            elif isinstance(member, IntPlan):
                by_kind[int] = _int
            elif isinstance(member, FloatPlan):
                by_kind[float] = _float
            elif isinstance(member, BoolPlan):
                by_kind[bool] = _bool
        objects = plan.openable(True)
        if len(objects) == 1 and objects[0].__class__ in (ClassPlan, MapPlan):
            by_kind[dict] = builds[objects[0]]
        elif objects and plan.is_told:
            by_kind[dict] = lambda raw: builds[_told(plan, raw)](raw)
        lists = plan.openable(False)
        if len(lists) == 1 and isinstance(lists[0], ListPlan):
            by_kind[list] = builds[lists[0]]

        plain = {kind for kind, made in by_kind.items() if made in (_string, _bool, _null)}

        def build(raw: Any) -> Any:
            kind = raw.__class__
            if kind in plain:
                return raw
            found = by_kind.get(kind)
            if found is None:
                raise Inexact
            return found(raw)

        return build


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Inexact
    return made


def _refuse(raw: Any) -> Any:
    raise Inexact


def _string(raw: Any) -> Any:
    if raw.__class__ is not str:
        raise Inexact
    return raw


def _int(raw: Any) -> Any:
    if raw.__class__ is not int or not in_i64(raw):
        raise Inexact
    return raw


def _float(raw: Any) -> Any:
    kind = raw.__class__
    if kind is int and -(1 << 53) <= raw <= 1 << 53:
        return float(raw)
    if kind is not float or raw - raw != 0:  # infinite
        raise Inexact
    return raw


def _bool(raw: Any) -> Any:
    if raw.__class__ is not bool:
        raise Inexact
    return raw


def _null(raw: Any) -> Any:
    if raw is not None:
        raise Inexact
    return raw


def _kind(plan: Plan) -> type | None:
    """The type whose decoded values are the plan's values as they are."""
    return str if type(plan) is StringPlan else bool if type(plan) is BoolPlan else None


def _test(plan: Plan) -> Callable[[Collection[Any]], bool]:
    """Tells of several decoded values at once whether all are the plan's values as they are."""
    kind = _kind(plan)
    only = {kind}
    if kind is not None:
        return lambda values: only.issuperset(map(type, values))
    if type(plan) is IntPlan:
        return lambda values: (
            {int}.issuperset(map(type, values)) and (not values or (in_i64(min(values)) and in_i64(max(values))))
        )
    if type(plan) is FloatPlan:
        return lambda values: {float}.issuperset(map(type, values)) and isfinite(sum(values))
    return lambda values: False


def _choice(plan: ChoicePlan) -> Build:
    texts = {text: value for (text, quoted), value in plan.exact.items() if quoted}

    def build(raw: Any) -> Any:
        try:
            return texts[raw]
        except (KeyError, TypeError):
            raise Inexact from None

    return build


def _list(item: Build, plan: Plan) -> Build:
    as_they_are = _test(plan)

    def build(raw: Any) -> Any:
        if raw.__class__ is not list:
            raise Inexact
        return raw if as_they_are(raw) else [item(each) for each in raw]

    return build


def _map(plan: MapPlan, value: Build, keys: list[int]) -> Build:
    key = None if plan.key is None else _choice(plan.key)
    as_they_are = _test(plan.value)

    def build(raw: Any) -> Any:
        if raw.__class__ is not dict:
            raise Inexact
        keys[0] += len(raw)
        if key is None:
            if as_they_are(raw.values()):
                return raw
            return {name: value(each) for name, each in raw.items()}
        made = {key(name): value(each) for name, each in raw.items()}
        if len(made) != len(raw):
            raise Inexact
        return made

    return build


def _class(plan: ClassPlan, builds: list[Build], counted: list[int]) -> Build:
    cls = plan.cls
    size = plan.size
    names: dict[int, str] = {}
    for key, place in plan.places.items():
        names.setdefault(place, key)
    if len(names) != size:  # two fields are called the same
        return _refuse
    keys = [names[place] for place in range(size)]
    fields_of: Callable[[Any], Any] = itemgetter(*keys) if size > 1 else dict  # of one it would give no tuple
    plain = [(place, kind) for place in range(size) if (kind := _kind(plan.plans[place])) is not None]
    rest = [(place, builds[place]) for place in range(size) if _kind(plan.plans[place]) is None]
    good: set[tuple[type, ...]] = set()  # the types of fields that were found to do

    def build(raw: Any) -> Any:
        if raw.__class__ is not dict:
            raise Inexact
        if len(raw) != size:
            return partly(raw)
        counted[0] += size
        try:
            values = fields_of(raw)
        except KeyError:
            raise Inexact from None
        types = tuple(map(type, values))
        if types not in good:
            if any(types[place] is not kind for place, kind in plain):
                raise Inexact
            good.add(types)
        fields = list(values)
        for place, item in rest:
            fields[place] = item(fields[place])
        return Instance(cls, fields)

    def partly(raw: Any) -> Any:
        """Of an object in which fields are missing, or of few fields."""
        if raw.__class__ is not dict:
            raise Inexact
        counted[0] += len(raw)
        fields: list[Any] = [None] * size
        seen = 0
        for place, key in enumerate(keys):
            if key in raw:
                seen += 1
                fields[place] = builds[place](raw[key])
            else:
                default = plan.defaults[place]
                if default is None:
                    raise Inexact
                fields[place] = default()
        if seen != len(raw):
            raise Inexact
        return Instance(cls, fields)

    return build if size > 1 else partly


def _told(plan: UnionPlan, raw: dict[str, Any]) -> Plan:
    for key, value in raw.items():
        if value.__class__ is str:
            member = plan.told_by(key, RawScalar(value, True))
            if member is not None:
                return member
    raise Inexact
