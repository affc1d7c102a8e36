"""Methods of lists that call nothing back; ``map``, ``filter`` and ``reduce`` are BAML."""

from __future__ import annotations

from typing import Any, Final

from bamlvm.vm.equality import deep_equals
from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.rendering import display
from bamlvm.vm.values import panic

NATIVES: Final = NativeTable({"baml.Array.length": len, "baml.Array.push": list.append})


@NATIVES.native("baml.Array.pop")
def pop(items: list[Any]) -> Any:
    """Take the last item away; null of an empty list."""
    return items.pop() if items else None


@NATIVES.native("baml.Array.at")
def at(items: list[Any], index: int) -> Any:
    """An item, from the end for a negative index; null if there is none."""
    return items[index] if -len(items) <= index < len(items) else None


@NATIVES.native("baml.Array.concat")
def concat(items: list[Any], others: list[Any]) -> list[Any]:
    """A new list of both lists' items."""
    return items + others


@NATIVES.native("baml.Array.slice")
def slice_(items: list[Any], start: int, end: int) -> list[Any]:
    """A new list of the items from ``start`` up to, not with, ``end``; negative ones count from the end."""
    return items[start:end]


@NATIVES.native("baml.Array.join")
def join(items: list[Any], separator: str) -> str:
    """The items as text, in one string."""
    return separator.join(map(display, items))


@NATIVES.native("baml.Array.includes")
def includes(items: list[Any], wanted: Any) -> bool:
    """Whether an item equals the one wanted."""
    return any(deep_equals(item, wanted) for item in items)


@NATIVES.native("baml.Array.index_of")
def index_of(items: list[Any], wanted: Any) -> int | None:
    """Where the first item equal to the one wanted is; null if there is none."""
    return next((place for place, item in enumerate(items) if deep_equals(item, wanted)), None)


@NATIVES.native("baml.Array.reverse")
def reverse(items: list[Any]) -> list[Any]:
    """A new list, last item first."""
    return items[::-1]


@NATIVES.native("baml.Array.sort")
def sort(items: list[Any]) -> list[Any]:
    """Sort the list in place, equal items staying in order, and return it; NaN goes last."""
    kinds = {type(item) for item in items}
    if kinds <= {int, float}:
        items.sort(key=lambda number: (number != number, number))
    elif len(kinds) == 1 and kinds <= {str, bool}:
        items.sort()
    else:
        raise panic("UserPanic", "only numbers, strings or booleans can be sorted")
    return items
