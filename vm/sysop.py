"""A sys-op as the machine sees it: a name bound to Python code that touches the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class SysOp(NamedTuple):
    """A sys-op.

    ``name`` is the path of its declaration (``baml.http.SseStream.next``).  ``call`` takes the call's scope and the
    arguments (of a method, the receiver first).  If ``is_async`` it returns a coroutine and the machine suspends;
    otherwise it returns the result, or a :class:`bamlvm.vm.values.Pending` if it has to wait after all.
    """

    name: str
    call: Callable[..., Any]
    is_async: bool
