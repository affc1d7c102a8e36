"""Methods of lists that take no function; ``map``, ``filter`` and ``reduce`` are BAML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bamlvm.vm.equality import deep_equals
from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.rendering import display
from bamlvm.vm.values import EnumValue, panic

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
    items.sort(key=_sort_key(items))
    return items


@NATIVES.native("baml.Array.sort_order")
def sort_order(items: list[Any]) -> list[int]:
    """Return the places of the items from the least to the greatest."""
    key = _sort_key(items)
    if key is None:
        return sorted(range(len(items)), key=items.__getitem__)
    return sorted(range(len(items)), key=lambda place: key(items[place]))


def _sort_key(items: list[Any]) -> Callable[[Any], Any] | None:
    """Return the key by which items are ordered, None for their own order; panic if they have none."""
    kinds = {type(item) for item in items}
    if kinds <= {int, float}:
        return lambda number: (number != number, number)
    if len(kinds) == 1 and kinds <= {str, bool}:
        return None
    raise panic("UserPanic", "only numbers, strings or booleans can be sorted")


@NATIVES.native("baml.Array.is_empty")
def is_empty(items: list[Any]) -> bool:
    """Whether there is no item."""
    return not items


@NATIVES.native("baml.Array.first")
def first(items: list[Any]) -> Any:
    """Return the first item; null if there is none."""
    return items[0] if items else None


@NATIVES.native("baml.Array.last")
def last(items: list[Any]) -> Any:
    """Return the last item; null if there is none."""
    return items[-1] if items else None


@NATIVES.native("baml.Array.unique")
def unique(items: list[Any]) -> list[Any]:
    """Return the items that equal no earlier one; scalars are looked up, others compared one by one."""
    kept: list[Any] = []
    seen: set[Any] = set()
    others: list[Any] = []
    for item in items:
        if isinstance(item, (bool, int, float, str, EnumValue)) or item is None:
            key = (type(item), item)  # 1 == True in Python
            if key not in seen:
                seen.add(key)
                kept.append(item)
        elif not any(deep_equals(item, other) for other in others):
            others.append(item)
            kept.append(item)
    return kept


@NATIVES.native("baml.Array.chunk")
def chunk(items: list[Any], size: int) -> list[list[Any]]:
    """Return the items in lists of ``size``."""
    if size < 1:
        raise panic("UserPanic", f"a chunk has at least one item, not {size}")
    return [items[place : place + size] for place in range(0, len(items), size)]
