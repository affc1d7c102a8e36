"""Values of one program handed to another that declares the same names.

A value knows its program in three places: an instance its class, an enum value is interned, a function its code.
:meth:`Handover.take` moves all that can be reached from some values to the new program, in place, so what was shared
stays shared and what was cyclic stays cyclic; it is sound where :meth:`Handover.misfit` finds nothing.
"""

from __future__ import annotations

from typing import Any

from bamlvm.vm.linker import Program
from bamlvm.vm.program.types import Type
from bamlvm.vm.values import Cell, Closure, EnumValue, Instance


class Handover:
    """To one program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._functions: dict[int, tuple[Closure, Closure]] = {}
        self._seen: dict[int, Any] = {}
        self._waiting: list[Any] = []

    def take(self, values: list[Any]) -> None:
        """Move the values in the list, and all that they hold, to the program.

        Raises :class:`bamlvm.vm.linker.LinkError` for a class, variant or function that the program does not have.
        """
        self._reach(values)
        while self._waiting:
            each = self._waiting.pop()
            if type(each) is list:
                each[:] = map(self._moved, each)
            elif type(each) is dict:
                entries = [(self._moved(key), self._moved(value)) for key, value in each.items()]
                each.clear()
                each.update(entries)
            elif type(each) is Instance:
                each.cls = self._program.loaded_class(each.cls.name)
                each.fields[:] = map(self._moved, each.fields)
            elif type(each) is Cell:
                each.value = self._moved(each.value)

    def misfit(self, value: Any, type_: Type) -> str | None:
        """Why a value cannot be handed over: it is not of the type as the program declares it, down to the last field,
        or it holds a function, whose code may rest on what was; None if it can."""
        wrong = f"its value is no `{type_}` as declared now"
        if not self._program.tester(type_)(value):
            return wrong
        seen: dict[int, Any] = {}
        waiting = [value]
        while waiting:
            each = waiting.pop()
            kind = type(each)
            if kind is Closure:
                return "it holds a function, made when other declarations held"
            if kind is EnumValue and not self._has_variant(each):
                return wrong
            if kind not in (list, dict, Instance) or id(each) in seen:
                continue
            seen[id(each)] = each
            if kind is Instance:
                if not self._same_fields(each):
                    return wrong
                waiting += each.fields
            else:
                waiting += [*each, *each.values()] if kind is dict else each
        return None

    def _moved(self, value: Any) -> Any:
        if type(value) is EnumValue:
            return self._program.enum_value(value.enum, value.variant)
        if type(value) is Closure:
            if id(value) not in self._functions:
                function = self._program.function(value.function.name)
                self._functions[id(value)] = (value, Closure(function, value.cells))
                for cell in value.cells:
                    self._reach(cell)
            return self._functions[id(value)][1]
        self._reach(value)
        return value

    def _reach(self, value: Any) -> None:
        if type(value) in (list, dict, Instance, Cell) and id(value) not in self._seen:
            self._seen[id(value)] = value
            self._waiting.append(value)

    def _has_variant(self, value: EnumValue) -> bool:
        info = self._program.enums.get(value.enum)
        return info is not None and any(variant.name == value.variant for variant in info.variants)

    def _same_fields(self, value: Instance) -> bool:
        info = self._program.classes.get(value.cls.name)
        if info is None or tuple(field.name for field in info.fields) != value.cls.field_names:
            return False
        tests = [self._program.tester(field.type) for field in info.fields]
        return all(test(each) for test, each in zip(tests, value.fields, strict=True))
