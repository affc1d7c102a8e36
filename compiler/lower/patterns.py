"""Lowering of match and catch arms: a jump table where a key of the scrutinee decides every arm, else tests in order.

A key is an integer or a string itself, an enum value's discriminant, or a value's type tag.  Tests take the cheapest
instruction that the scrutinee's static type allows, and an arm that is certain to fit is not tested at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bamlvm.compiler import hir, mir, tir
from bamlvm.compiler.lower.builder import Builder
from bamlvm.compiler.lower.conditions import branch
from bamlvm.compiler.lower.fitting import fit, single_test
from bamlvm.compiler.types import widen
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    ClassType,
    EnumType,
    Primitive,
    Type,
    members,
)

_FEWEST_KEYS = 3
"""Below this many keys, tests in order are as fast as a table."""


class _Keys(NamedTuple):
    """The opcode that makes a key of the scrutinee (None where it is the key), and the order of the arms."""

    opcode: str | None
    order: _Order


class _Order(NamedTuple):
    """The arms, by their places, that are tried first for a key and for all other values, and the one that is tried
    after an arm whose guard refused.  An arm that is none of these is never reached."""

    first: dict[int | str, int | None]
    otherwise: int | None
    following: dict[int, int | None]


def match(b: Builder, node: tir.Match, want: bool) -> None:
    """Lower a match; every arm leaves its value on the stack if ``want``."""
    depth = b.depth
    slot = _scrutinee(b, node)
    end, nowhere = b.label(), b.label()
    keys = _keys(b, node)
    if keys is not None:
        _by_table(b, node, keys, slot, want, end, nowhere)
    else:
        for arm in node.arms:
            following = b.label()
            _test(b, arm, slot, node.scrutinee.type, following)
            _body(b, arm, slot, following, want, end, depth)
            b.place(following)
        b.emit("jump", nowhere)
    b.depth = depth
    b.place(nowhere)
    b.emit("unreachable")
    b.depth = depth
    b.place(end)


def catch_arms(b: Builder, node: tir.Catch, caught: int, want: bool, end: mir.Label) -> None:
    """Lower the arms of a catch, whose binding has the value; rethrow from ``caught`` what no arm takes."""
    depth = b.depth
    slot = b.slot(node.binding)
    if b.locals[node.binding].reassigned:
        b.load(node.binding)
        slot = b.temporary("$thrown")
        b.emit("store_local", slot)
    for arm in node.arms:
        following = b.label()
        _test(b, arm, slot, None, following)
        _body(b, arm, slot, following, want, end, depth)
        b.place(following)
    b.emit("load_local", caught)
    b.emit("rethrow")


def _scrutinee(b: Builder, node: tir.Match) -> int:
    """Return the slot that holds the scrutinee: a variable's own, unless a guard could change it."""
    scrutinee = node.scrutinee
    if isinstance(scrutinee, tir.Local):
        info = b.locals[scrutinee.local]
        if not info.shared and not (info.reassigned and any(arm.guard is not None for arm in node.arms)):
            return b.slot(scrutinee.local)
    b.value(scrutinee)
    slot = b.temporary("$scrutinee")
    b.emit("store_local", slot)
    return slot


def _body(b: Builder, arm: tir.Arm, slot: int, following: mir.Label, want: bool, end: mir.Label, depth: int) -> None:
    """Lower the binding, guard and body of an arm whose pattern fits."""
    pattern = arm.pattern
    if isinstance(pattern, hir.AnyPattern | hir.TypePattern | hir.ErrorPattern) and pattern.local is not None:
        b.emit("load_local", slot)
        b.declare(pattern.local)
    if arm.guard is not None:
        branch(b, arm.guard, False, following)
    if want:
        b.value(arm.body)
    else:
        b.effect(arm.body)
    b.emit("jump", end)
    b.depth = depth


def _test(b: Builder, arm: tir.Arm, slot: int, type_: Type | None, otherwise: mir.Label) -> None:
    """Jump to ``otherwise`` unless the arm's pattern fits the value in ``slot``; bind what is inside of it."""
    if arm.certain:
        return
    pattern = arm.pattern
    if hir.is_structured(pattern):
        fit(b, pattern, slot, type_, otherwise)
        return
    if isinstance(pattern, hir.ErrorPattern):
        b.emit("load_local", slot)
        b.emit("is_type", pattern.panics)
        b.jump_if(True, otherwise)
        return
    if not isinstance(pattern, hir.OrPattern):
        single_test(b, pattern, slot, type_)
        b.jump_if(False, otherwise)
        return
    fits = b.label()
    for each in pattern.alternatives:
        single_test(b, each, slot, type_)
        b.jump_if(True, fits)
    b.emit("jump", otherwise)
    b.place(fits)


# --- jump tables ------------------------------------------------------------------------------------------------------


def _by_table(
    b: Builder, node: tir.Match, keys: _Keys, slot: int, want: bool, end: mir.Label, nowhere: mir.Label
) -> None:
    depth = b.depth
    first, otherwise, following = keys.order
    labels: dict[int | None, mir.Label] = {place: b.label() for place in sorted(following)}
    labels[None] = nowhere
    b.emit("load_local", slot)
    if keys.opcode is not None:
        b.emit(keys.opcode)
    entries = tuple(labels[place] for place in first.values())
    b.emit("jump_table", mir.Table(tuple(first), entries, labels[otherwise]))
    for place in sorted(following):
        b.depth = depth
        b.place(labels[place])
        _body(b, node.arms[place], slot, labels[following[place]], want, end, depth)


def _keys(b: Builder, node: tir.Match) -> _Keys | None:
    """Return the keys of a match that a table can decide, or None.

    It can if a key decides every pattern, and if the arm that follows a refused guard does not depend on the key.
    """
    key_of: Callable[[hir.Pattern], int | str | None]
    opcode: str | None
    parts = {widen(part) for part in members(widen(node.scrutinee.type))}
    if parts == {INT} or parts == {STRING}:
        opcode, key_of = None, _literal_key
    elif len(parts) == 1 and isinstance(next(iter(parts)), EnumType):
        opcode, key_of = "discriminant", b.discriminant_key
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
    return _Keys(opcode, order) if order is not None and len(order.first) >= _FEWEST_KEYS else None


def _order(node: tir.Match, arms: Sequence[tuple[int | str, ...] | None]) -> _Order | None:
    """Return the order in which arms are tried, or None where it depends on the key."""
    # A way is the list of arms that a key's values try one after another; None is the key of all other values.  It ends
    # with the first arm without a guard: from then on the key is settled.
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
        for place, after in zip(way, (*way[1:], None), strict=False):  # a way may be empty
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
    """Return the type tag that decides a pattern alone, or None."""
    match pattern:
        case hir.LiteralPattern(value=None):
            return "null"
        case hir.TypePattern(type=ClassType(name=name) | EnumType(name=name)):
            return name
        case hir.TypePattern(type=Primitive(name=name) as type_) if type_ in (INT, FLOAT, STRING, BOOL, NULL):
            return name
        case _:
            return None
