"""Lowering of match and catch arms: a jump table where every arm is told by one key, else tests in order.

A key is an integer or a string itself, an enum value's discriminant, or a value's type tag.  Tests take the cheapest
instruction that the scrutinee's static type allows, and an arm that is certain to fit is not tested at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bamlvm.compiler import hir, mir, tir
from bamlvm.compiler.lower.builder import Builder
from bamlvm.compiler.types import widen
from bamlvm.vm.program.types import BOOL, FLOAT, INT, NULL, STRING, ClassType, EnumType, Primitive, Type, members

_FEWEST_KEYS = 3
"""Below this many keys, tests in order are as fast as a table."""


class _Keys(NamedTuple):
    """How to make a key of the scrutinee (an opcode, or nothing), and each arm's keys; None for the arm that takes
    all."""

    opcode: str | None
    arms: tuple[tuple[int | str, ...] | None, ...]
    order: _Order


class _Order(NamedTuple):
    """Which arm is the first for a key, for all other values, and after a guard that refused; by their places.  An arm
    that is nobody's is never reached."""

    first: dict[int | str, int | None]
    otherwise: int | None
    following: dict[int, int | None]


def lower_match(builder: Builder, node: tir.Match, want: bool) -> None:
    """A match; its arms' values meet on the stack if ``want``."""
    depth = builder.depth
    slot = _scrutinee(builder, node)
    end, nowhere = builder.label(), builder.label()
    keys = _keys(builder, node)
    if keys is not None:
        _by_table(builder, node, keys, slot, want, end, nowhere)
    else:
        for arm in node.arms:
            following = builder.label()
            _test(builder, arm, slot, node.scrutinee.type, following)
            _body(builder, arm, slot, following, want, end, depth)
            builder.place(following)
        builder.emit("jump", nowhere)
    builder.depth = depth
    builder.place(nowhere)
    builder.emit("unreachable")
    builder.depth = depth
    builder.place(end)


def lower_catch_arms(builder: Builder, node: tir.Catch, caught: int, want: bool, end: mir.Label) -> None:
    """The arms of a catch, whose value is in its binding; what none of them takes is thrown again from ``caught``."""
    depth = builder.depth
    slot = builder.slot(node.binding)
    if builder.locals[node.binding].reassigned:
        builder.load(node.binding)
        slot = builder.temporary("$thrown")
        builder.emit("store_local", slot)
    for arm in node.arms:
        following = builder.label()
        _test(builder, arm, slot, None, following)
        _body(builder, arm, slot, following, want, end, depth)
        builder.place(following)
    builder.emit("load_local", caught)
    builder.emit("rethrow")


def _scrutinee(builder: Builder, node: tir.Match) -> int:
    """The slot that holds the scrutinee: a variable's own, unless a guard could change it."""
    scrutinee = node.scrutinee
    if isinstance(scrutinee, tir.Local):
        info = builder.locals[scrutinee.local]
        if not info.shared and not (info.reassigned and any(arm.guard is not None for arm in node.arms)):
            return builder.slot(scrutinee.local)
    builder.value(scrutinee)
    slot = builder.temporary("$scrutinee")
    builder.emit("store_local", slot)
    return slot


def _body(
    builder: Builder, arm: tir.Arm, slot: int, following: mir.Label, want: bool, end: mir.Label, depth: int
) -> None:
    """Binding, guard and body of an arm whose pattern fits."""
    pattern = arm.pattern
    if isinstance(pattern, hir.AnyPattern | hir.TypePattern) and pattern.local is not None:
        builder.emit("load_local", slot)
        builder.declare(pattern.local)
    if arm.guard is not None:
        builder.branch(arm.guard, False, following)
    if want:
        builder.value(arm.body)
    else:
        builder.effect(arm.body)
    builder.emit("jump", end)
    builder.depth = depth


def _test(builder: Builder, arm: tir.Arm, slot: int, type_: Type | None, otherwise: mir.Label) -> None:
    """Go on if the arm's pattern fits what is in ``slot``, else jump."""
    if arm.certain:
        return
    pattern = arm.pattern
    if not isinstance(pattern, hir.OrPattern):
        _single_test(builder, pattern, slot, type_)
        builder.jump_if(False, otherwise)
        return
    fits = builder.label()
    for each in pattern.alternatives:
        _single_test(builder, each, slot, type_)
        builder.jump_if(True, fits)
    builder.emit("jump", otherwise)
    builder.place(fits)


def _single_test(builder: Builder, pattern: hir.Pattern, slot: int, type_: Type | None) -> None:
    """Push whether a pattern without alternatives fits."""
    match pattern:
        case hir.AnyPattern():
            builder.constant(True)
        case hir.LiteralPattern(value=None):
            builder.emit("load_local", slot)
            builder.emit("is_null")
        case hir.LiteralPattern(value=value):
            builder.emit("load_local", slot)
            builder.constant(value)
            if type_ is not None and widen(type_) in (INT, FLOAT, STRING, BOOL):
                builder.emit("equal")
            else:
                builder.emit("cmp_op", "==")
        case hir.VariantPattern(enum=enum, variant=variant):
            builder.emit("load_local", slot)
            builder.emit("load_variant", enum, variant)
            builder.emit("equal")
        case hir.TypePattern(type=tested):
            builder.emit("load_local", slot)
            builder.emit("is_type", tested)
        case hir.OrPattern(alternatives=alternatives):
            fits, end = builder.label(), builder.label()
            depth = builder.depth
            for each in alternatives:
                _single_test(builder, each, slot, type_)
                builder.jump_if(True, fits)
            builder.constant(False)
            builder.emit("jump", end)
            builder.place(fits)
            builder.depth = depth
            builder.constant(True)
            builder.place(end)


# --- jump tables ------------------------------------------------------------------------------------------------------


def _by_table(
    builder: Builder, node: tir.Match, keys: _Keys, slot: int, want: bool, end: mir.Label, nowhere: mir.Label
) -> None:
    depth = builder.depth
    first, otherwise, following = keys.order
    labels: dict[int | None, mir.Label] = {place: builder.label() for place in sorted(following)}
    labels[None] = nowhere
    builder.emit("load_local", slot)
    if keys.opcode is not None:
        builder.emit(keys.opcode)
    entries = tuple(labels[place] for place in first.values())
    builder.emit("jump_table", mir.Table(tuple(first), entries, labels[otherwise]))
    for place in sorted(following):
        builder.depth = depth
        builder.place(labels[place])
        _body(builder, node.arms[place], slot, labels[following[place]], want, end, depth)


def _keys(builder: Builder, node: tir.Match) -> _Keys | None:
    """The keys of a match that a table can decide: every pattern told by a key, and where a guard refuses it is plain
    which arm is next."""
    key_of: Callable[[hir.Pattern], int | str | None]
    opcode: str | None
    parts = {widen(part) for part in members(widen(node.scrutinee.type))}
    if parts == {INT} or parts == {STRING}:
        opcode, key_of = None, _literal_key
    elif len(parts) == 1 and isinstance(next(iter(parts)), EnumType):
        opcode, key_of = "discriminant", builder.discriminant_key
    else:
        opcode, key_of = "type_tag", _tag_key
    arms: list[tuple[int | str, ...] | None] = []
    for arm in node.arms:
        patterns = arm.pattern.alternatives if isinstance(arm.pattern, hir.OrPattern) else (arm.pattern,)
        if any(isinstance(each, hir.AnyPattern) for each in patterns):
            arms.append(None)
            continue
        found = [key_of(each) for each in patterns]
        if any(key is None for key in found):
            return None
        arms.append(tuple(key for key in found if key is not None))
    order = _order(node, arms)
    return _Keys(opcode, tuple(arms), order) if order is not None and len(order.first) >= _FEWEST_KEYS else None


def _order(node: tir.Match, arms: Sequence[tuple[int | str, ...] | None]) -> _Order | None:
    """The order in which arms are tried, or None where it depends on the key."""
    ways: dict[int | str | None, list[int]] = {key: [] for keys in arms for key in keys or ()}
    ways[None] = []
    settled: set[int | str | None] = set()
    for place, (arm, keys) in enumerate(zip(node.arms, arms, strict=True)):
        for key in ways if keys is None else dict.fromkeys(keys):
            if key not in settled:
                ways[key].append(place)
                if arm.guard is None:
                    settled.add(key)
    following: dict[int, int | None] = {}
    for way in ways.values():
        for place, after in zip(way, (*way[1:], None), strict=False):  # an empty way has nothing after it
            if following.setdefault(place, after) != after:
                return None
    rest = ways.pop(None)
    first = {key: way[0] if way else None for key, way in ways.items() if key is not None}
    return _Order(first, rest[0] if rest else None, following)


def _literal_key(pattern: hir.Pattern) -> int | str | None:
    if isinstance(pattern, hir.LiteralPattern) and isinstance(pattern.value, int | str):
        return None if isinstance(pattern.value, bool) else pattern.value
    return None


def _tag_key(pattern: hir.Pattern) -> int | str | None:
    """A type that a value's tag alone decides."""
    match pattern:
        case hir.LiteralPattern(value=None):
            return "null"
        case hir.TypePattern(type=ClassType(name=name) | EnumType(name=name)):
            return name
        case hir.TypePattern(type=Primitive(name=name) as type_) if type_ in (INT, FLOAT, STRING, BOOL, NULL):
            return name
        case _:
            return None
