"""A declared type to the plan by which answers are read.

:func:`plan_of` refuses what no answer can be read as (media, functions, handles, ``unknown``), naming where it stands
in the type.  Every class, alias and list is planned once, so that recursive types are plans that refer to themselves.
What is in a class, list or map is planned after it, from a queue: a long chain of types takes no stack.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from bamlvm.sysops.parsing.base import Plan
from bamlvm.sysops.parsing.classes import STATE_CLASS, ClassPlan
from bamlvm.sysops.parsing.lists import ListPlan
from bamlvm.sysops.parsing.maps import MapPlan
from bamlvm.sysops.parsing.names import named_values
from bamlvm.sysops.parsing.scalars import BoolPlan, ChoicePlan, FloatPlan, IntPlan, NullPlan, StringPlan
from bamlvm.sysops.parsing.unions import UnionPlan
from bamlvm.sysops.schema import Schema
from bamlvm.vm.program.declarations import ClassInfo, FieldInfo, attribute_text, has_attribute
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    AliasType,
    AttributedType,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Type,
    UnionType,
    VariantType,
    bare,
    render,
)
from bamlvm.vm.values import Instance, LoadedClass, Thrown

PlanT = TypeVar("PlanT", bound=Plan)
Path: TypeAlias = "tuple[Path, str] | None"
"""Where a part stands in a type: what it is in, and the step from there."""

_PRIMITIVES: Final[Mapping[Type, Callable[[], Plan]]] = {
    STRING: StringPlan,
    INT: IntPlan,
    FLOAT: FloatPlan,
    BOOL: BoolPlan,
    NULL: NullPlan,
}


def plan_of(type_: Type, schema: Schema, eager: bool = True) -> Plan:
    """The plan of a return type; ``eager``: its unions choose as early as they can (:mod:`.unions`).

    Raises :class:`Thrown` (``InvalidArgument``, naming the part of the type) where no answer can be read as it.
    """
    planner = _Planner(schema, type_, eager)
    return planner.finished(planner.plan(type_, None))


def wrapping_plan(type_: Type, schema: Schema, key: str, eager: bool = True) -> Plan:
    """The plan of an object that has a value of the type under ``key``; otherwise as :func:`plan_of`."""
    planner = _Planner(schema, type_, eager)
    wrapper = LoadedClass(ClassInfo(f"{render(bare(type_))} under {key!r}", (FieldInfo(key, type_),)))
    made = ClassPlan(wrapper, [key])
    made.name(key, 0)
    made.plans.append(planner.plan(type_, None))
    planner.made.append(made)
    return planner.finished(made)


class _Planner:
    def __init__(self, schema: Schema, root: Type, eager: bool) -> None:
        self._eager = eager
        self.made: list[Plan] = []
        self._schema = schema
        self._root = root
        self._plans: dict[Type, Plan] = {}
        self._open: deque[Callable[[], None]] = deque()  # what plans the insides of the plans that were made

    def finished(self, plan: Plan) -> Plan:
        """Return a plan that was made, when all others have been."""
        while self._open:
            self._open.popleft()()
        while any([made.refine() for made in reversed(self.made)]):  # noqa: C419  # all, in every pass, from the inside
            pass
        plan.may_be_hasty = self._eager and any(isinstance(made, UnionPlan) and made.may_choose() for made in self.made)
        return plan

    def plan(self, type_: Type, path: Path) -> Plan:
        type_ = self._stands_for(type_)
        found = self._plans.get(type_)
        if found is not None:
            return found
        primitive = _PRIMITIVES.get(type_)
        if primitive is not None:
            return self._keep(type_, primitive())
        match type_:
            case LiteralType() | EnumType() | VariantType():
                return self._keep(type_, self._choice([type_]))
            case ListType(item):
                made = self._keep(type_, ListPlan())
                made.item_done = self._is_marked(item, "stream.done")
                self._open.append(partial(self._item, made, item, path))
                return made
            case MapType(key, value):
                mapping = self._keep(type_, MapPlan())
                mapping.key = self._key(key, path)
                self._open.append(partial(self._entry, mapping, value, path))
                return mapping
            case UnionType():
                return self._union(type_, path)
            case ClassType(name, ()) if not name.startswith("baml."):
                return self._class(type_, path)
            case _:
                where = f" ({_rendered(path)})" if path else ""
                message = (
                    f"an LLM function cannot return {render(self._root)}: "
                    f"no answer can be read as {render(type_)}{where}"
                )
                raise Thrown("baml.errors.InvalidArgument", {"message": message})

    def _item(self, made: ListPlan, item: Type, path: Path) -> None:
        made.item = self.plan(item, (path, "[]"))

    def _entry(self, made: MapPlan, value: Type, path: Path) -> None:
        made.value = self.plan(value, (path, "{}"))

    def _keep(self, type_: Type, plan: PlanT) -> PlanT:
        self._plans[type_] = plan
        self.made.append(plan)
        return plan

    def _stands_for(self, type_: Type) -> Type:
        """A type without the names and attributes around it."""
        while True:
            if isinstance(type_, AliasType):
                type_ = self._alias(type_)
            elif isinstance(type_, AttributedType):
                type_ = type_.item
            else:
                return type_

    def _alias(self, type_: AliasType) -> Type:
        found: Type = self._schema.annotated_aliases[type_.name]
        return found

    def _is_marked(self, type_: Type, name: str) -> bool:
        """Whether an attribute stands on a type, or on the alias that it is."""
        while isinstance(type_, (AliasType, AttributedType)):
            if isinstance(type_, AliasType):
                type_ = self._alias(type_)
            elif has_attribute(type_.attributes, name):
                return True
            else:
                type_ = type_.item
        return False

    def _union(self, type_: UnionType, path: Path) -> Plan:
        made: UnionPlan = self._keep(type_, UnionPlan(self._eager))
        named: list[Type] = []
        others: list[Type] = []
        for member in self._flat(type_):
            (named if isinstance(member, (LiteralType, EnumType, VariantType)) else others).append(member)
        members = [self.plan(member, path) for member in others]
        made.members = [self._keep(UnionType(tuple(named)), self._choice(named)), *members] if named else members
        return made

    def _flat(self, type_: Type) -> list[Type]:
        """A union's members, those of unions behind aliases among them."""
        found: dict[Type, None] = {}
        seen: set[str] = set()
        open_ = [type_]
        while open_:
            part = open_.pop()
            if isinstance(part, AliasType):
                if part.name not in seen:
                    seen.add(part.name)
                    open_.append(self._alias(part))
            elif isinstance(part, AttributedType):
                open_.append(part.item)
            elif isinstance(part, UnionType):
                open_.extend(reversed(part.members))
            else:
                found[part] = None
        return list(found)

    def _key(self, key: Type, path: Path) -> ChoicePlan | None:
        parts = self._flat(key)
        if STRING in parts:
            return None
        return self._choice(parts)

    def _choice(self, types: list[Type]) -> ChoicePlan:
        return ChoicePlan([named for type_ in types for named in named_values(type_, self._schema)])

    def _class(self, type_: ClassType, path: Path) -> Plan:
        info = self._schema.classes[type_.name]
        cls = self._schema.new_instance(type_.name, {}).cls
        made: ClassPlan = self._keep(type_, ClassPlan(cls, [field.name for field in info.fields]))
        made.all_done = has_attribute(info.attributes, "stream.done")
        not_null: list[int] = []
        for place, field in enumerate(info.fields):
            alias = attribute_text(field.attributes, "alias")
            if alias:
                made.name(alias, place)
            marks = [
                name
                for name in ("stream.done", "stream.not_null", "stream.with_state")
                if has_attribute(field.attributes, name) or self._is_marked(field.annotated, name)
            ]
            made.done |= ("stream.done" in marks) << place
            if "stream.not_null" in marks:
                not_null.append(place)
            if "stream.with_state" in marks:
                made.states[place] = self._state
        for place, field in enumerate(info.fields):
            made.name(field.name, place)
        made.not_null = tuple(not_null)
        self._open.append(partial(self._fields, made, info, path))
        return made

    def _fields(self, made: ClassPlan, info: ClassInfo, path: Path) -> None:
        for place, field in enumerate(info.fields):
            if (default := next((each for each in field.attributes if each.name == "default"), None)) is not None:
                made.given.append((place, self._value(default.arguments[0], field.type)))
            made.plans.append(self.plan(field.annotated, (path, f".{field.name}")))

    def _value(self, given: Any, type_: Type) -> Any:
        """Return a default, which only types made at run time have, as a value of the field's type."""
        for part in self._flat(type_):
            if isinstance(part, EnumType) and any(
                given == each.name for each in self._schema.enums[part.name].variants
            ):
                return self._schema.enum_value(part.name, given)
        return float(given) if type(given) is int and INT not in self._flat(type_) else given

    def _state(self, value: Any, name: str) -> Instance:
        return self._schema.new_instance(STATE_CLASS, {"value": value, "state": name})


def _rendered(path: Path) -> str:
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(step)
    return "".join(reversed(steps)).lstrip(".")
