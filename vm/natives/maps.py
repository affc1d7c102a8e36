"""Methods of maps.  Entries keep the order in which their keys were first set."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.work import PIECE, Lengthy, Work

NATIVES: Final = NativeTable({"baml.Map.length": len, "baml.Map.has": operator.contains, "baml.Map.get": dict.get})


@NATIVES.native("baml.Map.keys")
def keys(entries: dict[Any, Any]) -> list[Any]:
    """Return the keys, in order."""
    if len(entries) <= PIECE:
        return list(entries)
    raise Lengthy(_collected(entries))


def _collected(parts: Iterable[Any]) -> Work[list[Any]]:
    made: list[Any] = []
    rest = iter(parts)
    while piece := list(islice(rest, PIECE)):
        made += piece
        yield made
    return made


@NATIVES.native("baml.Map.values")
def values(entries: dict[Any, Any]) -> list[Any]:
    """Return the values, in order."""
    if len(entries) <= PIECE:
        return list(entries.values())
    raise Lengthy(_collected(entries.values()))


@NATIVES.native("baml.Map.remove")
def remove(entries: dict[Any, Any], key: Any) -> Any:
    """Remove an entry and return its value; null if there is none."""
    return entries.pop(key, None)
