"""From Python frames of compiled functions to the interpreter's frames, and to BAML stack traces.

A Python exception that leaves compiled functions has a traceback: for each activation its line, hence its
:class:`~bamlvm.vm.operands.Site`, and its locals. That is all that the interpreter's frame consists of, so compiled
code keeps no record of where it is. :func:`land` uses it for everything that is not plain computing:

* :class:`Bail` and its kin (a slice is used up, a sys-op waits, Python's stack is full, a guess failed) move all
  activations into ``machine.frames``, and the interpreter goes on from there;
* an exception that means a BAML error gets its stack trace, and the interpreter unwinds its own frames;
* any other exception passes through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType, TracebackType
from typing import Any, Final, NamedTuple

from bamlvm.vm.facts import SPECIAL
from bamlvm.vm.linker import LinkedFunction
from bamlvm.vm.operands import Site
from bamlvm.vm.panics import no_memory
from bamlvm.vm.semantics import SEMANTICS, Statement
from bamlvm.vm.values import Caught, Thrown, TraceFrame, Value
from bamlvm.vm.work import Lengthy


class Bail(BaseException):
    """Leaves compiled code; the interpreter goes on at the same instruction."""


class Pause(Bail):
    """... once the driver has looked at the outside."""


class Suspend(Bail):
    """... once ``awaitable`` has the result of a sys-op."""

    def __init__(self, sysop: Any, arguments: list[Value], awaitable: Any) -> None:
        super().__init__()
        self.sysop = sysop
        self.arguments = arguments
        self.awaitable = awaitable


class ThrownValue(Exception):  # noqa: N818 (whether it is an error is the program's business)
    """A value that ``throw`` throws in compiled code."""

    def __init__(self, value: Value) -> None:
        self.value = value


class Rethrown(Exception):  # noqa: N818
    """A caught error that ``rethrow`` throws in compiled code: a :class:`Held`, or the interpreter's."""

    def __init__(self, caught: Held | Caught | ThrownValue) -> None:
        self.caught = caught


class Held:
    """A caught error in compiled code. ``trace`` has the compiled frames that it left, and those of their callers only
    if it is ``complete``: as long as it is held, its function's callers are where they were."""

    __slots__ = ("complete", "trace", "value")

    def __init__(self, value: Value, trace: tuple[TraceFrame, ...], *, complete: bool = False) -> None:
        self.value = value
        self.trace = trace
        self.complete = complete

    def caught(self, callers: Sequence[TraceFrame]) -> Caught:
        """Return it as the interpreter has it; ``callers`` are those of the function that holds it."""
        return Caught(self.value, self.trace if self.complete else (*self.trace, *callers))


_FAILURES: Final = [
    *(each.failure for each in SEMANTICS.values() if isinstance(each, Statement)),
    *(row.failure for rows in SPECIAL.values() for row in rows),
]

CATCHABLE: Final = (
    *(ThrownValue, Rethrown, Thrown, MemoryError),
    *dict.fromkeys(each for failure in _FAILURES if failure is not None for each in failure.exceptions),
)
"""What an exception table catches; what is not BAML's is raised again."""


class CompiledCode(NamedTuple):
    """A translation: the function, the sites of its lines, its text, and whether it rests on guesses."""

    linked: LinkedFunction
    sites: Mapping[int, Site]
    text: str
    guessed: bool


class Activation(NamedTuple):
    """A compiled function's frame; ``site`` is None on a line that cannot be left."""

    code: CompiledCode
    site: Site | None
    frame: FrameType

    @property
    def linked(self) -> LinkedFunction:
        return self.code.linked

    def trace_frame(self) -> TraceFrame:
        """Return where it is in the source."""
        assert self.site is not None
        return self.linked.frame(self.linked.records[self.site.place + 1])

    def evaluate(self, text: str) -> Value:
        """Return the value of an expression of the site; the text is of the translator's making."""
        return eval(text, self.frame.f_globals, dict(self.frame.f_locals))

    def state(
        self, callers: Callable[[], Sequence[TraceFrame]], *, with_arguments: bool
    ) -> tuple[list[Value], list[Value]]:
        """Return the interpreter's locals and operands, before the instruction or after it took its arguments."""
        assert self.site is not None
        values = self.frame.f_locals
        slots = [values.get(f"v{k}") for k in range(self.linked.placed.function.local_count)]
        texts = (*self.site.below, *self.site.arguments) if with_arguments else self.site.below
        entries = [self.evaluate(text) for text in texts]
        return [_let_go(each, callers) for each in slots], [_let_go(each, callers) for each in entries]


def _let_go(value: Value, callers: Callable[[], Sequence[TraceFrame]]) -> Value:
    """A value as the interpreter has it."""
    if type(value) is Held:
        return value.caught(callers())
    return Caught(value.value, ()) if type(value) is ThrownValue else value


class Activations(NamedTuple):
    """The compiled frames of a traceback, outermost first. ``foreign`` if it was raised in other Python code."""

    found: list[Activation]
    foreign: bool


def activations(
    traceback: TracebackType | None, codes: Mapping[CodeType, CompiledCode], transparent: frozenset[CodeType]
) -> Activations:
    """Return the compiled frames of a traceback; ``transparent`` is the code between them that belongs to the tier."""
    found: list[Activation] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        compiled = codes.get(code)
        if compiled is not None:
            found.append(Activation(compiled, compiled.sites.get(traceback.tb_lineno), traceback.tb_frame))
        elif found and code not in transparent:
            return Activations(found, True)
        traceback = traceback.tb_next
    return Activations(found, False)


def as_held(error: Exception, machine: Any, found: Activations) -> Held | None:
    """Return an exception as a BAML error whose trace has the compiled frames; None if it is not BAML's."""
    if not found.found or found.found[-1].site is None:
        return None
    trace = tuple(each.trace_frame() for each in reversed(found.found))
    if isinstance(error, ThrownValue):
        return Held(error.value, trace)
    if isinstance(error, Rethrown):
        inner = error.caught
        if isinstance(inner, Caught):
            return Held(inner.value, inner.trace, complete=True)
        if isinstance(inner, Held):  # thrown below the function that throws it again: trace[0] is in inner.trace
            return Held(
                inner.value, inner.trace if inner.complete else (*inner.trace, *trace[1:]), complete=inner.complete
            )
        return Held(inner.value, trace)
    thrown = _as_thrown(error, found)
    return None if thrown is None else Held(machine.instance_of(thrown), trace)


def _as_thrown(error: Exception, found: Activations) -> Thrown | None:
    """Return the panic that an exception means at its site."""
    if isinstance(error, Thrown):
        return error
    if isinstance(error, MemoryError):
        return no_memory()
    innermost = found.found[-1]
    failure = innermost.site.failure if innermost.site is not None else None
    if failure is None or found.foreign or not isinstance(error, failure.exceptions):
        return None
    thrown: Thrown = innermost.evaluate(failure.error)
    return thrown


def spill(error: BaseException, machine: Any, found: list[Activation]) -> Any:
    """Move compiled frames into ``machine.frames``; return the interpreter's state, or the outcome of the machine."""
    for each in found[:-1]:
        assert each.site is not None
        slots, entries = each.state(machine.callers, with_arguments=False)
        machine.frames.append((each.linked.records[each.site.place][2], slots, [None, *entries], each.linked))
    innermost = found[-1]
    linked, site = innermost.linked, innermost.site
    assert site is not None
    step = linked.records[site.place]
    suspends = isinstance(error, Suspend | Lengthy)
    slots, entries = innermost.state(machine.callers, with_arguments=not suspends)
    if isinstance(error, Suspend):
        return machine.suspend(
            error.sysop, error.arguments, error.awaitable, step[2], slots, [None, *entries], linked, 0
        )
    if isinstance(error, Lengthy):
        return machine.work_on(error.work, step[2], slots, [None, *entries], linked, 0)
    stack, top = ([None, *entries[:-1]], entries[-1]) if entries else ([], None)
    if isinstance(error, Pause):
        return machine.pause(step, slots, stack, linked, top)
    return step, slots, stack, linked, top
