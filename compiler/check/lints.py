"""Lints: code that is valid and can hardly be what was meant.

They are E0101, a variable that is never read, E0102, code that is never reached, and E0103, a comparison or type test
whose result the types decide.

Rule: only what is certain is reported, and nothing about a function with an error, from which it may follow.  Types
that hold an error or a type variable decide nothing, and neither does code that is not reached itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check.context import Checking, Flow, Lint
from bamlvm.vm.program.declarations import EnumInfo
from bamlvm.vm.program.spelling import Suggestion
from bamlvm.vm.program.types import (
    FLOAT,
    INT,
    NEVER,
    NULL,
    STRING,
    UNKNOWN,
    EnumType,
    FunctionType,
    LiteralType,
    Type,
    VariableType,
    VariantType,
    literal_base,
    walk,
)


def unreachable(c: Checking, start: Flow, before: Sequence[tir.Statement], node: hir.Node) -> bool:
    """Report ``node`` if the statements ``before`` it in its block, which begins with the flow ``start``, never let
    control reach it; return whether it was reported."""
    last = before[-1]
    if not start.live or c.flow.live or node.start < last.end:
        return False  # what a `for` is made of has no place of its own
    if not c.flow.is_closed and not _is_endless(last):
        return False
    _note(c, "E0102", node, "this code is never reached", "remove it, or the statement before it that leaves")
    return True


def report(c: Checking) -> None:
    """Report what was found in a function, once it is checked, unless it has an error."""
    if c.report.has_errors:
        return
    for local in c.function.locals:
        if local.unused:
            what = "is assigned to, but never read" if local.reassigned else "is never used"
            hint = _binding_hint(c, local.name) or f"remove it, or name it `_{local.name}`"
            where = (local.start, local.start + len(local.name))
            c.report.warning("E0101", where, f"`{local.name}` {what}", hint)
    for lint in c.lints:
        c.report.warning(*lint)


def _binding_hint(c: Checking, name: str) -> str | None:
    """Return the hint for a name that was probably not meant to bind anything, or None."""
    if name in ("else", "default", "otherwise"):
        return Suggestion("any other value is `_`", name, "_")
    enum = variant_owner(c.symbols.enums, name)
    return Suggestion(f"a variant is written `{enum}.{name}`", name, f"{enum}.{name}") if enum is not None else None


def variant_owner(enums: Mapping[str, EnumInfo], name: str) -> str | None:
    """Return the only enum that has a variant of this name, or None."""
    owners = [enum for enum, info in enums.items() if any(each.name == name for each in info.variants)]
    return owners[0] if len(owners) == 1 else None


def _note(c: Checking, code: str, node: hir.Node, message: str, hint: str | None = None) -> None:
    c.lints.append(Lint(code, node, message, hint))


def _is_endless(statement: tir.Statement) -> bool:
    """Whether a statement is a loop whose condition always holds, or the block that a `for` is made of around one."""
    if isinstance(statement, tir.Evaluate) and isinstance(statement.value, tir.Block) and statement.value.statements:
        statement = statement.value.statements[-1]
    if not isinstance(statement, tir.Loop):
        return False
    condition = statement.condition
    return condition is None or (isinstance(condition, tir.Constant) and condition.value is True)


def comparison(c: Checking, node: hir.Binary, left: tir.Expr, right: tir.Expr) -> None:
    """Report ``==`` or ``!=`` if the types of its operands decide it."""
    one, other = c.solver.expand(left.type), c.solver.expand(right.type)
    if not c.flow.live or not _decides(c, one) or not _decides(c, other):
        return
    if _is_single(one) and one == other:
        equal = True
    elif not c.solver.overlaps(one, other):
        equal = False
    else:
        return
    result = "true" if equal == (node.operator == "==") else "false"
    same = "the same" if equal else "never equal"
    message = f"this is always {result}: `{one}` and `{other}` are {same}"
    _note(c, "E0103", node, message, None if equal else _comparison_hint(c, one, other))


def type_test(c: Checking, node: hir.TypeTest, operand: tir.Expr) -> None:
    """Report ``x is T`` if the type of ``x`` decides it."""
    type_, tested = c.solver.expand(operand.type), c.solver.expand(node.type)
    if not c.flow.live or not _decides(c, type_) or not _decides(c, tested):
        return
    if not c.solver.overlaps(type_, tested):
        _note(c, "E0103", node, f"this is always false: `{type_}` is never `{tested}`")
    elif c.solver.subtract(type_, tested) == NEVER:
        _note(c, "E0103", node, f"this is always true: `{type_}` is always `{tested}`")


def never_null(c: Checking, node: hir.Present, type_: Type) -> None:
    """Report ``x?.`` if ``x`` is never null."""
    if c.flow.live and _decides(c, type_):
        _note(c, "E0103", node, f"`?.` has no effect: `{c.solver.resolve(type_)}` is never null", "write `.`")


def _decides(c: Checking, type_: Type) -> bool:
    """Whether a type says anything about a value."""
    if c.solver.is_large(type_):
        return True
    parts = list(walk(type_))
    return not any(
        part in (hir.ERROR, UNKNOWN, NEVER) or isinstance(part, VariableType | FunctionType) for part in parts
    )


def _is_single(type_: Type) -> bool:
    """Whether only one value is of a type."""
    return type_ == NULL or isinstance(type_, LiteralType | VariantType)


def _comparison_hint(c: Checking, one: Type, other: Type) -> str | None:
    kinds = {literal_base(part) if isinstance(part, LiteralType) else part for part in (one, other)}
    if NULL in kinds:
        return "the value is never null: no check is needed"
    if kinds == {INT, FLOAT}:
        return "an int never equals a float: write both as the same, such as `2.0`"
    for enum, text in ((one, other), (other, one)):
        named = enum.enum if isinstance(enum, VariantType) else enum.name if isinstance(enum, EnumType) else None
        if named is not None and literal_base(text) == STRING if isinstance(text, LiteralType) else text == STRING:
            return _variant_hint(c, named, text)
    return None


def _variant_hint(c: Checking, enum: str | None, text: Type) -> str | None:
    """Return a hint for a comparison of an enum with a string."""
    info = c.symbols.enum(enum) if enum is not None else None
    if info is None:
        return None
    names = [variant.name for variant in info.variants]
    if isinstance(text, LiteralType) and text.value in names:
        return f"a variant is no string: write `{enum}.{text.value}`"
    return f"a variant is no string: compare with one, such as `{enum}.{names[0]}`" if names else None
