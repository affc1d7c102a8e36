"""The tir: the hir with a type on every expression and everything explicit that types decide.

The method that a call means, the index of a field, the instruction of an operator, whether a pattern must be tested:
lowering looks at no declaration.  Patterns are the hir's.  An argument that is left out for a default is None.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from bamlvm.compiler import hir
from bamlvm.vm.program.declarations import Kind
from bamlvm.vm.program.types import Type


class Node(msgspec.Struct, frozen=True, gc=False):
    start: int
    end: int


class Typed(Node, frozen=True):
    """An expression: ``type`` is that of its value, ``never`` if control does not go on after it."""

    type: Type


class Constant(Typed, frozen=True):
    value: str | int | float | bool | None


class Text(Typed, frozen=True):
    """Parts, concatenated; an expression that is not a string is converted."""

    parts: tuple[str | Expr, ...]


class Local(Typed, frozen=True):
    local: int


class FunctionValue(Typed, frozen=True):
    """A named function, native or sys-op as a value."""

    name: str
    kind: Kind
    arity: int


class Global(Typed, frozen=True):
    """The value of a constant."""

    name: str


class Variant(Typed, frozen=True):
    enum: str
    variant: str


class Field(Typed, frozen=True):
    """``index`` is the field's place in its class, None if the object may be of several classes that differ in it."""

    object: Expr
    name: str
    index: int | None


class Element(Typed, frozen=True):
    object: Expr
    index: Expr


class CallNamed(Typed, frozen=True):
    """``arguments`` are in the order of parameters; ``order`` is the order in which they are written, if it differs."""

    name: str
    kind: Kind
    arguments: tuple[Expr | None, ...]
    order: tuple[int, ...] = ()


class CallValue(Typed, frozen=True):
    callee: Expr
    arguments: tuple[Expr, ...]


class CallMethod(Typed, frozen=True):
    """A method by bare name, chosen by the receiver's class at run time; the receiver is the first argument.  ``order``
    as in :class:`CallNamed`."""

    name: str
    arguments: tuple[Expr | None, ...]
    order: tuple[int, ...] = ()


class Operation(Typed, frozen=True):
    """One instruction over its operands; ``operator`` is its sign, for opcodes that take one."""

    opcode: str
    operator: str | None
    operands: tuple[Expr, ...]


class Logical(Typed, frozen=True):
    """``&& || ??``."""

    operator: str
    left: Expr
    right: Expr


class Present(Typed, frozen=True):
    """An object that is not null where control goes on; where it is, null is the value of the chain around it."""

    object: Expr


class OptionalChain(Typed, frozen=True):
    """The value of the last link, or null.  Every :class:`Present` in it is the first operand of what is around it."""

    links: Expr


class Not(Typed, frozen=True):
    operand: Expr


class IsType(Typed, frozen=True):
    operand: Expr
    tested: Type


class Spread(Node, frozen=True):
    value: Expr


class ListLiteral(Typed, frozen=True):
    items: tuple[Expr | Spread, ...]


class MapEntry(Node, frozen=True):
    key: Expr
    value: Expr


class MapLiteral(Typed, frozen=True):
    entries: tuple[MapEntry | Spread, ...]


class FieldInit(Node, frozen=True):
    index: int
    value: Expr


class New(Typed, frozen=True):
    """An instance; ``parts`` in written order, later ones winning.  ``spread`` fields come from an instance of the same
    class."""

    class_name: str
    field_count: int
    parts: tuple[FieldInit | Spread, ...]


class Lambda(Typed, frozen=True):
    parameters: tuple[int, ...]
    captures: tuple[int, ...]
    body: Expr


class Block(Typed, frozen=True):
    statements: tuple[Statement, ...]
    tail: Expr | None


class If(Typed, frozen=True):
    condition: Expr
    then: Expr
    otherwise: Expr | None


class Arm(Node, frozen=True):
    """``certain``: every value that reaches the arm fits its pattern."""

    pattern: hir.Pattern
    certain: bool
    guard: Expr | None
    body: Expr


class Match(Typed, frozen=True):
    """``is_test``: it is true for the pattern of the first arm, and false for anything else."""

    scrutinee: Expr
    arms: tuple[Arm, ...]
    is_test: bool = False


class Catch(Typed, frozen=True):
    """``binding`` is the local of the thrown value; a value that no arm takes is thrown again."""

    operand: Expr
    binding: int
    arms: tuple[Arm, ...]


class Return(Typed, frozen=True):
    value: Expr | None


class Break(Typed, frozen=True):
    pass


class Continue(Typed, frozen=True):
    pass


class Throw(Typed, frozen=True):
    value: Expr


Expr: TypeAlias = (
    Constant
    | Text
    | Local
    | FunctionValue
    | Global
    | Variant
    | Field
    | Element
    | CallNamed
    | CallValue
    | CallMethod
    | Operation
    | Logical
    | Present
    | OptionalChain
    | Not
    | IsType
    | ListLiteral
    | MapLiteral
    | New
    | Lambda
    | Block
    | If
    | Match
    | Catch
    | Return
    | Break
    | Continue
    | Throw
)


class Let(Node, frozen=True):
    local: int
    value: Expr


class Destructure(Node, frozen=True):
    pattern: hir.Pattern
    value: Expr


class SetLocal(Node, frozen=True):
    local: int
    value: Expr


class Renew(Node, frozen=True):
    """A fresh cell for a local, with its present value."""

    local: int


class SetField(Node, frozen=True):
    object: Expr
    name: str
    index: int | None
    value: Expr


class SetElement(Node, frozen=True):
    object: Expr
    index: Expr
    value: Expr


class Loop(Node, frozen=True):
    condition: Expr | None
    body: Expr
    step: tuple[Statement, ...]


class Assert(Node, frozen=True):
    condition: Expr
    text: str


class Evaluate(Node, frozen=True):
    value: Expr


Statement: TypeAlias = Let | Destructure | SetLocal | Renew | SetField | SetElement | Loop | Assert | Evaluate


class Function(Node, frozen=True):
    """A checked function, or the initialiser of a constant: ``throws`` is the inferred set,
    ``locals`` their names and types by number."""

    name: str
    parameters: tuple[hir.Parameter, ...]
    defaults: tuple[Expr | None, ...]
    result: Type
    throws: Type
    body: Expr
    locals: tuple[hir.LocalInfo, ...]
    local_types: tuple[Type, ...]
    is_global: bool = False
