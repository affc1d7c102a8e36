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

__all__ = ["Output", "final_parse", "output_of", "partial_parse"]

_EXCERPT = 120


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
