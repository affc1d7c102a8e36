"""Match and catch: the type that each arm sees, what is left after it, whether every case is covered."""

from __future__ import annotations

from typing import Final, NamedTuple

from bamlvm.compiler import hir, tir
from bamlvm.compiler.check import members as members_of
from bamlvm.compiler.check import operators
from bamlvm.compiler.check.context import Checking, Flow, Place, inferred, is_unnamed, place_of
from bamlvm.compiler.check.coverage import Remaining
from bamlvm.compiler.check.usefulness import TooManyError, left_by
from bamlvm.compiler.types import is_dynamic, substitute
from bamlvm.vm.program.types import (
    BOOL,
    NEVER,
    NULL,
    STRING,
    UNKNOWN,
    ClassType,
    EnumType,
    ListType,
    Type,
    bare,
    is_panic,
    members,
    union,
)

_NO_PANIC: Final = "a panic is taken by an arm that names its class, or by `catch_all`"
_UNREACHABLE: Final = ("E0063", "this arm is never reached")
_ALL_FAILED: Final = ClassType("baml.errors.AllAttemptsFailed")
_FAILURE: Final = "baml.llm.Failure"
_SOLE_FAILURE: Final = "baml.llm.sole_failure"


class _Arms(NamedTuple):
    """Checked arms, the union of their types, the part of the scrutinee that none covers, and the flow after them."""

    arms: tuple[tir.Arm, ...]
    result: Type
    left: Type
    flow: Flow


def match(c: Checking, node: hir.Match, expected: Type | None) -> tir.Expr:
    """Check a match; report E0062 if a case is left, E0063 for an unreachable arm."""
    at = (node.start, node.end)
    if node.type is not None:
        scrutinee = c.coerce(node.scrutinee, node.type, " (the scrutinee)")
    else:
        scrutinee = c.expr(c, node.scrutinee, None)
    if scrutinee.type == NEVER:
        return tir.Match(*at, NEVER, scrutinee, ())
    whole = node.type if node.type is not None else scrutinee.type
    unreachable = ("E0103", "this is always true, or always false") if node.is_test else _UNREACHABLE
    checked = _arms(c, node.arms, whole, place_of(scrutinee), expected, unreachable)
    c.flow = checked.flow
    if checked.left not in (NEVER, hir.ERROR) and any(hir.is_structured(arm.pattern) for arm in node.arms):
        _report_left(c, node, checked.left)
    elif checked.left not in (NEVER, hir.ERROR):
        parts = members(checked.left)
        missing = ", ".join(f"`{part}`" for part in parts)
        hint = f"add {'an arm' if len(parts) == 1 else 'arms'} for {missing}, or `_ => …`"
        where = (node.start, node.start + len("match"))
        if all(isinstance(part, EnumType) and is_dynamic(c.symbols.enum(part.name)) for part in parts):
            message = f"a variant that is added to {missing} at run time fits no arm: it would be a panic"
            c.report.warning("E0062", where, message, hint="add `_ => …`")
        else:
            c.report.error("E0062", where, f"not every case is covered: {missing} is left", hint=hint)
    return tir.Match(*at, checked.result, scrutinee, checked.arms, node.is_test)


def _report_left(c: Checking, node: hir.Match, left: Type) -> None:
    """Report E0062 for a match whose patterns look into values, with an example of what none of them fits."""
    where = (node.start, node.start + len("match"))
    try:
        missing = left_by(c.solver, left, _certain(node.arms))
    except TooManyError:
        message = "whether every case is covered takes too long to find out"
        c.report.error("E0062", where, message, hint="add `_ => …`")
        return
    if missing is not None:
        hint = f"add an arm for `{missing}`, or `_ => …`"
        c.report.error("E0062", where, f"not every case is covered: `{missing}` is left", hint=hint)


def _certain(arms: tuple[hir.Arm, ...]) -> list[hir.Pattern]:
    return [arm.pattern for arm in arms if arm.guard is None]


def destructure(c: Checking, node: hir.Destructure) -> tir.Destructure:
    """Check ``let P { x, y } = value``; report E0062 if some value does not fit."""
    value = c.expr(c, node.value, None)
    type_ = inferred(value)
    try:
        left = left_by(c.solver, type_, [node.pattern]) if type_ not in (NEVER, hir.ERROR) else None
    except TooManyError:
        left = "_"
    if left is not None and not _is_invalid(node.pattern):
        message = f"every value must fit the pattern of a `let`: `{left}` does not"
        c.report.error("E0062", node.pattern, message, hint="use `match`, with an arm for each case")
    _bind(c, node.pattern, type_)
    return tir.Destructure(node.start, node.end, node.pattern, value)


def catch(c: Checking, node: hir.Catch, expected: Type | None) -> tir.Expr:
    """Check a catch: its arms see what is thrown and the panics that they name; what no arm takes is thrown on.

    `_` and a bare name take any error but no panic, so that a bug is not swallowed; those of `catch_all` take both.

    An arm may also name the error of an LLM call's only attempt; see :func:`_with_sole_failure`.
    """
    before = c.settled(c.flow)
    outer, c.thrown = c.thrown, []
    operand = c.expr(c, node.operand, expected)
    throws = union(c.thrown)
    c.thrown = outer
    operand, throws = _with_sole_failure(c, node, operand, throws)
    after, c.flow = c.flow, before
    unnamed = [part for part in members(throws) if is_unnamed(part)]
    visible = UNKNOWN if unnamed else union([throws, *c.symbols.panics])
    c.declare(node.binding, visible)
    checked = _arms(
        c, node.arms, visible, node.binding, expected, ("E0095", "nothing that is thrown here fits this arm")
    )
    takes_errors = checked.left == NEVER or any(arm.guard is None and _takes_errors(arm.pattern) for arm in node.arms)
    rest = _rest(c, node.arms, throws) if not takes_errors else NEVER
    if rest != NEVER and before.live:
        outer.append(rest)
        if node.all:
            missing = ", ".join(f"`{part}`" for part in members(rest))
            where = (node.operand.end, node.end)
            c.report.error(
                "E0094", where, f"`catch_all` does not cover {missing}", hint="add an arm for it, or `_ => …`"
            )
    c.flow = c.join(after, checked.flow)
    result = union((operand.type, checked.result))
    return tir.Catch(node.start, node.end, result, operand, node.binding, checked.arms)


def _arms(
    c: Checking,
    nodes: tuple[hir.Arm, ...],
    whole: Type,
    subject: Place | None,
    expected: Type | None,
    unreachable: tuple[str, str],
) -> _Arms:
    """Check arms over a scrutinee of type ``whole``; arms narrow ``subject``, the place that holds it."""
    left = Remaining(c.solver, whole)
    start = c.flow
    ends: list[Flow] = []
    arms: list[tir.Arm] = []
    results: list[Type] = []
    for place, node in enumerate(nodes):
        c.flow = start
        structured = hir.is_structured(node.pattern)
        seen = _seen(c, left, node.pattern) if structured else left.seen(node.pattern)
        if seen != NEVER and structured and not _is_useful(c, whole, node.pattern, nodes[:place]):
            c.report.warning(unreachable[0], node.pattern, unreachable[1])
        if seen == NEVER and left.type != hir.ERROR:
            hint = _NO_PANIC if _takes_errors(node.pattern) else None
            c.report.warning(unreachable[0], node.pattern, unreachable[1], hint=hint)
        _bind(c, node.pattern, seen)
        if subject is not None and seen != hir.ERROR:
            c.flow = c.narrowed(c.flow, subject, seen)
        guard = None
        if node.guard is not None:
            before = c.version(subject)
            guard, c.flow, refused = operators.condition(c, node.guard)
            start = c.join(start, refused)
            if c.version(subject) != before:
                subject = None  # the guard may have put another value there
        body = c.expr(c, node.body, expected)
        results.append(body.type)
        ends.append(c.flow)
        certain = not structured and left.all_fit(node.pattern)
        arms.append(tir.Arm(node.start, node.end, node.pattern, certain, guard, body))
        if _is_invalid(node.pattern):
            left = Remaining(c.solver, hir.ERROR)  # what it was meant to cover is not known
        elif guard is None and structured:
            if seen != NEVER and _fits_all(c, node.pattern, seen):
                left.take(hir.TypePattern(node.start, node.end, seen, None))
        elif guard is None:
            left.take(node.pattern)
    return _Arms(tuple(arms), union(results), left.type, c.join(*ends) if ends else start.left())


def _seen(c: Checking, left: Remaining, pattern: hir.Pattern) -> Type:
    """Return the part of what is left whose values may fit a pattern that looks into them."""
    match pattern:
        case hir.OrPattern(alternatives=alternatives):
            return c.solver.rejoin(part for each in alternatives for part in members(_seen(c, left, each)))
        case hir.ClassPattern(type=type_):
            return left.seen(hir.TypePattern(pattern.start, pattern.end, type_, None))
        case hir.ListPattern():
            parts = c.solver.alternatives(left.type)
            lists = [part for part in parts if isinstance(part, ListType)]
            return union([*lists, *([ListType(UNKNOWN)] if UNKNOWN in parts else [])])
        case _:
            return left.seen(pattern)


def _fits_all(c: Checking, pattern: hir.Pattern, type_: Type) -> bool:
    """Whether a pattern fits every value of a type."""
    try:
        return left_by(c.solver, type_, [pattern]) is None
    except TooManyError:
        return False


def _is_useful(c: Checking, whole: Type, pattern: hir.Pattern, before: tuple[hir.Arm, ...]) -> bool:
    """Whether some value fits a pattern and none of the arms before it."""
    if whole == hir.ERROR or _is_invalid(pattern) or any(_is_invalid(arm.pattern) for arm in before):
        return True
    try:
        return left_by(c.solver, whole, _certain(before), pattern) is not None
    except TooManyError:
        return True


def _with_sole_failure(c: Checking, node: hir.Catch, operand: tir.Expr, throws: Type) -> tuple[tir.Expr, Type]:
    """Let the arms of a catch name the errors of an LLM call's only attempt; return the operand and what it throws.

    An LLM call throws `AllAttemptsFailed`, which has the error of each attempt.  Where an arm names such an error that
    the operand does not throw itself, and no arm before it takes `AllAttemptsFailed`, the operand is guarded: if there
    was one attempt and it failed so, its error is thrown in place of `AllAttemptsFailed`.
    """
    if _ALL_FAILED not in members(throws):
        return operand, throws
    failures = members(bare(c.symbols.standard.annotated_aliases.get(_FAILURE, NEVER)))
    named: list[ClassType] = []
    for arm in node.arms:
        types = _types_of(arm.pattern)
        if not types.isdisjoint((UNKNOWN, _ALL_FAILED)):
            break
        new = types.intersection(failures).difference(members(throws), named)
        named += sorted((each for each in new if isinstance(each, ClassType)), key=str)
    if not named:
        return operand, throws
    at = (node.operand.end, node.operand.end)
    caught = tir.Local(*at, _ALL_FAILED, node.binding)
    names = tir.ListLiteral(*at, ListType(STRING), tuple(tir.Constant(*at, STRING, each.name) for each in named))
    failure = tir.CallNamed(*at, UNKNOWN, _SOLE_FAILURE, "sysop", (caught, names))
    guard = tir.Operation(*at, BOOL, "not_equal", None, (failure, tir.Constant(*at, NULL, None)))
    arm_ = tir.Arm(*at, hir.TypePattern(*at, _ALL_FAILED, None), False, guard, tir.Throw(*at, NEVER, failure))
    guarded = tir.Catch(node.start, node.operand.end, operand.type, operand, node.binding, (arm_,))
    return guarded, union([throws, *named])


def _types_of(pattern: hir.Pattern) -> set[Type]:
    """Return the types whose values a pattern takes; `unknown` for any."""
    match pattern:
        case hir.AnyPattern() | hir.ErrorPattern():
            return {UNKNOWN}
        case hir.TypePattern(type=type_) | hir.ClassPattern(type=type_):
            return set(members(type_))
        case hir.OrPattern(alternatives=alternatives):
            return set().union(*map(_types_of, alternatives))
        case _:
            return set()


def _takes_errors(pattern: hir.Pattern) -> bool:
    """Whether a pattern of a `catch` takes whatever is thrown but panics."""
    if isinstance(pattern, hir.OrPattern):
        return any(map(_takes_errors, pattern.alternatives))
    return isinstance(pattern, hir.ErrorPattern)


def _is_invalid(pattern: hir.Pattern) -> bool:
    """Whether an error in a pattern has been reported, so that what it covers is not known."""
    if isinstance(pattern, hir.TypePattern):
        return pattern.type == hir.ERROR
    return any(map(_is_invalid, hir.inner_patterns(pattern)))


def _rest(c: Checking, arms: tuple[hir.Arm, ...], throws: Type) -> Type:
    """Return the part of ``throws`` that no arm covers for certain; panics are in no throws set."""
    unnamed = [part for part in members(throws) if is_unnamed(part)]
    left = Remaining(c.solver, union(part for part in members(throws) if not is_unnamed(part)))
    for arm in arms:
        if arm.guard is None and not hir.is_structured(arm.pattern):
            left.take(arm.pattern)
    kept = [part for part in members(left.type) if not is_panic(part)]
    if any(hir.is_structured(arm.pattern) for arm in arms):
        covering = hir.OrPattern(0, 0, tuple(_certain(arms)))
        kept = [part for part in kept if not _fits_all(c, covering, part)]
    return union([*unnamed, *kept])


def _bind(c: Checking, pattern: hir.Pattern, seen: Type) -> None:
    """Declare the locals that a pattern binds with the types of what it covers of ``seen``."""
    types: dict[int, list[Type]] = {}
    _note_bound(c, pattern, seen, types)
    for local, found in types.items():
        c.declare(local, c.solver.rejoin(found))


def _note_bound(c: Checking, pattern: hir.Pattern, seen: Type, types: dict[int, list[Type]]) -> None:
    """Note the types of the locals that a pattern binds, over a value of type ``seen``."""
    match pattern:
        case hir.AnyPattern(local=int() as local) | hir.ErrorPattern(local=int() as local):
            types.setdefault(local, []).append(UNKNOWN if seen == NEVER else seen)
        case hir.TypePattern(type=type_, local=int() as local):
            types.setdefault(local, []).append(type_ if seen == NEVER else seen)
        case hir.ClassPattern(type=type_, fields=fields, local=whole):
            own = [part for part in c.solver.alternatives(seen) if isinstance(part, ClassType)]
            own = [part for part in own if part.name == type_.name] or [type_]
            if whole is not None:
                types.setdefault(whole, []).extend(own)
            info = c.symbols.class_(type_.name)
            assert info is not None
            for field in fields:
                declared = info.fields[field.index].type
                parts = union(substitute(declared, members_of.class_bindings(info, part)) for part in own)
                _note_bound(c, field.pattern, _part(c, field.pattern, parts), types)
        case hir.ListPattern(before=before, after=after, rest=rest, local=whole):
            lists = [part for part in c.solver.alternatives(seen) if isinstance(part, ListType)]
            lists = lists or [ListType(UNKNOWN)]
            for each in (whole, rest):
                if each is not None:
                    types.setdefault(each, []).extend(lists)
            item = union(part.item for part in lists)
            for inner in (*before, *after):
                _note_bound(c, inner, _part(c, inner, item), types)
        case hir.OrPattern(alternatives=alternatives) if hir.bound(pattern):
            for inner in alternatives:
                _note_bound(c, inner, _part(c, inner, seen), types)
        case _:
            pass


def _part(c: Checking, pattern: hir.Pattern, type_: Type) -> Type:
    """Return the part of a type whose values fit a pattern inside another."""
    if isinstance(pattern, hir.TypePattern):
        return c.solver.intersect(type_, pattern.type)
    return type_
