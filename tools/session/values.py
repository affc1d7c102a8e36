"""Values of one program moved to another that declares the same names.

A value refers to its program in three places: an instance to its class, an enum value is interned, a function to its
code.  :meth:`Migration.migrate` moves everything that can be reached from some values to the new program, in place, so
shared values stay shared and cyclic ones cyclic.  That is sound where :meth:`Migration.problem` finds none.
"""

from __future__ import annotations

from typing import Any

from bamlvm.vm.linker import Program
from bamlvm.vm.program.types import Type
from bamlvm.vm.values import Cell, Closure, EnumValue, Instance


class Migration:
    """To one program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._functions: dict[int, tuple[Closure, Closure]] = {}
        self._seen: dict[int, Any] = {}  # keeps the values alive, so that no id is used twice
        self._waiting: list[Any] = []

    def migrate(self, values: list[Any]) -> None:
        """Move the values in the list, and all that they contain, to the program.

        Raises :class:`bamlvm.vm.linker.LinkError` for a class, variant or function that the program does not have.
        """
        self._visit(values)
        while self._waiting:
            each = self._waiting.pop()
            if type(each) is list:
                each[:] = map(self._moved, each)
            elif type(each) is dict:
                # Enum values may be keys: rebuild the map in its order.
                entries = [(self._moved(key), self._moved(value)) for key, value in each.items()]
                each.clear()
                each.update(entries)
            elif type(each) is Instance:
                each.cls = self._program.loaded_class(each.cls.name)
                each.fields[:] = map(self._moved, each.fields)
            elif type(each) is Cell:
                each.value = self._moved(each.value)

    def problem(self, value: Any, type_: Type) -> str | None:
        """Return why a value cannot be moved, or None if it can.

        It cannot if it is not of the type as the program declares it, down to the last field, or contains a function,
        whose code was compiled with the older declarations.
        """
        mismatch = f"its value is not a `{type_}` as declared now"
        if not self._program.tester(type_)(value):
            return mismatch
        seen: dict[int, Any] = {}
        waiting = [value]
        while waiting:
            each = waiting.pop()
            kind = type(each)
            if kind is Closure:
                return "it contains a function that was compiled with the older declarations"
            if kind is EnumValue and not self._has_variant(each):
                return mismatch
            if kind not in (list, dict, Instance) or id(each) in seen:
                continue
            seen[id(each)] = each
            if kind is Instance:
                if not self._same_fields(each):
                    return mismatch
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
                    self._visit(cell)
            return self._functions[id(value)][1]
        self._visit(value)
        return value

    def _visit(self, value: Any) -> None:
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
