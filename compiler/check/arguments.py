"""Arguments: whether they fit the parameters of a function, and what they bind of its type variables.

They bind in order, but a lambda whose parameters have no written types comes last: the others may decide them.  What a
function among the arguments throws is bound, too.  Reports E0005.
"""

from __future__ import annotations

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check.context import Checking, inferred
from bamlvm.compiler.hir import UNSTATED
from bamlvm.compiler.types import is_open, substitute
from bamlvm.vm.program.declarations import Parameter, Signature
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import (
    STRING,
    UNKNOWN,
    ClassType,
    FunctionType,
    ListType,
    MapType,
    Type,
    UnionType,
    VariableType,
    union,
    walk,
)
from bamlvm.vm.program.types import members as alternatives_of


def arguments_of(
    c: Checking, node: hir.Call, signature: Signature, parameters: tuple[Parameter, ...], bindings: dict[str, Type]
) -> list[tir.Expr | None]:
    """Check arguments and return them by parameter, None for a default."""
    given: list[tir.Expr | None] = [None] * len(parameters)
    short = signature.name.rpartition(".")[2]
    misnamed = False
    later: dict[int, hir.Expr] = {}
    for place, argument in enumerate(node.arguments):
        index: int | None = place
        if argument.name is not None:
            index = next((i for i, each in enumerate(parameters) if each.name == argument.name), None)
            if index is None:
                misnamed = True
                hint = did_you_mean(argument.name, [each.name for each in parameters]) or _shown(signature, parameters)
                c.report.error("E0005", argument, f"`{short}` has no parameter `{argument.name}`", hint=hint)
        elif place >= len(parameters):
            index = None
            if place == len(parameters):
                _wrong_count(c, node, signature, parameters)
        if index is None:
            c.expr(c, argument.value, None)
            continue
        if argument.name is not None:
            c.refer(argument.start, "parameter", signature.name, argument.name)
        if given[index] is not None or index in later:
            c.report.error("E0005", argument, f"`{parameters[index].name}` is given twice")
        if _is_untyped(argument.value):
            later[index] = argument.value  # the other arguments may decide the types of its parameters
        else:
            given[index] = _argument(c, argument.value, parameters[index], bindings)
    for index, value in later.items():
        given[index] = _argument(c, value, parameters[index], bindings)
    missing = [each for value, each in zip(given, parameters, strict=True) if value is None and not each.has_default]
    if missing and not misnamed and len(node.arguments) <= len(parameters):
        if any(argument.name is not None for argument in node.arguments):
            message = f"`{short}` is not given `{missing[0].name}`"
            c.report.error("E0005", node, message, hint=_shown(signature, parameters))
        else:
            _wrong_count(c, node, signature, parameters)
    return given


def _is_untyped(value: hir.Expr) -> bool:
    """Whether an argument is a lambda with a parameter without a written type."""
    return isinstance(value, hir.Lambda) and any(each.type == hir.INFERRED for each in value.parameters)


def _argument(c: Checking, value: hir.Expr, parameter: Parameter, bindings: dict[str, Type]) -> tir.Expr:
    wanted = substitute(parameter.type, bindings)
    open_throws = dict.fromkeys(open_throws_of(wanted), UNSTATED)
    wanted = substitute(wanted, open_throws)
    because = f" for `{parameter.name}`"
    if any(isinstance(part, VariableType) and not is_open(part) for part in walk(wanted)):
        checked = c.expr(c, value, wanted if _is_untyped(value) else None)
        _unify(c, wanted, c.solver.resolve(inferred(checked)), bindings)
        c.require(checked, substitute(wanted, bindings), value, because)
    else:
        checked = c.coerce(value, wanted, because)
    if open_throws:
        given = c.solver.alternatives(checked.type)
        throws = union(each.throws for each in given if isinstance(each, FunctionType))
        bindings.update(dict.fromkeys(open_throws, throws))
    return checked


def _unify(c: Checking, wanted: Type, found: Type, bindings: dict[str, Type]) -> None:
    """Bind the type variables of ``wanted`` so that ``found`` fits, if it can."""
    match wanted, found:
        case VariableType(name), _ if not is_open(wanted):
            bindings.setdefault(name, found)
        case UnionType(parts), _ if sum(isinstance(part, VariableType) for part in parts) == 1:
            (variable,) = (part for part in parts if isinstance(part, VariableType))
            _unify(c, variable, union(part for part in alternatives_of(found) if part not in parts), bindings)
        case ListType(item), ListType(other):
            _unify(c, item, other, bindings)
        case MapType(key, value), MapType(other_key, other_value):
            _unify(c, key, other_key, bindings)
            _unify(c, value, other_value, bindings)
        case FunctionType(takes, result, _), FunctionType(other_takes, other_result, _):
            for one, other in zip(takes, other_takes, strict=False):
                _unify(c, one, other, bindings)
            _unify(c, result, other_result, bindings)
        case ClassType(name, arguments), _ if arguments:
            same = [part for part in alternatives_of(found) if isinstance(part, ClassType) and part.name == name]
            for place, each in enumerate(arguments) if same else ():
                _unify(c, each, union(part.arguments[place] for part in same), bindings)
        case _:
            pass


def _wrong_count(c: Checking, node: hir.Call, signature: Signature, parameters: tuple[Parameter, ...]) -> None:
    short = signature.name.rpartition(".")[2]
    required = sum(not each.has_default for each in parameters)
    most = len(parameters)
    takes = str(most) if required == most else f"{required} to {most}"
    message = f"`{short}` takes {takes} argument{'' if takes == '1' else 's'}, not {len(node.arguments)}"
    hint = "write `m.get(key) ?? default`" if signature.name == "baml.Map.get" else _shown(signature, parameters)
    c.report.error("E0005", node, message, hint=hint)


def _shown(signature: Signature, parameters: tuple[Parameter, ...]) -> str:
    """Return a signature as hints show it."""
    shown = ", ".join(f"{each.name}: {each.type}" for each in parameters)
    return f"{signature.name.rpartition('.')[2]}({shown})"


def written_order(node: hir.Call, parameters: tuple[Parameter, ...], offset: int) -> tuple[int, ...]:
    """Return the places of the arguments in the order written; () if that is the parameters' order."""
    places = {each.name: place for place, each in enumerate(parameters)}
    order = [places.get(argument.name, 0) if argument.name else place for place, argument in enumerate(node.arguments)]
    if order == sorted(order):
        return ()
    return (*range(offset), *(place + offset for place in order))


def open_throws_of(type_: Type) -> list[str]:
    """Return the variables in a parameter's function types for throws that only an argument decides."""
    throws = [part.throws for part in alternatives_of(type_) if isinstance(part, FunctionType)]
    return [each.name for each in throws if isinstance(each, VariableType)]


def arguments_by_name(c: Checking, target: Signature, written: hir.MapLiteral) -> tir.Expr:
    """Check a map literal of arguments, each against the parameter that its key names."""
    wanted = {each.name: each for each in target.parameters}
    entries: list[tir.MapEntry | tir.Spread] = []
    seen: set[str] = set()
    for entry in written.entries:
        assert isinstance(entry, hir.MapEntry) and isinstance(entry.key, hir.Constant)
        name = str(entry.key.value)
        seen.add(name)
        if name in wanted:
            value = c.coerce(entry.value, wanted[name].type, f" for `{name}`")
        else:
            c.report.error(
                "E0005", entry.key, f"`{target.name}` has no parameter `{name}`", hint=did_you_mean(name, wanted)
            )
            value = c.expr(c, entry.value, None)
        entries.append(tir.MapEntry(entry.start, entry.end, c.expr(c, entry.key, None), value))
    missing = [name for name, each in wanted.items() if name not in seen and not each.has_default]
    if missing:
        c.report.error("E0005", written, f"`{target.name}` is missing {', '.join(f'`{name}`' for name in missing)}")
    return tir.MapLiteral(written.start, written.end, MapType(STRING, UNKNOWN), tuple(entries))
