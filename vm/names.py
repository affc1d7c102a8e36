"""The global names of compiled code: objects that it needs, and functions that it calls.

Generated text has no identifier and no string of the program but as a literal: what it refers to has a name of our own,
``K0 K1 …`` for an object, ``F0 F1 …`` for a function.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import RLock
from typing import Any

from bamlvm.vm import facts
from bamlvm.vm.facts import ANY, Fact
from bamlvm.vm.inlining import Declared
from bamlvm.vm.linker import Decoder, LinkedFunction
from bamlvm.vm.opcodes import CODES, TABLE
from bamlvm.vm.program.types import ClassType
from bamlvm.vm.work import FREE


class Objects:
    """The named objects of a program, in the order in which they got their names; functions that are called have
    theirs too."""

    def __init__(self, lock: RLock) -> None:
        self.named: list[tuple[str, Any]] = []
        self._lock = lock
        self._names: dict[int, str] = {}
        self._callees: dict[str, str] = {}

    def name_of(self, value: Any) -> str:
        """Return the global name of an object."""
        with self._lock:
            name = self._names.get(id(value))
            if name is None:
                name = f"K{len(self.named)}"
                self.named.append((name, value))  # which also keeps its identity its own
                self._names[id(value)] = name
            return name

    def callee(self, function: LinkedFunction) -> str:
        """Return the global name under which compiled code calls a function."""
        with self._lock:
            name = self._callees.get(function.name)
            if name is None:
                name = f"F{len(self.named)}"
                self.named.append((name, function))
                self._callees[function.name] = name
            return name

    def callee_name(self, function: LinkedFunction) -> str | None:
        """Return that name if there is one."""
        return self._callees.get(function.name)


class Names:
    """What the translation of one function asks of the program: names of objects and functions, and facts."""

    def __init__(self, objects: Objects, function: LinkedFunction) -> None:
        self._objects = objects
        self._program = function.program
        self._function = function
        self._decoders: dict[LinkedFunction, Decoder] = {}

    def constant(self, value: Any) -> str:
        """Return an expression for an object that the code needs."""
        if value is None or type(value) in (int, bool) or (type(value) is str and len(value) <= FREE):
            return repr(value)
        if type(value) is float and value - value == 0.0:
            return repr(value)
        return self._objects.name_of(value)

    def callee(self, name: str) -> str:
        """Return the global name under which a function of the program is called."""
        return self._objects.callee(self._program.function(name))

    def arity(self, name: str) -> int:
        """Return the number of a function's parameters."""
        return self._program.function(name).arity

    def result(self, name: str) -> Fact:
        """Return what is known of a function's or native's result."""
        signature = self._program.signatures.get(name)
        return ANY if signature is None else facts.of_type(signature.result)

    def global_(self, name: str) -> Fact:
        """Return what is known of a constant's value."""
        return facts.of_type(self._program.globals[name])

    def argument(self, name: str, index: int) -> Fact:
        """Return what is known of a function's argument when it is called; it may be left out if it has a default."""
        signature = self._program.signatures.get(name)
        if signature is None or index >= len(signature.parameters) or signature.parameters[index].has_default:
            return ANY
        return facts.of_type(signature.parameters[index].type)

    def parameter(self, name: str, index: int) -> Fact:
        """Return what is known of a function's parameter once it is supplied."""
        signature = self._program.signatures.get(name)
        if signature is None or index >= len(signature.parameters):
            return ANY
        return facts.of_type(signature.parameters[index].type)

    def declared(self, where: Declared) -> Fact:
        """Return what is known of an argument or a result by its declaration."""
        if where.parameter is None:
            return self.result(where.function)
        return self.argument(where.function, where.parameter)

    def linked(self, function: LinkedFunction | None, name: str, operands: Sequence[int]) -> Sequence[Any]:
        """Return the linked operands of an instruction of a function (None: the one that is translated), as the
        interpreter has them."""
        function = function or self._function
        decoder = self._decoders.get(function)
        if decoder is None:
            decoder = self._decoders[function] = Decoder(function)
        return decoder.operands(TABLE[CODES[name]], tuple(operands), 0)

    def field(self, fact: Fact, index: int) -> Fact:
        """Return what is known of a field of an instance."""
        if not isinstance(fact.type, ClassType):
            return ANY
        info = self._program.classes.get(fact.type.name)
        return facts.of_type(info.fields[index].type) if info is not None and index < len(info.fields) else ANY
