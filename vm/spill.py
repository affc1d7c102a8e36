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
from bamlvm.vm.sites import SiteTable
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
    """A value that ``throw`` throws in compiled code; without a constructor of its own, which would cost as much as
    the rest."""

    @property
    def value(self) -> Value:
        """The value."""
        return self.args[0]


class Rethrown(Exception):  # noqa: N818 (as above)
    """A caught error that ``rethrow`` throws in compiled code: a :class:`Held`, or the interpreter's."""

    def __init__(self, caught: Held | Caught) -> None:
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
    """What is kept of a translation: the function, the sites of its lines, and whether it rests on guesses; and the
    frames of the traces of those that have thrown, by the identity of the site."""

    linked: LinkedFunction
    sites: SiteTable
    guessed: bool
    traces: dict[int, tuple[TraceFrame, ...]]


class Nested(NamedTuple):
    """One of the calls that an activation stands for: the function, the index of the instruction that it is at, its
    first Python local, and the places of its first operand and after its last one."""

    linked: LinkedFunction
    place: int
    first_local: int
    low: int
    high: int


class Activation(NamedTuple):
    """A compiled function's frame; ``site`` is None on a line that cannot be left."""

    code: CompiledCode
    site: Site | None
    frame: FrameType

    @property
    def linked(self) -> LinkedFunction:
        """The function that the line is of: the innermost of those whose code this is."""
        body = None if self.site is None else self.site.body
        return self.code.linked if body is None else body.linked

    def nested(self) -> list[Nested]:
        """Return the calls that this stands for, innermost first: more than one within a body."""
        assert self.site is not None
        site = self.site
        place, high = site.place, len(site.below) + len(site.arguments)
        found = []
        for body in site.body.around() if site.body is not None else ():
            found.append(Nested(body.linked, place, body.first_local, body.depth, high))
            place, high = body.call, body.depth
        found.append(Nested(self.code.linked, place, 0, 0, high))
        return found

    def trace_frames(self) -> tuple[TraceFrame, ...]:
        """Return where it is in the source, innermost first."""
        traces, site = self.code.traces, id(self.site)
        found = traces.get(site)
        if found is None:
            found = tuple(each.linked.frame(each.linked.records[each.place + 1]) for each in self.nested())
            traces[site] = found
        return found

    def evaluate(self, text: str) -> Value:
        """Return the value of an expression of the site; the text is of the translator's making."""
        return eval(text, self.frame.f_globals, dict(self.frame.f_locals))

    def states(
        self, callers: Callable[[], Sequence[TraceFrame]], *, with_arguments: bool
    ) -> list[tuple[Nested, list[Value], list[Value]]]:
        """Return the calls that this stands for, outermost first, with the interpreter's locals and operands of each:
        those of the innermost one are before its instruction, or after that took its arguments."""
        assert self.site is not None
        values = self.frame.f_locals
        texts = (*self.site.below, *self.site.arguments) if with_arguments else self.site.below
        entries = [_let_go(self.evaluate(text), callers) for text in texts]
        found = []
        for each in reversed(self.nested()):
            count = each.linked.placed.function.local_count
            slots = [_let_go(values.get(f"v{each.first_local + k}"), callers) for k in range(count)]
            found.append((each, slots, entries[each.low : each.high]))
        return found


def _let_go(value: Value, callers: Callable[[], Sequence[TraceFrame]]) -> Value:
    """A value as the interpreter has it."""
    return value.caught(callers()) if type(value) is Held else value


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
    trace = tuple(frame for each in reversed(found.found) for frame in each.trace_frames())
    if isinstance(error, ThrownValue):
        return Held(error.value, trace)
    if isinstance(error, Rethrown):
        inner = error.caught
        if isinstance(inner, Caught):
            return Held(inner.value, inner.trace, complete=True)
        # It was thrown below the function that throws it again: trace[0] is in inner.trace.
        whole = inner.trace if inner.complete else (*inner.trace, *trace[1:])
        return Held(inner.value, whole, complete=inner.complete)
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
    suspends = isinstance(error, Suspend | Lengthy)
    states = [state for each in found[:-1] for state in each.states(machine.callers, with_arguments=False)]
    states += found[-1].states(machine.callers, with_arguments=not suspends)
    for nested, slots, entries in states[:-1]:
        linked = nested.linked
        machine.frames.append((linked.records[nested.place][2], slots, [None, *entries], linked))
    nested, slots, entries = states[-1]
    linked = nested.linked
    step = linked.records[nested.place]
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
