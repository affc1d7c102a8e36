"""Generated expressions of one type each: arithmetic, strings, conditions, lists and maps."""

from __future__ import annotations

from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    ClassType,
    FunctionType,
    ListType,
    MapType,
    Type,
    UnionType,
    members,
    union,
)
from tests.generators.choices import SCALARS
from tests.generators.control_expressions import Forms


class Operations(Forms):
    """Adds what yields a type of its own."""

    def specific(self, wanted: Type, depth: int) -> str:
        match wanted:
            case UnionType(parts):
                return self.value(self.choices.pick(parts), depth)
            case ClassType(name):
                return self._instance(name, depth)
            case ListType(item):
                return self._list(item, depth)
            case MapType(key, item):
                return self._map(key, item, depth)
            case FunctionType():
                return self.function_value(wanted, depth)
            case _ if wanted == INT:
                return self._int(depth)
            case _ if wanted == FLOAT:
                return self._float(depth)
            case _ if wanted == STRING:
                return self._string(depth)
            case _ if wanted == BOOL:
                return self.condition(depth)
            case _:
                return self.literal(wanted)

    def _int(self, depth: int) -> str:
        kind = self.choices.below(12)
        if kind == 0:
            return f"(-{self.value(INT, depth)})"
        if kind == 1:
            return f"(~{self.value(INT, depth)})"
        if kind == 2:
            return f"{self.value(STRING, depth)}.length()"
        if kind == 3:
            return f"({self.value(INT, depth)} {self.choices.pick(('/', '%'))} {self.choices.pick(('2', '-3', '7'))})"
        if kind == 4:
            return f"({self.value(INT, depth)} {self.choices.pick(('<<', '>>'))} {self.choices.pick(('1', '3', '70'))})"
        if kind == 5:
            kept = self.scope.exactly(ListType(INT))
            start = self.value(INT, depth)
            source = self.choices.pick(kept).name if kept else "[1, 2, 3]"
            return f"{source}.reduce({self.lambda_([INT, INT], INT, depth)}, {start})"
        operator = self.choices.pick(("+", "-", "+", "*", "&", "|", "^", "/"))
        return f"({self.value(INT, depth)} {operator} {self.value(INT, depth)})"

    def _float(self, depth: int) -> str:
        operator = self.choices.pick(("+", "-", "*", "/", "%"))
        left, right = self.choices.pick(((FLOAT, FLOAT), (FLOAT, INT), (INT, FLOAT)))
        return f"({self.value(left, depth)} {operator} {self.value(right, depth)})"

    def _string(self, depth: int) -> str:
        kind = self.choices.below(8)
        if kind == 0:
            return f"`<${{{self.value(self.choices.pick(SCALARS), depth)}}}|${{{self.value(STRING, depth)}}}>`"
        if kind == 1:
            return f"{self.value(STRING, depth)}.{self.choices.pick(('trim', 'to_upper_case'))}()"
        if kind == 2:
            return (
                f"{self.value(INT, depth)}.to_string()"
                if self.choices.chance(0)
                else f"({self.value(INT, depth)}).to_string()"
            )
        if kind == 3:
            return f"{self.value(STRING, depth)}.substring({self.value(INT, depth)}, {self.value(INT, depth)})"
        if kind == 4:
            kept = self.scope.exactly(ListType(INT))
            source = self.choices.pick(kept).name if kept else "[3, 1]"
            return f'{source}.map({self.lambda_([INT], STRING, depth)}).join(",")'
        return f"({self.value(STRING, depth)} + {self.value(STRING, depth)})"

    def condition(self, depth: int) -> str:
        kind = self.choices.below(10)
        if depth <= 0 or kind == 0:
            return self.simple(BOOL)
        depth -= 1
        if kind == 1:
            return f"(!{self.condition(depth)})"
        if kind in (2, 3):
            return self._both(depth)
        if kind == 4:
            ordered = self.choices.pick((INT, FLOAT, STRING))
            operator = self.choices.pick(("<", "<=", ">", ">="))
            return f"({self.value(ordered, depth)} {operator} {self.value(ordered, depth)})"
        if kind == 5:
            right = self.diverge(depth) if self.choices.chance(30) else self.condition(depth)
            return f"({self.condition(depth)} {self.choices.pick(('&&', '||'))} {right})"
        if kind == 6 and (variable := self._scrutinee()) is not None:
            part = self.choices.pick(members(self.scope.known(variable)))
            return f"({variable.name} {self.choices.pick(('is', 'instanceof'))} {part})"
        type_: Type = self.type(1)
        if isinstance(type_, FunctionType | ListType | MapType):
            type_ = INT
        return f"({self.natural(type_, depth)} {self.choices.pick(('==', '!='))} {self.natural(type_, depth)})"

    def _both(self, depth: int) -> str:
        """What the left side tells, the right side uses."""
        options = [v for v in self.scope.reachable() if NULL in members(self.scope.known(v)) and not v.shared]
        if not options:
            return self.condition(depth)
        variable = self.choices.pick(options)
        outer = dict(self.scope.narrowed)
        self.scope.narrow(variable.name, union(p for p in members(self.scope.known(variable)) if p != NULL))
        right = self.condition(depth)
        self.restore(outer)
        if self.choices.chance(50):
            return f"({variable.name} != null && {right})"
        return f"({variable.name} == null || {right})"

    def natural(self, wanted: Type, depth: int) -> str:
        """An expression for a place that expects nothing."""
        return self.value(wanted, depth) if wanted in SCALARS else self.simple(wanted)

    def _list(self, item: Type, depth: int) -> str:
        kept = self.scope.exactly(ListType(item))
        if kept and self.choices.chance(30):
            name = self.choices.pick(kept).name
            if item in SCALARS and self.choices.chance(30):
                return f"{name}.filter({self.lambda_([item], BOOL, depth)})"
            return self.choices.pick((f"{name}.reverse()", f"{name}.slice(0, 2)", f"{name}.concat({name})"))
        parts = [self.value(item, depth) for _ in range(self.choices.below(4))]
        if kept and self.choices.chance(30):
            parts.insert(self.choices.below(len(parts) + 1), f"...{self.choices.pick(kept).name}")
        return f"[{', '.join(parts)}]"

    def _map(self, key: Type, item: Type, depth: int) -> str:
        kept = self.scope.exactly(MapType(key, item))
        parts = [
            f"{self.literal(key) if key == STRING else self.simple(key)}: {self.value(item, depth)}"
            for _ in range(self.choices.below(3))
        ]
        if kept and self.choices.chance(30):
            parts.insert(self.choices.below(len(parts) + 1), f"...{self.choices.pick(kept).name}")
        return f"{{ {', '.join(parts)} }}" if parts else self.literal(MapType(key, item))
