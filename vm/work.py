"""Work in proportion to the data: natives and operators in pieces.

Nothing may hold a thread for long: an event loop's other tasks have their turn, and a deadline or a cancellation is
seen, also while one instruction works on megabytes.  The rule:

* A native, or an operator, that works in proportion to its data does small work at once.  For more it raises
  :class:`Lengthy` *before it has any effect*; so it does after much small work (:func:`due`).  The machine keeps the
  generator and runs it in the instruction's place, looking at its driver's ``poll`` after every piece; the value that
  the generator returns is the instruction's result; that of a sys-op may be a wait
  (:class:`~bamlvm.vm.values.Pending`).
* A piece takes well under a millisecond (:data:`PIECE`).  What it yields is the value that it is making, so that the
  memory that this holds is counted; None if there is none yet.
* The other code of the call does not run meanwhile, so that nothing changes under the work.
* A text that is made grows where it stands (``check_length(made, piece)``, ``made += piece``), and not in a function
  for all: CPython adds to it in place only while nothing else refers to it, and copies it otherwise.

Code outside the machine calls the plain form of these functions, or :func:`finish`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar, cast

from bamlvm.vm.values import Thrown, panic

ResultT = TypeVar("ResultT")

Work: TypeAlias = Generator[Any, None, ResultT]
"""Work in pieces: it yields what it is making, or None, and returns the result."""

PIECE: Final = 4096
"""Items of a list, or characters of a text that become objects, in one piece."""

TEXT_PIECE: Final = 1 << 16
"""Characters of a text in one piece, where each costs some nanoseconds."""

LONGEST: Final = 1 << 25
"""How many bytes a text that is made may take: as many ASCII characters, half as many of most scripts, a quarter as
many with an emoji among them.  Copying as much takes some milliseconds, so whatever only copies needs no pieces."""


class Lengthy(BaseException):
    """Raised where an instruction has work for several pieces; no ``Exception``, so that no handler takes it."""

    def __init__(self, work: Work[Any]) -> None:
        self.work = work


UNDIVIDED: Final[Any] = object()
"""What work yields whose effect must not remain half done."""

FREE: Final = 1 << 12
"""Characters whose comparison is not counted, as it takes no longer than other instructions."""

LONG: Final = 1 << 16
"""Characters of a text above which comparing it, and looking it up in a map, is counted where code runs often."""

SEEN: Final[list[bool]] = []
"""Not empty once the process may have a text longer than :data:`LONG`: before, nothing is paid for asking.  Such texts
come from outside or are made of long ones, so few places have to :func:`note` them."""

MOVED: Final = 1 << 20
"""Characters of a text that are copied at once where a long one is made."""

_NUMBERS: Final = (int, float, type(None))

_spent = 0
_SPENT_AT_MOST: Final = 30_000


def due(cost: int) -> bool:
    """Whether so much small work has been done since the last time that the driver is to be asked again.

    ``cost`` is what the work at hand takes, in tens of nanoseconds.  The sum is the process's, and exact enough where
    threads share it.
    """
    global _spent
    _spent += cost
    if _spent < _SPENT_AT_MOST:
        return False
    _spent = 0
    return True


def note(value: Any) -> bool:
    """Note what comes to the machine from outside: it may be, or have in it, a long text.  Return whether it is the
    first."""
    if SEEN or isinstance(value, _NUMBERS) or (isinstance(value, str) and len(value) <= LONG):
        return False
    SEEN.append(True)
    return True


def given(value: ResultT) -> Work[ResultT]:
    """Return a value, as work that has nothing to do."""
    yield from ()
    return value


def looks_up(key: str) -> bool:
    """Whether the driver is to be asked before a long key is looked up: a text has a hash to be computed, once, and is
    compared with the key that it equals."""
    return due(len(key) >> 4)


def compares(a: str, b: str) -> bool:
    """Whether the driver is to be asked before two texts are compared: as many characters as the shorter one has."""
    length = min(len(a), len(b))
    # Texts of one width are compared by words, others character by character.
    return length > FREE and due(length >> 6 if a.isascii() == b.isascii() else length >> 2)


def copies(length: int) -> bool:
    """Whether the driver is to be asked before so many characters, or items of a list, are copied."""
    if length > LONG and not SEEN:
        SEEN.append(True)
        return True
    return length > 256 and due(length >> 4)


def later(function: Callable[..., ResultT], *arguments: Any) -> Work[ResultT]:
    """Ask the driver first, and return what a native returns then."""
    yield None
    return whole(function, *arguments)


def finish(work: Work[ResultT]) -> ResultT:
    """Do work to its end and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return cast(ResultT, end.value)


def whole(function: Callable[..., ResultT], *arguments: Any) -> ResultT:
    """Return what a native returns, its work done to the end."""
    try:
        return function(*arguments)
    except Lengthy as lengthy:
        return cast(ResultT, finish(lengthy.work))


def emptied(made: list[Any] | dict[Any, Any] | set[Any]) -> Work[None]:
    """Free what work has made for itself, so that the end of the work does not do it at one go."""
    free: Callable[[], object] = made.popitem if isinstance(made, dict) else made.pop
    while len(made) > PIECE:
        for _ in range(PIECE):
            free()
        yield None


def memory_limit(message: str, limit: int | None = None) -> Thrown:
    """Return the panic of a value, or of a call, that takes too much memory."""
    return panic("MemoryLimit", message, limit=limit)


def too_long() -> Thrown:
    """Return the panic of a text longer than :data:`LONGEST`."""
    return memory_limit(f"a string of more than {LONGEST >> 20} MiB")


def too_many() -> Thrown:
    """Return the panic of a list longer than :data:`LONGEST_LIST`."""
    return memory_limit(f"a list of more than {LONGEST_LIST} items")


LONGEST_LIST: Final = 1 << 24
"""The greatest number of items of a list that is made at once."""


def check_length(a: str, b: str) -> None:
    """Raise :class:`~bamlvm.vm.values.Thrown` if ``a + b`` is longer than :data:`LONGEST`."""
    length = len(a) + len(b)
    if length > LONGEST >> 2 and length * max(_width(a), _width(b)) > LONGEST:
        raise too_long()


def check_size(text: str, times: int) -> None:
    """Raise :class:`~bamlvm.vm.values.Thrown` if ``times`` as many characters as the text's are longer than
    :data:`LONGEST`."""
    if len(text) * times > LONGEST >> 2 and len(text) * times * _width(text) > LONGEST:
        raise too_long()


def _width(text: str) -> int:
    """Return how many bytes a character of the text takes; too many for a long one that is kept as UTF-8, too."""
    if text.isascii():
        return 1
    if len(text) > PIECE:
        return min(4, text.__sizeof__() // len(text))
    widest = max(text)
    return 1 if widest < "\u0100" else 2 if widest < "\U00010000" else 4


def moved(*parts: tuple[str, int, int]) -> Work[str]:
    """Return the parts of texts, each from a place to before another, in one text that is copied in pieces."""
    made = ""
    for text, start, end in parts:
        for place in range(start, end, MOVED):
            piece = text[place : min(place + MOVED, end)]
            check_length(made, piece)
            made += piece
            yield made
    return made


def extend(items: list[Any], others: Sequence[Any]) -> None:
    """Push all of ``others`` to a new list.  Raises :class:`~bamlvm.vm.values.Thrown` if it gets longer than
    :data:`LONGEST_LIST`."""
    if len(items) + len(others) > LONGEST_LIST:
        raise too_many()
    if len(others) > 256 and (due(len(others) >> 2) or len(others) > PIECE * 4):
        raise Lengthy(_extended(items, others))
    items.extend(others)


def _extended(items: list[Any], others: Sequence[Any]) -> Work[list[Any]]:
    for place in range(0, len(others), PIECE * 4):
        yield items
        items.extend(others[place : place + PIECE * 4])
    return items


def update(entries: dict[Any, Any], others: dict[Any, Any]) -> None:
    """Set all entries of ``others`` in a new map."""
    if len(others) > 64 and (due(len(others) << 3) or len(others) > PIECE):
        raise Lengthy(_updated(entries, others))
    entries.update(others)


def _updated(entries: dict[Any, Any], others: dict[Any, Any]) -> Work[dict[Any, Any]]:
    yield entries
    if not entries and len(others) <= PIECE * 16:
        entries.update(others)  # which copies the table as it is
        return entries
    rest = iter(others.items())
    while piece := list(islice(rest, PIECE)):
        entries.update(piece)
        yield entries
    return entries


def collected(parts: Any, total: int) -> Work[list[Any]]:
    """Return the list of all items of the sequences ``parts``, ``total`` of them."""
    if total > LONGEST_LIST:
        raise too_many()
    made: list[Any] = []
    for part in parts:
        for place in range(0, len(part), PIECE * 4):
            made.extend(part[place : place + PIECE * 4])
            yield made
    return made
