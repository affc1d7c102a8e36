"""The panics that instructions raise, as :class:`~bamlvm.vm.values.Thrown`."""

from __future__ import annotations

from typing import Any

from bamlvm.vm.rendering import brief
from bamlvm.vm.values import Thrown, panic


def no_element(container: Any, index: Any) -> Thrown:
    """Return the panic of ``container[index]`` without such an element."""
    if type(container) is list:
        return index_out_of_bounds(index, len(container))
    return panic("MapKeyNotFound", f"the map has no key {brief(index)}", key=index)


def index_out_of_bounds(index: int, length: int) -> Thrown:
    """Return the panic of an index that a list of that length does not have."""
    return panic("IndexOutOfBounds", f"index {index} of a list of length {length}", index=index, length=length)


def assertion_failed(message: str) -> Thrown:
    """Return the panic of an ``assert`` whose condition is false."""
    return panic("AssertionFailed", message)


def unreachable() -> Thrown:
    """Return the panic of code that control cannot reach."""
    return panic("Unreachable", "unreachable code was reached")


def stack_overflow(limit: int) -> Thrown:
    """Return the panic of calls nested deeper than the machine allows."""
    return panic("StackOverflow", f"calls are nested more than {limit} deep", limit=limit)


def no_memory() -> Thrown:
    """Return the panic of a value for which there is no memory."""
    return panic("MemoryLimit", "there is no memory left for the value")


def step_limit(limit: int) -> Thrown:
    """Return the panic of a call whose budget of steps is spent."""
    return panic("StepLimit", f"the call took more than {limit} steps", limit=limit)


def cancelled() -> Thrown:
    """Return the panic of waiting for a thread that has been cancelled."""
    return panic("Cancelled", "the thread was cancelled")


def deadlock(circle: str) -> Thrown:
    """Return the panic of a wait that would never end; ``circle`` says who waits for whom."""
    return panic("Deadlock", f"no thread can go on: {circle}")
