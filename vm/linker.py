"""The linker: units become a program, functions become records that the loop executes.

Linking merges the units' tables and checks that every declared native and sys-op has an implementation.  Names inside
a function are resolved when it is first called.  Its code then becomes *records*, lists ``[number, operands, next]``:
the number is the instruction's in the loop, the operands are the objects that they refer to (constants, callees,
classes, records), one bare and several in a tuple.  Execution follows ``next``; a branch takes the record among its
operands instead.  A ``jump`` after an instruction that cannot throw costs nothing: that instruction's next record is
the target.

A linked program is shared by all the calls of a runtime and by their threads.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

from bamlvm.vm.arithmetic import BINARY_FUNCTIONS, COMPARE_FUNCTIONS, UNARY_FUNCTIONS
from bamlvm.vm.opcodes import CODES, DISPATCH, EFFORTS, KEYS, LONGEST_RUN, MAY_THROW, TABLE, Opcode, plain
from bamlvm.vm.program.code import Function, Handler, Placed
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, Signature
from bamlvm.vm.program.llm import ClientInfo, LlmFunctionInfo, RetryPolicyInfo, TemplateInfo
from bamlvm.vm.program.types import FUTURE, Type, bare
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.stack import instructions, jumps
from bamlvm.vm.sysop import SysOp
from bamlvm.vm.type_tests import Tester, is_deep, paced_tester, tester
from bamlvm.vm.values import MISSING, EnumValue, Future, Instance, LoadedClass, Media, TraceFrame, Value, open_instance
from bamlvm.vm.verifier import VerifyError, verify
from bamlvm.vm.work import note

_FUNCTIONS_BY_OPCODE: Final[Mapping[str, Sequence[Callable[..., Any]]]] = {
    "bin_op": BINARY_FUNCTIONS,
    "cmp_op": COMPARE_FUNCTIONS,
    "unary_op": UNARY_FUNCTIONS,
}

_BUILT_IN_CLASSES: Final[Mapping[type, str]] = {
    str: "baml.String",
    int: "baml.Int",
    float: "baml.Float",
    bool: "baml.Bool",
    list: "baml.Array",
    dict: "baml.Map",
    Future: FUTURE,
}

_TABLES: Final = tuple(name for name in Unit.__struct_fields__ if name not in ("tests", "generators"))
"""The tables that units are merged from; tests and generators are no part of a program."""


Translation: TypeAlias = Literal["off", "hot", "eager", "stress"]
"""Which functions the second tier translates: none, hot ones, each at its first call, or each and every loop at its
first turn, with its facts checked."""


class LinkError(Exception):
    """Units do not fit together; ``missing`` names each implementation or definition that is missing."""

    def __init__(self, message: str, missing: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.missing = tuple(missing)


class Program:
    """Linked units: the code that a machine runs, and the schema that sys-ops see.  Made by :meth:`link`."""

    def __init__(self, natives: Mapping[str, Callable[..., Any]], sysops: Mapping[str, SysOp]) -> None:
        self.natives = natives
        self.sysops = sysops
        self.functions: dict[str, Placed] = {}
        self.signatures: dict[str, Signature] = {}
        self.classes: dict[str, ClassInfo] = {}
        self.enums: dict[str, EnumInfo] = {}
        self.annotated_aliases: dict[str, Type] = {}
        self.llm_functions: dict[str, LlmFunctionInfo] = {}
        self.clients: dict[str, ClientInfo] = {}
        self.retry_policies: dict[str, RetryPolicyInfo] = {}
        self.templates: dict[str, TemplateInfo] = {}
        self.globals: dict[str, Type] = {}
        self.lock = threading.RLock()
        self.native: Any = None
        self.translation: Translation = "hot"
        self._linked: dict[str, LinkedFunction] = {}
        self._classes: dict[str, LoadedClass] = {}
        self._enums: dict[str, dict[str, EnumValue]] = {}
        self._globals: dict[str, LinkedGlobal] = {}
        self._testers: dict[Type, Tester] = {}
        self._paced_testers: dict[Type, Tester] = {}

    @classmethod
    def link(
        cls, units: Sequence[Unit], natives: Mapping[str, Callable[..., Any]], sysops: Mapping[str, SysOp]
    ) -> Program:
        """Link units, the standard library first.

        Raises :class:`LinkError` if two units define one name, or a declared native or sys-op has no implementation
        (all of these are named).
        """
        program = cls(natives, sysops)
        for unit in units:
            for table in _TABLES:
                entries = getattr(program, table)
                added = getattr(unit, table)
                if entries and not entries.keys().isdisjoint(added):
                    twice = sorted(entries.keys() & added.keys())
                    raise LinkError(f"defined twice: {', '.join(twice)}", twice)
                entries.update(added)
        missing = [
            name
            for name, signature in program.signatures.items()
            if (signature.kind == "native" and name not in natives)
            or (signature.kind == "sysop" and name not in sysops)
        ]
        if missing:
            raise LinkError(f"not implemented: {', '.join(sorted(missing))}", sorted(missing))
        return program

    @cached_property
    def aliases(self) -> dict[str, Type]:
        """The types that aliases name, without attributes."""
        return {name: bare(type_) for name, type_ in self.annotated_aliases.items()}

    def function(self, name: str) -> LinkedFunction:
        """Return a callable by qualified name: a function, or a native or sys-op wrapped as one.

        Raises :class:`LinkError` if there is none.
        """
        linked = self._linked.get(name)
        if linked is None:
            with self.lock:
                linked = self._linked.get(name)
                if linked is None:
                    linked = self._linked[name] = LinkedFunction(self, self._verified(name))
        return linked

    def method(self, receiver: Value, name: str) -> LinkedFunction:
        """Return the method of a value's class by bare name.  Raises :class:`LinkError` if it has none."""
        if type(receiver) is Instance:
            methods = receiver.cls.methods
            if name not in methods:
                methods[name] = self.function(f"{receiver.cls.name}.{name}")
            found: LinkedFunction = methods[name]
            return found
        owner = (
            f"baml.{receiver.kind.capitalize()}" if type(receiver) is Media else _BUILT_IN_CLASSES.get(type(receiver))
        )
        if owner is None:
            raise LinkError(f"a {type(receiver).__name__} has no method {name}")
        return self.function(f"{owner}.{name}")

    def loaded_class(self, name: str) -> LoadedClass:
        """Return a class by qualified name, one object per program.  Raises :class:`LinkError` if there is none."""
        loaded = self._classes.get(name)
        if loaded is None:
            if name not in self.classes:
                raise LinkError(f"there is no class {name}", [name])
            loaded = self._classes.setdefault(name, LoadedClass(self.classes[name]))
        return loaded

    def new_instance(self, class_name: str, fields: Mapping[str, Value]) -> Instance:
        """Return an instance of a class by qualified name; fields left out are null.

        Raises :class:`LinkError` if there is no such class, :class:`KeyError` if it has no such field.
        """
        cls = self._classes.get(class_name) or self.loaded_class(class_name)
        index = cls.index
        values: list[Value] = [None] * len(index)
        for name, value in fields.items():
            values[index[name]] = value
        return Instance(cls, values)

    def open_instance(self, class_name: str, fields: Mapping[str, Value]) -> Instance:
        """Return an instance of a ``@@dynamic`` class, with fields that it may not declare."""
        return open_instance(self.loaded_class(class_name), fields)

    def enum_value(self, enum: str, variant: str) -> EnumValue:
        """Return a variant, always the same object.  Raises :class:`LinkError` if there is none."""
        variants = self._enums.get(enum)
        if variants is None:
            if enum not in self.enums:
                raise LinkError(f"there is no enum {enum}", [enum])
            infos = self.enums[enum].variants
            made = {info.name: EnumValue(enum, info.name, place) for place, info in enumerate(infos)}
            variants = self._enums.setdefault(enum, made)
        if variant not in variants:
            raise LinkError(f"enum {enum} has no variant {variant}", [f"{enum}.{variant}"])
        return variants[variant]

    def global_(self, name: str) -> LinkedGlobal:
        """Return a constant by qualified name, one object per program.  Raises :class:`LinkError` if there is none."""
        found = self._globals.get(name)
        if found is None:
            if name not in self.globals:
                raise LinkError(f"there is no constant {name}", [name])
            found = self._globals.setdefault(name, LinkedGlobal(self, self.function(name)))
        return found

    def kept_globals(self) -> dict[str, Value]:
        """Return the values of the constants that have one, by name."""
        return {name: each.value for name, each in self._globals.items() if each.value is not MISSING}

    def tester(self, type_: Type) -> Tester:
        """Return the test of whether a value is of a type."""
        found = self._testers.get(type_)
        if found is None:
            found = self._testers[type_] = tester(type_, self.aliases)
        return found

    def paced_tester(self, type_: Type) -> Tester:
        """Return the machine's test of whether a value is of a type, which raises
        :class:`~bamlvm.vm.work.Lengthy`."""
        found = self._paced_testers.get(type_)
        if found is None:
            found = self._paced_testers[type_] = paced_tester(type_, self.aliases)
        return found

    def _verified(self, name: str) -> Placed:
        """Return a function whose code keeps the rules that the machine relies on: it may be a file's.

        Raises :class:`LinkError` for one that does not.
        """
        placed = self._placed(name)
        try:
            verify(placed.function)
        except VerifyError as error:
            raise LinkError(f"code that breaks a rule: {error}", [name]) from None
        return placed

    def _placed(self, name: str) -> Placed:
        placed = self.functions.get(name)
        if placed is not None:
            return placed
        opcode = "call_native" if name in self.natives else "sys_call"
        if name not in self.signatures or not (name in self.natives or name in self.sysops):
            raise LinkError(f"there is no function {name}", [name])
        parameters = tuple(parameter.name for parameter in self.signatures[name].parameters)
        code: list[int] = []
        for index in range(len(parameters)):
            code += [CODES["load_local"], index]
        code += [CODES[opcode], 0, len(parameters), CODES["return"]]
        wrapper = Function(name, parameters, 0, len(parameters), max(len(parameters), 1), tuple(code), names=(name,))
        return Placed(wrapper, "", -1, -1)


class LinkedGlobal:
    """A constant of a program: its value once it has one, which it keeps.

    Calls that are the first to read it at the same time evaluate it each; they all go on with the value that was
    kept first.
    """

    __slots__ = ("initialiser", "program", "value")

    def __init__(self, program: Program, initialiser: LinkedFunction) -> None:
        self.program = program
        self.initialiser = initialiser
        self.value: Value = MISSING

    def keep(self, value: Value) -> Value:
        """Set the value unless there is one; return the constant's value."""
        with self.program.lock:
            if self.value is MISSING:
                self.value = value
            return self.value


class LinkedFunction:
    """A function of a program.  ``entry`` is its first record; until it is called, one that decodes the code."""

    __slots__ = ("_index", "_originals", "arity", "entry", "name", "padding", "placed", "program", "records")

    def __init__(self, program: Program, placed: Placed) -> None:
        function = placed.function
        self.program = program
        self.placed = placed
        self.name = function.name
        self.arity = len(function.parameters)
        self.padding = (None,) * (function.local_count - self.arity - function.capture_count)
        self.records: list[list[Any]] = []
        self.entry: list[Any] = [DISPATCH["enter"], self, None]
        self._index: dict[int, int] = {}
        self._originals: list[list[Any]] = []  # of instructions at which a long run may pause

    def __repr__(self) -> str:
        return f"<linked function {self.name}>"

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """The exception table."""
        return self.placed.function.handlers

    def decode(self) -> list[Any]:
        """Make the records, once, and return the first of them.

        Raises :class:`LinkError` if the code refers to something that does not exist.
        """
        with self.program.lock:
            if not self.records:
                decoder = Decoder(self)
                records = decoder.run()
                self._index = {id(record): place for place, record in enumerate(records)}
                self.records = records
                for place in decoder.rests():
                    record, original = records[place], list(records[place])
                    self._originals.append(original)
                    self.alias(original, record)
                    record[:] = [DISPATCH["rest"], original, original[2]]
                self.entry = records[0]
            return self.entry

    def place(self, record: list[Any]) -> int:
        """Return the index of the instruction that a record stands for; -1 for a pseudo-instruction's."""
        return self._index.get(id(record), -1)

    def index(self, step: list[Any]) -> int:
        """Return the index of the instruction before ``step``: the one that is executed while ``step`` is next."""
        return max(self.place(step) - 1, 0)

    def alias(self, record: list[Any], original: list[Any]) -> None:
        """Let ``record``, which must live as long as the function, count as the instruction of ``original``."""
        self._index[id(record)] = self._index[id(original)]

    def before(self, step: list[Any]) -> list[Any]:
        """Return the record before ``step``."""
        return self.records[self.index(step)]

    def frame(self, step: list[Any]) -> TraceFrame:
        """Return the source position of the instruction before ``step``, as a frame of a stack trace."""
        return self.position(self.index(step))

    def position(self, place: int) -> TraceFrame:
        """Return the source position of the instruction at an index; line and column are 0 if it has none."""
        placed = self.placed
        positions = placed.function.positions
        entry = bisect_right(positions[::3], place) - 1
        if entry < 0 or placed.first_line < 0:
            return TraceFrame(self.name, placed.file, 0, 0)
        line, column = positions[3 * entry + 1], positions[3 * entry + 2]
        if line == 0:
            column += placed.first_column
        return TraceFrame(self.name, placed.file, placed.first_line + line + 1, column + 1)


_STEPS: Final = frozenset({"call", "call_indirect", "call_method", "loop"})
"""Instructions that cost a step each time."""


class Decoder:
    """Makes the records of one function."""

    def __init__(self, linked: LinkedFunction) -> None:
        self._program = linked.program
        self._function = linked.placed.function
        self._code = tuple(instructions(self._function.code))
        # All records exist before any is filled, since branches refer to them.  There is one record more than there
        # is code: what follows the last instruction, through which that one's place is found.
        self._records: list[list[Any]] = [[DISPATCH[row.name], None, None] for row, _ in self._code]
        self._records.append([DISPATCH["unreachable"], None, None])

    def run(self) -> list[list[Any]]:
        for place, (row, operands) in enumerate(self._code):
            record = self._records[place]
            # A fused instruction's operands are its parts' operands in order, each linked as its part's.
            linked: list[Any] = []
            offset = 0
            for name in plain(row):
                part = TABLE[CODES[name]]
                width = len(part.operands)
                linked += self.operands(part, operands[offset : offset + width], place)
                offset += width
            record[1] = linked[0] if len(linked) == 1 else tuple(linked) if linked else None
            record[2] = self._next(place, row, operands)
        return self._records

    def rests(self) -> list[int]:
        """Return the places of instructions before which a long run is cut, whichever way control comes."""
        places: list[int] = []
        efforts = [0] * (len(self._code) + 1)  # since the last step, at most
        for place, (row, operands) in enumerate(self._code):
            before, own = efforts[place], EFFORTS[row.code]
            if before + own > LONGEST_RUN and before:
                places.append(place)
                before = 0
            after = 0 if _STEPS.intersection(plain(row)) else before + own
            following = jumps((row, operands), self._function.tables)
            for target in (*following, place + 1) if row.flow in ("next", "branch") else following:
                if target > place and efforts[target] < after:
                    efforts[target] = after
        return places

    def _next(self, place: int, row: Opcode, operands: tuple[int, ...]) -> list[Any]:
        """Return the record that follows; jumps are followed, unless the instruction's place must be found."""
        if row.flow == "jump" and "target" in row.operands:
            return self._target(operands[row.operands.index("target")])
        leavable = row.name in KEYS or (row.name == "is_type" and is_deep(self._function.types[operands[0]]))
        # Where it may throw, or is left, its place is found through the record after it.
        if not leavable and MAY_THROW.isdisjoint(plain(row)):
            return self._target(place + 1)
        return self._records[place + 1]

    def _target(self, place: int) -> list[Any]:
        """Return the record at ``place``, or the one where its jumps lead."""
        while place < len(self._code):
            row, operands = self._code[place]
            if row.name != "jump" or operands[0] <= place:  # a jump never leads back, so this ends
                break
            place = operands[0]
        return self._records[place]

    def operands(self, row: Opcode, operands: tuple[int, ...], place: int) -> list[Any]:
        """Return the objects that a plain instruction's operands mean.

        Raises :class:`LinkError` for a name that the program does not define.
        """
        function, program = self._function, self._program
        name = function.names[operands[0]] if row.operands[:1] == ("name",) else ""
        match row.name:
            case "jump":
                return []
            case "loop":
                return [self._records[place + 1]]  # `next` is the target: this is for finding the place
            case "call":
                callee = program.function(name)
                if callee.arity != operands[1]:
                    raise LinkError(f"{function.name} calls {name} with {operands[1]} arguments, not {callee.arity}")
                return [callee]
            case "load_global" | "store_global":
                return [program.global_(name)]
            case "call_native":
                return [self._implementation(program.natives, name), operands[1]]
            case "sys_call":
                return [self._implementation(program.sysops, name), operands[1]]
            case "make_closure":
                return [program.function(name), operands[1]]
            case "alloc_instance":
                cls = program.loaded_class(name)
                if len(cls.field_names) != operands[1]:
                    raise LinkError(f"{function.name} makes a {name} of {operands[1]} fields")
                return [cls, operands[1]]
            case "load_variant":
                return [program.enum_value(name, function.names[operands[1]])]
            case "jump_table":
                table = function.tables[operands[0]]
                targets = map(self._target, table.targets)
                return [dict(zip(table.keys, targets, strict=True)), self._target(table.default)]
            case _:
                return [self._operand(row, kind, each) for kind, each in zip(row.operands, operands, strict=True)]

    def _operand(self, row: Opcode, kind: str, operand: int) -> Any:
        match kind:
            case "const":
                constant = self._function.constants[operand]
                note(constant)
                return constant
            case "name":
                return self._function.names[operand]
            case "type":
                return self._program.paced_tester(self._function.types[operand])
            case "target":
                return self._target(operand)
            case "operator":
                return _FUNCTIONS_BY_OPCODE[row.name][operand]
            case _:
                return operand

    def _implementation(self, table: Mapping[str, Any], name: str) -> Any:
        if name not in table:
            raise LinkError(f"{self._function.name} calls {name}, which is not implemented", [name])
        return table[name]
