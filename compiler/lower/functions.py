"""From tir to mir: expressions become stack instructions in labelled blocks.

An expression is lowered in one of three ways: :meth:`Builder.value` leaves its value on the operand stack,
:meth:`Builder.effect` leaves nothing, and :func:`bamlvm.compiler.lower.conditions.branch` jumps by it.

A local that lambdas share and something reassigns lives in a cell from its ``let`` on; any other captured local is
copied into its lambdas.  A lambda becomes a function of its own, named after the one that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bamlvm.compiler import mir, tir
from bamlvm.compiler.lower import conditions, control, patterns, values
from bamlvm.compiler.lower.builder import Builder
from bamlvm.vm.program.llm import arguments_function


def lower_function(
    function: tir.Function, variants: Mapping[str, Sequence[str]], is_llm: bool = False
) -> list[mir.Function]:
    """Lower a function and the lambdas in it; ``variants`` has the variants of every enum in declared order.

    An LLM function with defaults becomes two functions: ``F$arguments`` binds the defaults and returns all arguments
    by name, ``F`` calls it and hands the map on.  So a host can stream ``F`` or render its prompt with the defaults.
    """
    made: list[mir.Function] = []
    parameters = tuple(parameter.local for parameter in function.parameters)
    names = tuple(parameter.name for parameter in function.parameters)
    if is_llm and any(function.defaults):
        _lower_llm(function, names, parameters, made, variants)
        return made
    b = Builder(_lower, function.name, function.locals, function.local_types, parameters, (), names, made, variants)
    _defaults(b, function)
    _finish(b, function.body, function.name if function.is_global else None)
    return made


def _lower_llm(
    function: tir.Function,
    names: tuple[str, ...],
    parameters: tuple[int, ...],
    made: list[mir.Function],
    variants: Mapping[str, Sequence[str]],
) -> None:
    """Lower an LLM function with defaults: the function itself, and the one that binds its defaults."""
    assert isinstance(function.body, tir.Block) and isinstance(function.body.tail, tir.CallNamed)
    call = function.body.tail
    name, arguments = call.arguments
    assert name is not None and arguments is not None
    binder = arguments_function(function.name)
    caller = Builder(_lower, function.name, (), (), (), (), names, made, variants)
    caller.at = call.start
    caller.value(name)
    for place in range(len(names)):
        caller.emit("load_local", place)
    caller.emit("call", binder, len(names))
    caller.emit("call", call.name, 2)
    caller.emit("return")
    b = Builder(_lower, binder, function.locals, function.local_types, parameters, (), names, made, variants)
    _defaults(b, function)
    _finish(b, arguments)


def _defaults(b: Builder, function: tir.Function) -> None:
    """Begin a function: defaults of parameters that were left out, cells for parameters that need one."""
    for parameter, default in zip(function.parameters, function.defaults, strict=True):
        slot = b.slot(parameter.local)
        if default is not None:
            supplied = b.label()
            b.emit("jump_if_supplied", slot, supplied)
            b.place(b.label())
            b.value(default)
            b.emit("store_local", slot)
            b.place(supplied)
        if b.locals[parameter.local].shared:
            b.emit("make_cell", slot)


def _finish(b: Builder, body: tir.Expr, constant: str | None = None) -> None:
    """Lower the body and return its value, kept as that of a ``constant`` before; drop unreachable blocks."""
    b.value(body)
    b.at = max(body.end - 1, body.start)
    if constant is not None:
        b.emit("store_global", constant)
    b.emit("return")
    mir.remove_unreachable(b.function)


def _lambda(b: Builder, node: tir.Lambda) -> None:
    name = b.lambda_name()
    names = tuple(b.locals[local].name for local in node.parameters)
    inner = Builder(_lower, name, b.locals, b.local_types, node.parameters, node.captures, names, b.made, b.variants)
    for local in node.parameters:
        if b.locals[local].shared:
            inner.emit("make_cell", inner.slot(local))
    _finish(inner, node.body)
    for local in node.captures:
        b.emit("load_local", b.slot(local))
    b.emit("make_closure", name, len(node.captures))


def _function_value(b: Builder, node: tir.FunctionValue) -> None:
    """Lower a function's name used as a value; a native or sys-op gets a wrapper of its own."""
    if node.kind == "function":
        b.emit("make_closure", node.name, 0)
        return
    name = b.lambda_name()
    names = tuple(f"argument{place}" for place in range(node.arity))
    wrapper = Builder(_lower, name, (), (), (), (), names, b.made, b.variants)
    for place in range(node.arity):
        wrapper.emit("load_local", place)
    wrapper.emit("call_native" if node.kind == "native" else "sys_call", node.name, node.arity)
    wrapper.emit("return")
    b.emit("make_closure", name, 0)


def _lower(b: Builder, node: tir.Expr, want: bool) -> None:
    outer, b.at = b.at, node.start
    kind = type(node)
    control = _CONTROL.get(kind)
    if control is not None:
        control(b, node, want)
    elif want:
        _VALUES[kind](b, node)
    elif kind not in _WITHOUT_EFFECT:
        _VALUES[kind](b, node)
        b.emit("pop")
    b.at = outer


_CONTROL: Mapping[type[tir.Expr], Callable[[Builder, Any, bool], None]] = {
    tir.Block: control.block,
    tir.If: control.if_,
    tir.Match: patterns.match,
    tir.Catch: control.catch,
    tir.Return: control.return_,
    tir.Throw: control.throw,
    tir.Break: lambda b, node, want: control.leave(b, True),
    tir.Continue: lambda b, node, want: control.leave(b, False),
    tir.Logical: conditions.logical,
}
"""Expressions that are lowered differently for their value and for their effect."""

_VALUES: Mapping[type[tir.Expr], Callable[[Builder, Any], None]] = {
    tir.Constant: lambda b, node: b.constant(node.value),
    tir.Local: lambda b, node: b.load(node.local),
    tir.Operation: values.operation,
    tir.CallNamed: values.call_named,
    tir.Field: values.field,
    tir.Element: values.element,
    tir.OptionalChain: values.optional_chain,
    tir.Present: values.present,
    tir.CallValue: values.call_value,
    tir.CallMethod: values.call_method,
    tir.Not: conditions.not_,
    tir.IsType: conditions.is_type,
    tir.Text: values.text,
    tir.ListLiteral: values.list_,
    tir.MapLiteral: values.map_,
    tir.New: values.new,
    tir.Lambda: _lambda,
    tir.FunctionValue: _function_value,
    tir.Global: lambda b, node: b.emit("load_global", node.name),
    tir.Variant: lambda b, node: b.emit("load_variant", node.enum, node.variant),
}
"""Expressions that leave a value, which is popped where only the effect is wanted."""

_WITHOUT_EFFECT = frozenset({tir.Constant, tir.Local, tir.FunctionValue, tir.Variant})
