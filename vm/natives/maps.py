"""Methods of maps.  Entries keep the order in which their keys were first set."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from operator import contains
from typing import Any, Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.work import FREE, PIECE, Lengthy, Work, copies, later, looks_up

NATIVES: Final = NativeTable({"baml.Map.length": len})


def _is_long(key: Any) -> bool:
    """Whether the driver is to be asked before a key is looked up."""
    return type(key) is str and len(key) > FREE and looks_up(key)


@NATIVES.native("baml.Map.has")
def has(entries: dict[Any, Any], key: Any) -> bool:
    """Whether there is an entry."""
    if _is_long(key):
        raise Lengthy(later(contains, entries, key))
    return key in entries


@NATIVES.native("baml.Map.get")
def get(entries: dict[Any, Any], key: Any) -> Any:
    """Return an entry's value; null if there is none."""
    if _is_long(key):
        raise Lengthy(later(dict.get, entries, key))
    return entries.get(key)


@NATIVES.native("baml.Map.keys")
def keys(entries: dict[Any, Any]) -> list[Any]:
    """Return the keys, in order."""
    if len(entries) <= PIECE and not copies(len(entries) << 2):
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
    if len(entries) <= PIECE and not copies(len(entries) << 2):
        return list(entries.values())
    raise Lengthy(_collected(entries.values()))


@NATIVES.native("baml.Map.remove")
def remove(entries: dict[Any, Any], key: Any) -> Any:
    """Remove an entry and return its value; null if there is none."""
    if _is_long(key):
        raise Lengthy(later(dict.pop, entries, key, None))
    return entries.pop(key, None)
