"""Runtime values: the Python object that represents each BAML value.

null is None; bool, int, float and string are Python's own; a list is a list; a map is a dict in insertion order whose
keys are strings or enum values.  The rest are the classes of this module.  Instances, lists and maps are mutable and
compared by content (:mod:`bamlvm.vm.equality`); every other value is immutable.

An ``int`` is always within i64; an integer from outside must be checked with :func:`in_i64`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from bamlvm.vm.program.declarations import ClassInfo, FieldInfo
from bamlvm.vm.program.types import PANICS, UNKNOWN, Type

Value: TypeAlias = Any
"""Any BAML value, as the head comment lists them."""

I64_MIN: Final = -(1 << 63)
I64_MAX: Final = (1 << 63) - 1


def in_i64(number: int) -> bool:
    """Whether a Python integer is a BAML ``int``."""
    return I64_MIN <= number <= I64_MAX


MOST_EXTENDED: Final = 256
"""How many sets of fields that a ``@@dynamic`` class does not declare are kept as classes."""

NO_FIELDS: Final[Mapping[str, FieldInfo]] = MappingProxyType({})


class LoadedClass:
    """A class of a linked program.  ``index`` is each field's place in an instance; ``methods`` has its methods by bare
    name."""

    __slots__ = ("_extended", "field_names", "index", "info", "methods", "name")

    def __init__(self, info: ClassInfo) -> None:
        self.name = info.name
        self.info = info
        self.field_names = tuple(field.name for field in info.fields)
        self.index = {name: place for place, name in enumerate(self.field_names)}
        self.methods: dict[str, Any] = {}
        self._extended: dict[tuple[FieldInfo, ...], LoadedClass] = {}

    def __repr__(self) -> str:
        return f"LoadedClass({self.name!r})"

    def extended(self, names: Iterable[str], known: Mapping[str, FieldInfo] = NO_FIELDS) -> LoadedClass:
        """Return a ``@@dynamic`` class with more fields behind its own, the same for the same fields.

        ``known`` has what is known of some of them; the others may have any value.
        """
        more = tuple(known.get(name) or FieldInfo(name, UNKNOWN) for name in names)
        if not more:
            return self
        found = self._extended.get(more)
        if found is None:
            found = LoadedClass(msgspec.structs.replace(self.info, fields=self.info.fields + more))
            found.methods = self.methods
            if len(self._extended) < MOST_EXTENDED:
                found = self._extended.setdefault(more, found)
        return found


class Instance(msgspec.Struct, eq=False):  # a struct because making one takes half the time of a class's
    """A value of a class: its fields' values in declared order."""

    cls: LoadedClass
    fields: list[Value]

    @property
    def class_name(self) -> str:
        """The class's qualified name."""
        return self.cls.name

    def get(self, name: str) -> Value:
        """Return a field's value.  Raises :class:`KeyError` if the class has no such field."""
        return self.fields[self.cls.index[name]]

    def set(self, name: str, value: Value) -> None:
        """Set a field.  Raises :class:`KeyError` if the class has no such field."""
        self.fields[self.cls.index[name]] = value

    def __repr__(self) -> str:  # shallow: an instance may hold itself
        return f"<{self.cls.name} instance at {id(self):#x}>"


def open_instance(
    cls: LoadedClass, fields: Mapping[str, Value], known: Mapping[str, FieldInfo] = NO_FIELDS
) -> Instance:
    """Return an instance of a ``@@dynamic`` class with fields that it may not declare; declared ones that are left out
    are null, and ``known`` has what is known of others."""
    wide = cls.extended([name for name in fields if name not in cls.index], known)
    values: list[Value] = [None] * len(wide.field_names)
    for name, value in fields.items():
        values[wide.index[name]] = value
    return Instance(wide, values)


class EnumValue:
    """A variant of an enum.  Interned per linked program, so identity is equality; ``index`` is its declared place."""

    __slots__ = ("enum", "index", "variant")

    def __init__(self, enum: str, variant: str, index: int) -> None:
        self.enum = enum
        self.variant = variant
        self.index = index

    def __repr__(self) -> str:
        return f"{self.enum}.{self.variant}"


class Cell(msgspec.Struct, eq=False):
    """A variable that a closure shares with the function that declares it."""

    value: Value


class Closure(msgspec.Struct, eq=False):
    """A function value: a linked function and the cells that it captured.  Compared by identity."""

    function: Any
    cells: tuple[Cell, ...]

    def __repr__(self) -> str:
        return f"<function {self.function.name}>"


class Handle(msgspec.Struct, frozen=True):
    """An opaque reference to a resource in a :class:`bamlvm.vm.handles.HandleTable`."""

    kind: str
    index: int
    generation: int
    owner: int


class Media(msgspec.Struct, frozen=True):
    """An image, audio, pdf or video.  ``data`` is a URL or base64 text, as ``source`` says; ``mime`` may be unknown."""

    kind: str
    mime: str | None
    source: Literal["url", "base64"]
    data: str

    def is_url(self) -> bool:
        """Whether the data are a URL."""
        return self.source == "url"

    def is_base64(self) -> bool:
        """Whether the data are base64 text."""
        return self.source == "base64"

    def as_url(self) -> str:
        """Return the URL.  Raises :class:`ValueError` for base64 text."""
        if self.source != "url":
            raise ValueError(f"this {self.kind} is not a URL")
        return self.data

    def as_base64(self) -> tuple[str, str | None]:
        """Return the base64 text and the media type.  Raises :class:`ValueError` for a URL."""
        if self.source != "base64":
            raise ValueError(f"this {self.kind} is not base64")
        return self.data, self.mime


class TypeValue(msgspec.Struct, frozen=True):
    """A type as a value, as ``baml.llm.get_return_type`` returns it."""

    type: Type


class _Missing:
    """The mark of an argument left out.  Never seen by BAML code: the callee's prologue replaces it by the default."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


class Future:
    """The result of a green thread (:mod:`bamlvm.vm.threads`), once it has one.  Compared by identity.

    ``number`` is the thread's, from 1; ``thread`` the thread itself until the future is settled.  ``error`` is what the
    thread threw, None if it returned ``value``.  ``waiters`` are the threads that wait for it, and ``awaited`` says
    whether one ever has.
    """

    __slots__ = ("awaited", "error", "number", "thread", "value", "waiters")

    def __init__(self, number: int, thread: Any) -> None:
        self.awaited = False
        self.number = number
        self.thread = thread
        self.value: Value = None
        self.error: Caught | None = None
        self.waiters: dict[Any, None] = {}

    @property
    def settled(self) -> bool:
        """Whether the thread has ended: returned, thrown or been cancelled."""
        return self.thread is None

    def __repr__(self) -> str:
        return f"<future {self.number}>"


class AwaitMany:
    """A wait for several futures: ``until`` all are settled, or one is, or a ``failure`` (one has thrown).

    The thread gets the place of that one, or the number of them all.  ``place`` is how far a wait for all has come.
    """

    __slots__ = ("futures", "place", "until")

    def __init__(self, futures: list[Future], until: Literal["all", "one", "failure"]) -> None:
        self.futures = futures
        self.until = until
        self.place = 0

    def found(self) -> int | None:
        """Return what the thread gets, or None while it must wait; what the futures have thrown is taken care of."""
        futures = self.futures
        if self.until == "all":  # one after the other, so that many futures cost no more than their number
            while self.place < len(futures):
                future = futures[self.place]
                future.awaited = True
                if not future.settled:
                    return None
                self.place += 1
            return self.place
        pending = False
        found: int | None = None
        for place, future in enumerate(futures):
            future.awaited = True
            pending = pending or not future.settled
            if found is None and future.settled and (self.until == "one" or future.error is not None):
                found = place
        return found if found is not None or pending or self.until == "one" else len(futures)

    def awaits(self) -> Sequence[Future]:
        """Return the futures of which the next one to be settled may end the wait."""
        return (self.futures[self.place],) if self.until == "all" else self.futures


class Pending:
    """The result of a sync sys-op that has to wait after all: the machine suspends, the driver awaits ``awaitable`` and
    resumes with its result (or its :class:`Thrown`).

    A :class:`Future` or :class:`AwaitMany` is awaited by the machine itself: other threads run meanwhile.
    """

    __slots__ = ("awaitable",)

    def __init__(self, awaitable: Awaitable[Value] | Future | AwaitMany) -> None:
        self.awaitable = awaitable


class Thrown(Exception):  # noqa: N818 (it carries a thrown value, which need not be an error)
    """Raised by natives and sys-ops to throw into BAML: an instance of ``class_name`` with these fields.

    Fields of the class that are left out become null, and names that it does not have are ignored.  The class is one
    of the standard library's.
    """

    def __init__(self, class_name: str, fields: Mapping[str, Value]) -> None:
        super().__init__(class_name, fields)
        self.class_name = class_name
        self.fields = dict(fields)

    def __str__(self) -> str:
        return f"{self.class_name}: {self.fields.get('message', '')}"


def panic(name: str, message: str, **fields: Value) -> Thrown:
    """Return the :class:`Thrown` of a panic, to be raised: ``raise panic("DivisionByZero", "division by zero")``."""
    return Thrown(PANICS + name, {"message": message, **fields})


def is_panic_value(value: Value) -> bool:
    """Whether a thrown value is one of the machine's own errors."""
    return type(value) is Instance and value.cls.name.startswith(PANICS)


class TraceFrame(NamedTuple):
    """One call of a stack trace.  ``line`` and ``column`` count from 1; both are 0 where a frame has no source."""

    function: str
    file: str
    line: int
    column: int


class Caught(msgspec.Struct, frozen=True, eq=False):
    """A thrown value and where it was thrown: the frames of that moment, innermost first."""

    value: Value
    trace: tuple[TraceFrame, ...] = ()
