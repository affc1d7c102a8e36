"""Values for the tests of the machine's values: nodes, chains and rings of them, two variants of an enum."""

from __future__ import annotations

from typing import Any

from bamlvm.vm.program.declarations import ClassInfo, FieldInfo
from bamlvm.vm.program.types import UNKNOWN
from bamlvm.vm.values import EnumValue, Instance, LoadedClass

NODE = LoadedClass(ClassInfo("Node", (FieldInfo("value", UNKNOWN), FieldInfo("next", UNKNOWN))))
OTHER = LoadedClass(ClassInfo("Other", (FieldInfo("value", UNKNOWN), FieldInfo("next", UNKNOWN))))
EMPTY = LoadedClass(ClassInfo("lib.Empty", ()))
RED, GREEN = EnumValue("Color", "Red", 0), EnumValue("Color", "Green", 1)


def node(value: Any, next_: Any = None, cls: LoadedClass = NODE) -> Instance:
    """Return an instance with the fields ``value`` and ``next``."""
    return Instance(cls, [value, next_])


def chain(length: int) -> Instance:
    """Return the first of that many nodes, each the next of the one before."""
    first = node(0)
    for number in range(1, length):
        first = node(number, first)
    return first


def ring(length: int) -> Instance:
    """Return one of that many nodes in a cycle."""
    last = first = node(0)
    for _ in range(length - 1):
        first = node(0, first)
    last.set("next", first)
    return first
