"""Lowering of control flow and statements."""

from __future__ import annotations

from bamlvm.compiler import mir, tir
from bamlvm.compiler.lower.builder import Builder, OpenLoop
from bamlvm.compiler.lower.conditions import branch
from bamlvm.compiler.lower.fitting import destructure
from bamlvm.compiler.lower.patterns import catch_arms
from bamlvm.compiler.lower.values import values


def block(b: Builder, node: tir.Block, want: bool) -> None:
    """Lower a block."""
    for statement in node.statements:
        _statement(b, statement)
    _tail(b, node.tail, want)


def _tail(b: Builder, tail: tir.Expr | None, want: bool) -> None:
    if tail is not None:
        b.lower(b, tail, want)
    elif want:
        b.constant(None)


def return_(b: Builder, node: tir.Return, _: bool) -> None:
    """Lower a ``return``."""
    if node.value is None:
        b.constant(None)
    else:
        b.value(node.value)
    b.emit("return")


def throw(b: Builder, node: tir.Throw, _: bool) -> None:
    """Lower a ``throw``; throwing what a catch has bound throws the caught error again, with its trace."""
    match node.value:
        case tir.Local(local=local) if local in b.caught:
            b.emit("load_local", b.caught[local])
            b.emit("rethrow")
        case _:
            b.value(node.value)
            b.at = node.start
            b.emit("throw")


def if_(b: Builder, node: tir.If, want: bool) -> None:
    """Lower an ``if``."""
    otherwise, end = b.label(), b.label()
    depth = b.depth
    branch(b, node.condition, False, otherwise)
    b.lower(b, node.then, want)
    b.depth = depth
    if node.otherwise is None and not want:
        b.place(otherwise)
        return
    if not b.ended:
        b.emit("jump", end)
    b.place(otherwise)
    _tail(b, node.otherwise, want)
    b.depth = depth
    b.place(end)


def catch(b: Builder, node: tir.Catch, want: bool) -> None:
    """Lower the operand into blocks that a handler protects; the handler keeps the error, binds its value, tries the
    arms."""
    handler, end = b.label(), b.label()
    depth, outer = b.depth, b.handlers
    b.handlers = (*outer, mir.Handler(handler, depth))
    b.place(b.label())
    b.lower(b, node.operand, want)
    b.handlers = outer
    if not b.ended:
        b.emit("jump", end)
    b.place(handler)
    b.depth = depth + 1
    caught = b.temporary("$caught")
    b.emit("store_local", caught)
    b.emit("load_local", caught)
    b.emit("caught_value")
    b.declare(node.binding)
    if not b.locals[node.binding].reassigned:
        b.caught[node.binding] = caught
    catch_arms(b, node, caught, want, end)
    b.depth = depth
    b.place(end)


def leave(b: Builder, is_break: bool) -> None:
    """Lower ``break`` or ``continue``."""
    # Expressions around it may have pushed operands (`f(1, break)`): pop them, so that the stack's depth is the loop's.
    # A handler inside the loop cuts the stack to a depth that includes them, so they are popped outside of it.
    loop = b.loops[-1]
    if b.depth > loop.depth:
        around, b.handlers = b.handlers, loop.handlers
        if around != b.handlers:
            b.place(b.label())
        while b.depth > loop.depth:
            b.emit("pop")
        b.handlers = around
    b.emit("jump", loop.end if is_break else loop.step)


def _loop(b: Builder, node: tir.Loop) -> None:
    head, step, end = b.label(), b.label(), b.label()
    b.place(head)
    b.loops.append(OpenLoop(end, step, b.depth, b.handlers))
    if node.condition is not None:
        branch(b, node.condition, False, end)
    b.effect(node.body)
    b.loops.pop()
    b.place(step)
    for statement in node.step:
        _statement(b, statement)
    b.emit("loop", head)
    b.place(end)


def _assert(b: Builder, node: tir.Assert) -> None:
    message = mir.constant(f"assertion failed: {node.text}")
    if not isinstance(node.condition, tir.Logical):
        b.value(node.condition)
        b.emit("assert", message)
        return
    holds = b.label()
    branch(b, node.condition, True, holds)
    b.constant(False)
    b.emit("assert", message)
    b.place(holds)


def _statement(b: Builder, node: tir.Statement) -> None:
    outer, b.at = b.at, node.start
    match node:
        case tir.Let():
            b.value(node.value)
            b.declare(node.local)
        case tir.Destructure():
            destructure(b, node)
        case tir.SetLocal():
            b.value(node.value)
            b.emit("store_cell" if b.locals[node.local].shared else "store_local", b.slot(node.local))
        case tir.Renew():
            b.load(node.local)
            b.declare(node.local)
        case tir.SetField():
            b.value(node.object)
            b.value(node.value)
            if node.index is None:
                b.emit("store_field_named", node.name)
            else:
                b.emit("store_field", node.index)
        case tir.SetElement():
            values(b, (node.object, node.index, node.value))
            b.emit("store_element")
        case tir.Loop():
            _loop(b, node)
        case tir.Assert():
            _assert(b, node)
        case tir.Evaluate():
            b.effect(node.value)
    b.at = outer
