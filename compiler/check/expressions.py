"""Expressions: one rule a kind of node, and the dispatch over all kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

import msgspec

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check import calls, lints, literals, members, operators, patterns
from bamlvm.compiler.check.context import Checking, Exits, Flow, Returns, inferred, place_of
from bamlvm.compiler.check.statements import block, report_no_else
from bamlvm.compiler.config_blocks import HIGHEST, LOWEST
from bamlvm.compiler.types import literal_type, unstated, widen
from bamlvm.vm.program.types import (
    FUTURE,
    INT,
    NEVER,
    NULL,
    STRING,
    UNKNOWN,
    ClassType,
    FunctionType,
    ListType,
    MapType,
    Type,
    VariableType,
    VariantType,
    is_never,
    union,
    walk,
)


def expression(c: Checking, node: hir.Expr, expected: Type | None) -> tir.Expr:
    """Check one expression where ``expected`` is wanted (a hint only: the caller decides whether the type fits)."""
    before = c.flow.distance
    return _ended(c, _CHECKS[type(node)](c, node, expected), before)


def _ended(c: Checking, checked: tir.Expr, before: int) -> tir.Expr:
    """Return ``checked``, of type ``never`` if control does not go on after it."""
    if is_never(checked.type):
        c.flow = c.flow.left()
    elif c.flow.distance > before:
        return msgspec.structs.replace(checked, type=NEVER)
    return checked


def _local(c: Checking, node: hir.Local, _: Type | None) -> tir.Expr:
    return tir.Local(node.start, node.end, c.local_type(node.local), node.local)


def _type_test(c: Checking, node: hir.TypeTest, _: Type | None) -> tir.Expr:
    checked, true, false = operators.condition(c, node)
    c.flow = c.join(true, false)
    return checked


def _block(c: Checking, node: hir.Block, expected: Type | None) -> tir.Expr:
    if not node.statements and node.tail is None and expected is not None and literals.is_empty_map(c, expected):
        return literals.map_(c, hir.MapLiteral(node.start, node.end, ()), expected)
    return block(c, node, expected)


def _text(c: Checking, node: hir.Text, _: Type | None) -> tir.Expr:
    parts = tuple(part if isinstance(part, str) else c.expr(c, part, None) for part in node.parts)
    return tir.Text(node.start, node.end, STRING, parts)


def _variant(c: Checking, node: hir.VariantRef, _: Type | None) -> tir.Expr:
    return tir.Variant(node.start, node.end, VariantType(node.enum, node.variant), node.enum, node.variant)


def _global(c: Checking, node: hir.GlobalRef) -> tir.Expr:
    """Check a read of a constant: the first one evaluates it, so any may throw what its initialiser throws."""
    c.throw(c.throws_of(node.name))
    return tir.Global(node.start, node.end, c.global_type(node.name), node.name)


def _throw(c: Checking, node: hir.Throw, _: Type | None) -> tir.Expr:
    value = c.expr(c, node.value, None)
    thrown = value.type if isinstance(value, tir.Variant) else inferred(value)  # a variant of an enum is thrown as such
    c.throw(unstated(thrown))
    return tir.Throw(node.start, node.end, NEVER, value)


def _break(c: Checking, node: hir.Break, _: Type | None) -> tir.Expr:
    if c.loops:
        c.loops[-1].breaks.append(c.flow)
    return tir.Break(node.start, node.end, NEVER)


def _continue(c: Checking, node: hir.Continue, _: Type | None) -> tir.Expr:
    if c.loops:
        c.loops[-1].continues.append(c.flow)
    return tir.Continue(node.start, node.end, NEVER)


def _constant(c: Checking, node: hir.Constant) -> tir.Expr:
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and not LOWEST <= value <= HIGHEST:
        c.report.error("E0001", node, "this integer does not fit into 64 bits", hint=f"the largest is {HIGHEST}")
        return tir.Constant(node.start, node.end, INT, 0)
    return tir.Constant(node.start, node.end, literal_type(value), value)


# --- members, elements, literals --------------------------------------------------------------------------------------


def _member(c: Checking, node: hir.Member) -> tir.Expr:
    at = (node.start, node.end)
    object_ = c.expr(c, node.object, None)
    found, type_ = members.find_field(c, object_.type, node)
    if type_ is None:
        return tir.Field(*at, hir.ERROR, object_, node.name, None)
    field = tir.Field(*at, type_, object_, node.name, found)
    place = place_of(field)
    known = c.flow.types.get(place) if place is not None else None
    return field if known is None else msgspec.structs.replace(field, type=known)


def _optional_chain(c: Checking, node: hir.OptionalChain) -> tir.Expr:
    """Check a chain with `?.`: of the value's type, or null if some object on the way may be null."""
    c.chains.append([])
    links = c.expr(c, node.links, None)
    left = c.chains.pop()
    c.flow = c.join(c.flow, *left)
    type_ = union((links.type, NULL)) if left else links.type
    return tir.OptionalChain(node.start, node.end, type_, links)


def _present(c: Checking, node: hir.Present) -> tir.Expr:
    """Check an object before `?.`: beyond it, it is not null."""
    object_ = c.expr(c, node.object, None)
    type_ = object_.type
    if NULL in c.solver.alternatives(type_):
        place, type_ = place_of(object_), c.solver.subtract(type_, NULL)
        c.chains[-1].append(c.narrowed(c.flow, place, NULL))
        c.flow = c.narrowed(c.flow, place, type_) if type_ != NEVER else c.flow.refuted()
    else:
        lints.never_null(c, node, type_)
    return tir.Present(node.start, node.end, type_, object_)


def _element(c: Checking, node: hir.Element) -> tir.Expr:
    object_ = c.expr(c, node.object, None)
    key, value = members.container(c, object_.type, node.object)
    index = c.expr(c, node.index, key) if key is None else c.coerce(node.index, key, " (an index)")
    type_ = NEVER if NEVER in (object_.type, index.type) else value
    return tir.Element(node.start, node.end, type_, object_, index)


def _iterate(c: Checking, node: hir.Iterate) -> tir.Expr:
    at = (node.start, node.end)
    iterable = c.expr(c, node.iterable, None)
    match c.solver.expand(iterable.type):
        case ListType():
            return iterable
        case MapType(key, _):
            return tir.CallNamed(*at, ListType(key), "baml.Map.keys", "native", (iterable,))
        case other if other != NEVER and widen(other) == STRING:
            return tir.CallNamed(*at, ListType(STRING), "baml.String.chars", "native", (iterable,))
        case other:
            if other not in (NEVER, hir.ERROR):
                c.report.error("E0001", node, f"`for … in` walks a list, a map or a string, not `{other}`")
            return iterable if other == NEVER else tir.ListLiteral(*at, ListType(hir.ERROR), ())


# --- branches, functions ----------------------------------------------------------------------------------------------


def _if(c: Checking, node: hir.If, expected: Type | None) -> tir.Expr:
    condition, true, false = operators.condition(c, node.condition)
    c.flow = true
    then = c.expr(c, node.then, expected)
    after, c.flow = c.flow, false
    otherwise = c.expr(c, node.otherwise, expected) if node.otherwise is not None else None
    c.flow = c.join(after, c.flow)
    type_ = union((then.type, otherwise.type if otherwise is not None else NULL))
    if otherwise is None and expected is not None and then.type not in (NEVER, NULL, hir.ERROR):
        report_no_else(c, node, then.type)
        type_ = hir.ERROR
    return tir.If(node.start, node.end, type_, condition, then, otherwise)


def _lambda(c: Checking, node: hir.Lambda, expected: Type | None) -> tir.Expr:
    wanted = _wanted_function(c, expected)
    taken = tuple(_parameter_type(c, node, place, wanted) for place in range(len(node.parameters)))
    for parameter, type_ in zip(node.parameters, taken, strict=True):
        c.declare(parameter.local, type_)
    declared = node.result
    if declared is None and wanted is not None and wanted.result == NULL:
        declared = NULL
    outer: tuple[Flow, list[Type], list[Exits]] = (c.flow, c.thrown, c.loops)
    c.flow, c.thrown, c.loops = Flow(c.settled(c.flow).types, 0), [], []
    returns = Returns(declared)
    c.returns.append(returns)
    body = function_body(c, node.body, declared)
    c.returns.pop()
    throws = union(c.thrown)
    c.flow, c.thrown, c.loops = outer
    result = declared if declared is not None else union([*returns.found, inferred(body)])
    made = FunctionType(taken, result, throws)
    return tir.Lambda(node.start, node.end, made, tuple(p.local for p in node.parameters), node.captures, body)


def _wanted_function(c: Checking, expected: Type | None) -> FunctionType | None:
    """Return the function type among the alternatives of what is expected, if there is exactly one."""
    found = [] if expected is None else [p for p in c.solver.alternatives(expected) if isinstance(p, FunctionType)]
    return found[0] if len(found) == 1 else None


def _parameter_type(c: Checking, node: hir.Lambda, place: int, wanted: FunctionType | None) -> Type:
    """Return the type of a lambda's parameter: as written, else as the expected function type has it; or report."""
    parameter = node.parameters[place]
    if parameter.type != hir.INFERRED:
        return parameter.type
    if wanted is None:
        message = f"nothing says which type the parameter `{parameter.name}` has"
        c.report.error("E0002", parameter, message, hint=f"write it: `{parameter.name}: int`")
        return hir.ERROR
    if place >= len(wanted.parameters):
        count = len(wanted.parameters)
        message = f"the function is called with {count} argument{'s' * (count != 1)}, and takes {len(node.parameters)}"
        c.report.error("E0005", parameter, message, hint=f"leave `{parameter.name}` out")
        return hir.ERROR
    type_ = c.solver.resolve(wanted.parameters[place])
    if any(type(part) is VariableType for part in walk(type_)):
        message = f"which type the parameter `{parameter.name}` has does not follow from the other arguments"
        c.report.error("E0002", parameter, message, hint=f"write it: `{parameter.name}: int`")
        return hir.ERROR
    return type_


def _spawn(c: Checking, node: hir.Spawn, expected: Type | None) -> tir.Expr:
    """Check a spawn: what its body returns and throws is what the future has."""
    wanted = [part for part in c.solver.alternatives(expected) if is_future(part)] if expected is not None else []
    body = node.body
    if len(wanted) == 1 and not any(type(part) is VariableType or part == UNKNOWN for part in walk(wanted[0])):
        body = msgspec.structs.replace(body, result=wanted[0].arguments[0])
    made = _lambda(c, body, None)
    assert isinstance(made.type, FunctionType)
    type_ = ClassType(FUTURE, (made.type.result, made.type.throws))
    return tir.CallNamed(node.start, node.end, type_, "baml.future.start", "sysop", (made,))


def _await(c: Checking, node: hir.Await) -> tir.Expr:
    """Check an await: it throws what the future may have."""
    operand = c.expr(c, node.operand, None)
    parts = c.solver.alternatives(operand.type)
    type_: Type = hir.ERROR
    if operand.type == NEVER:
        type_ = NEVER
    elif parts and all(is_future(part) for part in parts):
        futures = [part for part in parts if isinstance(part, ClassType)]
        type_ = union(part.arguments[0] for part in futures)
        c.throw(union(part.arguments[1] for part in futures))
    elif hir.ERROR not in parts:
        hint = "a call waits by itself: leave `await` out"
        if any(is_future(part) for part in parts):
            hint = "check first that it is a future: `if (f is Future) { … }`"
            if len(parts) == 2 and NULL in parts:
                hint = "it may be null: check it first"
        shown = c.solver.resolve(operand.type)
        c.report.error("E0001", node.operand, f"`await` waits for a future, not for `{shown}`", hint=hint)
    c.called()
    return tir.CallNamed(node.start, node.end, type_, "baml.future.result", "sysop", (operand,))


def is_future(type_: Type) -> TypeGuard[ClassType]:
    """Whether a type is that of a future."""
    return isinstance(type_, ClassType) and type_.name == FUTURE


def function_body(c: Checking, body: hir.Block, result: Type | None) -> tir.Expr:
    """Check a function's block: its value must fit ``result``; report E0029 if control reaches the end without one."""
    before = c.flow.distance
    discards = result == NULL and body.tail is not None and _is_effect(body.tail)
    checked = _ended(c, block(c, body, None if discards else result), before)
    if result is None or checked.type == NEVER:
        return checked
    if discards and isinstance(checked, tir.Block) and not c.solver.assignable(checked.type, NULL):
        assert checked.tail is not None
        ended = tir.Evaluate(checked.tail.start, checked.tail.end, checked.tail)
        return tir.Block(checked.start, checked.end, NULL, (*checked.statements, ended), None)
    open_end = body.tail is None or (isinstance(body.tail, hir.If) and checked.type == NULL)
    if open_end and not c.solver.assignable(NULL, result):
        c.report.error(
            "E0029",
            (max(body.start, body.end - 1), body.end),
            f"the function ends without a value of `{result}`",
            hint="end with an expression (no `;`), or `return` one on every path",
        )
    else:
        what = " (what the function returns)" if result != NULL else " (a function without `-> T` returns nothing)"
        c.require(checked, result, body.tail if body.tail is not None else body, what)
    return checked


def _is_effect(node: hir.Expr | None) -> bool:
    """Whether an expression at the end of a function that returns nothing is there for its effect: it ends in calls."""
    match node:
        case None | hir.Call() | hir.Await() | hir.Constant(value=None):
            return True
        case hir.OptionalChain(links=last):
            return isinstance(last, hir.Call)
        case hir.Block(tail=tail):
            return _is_effect(tail)
        case hir.If(then=then, otherwise=otherwise):
            return _is_effect(then) and _is_effect(otherwise)
        case hir.Match(arms=arms):
            return all(_is_effect(arm.body) for arm in arms)
        case hir.Catch(operand=operand, arms=arms):
            return _is_effect(operand) and all(_is_effect(arm.body) for arm in arms)
        case _:
            return isinstance(node, hir.MapLiteral) and not node.entries


def _return(c: Checking, node: hir.Return) -> tir.Expr:
    returns = c.returns[-1]
    at = (node.start, node.end)
    if node.value is None:
        if returns.declared is not None and not c.solver.assignable(NULL, returns.declared):
            c.report.error("E0029", node, f"`return` without a value, where `{returns.declared}` is due")
        returns.found.append(NULL)
        return tir.Return(*at, NEVER, None)
    if returns.declared is not None:
        value = c.coerce(node.value, returns.declared, " (what the function returns)")
    else:
        value = c.expr(c, node.value, None)
        returns.found.append(inferred(value))
    return tir.Return(*at, NEVER, value)


_CHECKS: Mapping[type[hir.Expr], Callable[[Checking, Any, Type | None], tir.Expr]] = {
    hir.Local: _local,
    hir.Constant: lambda c, node, _: _constant(c, node),
    hir.Call: calls.call,
    hir.OptionalChain: lambda c, node, _: _optional_chain(c, node),
    hir.Present: lambda c, node, _: _present(c, node),
    hir.Member: lambda c, node, _: _member(c, node),
    hir.Binary: operators.binary,
    hir.Logical: operators.logical,
    hir.Unary: lambda c, node, _: operators.unary(c, node),
    hir.TypeTest: _type_test,
    hir.Block: _block,
    hir.If: _if,
    hir.Match: patterns.match,
    hir.Catch: patterns.catch,
    hir.Element: lambda c, node, _: _element(c, node),
    hir.Text: _text,
    hir.ListLiteral: literals.list_,
    hir.MapLiteral: literals.map_,
    hir.ObjectLiteral: literals.object_,
    hir.Lambda: _lambda,
    hir.Spawn: _spawn,
    hir.Await: lambda c, node, _: _await(c, node),
    hir.VariantRef: _variant,
    hir.GlobalRef: lambda c, node, _: _global(c, node),
    hir.FunctionRef: lambda c, node, _: calls.function_value(c, node),
    hir.Return: lambda c, node, _: _return(c, node),
    hir.Throw: _throw,
    hir.Break: _break,
    hir.Continue: _continue,
    hir.Iterate: lambda c, node, _: _iterate(c, node),
    hir.Invalid: lambda c, node, _: tir.Constant(node.start, node.end, hir.ERROR, None),
}
"""The check of each kind of expression."""
