"""Blocks and the statements in them: one rule a kind of statement."""

from __future__ import annotations

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check import lints, members, operators, patterns
from bamlvm.compiler.check.context import Checking, Exits, inferred, place_of
from bamlvm.vm.program.types import NEVER, NULL, Type


def block(c: Checking, node: hir.Block, expected: Type | None) -> tir.Expr:
    """Check a block; its value is its tail's, or null."""
    start, is_reported = c.flow, False
    checked: list[tir.Statement] = []
    for each in node.statements:
        is_reported = is_reported or (bool(checked) and lints.unreachable(c, start, checked, each))
        checked.append(statement(c, each))
    if node.tail is not None and checked and not is_reported:
        lints.unreachable(c, start, checked, node.tail)
    tail = c.expr(c, node.tail, expected) if node.tail is not None else None
    return tir.Block(node.start, node.end, tail.type if tail is not None else NULL, tuple(checked), tail)


def statement(c: Checking, node: hir.Statement) -> tir.Statement:
    """Check one statement."""
    at = (node.start, node.end)
    match node:
        case hir.Let():
            return _let(c, node)
        case hir.Destructure():
            return patterns.destructure(c, node)
        case hir.SetLocal():
            declared = c.types[node.local]
            value = c.coerce(node.value, declared)
            c.assigned(node.local, declared, value)
            return tir.SetLocal(*at, node.local, value)
        case hir.Renew():
            return tir.Renew(*at, node.local)
        case hir.SetField():
            object_ = c.expr(c, node.object, None)
            index, type_ = members.find_field(c, object_.type, node)
            place = place_of(tir.Field(*at, NULL, object_, node.name, index))
            before = c.version(place_of(object_))
            value = c.coerce(node.value, type_) if type_ is not None else c.expr(c, node.value, None)
            members.require_all(c, object_.type, node, value)
            if type_ is not None:
                same = before == c.version(place_of(object_))
                c.field_assigned(node.name, place if same else None, type_, value)
            return tir.SetField(*at, object_, node.name, index, value)
        case hir.SetElement():
            object_ = c.expr(c, node.object, None)
            key, item = members.container(c, object_.type, node.object)
            element = c.expr(c, node.index, None) if key is None else c.coerce(node.index, key, " (an index)")
            return tir.SetElement(*at, object_, element, c.coerce(node.value, item))
        case hir.Loop():
            return _loop(c, node)
        case hir.Assert():
            condition, true, _ = operators.condition(c, node.condition)
            c.flow = true
            return tir.Assert(*at, condition, node.text)
        case hir.Evaluate():
            return tir.Evaluate(*at, c.expr(c, node.value, None))


def _let(c: Checking, node: hir.Let) -> tir.Statement:
    if node.type is not None:
        value = c.coerce(node.value, node.type)
        c.declare(node.local, node.type)
        return tir.Let(node.start, node.end, node.local, value)
    value = c.expr(c, node.value, None)
    if isinstance(node.value, hir.If) and node.value.otherwise is None and value.type not in (NULL, NEVER, hir.ERROR):
        report_no_else(c, node.value, c.solver.subtract(value.type, NULL))
    c.declare(node.local, inferred(value) if value.type != NEVER else hir.ERROR)
    return tir.Let(node.start, node.end, node.local, value)


def _loop(c: Checking, node: hir.Loop) -> tir.Statement:
    """Check a loop; ``break`` and ``continue`` in its condition and its body are its own, in its step they are not."""
    c.enter_loop(node.assigned)
    exits = Exits()
    c.loops.append(exits)
    condition, true, false = None, c.flow, c.flow.refuted()
    if node.condition is not None:
        condition, true, false = operators.condition(c, node.condition)
    c.flow = true
    body = c.expr(c, node.body, None)
    c.loops.pop()
    c.flow = c.join(c.flow, *exits.continues)
    step = tuple(statement(c, each) for each in node.step)
    c.flow = c.join(false, *exits.breaks)
    return tir.Loop(node.start, node.end, condition, body, step)


def report_no_else(c: Checking, node: hir.If, type_: Type) -> None:
    """Report an `if` without `else` where the value of its branch, of ``type_``, is used."""
    message = f"an `if` without `else` yields null, so its branch cannot yield `{type_}`"
    c.report.error("E0001", node, message, hint="add an `else`, or end the branch with `;`")
