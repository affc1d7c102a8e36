"""Operators, and the narrowing of places by conditions.

:func:`condition` checks a boolean expression and returns, beside its tir, the flow where it is true and the flow where
it is false.
"""

from __future__ import annotations

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check import lints
from bamlvm.compiler.check.context import Checking, Flow, Place, place_of
from bamlvm.compiler.types import literal_type, widen
from bamlvm.vm.program.spelling import Suggestion
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NEVER,
    NULL,
    STRING,
    ListType,
    LiteralType,
    Type,
    VariantType,
    members,
    union,
)

_ORDER = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
_INTEGER = {"+": "add_int", "-": "sub_int", "*": "mul_int"}
_SCALARS = (INT, FLOAT, STRING, BOOL)


def bases(c: Checking, type_: Type) -> tuple[Type, ...]:
    """Return the alternatives of a type with literals widened."""
    return members(c.solver.widen(c.solver.expand(type_)))


def binary(c: Checking, node: hir.Binary, expected: Type | None) -> tir.Expr:
    """Check arithmetic or a comparison; report E0004 for operands that the operator does not take."""
    at = (node.start, node.end)
    left = c.expr(c, node.left, None)
    right = c.expr(c, node.right, None)
    if NEVER in (left.type, right.type):
        return tir.Operation(*at, NEVER, "bin_op", "+", (left, right))
    operands = (left, right)
    if node.operator in ("==", "!="):
        lints.comparison(c, node, left, right)
        name = "equal" if node.operator == "==" else "not_equal"
        if _plainly_comparable(c, left.type, right.type):
            return tir.Operation(*at, BOOL, name, None, operands)
        return tir.Operation(*at, BOOL, "cmp_op", node.operator, operands)
    ones, others = bases(c, left.type), bases(c, right.type)
    if hir.ERROR in ones or hir.ERROR in others:
        return tir.Operation(*at, BOOL if node.operator in _ORDER else hir.ERROR, "bin_op", "+", operands)
    if node.operator in _ORDER:
        if len(ones) == 1 and ones == others and ones[0] in (INT, FLOAT, STRING):
            return tir.Operation(*at, BOOL, _ORDER[node.operator], None, operands)
        _bad_operands(c, node, left.type, right.type)
        return tir.Operation(*at, BOOL, "less", None, operands)
    result = _arithmetic(node.operator, ones, others)
    if result is None:
        _bad_operands(c, node, left.type, right.type)
        return tir.Operation(*at, hir.ERROR, "bin_op", "+", operands)
    if result == INT and node.operator in _INTEGER:
        return tir.Operation(*at, INT, _INTEGER[node.operator], None, operands)
    if result == STRING:
        return tir.Operation(*at, STRING, "concat", None, operands)
    return tir.Operation(*at, result, "bin_op", node.operator, operands)


def _plainly_comparable(c: Checking, left: Type, right: Type) -> bool:
    """Whether Python's ``==`` decides the comparison: one scalar type on both sides (or null)."""
    ones, others = set(bases(c, left)), set(bases(c, right))
    if ones == {NULL} or others == {NULL}:
        return True
    kinds = (ones | others) - {NULL}
    return len(kinds) == 1 and kinds <= set(_SCALARS)


def _arithmetic(operator: str, ones: tuple[Type, ...], others: tuple[Type, ...]) -> Type | None:
    """Return the result type over every combination of alternatives, or None if the operator does not take one."""
    if not ones or not others:
        return None
    results = [_result(operator, one, other) for one in ones for other in others]
    return None if None in results else union(result for result in results if result is not None)


def _result(operator: str, one: Type, other: Type) -> Type | None:
    numeric = one in (INT, FLOAT) and other in (INT, FLOAT)
    if operator in ("&", "|", "^", "<<", ">>"):
        return INT if one == other == INT else None
    if numeric:
        return INT if one == other == INT else FLOAT
    return STRING if operator == "+" and one == other == STRING else None


def _bad_operands(c: Checking, node: hir.Binary, left: Type, right: Type) -> None:
    one, other = c.solver.resolve(left), c.solver.resolve(right)
    hint = None
    kinds = {str(widen(one)), str(widen(other))}
    if NULL in (*members(one), *members(other)):
        hint = "a value that may be null has to be checked first: `if (x != null)` or `??`"
    elif node.operator == "+" and "string" in kinds:
        hint = "there is no implicit conversion: write `x.to_string()` or a template string `${x}`"
    elif node.operator == "*" and kinds == {"string", "int"}:
        hint = "a text is repeated by `text.repeat(n)`"
    elif node.operator == "+" and isinstance(widen(one), ListType) and isinstance(widen(other), ListType):
        hint = "lists are joined by `xs.concat(ys)`, or `[...xs, ...ys]`"
    elif node.operator in _ORDER:
        hint = "ordering wants both sides of one type: numbers or strings"
    message = f"`{node.operator}` does not take `{one}` and `{other}`"
    c.report.error("E0004", (node.operator_start, node.operator_start + len(node.operator)), message, hint=hint)


def unary(c: Checking, node: hir.Unary) -> tir.Expr:
    """Check ``- ! ~``."""
    at = (node.start, node.end)
    if node.operator == "!":
        return tir.Not(*at, BOOL, c.coerce(node.operand, BOOL))
    operand = c.expr(c, node.operand, None)
    kinds = bases(c, operand.type)
    allowed = (INT,) if node.operator == "~" else (INT, FLOAT)
    if operand.type not in (NEVER, hir.ERROR) and not all(kind in allowed for kind in kinds):
        c.report.error("E0004", node, f"`{node.operator}` does not take `{c.solver.resolve(operand.type)}`")
    return tir.Operation(*at, NEVER if operand.type == NEVER else union(kinds), "unary_op", node.operator, (operand,))


def logical(c: Checking, node: hir.Logical, expected: Type | None) -> tir.Expr:
    """Check ``&& || ??`` for their value."""
    if node.operator != "??":
        checked, true, false = condition(c, node)
        c.flow = c.join(true, false)
        return checked
    left = c.expr(c, node.left, None)
    before, place = c.flow, place_of(left)
    kept = c.solver.subtract(left.type, NULL)
    if NULL in c.solver.alternatives(left.type) and kept != NEVER:
        before, c.flow = c.narrowed(before, place, kept), c.narrowed(before, place, NULL)
    right = c.expr(c, node.right, expected if expected is not None else kept)
    c.flow = c.join(before, c.flow)
    return tir.Logical(node.start, node.end, union((kept, right.type)), "??", left, right)


def condition(c: Checking, node: hir.Expr) -> tuple[tir.Expr, Flow, Flow]:
    """Check a boolean expression; return its tir, the flow where it is true and the flow where it is false."""
    match node:
        case hir.Unary(operator="!"):
            operand, true, false = condition(c, node.operand)
            return tir.Not(node.start, node.end, BOOL, operand), false, true
        case hir.Logical(operator="||", right=hir.Constant(value=str() | int() | float() as default)) if not isinstance(
            default, bool
        ):
            return _meant_as_default(c, node)
        case hir.Logical(operator="&&" | "||" as operator):
            left, true, false = condition(c, node.left)
            c.flow = true if operator == "&&" else false
            right, right_true, right_false = condition(c, node.right)
            both = tir.Logical(node.start, node.end, BOOL, operator, left, right)
            if operator == "&&":
                return both, right_true, c.join(false, right_false)
            return both, c.join(true, right_true), right_false
        case hir.TypeTest():
            return _type_test(c, node)
        case hir.Binary(operator="==" | "!="):
            return _equality(c, node)
        case _:
            checked = c.coerce(node, BOOL, " (a condition)")
            if isinstance(checked, tir.Constant):
                return (checked, c.flow, c.flow.refuted()) if checked.value else (checked, c.flow.refuted(), c.flow)
            place, type_ = place_of(checked), checked.type
            if place is not None and NULL in c.solver.alternatives(type_):  # reported; it is not to be reported twice
                return checked, c.narrowed(c.flow, place, c.solver.subtract(type_, NULL)), c.flow
            return checked, c.flow, c.flow


def _meant_as_default(c: Checking, node: hir.Logical) -> tuple[tir.Expr, Flow, Flow]:
    """Report `x || "a"`, which other languages have for a default."""
    left, right = c.expr(c, node.left, None), c.expr(c, node.right, None)
    message = f"`||` takes two bools, not `{c.solver.resolve(left.type)}` and `{right.type}`"
    c.report.error("E0004", node, message, Suggestion("a default for null is set by `??`", "||", "??"))
    return tir.Logical(node.start, node.end, hir.ERROR, "||", left, right), c.flow, c.flow


def _type_test(c: Checking, node: hir.TypeTest) -> tuple[tir.Expr, Flow, Flow]:
    operand = c.expr(c, node.operand, None)
    lints.type_test(c, node, operand)
    checked = tir.IsType(node.start, node.end, BOOL, operand, node.type)
    place, type_ = place_of(operand), operand.type
    if place is None or type_ == NEVER:
        return checked, c.flow, c.flow
    true = c.narrowed(c.flow, place, c.solver.intersect(type_, node.type))
    return checked, true, c.narrowed(c.flow, place, c.solver.subtract(type_, node.type))


def _equality(c: Checking, node: hir.Binary) -> tuple[tir.Expr, Flow, Flow]:
    """Check ``==`` and ``!=``; comparing with null, a literal or a variant narrows a local or field."""
    checked = binary(c, node, None)
    assert isinstance(checked, tir.Operation)
    left, right = checked.operands
    place: Place | None = None
    single: Type | None = None
    known: Type = NEVER
    for one, written in ((left, node.right), (right, node.left)):
        if (place := place_of(one)) is not None and (single := _single(written)) is not None:
            known = one.type
            break
    if place is None or single is None or known == NEVER:
        return checked, c.flow, c.flow
    if single != NULL and not c.solver.overlaps(known, single):
        return checked, c.flow, c.flow
    same = c.narrowed(c.flow, place, c.solver.intersect(known, single))
    differs = c.narrowed(c.flow, place, c.solver.subtract(known, single))
    return (checked, same, differs) if node.operator == "==" else (checked, differs, same)


def _single(node: hir.Expr) -> Type | None:
    """Return the type of an expression if it has exactly one value, else None."""
    match node:
        case hir.Constant(value=str() | int() | bool() | None):
            found = literal_type(node.value)
            return found if found == NULL or isinstance(found, LiteralType) else None
        case hir.VariantRef(enum=enum, variant=variant):
            return VariantType(enum, variant)
        case _:
            return None
