"""The exceptions that a host can get.

    BamlError
    ├── CompileError        the sources are not a program: .diagnostics, .render()
    ├── ThrownError         the program threw and nobody caught it: .value, .class_name, .trace
    ├── Cancelled           the call was cancelled: by its token, by closing its stream or its runtime
    │   └── DeadlineExceeded    … by its own timeout
    └── HostError           the host asked for what cannot be: an unknown function, an argument of the wrong type,
                            a runtime that is closed

A host callback that raises ends its call with its own exception, unwrapped; so do Ctrl-C and asyncio's cancellation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic
    from bamlvm.vm.values import TraceFrame


class BamlError(Exception):
    """Base of everything that this package raises on purpose."""


class CompileError(BamlError):
    """The sources do not compile.  ``diagnostics`` has errors and warnings in the order of the sources."""

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Mapping[str, str]) -> None:
        super().__init__(diagnostics, sources)
        self.diagnostics = tuple(diagnostics)
        self.sources = dict(sources)

    def render(self, colour: bool = False) -> str:
        """All diagnostics as text, each with its source excerpt."""
        return render_diagnostics(self.diagnostics, self.sources, colour)

    def __str__(self) -> str:
        return self.render()


class ThrownError(BamlError):
    """A BAML value was thrown and not caught.

    ``value`` is the thrown value as the host sees values, ``class_name`` the qualified name of its class or enum
    (``baml.errors.Timeout``) or of its built-in type (``string``), ``trace`` the frames at the throw, innermost first.
    """

    def __init__(self, value: Any, class_name: str, message: str, trace: Sequence[TraceFrame] = ()) -> None:
        super().__init__(value, class_name, message, trace)
        self.value = value
        self.class_name = class_name
        self.message = message
        self.trace = tuple(trace)

    def __str__(self) -> str:
        head = f"{self.class_name}: {self.message}" if self.message else self.class_name
        return "\n  ".join([head, *self.trace_lines()])

    def trace_lines(self, limit: int = 20) -> list[str]:
        """The trace as text: a run of the same frame is one line, and of more than ``limit`` lines the first and the
        last half are given."""
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


class Cancelled(BamlError):  # noqa: N818 (the name is fixed by the design; cancelling is no error of anyone's)
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
    """Diagnostics as text, each with its source excerpt, and how many there are."""
    from bamlvm.grammar.excerpts import render_all  # only who has something to render pays for the renderer
    from bamlvm.grammar.source import SourceFile

    return render_all(diagnostics, {path: SourceFile(path, text) for path, text in sources.items()}, colour)


def _frame_line(frame: TraceFrame) -> str:
    place = f"{frame.file}:{frame.line}:{frame.column}" if frame.line else frame.file or "native"
    return f"at {frame.function} ({place})"
