"""A call of the machine, instruction by instruction: what there is to see before each of them.

What many steps share is in tables, to which they refer by index: functions, callers, and the values as texts, which
are short (:data:`LONGEST`) and in which secrets are hidden as in records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.context import CallContext, CancelToken
from bamlvm.errors import BamlError, Cancelled
from bamlvm.sysops.redaction import Secrets
from bamlvm.tools.dev.assigned import assigned
from bamlvm.tools.dev.values import value_text
from bamlvm.vm.disassembler import instruction_texts
from bamlvm.vm.rendering import glimpse
from bamlvm.vm.stack import instructions
from bamlvm.vm.values import MISSING

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.sysops.scope import Scope
    from bamlvm.vm.linker import LinkedFunction
    from bamlvm.vm.trace import Frames
    from bamlvm.vm.values import Value

MOST_STEPS: Final = 5_000
LONGEST: Final = 200
"""Characters of a value that are shown."""

_SHOWN_STACK: Final = 12
_SHOWN_LOCALS: Final = 40


async def steps_of(
    runtime: Runtime, files: Mapping[str, str], function: str, args: Mapping[str, Any], context: CallContext
) -> dict[str, Any]:
    """Call a function with a machine that is watched, and return its first steps and how the call ended.

    * ``steps``: ``thread``, ``depth``, ``function``, ``place`` (the instruction's index), ``line``, ``column``, the
      operand ``stack`` (its upper entries, top last), its ``height``, the ``locals`` that have a value, as pairs of
      name and value, and ``calls``, the innermost caller (-1 if there is none);
    * ``functions``: ``name``, ``file`` and ``instructions``;
    * ``calls``: ``function``, ``file`` and ``line`` of a caller, and its own one, ``calls``;
    * ``texts`` of values, ``files`` with the sources that the functions are in;
    * ``value`` or ``error``, and ``is_complete``.

    The standard library's steps are left out: only those in ``files`` are the program's own.  After :data:`MOST_STEPS`
    the call is cancelled.  Raises :class:`bamlvm.HostError` for arguments that do not fit.
    """
    watcher = _Watcher(files)
    token = CancelToken()
    watcher.cancel = token.cancel
    if context.cancel is not None:
        context.cancel.subscribe(watcher, token.cancel)
    engine = runtime.engine
    engine.new_tracer = _watcher_of  # and stays: other calls of the runtime find no watcher there
    watching = _watching.set(watcher)
    end: dict[str, Any] = {"is_complete": True}
    try:
        value = await runtime.call_function(function, args, msgspec.structs.replace(context, cancel=token))
        end["value"] = value_text(value)
    except Cancelled:
        end["is_complete"] = False
    except BamlError as error:
        end["error"] = str(error)
    finally:
        _watching.reset(watching)
        if context.cancel is not None:
            context.cancel.unsubscribe(watcher)
    secrets = Secrets(() if watcher.scope is None else watcher.scope.read_secrets)
    return {**watcher.found(), "texts": secrets.hide_in([*watcher.texts]), **secrets.hide_in(end)}


_watching: ContextVar[_Watcher | None] = ContextVar("watching", default=None)
"""The watcher of the call that this task makes."""


def _watcher_of(scope: Scope) -> _Watcher | None:
    watcher = _watching.get()
    if watcher is not None:
        watcher.scope = scope
    return watcher


class _Watched:
    """A function that has been seen: its number, and for each instruction the locals that have a value.

    An instruction that stores and does more has the place of what comes next in the source (``store_load``): there the
    variable has its new value, which the machine still has on its stack.  ``early`` is that local, or -1.
    """

    def __init__(self, function: LinkedFunction, number: int) -> None:
        self.number = number
        code = function.placed.function
        named = [(index, name) for index, name in enumerate(code.local_names) if name and not name.startswith("$")]
        names = [name for _, name in named]
        # As in the instructions' operands: those of one name, each in a scope of its own, are told apart.
        shown = [(index, name if names.count(name) == 1 else f"{index}:{name}") for index, name in named]
        self.early = [
            operands[0] if row.parts[:1] == ("store_local",) else -1 for row, operands in instructions(code.code)
        ]
        self.locals = [
            [(index, name) for index, name in shown if bits >> index & 1 or index == early][:_SHOWN_LOCALS]
            for bits, early in zip(assigned(code), self.early, strict=True)
        ]
        self.locals.append([])  # the record behind the last instruction has an index too
        self.early.append(-1)


class _Watcher:
    """A tracer that keeps steps."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.cancel: Callable[[], None] = lambda: None
        self.scope: Scope | None = None
        self.texts: dict[str, int] = {}
        self._files = files
        self._steps: list[dict[str, Any]] = []
        self._watched: dict[LinkedFunction, _Watched] = {}
        self._functions: list[dict[str, Any]] = []
        self._calls: list[dict[str, Any]] = []
        self._threads: dict[int, _Thread] = {}

    def found(self) -> dict[str, Any]:
        """Return what was seen, without the texts."""
        return {
            "steps": self._steps,
            "functions": self._functions,
            "calls": self._calls,
            "files": {each["file"]: self._files[each["file"]] for each in self._functions},
        }

    def __call__(
        self,
        function: LinkedFunction,
        place: int,
        slots: Sequence[Value],
        stack: Sequence[Value],
        top: Value,
        frames: Frames,
    ) -> None:
        if function.placed.file not in self._files:
            return
        if len(self._steps) >= MOST_STEPS:
            self.cancel()
            return
        watched = self._watched.get(function) or self._watch(function)
        position = function.position(place)
        machine: Any = None if self.scope is None else self.scope.threads
        thread: int = machine.scope.thread  # that of the thread that runs
        early = watched.early[place]
        shown = (*stack[max(1, len(stack) + 1 - _SHOWN_STACK) :], top) if stack else ()
        self._steps.append(
            {
                "thread": thread,
                "depth": len(frames),
                "function": watched.number,
                "place": place,
                "line": position.line,
                "column": position.column,
                "stack": [self._text(value) for value in shown],
                "height": len(stack),
                "locals": [
                    (name, self._text(top if index == early else slots[index]))
                    for index, name in watched.locals[place]
                    if slots[index] is not MISSING
                ],
                "calls": self._threads.setdefault(thread, _Thread()).caller(frames, self._calls),
            }
        )

    def _watch(self, function: LinkedFunction) -> _Watched:
        watched = self._watched[function] = _Watched(function, len(self._functions))
        texts = [*instruction_texts(function.placed.function), "unreachable"]
        self._functions.append({"name": function.name, "file": function.placed.file, "instructions": texts})
        return watched

    def _text(self, value: Value) -> int:
        return self.texts.setdefault(glimpse(value, LONGEST), len(self.texts))


class _Thread:
    """A thread's callers at its last step: their frames, and their numbers."""

    def __init__(self) -> None:
        self._known: list[tuple[Any, int]] = []

    def caller(self, frames: Frames, calls: list[dict[str, Any]]) -> int:
        """Return the number of the innermost caller, after adding those to ``calls`` that are not there."""
        known = self._known
        while known and (len(known) > len(frames) - 1 or known[-1][0] is not frames[len(known)]):
            known.pop()
        for frame in frames[1 + len(known) :]:
            step, _, _, function = frame
            assert function is not None  # as that of the outermost frame alone is
            position = function.frame(step)
            outer = known[-1][1] if known else -1
            calls.append({"function": function.name, "file": position.file, "line": position.line, "calls": outer})
            known.append((frame, len(calls) - 1))
        return known[-1][1] if known else -1
