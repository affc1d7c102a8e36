"""What reads a type's answers: :class:`Output`, made once for a type, and :class:`StreamParser`, one answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final

from bamlvm.sysops.parsing.results import Failure

PARTIAL_LIMIT: Final = 1000
"""Scalars are looked for in unfinished text only while it is no longer than this, so that a long one costs nothing."""


class Unparsable(Exception):  # noqa: N818 (the callers make the error of it)
    """The text does not fit; the message says why where more than that is known, ``failure`` where in a structure."""

    def __init__(self, message: str = "", failure: Failure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class StreamParser(ABC):
    """The text of one answer on its way to a value.  ``output`` is what made it."""

    output: Output

    @abstractmethod
    def feed(self, text: str) -> Any:
        """Take the text that follows: the value that all of it gives so far, or None if nothing new is to be seen."""

    @abstractmethod
    def text(self) -> str:
        """All the text so far."""

    def finish(self) -> Any:
        """The value of the whole text.  Raises :class:`Unparsable`."""
        return self.output.final(self.text())

    def close(self) -> None:
        """A parser holds nothing that must be closed."""
        return


class Output(ABC):
    """How text becomes a value of one type.  ``expected`` describes it for people."""

    expected: str

    @abstractmethod
    def final(self, content: str) -> Any:
        """The value of a whole answer.  Raises :class:`Unparsable`."""

    def stream(self) -> StreamParser:
        """A parser of one answer."""
        return ScalarStream(self)

    def partial(self, content: str) -> Any:
        """The value of an unfinished answer, or None: by default what the finished words in it give."""
        if len(content) > PARTIAL_LIMIT:
            return None
        words = content.rsplit(None, 1)
        finished = content if content[-1:].isspace() else words[0] if len(words) == 2 else ""
        if not finished.strip():
            return None
        try:
            return self.final(finished)
        except Unparsable:
            return None


class ScalarStream(StreamParser):
    """An answer whose partial values are looked for in all of its text."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._text = ""
        self._shown: Any = None

    def feed(self, text: str) -> Any:
        self._text += text
        partial = self.output.partial(self._text)
        if partial is None or (partial == self._shown and type(partial) is type(self._shown)):
            return None
        self._shown = partial
        return partial

    def text(self) -> str:
        return self._text
