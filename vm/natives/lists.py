"""Methods of lists that take no function; ``map``, ``filter`` and ``reduce`` are BAML."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import reduce
from itertools import accumulate
from operator import add, setitem
from typing import Any, Final

from bamlvm.vm.builtins import SCALARS
from bamlvm.vm.equality import comparison, deep_equals
from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.rendering import display, displayed
from bamlvm.vm.values import EnumValue, Instance, Thrown, in_i64, panic
from bamlvm.vm.work import (
    FREE,
    MOVED,
    PIECE,
    TEXT_PIECE,
    UNDIVIDED,
    Lengthy,
    Work,
    check_length,
    collected,
    due,
    emptied,
    later,
)

NATIVES: Final = NativeTable({"baml.Array.length": len})


_AT_ONCE: Final = 1 << 14
"""Items that are copied at once; more is lengthy work."""

_FREE: Final = 64
"""Items whose copying is not counted."""

_SORTED_AT_ONCE: Final = 128

_SETS: Final = 251
"""Sets among which many items are spread; a prime, so that numbers with the same remainder do not share one."""

_CONTAINERS: Final = frozenset({list, dict, Instance})


@NATIVES.native("baml.Array.push")
def push(items: list[Any], item: Any) -> int:
    """Add an item at the end; return the new length."""
    items.append(item)
    return len(items)


@NATIVES.native("baml.Array.pop")
def pop(items: list[Any]) -> Any:
    """Remove the last item and return it; null if the list is empty."""
    return items.pop() if items else None


@NATIVES.native("baml.Array.sum")
def sum_(items: list[int]) -> int:
    """Return the sum of integers; panics where one of the additions is out of range."""
    if len(items) <= PIECE and not (len(items) > _FREE and due(len(items) << 2)):
        return _added(0, items)
    raise Lengthy(_sum(items, 0, _added))


@NATIVES.native("baml.Array.sum_floats")
def sum_floats(items: list[float]) -> float:
    """Return the sum of floats, added in order: Python's own ``sum`` rounds otherwise.  It begins at -0.0, to which
    every float can be added without a change."""
    if len(items) <= PIECE and not (len(items) > _FREE and due(len(items) << 2)):
        return reduce(add, items, -0.0)
    raise Lengthy(_sum(items, -0.0, lambda before, piece: reduce(add, piece, before)))


def _added(before: int, items: list[int]) -> int:
    high, low = max(items, default=0), min(items, default=0)
    is_small = in_i64(before + len(items) * high) and in_i64(
        before + len(items) * low
    )  # and so is every sum on the way
    if not is_small and not all(map(in_i64, accumulate(items, initial=before))):
        raise panic("IntegerOverflow", "integer overflow in `sum`")
    return before + sum(items)


def _sum(items: list[Any], start: Any, added: Callable[[Any, list[Any]], Any]) -> Work[Any]:
    for place in range(0, len(items), PIECE):
        start = added(start, items[place : place + PIECE])
        yield None
    return start


@NATIVES.native("baml.Array.at")
def at(items: list[Any], index: int) -> Any:
    """Return an item, counted from the end for a negative index; null if there is none."""
    return items[index] if -len(items) <= index < len(items) else None


@NATIVES.native("baml.Array.splice")
def splice(items: list[Any], start: int, count: int, others: list[Any]) -> None:
    """Replace ``count`` items from ``start``, which counts from the end if it is negative, by ``others``.

    Raises :class:`Thrown` for a position outside of the list and a negative count.  What stands behind is moved, which
    costs little for each item.
    """
    place = start + len(items) if start < 0 else start
    if not 0 <= place <= len(items):
        message = f"`splice`: the position {start} is outside of a list of length {len(items)}"
        raise Thrown("baml.errors.InvalidArgument", {"message": message})
    if count < 0:
        raise Thrown("baml.errors.InvalidArgument", {"message": f"`splice`: the count {count} is negative"})
    if len(items) + len(others) > _FREE and due((len(items) + len(others)) >> 4):
        raise Lengthy(later(setitem, items, slice(place, place + count), others))
    items[place : place + count] = others


@NATIVES.native("baml.Array.concat")
def concat(items: list[Any], others: list[Any]) -> list[Any]:
    """Return a new list of both lists' items."""
    if len(items) + len(others) <= _AT_ONCE:
        if len(items) + len(others) > _FREE and due((len(items) + len(others)) >> 2):
            raise Lengthy(later(concat, items, others))
        return items + others
    raise Lengthy(collected((items, others), len(items) + len(others)))


@NATIVES.native("baml.Array.slice")
def slice_(items: list[Any], start: int, end: int) -> list[Any]:
    """Return a new list of the items from ``start`` to before ``end``; negative places count from the end."""
    if len(items) <= _AT_ONCE:
        if len(items) > _FREE and due(len(items) >> 2):
            raise Lengthy(later(slice_, items, start, end))
        return items[start:end]
    places = range(len(items))[start:end]
    raise Lengthy(_slice(items, places))


def _slice(items: list[Any], places: range) -> Work[list[Any]]:
    made: list[Any] = []
    for place in range(0, len(places), PIECE):
        piece = places[place : place + PIECE]
        if piece.step > 0:
            made.extend(items[piece.start : piece.stop])
        else:
            made.extend([items[each] for each in piece])
        yield made
    return made


@NATIVES.native("baml.Array.join")
def join(items: list[Any], separator: str) -> str:
    """Return the items' texts in one string, with the separator between them."""
    if len(items) <= 32 and _short(items) and not due(len(items) << 5):
        return separator.join(map(display, items))
    raise Lengthy(_joined(items, separator))


def _short(items: list[Any]) -> bool:
    """Whether each item is a scalar, and no long text."""
    return all(type(item) not in _CONTAINERS and (type(item) is not str or len(item) < PIECE) for item in items)


def _joined(items: list[Any], separator: str) -> Work[str]:
    made = ""
    parts: list[str] = []
    size = 0
    for place, item in enumerate(items):
        text = (yield from displayed(item)) if type(item) in _CONTAINERS else display(item)
        if place:
            parts.append(separator)
        long = len(text) > MOVED
        if not long:
            parts.append(text)
        size += len(separator) + len(text)
        if len(parts) >= 1024 or size > TEXT_PIECE:
            piece = "".join(parts)
            parts.clear()
            size = 0
            check_length(made, piece)
            made += piece
            yield made
        for start in range(0, len(text) if long else 0, MOVED):
            piece = text[start : start + MOVED]
            check_length(made, piece)
            made += piece
            yield made
    piece = "".join(parts)
    check_length(made, piece)
    made += piece
    return made


@NATIVES.native("baml.Array.includes")
def includes(items: list[Any], wanted: Any) -> bool:
    """Whether an item equals ``wanted``."""
    if len(items) > 64 or _is_large(wanted) or due(len(items) << 4):
        raise Lengthy(_is_included(items, wanted))
    return any(deep_equals(item, wanted) for item in items)


def _is_large(item: Any) -> bool:
    """Whether comparing with an item may take long."""
    return type(item) in _CONTAINERS or (type(item) is str and len(item) > FREE)


def _is_included(items: list[Any], wanted: Any) -> Work[bool]:
    return (yield from _place_of(items, wanted)) is not None


def _place_of(items: list[Any], wanted: Any) -> Work[int | None]:
    kind = type(wanted)
    for place, item in enumerate(items):
        if type(item) is kind and (
            (yield from comparison(item, wanted)) if kind in _CONTAINERS else bool(item == wanted)
        ):
            return place
        if place % PIECE == PIECE - 1 or (_is_large(wanted) and (kind is str or place % 64 == 63)):
            yield None
    return None


@NATIVES.native("baml.Array.index_of")
def index_of(items: list[Any], wanted: Any) -> int | None:
    """Return the place of the first item that equals ``wanted``; null if there is none."""
    if len(items) > 64 or _is_large(wanted) or due(len(items) << 4):
        raise Lengthy(_place_of(items, wanted))
    return next((place for place, item in enumerate(items) if deep_equals(item, wanted)), None)


@NATIVES.native("baml.Array.reverse")
def reverse(items: list[Any]) -> list[Any]:
    """Return a new list, last item first."""
    if len(items) <= _AT_ONCE:
        if len(items) > _FREE and due(len(items) >> 2):
            raise Lengthy(later(reverse, items))
        return items[::-1]
    raise Lengthy(_slice(items, range(len(items))[::-1]))


@NATIVES.native("baml.Array.sort")
def sort(items: list[Any]) -> list[Any]:
    """Sort the list in place, equal items staying in order, and return it; NaN goes last."""
    if len(items) <= _SORTED_AT_ONCE and _short(items):
        if due(len(items) << 4):
            raise Lengthy(later(sort, items))
        items.sort(key=_sort_key(items))
        return items
    raise Lengthy(_sorted_in_place(items, items))


@NATIVES.native("baml.Array.sort_order")
def sort_order(items: list[Any]) -> list[int]:
    """Return the places of the items from the least to the greatest."""
    if len(items) > _SORTED_AT_ONCE or not _short(items):
        raise Lengthy(_sort_order(items))
    key = _sort_key(items)
    if key is None:
        return sorted(range(len(items)), key=items.__getitem__)
    return sorted(range(len(items)), key=lambda place: key(items[place]))


@NATIVES.native("baml.Array.sort_by_keys")
def sort_by_keys(items: list[Any], keys: list[Any]) -> list[Any]:
    """Sort the list in place by ``keys``, one for each item; return it."""
    if len(items) != len(keys):
        raise panic("UserPanic", f"{len(items)} items cannot be sorted by {len(keys)} keys")
    if len(keys) > _SORTED_AT_ONCE or not _short(keys) or due(len(keys) << 4):
        raise Lengthy(_sorted_in_place(items, keys))
    items[:] = [items[place] for place in sort_order(keys)]
    return items


def _sort_order(items: list[Any]) -> Work[list[int]]:
    order = yield from _sorted(items)
    return (yield from collected((order,), len(items)))


def _sorted_in_place(items: list[Any], keys: list[Any]) -> Work[list[Any]]:
    order = yield from _sorted(keys)
    made: list[Any] = []
    for start in range(0, len(order), PIECE):
        made.extend([items[place] for place in order[start : start + PIECE]])
        yield made
    for start in range(0, len(made), PIECE):
        items[start : start + PIECE] = made[start : start + PIECE]
        yield UNDIVIDED
    yield from emptied(made)
    return items


def _sorted(items: list[Any]) -> Work[array[int]]:
    """Return the places of the items in their order, in pieces: runs are sorted, and then merged two by two.

    Runs are of places, so that the order of equal items is kept; sorting a run is the C library's work.  A text is as
    much work as it is long.  Places are kept as plain numbers, not as objects that somebody has to free.
    """
    kinds: set[type] = set()
    longest = 1
    for start in range(0, len(items), PIECE):
        piece = items[start : start + PIECE]
        kinds.update(map(type, piece))
        if kinds == {str}:
            longest = max(longest, max(map(len, piece)))
        yield None
    _check_sortable(kinds)
    run = max(1, min(PIECE // 4, (1 << 22) // longest))
    last = array("q")  # the places of NaN
    runs: list[array[int]] = []
    for start in range(0, len(items), run):
        places = list(range(start, min(start + run, len(items))))
        if float in kinds:
            last.extend([place for place in places if items[place] != items[place]])
            places = [place for place in places if items[place] == items[place]]
        places.sort(key=items.__getitem__)
        runs.append(array("q", places))
        yield runs
    while len(runs) > 1:
        merged = []
        for at in range(0, len(runs), 2):
            pair = runs[at : at + 2]
            merged.append(pair[0] if len(pair) == 1 else (yield from _merged(items, pair[0], pair[1], run)))
        runs = merged
    return (runs[0] if runs else array("q")) + last


def _merged(items: list[Any], a: array[int], b: array[int], run: int) -> Work[array[int]]:
    """Return two sorted runs of places as one; of equal items those in ``a`` go first."""
    made = array("q")
    at, bt = 0, 0
    key = items.__getitem__
    while at < len(a) and bt < len(b):
        one, other = a[at : at + run].tolist(), b[bt : bt + run].tolist()
        # The block whose greatest item is less is taken whole, with what comes before that in the other block.
        if key(one[-1]) <= key(other[-1]):
            del other[bisect_left(other, key(one[-1]), key=key) :]
        else:
            del one[bisect_right(one, key(other[-1]), key=key) :]
        at += len(one)
        bt += len(other)
        made.extend(sorted(one + other, key=key))
        yield made
    made += a[at:]
    made += b[bt:]
    return made


def _sort_key(items: list[Any]) -> Callable[[Any], Any] | None:
    """Return the key by which items are ordered, None for their own order; panic if they have none."""
    kinds = {type(item) for item in items}
    if kinds <= {int, float}:
        return lambda number: (number != number, number)
    if len(kinds) == 1 and kinds <= {str, bool}:
        return None
    _check_sortable(kinds)
    return None


def _check_sortable(kinds: set[type]) -> None:
    if not (kinds <= {int, float} or (len(kinds) == 1 and kinds <= {str, bool})):
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
    if len(items) > 64 or not SCALARS.issuperset(map(type, items)) or not _short(items) or due(len(items) << 4):
        raise Lengthy(_unique(items))
    first: dict[Any, Any] = {}
    for item in items:
        first.setdefault((type(item), item), item)  # 1 == True in Python
    return list(first.values())


def _unique(items: list[Any]) -> Work[list[Any]]:
    kept: list[Any] = []
    seen: dict[type, list[set[Any]]] = {}  # by kind, as 1 == True in Python
    others: list[Any] = []
    for place, item in enumerate(items):
        if place % 1024 == 1023:
            yield kept
        kind = type(item)
        if kind in SCALARS or kind is EnumValue:
            if kind not in seen:
                # Many small sets: one of a million items would take long to grow.
                seen[kind] = [set() for _ in range(_SETS if len(items) > _AT_ONCE else 1)]
            if kind is str and len(item) > FREE:
                yield kept
            sets = seen[kind]
            some = sets[hash(item) % len(sets)]
            if item not in some:
                some.add(item)
                kept.append(item)
        elif (yield from _place_of(others, item)) is None:
            others.append(item)
            kept.append(item)
    for sets in seen.values():
        while sets:
            sets.pop()
            yield kept
    return kept


@NATIVES.native("baml.Array.chunk")
def chunk(items: list[Any], size: int) -> list[list[Any]]:
    """Return the items in lists of ``size``."""
    if size < 1:
        raise panic("UserPanic", f"a chunk has at least one item, not {size}")
    if len(items) <= PIECE and not due(len(items)):
        return [items[place : place + size] for place in range(0, len(items), size)]
    raise Lengthy(_chunks(items, size))


def _chunks(items: list[Any], size: int) -> Work[list[list[Any]]]:
    made: list[list[Any]] = []
    pause = max(1, PIECE // size)
    for number, place in enumerate(range(0, len(items), size)):
        made.append(items[place : place + size])
        if number % pause == 0:
            yield made
    return made
