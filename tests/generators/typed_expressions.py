"""Generated expressions: source text of a given type, with operands of every kind in every place.

What is generated is well typed by the rules of the language; whatever diverges (``return``, ``break``, ``continue``,
``throw``) may stand in the middle of any expression.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    ClassType,
    EnumType,
    FunctionType,
    ListType,
    LiteralType,
    MapType,
    Type,
    UnionType,
    VariantType,
    optional,
    union,
)
from tests.generators.choices import SCALARS, Choices, Scope, Variable, fits

WORDS = ("", "a", "bc", "déf", "naïve ☃", "x y")
LITERALS = (*map(LiteralType, ("a", "b", "c")), *map(LiteralType, (1, 2)), LiteralType(True))
PANICS = ("DivisionByZero", "IntegerOverflow", "IndexOutOfBounds", "MapKeyNotFound")


LOG = Variable("log", ListType(STRING), False, False, 0)
"""A list that (nearly) every function is given: what is pushed to it shows in which order things happen."""


@dataclass
class Routine:
    """A generated function or method.  ``needs`` are the parameters without a default, ``logs`` whether the log comes
    before them."""

    name: str
    parameters: list[tuple[str, Type]]
    needs: int
    result: Type
    throws: list[Type] = field(default_factory=list)
    logs: bool = True


@dataclass
class Declared:
    """What the program declares so far."""

    classes: dict[str, list[tuple[str, Type]]] = field(default_factory=dict)
    methods: dict[str, list[Routine]] = field(default_factory=dict)
    enums: dict[str, list[str]] = field(default_factory=dict)
    functions: list[Routine] = field(default_factory=list)


class Values(ABC):
    """Generates expressions in :attr:`scope`.

    So many times as ``risks`` says, something is used as if it were known to be of the type wanted, or assigned to as
    if nobody relied on it: whether the program is well typed then is for the checker to say.
    """

    def __init__(self, choices: Choices, risks: int = 0) -> None:
        self.choices = choices
        self.risks = risks
        self.declared = Declared()
        self.scope = Scope(NULL, None)
        self._names = 0

    def name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    # --- types --------------------------------------------------------------------------------------------------------

    def type(self, depth: int = 2) -> Type:
        kind = self.choices.below(14)
        if kind < 6 or depth <= 0:
            return self.choices.pick(SCALARS)
        if kind == 6:
            return ListType(self.type(depth - 1))
        if kind == 7:
            key: Type = EnumType(self.choices.pick(list(self.declared.enums))) if self.choices.chance(40) else STRING
            return MapType(key, self.type(depth - 1))
        if kind == 8:
            return optional(self.type(depth - 1))
        if kind == 9:
            return EnumType(self.choices.pick(list(self.declared.enums)))
        if kind == 10 and self.declared.classes:
            return ClassType(self.choices.pick(list(self.declared.classes)))
        if kind == 11:
            return union([self.testable() for _ in range(2 + self.choices.below(2))])
        if kind == 12:
            return union([self.choices.pick(LITERALS) for _ in range(2)])
        return FunctionType((INT,), self.choices.pick(SCALARS))

    def testable(self) -> Type:
        """A type that a value can be tested for without its being taken for another one."""
        options: list[Type] = [INT, STRING, NULL, BOOL, FLOAT, *map(EnumType, self.declared.enums)]
        options += [ClassType(name) for name in self.declared.classes]
        return self.choices.pick(options)

    # --- expressions --------------------------------------------------------------------------------------------------

    def value(self, wanted: Type, depth: int = 3) -> str:
        """An expression whose value fits ``wanted``, in a place that says so."""
        if self.scope.loops and depth > 0 and self.choices.chance(8):
            return self.diverging(wanted, depth - 1)
        if depth <= 0 or self.choices.exhausted or self.choices.chance(30):
            return self.simple(wanted)
        if self.choices.chance(30):
            return self.generic(wanted, depth - 1)
        return self.specific(wanted, depth - 1)

    def simple(self, wanted: Type) -> str:
        """A variable or a literal."""
        if self.risks and (risky := self._risky(wanted)) and self.choices.chance(60):
            self.risks -= 1
            return self.choices.pick(risky).name
        known = self.scope.of_type(wanted)
        if known and self.choices.chance(70):
            return self.choices.pick(known).name
        return self.literal(wanted)

    def _risky(self, wanted: Type) -> list[Variable]:
        """Variables that once were of a type, in reach or not."""
        sure = self.scope.of_type(wanted)
        once = self.scope.once
        return [
            each
            for each in self.scope.variables
            if each not in sure and any(fits(type_, wanted) for type_ in once.get(each.name, ()))
        ]

    def literal(self, wanted: Type) -> str:
        match wanted:
            case UnionType(parts):
                return self.literal(self.choices.pick(sorted(parts, key=lambda part: part != NULL)))
            case ClassType(name):
                return self._instance(name, 0)
            case EnumType(name):
                return f"{name}.{self.choices.pick(self.declared.enums[name])}"
            case VariantType() | LiteralType():
                return str(wanted)
            case ListType(item):
                return "[" + ", ".join(self.literal(item) for _ in range(self.choices.below(3))) + "]"
            case MapType(key, item):
                return f"{{ {self.literal(key)}: {self.literal(item)} }}"  # `=> {}` is a block
            case FunctionType():
                return self.function_value(wanted, 0)
            case _ if wanted == INT:
                return str(self.choices.pick((0, 1, 2, 3, -1, 7, 63, 1 << 40, -(1 << 62), (1 << 63) - 1)))
            case _ if wanted == FLOAT:
                return self.choices.pick(("0.0", "1.5", "-2.25", "1e3", "0.1"))
            case _ if wanted == BOOL:
                return self.choices.pick(("true", "false"))
            case _ if wanted == STRING:
                return '"' + self.choices.pick(WORDS) + '"'
            case _:
                return "null"

    def _instance(self, name: str, depth: int) -> str:
        fields = list(self.declared.classes[name])
        spread = ""
        known = self.scope.exactly(ClassType(name))
        if known and self.choices.chance(30):
            spread = f"...{self.choices.pick(known).name}"
            fields = [each for each in fields if self.choices.chance(50)]
        elif self.choices.chance(30):
            fields = [(each, type_) for each, type_ in fields if not fits(NULL, type_) or self.choices.chance(50)]
        if self.choices.chance(30):
            fields.reverse()
        parts = [f"{each}: {self.value(type_, depth) if depth > 0 else self.simple(type_)}" for each, type_ in fields]
        if spread:
            parts.insert(self.choices.below(len(parts) + 1), spread)
        return f"{name} {{ {', '.join(parts)} }}"

    def function_value(self, wanted: FunctionType, depth: int) -> str:
        named = [
            each.name
            for each in self.declared.functions
            if each.result == wanted.result
            and not each.logs
            and each.needs == len(each.parameters) == 1
            and each.parameters[0][1] == INT
            and wanted.parameters == (INT,)
        ]
        if named and self.choices.chance(40):
            return self.choices.pick(named)
        return self.lambda_(list(wanted.parameters), wanted.result, depth)

    def lambda_(self, parameters: list[Type], result: Type, depth: int) -> str:
        """A lambda; its body is an expression, or a block with statements where :meth:`body` is overridden."""
        outer = self.scope
        names = [self.name("p") for _ in parameters]
        inner = Scope(result, outer.throws, list(outer.variables), {}, outer.assigned, outer.level + 1)
        inner.thrown, inner.once = outer.thrown, outer.once
        constant = {each.name for each in outer.variables if not each.mutable}
        inner.narrowed = {name: type_ for name, type_ in outer.narrowed.items() if name in constant}
        inner.variables += [
            Variable(name, type_, False, False, inner.level) for name, type_ in zip(names, parameters, strict=True)
        ]
        self.scope = inner
        body = self.body(depth)
        self.scope = outer
        shown = ", ".join(f"{name}: {type_}" for name, type_ in zip(names, parameters, strict=True))
        return f"(({shown}) -> {result} {body})"

    def body(self, depth: int) -> str:
        """A block that yields what the scope's function returns."""
        return f"{{ {self.value(self.scope.result, depth)} }}"

    # --- what is added ------------------------------------------------------------------------------------------------

    @abstractmethod
    def generic(self, wanted: Type, depth: int) -> str:
        """An expression of a form that yields any type."""

    @abstractmethod
    def diverging(self, wanted: Type, depth: int) -> str:
        """An expression that may not yield anything."""

    @abstractmethod
    def specific(self, wanted: Type, depth: int) -> str:
        """An expression of a form that yields ``wanted``."""

    @abstractmethod
    def condition(self, depth: int) -> str:
        """A bool."""
