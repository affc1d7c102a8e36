"""The syntax tree.

Every node carries ``start`` and ``end``, character offsets (Unicode scalars) *relative to the item that holds it*: an
item whose text did not change has an equal tree wherever it moves in its file; :class:`Item` has its place.
Nodes are frozen msgspec structs: immutable, comparable, cheap to make.

The tree keeps what was written (sugar, attributes, doc comments, headers); it resolves nothing.  Other comments are not
in it: the formatter takes them from the tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias
from typing import Literal as Choice

import msgspec


class Node(msgspec.Struct, frozen=True, gc=False):
    """Base of all nodes: a half-open range of characters."""

    start: int
    end: int


def fields(node: Node) -> Iterator[tuple[str, Any]]:
    """Yield a node's fields by name, except its range."""
    for name in node.__struct_fields__[2:]:
        yield name, getattr(node, name)


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes directly inside a node, in the order of its fields."""
    for _, value in fields(node):
        if isinstance(value, Node):
            yield value
        elif type(value) is tuple:
            for part in value:
                if isinstance(part, Node):
                    yield part


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and every node inside it, outermost first, without recursion."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(list(children(current))))


def deeper_than(node: Node, levels: int) -> Node | None:
    """Return a node that has more than ``levels`` nodes around it, or None."""
    level = [node]
    for _ in range(levels + 1):
        level = [child for each in level for child in children(each)]
        if not level:
            return None
    return level[0]


# --- types ----------------------------------------------------------------------------------------------------------


class NamedType(Node, frozen=True):
    """``int``, ``Resume``, ``baml.http.Request``; with ``arguments`` only in the standard library (``Array<T>``)."""

    path: str
    arguments: tuple[TypeExpr, ...] = ()


class LiteralTypeExpr(Node, frozen=True):
    """``"a"``, ``1``, ``-1``, ``true`` as a type."""

    value: str | int | bool


class ListTypeExpr(Node, frozen=True):
    item: TypeExpr


class MapTypeExpr(Node, frozen=True):
    key: TypeExpr
    value: TypeExpr


class OptionalTypeExpr(Node, frozen=True):
    item: TypeExpr


class UnionTypeExpr(Node, frozen=True):
    members: tuple[TypeExpr, ...]


class FunctionTypeExpr(Node, frozen=True):
    """``(int, x: string) -> int throws E``: parameter names are allowed and dropped."""

    parameters: tuple[TypeExpr, ...]
    result: TypeExpr
    throws: TypeExpr | None = None


class AttributedTypeExpr(Node, frozen=True):
    """``int @assert(…)`` inside parentheses or a union."""

    item: TypeExpr
    attributes: tuple[Attribute, ...]


TypeExpr: TypeAlias = (
    NamedType
    | LiteralTypeExpr
    | ListTypeExpr
    | MapTypeExpr
    | OptionalTypeExpr
    | UnionTypeExpr
    | FunctionTypeExpr
    | AttributedTypeExpr
)

# --- configuration: client options, test arguments, attribute arguments -----------------------------------------------


class ConfigScalar(Node, frozen=True):
    """A quoted or raw string, number, boolean or null; ``quoted`` is False for an unquoted word (``gpt-4o``)."""

    value: str | int | float | bool | None
    quoted: bool = False


class ConfigEnv(Node, frozen=True):
    """``env.NAME``."""

    name: str


class ConfigExpression(Node, frozen=True):
    """``{{ jinja }}``: the text between the braces."""

    text: str


class ConfigList(Node, frozen=True):
    items: tuple[ConfigValue, ...]


class ConfigEntry(Node, frozen=True):
    """``key value``; ``key_end`` is where the key ends."""

    key: str
    key_end: int
    value: ConfigValue


class ConfigBlock(Node, frozen=True):
    entries: tuple[ConfigEntry, ...]
    attributes: tuple[Attribute, ...] = ()


ConfigValue: TypeAlias = ConfigScalar | ConfigEnv | ConfigExpression | ConfigList | ConfigBlock


class Attribute(Node, frozen=True):
    """``@name(…)`` or, with ``block``, ``@@name(…)``."""

    name: str
    block: bool
    arguments: tuple[ConfigValue, ...] = ()


# --- expressions ------------------------------------------------------------------------------------------------------


class Literal(Node, frozen=True):
    """A string, number, boolean or null.  An integer may be out of range: the checker says so."""

    value: str | int | float | bool | None


class Template(Node, frozen=True):
    """A backquoted string: text and expressions in turn."""

    parts: tuple[str | Expr, ...]


class Name(Node, frozen=True):
    name: str


class Member(Node, frozen=True):
    """``object.name``; ``name_start`` is where the name begins."""

    object: Expr
    name: str
    name_start: int


class Index(Node, frozen=True):
    object: Expr
    index: Expr


class Argument(Node, frozen=True):
    """One argument of a call; ``name`` for ``f(b = 1)``."""

    value: Expr
    name: str | None = None


class Call(Node, frozen=True):
    callee: Expr
    arguments: tuple[Argument, ...]


class Present(Node, frozen=True):
    """``object?.``: inside a chain, an object without which the whole chain is null."""

    object: Expr


class OptionalChain(Node, frozen=True):
    """``a?.b.c(x)``, up to where it ends: ``links`` is the last link, and some object in it is :class:`Present`."""

    links: Expr


class Unary(Node, frozen=True):
    """``- ! ~``."""

    operator: str
    operand: Expr


class Binary(Node, frozen=True):
    """Arithmetic, comparison, ``&& || ??``; ``operator_start`` is where the operator begins."""

    operator: str
    left: Expr
    right: Expr
    operator_start: int


class TypeTest(Node, frozen=True):
    """``x is T``, ``x instanceof T``."""

    operand: Expr
    type: TypeExpr


class PatternTest(Node, frozen=True):
    """``x is Point { x: 1 }``, ``x is []``."""

    operand: Expr
    pattern: ClassPattern | ListPattern


class Spread(Node, frozen=True):
    """``...value`` inside a list, map or object literal."""

    value: Expr


class ListLiteral(Node, frozen=True):
    items: tuple[Expr | Spread, ...]


class MapEntry(Node, frozen=True):
    key: Expr
    value: Expr


class MapLiteral(Node, frozen=True):
    """``{ "k": v }``; ``{}`` as an operand is the empty map."""

    entries: tuple[MapEntry | Spread, ...]


class FieldInit(Node, frozen=True):
    """``name: value`` in an object literal; ``name`` alone means ``name: name``."""

    name: str
    value: Expr


class ObjectLiteral(Node, frozen=True):
    """``Point { x: 1, ...other }``; ``path`` may be qualified."""

    path: str
    path_end: int
    fields: tuple[FieldInit | Spread, ...]


class Lambda(Node, frozen=True):
    parameters: tuple[Parameter, ...]
    result: TypeExpr | None
    body: Block


class Spawn(Node, frozen=True):
    """``spawn { body }``."""

    body: Block


class Await(Node, frozen=True):
    """``await operand``."""

    operand: Expr


class Block(Node, frozen=True):
    """``{ statements; tail }``: its value is the tail's, or null."""

    statements: tuple[Statement, ...]
    tail: Expr | None


class If(Node, frozen=True):
    condition: Expr
    then: Block
    otherwise: Expr | None
    """A Block or another If."""


class Arm(Node, frozen=True):
    """``pattern if guard => body``, of a match or a catch."""

    pattern: Pattern
    guard: Expr | None
    body: Expr


class Match(Node, frozen=True):
    """``match (scrutinee: type) { arms }``."""

    scrutinee: Expr
    type: TypeExpr | None
    arms: tuple[Arm, ...]


class Catch(Node, frozen=True):
    """``operand catch (binding) { arms }``; ``all`` for ``catch_all``."""

    operand: Expr
    binding: str | None
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


Expr: TypeAlias = (
    Literal
    | Template
    | Name
    | Member
    | Index
    | Call
    | Present
    | OptionalChain
    | Unary
    | Binary
    | TypeTest
    | PatternTest
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
)

# --- patterns ---------------------------------------------------------------------------------------------------------


class WildcardPattern(Node, frozen=True):
    """``_``, or ``_: T`` with a type."""

    type: TypeExpr | None = None


class BindPattern(Node, frozen=True):
    """``x: T``, ``let x: T``, ``let x``, ``let x: [_, ..]``.  A bare name is a PathPattern: names decide what it is."""

    name: str
    type: TypeExpr | None = None
    inner: ClassPattern | ListPattern | None = None


class LiteralPattern(Node, frozen=True):
    """A literal, negative numbers included."""

    value: str | int | float | bool | None


class PathPattern(Node, frozen=True):
    """``x``, ``Success``, ``Color.Red``, ``baml.errors.Io``: a binding, a type or a variant."""

    path: str


class TypePattern(Node, frozen=True):
    """Any other type: ``int[]``, ``map<string, int>``, ``string?``."""

    type: TypeExpr


class FieldPattern(Node, frozen=True):
    """``name: pattern``; ``name`` alone, without a pattern, binds the field's value to its name."""

    name: str
    pattern: Pattern | None


class ClassPattern(Node, frozen=True):
    """``Point { x: 1, y }``: an instance whose fields fit; fields that are not named may be anything."""

    path: str
    path_end: int
    fields: tuple[FieldPattern, ...]


class RestPattern(Node, frozen=True):
    """``..`` or ``..let rest``: any number of items of a list."""

    name: str | None


class ListPattern(Node, frozen=True):
    """``[]``, ``[1, let x]``, ``[let first, .., let last]``."""

    items: tuple[Pattern | RestPattern, ...]


class OrPattern(Node, frozen=True):
    alternatives: tuple[Pattern, ...]


Pattern: TypeAlias = (
    WildcardPattern | BindPattern | LiteralPattern | PathPattern | TypePattern | ClassPattern | ListPattern | OrPattern
)

# --- statements -------------------------------------------------------------------------------------------------------


class Let(Node, frozen=True):
    """``let name: type = value;``; ``watch`` for ``watch let``."""

    name: str
    name_start: int
    type: TypeExpr | None
    value: Expr
    watch: bool = False


class Destructure(Node, frozen=True):
    """``let Point { x, y } = value;``."""

    pattern: ClassPattern
    value: Expr


class Assign(Node, frozen=True):
    """``target = value;`` or, with an ``operator`` such as ``+``, ``target += value;``."""

    target: Expr
    operator: str | None
    value: Expr


class While(Node, frozen=True):
    condition: Expr
    body: Block


class ForIn(Node, frozen=True):
    """``for (let name in iterable) body``; with a ``pattern`` in place of a name, that is empty."""

    name: str
    name_start: int
    iterable: Expr
    body: Block
    pattern: ClassPattern | None = None


class For(Node, frozen=True):
    """``for (init; condition; step) body``, every part optional."""

    init: Let | Assign | ExprStatement | None
    condition: Expr | None
    step: Assign | ExprStatement | None
    body: Block


class Assert(Node, frozen=True):
    condition: Expr


class ExprStatement(Node, frozen=True):
    value: Expr


class Header(Node, frozen=True):
    """``//# Title``; ``level`` is the number of ``#``."""

    title: str
    level: int


Statement: TypeAlias = Let | Destructure | Assign | While | ForIn | For | Assert | ExprStatement | Header

# --- items ------------------------------------------------------------------------------------------------------------


class Parameter(Node, frozen=True):
    """``name: type = default``; ``self`` has no type, and a lambda's need not have one."""

    name: str
    type: TypeExpr | None
    default: Expr | None = None


class Prompt(Node, frozen=True):
    """A prompt or template text.  ``text`` is dedented and trimmed; ``content_start`` is where the raw content begins,
    ``raw`` is that content as written, so that a place in ``text`` can be mapped back."""

    text: str
    raw: str
    content_start: int


class LlmBody(Node, frozen=True):
    """``{ client C  prompt #"…"# }``; a part left out is None (the checker reports it)."""

    client: str | None
    client_start: int
    prompt: Prompt | None


class NativeBody(Node, frozen=True):
    """``native`` or ``sysop`` in place of a body: the standard library's declarations of what is written in Python."""

    kind: Choice["native", "sysop"]


class Function(Node, frozen=True):
    """A function, method or LLM function."""

    name: str
    name_start: int
    parameters: tuple[Parameter, ...]
    result: TypeExpr | None
    throws: TypeExpr | None
    body: Block | LlmBody | NativeBody
    type_parameters: tuple[str, ...] = ()
    doc: str = ""


class Field(Node, frozen=True):
    name: str
    type: TypeExpr
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""


class Class(Node, frozen=True):
    """A class; a ``dynamic`` one (``dynamic class``) adds to a class that is ``@@dynamic``."""

    name: str
    name_start: int
    fields: tuple[Field, ...]
    methods: tuple[Function, ...]
    attributes: tuple[Attribute, ...] = ()
    type_parameters: tuple[str, ...] = ()
    dynamic: bool = False
    doc: str = ""


class Variant(Node, frozen=True):
    name: str
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""


class Enum(Node, frozen=True):
    """An enum; a ``dynamic`` one (``dynamic enum``) adds to an enum that is ``@@dynamic``."""

    name: str
    name_start: int
    variants: tuple[Variant, ...]
    attributes: tuple[Attribute, ...] = ()
    dynamic: bool = False
    doc: str = ""


class Alias(Node, frozen=True):
    name: str
    name_start: int
    type: TypeExpr
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""


class Client(Node, frozen=True):
    name: str
    name_start: int
    body: ConfigBlock
    doc: str = ""


class RetryPolicy(Node, frozen=True):
    name: str
    name_start: int
    body: ConfigBlock
    doc: str = ""


class Generator(Node, frozen=True):
    name: str
    name_start: int
    body: ConfigBlock
    doc: str = ""


class TemplateString(Node, frozen=True):
    name: str
    name_start: int
    parameters: tuple[Parameter, ...]
    prompt: Prompt
    doc: str = ""


class Test(Node, frozen=True):
    """``body`` holds ``functions``, ``args`` and so on; ``types`` the items of its ``type_builder`` block."""

    name: str
    name_start: int
    body: ConfigBlock
    types: tuple[Class | Enum | Alias, ...] = ()
    doc: str = ""


class Constant(Node, frozen=True):
    """``const name: type = value`` or, with the same meaning, ``let name = value;`` at the top level."""

    name: str
    name_start: int
    type: TypeExpr | None
    value: Expr
    doc: str = ""


Declaration: TypeAlias = (
    Class | Enum | Alias | Constant | Function | Client | RetryPolicy | Generator | TemplateString | Test
)


class Item(msgspec.Struct, frozen=True):
    """One top-level declaration in its file.

    ``text`` is the item's own, which begins at ``offset`` of the file's; ``text[node.start:node.end]`` is a node's.
    """

    declaration: Declaration
    file: str
    offset: int
    text: str


class File(msgspec.Struct, frozen=True):
    """A parsed file: the items that could be read, in order.

    ``unread`` are the names of those that could not: later stages do not report them as unknown.  ``recovered`` has
    what could be read of these, for editors.
    """

    path: str
    items: tuple[Item, ...]
    unread: tuple[str, ...] = ()
    recovered: tuple[Item, ...] = ()
