"""Members of values: fields, the classes that declare methods, the elements of containers."""

from __future__ import annotations

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check.context import Checking
from bamlvm.compiler.reporter import name_range
from bamlvm.compiler.symbols import BUILT_IN_CLASSES, BUILT_IN_SELF
from bamlvm.compiler.types import substitute, widen
from bamlvm.vm.program.declarations import ClassInfo
from bamlvm.vm.program.spelling import Suggestion, did_you_mean, write_instead
from bamlvm.vm.program.types import (
    INT,
    NEVER,
    NULL,
    STRING,
    UNKNOWN,
    ClassType,
    ListType,
    MapType,
    Type,
    members,
)

_METHODS = {
    **dict.fromkeys(("len", "size", "count", "len_", "__len__"), "length"),
    **dict.fromkeys(("append", "add", "push_back"), "push"),
    **dict.fromkeys(("upper", "toUpper", "to_upper", "to_uppercase"), "to_upper_case"),
    **dict.fromkeys(("lower", "toLower", "to_lower", "to_lowercase"), "to_lower_case"),
    **dict.fromkeys(("contains", "include", "has", "__contains__"), "includes"),
    **dict.fromkeys(("contains_key", "containsKey", "has_key", "includes"), "has"),
    **dict.fromkeys(("strip",), "trim"),
    **dict.fromkeys(("startswith", "beginsWith"), "starts_with"),
    **dict.fromkeys(("endswith",), "ends_with"),
    **dict.fromkeys(("indexOf", "index", "position"), "index_of"),
    **dict.fromkeys(("replaceAll",), "replace_all"),
    **dict.fromkeys(("toString", "str", "as_string"), "to_string"),
    **dict.fromkeys(("substr", "substring_"), "substring"),
    **dict.fromkeys(("extend", "concatenate"), "concat"),
    **dict.fromkeys(("items",), "entries"),
    **dict.fromkeys(("del", "pop_key"), "remove"),
    **dict.fromkeys(("isEmpty", "empty"), "is_empty"),
    **dict.fromkeys(("reverse_", "reversed"), "reverse"),
    **dict.fromkeys(("sorted",), "sort"),
    **dict.fromkeys(("exists",), "any"),
    **dict.fromkeys(("fold",), "reduce"),
    "setdefault": "get_or_insert",
}
_HINTS = {
    **dict.fromkeys(("put", "insert", "add", "update"), "an entry is set by `m[key] = value`"),
    **dict.fromkeys(("forEach", "each"), "write `for (let x in xs) { … }`"),
    **dict.fromkeys(
        ("unwrap", "expect", "unwrap_or"), "an error goes to the caller by itself; null has a default by `x ?? default`"
    ),
    **dict.fromkeys(("getOrDefault", "get_or", "getOrElse"), "write `m.get(key) ?? default`"),
}
"""What is written here for methods of other languages that have none."""
"""What methods of other languages are called here."""


def method_owner(type_: Type) -> str | None:
    """Return the class that declares the methods of a type, or None."""
    match type_:
        case ClassType(name, _):
            return name
        case ListType():
            return "baml.Array"
        case MapType():
            return "baml.Map"
        case _:
            return BUILT_IN_CLASSES.get(widen(type_))


def field_of(c: Checking, type_: Type, name: str) -> tuple[ClassInfo, int] | None:
    """Return the class of ``type_`` and the place of its field, or None."""
    info = c.symbols.class_(type_.name) if isinstance(type_, ClassType) else None
    if info is not None:
        index = c.symbols.places(info).get(name)
        if index is not None:
            return info, index
    return None


def _field_type(owner: Type, info: ClassInfo, index: int) -> Type:
    type_ = info.fields[index].type
    return substitute(type_, class_bindings(info, owner)) if info.type_parameters else type_


def class_bindings(info: ClassInfo, type_: Type) -> dict[str, Type]:
    """Return the type variables of a class with what they are in ``type_``."""
    arguments = type_.arguments if isinstance(type_, ClassType) else ()
    return dict(zip(info.type_parameters, arguments, strict=False))


def find_field(c: Checking, owner: Type, node: hir.Member | hir.SetField) -> tuple[int | None, Type | None]:
    """Return the index (None where classes differ) and the type of a field; report E0007."""
    parts = c.solver.alternatives(owner)
    if owner == NEVER or hir.ERROR in parts:
        return None, None
    fields = [field_of(c, part, node.name) for part in parts]
    known = [each for each in fields if each is not None]
    if len(known) == len(fields):
        for info, _ in known:
            c.refer(node.name_start, "member", info.name, node.name)
        type_ = c.solver.join([_field_type(part, *each) for part, each in zip(parts, known, strict=True)])
        return (known[0][1] if len(known) == 1 else None), type_
    report_no_member(c, owner, parts, node)
    return None, None


def require_all(c: Checking, owner: Type, node: hir.SetField, value: tir.Expr) -> None:
    """Report an assigned value that does not fit the field of each class that the object may be of."""
    fields = [field_of(c, part, node.name) for part in c.solver.alternatives(owner)]
    for found in fields if len(fields) > 1 else ():
        if found is not None:
            info, index = found
            type_ = info.fields[index].type
            if not c.solver.assignable(value.type, type_):
                c.require(value, type_, node.value, f" for the field `{node.name}` of `{info.name}`")
                return


def report_no_member(c: Checking, owner: Type, parts: tuple[Type, ...], node: hir.Member | hir.SetField) -> None:
    """Report E0007: the alternative that lacks the member, and what was probably meant."""
    c.miss(node.name_start, node.name, owner)
    at = name_range(node)
    if NULL in parts and len(parts) > 1:
        shown = c.solver.resolve(owner)
        message = f"`{shown}` may be null, which has no `{node.name}`"
        c.report.error("E0007", at, message, hint="check it first: `if (x != null) { … }`, or set a default with `??`")
        return
    lacking = next((part for part in parts if field_of(c, part, node.name) is None), owner)
    hint: str | None = None
    info = c.symbols.class_(lacking.name) if isinstance(lacking, ClassType) else None
    if info is not None:
        if c.symbols.method(info.name, node.name) is not None:
            hint = Suggestion(f"`{node.name}` is a method: call it with `()`", node.name, f"{node.name}()")
        else:
            hint = did_you_mean(node.name, [*c.symbols.places(info), *c.symbols.methods(info.name)])
    elif lacking == UNKNOWN:
        hint = "narrow it first: `if (x is T)` or `match`"
    elif (own := method_owner(lacking)) is not None and c.symbols.method(own, node.name) is not None:
        hint = Suggestion(f"`{node.name}` is a method: call it with `()`", node.name, f"{node.name}()")
    elif (own or "") in BUILT_IN_SELF and (own != "baml.Array" or node.name != "add") and node.name in _HINTS:
        hint = _HINTS[node.name]
    elif (own or "") in BUILT_IN_SELF and (here := _METHODS.get(node.name)) in c.symbols.methods(own or ""):
        hint = write_instead(node.name, here or "")
    elif isinstance(lacking, MapType):
        hint = did_you_mean(node.name, c.symbols.methods("baml.Map")) or f'a map\'s entry is `m["{node.name}"]`'
    elif (class_name := method_owner(lacking)) is not None:
        hint = did_you_mean(node.name, c.symbols.methods(class_name))
    c.report.error("E0007", at, f"`{c.solver.resolve(lacking)}` has no `{node.name}`", hint=hint)


def container(c: Checking, type_: Type, where: hir.Expr) -> tuple[Type | None, Type]:
    """Return the types of the index and of the elements of a list or map; report E0008."""
    match c.solver.expand(type_):
        case ListType(item):
            return INT, item
        case MapType(key, value):
            return key, value
        case other:
            if other not in (NEVER, hir.ERROR):
                hint = "a string has no elements: use `substring(a, b)`" if widen(other) == STRING else None
                if NULL in members(other):
                    hint = "it may be null: check it first"
                c.report.error("E0008", where, f"`{other}` cannot be indexed", hint=hint)
            return None, hir.ERROR
