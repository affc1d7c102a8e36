"""A model's text to a value of the declared return type.

    output.py         the readers of answers; strings and other scalars
    structured.py     answers with objects or lists in them, whole and piece by piece
      exact.py          whole answers that are JSON of their type and nothing else
      planner.py        a type to a plan
      completion.py     which candidate of an answer is the value, and partial values
      prose.py          the prose around them, and what the place of one says of it
      scanner.py        text to values, resumable at any character: its states around keys and values
      strings.py bare_values.py scan_state.py    its states inside them, and what all states share
      brackets.py       brackets that are too many, too early or of the wrong kind
      lookahead.py      where strings, keys and bare values end: the table of the decisions
      openings.py       what begins an object or a list in prose, or without its bracket
      evidence.py       what a piece of text ahead looks like
      escapes.py        escapes and blocks in strings
      base.py           the base of every plan, and of every builder of an object's or list's value
      scalars.py lists.py maps.py classes.py unions.py    a kind of type each: its plan and its builders
      raw.py            parts kept as they were written until their type is known
      embedded.py       objects and lists inside a complete text, and around what was asked for
    names.py          enums, literals and bools in a text
    numbers.py        ints and floats in a text
    passages.py       the passages of a text that weigh more than others
    reasoning.py      reasoning in tags
    results.py        values, coerced values, mismatches

The whole text's value is strict: what is missing, wrong or ambiguous is ``ParseFailed`` with the path to it, what was
expected, an excerpt and the raw text.  A partial value is permissive: null stands where there is nothing to show yet.

An :class:`Output` is made once for a type and shared; a :class:`StreamParser` reads one answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bamlvm.sysops.parsing.output import Output, StreamParser, Trace, Unparsable
from bamlvm.sysops.parsing.planner import plan_of
from bamlvm.sysops.parsing.raw import RawContainer, RawScalar, aligned
from bamlvm.sysops.parsing.results import EXCERPT, Mismatch, render_path, value_of
from bamlvm.sysops.parsing.structured import StructuredStream, output_of
from bamlvm.sysops.schema import Schema
from bamlvm.vm.program.types import Type
from bamlvm.vm.values import Thrown

__all__ = ["JsonReader", "Output", "StreamParser", "fed", "final_parse", "finished", "output_of", "partial_parse"]


def partial_parse(output: Output, content: str, keep_reasoning: bool = False) -> Any:
    """Return the value that unfinished text comes to, or None."""
    return output.stream(keep_reasoning).feed(content)


def final_parse(
    output: Output,
    content: str,
    cut_by: str | None = None,
    keep_reasoning: bool = False,
    trace: Trace | None = None,
) -> Any:
    """Return the value of a whole answer.

    ``cut_by`` is the finish reason of an answer that the token limit cut.  Raises :class:`Thrown` (``ParseFailed``).
    """
    return finished(fed(output.stream(keep_reasoning, trace), content), cut_by)


def fed(parser: StreamParser, content: str) -> StreamParser:
    """Return the parser, which has taken a whole answer."""
    if isinstance(parser, StructuredStream):
        parser.take_whole(content)
    else:
        parser.feed(content)
    return parser


def finished(parser: StreamParser, cut_by: str | None = None) -> Any:
    """Return the value of the whole text that a parser was fed.

    ``cut_by`` is the finish reason of an answer that the token limit cut.  Raises :class:`Thrown` (``ParseFailed``).
    """
    try:
        return parser.finish(cut_by)
    except Unparsable as error:
        raise _parse_failed(error, parser.output, parser.text()) from None


class JsonReader:
    """Reads JSON texts as one type, by the same rules as answers, without searching for anything.

    Raises :class:`Thrown` (``InvalidArgument``) for a type that no answer can be read as.
    """

    def __init__(self, type_: Type, schema: Schema) -> None:
        self._plan = plan_of(type_, schema, eager=False)

    def value(self, text: str, go_on: Callable[[], None] = lambda: None) -> Any:
        """Return the value of a JSON text; ``go_on`` is called at every object, and may raise to end it.

        Raises :class:`Thrown` (``ParseFailed``).
        """

        def raw_object(pairs: list[tuple[str, Any]]) -> RawContainer:
            go_on()
            return _raw_object(pairs)

        decoder = json.JSONDecoder(
            object_pairs_hook=raw_object,
            parse_int=_raw_number,
            parse_float=_raw_number,
            parse_constant=_raw_number,
        )
        try:
            result = aligned(_raw(decoder.decode(text)), self._plan)[0]
        except (ValueError, RecursionError):
            result = Mismatch("JSON", "a text that is not JSON, or is nested too deeply")
        if result.__class__ is Mismatch:
            raise Thrown(
                "baml.errors.ParseFailed", {"message": str(result), "raw": text, "path": render_path(result.path)}
            )
        return value_of(result)


def _raw_object(pairs: list[tuple[str, Any]]) -> RawContainer:
    raw = RawContainer(True)
    raw.keys = [key for key, _ in pairs]
    raw.parts = [_raw(part) for _, part in pairs]
    return raw


def _raw_number(text: str) -> RawScalar:
    return RawScalar(text, False)


def _raw(decoded: Any) -> Any:
    """Return what a decoded value was written as."""
    kind = decoded.__class__
    if kind is str:
        return RawScalar(decoded, True)
    if kind is list:
        raw = RawContainer(False)
        raw.parts = [_raw(part) for part in decoded]
        return raw
    return decoded if kind in (RawContainer, RawScalar) else RawScalar(json.dumps(decoded), False)


def _parse_failed(error: Unparsable, output: Output, content: str) -> Thrown:
    text = content.strip()
    excerpt = repr(text if len(text) <= EXCERPT else text[:EXCERPT] + "…") if text else "nothing"
    path = None
    if error.mismatch is None:
        reason = f" ({error})" if str(error) else ""
        message = f"expected {output.expected}, got {excerpt}{reason}"
    else:
        path = render_path(error.mismatch.path)
        message = str(error.mismatch)
        if path:
            message += f", in {excerpt}"
    return Thrown("baml.errors.ParseFailed", {"message": message, "raw": content, "path": path})
