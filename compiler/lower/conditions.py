"""Lowering of conditions: they jump, so that no condition is made a value only to be tested."""

from __future__ import annotations

from bamlvm.compiler import mir, tir
from bamlvm.compiler.lower.builder import Builder, is_null
from bamlvm.compiler.lower.fitting import branch_on_pattern
from bamlvm.vm.program.types import BOOL, NULL


def branch(b: Builder, node: tir.Expr, wanted: bool, target: mir.Label) -> None:
    """Jump to ``target`` if ``node`` has the value ``wanted``; otherwise control goes on."""
    outer, b.at = b.at, node.start
    match node:
        case tir.Not():
            branch(b, node.operand, not wanted, target)
        case tir.Logical(operator="&&" | "||"):
            # `a || b` jumps on true from either operand, as `a && b` does on false; otherwise both must agree,
            # so the first operand may skip the second.
            if (node.operator == "||") == wanted:
                branch(b, node.left, wanted, target)
                branch(b, node.right, wanted, target)
            else:
                skip = b.label()
                branch(b, node.left, not wanted, skip)
                branch(b, node.right, wanted, target)
                b.place(skip)
        case tir.Operation(opcode="not_equal", operands=(left, right)) if is_null(left) or is_null(right):
            b.value(left if is_null(right) else right)
            b.emit("is_null")
            b.jump_if(not wanted, target)
        case tir.Match(is_test=True) if node.arms:
            branch_on_pattern(b, node, wanted, target)
        case _:
            b.value(node)
            b.jump_if(wanted, target)
    b.at = outer


def not_(b: Builder, node: tir.Not) -> None:
    """Lower a negation for its value."""
    match node.operand:
        case tir.Not(operand=twice):
            b.value(twice)
        case tir.Logical(operator="&&" | "||" as operator, left=left, right=right) as both:
            parts = (tir.Not(left.start, left.end, BOOL, left), tir.Not(right.start, right.end, BOOL, right))
            other = "||" if operator == "&&" else "&&"
            b.value(tir.Logical(both.start, both.end, both.type, other, *parts))
        case operand:
            b.value(operand)
            b.emit("unary_op", "!")


def is_type(b: Builder, node: tir.IsType) -> None:
    """Lower a type test."""
    b.value(node.operand)
    if node.tested == NULL:
        b.emit("is_null")
    else:
        b.emit("is_type", node.tested)


def logical(b: Builder, node: tir.Logical, want: bool) -> None:
    """Lower ``&& || ??``; the right operand runs only where the left one does not decide."""
    if node.operator == "??":
        _coalesce(b, node)
        if not want:
            b.emit("pop")
        return
    stop = node.operator == "||"
    if not want:
        end = b.label()
        branch(b, node.left, stop, end)
        b.effect(node.right)
        b.place(end)
        return
    end, short = b.label(), b.label()
    branch(b, node.left, stop, short)
    b.value(node.right)
    b.emit("jump", end)
    b.place(short)
    b.depth -= 1
    b.constant(stop)
    b.place(end)


def _coalesce(b: Builder, node: tir.Logical) -> None:
    end, otherwise = b.label(), b.label()
    b.value(node.left)
    b.emit("copy", 0)
    b.emit("is_null")
    b.jump_if(True, otherwise)
    b.emit("jump", end)
    b.place(otherwise)
    b.emit("pop")
    b.value(node.right)
    b.place(end)
