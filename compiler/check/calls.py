"""Calls: the function that is meant, the result and what may be thrown.

A generic signature (the standard library's) is instantiated per call: the receiver and the arguments, in order, bind
its type variables.  What a function among the arguments may throw is known at the call only, so it is a variable too,
in the throws set of the function that takes it.

A call of ``baml.llm.call_llm_function`` and its like with a literal name is typed by that LLM function's own signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check import members
from bamlvm.compiler.check.arguments import arguments_by_name, arguments_of, open_throws_of, written_order
from bamlvm.compiler.check.context import Checking
from bamlvm.compiler.hir import UNSTATED
from bamlvm.compiler.reporter import name_range
from bamlvm.compiler.resolve.paths import ENVIRONMENT_LOOKUP
from bamlvm.compiler.types import substitute, widen
from bamlvm.vm.program.declarations import Signature
from bamlvm.vm.program.spelling import did_you_mean, nearest
from bamlvm.vm.program.types import (
    FLOAT,
    INT,
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
from bamlvm.vm.program.types import members as alternatives_of

PATTERN_METHODS = frozenset({"baml.String.matches", "baml.String.captures", "baml.String.replace_pattern"})
"""Natives whose first argument is a pattern."""

CALLS_BY_NAME = frozenset({"baml.llm.call_llm_function", "baml.llm.stream_llm_function"})
"""Functions whose first argument names the LLM function that they call."""

TO_JSON = "baml.json.from"
"""What ``x.to_json()`` calls, for any value whose class has no method of this name."""

SUMS: Mapping[Type, str] = {INT: "baml.Array.sum", FLOAT: "baml.Array.sum_floats"}
"""The natives that add up the items of a list, by their type."""

READ_AS = {"baml.json.parse": "baml.json.parse_as", "baml.llm.parse": "baml.llm.parse_as"}
"""Functions whose result is of the type that is expected of it, and the function called instead, with that type."""


def _self_bindings(c: Checking, type_: Type) -> dict[str, Type]:
    match type_:
        case ClassType(name, arguments) if arguments and (info := c.symbols.class_(name)) is not None:
            return members.class_bindings(info, type_)
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
            signature = c.symbols.signature(name)
            assert signature is not None
            if name in CALLS_BY_NAME and (special := _call_by_name(c, node, signature)) is not None:
                return special
            if name in READ_AS and (special := _read_as(c, node, signature, expected)) is not None:
                return special
            return _named(c, node, signature, None, [{}])
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
        signature = c.symbols.method(owner, member.name) if owner is not None else None
        if signature is not None and signature.parameters and signature.parameters[0].name == "self":
            found.append((part, signature))
    if len(found) == len(parts):
        for name in {signature.name for _, signature in found}:
            c.refer(member.name_start, "member", name.rpartition(".")[0], member.name)
        if found[0][1].name == SUMS[INT]:
            return _sum(c, node, member, receiver)
        if len({signature.name for _, signature in found}) == 1:
            return _named(c, node, found[0][1], receiver, [_self_bindings(c, part) for part, _ in found])
        if not any(signature.type_parameters for _, signature in found):
            return _dynamic(c, node, member, receiver, [signature for _, signature in found])
    if member.name == "to_json" and not node.arguments and not any(_has_own(c, part, member.name) for part in parts):
        c.throw(c.throws_of(TO_JSON))
        c.called()
        result = c.symbols.standard.signatures[TO_JSON].result
        return tir.CallNamed(node.start, node.end, result, TO_JSON, "function", (receiver,))
    if member.name == "to_string" and not node.arguments and not any(_has_own(c, part, member.name) for part in parts):
        return tir.CallNamed(node.start, node.end, STRING, "baml.to_string", "native", (receiver,))
    if all(members.field_of(c, part, member.name) for part in parts):
        index, type_ = members.find_field(c, receiver.type, member)
        assert type_ is not None
        return _value(c, node, tir.Field(member.start, member.end, type_, receiver, member.name, index))
    members.report_no_member(c, receiver.type, parts, member)
    return _unknown_call(c, node, receiver)


def _sum(c: Checking, node: hir.Call, member: hir.Member, receiver: tir.Expr) -> tir.Expr:
    """Check `xs.sum()`: its items are all ints, or all floats; report E0007."""
    signature = c.symbols.method("baml.Array", "sum")
    assert signature is not None
    items = {widen(part.item) for part in c.solver.alternatives(receiver.type) if isinstance(part, ListType)}
    kind: Type = items.pop() if len(items) == 1 else UNKNOWN
    checked = _named(c, node, signature, receiver, [{"T": kind}])
    if kind not in SUMS and kind != hir.ERROR:
        hint = "write `xs.reduce((a, b) -> { a + b }, 0)`, with what the sum begins at"
        c.report.error("E0007", name_range(member), f"`{c.solver.resolve(receiver.type)}` has no `sum`", hint=hint)
        return msgspec.structs.replace(checked, type=hir.ERROR)
    assert isinstance(checked, tir.CallNamed)
    return msgspec.structs.replace(checked, name=SUMS.get(kind, checked.name))


def _has_own(c: Checking, type_: Type, name: str) -> bool:
    """Whether a class of the program declares a field or a method."""
    if not isinstance(type_, ClassType):
        return False
    return members.field_of(c, type_, name) is not None or c.symbols.method(type_.name, name) is not None


def _unknown_call(c: Checking, node: hir.Call, callee: tir.Expr) -> tir.Expr:
    arguments = tuple(c.expr(c, argument.value, None) for argument in node.arguments)
    type_ = NEVER if callee.type == NEVER else hir.ERROR
    c.called()
    return tir.CallValue(node.start, node.end, type_, callee, arguments)


def _dynamic(
    c: Checking, node: hir.Call, member: hir.Member, receiver: tir.Expr, signatures: list[Signature]
) -> tir.Expr:
    """Check a call of a method that several classes have: it is chosen at run time, so each must take the arguments."""
    first, *others = signatures
    parameters = first.parameters[1:]
    checked = arguments_of(c, node, first, parameters, {})
    for other in others:
        same_shape = len(other.parameters) == len(first.parameters) and all(
            c.solver.same(one.type, two.type) and one.name == two.name and one.has_default == two.has_default
            for one, two in zip(parameters, other.parameters[1:], strict=True)
        )
        if not same_shape:
            c.report.error("E0005", member, f"`{first.name}` and `{other.name}` take different arguments")
    for signature in signatures:
        c.throw(_thrown(c, signature, {}))
    c.called()
    result = union(signature.result for signature in signatures)
    order = written_order(node, parameters, 1)
    return tir.CallMethod(node.start, node.end, result, member.name, (receiver, *checked), order)


def _named(
    c: Checking,
    node: hir.Call,
    signature: Signature,
    receiver: tir.Expr | None,
    alternatives: Sequence[dict[str, Type]],
) -> tir.Expr:
    """Check a call of one function.

    ``alternatives`` bind the type variables of its owner, one mapping for each type that the receiver may be of: the
    arguments must fit all of them, and the result is of any.
    """
    bindings, *others = alternatives
    parameters = signature.parameters[1:] if receiver is not None else signature.parameters
    arguments = arguments_of(c, node, signature, parameters, bindings)
    results = [_instantiated(signature.result, signature, bindings)]
    for other in others:
        every = {**bindings, **other}
        for argument, parameter in zip(arguments, parameters, strict=True):
            wanted = substitute(parameter.type, every)
            if argument is not None and not c.solver.assignable(argument.type, wanted):
                c.require(argument, wanted, argument, f" for `{parameter.name}`")
        results.append(_instantiated(signature.result, signature, every))
    if not (signature.name in PATTERN_METHODS and _has_valid_pattern(c, arguments)):
        c.throw(_thrown(c, signature, bindings))
    if signature.kind != "native":
        c.called()
    given = (receiver, *arguments) if receiver is not None else tuple(arguments)
    kind = "function" if signature.kind == "llm" else signature.kind
    order = written_order(node, parameters, 0 if receiver is None else 1)
    return tir.CallNamed(node.start, node.end, union(results), signature.name, kind, given, order)


def _instantiated(type_: Type, signature: Signature, bindings: dict[str, Type]) -> Type:
    """Return a signature's type with its variables replaced, by ``unknown`` where no argument decides them."""
    return substitute(type_, {**dict.fromkeys(signature.type_parameters, UNKNOWN), **bindings})


def _has_valid_pattern(c: Checking, arguments: Sequence[tir.Expr | None]) -> bool:
    """Whether a pattern is written as a literal, and so known to throw nothing; report an invalid one."""
    pattern, *others = arguments
    if not isinstance(pattern, tir.Constant) or not isinstance(pattern.value, str):
        return False
    from bamlvm.vm.patterns import PatternError, compile_pattern, template_of  # few programs have a pattern
    from bamlvm.vm.work import finish

    try:
        groups = compile_pattern(pattern.value).groups
    except PatternError as error:
        c.report.error("E0010", pattern, f"invalid pattern: {error}")
        return True
    for replacement in others:
        if not isinstance(replacement, tir.Constant) or not isinstance(replacement.value, str):
            return False
        try:
            finish(template_of(replacement.value, groups))
        except PatternError as error:
            c.report.error("E0010", replacement, f"invalid replacement: {error}")
    return True


def _thrown(c: Checking, signature: Signature, bindings: dict[str, Type]) -> Type:
    """Return what a call throws, with what its function arguments throw filled in (nothing for those left out)."""
    own = {name: NEVER for parameter in signature.parameters for name in open_throws_of(parameter.type)}
    return substitute(c.throws_of(signature.name), {**own, **bindings})


def _env_hint(callee: hir.Expr) -> str | None:
    """Return a hint for ``env.gett(…)``, which reads the variable ``gett`` and calls its value."""
    if not isinstance(callee, hir.Call) or callee.callee != hir.FunctionRef(
        callee.start, callee.end, ENVIRONMENT_LOOKUP
    ):
        return None
    written = callee.arguments[0].value
    name = str(written.value) if isinstance(written, hir.Constant) else ""
    near = nearest(name, ("get", "get_or_panic"))
    return f"did you mean `env.{near}`?" if near else f"`env.{name}` is the environment's variable `{name}`, a string"


def _value(c: Checking, node: hir.Call, callee: tir.Expr) -> tir.Expr:
    """Check a call of a function value, which may be of several types with the same parameters."""
    kinds = [each for each in c.solver.alternatives(callee.type) if isinstance(each, FunctionType)]
    type_ = c.solver.expand(callee.type)
    if not kinds or len(kinds) < len(alternatives_of(type_)) or len({each.parameters for each in kinds}) > 1:
        if type_ not in (NEVER, hir.ERROR):
            c.report.error("E0006", node.callee, f"`{type_}` is not a function", hint=_env_hint(node.callee))
        return _unknown_call(c, node, callee)
    parameters = kinds[0].parameters
    arguments = []
    for place, argument in enumerate(node.arguments):
        if argument.name is not None:
            c.report.error("E0005", argument, "a function value takes no named arguments")
        wanted = parameters[place] if place < len(parameters) else None
        arguments.append(c.coerce(argument.value, wanted) if wanted is not None else c.expr(c, argument.value, None))
    if len(arguments) != len(parameters):
        count = len(parameters)
        plural = "" if count == 1 else "s"
        c.report.error("E0005", node, f"`{type_}` takes {count} argument{plural}, not {len(arguments)}")
    c.throw(union(each.throws for each in kinds))
    c.called()
    result = union(each.result for each in kinds)
    return tir.CallValue(node.start, node.end, result, callee, tuple(arguments))


def function_value(c: Checking, node: hir.FunctionRef) -> tir.Expr:
    """Check a named function used as a value.  Its type does not say what its own arguments may make it throw."""
    signature = c.symbols.signature(node.name)
    assert signature is not None
    parameters = tuple(each.type for each in signature.parameters)
    open_throws = {name: UNSTATED for type_ in parameters for name in open_throws_of(type_)}
    type_ = substitute(FunctionType(parameters, signature.result, c.throws_of(node.name)), open_throws)
    if signature.type_parameters:
        c.report.error(
            "E0001", node, f"`{node.name}` is generic: it can be called, not passed on", hint="wrap it in a lambda"
        )
    kind = "function" if signature.kind == "llm" else signature.kind
    return tir.FunctionValue(node.start, node.end, type_, node.name, kind, len(parameters))


def _call_by_name(c: Checking, node: hir.Call, signature: Signature) -> tir.Expr | None:
    """Check a call of an LLM function by its literal name; arguments in a map literal are checked too."""
    first = node.arguments[0].value if len(node.arguments) == 2 else None
    if not isinstance(first, hir.Constant) or not isinstance(first.value, str):
        return None
    target = c.symbols.signature(first.value)
    if target is None or target.kind != "llm":
        known = [name for name, each in c.symbols.signatures.items() if each.kind == "llm"]
        c.report.error(
            "E0003", first, f"no LLM function is called `{first.value}`", hint=did_you_mean(first.value, known)
        )
        return None
    c.refer(first.start + 1, "item", "", target.name)
    second = node.arguments[1].value
    if not isinstance(second, hir.MapLiteral) or not all(
        isinstance(entry, hir.MapEntry) and isinstance(entry.key, hir.Constant) for entry in second.entries
    ):
        checked = _named(c, node, signature, None, [{}])
        assert isinstance(checked, tir.CallNamed)
        arguments = checked.arguments
    else:
        arguments = (c.expr(c, first, None), arguments_by_name(c, target, second))
        c.throw(c.throws_of(signature.name))
        c.called()
    return tir.CallNamed(node.start, node.end, target.result, signature.name, "function", arguments)


def _read_as(c: Checking, node: hir.Call, signature: Signature, expected: Type | None) -> tir.Expr | None:
    """Check a call that parses a text as the type that is expected of its result."""
    if expected is None or any(_says_nothing(each) for each in walk(expected)):
        if signature.name != "baml.json.parse":
            hint = f"`let value: T = {signature.name}(…)`"
            c.report.error("E0001", node, f"`{signature.name}` needs a type declared for its value", hint=hint)
        return None
    checked = _named(c, node, signature, None, [{}])
    assert isinstance(checked, tir.CallNamed)
    called = READ_AS[signature.name]
    c.throw(c.throws_of(called))
    written = tir.Constant(node.start, node.end, STRING, msgspec.json.encode(expected).decode())
    return tir.CallNamed(node.start, node.end, expected, called, "function", (*checked.arguments, written))


def _says_nothing(type_: Type) -> bool:
    return type_ in (UNKNOWN, NEVER, hir.ERROR) or type(type_) is VariableType
