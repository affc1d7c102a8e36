"""The table of resource handles: which call may use which connection, file or accumulator.

BAML code holds a :class:`Handle`; the resource itself stays in the table.  A slot's generation rises when its resource
is taken out, so an old handle never reaches the slot's next resource.  A handle is valid for one owner (a call) and one
kind.  The table does no I/O: a resource that is taken out is returned with the function that closes it.

Safe to share between threads.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeAlias

from bamlvm.vm.values import Handle, Thrown

CLOSE_SECONDS: Final = 2.0
"""How long the end of a call, of a runtime and of the background loop waits for open resources to close."""

Close: TypeAlias = Callable[[], Awaitable[None] | None]
"""Closes a resource; called at most once, by the code that took it out of the table."""


class Entry(NamedTuple):
    """An open resource."""

    kind: str
    resource: Any
    close: Close


class _Slot:
    __slots__ = ("entry", "generation", "owner", "thread")

    def __init__(self) -> None:
        self.generation = 0
        self.owner = 0
        self.thread = 0
        self.entry: Entry | None = None


class HandleTable:
    """The open resources of one runtime.

    ``limit_per_call`` and ``limit`` bound how many may be open at once for one owner and altogether.
    """

    def __init__(self, limit_per_call: int = 256, limit: int = 4096) -> None:
        self.limit_per_call = limit_per_call
        self.limit = limit
        self._slots: list[_Slot] = []
        self._free: list[int] = []
        self._owned: dict[int, set[int]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def open(self, kind: str, owner: int, resource: Any, close: Close, thread: int = 0) -> Handle:
        """Put a resource, which a thread of a call has opened, into the table and return its handle.

        Raises :class:`Thrown` (``baml.errors.InvalidArgument``, naming the limit) if it is one too many; closing the
        resource is then still up to the caller.
        """
        with self._lock:
            owned = self._owned.get(owner, ())
            if len(owned) >= self.limit_per_call:
                raise _invalid(f"too many open resources in this call: the limit is {self.limit_per_call} per call")
            if self._count >= self.limit:
                raise _invalid(f"too many open resources: the limit is {self.limit} per runtime")
            if self._free:
                index = self._free.pop()
            else:
                index = len(self._slots)
                self._slots.append(_Slot())
            slot = self._slots[index]
            slot.owner = owner
            slot.thread = thread
            slot.entry = Entry(kind, resource, close)
            self._owned.setdefault(owner, set()).add(index)
            self._count += 1
            return Handle(kind, index, slot.generation, owner)

    def get(self, handle: Handle, kind: str, owner: int) -> Any:
        """Return the resource behind a handle.

        Raises :class:`Thrown` (``baml.errors.InvalidArgument``) if it is closed, not this owner's, or of another kind.
        """
        resource = self.find(handle, kind, owner)
        if resource is None:
            raise _invalid(f"this {kind} is closed")
        return resource

    def find(self, handle: Handle, kind: str, owner: int) -> Any:
        """Return the same, but None for what is closed."""
        with self._lock:
            entry = self._find(handle, kind, owner)
        return None if entry is None else entry.resource

    def close(self, handle: Handle, kind: str, owner: int) -> Close | None:
        """Take a resource out and return its closer, for the caller to call; None if it is closed already.

        Raises :class:`Thrown` (``baml.errors.InvalidArgument``) if the handle is not this owner's or of this kind.
        """
        with self._lock:
            entry = self._find(handle, kind, owner)
            if entry is None:
                return None
            self._remove(handle.index)
            return entry.close

    def owns(self, owner: int, thread: int) -> bool:
        """Whether a thread of an owner has something open."""
        with self._lock:
            return any(self._slots[index].thread == thread for index in self._owned.get(owner, ()))

    def take_all(self, owner: int, thread: int | None = None) -> list[Entry]:
        """Take out everything that an owner has open and return it, newest slot first, for the caller to close; with
        ``thread``, what that thread of it has opened."""
        if owner not in self._owned:  # without the lock: most calls open nothing, and an owner that ends opens no more
            return []
        with self._lock:
            taken = []
            for index in sorted(self._owned.get(owner, ()), reverse=True):
                slot = self._slots[index]
                if thread is not None and slot.thread != thread:
                    continue
                if slot.entry is not None:
                    taken.append(slot.entry)
                self._remove(index)
            return taken

    def _find(self, handle: Handle, kind: str, owner: int) -> Entry | None:
        if type(handle) is not Handle:
            raise _invalid(f"not the handle of a {kind}")
        if handle.kind != kind:
            raise _invalid(f"the handle of a {handle.kind}, not of a {kind}")
        if handle.owner != owner:
            raise _invalid(f"this {kind} belongs to another call")
        if not 0 <= handle.index < len(self._slots):
            raise _invalid(f"unknown handle of a {kind}")
        slot = self._slots[handle.index]
        if handle.generation > slot.generation:
            raise _invalid(f"unknown handle of a {kind}")
        if handle.generation < slot.generation or slot.entry is None:
            return None
        if slot.owner != owner or slot.entry.kind != kind:
            raise _invalid(f"unknown handle of a {kind}")
        return slot.entry

    def _remove(self, index: int) -> None:
        slot = self._slots[index]
        owned = self._owned[slot.owner]
        owned.discard(index)
        if not owned:
            del self._owned[slot.owner]
        slot.entry = None
        slot.generation += 1
        self._free.append(index)
        self._count -= 1


def _invalid(message: str) -> Thrown:
    return Thrown("baml.errors.InvalidArgument", {"message": message})
