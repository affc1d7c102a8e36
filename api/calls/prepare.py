"""From a function's name and Python arguments to a call that can begin.

Arguments are converted and held against the parameters' types and asserts here, before anything runs, so that what is
wrong with them is a :class:`bamlvm.HostError` of the caller's own line.  A parameter with a default that is left out is
bound by the program itself.

An LLM function that is streamed, rendered or turned into a request has another entry point than itself: a function of
``baml.llm`` that takes its name and all of its arguments by name.  Its defaults are then bound by the function
``F$arguments`` that the compiler makes beside an LLM function ``F`` with defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bamlvm.calls.border import Border
from bamlvm.calls.call import Binding, PreparedCall
from bamlvm.calls.engine import Callee, Engine, hint_for
from bamlvm.context import NO_CONTEXT, CallContext
from bamlvm.errors import HostError
from bamlvm.values.scalars import is_exact
from bamlvm.vm.program.llm import arguments_function
from bamlvm.vm.program.types import Primitive, Type
from bamlvm.vm.values import MISSING, Value

_STREAM: Final = "baml.llm.stream_llm_function"


def prepare_call(
    engine: Engine, name: str, args: Mapping[str, Any], stream: bool, context: CallContext = NO_CONTEXT
) -> PreparedCall:
    """Prepare a call of a function; an LLM function is streamed if ``stream`` says so.

    Raises :class:`bamlvm.HostError` for an unknown function, arguments that do not fit, and a closed runtime.
    """
    if engine.closed:
        raise HostError("the runtime is closed")
    callee = engine.callees[name]
    if engine.has_tape:
        args = engine.taped(callee.signature, args)
    types = context.types
    border = engine.borders.own if types is None else engine.borders.of(types)
    if stream and callee.is_llm:
        return _through(border, callee, _STREAM, args)
    return PreparedCall(name, name, _converted(border, callee, args), border, callee.attributed)


def prepare_part(
    engine: Engine, name: str, entry: str, args: Mapping[str, Any], *rest: Value, context: CallContext = NO_CONTEXT
) -> PreparedCall:
    """Prepare a part of a call of an LLM function: ``entry`` of ``baml.llm`` with its name, arguments and ``rest``.

    Raises :class:`bamlvm.HostError`, also for a function that is not an LLM function.
    """
    callee = engine.callees[name]
    if not callee.is_llm:
        raise HostError(f"{name} is not an LLM function: it sends no prompt")
    return _through(engine.borders.of(context.types), callee, entry, args, *rest)


def _through(border: Border, callee: Callee, entry: str, args: Mapping[str, Any], *rest: Value) -> PreparedCall:
    values = _converted(border, callee, args)
    name = callee.signature.name
    if any(value is MISSING for value in values):
        binding = Binding(arguments_function(name), values)
        return PreparedCall(name, entry, [name, *rest], border, callee.attributed, binding)
    named = dict(zip((parameter.name for parameter in callee.parameters), values, strict=True))
    return PreparedCall(name, entry, [name, named, *rest], border, callee.attributed)


def _converted(border: Border, callee: Callee, args: Mapping[str, Any]) -> list[Value]:
    """Return the arguments in the order of the parameters, ``MISSING`` where the function's default is wanted."""
    values: list[Value] = []
    used = 0
    arguments = border.arguments
    for parameter in callee.parameters:
        name = parameter.name
        if name in args:
            used += 1
            annotated = parameter.annotated
            if type(annotated) is Primitive:
                value = args[name]
                values.append(value if is_exact(value, annotated.name) else arguments.convert(value, annotated, name))
                continue
            value = arguments.convert(args[name], parameter.type, name)
            _demand(border, value, name, annotated)  # there may be an assert in it
            values.append(value)
        elif parameter.has_default:
            values.append(MISSING)
        elif arguments.types.nullable(parameter.type):
            values.append(None)
        else:
            raise HostError(f"{callee.signature.name}: the argument {name!r} ({parameter.type}) is missing")
    if used != len(args):
        known = [parameter.name for parameter in callee.parameters]
        extra = next(name for name in args if name not in known)
        raise HostError(f"{callee.signature.name}: no parameter {extra!r}{hint_for(str(extra), known)}")
    return values


def _demand(border: Border, value: Value, name: str, type_: Type) -> None:
    """Raise :class:`bamlvm.HostError` if an argument does not hold what its type asserts."""
    constraints = border.results.constraints
    if not constraints.concern("assert", type_):
        return
    from bamlvm.sysops.constraints import AssertionFailed

    try:
        constraints.demand(value, type_)
    except AssertionFailed as failed:
        raise HostError(str(failed.at(name).at("args."))) from None
