"""The statements of a session's input, compiled as the body of a function.

    function repl_input_3(repl_kept: unknown[], x: int) -> null {
    let y = x + 1; let repl_result = y * 2
    ;
    repl_kept.push(repl_result);
    repl_kept.push(x);
    repl_kept.push(y);
    null
    }

is the function of the input ``let y = x + 1; y * 2`` with the variable ``x``.  Only insertions move the text of the
input, so that offsets in the function map back to offsets in the input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from bamlvm.compiler import tir
from bamlvm.compiler.project import Stages
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic, Label
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile, Span
from bamlvm.vm.program.types import NEVER, Type
from bamlvm.vm.values import TraceFrame

_RESULT: Final = "repl_result"
_KEPT: Final = "repl_kept"
_BINDING: Final = f" let {_RESULT} = "
_GAP: Final = re.compile(r"//[^\n]*|/\*.*?\*/|;", re.DOTALL)
_UNKNOWN: Final = re.compile(r"(?<![\w\"])_(?![\w\"])")


def file_name(number: int) -> str:
    """Return the file name of an input in diagnostics and traces."""
    return f"input {number}"


class InputFunction:
    """The function of one input.

    ``diagnostics`` are syntax errors (the rest is then empty); ``has_value`` is whether the input ends in an
    expression; ``kept`` are the variables that it passes on, which is none without ``keeps``; ``source`` is the text
    of the function.
    """

    def __init__(self, text: str, number: int, variables: Mapping[str, str], keeps: bool) -> None:
        self.text = text
        self.file = file_name(number)
        self.name = f"repl_input_{number}"
        self.diagnostics: list[Diagnostic] = []
        self.has_value = False
        self.empty = True
        self.kept: list[str] = []
        self.source = ""
        parameters = "".join(f", {name}: {type_}" for name, type_ in variables.items())
        self._header = f"function {self.name}({_KEPT}: unknown[]{parameters}) -> null {{\n"
        self._insertion = len(text)
        block = self._parse()
        if block is None:
            return
        self.has_value = block.tail is not None
        self.empty = block.tail is None and not block.statements
        if keeps:
            lets = [each.name for each in block.statements if isinstance(each, syntax.Let)]
            self.kept = list(dict.fromkeys([*variables, *lets]))
        self._insertion = self._tail_start(block)
        inserted = _BINDING if self.has_value else ""
        handed = [*([_RESULT] if keeps and self.has_value else []), *self.kept]
        pushes = "".join(f"{_KEPT}.push({name});\n" for name in handed)
        cut = self._insertion
        self.source = f"{self._header}{text[:cut]}{inserted}{text[cut:]}\n;\n{pushes}null\n}}"

    def result_type(self, stages: Stages) -> Type:
        """Return the type of the expression that ends the input; ``never`` if control does not reach the end."""
        found = [each for name, each in self._lets(stages) if name == _RESULT]
        return found[-1].value.type if found else NEVER

    def kept_types(self, stages: Stages) -> dict[str, str]:
        """Return the types of the variables passed on, in source form."""
        function = stages.tir[self.name]
        locals_ = {function.locals[each.local].name: each.local for each in function.parameters}
        locals_ |= {name: each.local for name, each in self._lets(stages)}
        types = {name: str(function.local_types[locals_[name]]) for name in self.kept}
        return {name: _UNKNOWN.sub("unknown", type_) for name, type_ in types.items()}

    def relocate(self, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Return the input's diagnostics, with spans in its own text; warnings about insertions are left out."""
        end = self._input_offset(len(self.source))
        found = []
        for each in diagnostics:
            if each.span.file != self.file:
                continue
            span = self._input_span(each.span)
            if each.severity == "warning" and span.start >= end:
                continue
            labels = tuple(Label(self._input_span(label.span), label.message) for label in each.labels)
            found.append(msgspec.structs.replace(each, span=span, labels=labels))
        return found

    def relocate_frame(self, frame: TraceFrame) -> TraceFrame:
        """Return a frame of a stack trace, with its position in the input if it is one of the input's."""
        if frame.file != self.file or not frame.line:
            return frame
        lines = self.source.split("\n")[: frame.line - 1]
        place = sum(len(line) + 1 for line in lines) + frame.column - 1
        line, column = SourceFile(self.file, self.text).position(self._input_offset(place))
        return TraceFrame(frame.function, frame.file, line, column)

    def _parse(self) -> syntax.Block | None:
        tree, diagnostics = parse_file(SourceFile(self.file, f"{self._header}{self.text}\n}}"))
        errors = [each for each in diagnostics if each.severity == "error"]
        if not errors and len(tree.items) == 1:
            declaration = tree.items[0].declaration
            if isinstance(declaration, syntax.Function) and isinstance(declaration.body, syntax.Block):
                return declaration.body
        if not errors:
            message = "expected statements, or declarations alone"
            errors = [Diagnostic("E0010", "error", message, Span(self.file, len(self._header), len(self._header) + 1))]
        self.diagnostics = self.relocate(errors)
        return None

    def _tail_start(self, block: syntax.Block) -> int:
        """Return the offset of the tail expression, with what precedes its node, such as a parenthesis."""
        if block.tail is None:
            return len(self.text)
        if not block.statements:
            return 0
        before = block.statements[-1].end - len(self._header)
        gap = self.text[before : block.tail.start - len(self._header)]
        separators = [found.end() for found in _GAP.finditer(gap) if found.group() == ";"]
        return before + (separators[-1] if separators else 0)

    def _lets(self, stages: Stages) -> list[tuple[str, tir.Let]]:
        function = stages.tir[self.name]
        body = function.body
        statements = body.statements if isinstance(body, tir.Block) else ()
        return [(function.locals[each.local].name, each) for each in statements if isinstance(each, tir.Let)]

    def _input_span(self, span: Span) -> Span:
        if span.file != self.file:
            return span
        return Span(span.file, self._input_offset(span.start), self._input_offset(span.end))

    def _input_offset(self, place: int) -> int:
        place -= len(self._header)
        if self.has_value and place > self._insertion:
            place = max(self._insertion, place - len(_BINDING))
        return min(max(place, 0), len(self.text))
