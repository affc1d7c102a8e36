"""Lowering of one pattern: tests that jump away where a value does not fit, and the names that it binds."""

from __future__ import annotations

from bamlvm.compiler import hir, mir, tir
from bamlvm.compiler.lower.builder import Builder
from bamlvm.compiler.lower.values import is_long
from bamlvm.compiler.types import widen
from bamlvm.vm.program.types import BOOL, FLOAT, INT, STRING, UNKNOWN, ListType, Type, bare


def destructure(b: Builder, node: tir.Destructure) -> None:
    """Lower a ``let`` with a pattern, which every value fits: its tests that the type does not make needless hold."""
    slot, nowhere, end = b.temporary("$value"), b.label(), b.label()
    b.value(node.value)
    b.emit("store_local", slot)
    fit(b, node.pattern, slot, node.value.type, nowhere)
    b.emit("jump", end)
    b.place(nowhere)
    b.emit("unreachable")
    b.place(end)


def branch_on_pattern(b: Builder, node: tir.Match, wanted: bool, target: mir.Label) -> None:
    """Jump to ``target`` if ``x is pattern`` is ``wanted``, which is written as a match; otherwise control goes on."""
    slot, no = b.temporary("$value"), target if not wanted else b.label()
    b.value(node.scrutinee)
    b.emit("store_local", slot)
    fit(b, node.arms[0].pattern, slot, node.scrutinee.type, no)
    if wanted:
        b.emit("jump", target)
        b.place(no)


def fit(b: Builder, pattern: hir.Pattern, slot: int, type_: Type | None, otherwise: mir.Label) -> None:
    """Jump to ``otherwise`` unless a pattern fits the value in ``slot``, a value of ``type_``; bind its names."""
    # Names are bound on the way: a test that fails later leaves locals that nothing reads.
    match pattern:
        case hir.ClassPattern(type=tested, fields=fields):
            if type_ is None or bare(type_) != tested:
                b.emit("load_local", slot)
                b.emit("is_type", tested)
                b.jump_if(False, otherwise)
            for field in fields:
                _fit_part(b, field.pattern, slot, otherwise, field=field.index)
        case hir.ListPattern():
            _fit_list(b, pattern, slot, type_, otherwise)
        case hir.OrPattern(alternatives=(*others, last)):
            fits = b.label()
            for each in others:
                following = b.label()
                fit(b, each, slot, type_, following)
                b.emit("jump", fits)
                b.place(following)
            fit(b, last, slot, type_, otherwise)
            b.place(fits)
        case hir.AnyPattern():
            pass
        case _:
            single_test(b, pattern, slot, type_)
            b.jump_if(False, otherwise)
    local = None if isinstance(pattern, hir.OrPattern) else getattr(pattern, "local", None)
    if local is not None:
        b.emit("load_local", slot)
        b.declare(local)


def _fit_part(
    b: Builder, pattern: hir.Pattern, slot: int, otherwise: mir.Label, *, field: int | None = None, item: int = 0
) -> None:
    """Fit a pattern to a field, or to an item, of the value in ``slot``."""
    if isinstance(pattern, hir.AnyPattern) and pattern.local is None:
        return
    part = b.temporary("$part")
    b.emit("load_local", slot)
    if field is not None:
        b.emit("load_field", field)
    else:
        b.constant(item)
        b.emit("load_element")
    b.emit("store_local", part)
    fit(b, pattern, part, None, otherwise)


def _fit_list(b: Builder, pattern: hir.ListPattern, slot: int, type_: Type | None, otherwise: mir.Label) -> None:
    if type_ is None or not isinstance(bare(type_), ListType):
        b.emit("load_local", slot)
        b.emit("is_type", ListType(UNKNOWN))
        b.jump_if(False, otherwise)
    count = len(pattern.before) + len(pattern.after)
    if count or not pattern.has_rest:
        b.emit("load_local", slot)
        b.emit("call_native", "baml.Array.length", 1)
        b.constant(count)
        b.emit("less" if pattern.has_rest else "equal")
        b.jump_if(pattern.has_rest, otherwise)
    for place, each in enumerate(pattern.before):
        _fit_part(b, each, slot, otherwise, item=place)
    for place, each in enumerate(pattern.after):
        _fit_part(b, each, slot, otherwise, item=place - len(pattern.after))
    if pattern.rest is not None:
        b.emit("load_local", slot)
        b.constant(len(pattern.before))
        b.emit("load_local", slot)
        b.emit("call_native", "baml.Array.length", 1)
        b.constant(len(pattern.after))
        b.emit("sub_int")
        b.emit("call_native", "baml.Array.slice", 3)
        b.declare(pattern.rest)


def single_test(b: Builder, pattern: hir.Pattern, slot: int, type_: Type | None) -> None:
    """Push whether a pattern without alternatives fits."""
    match pattern:
        case hir.AnyPattern():
            b.constant(True)
        case hir.LiteralPattern(value=None):
            b.emit("load_local", slot)
            b.emit("is_null")
        case hir.LiteralPattern(value=value):
            b.emit("load_local", slot)
            b.constant(value)
            if type_ is not None and widen(type_) in (INT, FLOAT, STRING, BOOL) and not is_long(value):
                b.emit("equal")
            else:
                b.emit("cmp_op", "==")
        case hir.VariantPattern(enum=enum, variant=variant):
            b.emit("load_local", slot)
            b.emit("load_variant", enum, variant)
            b.emit("equal")
        case hir.TypePattern(type=tested):
            b.emit("load_local", slot)
            b.emit("is_type", tested)
        case hir.ErrorPattern(panics=panics):
            b.emit("load_local", slot)
            b.emit("is_type", panics)
            b.emit("unary_op", "!")
        case hir.ClassPattern() | hir.ListPattern():
            raise AssertionError("a pattern that looks into a value is fitted")
        case hir.OrPattern(alternatives=alternatives):
            fits, end = b.label(), b.label()
            depth = b.depth
            for each in alternatives:
                single_test(b, each, slot, type_)
                b.jump_if(True, fits)
            b.constant(False)
            b.emit("jump", end)
            b.place(fits)
            b.depth = depth
            b.constant(True)
            b.place(end)
