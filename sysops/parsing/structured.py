"""Answers with objects or lists in them."""

from __future__ import annotations

from typing import Any

from bamlvm.sysops.parsing.answers import NO_CANDIDATE, AnswerReader
from bamlvm.sysops.parsing.classes import ClassPlan
from bamlvm.sysops.parsing.exact import ExactReader
from bamlvm.sysops.parsing.lists import ListPlan
from bamlvm.sysops.parsing.output import Output, StreamParser, Unparsable
from bamlvm.sysops.parsing.planner import plan_of
from bamlvm.sysops.parsing.results import Failure, value_of
from bamlvm.sysops.parsing.scalar_outputs import flat_members, scalar_output
from bamlvm.sysops.parsing.scalars import ScalarPlan, StringPlan
from bamlvm.sysops.scope import Schema
from bamlvm.vm.program.types import NULL, ClassType, ListType, MapType, Type, bare, union


class StructuredOutput(Output):
    """A type with classes, lists or maps in it, or a union of different kinds of scalars."""

    def __init__(self, type_: Type, schema: Schema) -> None:
        self.plan = plan_of(type_, schema)
        self.expected = self.plan.expected
        self._exact: ExactReader | None = None
        parts = flat_members(bare(type_), schema)
        scalars = [part for part in parts if not isinstance(part, (ClassType, ListType, MapType))]
        self._is_mixed = len(scalars) == len(parts)
        self._scalar = scalar_output(union(scalars), schema) if scalars and not self._is_mixed else None
        self._is_nullable = NULL in scalars

    def final(self, content: str) -> Any:
        if self._exact is None:
            self._exact = ExactReader(self.plan)
        exact = self._exact.value(content)
        if exact is not None:
            return exact[0]
        parser = StructuredStream(self)
        parser.feed_silently(content)
        return parser.finish()

    def stream(self) -> StreamParser:
        return StructuredStream(self)

    def without_candidate(self, content: str, failure: Failure) -> Any:
        """The value of a text in which no object or list fits.  Raises :class:`Unparsable`."""
        if self._is_mixed:
            text = content.strip()
            quoted = len(text) > 1 and text[0] == text[-1] == '"'
            result = self.plan.scalar(text[1:-1] if quoted else text, quoted)
            if result.__class__ is Failure:
                raise Unparsable
            return value_of(result)
        if self._scalar is not None:
            try:
                return self._scalar.final(content)
            except Unparsable:
                pass
        if failure is not NO_CANDIDATE:
            raise Unparsable(failure=failure)
        inner = self.plan.item if isinstance(self.plan, ListPlan) else self.plan
        if isinstance(inner, ClassPlan) and inner.size == 1:
            inner = inner.plans[0]
        if isinstance(inner, ScalarPlan) and type(inner) is not StringPlan and content.strip():
            result = self.plan.scalar(content.strip(), False)
            if result.__class__ is not Failure:
                return value_of(result)
        raise Unparsable


class StructuredStream(StreamParser):
    """One answer.  The text is kept for the error that may come of it, and for scalars that stand in no structure."""

    def __init__(self, output: StructuredOutput) -> None:
        self.output: StructuredOutput = output
        self.reader = AnswerReader(output.plan)
        self._pieces: list[str] = []

    def feed(self, text: str) -> Any:
        self.feed_silently(text)
        return self.reader.partial()

    def feed_silently(self, text: str) -> None:
        """Take the text that follows and build no partial value."""
        self._pieces.append(text)
        self.reader.take(text)

    def text(self) -> str:
        return "".join(self._pieces)

    def finish(self) -> Any:
        result = self.reader.result()
        if result.__class__ is Failure:
            return self.output.without_candidate(self.text(), result)
        return value_of(result)
