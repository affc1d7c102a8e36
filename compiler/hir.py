"""The hir: functions with names resolved and sugar removed.

* A local is a number, unique within its top-level function; :class:`LocalInfo` has its name and whether a lambda
  captures it.  Everything else is referred to by qualified name.
* Types are :mod:`bamlvm.vm.program.types` data; a type that could not be resolved is ``ERROR``; that was reported.
* Removed sugar: ``env.X`` (a call), compound assignment, ``for`` loops (:class:`Loop` over :class:`Iterate`),
  shorthand fields, template strings with plain text only, LLM functions (calls of ``baml.llm.call_llm_function``).

Nodes carry ``start`` and ``end`` like the tree they come from: offsets within their item.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from bamlvm.vm.program.types import ClassType, Primitive, Type, VariableType

ERROR = Primitive("error")
"""The type of an expression that was reported: it fits everywhere, so that one mistake is reported once."""

UNSTATED = VariableType("whatever it throws")
"""The throws set of a function type without a ``throws`` clause."""


INFERRED = VariableType("what is expected of it")
"""The type of a lambda's parameter that has none written: that of the function type that is expected."""


def throws_of_parameter(name: str) -> VariableType:
    """Return the throws set of a function that is a parameter: each call's argument decides it."""
    return VariableType(f"whatever `{name}` throws")


class Node(msgspec.Struct, frozen=True, gc=False):
    start: int
    end: int


class LocalInfo(msgspec.Struct, frozen=True):
    """``captured``: some lambda uses it from outside; ``reassigned``: something sets it after its ``let``.  A local
    that is both lives in a cell, which its lambdas share.  ``set_inside``: a lambda sets it from outside, so that any
    call may change it.  ``unused``: it should be read, and is not."""

    name: str
    start: int
    end: int
    captured: bool
    reassigned: bool
    set_inside: bool = False
    unused: bool = False

    @property
    def shared(self) -> bool:
        return self.captured and self.reassigned


# --- expressions ------------------------------------------------------------------------------------------------------


class Constant(Node, frozen=True):
    value: str | int | float | bool | None


class Text(Node, frozen=True):
    """A template string: text and expressions, concatenated."""

    parts: tuple[str | Expr, ...]


class Local(Node, frozen=True):
    local: int


class FunctionRef(Node, frozen=True):
    """A function, native or sys-op by qualified name."""

    name: str


class GlobalRef(Node, frozen=True):
    """The value of a top-level constant by qualified name."""

    name: str


class VariantRef(Node, frozen=True):
    enum: str
    variant: str


class Member(Node, frozen=True):
    """A field, or in a call a method: the type of ``object`` decides."""

    object: Expr
    name: str
    name_start: int


class Element(Node, frozen=True):
    object: Expr
    index: Expr


class Argument(Node, frozen=True):
    value: Expr
    name: str | None


class Call(Node, frozen=True):
    callee: Expr
    arguments: tuple[Argument, ...]


class Present(Node, frozen=True):
    """An object of the :class:`OptionalChain` around it, which is null if the object is."""

    object: Expr


class OptionalChain(Node, frozen=True):
    """Members, elements and calls after one another, of which some may be left out: the value of the last, or null."""

    links: Expr


class Unary(Node, frozen=True):
    operator: str
    operand: Expr


class Binary(Node, frozen=True):
    """Arithmetic and comparison."""

    operator: str
    left: Expr
    right: Expr
    operator_start: int


class Logical(Node, frozen=True):
    """``&& || ??``: the right side may not run."""

    operator: str
    left: Expr
    right: Expr


class TypeTest(Node, frozen=True):
    operand: Expr
    type: Type


class Spread(Node, frozen=True):
    value: Expr


class ListLiteral(Node, frozen=True):
    items: tuple[Expr | Spread, ...]


class MapEntry(Node, frozen=True):
    key: Expr
    value: Expr


class MapLiteral(Node, frozen=True):
    entries: tuple[MapEntry | Spread, ...]


class FieldInit(Node, frozen=True):
    name: str
    value: Expr


class ObjectLiteral(Node, frozen=True):
    class_name: str
    fields: tuple[FieldInit | Spread, ...]


class Lambda(Node, frozen=True):
    """``captures`` are the locals of enclosing functions that it, or a lambda in it, uses."""

    parameters: tuple[Parameter, ...]
    result: Type | None
    body: Block
    captures: tuple[int, ...]


class Spawn(Node, frozen=True):
    """``body`` is a lambda without parameters."""

    body: Lambda


class Await(Node, frozen=True):
    operand: Expr


class Block(Node, frozen=True):
    statements: tuple[Statement, ...]
    tail: Expr | None


class If(Node, frozen=True):
    condition: Expr
    then: Expr
    otherwise: Expr | None


class Arm(Node, frozen=True):
    pattern: Pattern
    guard: Expr | None
    body: Expr


class Match(Node, frozen=True):
    """``type`` is the type written for the scrutinee, if any; ``is_test`` says that it is written ``x is pattern``."""

    scrutinee: Expr
    type: Type | None
    arms: tuple[Arm, ...]
    is_test: bool = False


class Catch(Node, frozen=True):
    """``binding`` is the local that holds the thrown value in the arms."""

    operand: Expr
    binding: int
    arms: tuple[Arm, ...]
    all: bool


class Return(Node, frozen=True):
    value: Expr | None


class Break(Node, frozen=True):
    pass


class Continue(Node, frozen=True):
    pass


class Throw(Node, frozen=True):
    value: Expr


class Iterate(Node, frozen=True):
    """The list that ``for (let x in e)`` iterates by index: a list itself, or a map's keys."""

    iterable: Expr


class Invalid(Node, frozen=True):
    """An expression that was reported; its type is ERROR."""


Expr: TypeAlias = (
    Constant
    | Text
    | Local
    | FunctionRef
    | GlobalRef
    | VariantRef
    | Member
    | Element
    | Call
    | Present
    | OptionalChain
    | Unary
    | Binary
    | Logical
    | TypeTest
    | ListLiteral
    | MapLiteral
    | ObjectLiteral
    | Lambda
    | Spawn
    | Await
    | Block
    | If
    | Match
    | Catch
    | Return
    | Break
    | Continue
    | Throw
    | Iterate
    | Invalid
)

# --- patterns ---------------------------------------------------------------------------------------------------------


class AnyPattern(Node, frozen=True):
    """``_`` or a bare name: always fits; binds if ``local`` is given."""

    local: int | None


class LiteralPattern(Node, frozen=True):
    value: str | int | float | bool | None


class VariantPattern(Node, frozen=True):
    enum: str
    variant: str


class TypePattern(Node, frozen=True):
    """A value of a type; binds if ``local`` is given."""

    type: Type
    local: int | None


class ErrorPattern(Node, frozen=True):
    """``_``, a bare name or ``unknown`` in a ``catch``: whatever is thrown but ``panics``; binds if ``local``."""

    panics: Type
    local: int | None


class FieldPattern(Node, frozen=True):
    """``index`` is the field's place in its class."""

    name: str
    index: int
    pattern: Pattern


class ClassPattern(Node, frozen=True):
    """An instance of a class whose fields fit; binds the instance if ``local``."""

    type: ClassType
    fields: tuple[FieldPattern, ...]
    local: int | None


class ListPattern(Node, frozen=True):
    """A list of items that fit, at its start and at its end; with ``has_rest`` there may be others between them, which
    are bound if ``rest``.  Binds the list if ``local``."""

    before: tuple[Pattern, ...]
    has_rest: bool
    rest: int | None
    after: tuple[Pattern, ...]
    local: int | None


class OrPattern(Node, frozen=True):
    """All alternatives bind the same locals."""

    alternatives: tuple[Pattern, ...]


Pattern: TypeAlias = (
    AnyPattern | LiteralPattern | VariantPattern | TypePattern | ErrorPattern | ClassPattern | ListPattern | OrPattern
)


def inner_patterns(pattern: Pattern) -> tuple[Pattern, ...]:
    """Return the patterns directly inside one."""
    match pattern:
        case ClassPattern(fields=fields):
            return tuple(each.pattern for each in fields)
        case ListPattern(before=before, after=after):
            return (*before, *after)
        case OrPattern(alternatives=alternatives):
            return alternatives
        case _:
            return ()


def bound(pattern: Pattern) -> set[int]:
    """Return the locals that a pattern binds."""
    own = (getattr(pattern, "local", None), getattr(pattern, "rest", None))
    found = {each for each in own if each is not None}
    return found.union(*map(bound, inner_patterns(pattern)))


def is_structured(pattern: Pattern) -> bool:
    """Whether a pattern looks into a class or a list, or binds a name in several ways."""
    if isinstance(pattern, OrPattern):
        return any(is_structured(each) or bound(each) for each in pattern.alternatives)
    return isinstance(pattern, ClassPattern | ListPattern)


# --- statements -------------------------------------------------------------------------------------------------------


class Let(Node, frozen=True):
    local: int
    type: Type | None
    value: Expr


class Destructure(Node, frozen=True):
    """Binds the locals of a pattern that every such value fits."""

    pattern: Pattern
    value: Expr


class SetLocal(Node, frozen=True):
    local: int
    value: Expr


class Renew(Node, frozen=True):
    """A variable of a ``for`` that lambdas share: the next round has a copy of its own."""

    local: int


class SetField(Node, frozen=True):
    object: Expr
    name: str
    name_start: int
    value: Expr


class SetElement(Node, frozen=True):
    object: Expr
    index: Expr
    value: Expr


class Loop(Node, frozen=True):
    """Runs ``body`` while ``condition`` holds (None: always); ``continue`` goes to ``step``.  ``assigned`` are the
    locals that anything inside sets: their narrowed types from before the loop do not hold in it."""

    condition: Expr | None
    body: Block
    step: tuple[Statement, ...]
    assigned: frozenset[int]


class Assert(Node, frozen=True):
    """``text`` is the condition as written."""

    condition: Expr
    text: str


class Evaluate(Node, frozen=True):
    value: Expr


Statement: TypeAlias = Let | Destructure | SetLocal | Renew | SetField | SetElement | Loop | Assert | Evaluate

# --- functions --------------------------------------------------------------------------------------------------------


class Parameter(Node, frozen=True):
    local: int
    name: str
    type: Type
    default: Expr | None


class Function(Node, frozen=True):
    """A function with a body, or the initialiser of a constant (``is_global``).  ``result`` is None for a constant
    without a written type: its value decides.  ``throws`` is the declared contract, None where it is inferred;
    ``mentions`` are the names of functions, and the bare names of methods (with a leading dot), that the body may call;
    ``sets`` the names of the fields that it assigns to."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Type | None
    throws: Type | None
    throws_at: tuple[int, int]
    body: Block
    locals: tuple[LocalInfo, ...]
    mentions: frozenset[str]
    sets: frozenset[str] = frozenset()
    is_global: bool = False
