"""List, map and object literals: typed by the expected type where there is one, else by their contents."""

from __future__ import annotations

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check.context import Checking, inferred
from bamlvm.compiler.types import joined_futures, substitute, unstated, widen
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import (
    NEVER,
    NULL,
    STRING,
    UNKNOWN,
    ClassType,
    EnumType,
    ListType,
    MapType,
    Type,
    VariableType,
    union,
)
from bamlvm.vm.program.types import members as alternatives


def _wanted(c: Checking, expected: Type | None, kind: type[ListType] | type[MapType]) -> Type | None:
    """Return the only list or map type among the expected alternatives, or None."""
    fitting = (
        [part for part in c.solver.alternatives(expected) if isinstance(part, kind)] if expected is not None else []
    )
    return fitting[0] if len(fitting) == 1 else None


def list_(c: Checking, node: hir.ListLiteral, expected: Type | None) -> tir.Expr:
    """Check a list; its items are typed by the expected list type, if there is only one."""
    wanted = _wanted(c, expected, ListType)
    item = wanted.item if isinstance(wanted, ListType) else None
    items: list[tir.Expr | tir.Spread] = []
    found: list[Type] = []
    for each in node.items:
        if isinstance(each, hir.Spread):
            value = c.expr(c, each.value, None)
            inner = c.solver.expand(value.type)
            if isinstance(inner, ListType):
                found.append(inner.item)
                if item is not None and not c.solver.assignable(inner.item, item):
                    c.report.error("E0001", each, f"expected items of `{item}`, found `{inner}`")
            elif inner not in (NEVER, hir.ERROR):
                c.report.error("E0001", each, f"`...` in a list takes a list, not `{inner}`")
            items.append(tir.Spread(each.start, each.end, value))
        else:
            checked = c.coerce(each, item) if item is not None else c.expr(c, each, None)
            found.append(_kept(checked))
            items.append(checked)
    if item is None:
        item = joined_futures(union(found)) if node.items else c.solver.fresh()
    return tir.ListLiteral(node.start, node.end, ListType(item), tuple(items))


def is_empty_map(c: Checking, expected: Type) -> bool:
    """Whether ``{}`` is a map: a map is expected, and null, the value of an empty block, is not."""
    return _wanted(c, expected, MapType) is not None and not c.solver.assignable(NULL, expected)


def _kept(node: tir.Expr) -> Type:
    """Return the item type of a list or map inferred from an item: function types in it do not fix what is thrown."""
    return unstated(inferred(node))


def map_(c: Checking, node: hir.MapLiteral, expected: Type | None) -> tir.Expr:
    """Check a map; like :func:`list_`."""
    wanted = _wanted(c, expected, MapType)
    key, value = (wanted.key, wanted.value) if isinstance(wanted, MapType) else (None, None)
    entries: list[tir.MapEntry | tir.Spread] = []
    keys: list[Type] = []
    values: list[Type] = []
    for each in node.entries:
        at = (each.start, each.end)
        if isinstance(each, hir.Spread):
            spread = c.expr(c, each.value, wanted)
            inner = c.solver.expand(spread.type)
            if isinstance(inner, MapType):
                keys.append(inner.key)
                values.append(inner.value)
                if wanted is not None:
                    c.require(spread, wanted, each)
            elif inner not in (NEVER, hir.ERROR):
                c.report.error("E0001", each, f"`...` in a map takes a map, not `{inner}`")
            entries.append(tir.Spread(*at, spread))
            continue
        checked_key = c.coerce(each.key, key) if key is not None else c.expr(c, each.key, None)
        if key is None and not all(
            part in (STRING, hir.ERROR) or isinstance(part, EnumType)
            for part in alternatives(widen(c.solver.resolve(checked_key.type)))
        ):
            c.report.error("E0001", each.key, f"a map's key is a string or an enum, not `{checked_key.type}`")
        checked = c.coerce(each.value, value) if value is not None else c.expr(c, each.value, None)
        keys.append(inferred(checked_key))
        values.append(_kept(checked))
        entries.append(tir.MapEntry(*at, checked_key, checked))
    if key is None or value is None:
        key = union(keys) if keys else STRING
        value = joined_futures(union(values)) if values else c.solver.fresh()
    return tir.MapLiteral(node.start, node.end, MapType(key, value), tuple(entries))


def object_(c: Checking, node: hir.ObjectLiteral, expected: Type | None) -> tir.Expr:
    """Check an object; report E0007 for fields that its class does not have, E0001 for missing ones.

    What is expected, else its fields decide the type parameters of a class that has some.
    """
    info = c.symbols.class_(node.class_name)
    assert info is not None
    bound: dict[str, Type] = {}
    if info.type_parameters and expected is not None:
        parts_of = [part for part in c.solver.alternatives(expected) if isinstance(part, ClassType)]
        wanted = [part for part in parts_of if part.name == info.name]
        if len(wanted) == 1:
            bound = dict(zip(info.type_parameters, wanted[0].arguments, strict=True))
    own = ClassType(node.class_name, tuple(bound.get(name, UNKNOWN) for name in info.type_parameters))
    places = {each.name: index for index, each in enumerate(info.fields)}
    parts: list[tir.FieldInit | tir.Spread] = []
    given: set[str] = set()
    spread = False
    for each in node.fields:
        at = (each.start, each.end)
        if isinstance(each, hir.Spread):
            parts.append(tir.Spread(*at, c.coerce(each.value, own, f" (spread into `{info.name}`)")))
            spread = True
        elif each.name not in places:
            c.miss(each.start, each.name, ClassType(info.name))
            hint = did_you_mean(each.name, places)
            c.report.error(
                "E0007",
                (each.start, each.start + len(each.name)),
                f"`{info.name}` has no field `{each.name}`",
                hint=hint,
            )
            c.expr(c, each.value, None)
        else:
            c.refer(each.start, "member", info.name, each.name)
            if each.name in given and not spread:
                c.report.error("E0012", each, f"the field `{each.name}` is given twice")
            given.add(each.name)
            type_ = info.fields[places[each.name]].type
            if isinstance(type_, VariableType) and type_.name in info.type_parameters and type_.name not in bound:
                value = c.expr(c, each.value, None)
                bound[type_.name] = inferred(value)
            else:
                value = c.coerce(each.value, substitute(type_, bound), f" for the field `{each.name}`")
            parts.append(tir.FieldInit(*at, places[each.name], value))
    if not spread:
        missing = [f.name for f in info.fields if f.name not in given and not c.solver.assignable(NULL, f.type)]
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            c.report.error(
                "E0001", node, f"`{info.name}` is missing {names}", hint="set every field that is not optional"
            )
    own = ClassType(node.class_name, tuple(bound.get(name, UNKNOWN) for name in info.type_parameters))
    return tir.New(node.start, node.end, own, info.name, len(info.fields), tuple(parts))
