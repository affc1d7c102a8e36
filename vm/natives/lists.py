"""Methods of lists that take no function; ``map``, ``filter`` and ``reduce`` are BAML."""

from __future__ import annotations

from typing import Any, Final

from bamlvm.vm.equality import deep_equals
from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.rendering import display
from bamlvm.vm.values import panic

NATIVES: Final = NativeTable({"baml.Array.length": len, "baml.Array.push": list.append})


@NATIVES.native("baml.Array.pop")
def pop(items: list[Any]) -> Any:
    """Remove the last item and return it; null if the list is empty."""
    return items.pop() if items else None


@NATIVES.native("baml.Array.at")
def at(items: list[Any], index: int) -> Any:
    """Return an item, counted from the end for a negative index; null if there is none."""
    return items[index] if -len(items) <= index < len(items) else None


@NATIVES.native("baml.Array.concat")
def concat(items: list[Any], others: list[Any]) -> list[Any]:
    """Return a new list of both lists' items."""
    return items + others


@NATIVES.native("baml.Array.slice")
def slice_(items: list[Any], start: int, end: int) -> list[Any]:
    """Return a new list of the items from ``start`` to before ``end``; negative places count from the end."""
    return items[start:end]


@NATIVES.native("baml.Array.join")
def join(items: list[Any], separator: str) -> str:
    """Return the items' texts in one string, with the separator between them."""
    return separator.join(map(display, items))


@NATIVES.native("baml.Array.includes")
def includes(items: list[Any], wanted: Any) -> bool:
    """Whether an item equals ``wanted``."""
    return any(deep_equals(item, wanted) for item in items)


@NATIVES.native("baml.Array.index_of")
def index_of(items: list[Any], wanted: Any) -> int | None:
    """Return the place of the first item that equals ``wanted``; null if there is none."""
    return next((place for place, item in enumerate(items) if deep_equals(item, wanted)), None)


@NATIVES.native("baml.Array.reverse")
def reverse(items: list[Any]) -> list[Any]:
    """Return a new list, last item first."""
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
