"""Answers that were asked for by a schema (:mod:`bamlvm.vm.program.schemas.forms`).

    WrappedOutput   a value under the key of an object: ``{"value": [1, 2]}``
    ToolsOutput     the arguments of tool calls, each the object of the class that the tool is named after

A server may ignore what it was asked for, so both also take the answer as the mode ``prompt`` would get it: a text in
which the value is not wrapped, and a text without any call.  Whether a value is wrapped shows at the text's first
brace, before anything is read one way or the other, so that no partial value has to be taken back.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from bamlvm.sysops.parsing.output import AnswerSource, Output, StreamParser, Trace, Unparsable
from bamlvm.sysops.parsing.planner import wrapping_plan
from bamlvm.sysops.parsing.results import Mismatch
from bamlvm.sysops.parsing.structured import StructuredOutput, output_of
from bamlvm.sysops.schema import Schema
from bamlvm.vm.program.schemas.forms import KEY, Form
from bamlvm.vm.program.types import Type

_THOUGHT: Final = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_BEGINNING: Final = re.compile(r"\s*<(?:think(?:ing)?>.*|t?h?i?n?k?i?n?g?$)", re.DOTALL)
_WRAPPED: Final = re.compile(rf'\{{\s*"{KEY}"\s*:')
_UNDECIDED: Final = re.compile(rf'\{{\s*(?:"(?:{"|".join(KEY[:end] for end in range(len(KEY), -1, -1))})?(?:"\s*)?)?$')


def formed_output(type_: Type, form: Form, schema: Schema) -> Output:
    """Return the reader of a return type's answers that are asked for in a form.

    Raises :class:`Thrown` (``InvalidArgument``) for a type that no answer can be read as.
    """
    plain = output_of(type_, schema)
    if not form.are_tools:
        return WrappedOutput(plain, type_, schema) if form.shapes[0].wrapped else plain
    outputs: dict[str, Output] = {}
    for shape in form.shapes:
        whole = len(form.shapes) == 1
        made = plain if whole else output_of(shape.type, schema)
        outputs[shape.name] = WrappedOutput(made, type_ if whole else shape.type, schema) if shape.wrapped else made
    return ToolsOutput(plain, outputs, form.many)


# --- wrapped values ---------------------------------------------------------------------------------------------------


class WrappedOutput(Output):
    """A value under :data:`KEY`; ``plain`` reads it where it is not wrapped."""

    def __init__(self, plain: Output, type_: Type, schema: Schema) -> None:
        self.expected = plain.expected
        self.plain = plain
        self.wrapped = StructuredOutput(
            wrapping_plan(type_, schema, KEY), lambda: wrapping_plan(type_, schema, KEY, eager=False)
        )

    def stream(self, keep_reasoning: bool = False, trace: Trace | None = None) -> StreamParser:
        return _WrappedStream(self, keep_reasoning, trace)


class _WrappedStream(StreamParser):
    """Holds text back until it is known whether the value is wrapped."""

    is_costly = True

    def __init__(self, output: WrappedOutput, keep_reasoning: bool, trace: Trace | None) -> None:
        self.output: WrappedOutput = output
        self._keep = keep_reasoning
        self._trace = trace
        self._held = ""
        self._parser: StreamParser | None = None
        self._is_wrapped = False

    def feed(self, text: str) -> Any:
        if self._parser is None:
            self._held += text
            is_wrapped = _is_wrapped(self._held)
            if is_wrapped is None:
                return None
            text = self._held
            self._parser = self._chosen(is_wrapped)
        return self._inner(self._parser.feed(text))

    def _chosen(self, is_wrapped: bool) -> StreamParser:
        self._is_wrapped = is_wrapped
        return (self.output.wrapped if is_wrapped else self.output.plain).stream(self._keep, self._trace)

    def close(self) -> None:
        super().close()
        if self._parser is not None:
            self._parser.close()

    def _inner(self, found: Any) -> Any:
        return found.fields[0] if self._is_wrapped and found is not None else found

    def text(self) -> str:
        return self._held if self._parser is None else self._parser.text()

    def finish(self, cut_by: str | None = None) -> Any:
        if self._parser is None:
            self._parser = self._chosen(False)
            self._parser.feed(self._held)
        try:
            return self._inner(self._parser.finish(cut_by))
        except Unparsable as error:
            found = error.mismatch
            if not self._is_wrapped or found is None:
                raise
            if found.path[:1] == (KEY,):
                found = Mismatch(found.expected, found.got, found.path[1:], reason=found.reason)
            raise Unparsable(str(error), found) from None

    def reasoning(self) -> str:
        return super().reasoning() if self._parser is None else self._parser.reasoning()


def _is_wrapped(text: str) -> bool | None:
    """Whether the value in a text is wrapped; None if that is not known yet."""
    thought = _THOUGHT.match(text)
    start = thought.end() if thought else 0
    if not thought and _BEGINNING.match(text):
        return None
    brace = text.find("{", start)
    if brace < 0:
        return False if text[start:].strip()[:1] in ("[", '"') else None
    if _WRAPPED.match(text, brace):
        return True
    return None if _UNDECIDED.match(text, brace) else False


# --- tool calls -------------------------------------------------------------------------------------------------------


class ToolsOutput(Output):
    """Tool calls: ``tools`` reads the arguments of each, by name, and ``plain`` an answer without any.

    With ``many`` the value is the list of the calls' values, else that of the only call.
    """

    def __init__(self, plain: Output, tools: dict[str, Output], many: bool) -> None:
        self.expected = plain.expected
        self.plain = plain
        self.tools = tools
        self.many = many

    def stream(self, keep_reasoning: bool = False, trace: Trace | None = None) -> StreamParser:
        return _ToolsStream(self, keep_reasoning, trace)


class _ToolsStream(StreamParser):
    """One answer.  Its text is kept for the case that no call follows it."""

    is_costly = True

    def __init__(self, output: ToolsOutput, keep_reasoning: bool, trace: Trace | None) -> None:
        self.output: ToolsOutput = output
        self._keep = keep_reasoning
        self._trace = trace
        self._said: list[str] = []
        self._calls: list[tuple[str, StreamParser]] = []
        self._shown: list[Any] = []

    def feed(self, text: str) -> Any:
        self._said.append(text)
        return None

    def take(self, source: AnswerSource) -> Any:
        said = source.take_content()
        if said:
            self._said.append(said)
        output, calls, shown = self.output, self._calls, self._shown
        is_new = False
        for place, call in enumerate(source.calls):
            if place == len(calls):
                tool = output.tools.get(call.name, output.plain)
                calls.append((call.name, tool.stream(self._keep, self._trace)))
                shown.append(None)
            name, parser = calls[place]
            arguments = call.arguments.take()
            if not arguments:
                continue
            partial = parser.feed(arguments)
            if partial is not None and name in output.tools:
                shown[place] = partial
                is_new = is_new or output.many or place == 0
        if not is_new:
            return None
        return [each for each in shown if each is not None] if output.many else shown[0]

    def close(self) -> None:
        super().close()
        for _, parser in self._calls:
            parser.close()

    def text(self) -> str:
        if self._calls:
            return "\n".join(parser.text() for _, parser in self._calls)
        return "".join(self._said)

    def reasoning(self) -> str:
        return "" if self._calls else super().reasoning()

    def finish(self, cut_by: str | None = None) -> Any:
        output = self.output
        if not self._calls:
            text = self.text()
            if output.many and not text.strip() and cut_by is None:
                return []
            parser = output.plain.stream(self._keep, self._trace)
            parser.feed(text)
            return parser.finish(cut_by)
        unknown = [name for name, _ in self._calls if name not in output.tools]
        if unknown:
            offered = ", ".join(map(repr, output.tools))
            raise Unparsable(f"the model called the tool {unknown[0]!r}; it was offered {offered}")
        if not output.many and len(self._calls) > 1:
            raise Unparsable(f"the model called {len(self._calls)} tools where one answer was asked for")
        values = []
        for place, (_, parser) in enumerate(self._calls):
            last = place == len(self._calls) - 1
            try:
                values.append(_arguments(parser, cut_by if last else None))
            except Unparsable as error:
                found = error.mismatch
                if not output.many or found is None:
                    raise
                raise Unparsable(str(error), found.at(place)) from None
        return values if output.many else values[0]


def _arguments(parser: StreamParser, cut_by: str | None) -> Any:
    """Return the value of one call's arguments; none at all are those of a tool that needs none."""
    text = parser.text()
    if not text.strip():
        parser.feed("{}")
    elif _has_several(text):
        raise Unparsable("the arguments of one call are several values")
    return parser.finish(cut_by)


def _has_several(text: str) -> bool:
    """Whether a text is one JSON value and then more: calls that a server has run together."""
    try:
        _, end = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return False
    return text.lstrip()[end:].lstrip()[:1] in ("{", "[")
