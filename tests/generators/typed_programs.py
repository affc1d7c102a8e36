"""Generated programs: well typed, ending, without effects; ``main`` returns data."""

from __future__ import annotations

from bamlvm.vm.program.types import (
    BOOL,
    INT,
    NULL,
    STRING,
    UNKNOWN,
    ClassType,
    EnumType,
    FunctionType,
    ListType,
    MapType,
    Type,
    UnionType,
    members,
    optional,
    union,
)
from tests.generators.choices import SCALARS, Choices, Scope, Variable
from tests.generators.operator_expressions import Operations
from tests.generators.typed_expressions import LOG, Routine


def program(data: bytes, risks: int = 0) -> str:
    """The program that ``data`` decides on; well typed if it takes no risks."""
    return Programs(Choices(data), risks).program()


class Programs(Operations):
    """Adds statements and items to expressions."""

    # --- items --------------------------------------------------------------------------------------------------------

    def program(self) -> str:
        items = [self.enum() for _ in range(1 + self.choices.below(2))]
        items += [self.class_() for _ in range(self.choices.below(4))]
        items += [self.function(self.name("f")) for _ in range(self.choices.below(6))]
        items.append(self.main())
        return "\n".join(items) + "\n"

    def main(self) -> str:
        """Calls every function, and gives what they return or throw, with the log."""
        self.scope = Scope(ListType(UNKNOWN), [], [LOG])
        lines = ["let log: string[] = [];", "let out: unknown[] = [];"]
        for function in self.declared.functions:
            arms = "text: string => text, number: int => number, _ => null"
            lines.append(f"out.push({function.name}({self.arguments(function, 1)}) catch_all (e) {{ {arms} }});")
        self.scope.throws = None
        lines += [self.statement(2) for _ in range(self.choices.below(6))]
        return "function main() -> unknown[] {\n" + "\n".join([*lines, "out.push(log);", "out"]) + "\n}"

    def enum(self) -> str:
        name = self.name("E")
        variants = ["Red", "Green", "Blue", "White", "Black"][: 1 + self.choices.below(5)]
        self.declared.enums[name] = variants
        return f"enum {name} {{ {' '.join(variants)} }}"

    def class_(self) -> str:
        name = self.name("C")
        fields: list[tuple[str, Type]] = [("tag", INT)]
        fields += [(self.name("x"), self.type()) for _ in range(self.choices.below(4))]
        if self.choices.chance(40):
            fields.append((self.name("x"), optional(self.choices.pick(SCALARS))))
        if self.choices.chance(30):
            fields.append((self.name("x"), optional(ClassType(name))))
        self.declared.classes[name] = fields
        self.declared.methods[name] = []
        written = [f"{field} {_grouped(type_)}" for field, type_ in fields]
        written.append(f"function shown(self, n: int) -> string {{ `{name} ${{self.tag}} ${{n}}` }}")
        written += [self.function(self.name("m"), ClassType(name)) for _ in range(self.choices.below(3))]
        return f"class {name} {{\n" + "\n".join(written) + "\n}"

    def function(self, name: str, owner: ClassType | None = None) -> str:
        parameters = [(self.name("a"), self.type()) for _ in range(self.choices.below(4))]
        logs = owner is not None or self.choices.chance(80)
        if not logs:
            parameters = [(self.name("a"), INT)]
        result = self.type()
        throws: list[Type] = [INT, ClassType(next(iter(self.declared.classes)))] if self.declared.classes else [STRING]
        contract = throws if self.choices.chance(15) else None
        self.scope = Scope(result, contract)
        if owner is not None:
            self.scope.variables.append(Variable("self", owner, False, False, 0))
        defaults: list[str] = []
        written = ["self"] if owner is not None else []
        if logs:
            self.scope.variables.append(LOG)
            written.append("log: string[]")
        needs = len(parameters) - self.choices.below(len(parameters) + 1)
        for place, (parameter, type_) in enumerate(parameters):
            default = f" = {self.value(type_, 1)}" if place >= needs else ""
            defaults.append(default)
            written.append(f"{parameter}: {type_}{default}")
            self.scope.variables.append(Variable(parameter, type_, False, False, 0))
        body = self.body(3)
        made = Routine(name, parameters, needs, result, contract if contract is not None else self.scope.thrown, logs)
        if owner is not None:
            self.declared.methods[str(owner)].append(made)
        else:
            self.declared.functions.append(made)
        clause = f" throws {' | '.join(map(str, contract))}" if contract is not None else ""
        return f"function {name}({', '.join(written)}) -> {_grouped(result)}{clause} {body}"

    # --- blocks and statements ----------------------------------------------------------------------------------------

    def body(self, depth: int) -> str:
        outer = self.scope.loops
        self.scope.loops = 0
        text = self.statements(depth, self.value_of_result)
        self.scope.loops = outer
        return text

    def value_of_result(self, depth: int) -> str:
        return self.value(self.scope.result, depth)

    def _block(self, wanted: Type, depth: int) -> str:
        return f"({self.statements(depth, lambda left: self.value(wanted, left))})"

    def statements(self, depth: int, tail: object = None, before: str = "") -> str:
        """A block; ``tail`` makes the expression at its end."""
        scope = self.scope
        kept, narrowed = len(scope.variables), dict(scope.narrowed)
        lines = [before] if before else []
        for _ in range(self.choices.below(2 + depth)):
            if self.choices.exhausted:
                break
            lines.append(self.statement(depth - 1))
            if scope.loops and self.choices.chance(30):
                lines.append(f"if ({self.condition(depth - 1)}) {{ {self.diverge(depth - 1)} }}")
        if callable(tail):
            lines.append(tail(depth))
        del scope.variables[kept:]
        self.restore(narrowed)
        return "{ " + "\n".join(lines) + " }"

    def statement(self, depth: int) -> str:
        """``depth`` bounds how deep statements nest; expressions in them may be a little deeper."""
        kind = self.choices.below(20)
        if kind < 5 or depth < 0:
            return self._let(depth + 2)
        if kind < 8:
            return self._assign(depth + 2)
        if kind == 8:
            return self._change(depth + 2)
        if kind == 9:
            return self._leave_unless_known(depth)
        if kind == 10:
            return self._if_statement(depth)
        if kind < 13:
            return self._counted(depth)
        if kind < 15:
            return self._for_in(depth)
        if kind == 15:
            return f"if ({self.condition(depth + 2)}) {{ {self.diverge(depth)} }}"
        if kind == 16:
            return f"assert ({self.condition(depth + 2)} || true);"
        if kind < 19:
            return f"{self.value(self.type(), depth + 2)};"
        return self.statements(depth)

    def _let(self, depth: int) -> str:
        type_ = self.type()
        if self.choices.chance(25):
            type_ = union([self.testable(), self.testable()])
        mutable = self.choices.chance(50)
        plain = type_ in SCALARS or isinstance(type_, EnumType | ClassType)
        shown = "" if plain and self.choices.chance(50) else f": {type_}"
        if not shown and isinstance(type_, FunctionType):
            mutable = False
        value = self.value(type_, depth)
        shadow = self.scope.variables and self.choices.chance(10)
        name = self.choices.pick(self.scope.variables).name if shadow else self.name("v")
        if name == "self":
            name = self.name("v")
        self.scope.narrowed.pop(name, None)
        self.scope.variables.append(
            Variable(name, type_, mutable, mutable and self.choices.chance(50), self.scope.level)
        )
        return f"let {name}{shown} = {value};"

    def _assignable(self) -> list[Variable]:
        return [
            each for each in self.scope.reachable() if each.mutable and (each.shared or each.level == self.scope.level)
        ]

    def _assign(self, depth: int) -> str:
        options = self._assignable()
        if self.risks and self.scope.once and self.choices.chance(40):
            self.risks -= 1
            options = [each for each in self.scope.variables if each.name in self.scope.once]
        if not options:
            return self._let(depth)
        variable = self.choices.pick(options)
        if variable.type == INT and self.choices.chance(50):
            operator = self.choices.pick(("+=", "-=", "*=", "&=", "|=", "^=", "<<=", ">>="))
            right = "1" if operator in ("<<=", ">>=") else self.value(INT, depth)
            self.scope.assign(variable)
            return f"{variable.name} {operator} {right};"
        if variable.type == STRING and self.choices.chance(50):
            return f"{variable.name} += {self.value(STRING, depth)};"
        value = self.value(variable.type, depth)
        self.scope.assign(variable)
        return f"{variable.name} = {value};"

    def _change(self, depth: int) -> str:
        """Something changed inside a list, a map or an instance."""
        options = [
            each
            for each in self.scope.reachable()
            if isinstance(self.scope.known(each), ListType | MapType | ClassType)
        ]
        if not options:
            return self._let(depth)
        variable = self.choices.pick(options)
        name = variable.name
        match self.scope.known(variable):
            case ListType(item) if self.choices.chance(60):
                return f"if ({name}.length() < 6) {{ {name}.push({self.value(item, depth)}); }}"
            case ListType(item):
                target = f"{name}[{self.choices.pick(('0', '-1'))}]"
                compound = item == INT and self.choices.chance(50)
                return f"if ({name}.length() > 0) {{ {target} {'+=' if compound else '='} {self.value(item, depth)}; }}"
            case MapType(key, item):
                place = self.literal(key) if key == STRING else self.simple(key)
                return f"{name}[{place}] = {self.value(item, depth)};"
            case ClassType(class_name) if self.declared.classes[class_name]:
                field, type_ = self.choices.pick(self.declared.classes[class_name])
                operator = "+=" if type_ in (INT, STRING) and self.choices.chance(50) else "="
                return f"{name}.{field} {operator} {self.value(type_, depth)};"
            case _:
                return f"{name};"

    def _leave_unless_known(self, depth: int) -> str:
        """``if (x == null) { return … }`` and its like: what follows knows more."""
        options = [
            each
            for each in self.scope.reachable()
            if (self.risks or not each.shared) and isinstance(type_ := self.scope.known(each), UnionType)
            if not any(isinstance(part, ListType | MapType | FunctionType) for part in members(type_))
        ]
        if not options:
            return f"{self.value(INT, depth)};"
        variable = self.choices.pick(options)
        parts = members(self.scope.known(variable))
        part = self.choices.pick(parts)
        rest = union(each for each in parts if each != part)
        name = variable.name
        if part == NULL:
            left, right = self.choices.pick(
                ((f"{name} == null", f"{name} != null"), (f"{name} is null", f"!({name} is null)"))
            )
        else:
            left, right = f"{name} is {part}", f"!({name} is {part})"
        kind = self.choices.below(3)
        if kind == 0:
            leaving = self.diverge(depth)
            self.scope.narrow(name, rest)
            self._settle(variable)
            return f"if ({left}) {{ {leaving} }}"
        if kind == 1:
            leaving = self.diverge(depth)
            self.scope.narrow(name, part)
            self._settle(variable)
            return f"if ({right}) {{ {leaving} }}"
        outer = dict(self.scope.narrowed)
        self.scope.narrow(name, part)
        then = self.statements(depth)
        self.restore(outer)
        self.scope.narrow(name, rest)
        otherwise = self.statements(depth)
        self.restore(outer)
        return f"if ({left}) {then} else {otherwise}"

    def _settle(self, variable: Variable) -> None:
        """What a condition has told is news again for a variable that was assigned to before."""
        self.scope.assigned[:] = [name for name in self.scope.assigned if name != variable.name]

    def _if_statement(self, depth: int) -> str:
        otherwise = f" else {self.statements(depth)}" if self.choices.chance(50) else ""
        return f"if ({self.condition(depth)}) {self.statements(depth)}{otherwise}"

    def _loop_body(self, depth: int, before: str = "") -> str:
        outer = dict(self.scope.narrowed)
        for variable in self.scope.variables:
            if variable.mutable:
                self.scope.narrowed.pop(variable.name, None)
        self.scope.loops += 1
        text = self.statements(depth, before=before)
        self.scope.loops -= 1
        self.restore(outer)
        return text

    def _counted(self, depth: int) -> str:
        name = self.name("i")
        limit = 1 + self.choices.below(3)
        outer = dict(self.scope.narrowed)
        for variable in self.scope.variables:
            if variable.mutable:
                self.scope.narrowed.pop(variable.name, None)
        condition = f" && {self.condition(depth)}" if self.choices.chance(20) else ""
        self.restore(outer)
        self.scope.variables.append(Variable(name, INT, True, self.choices.chance(30), self.scope.level))
        self.scope.variables[-1].mutable = False  # the loop counts it; nothing else may, so that the program ends
        if self.choices.chance(50):
            body = self._loop_body(depth)
            self.scope.variables.pop()
            return f"for (let {name} = 0; {name} < {limit}{condition}; {name} += 1) {body}"
        body = self._loop_body(depth, f"{name} += 1;")
        self.scope.variables.pop()
        return f"let {name} = 0; while ({name} < {limit}{condition}) {body}"

    def _for_in(self, depth: int) -> str:
        name = self.name("x")
        lists = [v for v in self.scope.reachable() if isinstance(self.scope.known(v), ListType | MapType)]
        if lists and self.choices.chance(60):
            variable = self.choices.pick(lists)
            known = self.scope.known(variable)
            source = variable.name
            item = known.item if isinstance(known, ListType) else known.key if isinstance(known, MapType) else INT
        else:
            item = self.choices.pick((INT, STRING, BOOL))
            source = f"[{', '.join(self.value(item, depth) for _ in range(1 + self.choices.below(3)))}]"
        self.scope.variables.append(Variable(name, item, False, False, self.scope.level))
        body = self._loop_body(depth)
        self.scope.variables.pop()
        return f"for (let {name} in {source}) {body}"


def _grouped(type_: Type) -> str:
    """A type where more may follow; one of several words in parentheses."""
    return f"({type_})" if isinstance(type_, UnionType | FunctionType) else str(type_)
