"""Generated expressions of the forms that yield any type: branches, blocks, calls, match, catch, what diverges."""

from __future__ import annotations

from collections.abc import Callable

from bamlvm.vm.program.types import (
    BOOL,
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
    members,
    optional,
    union,
)
from tests.generators.choices import SCALARS, Variable, fits
from tests.generators.typed_expressions import LOG, PANICS, WORDS, Routine, Values


class Forms(Values):
    """Adds what takes any type to literals and variables."""

    def generic(self, wanted: Type, depth: int) -> str:
        forms: list[Callable[[Type, int], str]] = [
            self._if,
            self._call,
            self._block,
            self.diverging,
            self._null_or,
            self._element,
            self._field,
            self._match,
            self._catch,
            self._applied,
            self._logged,
            self._logged,
        ]
        return self.choices.pick(forms)(wanted, depth)

    def _if(self, wanted: Type, depth: int) -> str:
        condition = self.condition(depth)
        then = self.value(wanted, depth)
        return f"(if ({condition}) {{ {then} }} else {{ {self.value(wanted, depth)} }})"

    def diverge(self, depth: int) -> str:
        """A diverging expression."""
        scope = self.scope
        if scope.loops and self.choices.chance(60):
            return self.choices.pick(("break", "continue"))
        if self.choices.chance(40) and (scope.throws is None or scope.throws):
            return self.throw(depth)
        return f"return {self.value(scope.result, depth)}" if scope.result != NULL else "return"

    def throw(self, depth: int) -> str:
        options = self.scope.throws
        if options is None:
            options = [STRING, INT, *map(ClassType, self.declared.classes)]
        type_ = self.choices.pick(options)
        self.scope.thrown.append(type_)
        return f"throw {self.value(type_, min(depth, 1))}"

    def diverging(self, wanted: Type, depth: int) -> str:
        condition = self.condition(depth)
        if self.choices.chance(50):
            return f"(if ({condition}) {{ {self.value(wanted, depth)} }} else {{ {self.diverge(depth)} }})"
        return f"(if ({condition}) {{ {self.diverge(depth)} }} else {{ {self.value(wanted, depth)} }})"

    def _null_or(self, wanted: Type, depth: int) -> str:
        known = self.scope.exactly(optional(wanted))
        if known and NULL not in members(wanted):
            left = self.choices.pick(known).name
        elif wanted in SCALARS:
            left = f"[{self.value(wanted, depth)}, {self.value(wanted, depth)}].at({self.value(INT, depth)})"
        else:
            return self.specific(wanted, depth)
        right = self.diverge(depth) if self.choices.chance(40) else self.value(wanted, depth)
        return f"({left} ?? {right})"

    def _block(self, wanted: Type, depth: int) -> str:
        return f"({{ {self.value(wanted, depth)} }})"

    def _logged(self, wanted: Type, depth: int) -> str:
        if LOG not in self.scope.reachable():
            return self.specific(wanted, depth)
        return f'({{ log.push("{self.name("")}"); {self.value(wanted, depth)} }})'

    def _call(self, wanted: Type, depth: int) -> str:
        usable = [each for each in self.declared.functions if fits(each.result, wanted) and self.allowed(each)]
        if not usable:
            return self.specific(wanted, depth)
        function = self.choices.pick(usable)
        self.scope.thrown.extend(function.throws)
        return f"{function.name}({self.arguments(function, depth)})"

    def allowed(self, function: Routine) -> bool:
        throws = self.scope.throws
        return throws is None or all(each in throws for each in function.throws)

    def arguments(self, function: Routine, depth: int) -> str:
        log = self.scope.exactly(LOG.type) if function.logs else []
        first = [(log[0].name if LOG not in log else "log") if log else "[]"] if function.logs else []
        given = [each for place, each in enumerate(function.parameters) if place < function.needs]
        rest = function.parameters[function.needs :]
        if self.choices.chance(30):
            given += [each for each in rest if self.choices.chance(50)]
            if self.choices.chance(50):
                given.reverse()
            return ", ".join([*first, *(f"{name} = {self.value(type_, depth)}" for name, type_ in given)])
        given += rest[: self.choices.below(len(rest) + 1)]
        return ", ".join([*first, *(self.value(type_, depth) for _, type_ in given)])

    def _applied(self, wanted: Type, depth: int) -> str:
        functions = [
            each
            for each in self.scope.reachable()
            if isinstance(type_ := self.scope.known(each), FunctionType) and fits(type_.result, wanted)
        ]
        if functions:
            return f"{self.choices.pick(functions).name}({self.value(INT, depth)})"
        return f"{self.lambda_([INT], wanted, depth)}({self.value(INT, depth)})"

    def _element(self, wanted: Type, depth: int) -> str:
        lists = self.scope.exactly(ListType(wanted))
        maps = self.scope.exactly(MapType(STRING, wanted))
        if lists and (not maps or self.choices.chance(60)):
            name = self.choices.pick(lists).name
            index = self.choices.pick(("0", "-1", f"({self.value(INT, depth)} % 3)"))
            if fits(NULL, wanted):
                return f"{name}.at({index})"
            return f"(if ({name}.length() > 0) {{ {name}[{index}] }} else {{ {self.value(wanted, depth)} }})"
        if maps:
            name, key = self.choices.pick(maps).name, f'"{self.choices.pick(WORDS)}"'
            return f"({name}.get({key}) ?? {self.value(wanted, depth)})"
        return self.specific(wanted, depth)

    def _field(self, wanted: Type, depth: int) -> str:
        for variable in self.scope.reachable():
            type_ = self.scope.known(variable)
            if isinstance(type_, UnionType) and all(isinstance(part, ClassType) for part in members(type_)):
                if wanted == INT:
                    return f"{variable.name}.tag"
                if wanted == STRING:
                    return f"{variable.name}.shown({self.value(INT, depth)})"
            if isinstance(type_, ClassType):
                if (known := self._known_field(variable, type_, wanted, depth)) is not None:
                    return known
                fields = [name for name, each in self.declared.classes[type_.name] if fits(each, wanted)]
                methods = [
                    each
                    for each in self.declared.methods.get(type_.name, ())
                    if fits(each.result, wanted) and self.allowed(each)
                ]
                if methods and self.choices.chance(60):
                    method = self.choices.pick(methods)
                    self.scope.thrown.extend(method.throws)
                    if self.choices.chance(30):
                        return f"{type_.name}.{method.name}({variable.name}, {self.arguments(method, depth)})"
                    return f"{variable.name}.{method.name}({self.arguments(method, depth)})"
                if fields:
                    return f"{variable.name}.{self.choices.pick(fields)}"
        return self.specific(wanted, depth)

    def _known_field(self, variable: Variable, owner: ClassType, wanted: Type, depth: int) -> str | None:
        """An optional field that is asked for before it is used, in each of the ways there are."""
        fields = [
            name
            for name, type_ in self.declared.classes[owner.name]
            if NULL in members(type_) and fits(union(part for part in members(type_) if part != NULL), wanted)
        ]
        if not fields or self.choices.chance(40):
            return None
        place = f"{variable.name}.{self.choices.pick(fields)}"
        other = self.value(wanted, depth)
        leaving = self.diverge(depth)
        condition = self.condition(depth)
        return self.choices.pick(
            (
                f"(if ({place} != null) {{ {place} }} else {{ {other} }})",
                f"({place} ?? {other})",
                f"(match ({place}) {{ null => {other}, _ => {place} }})",
                f"({{ if ({place} == null) {{ {leaving} }} {place} }})",
                f"(if (!({place} is null) && {condition}) {{ {place} ?? {other} }} else {{ {other} }})",
            )
        )

    def _match(self, wanted: Type, depth: int) -> str:
        variable = self._scrutinee()
        if variable is None:
            return self._match_number(wanted, depth)
        type_ = self.scope.known(variable)
        arms = []
        cases = list(members(type_))
        if isinstance(type_, EnumType):
            cases = [VariantType(type_.name, variant) for variant in self.declared.enums[type_.name]]
        elif type_ == BOOL:
            cases = [LiteralType(True), LiteralType(False)]
        default = self.choices.chance(40)
        for case in cases[: 1 + self.choices.below(len(cases))] if default else cases:
            if self.choices.chance(20):
                arms.append(self._arm(variable, case, self.condition(depth), wanted, depth))
            arms.append(self._arm(variable, case, None, wanted, depth))
        if default:
            arms.append(f"_ => {self._arm_body(wanted, depth)}")
        return f"(match ({variable.name}) {{ {', '.join(arms)} }})"

    def _scrutinee(self) -> Variable | None:
        options = [
            each
            for each in self.scope.reachable()
            if isinstance(type_ := self.scope.known(each), UnionType | EnumType) or type_ == BOOL
            if not any(isinstance(part, ListType | MapType | FunctionType) for part in members(type_))
        ]
        return self.choices.pick(options) if options else None

    def _arm(self, variable: Variable, case: Type, guard: str | None, wanted: Type, depth: int) -> str:
        outer = dict(self.scope.narrowed)
        pattern = str(case)
        bound = None
        if not isinstance(case, VariantType | LiteralType) and case != NULL and self.choices.chance(40):
            bound = Variable(self.name("m"), case, False, False, self.scope.level)
            pattern = f"{bound.name}: {case}" if self.choices.chance(50) else f"let {bound.name}: {case}"
            self.scope.variables.append(bound)
        if not variable.shared:
            self.scope.narrow(variable.name, case)
        condition = f" if {guard}" if guard is not None else ""
        body = self._arm_body(wanted, depth)
        if bound is not None:
            self.scope.variables.remove(bound)
        self.restore(outer)
        return f"{pattern}{condition} => {body}"

    def restore(self, narrowed: dict[str, Type]) -> None:
        """Go back to what was known before a branch, less what has been assigned to since."""
        self.scope.narrowed = {name: type_ for name, type_ in narrowed.items() if name not in self.scope.assigned}

    def _arm_body(self, wanted: Type, depth: int) -> str:
        return self.diverge(depth) if self.choices.chance(20) else self.value(wanted, depth)

    def _match_number(self, wanted: Type, depth: int) -> str:
        """Literal arms: dense ones become a jump table."""
        text = self.choices.chance(40)
        scrutinee = self.value(STRING if text else INT, depth)
        arms = []
        for place in range(1 + self.choices.below(5)):
            pattern = f'"{WORDS[place]}"' if text else str(place - 1)
            if self.choices.chance(20) and not text:
                pattern += f" | {place + 10}"
            guard = f" if {self.condition(depth)}" if self.choices.chance(15) else ""
            arms.append(f"{pattern}{guard} => {self._arm_body(wanted, depth)}")
        rest = self.name("m")
        arms.append(f"{self.choices.pick(('_', rest))} => {self._arm_body(wanted, depth)}")
        return f"(match ({scrutinee}) {{ {', '.join(arms)} }})"

    def _catch(self, wanted: Type, depth: int) -> str:
        outer, self.scope.throws = self.scope.throws, None
        thrown, self.scope.thrown = self.scope.thrown, []
        inner = self.throw(depth) if self.choices.chance(20) else self.value(wanted, depth)
        caught, self.scope.thrown, self.scope.throws = self.scope.thrown, thrown, outer
        arms = []
        for type_ in (INT, STRING, *map(ClassType, self.declared.classes)):
            if self.choices.chance(40):
                name = self.name("c")
                if self.choices.chance(25):
                    guard = self.condition(depth)
                    arms.append(f"{type_} if {guard} => {self._arm_body(wanted, depth)}")
                arms.append(f"{name}: {type_} => {self._arm_body(wanted, depth)}")
        if self.choices.chance(30):
            arms.append(f"baml.panics.{self.choices.pick(PANICS)} => {self._arm_body(wanted, depth)}")
        open_end = outer is None and self.choices.chance(20) and bool(arms)
        if open_end:
            thrown.extend(caught)
        elif not open_end:
            arms.append(f"_ => {self._arm_body(wanted, depth)}")
        word = "catch" if open_end or self.choices.chance(60) else "catch_all"
        return f"({inner} {word} ({self.name('e')}) {{ {', '.join(arms)} }})"
