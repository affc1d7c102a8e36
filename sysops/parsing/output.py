"""The readers of answers: an :class:`Output`, made once for a type, and a :class:`StreamParser` for one answer.

Three kinds of type are read differently:

    TextOutput        ``string``, ``string?``: the answer is the value, without the reasoning that it begins with
    ScalarOutput      numbers, bools, enums, literals, and unions of scalars: looked for in the whole text at its end
    StructuredOutput  types with objects or lists in them (:mod:`.structured`), read piece by piece
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from bamlvm.sysops.parsing import passages, reasoning
from bamlvm.sysops.parsing.base import Plan
from bamlvm.sysops.parsing.embedded import read_container
from bamlvm.sysops.parsing.raw import RawContainer, RawScalar
from bamlvm.sysops.parsing.results import Mismatch, Result, value_of
from bamlvm.sysops.parsing.scalars import ScalarPlan
from bamlvm.sysops.parsing.unions import UnionPlan

Trace = Callable[[str], None]


class Unparsable(Exception):  # noqa: N818 (the callers make the error of it)
    """A text that does not fit; the message gives the reason, ``mismatch`` the place in a structure."""

    def __init__(self, message: str = "", mismatch: Mismatch | None = None) -> None:
        super().__init__(message)
        self.mismatch = mismatch


class Abandoned(Exception):  # noqa: N818 (nobody waits for the value any more, so nobody sees it)
    """Raised inside a parser that is closed while it reads."""


class Taken(Protocol):
    """Text that is taken piece by piece."""

    def take(self) -> str: ...


class Call(Protocol):
    """A tool call: the tool's name, and its arguments as far as they have arrived."""

    @property
    def name(self) -> str: ...

    @property
    def arguments(self) -> Taken: ...


class AnswerSource(Protocol):
    """An answer on its way, or a whole one: ``take_content()`` returns the text that it has not returned before,
    ``calls`` are the tool calls so far, in their order."""

    def take_content(self) -> str: ...

    @property
    def calls(self) -> Sequence[Call]: ...


class StreamParser(ABC):
    """The text of one answer on its way to a value.  ``output`` is what made it.

    ``is_costly`` is whether reading a character may take microseconds.
    """

    output: Output
    is_costly = False
    closed = False

    @abstractmethod
    def feed(self, text: str) -> Any:
        """Take the text that follows; return the value so far, or None if nothing new is to be seen."""

    def take(self, source: AnswerSource) -> Any:
        """Take what an answer has got since the last time; return as :meth:`feed` does."""
        return self.feed(source.take_content())

    @abstractmethod
    def text(self) -> str:
        """Return all the text so far, with the reasoning."""

    @abstractmethod
    def finish(self, cut_by: str | None = None) -> Any:
        """Return the value of the whole text.  Raises :class:`Unparsable`.

        ``cut_by`` is the finish reason of an answer that the token limit cut.
        """

    def reasoning(self) -> str:
        """Return the reasoning in the text, which is not a part of the value."""
        return reasoning.split(self.text()).reasoning

    def close(self) -> None:
        """End a reading that is under way in another thread, soon; a parser holds nothing else."""
        self.closed = True


class Output(ABC):
    """Reads answers as one type.  ``expected`` describes it in errors."""

    expected: str

    @abstractmethod
    def stream(self, keep_reasoning: bool = False, trace: Trace | None = None) -> StreamParser:
        """Return a parser of one answer.

        ``keep_reasoning``: a string keeps the reasoning that it begins with.  ``trace`` receives the decisions.
        """


# --- strings ----------------------------------------------------------------------------------------------------------


class TextOutput(Output):
    """``string``, or ``string?`` if ``nullable``."""

    def __init__(self, expected: str, nullable: bool) -> None:
        self.expected = expected
        self.nullable = nullable

    def stream(self, keep_reasoning: bool = False, trace: Trace | None = None) -> StreamParser:
        return _TextStream(self, keep_reasoning)


class _TextStream(StreamParser):
    def __init__(self, output: TextOutput, keep_reasoning: bool) -> None:
        self.output: TextOutput = output
        self._keep = keep_reasoning
        self._splitter = reasoning.StringSplitter()
        self._text = ""
        self._shown: str | None = None

    def feed(self, text: str) -> Any:
        if self._keep:
            self._text = shown = self._text + text
        else:
            found = self._splitter.feed(text)
            if found is None:
                return None
            shown = found
        if self.output.nullable and len(shown) < _LONGEST_NULL and _MAY_BE_NULL.fullmatch(shown):
            return None
        if self._shown is not None and len(shown) <= len(self._shown):
            return None
        self._shown = shown
        return shown

    def text(self) -> str:
        return self._text if self._keep else self._splitter.text()

    def finish(self, cut_by: str | None = None) -> Any:
        text = self.text()
        if not self._keep:
            split = reasoning.split_string(text)
            if split.is_open:
                raise Unparsable("reasoning that does not end" + (f", finish reason {cut_by!r}" if cut_by else ""))
            text = split.answer
        if self.output.nullable and (
            text.strip() == "null" or (passages.fenced(text.strip()) == ["null"] and "\nnull\n" in text)
        ):
            return None
        return text

    def reasoning(self) -> str:
        return "" if self._keep else reasoning.split_string(self.text()).reasoning


_LONGEST_NULL: Final = 40
_NULL: Final = re.compile(r"\s*(?:null|```\w*\s+null\s+```)\s*")
_MAY_BE_NULL: Final = re.compile(r"\s*(?:`{0,3}|```\w*\s+)(?:n|nu|nul|null)?\s*`{0,3}\s*")


# --- other scalars ----------------------------------------------------------------------------------------------------


class ScalarOutput(Output):
    """A type without objects and lists that is not just text.

    The evidence, strongest first: the text is the value; the last code fence that is the value; the one part of an
    object or list that is the value; what the words of the text mean.  There are no partial values: more text may
    change any of these.
    """

    def __init__(self, plan: Plan, has_text: bool) -> None:
        self.expected = plan.expected
        self._plan = plan
        self._has_text = has_text

    def stream(self, keep_reasoning: bool = False, trace: Trace | None = None) -> StreamParser:
        return _ScalarStream(self, trace)

    def value(self, content: str, cut_by: str | None, trace: Trace | None) -> Any:
        """Return the value of an answer.  Raises :class:`Unparsable`."""
        split = reasoning.split(content)
        if split.is_open:
            raise Unparsable("reasoning that does not end" + (f", finish reason {cut_by!r}" if cut_by else ""))
        text = split.answer.strip()
        result: Result = Mismatch(self.expected, "nothing")
        for evidence, result in self._readings(text):
            if trace is not None:
                trace(f"{evidence}: {result if result.__class__ is Mismatch else repr(value_of(result))}")
            if result.__class__ is not Mismatch:
                break
        if cut_by is not None and (result.__class__ is Mismatch or self._plan.may_grow(split.answer)):
            raise Unparsable(f"the answer was cut, finish reason {cut_by!r}")
        if result.__class__ is Mismatch:
            raise Unparsable(result.reason)
        return value_of(result)

    def _readings(self, text: str) -> Iterator[tuple[str, Result]]:
        plan = self._plan
        if self._has_text:
            quoted = len(text) > 1 and text[0] == text[-1] == '"'
            yield "the text", plan.scalar(text[1:-1] if quoted else text, quoted)
            return
        assert isinstance(plan, (ScalarPlan, UnionPlan))
        yield "the whole text", plan.whole(text)
        fences = passages.fenced(text)
        for fence in reversed(fences):
            yield "a fence", plan.whole(fence)
        for inner in (*reversed(fences), text):
            raw = read_container(inner)
            if raw is not None:
                yield from self._parts(raw)
        yield "the words", plan.scalar(text, False)

    def _parts(self, raw: RawContainer) -> Iterator[tuple[str, Result]]:
        """Yield the one part of an object or list that is the value, or what the words of its only part mean."""
        leaves = list(_leaves(raw))
        plan = self._plan
        assert isinstance(plan, (ScalarPlan, UnionPlan))
        found = {value_of(each): each for leaf in leaves if (each := plan.whole(leaf.text)).__class__ is not Mismatch}
        if len(found) == 1:
            yield "a part", next(iter(found.values()))
        elif found:
            raise Unparsable("ambiguous: " + ", ".join(map(str, list(found)[:4])))
        elif len(leaves) == 1:
            yield "the only part", plan.scalar(leaves[0].text, leaves[0].quoted)
        elif leaves:
            raise Unparsable("an object or list without it")


def _leaves(raw: Any) -> Iterator[RawScalar]:
    waiting = [raw]
    while waiting:
        part = waiting.pop()
        if part.__class__ is RawScalar:
            yield part
        else:
            waiting += reversed(part.parts)


class _ScalarStream(StreamParser):
    def __init__(self, output: ScalarOutput, trace: Trace | None) -> None:
        self.output: ScalarOutput = output
        self._trace = trace
        self._pieces: list[str] = []

    def feed(self, text: str) -> Any:
        self._pieces.append(text)
        return None

    def text(self) -> str:
        return "".join(self._pieces)

    def finish(self, cut_by: str | None = None) -> Any:
        return self.output.value(self.text(), cut_by, self._trace)
