"""Calls: which function is meant, whether the arguments fit, what comes back and what may be thrown.

A generic signature (the standard library's) is instantiated per call: the receiver and the arguments, in order, bind
its type variables.  What a function value among the arguments may throw counts as thrown by the call.  A call of
``baml.llm.call_llm_function`` and its kin with a literal name is typed by that LLM function's own signature.
"""

from __future__ import annotations

from collections.abc import Sequence

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check import members
from bamlvm.compiler.check.context import Checking
from bamlvm.compiler.report import did_you_mean
from bamlvm.compiler.types import substitute, widen
from bamlvm.vm.program import Parameter, Signature
from bamlvm.vm.types import (
    NEVER,
    STRING,
    UNKNOWN,
    ClassType,
    FunctionType,
    ListType,
    MapType,
    Type,
    VariableType,
    union,
    walk,
)

CALLS_BY_NAME = frozenset({"baml.llm.call_llm_function", "baml.llm.stream_llm_function"})
"""Functions whose first argument names the LLM function that they call."""


def _self_bindings(type_: Type) -> dict[str, Type]:
    match type_:
        case ListType(item):
            return {"T": item}
        case MapType(key, value):
            return {"K": key, "V": value}
        case _:
            return {}


def call(c: Checking, node: hir.Call, expected: Type | None) -> tir.Expr:
    """Check a call of any callee."""
    match node.callee:
        case hir.FunctionRef(name=name):
            signature = c.world.signature(name)
            assert signature is not None
            if name in CALLS_BY_NAME and (special := _call_by_name(c, node, signature)) is not None:
                return special
            return _named(c, node, signature, None, {})
        case hir.Member() as member:
            return _method(c, node, member)
        case callee:
            return _value(c, node, c.expr(c, callee, None))


def _method(c: Checking, node: hir.Call, member: hir.Member) -> tir.Expr:
    receiver = c.expr(c, member.object, None)
    parts = c.solver.alternatives(receiver.type)
    if not parts or hir.ERROR in parts:
        return _unknown_call(c, node, receiver)
    found: list[tuple[Type, Signature]] = []
    for part in parts:
        owner = members.method_owner(part)
        signature = c.world.method(owner, member.name) if owner is not None else None
        if signature is not None and signature.parameters and signature.parameters[0].name == "self":
            found.append((part, signature))
    if len(found) == len(parts):
        if len({signature.name for _, signature in found}) == 1:
            return _named(c, node, found[0][1], receiver, _self_bindings(found[0][0]))
        if all(isinstance(part, ClassType) for part in parts):
            return _dynamic(c, node, member, receiver, [signature for _, signature in found])
    if all(members.field_of(c, part, member.name) for part in parts):
        index, type_ = members.find_field(c, receiver.type, member)
        assert type_ is not None
        return _value(c, node, tir.Field(member.start, member.end, type_, receiver, member.name, index))
    members.report_no_member(c, receiver.type, parts, member)
    return _unknown_call(c, node, receiver)


def _unknown_call(c: Checking, node: hir.Call, callee: tir.Expr) -> tir.Expr:
    arguments = tuple(c.expr(c, argument.value, None) for argument in node.arguments)
    type_ = NEVER if callee.type == NEVER else hir.ERROR
    return tir.CallValue(node.start, node.end, type_, callee, arguments)


def _dynamic(
    c: Checking, node: hir.Call, member: hir.Member, receiver: tir.Expr, signatures: list[Signature]
) -> tir.Expr:
    """A method that several classes have: chosen as the program runs, so each must take the arguments."""
    first = signatures[0]
    checked = _arguments(c, node, first, first.parameters[1:], {})
    for other in signatures[1:]:
        same_shape = len(other.parameters) == len(first.parameters) and all(
            c.solver.same(one.type, two.type) and one.has_default == two.has_default
            for one, two in zip(first.parameters[1:], other.parameters[1:], strict=True)
        )
        if not same_shape:
            c.report.error("E0005", member, f"`{first.name}` and `{other.name}` take different arguments")
    for signature in signatures:
        c.throw(c.throws_of(signature.name))
    result = union(signature.result for signature in signatures)
    return tir.CallMethod(node.start, node.end, _after(result, [receiver, *checked]), member.name, (receiver, *checked))


def _named(
    c: Checking, node: hir.Call, signature: Signature, receiver: tir.Expr | None, bindings: dict[str, Type]
) -> tir.Expr:
    parameters = signature.parameters[1:] if receiver is not None else signature.parameters
    arguments = _arguments(c, node, signature, parameters, bindings)
    result = substitute(signature.result, {**dict.fromkeys(signature.type_parameters, UNKNOWN), **bindings})
    c.throw(c.throws_of(signature.name))
    for argument in arguments:
        if argument is not None and isinstance(argument.type, FunctionType):
            c.throw(argument.type.throws)
    every = (receiver, *arguments) if receiver is not None else tuple(arguments)
    kind = "function" if signature.kind == "llm" else signature.kind
    order = _written_order(node, parameters, 0 if receiver is None else 1)
    return tir.CallNamed(node.start, node.end, _after(result, every), signature.name, kind, every, order)


def _written_order(node: hir.Call, parameters: tuple[Parameter, ...], offset: int) -> tuple[int, ...]:
    """The places of the arguments in the order written, or nothing where that is the parameters' order."""
    places = {each.name: place for place, each in enumerate(parameters)}
    order = [places.get(argument.name, 0) if argument.name else place for place, argument in enumerate(node.arguments)]
    if order == sorted(order):
        return ()
    return (*range(offset), *(place + offset for place in order))


def _after(result: Type, arguments: Sequence[tir.Expr | None]) -> Type:
    """A call whose argument diverges never happens."""
    return NEVER if any(argument is not None and argument.type == NEVER for argument in arguments) else result


def _arguments(
    c: Checking, node: hir.Call, signature: Signature, parameters: tuple[Parameter, ...], bindings: dict[str, Type]
) -> list[tir.Expr | None]:
    """The arguments by parameter, None where a default stands in; reports E0005."""
    given: list[tir.Expr | None] = [None] * len(parameters)
    short = signature.name.rpartition(".")[2]
    for place, argument in enumerate(node.arguments):
        index: int | None = place
        if argument.name is not None:
            index = next((i for i, each in enumerate(parameters) if each.name == argument.name), None)
            if index is None:
                hint = did_you_mean(argument.name, [each.name for each in parameters])
                c.report.error("E0005", argument, f"`{short}` has no parameter `{argument.name}`", hint=hint)
        elif place >= len(parameters):
            index = None
            if place == len(parameters):
                _wrong_count(c, node, signature, parameters)
        if index is None:
            c.expr(c, argument.value, None)
            continue
        if given[index] is not None:
            c.report.error("E0005", argument, f"`{parameters[index].name}` is given twice")
        given[index] = _argument(c, argument.value, parameters[index], bindings)
    missing = any(value is None and not each.has_default for value, each in zip(given, parameters, strict=True))
    if missing and len(node.arguments) <= len(parameters):
        _wrong_count(c, node, signature, parameters)
    return given


def _argument(c: Checking, value: hir.Expr, parameter: Parameter, bindings: dict[str, Type]) -> tir.Expr:
    wanted = substitute(parameter.type, bindings)
    because = f" for `{parameter.name}`"
    if not any(isinstance(part, VariableType) and not part.name.startswith("?") for part in walk(wanted)):
        return c.coerce(value, wanted, because)
    checked = c.expr(c, value, None)
    _unify(c, wanted, c.solver.resolve(checked.type), bindings)
    c.require(checked, substitute(wanted, bindings), value, because)
    return checked


def _unify(c: Checking, wanted: Type, found: Type, bindings: dict[str, Type]) -> None:
    """Bind the type variables of ``wanted`` so that ``found`` fits, where that is possible."""
    match wanted, found:
        case VariableType(name), _ if not name.startswith("?"):
            bindings.setdefault(name, widen(found))
        case ListType(item), ListType(other):
            _unify(c, item, other, bindings)
        case MapType(key, value), MapType(other_key, other_value):
            _unify(c, key, other_key, bindings)
            _unify(c, value, other_value, bindings)
        case FunctionType(takes, gives, _), FunctionType(other_takes, other_gives, _):
            for one, other in zip(takes, other_takes, strict=False):
                _unify(c, one, other, bindings)
            _unify(c, gives, other_gives, bindings)
        case _:
            pass


def _wrong_count(c: Checking, node: hir.Call, signature: Signature, parameters: tuple[Parameter, ...]) -> None:
    short = signature.name.rpartition(".")[2]
    required = sum(not each.has_default for each in parameters)
    most = len(parameters)
    takes = str(most) if required == most else f"{required} to {most}"
    shown = ", ".join(f"{each.name}: {each.type}" for each in parameters)
    count = len(node.arguments)
    c.report.error(
        "E0005",
        node,
        f"`{short}` takes {takes} argument{'' if takes == '1' else 's'}, not {count}",
        hint=f"{short}({shown})",
    )


def _value(c: Checking, node: hir.Call, callee: tir.Expr) -> tir.Expr:
    """A call of a function value."""
    type_ = c.solver.expand(callee.type)
    if not isinstance(type_, FunctionType):
        if type_ not in (NEVER, hir.ERROR):
            c.report.error("E0006", node.callee, f"`{type_}` is not a function")
        return _unknown_call(c, node, callee)
    arguments = []
    for place, argument in enumerate(node.arguments):
        if argument.name is not None:
            c.report.error("E0005", argument, "a function value takes no named arguments")
        wanted = type_.parameters[place] if place < len(type_.parameters) else None
        arguments.append(c.coerce(argument.value, wanted) if wanted is not None else c.expr(c, argument.value, None))
    if len(arguments) != len(type_.parameters):
        count = len(type_.parameters)
        c.report.error(
            "E0005", node, f"`{type_}` takes {count} argument{'' if count == 1 else 's'}, not {len(arguments)}"
        )
    c.throw(type_.throws)
    return tir.CallValue(node.start, node.end, _after(type_.result, [callee, *arguments]), callee, tuple(arguments))


def function_value(c: Checking, node: hir.FunctionRef) -> tir.Expr:
    """A named function as a value."""
    signature = c.world.signature(node.name)
    assert signature is not None
    parameters = tuple(each.type for each in signature.parameters)
    type_ = FunctionType(parameters, signature.result, c.throws_of(node.name))
    if signature.type_parameters:
        c.report.error(
            "E0001", node, f"`{node.name}` is generic: it can be called, not passed on", hint="wrap it in a lambda"
        )
    kind = "function" if signature.kind == "llm" else signature.kind
    return tir.FunctionValue(node.start, node.end, type_, node.name, kind, len(parameters))


def _call_by_name(c: Checking, node: hir.Call, signature: Signature) -> tir.Expr | None:
    """A call of an LLM function by its literal name, with its arguments in a map literal where they can be seen."""
    first = node.arguments[0].value if len(node.arguments) == 2 else None
    if not isinstance(first, hir.Constant) or not isinstance(first.value, str):
        return None
    target = c.world.signature(first.value)
    if target is None or target.kind != "llm":
        known = [name for name, each in c.world.signatures.items() if each.kind == "llm"]
        c.report.error(
            "E0003", first, f"no LLM function is called `{first.value}`", hint=did_you_mean(first.value, known)
        )
        return None
    second = node.arguments[1].value
    if not isinstance(second, hir.MapLiteral) or not all(
        isinstance(entry, hir.MapEntry) and isinstance(entry.key, hir.Constant) for entry in second.entries
    ):
        checked = _named(c, node, signature, None, {})
        assert isinstance(checked, tir.CallNamed)
        arguments = checked.arguments
    else:
        arguments = (c.expr(c, first, None), _arguments_by_name(c, target, second))
        c.throw(c.throws_of(signature.name))
    result = _after(target.result, arguments)
    return tir.CallNamed(node.start, node.end, result, signature.name, "function", arguments)


def _arguments_by_name(c: Checking, target: Signature, written: hir.MapLiteral) -> tir.Expr:
    """A map literal of arguments, each checked against the parameter that its key names."""
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
