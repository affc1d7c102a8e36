"""The exceptions that a host can get.

    BamlError
    ├── CompileError            the sources are not a program: .diagnostics, .render()
    ├── ThrownError             the program threw and did not catch it: .value, .class_name, .trace, .attempts
    │   ├── ParseFailed, HttpStatus, Timeout …    one class for each class of baml.errors
    │   └── Panic               a rule of the language was broken
    │       └── StackOverflow, StepLimit …        one class for each class of baml.panics
    ├── Cancelled               the call was cancelled: by its token, by closing its stream or its runtime
    │   └── DeadlineExceeded    … by its own timeout
    └── HostError               the host asked for what cannot be: an unknown function, an argument of the wrong type,
                                a runtime that is closed

A host callback that raises ends its call with its own exception, unwrapped; so do Ctrl-C and asyncio's cancellation.
All of them can be copied and pickled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic
    from bamlvm.sysops.records import AttemptRecord
    from bamlvm.vm.values import TraceFrame


class BamlError(Exception):
    """Base of the exceptions that this package raises on purpose."""

    ends_call: Final = True
    """Such an error ends a call wherever it is raised in it; any other exception of a transport fails the attempt."""


class CompileError(BamlError):
    """The sources do not compile.  ``diagnostics`` has errors and warnings in the order of the sources."""

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str]) -> None:
        super().__init__(diagnostics, sources)
        self.diagnostics = tuple(diagnostics)
        self.sources = dict(sources)

    def render(self, colour: bool = False) -> str:
        """Return all diagnostics as text, each with its source excerpt."""
        return render_diagnostics(self.diagnostics, self.sources, colour)

    def __str__(self) -> str:
        return self.render()


class ThrownError(BamlError):
    """The program threw a value and has not caught it.

    ``value`` is the thrown value in its Python form, ``class_name`` the qualified name of its class or enum
    (``baml.errors.Timeout``) or of its built-in type (``string``), ``trace`` the frames at the throw, innermost first.
    ``attempts`` are the records of all attempts at LLM clients that the call made.
    """

    def __init__(
        self,
        value: Any,
        class_name: str,
        message: str,
        trace: Sequence[TraceFrame] = (),
        attempts: Sequence[AttemptRecord] = (),
    ) -> None:
        super().__init__(value, class_name, message, trace, attempts)
        self.value = value
        self.class_name = class_name
        self.message = message
        self.trace = tuple(trace)
        self.attempts = tuple(attempts)

    @property
    def raw(self) -> str | None:
        """The text of the answer that could not be used: of the error itself if it has it, else the last attempt's."""
        text = getattr(self.value, "raw", None)
        if isinstance(text, str):
            return text
        return self.attempts[-1].text if self.attempts else None

    @property
    def prompt(self) -> list[dict[str, Any]] | None:
        """The messages of the last attempt, dicts with ``role`` and ``parts``; None if none has been sent."""
        summary = self.attempts[-1].summary if self.attempts else None
        if summary is None:
            return None
        system = [{"role": "system", "parts": summary.system}] if summary.system else []
        return [*system, *summary.messages]

    def __str__(self) -> str:
        from bamlvm.grammar.printable import printable

        head = f"{self.class_name}: {self.message}" if self.message else self.class_name
        return printable("\n  ".join([head, *self.trace_lines()]))

    def trace_lines(self, limit: int = 20) -> list[str]:
        """Return the trace as lines: a run of the same frame is one line, of more than ``limit`` lines the middle is
        left out."""
        lines: list[str] = []
        counts: list[int] = []
        previous = None
        for frame in self.trace:
            if frame == previous:
                counts[-1] += 1
            else:
                lines.append(_frame_line(frame))
                counts.append(1)
                previous = frame
        half = limit // 2
        if len(lines) > limit:
            left_out = f"… {sum(counts[half:-half]):,} more"
            lines[half:-half], counts[half:-half] = [left_out], [1]
        return [line if count == 1 else f"{line}, {count:,} times" for line, count in zip(lines, counts, strict=True)]


# --- classes of baml.errors and baml.panics ---------------------------------------------------------------------------


class Io(ThrownError):
    """The operating system refused: a file, a socket, a shell command."""


class Timeout(ThrownError):
    """A time limit passed."""


class HttpStatus(ThrownError):
    """A server answered with an error status."""


class Network(ThrownError):
    """There was no connection, or it broke."""


class InvalidArgument(ThrownError):
    """An argument cannot be used: a bad URL, a closed handle, a denied capability."""


class ParseError(ThrownError):
    """A text is no number, for `int.parse` and `float.parse`."""


class RenderPrompt(ThrownError):
    """A prompt template could not be rendered."""


class LlmClient(ThrownError):
    """A provider reported an error, or sent what cannot be read."""


class ParseFailed(ThrownError):
    """An answer does not fit the declared return type."""


class FinishReason(ThrownError):
    """The model stopped for a reason that the client's options do not allow."""


class StreamTruncated(ThrownError):
    """The connection ended before the answer did."""


class UnsupportedProvider(ThrownError):
    """A provider cannot do what was asked of it."""


class AllAttemptsFailed(ThrownError):
    """Every attempt at an LLM call failed."""


class Panic(ThrownError):
    """The program broke a rule of the language."""


class AssertionFailed(Panic):
    """The condition of an ``assert`` was false."""


class DivisionByZero(Panic):
    """An integer was divided by zero."""


class IntegerOverflow(Panic):
    """A result needs more than 64 bits."""


class IndexOutOfBounds(Panic):
    """A list has no item at an index."""


class MapKeyNotFound(Panic):
    """A map has no entry for a key."""


class NegativeShift(Panic):
    """A shift had a negative count."""


class StackOverflow(Panic):
    """Calls were nested too deeply."""


class Unreachable(Panic):
    """Code that cannot be reached was reached."""


class UserPanic(Panic):
    """The program called ``baml.panic`` or ``baml.sys.panic``, or read an unset environment variable."""


class StepLimit(Panic):
    """The call used up its step limit."""


class MemoryLimit(Panic):
    """A value, or all values of the call, take more memory than they may."""


class ThreadCancelled(Panic):
    """A future was awaited whose thread the program has cancelled (``baml.panics.Cancelled``)."""


class Deadlock(Panic):
    """Every thread of the call waits for another one, or a thread for itself."""


def thrown_class(class_name: str) -> type[ThrownError]:
    """Return the exception class for a thrown value's class, by its qualified name."""
    return _THROWN.get(class_name, ThrownError)


_THROWN: Final[Mapping[str, type[ThrownError]]] = {
    **{f"baml.errors.{each.__name__}": each for each in ThrownError.__subclasses__() if each is not Panic},
    **{f"baml.panics.{each.__name__}": each for each in Panic.__subclasses__() if each is not ThreadCancelled},
    "baml.panics.Cancelled": ThreadCancelled,  # :class:`Cancelled` is the end of a whole call
}


class Cancelled(BamlError):
    """The call was cancelled; everything that it had open is closed."""


class DeadlineExceeded(Cancelled):
    """The call's ``timeout`` passed.  ``timeout`` is the limit in seconds."""

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout)
        self.timeout = timeout

    def __str__(self) -> str:
        return f"the call took longer than its timeout of {self.timeout:g} s"


class HostError(BamlError):
    """The host asked for something that cannot be done; the message says what and where."""


def render_diagnostics(diagnostics: Sequence[Diagnostic], sources: Mapping[str, str], colour: bool = False) -> str:
    """Return diagnostics as text, each with its source excerpt, and how many there are."""
    from bamlvm.grammar.excerpts import render_all  # imported only when something is rendered
    from bamlvm.grammar.source import SourceFile

    return render_all(diagnostics, {path: SourceFile(path, text) for path, text in sources.items()}, colour)


def _frame_line(frame: TraceFrame) -> str:
    place = f"{frame.file}:{frame.line}:{frame.column}" if frame.line else frame.file or "native"
    return f"at {frame.function} ({place})"
