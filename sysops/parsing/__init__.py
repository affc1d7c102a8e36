"""A model's text to a value of the declared return type.

    outputs.py   :func:`output_of`: a type's parser, or the refusal of a type that has none yet
    choices.py   enums and literals
    numbers.py   ints and floats in prose

:func:`final_parse` is strict: what is missing, wrong or ambiguous is ``ParseFailed`` with what was expected, an excerpt
and the raw text.  :func:`partial_parse` is permissive: it gives null where there is nothing to show yet.  A growing
string is its own partial; a scalar appears once it is complete, which the text after it tells.

Both take a parser made by :func:`output_of`, so that a stream pays for the type once.  Structured types will be further
kinds of :class:`Output`.
"""

from __future__ import annotations

from typing import Any

from bamlvm.sysops.parsing.outputs import Output, Unparsable, output_of
from bamlvm.vm.values import Thrown

__all__ = ["Output", "StreamParser", "final_parse", "output_of", "partial_parse"]

_EXCERPT = 120


class StreamParser:
    """The text of one answer on its way to a value."""

    __slots__ = ("_output", "_shown", "_text")

    def __init__(self, output: Output) -> None:
        self._output = output
        self._text = ""
        self._shown: Any = None

    def feed(self, text: str) -> Any:
        """Take the text that follows: the value that all of it gives so far, or None if nothing new is to be seen."""
        self._text += text
        partial = self._output.partial(self._text)
        if partial is None or (partial == self._shown and type(partial) is type(self._shown)):
            return None
        self._shown = partial
        return partial

    def finish(self) -> Any:
        """The value of the whole text.

        Raises :class:`Thrown` (``ParseFailed``).
        """
        return final_parse(self._output, self._text)

    def close(self) -> None:
        """A parser holds nothing that must be closed."""


def partial_parse(output: Output, content: str) -> Any:
    """The value that unfinished text already gives, or None.  A string's costs nothing."""
    return output.partial(content)


def final_parse(output: Output, content: str) -> Any:
    """The value of a whole answer.

    Raises :class:`Thrown` (``ParseFailed``).
    """
    try:
        return output.final(content)
    except Unparsable as error:
        text = content.strip()
        excerpt = text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
        reason = f" ({error})" if str(error) else ""
        message = (
            f"expected {output.expected}, got {excerpt!r}{reason}"
            if text
            else f"expected {output.expected}, got nothing"
        )
        raise Thrown("baml.errors.ParseFailed", {"message": message, "raw": content}) from None
