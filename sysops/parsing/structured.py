"""Answers with objects or lists in them."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from bamlvm.sysops.parsing import passages, reasoning
from bamlvm.sysops.parsing.base import Plan
from bamlvm.sysops.parsing.classes import ClassPlan
from bamlvm.sysops.parsing.completion import NO_CANDIDATE, CompletionReader
from bamlvm.sysops.parsing.exact import exact_value
from bamlvm.sysops.parsing.lists import ListPlan
from bamlvm.sysops.parsing.output import (
    Abandoned,
    Output,
    ScalarOutput,
    StreamParser,
    TextOutput,
    Trace,
    Unparsable,
)
from bamlvm.sysops.parsing.planner import plan_of
from bamlvm.sysops.parsing.prose import FENCED
from bamlvm.sysops.parsing.results import Inexact, Mismatch, Result, value_of
from bamlvm.sysops.parsing.scalars import NullPlan, ScalarPlan, StringPlan
from bamlvm.sysops.parsing.unions import UnionPlan
from bamlvm.sysops.schema import Schema
from bamlvm.vm.program.types import Type

_PIECE: Final = 4096
"""Characters that are read before a parser looks whether it was closed."""

_ESCAPED: Final = re.compile(r"[{\[]\s*(?:\\n)?\s*[{\[]?\s*\\\"")
"""The beginning of an object or list whose quotes are all escaped."""


def output_of(type_: Type, schema: Schema) -> Output:
    """Return the reader of a return type's answers.

    Raises :class:`Thrown` (``InvalidArgument``, naming the type) for a type that no answer can be read as.
    """
    plan = plan_of(type_, schema)
    if plan.takes_object or plan.takes_list:
        return StructuredOutput(plan, partial(plan_of, type_, schema, False))
    return scalar_output(plan)


def scalar_output(plan: Plan) -> Output:
    """Return the reader of a type without objects and lists."""
    kinds = [type(member) for member in (plan.members if isinstance(plan, UnionPlan) else (plan,))]
    if StringPlan in kinds and set(kinds) <= {StringPlan, NullPlan}:
        return TextOutput(plan.expected, NullPlan in kinds)
    return ScalarOutput(plan, StringPlan in kinds)


class StructuredOutput(Output):
    """A type with classes, lists or maps in it."""

    def __init__(self, plan: Plan, patient: Callable[[], Plan]) -> None:
        """``patient`` makes the plan whose unions choose late (:mod:`.unions`)."""
        self.plan = plan
        self._make_patient = patient
        self._patient: Plan | None = None
        self.expected = plan.expected
        scalars = plan.scalars_only() if isinstance(plan, UnionPlan) else None
        self._scalar = None if scalars is None else scalar_output(scalars)
        self._scalar_plan = None if isinstance(self._scalar, TextOutput) else scalars

    def stream(self, keep_reasoning: bool = False, trace: Trace | None = None) -> StreamParser:
        return StructuredStream(self, trace)

    def patient_reader(self, trace: Trace | None) -> CompletionReader | None:
        """Return a reader, for an answer in which something did not fit, whose unions choose late; None if nothing
        differs then."""
        if not self.plan.may_be_hasty:
            return None
        if self._patient is None:
            self._patient = self._make_patient()
        return CompletionReader(self._patient, trace)

    def in_fence(self, content: str) -> Result:
        """Return the scalar that the last code fence that has one is; a :class:`Mismatch` if the type has none."""
        result: Result = NO_CANDIDATE
        if self._scalar_plan is not None:
            for fence in reversed(passages.fenced(reasoning.split(content).answer)):
                result = self._scalar_plan.whole(fence)
                if result.__class__ is not Mismatch:
                    break
        return result

    def without_candidate(self, content: str, mismatch: Mismatch, cut_by: str | None) -> Any:
        """Return the value of a text in which no object or list fits.  Raises :class:`Unparsable`."""
        if self._scalar is not None:
            parser = self._scalar.stream()
            parser.feed(content)
            try:
                return parser.finish(cut_by)
            except Unparsable:
                pass
        text = reasoning.split(content).answer.strip()
        escaped = _ESCAPED.search(text)
        if escaped is not None:  # JSON written as a string, with its quotes or without them
            written = text[escaped.start() : max(text.rfind("}"), text.rfind("]")) + 1]
            with contextlib.suppress(ValueError):
                result = self.plan.scalar(json.loads(f'"{written}"', strict=False), True)
                if result.__class__ is not Mismatch:
                    return value_of(result)
        if mismatch is not NO_CANDIDATE:
            raise Unparsable(mismatch=mismatch)
        inner = self.plan.item if isinstance(self.plan, ListPlan) else self.plan
        if isinstance(inner, ClassPlan) and inner.size == 1:
            inner = inner.plans[0]
        if isinstance(inner, ScalarPlan) and type(inner) is not StringPlan and text and cut_by is None:
            plan = self.plan
            result = plan.listed(text) if isinstance(plan, ListPlan) else plan.scalar(text, False)
            if result.__class__ is not Mismatch:
                return value_of(result)
        raise Unparsable(f"finish reason {cut_by!r}" if cut_by else "")


class StructuredStream(StreamParser):
    """One answer.  The text is kept for the error that may come of it, and for scalars that stand in no structure."""

    is_costly = True

    def __init__(self, output: StructuredOutput, trace: Trace | None) -> None:
        self.output: StructuredOutput = output
        self._trace = trace
        self._reader: CompletionReader | None = None  # made when something is to be read
        self._pieces: list[str] = []

    @property
    def reader(self) -> CompletionReader:
        """What has read the text so far."""
        if self._reader is None:
            self._reader = CompletionReader(self.output.plan, self._trace)
            for text in self._pieces:
                self._read(self._reader, text)
        return self._reader

    def feed(self, text: str) -> Any:
        reader = self.reader
        self._pieces.append(text)
        self._read(reader, text)
        return reader.partial()

    def take_whole(self, text: str) -> None:
        """Take a whole answer, which is read at the end."""
        self._pieces.append(text)

    def _read(self, reader: CompletionReader, text: str) -> None:
        if len(text) <= _PIECE:
            reader.take(text)
            return
        for start in range(0, len(text), _PIECE):
            if self.closed:
                raise Abandoned
            reader.take(text[start : start + _PIECE])

    def text(self) -> str:
        return "".join(self._pieces)

    def reasoning(self) -> str:
        if self._reader is None:
            return ""
        return reasoning.split(self.text()[: self._reader.forgotten]).reasoning + self._reader.reasoning()

    def finish(self, cut_by: str | None = None) -> Any:
        if cut_by is None:
            with contextlib.suppress(Inexact):  # what is JSON is what JSON says, whatever may be in its strings
                value = exact_value(self.output.plan, self.text())
                if self._trace is not None:
                    self.reader.result()  # which writes its decisions
                return value
        result = self.reader.result(cut_by)
        rank = self.reader.chosen_rank
        if self.reader.has_failed:
            again = self.output.patient_reader(self._trace)
            if again is not None:
                self._read(again, self.text())
                second = again.result(cut_by)
                if second.__class__ is not Mismatch or result.__class__ is Mismatch:
                    result, rank = second, again.chosen_rank
        if rank < FENCED:
            scalar = self.output.in_fence(self.text())
            if scalar.__class__ is not Mismatch:
                return value_of(scalar)
        if result.__class__ is Mismatch:
            return self.output.without_candidate(self.text(), result, cut_by)
        return value_of(result)
