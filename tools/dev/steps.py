"""A call of the machine, instruction by instruction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.context import CallContext, CancelToken
from bamlvm.errors import BamlError, Cancelled
from bamlvm.tools.dev.values import value_text
from bamlvm.vm.disassembler import instruction_texts
from bamlvm.vm.rendering import brief

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.vm.linker import LinkedFunction
    from bamlvm.vm.values import Value

MOST_STEPS: Final = 5_000
_SHOWN_STACK: Final = 12


async def steps_of(
    runtime: Runtime, files: Collection[str], function: str, args: Mapping[str, Any], context: CallContext
) -> dict[str, Any]:
    """Call a function with a machine that is watched, and return its first steps and how the call ended.

    A step has ``depth``, ``function``, ``place``, ``file``, ``line``, ``column``, ``instruction`` and the ``stack``,
    top last.  The standard library's steps are left out: only those in ``files`` are the program's own.
    After :data:`MOST_STEPS` the call is cancelled.  Raises :class:`bamlvm.HostError` for arguments that do not fit.
    """
    watcher = _Watcher(files)
    token = CancelToken()
    watcher.cancel = token.cancel
    if context.cancel is not None:
        context.cancel.subscribe(watcher, token.cancel)
    engine = runtime.engine
    engine.new_tracer = _watching.get  # and stays: other calls of the runtime find no watcher there
    watching = _watching.set(watcher)
    found: dict[str, Any] = {"steps": watcher.steps, "is_complete": True}
    try:
        value = await runtime.call_function(function, args, msgspec.structs.replace(context, cancel=token))
        found["value"] = value_text(value)
    except Cancelled:
        found["is_complete"] = False
    except BamlError as error:
        found["error"] = str(error)
    finally:
        _watching.reset(watching)
        if context.cancel is not None:
            context.cancel.unsubscribe(watcher)
    return found


_watching: ContextVar[_Watcher | None] = ContextVar("watching", default=None)
"""The watcher of the call that this task makes."""


class _Watcher:
    """A tracer that keeps steps."""

    def __init__(self, files: Collection[str]) -> None:
        self.steps: list[dict[str, Any]] = []
        self.cancel: Callable[[], None] = lambda: None
        self._files = files
        self._texts: dict[LinkedFunction, list[str]] = {}

    def __call__(self, function: LinkedFunction, place: int, stack: Sequence[Value], top: Value, depth: int) -> None:
        if function.placed.file not in self._files:
            return
        if len(self.steps) >= MOST_STEPS:
            self.cancel()
            return
        texts = self._texts.get(function)
        if texts is None:
            # The record behind the last instruction has an index too.
            texts = self._texts[function] = [*instruction_texts(function.placed.function), "unreachable"]
        position = function.position(place)
        shown = [brief(value) for value in (*stack[-_SHOWN_STACK:-1], top)] if stack else []
        self.steps.append(
            {
                "depth": depth,
                "function": function.name,
                "place": place,
                "file": position.file,
                "line": position.line,
                "column": position.column,
                "instruction": texts[place],
                "stack": shown,
                "height": len(stack),
            }
        )
