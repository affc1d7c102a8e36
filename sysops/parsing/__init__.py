"""A model's text to a value of the declared return type.

    output.py         what reads a type's answers: :class:`Output`, :class:`StreamParser`
    scalar_outputs.py   answers without objects or lists
    structured.py       answers with objects or lists in them, whole and piece by piece
      planner.py          a type to a plan
      base.py             what every plan and every frame (an object or list being read) has
      raw.py              what is kept as it was written until its type is known
      scalars.py lists.py maps.py classes.py unions.py    a kind of type each: its plan and its frame
      lookahead.py        what may follow what
      scanner.py          text to frames, resumable at any character
      answers.py          where in prose the value is, partial values
      exact.py            answers that are JSON of exactly the declared shape
      results.py          values, coerced values, failures
    choices.py        enums and literals
    numbers.py        ints and floats in prose

The whole text's value is strict: what is missing, wrong or ambiguous is ``ParseFailed`` with the path to it, what was
expected, an excerpt and the raw text.  A partial value is permissive: null stands where there is nothing to show yet.

An :class:`Output` is made once for a type and shared; a :class:`StreamParser` reads one answer.
"""

from __future__ import annotations

import json
from typing import Any

from bamlvm.sysops.parsing.output import Output, StreamParser, Unparsable
from bamlvm.sysops.parsing.results import EXCERPT, Failure, render_path, value_of
from bamlvm.sysops.parsing.scalar_outputs import scalar_output
from bamlvm.sysops.scope import Schema
from bamlvm.vm.program.types import Type, bare
from bamlvm.vm.values import Thrown

__all__ = ["JsonReader", "Output", "StreamParser", "final_parse", "finished", "output_of", "partial_parse"]


def partial_parse(output: Output, content: str) -> Any:
    """The value that unfinished text already gives, or None."""
    return output.stream().feed(content)


def final_parse(output: Output, content: str) -> Any:
    """The value of a whole answer.

    Raises :class:`Thrown` (``ParseFailed``).
    """
    try:
        return output.final(content)
    except Unparsable as error:
        raise _parse_failed(error, output, content) from None


def finished(parser: StreamParser) -> Any:
    """The value of the whole text that a parser was fed.

    Raises :class:`Thrown` (``ParseFailed``).
    """
    try:
        return parser.finish()
    except Unparsable as error:
        raise _parse_failed(error, parser.output, parser.text()) from None


class JsonReader:
    """Reads JSON texts as one type, by the same rules as answers, without searching for anything.

    Raises :class:`Thrown` (``InvalidArgument``) for a type that no answer can be read as.
    """

    def __init__(self, type_: Type, schema: Schema) -> None:
        from bamlvm.sysops.parsing.exact import ExactReader
        from bamlvm.sysops.parsing.planner import plan_of

        self._plan = plan_of(type_, schema)
        self._exact = ExactReader(self._plan)

    def value(self, text: str) -> Any:
        """The value of a JSON text.  Raises :class:`Thrown` (``ParseFailed``)."""
        exact = self._exact.value(text)
        if exact is not None:
            return exact[0]
        from bamlvm.sysops.parsing.exact import raw_of
        from bamlvm.sysops.parsing.raw import aligned

        try:
            result, _ = aligned(raw_of(json.loads(text)), self._plan)
        except (ValueError, RecursionError):
            result = Failure("JSON", "what is none, or is nested too deeply")
        if result.__class__ is Failure:
            raise Thrown(
                "baml.errors.ParseFailed", {"message": str(result), "raw": text, "path": render_path(result.path)}
            )
        return value_of(result)


def _parse_failed(error: Unparsable, output: Output, content: str) -> Thrown:
    text = content.strip()
    excerpt = repr(text if len(text) <= EXCERPT else text[:EXCERPT] + "…") if text else "nothing"
    path = None
    if error.failure is None:
        reason = f" ({error})" if str(error) else ""
        message = f"expected {output.expected}, got {excerpt}{reason}"
    else:
        path = render_path(error.failure.path)
        message = str(error.failure)
        if path:
            message += f", in {excerpt}"
    return Thrown("baml.errors.ParseFailed", {"message": message, "raw": content, "path": path})


def output_of(type_: Type, schema: Schema) -> Output:
    """The parser of a return type.

    Raises :class:`Thrown` (``InvalidArgument``, naming the type) for a type that no answer can be read as.
    """
    scalar = scalar_output(bare(type_), schema)
    if scalar is not None:
        return scalar
    from bamlvm.sysops.parsing.structured import StructuredOutput

    return StructuredOutput(type_, schema)
