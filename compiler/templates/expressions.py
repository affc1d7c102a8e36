"""The expressions of a template: the value of each, and what is wrong in it.

A name or field that the template tests by ``is defined`` is assumed to exist; the operand of ``default`` may be
missing.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import cached_property
from typing import TypeAlias

from jinja2 import nodes

from bamlvm.compiler.templates import filters
from bamlvm.compiler.templates.calls import misfit, role_of
from bamlvm.compiler.templates.findings import Findings
from bamlvm.compiler.templates.meanings import Meanings
from bamlvm.compiler.templates.roles import Roles, misfitting_role
from bamlvm.compiler.templates.shapes import constant, path, tested_paths
from bamlvm.compiler.templates.values import (
    Absent,
    Builtin,
    Callable,
    Enum,
    Items,
    Loop,
    Names,
    Tuple,
    Value,
    element,
    has_method,
    join,
    member,
    method_result,
    subscript,
)
from bamlvm.grammar.diagnostics import Severity
from bamlvm.vm.program.prompt_names import CONSTANTS, FILTERS, FORMATS, GLOBALS, TESTS
from bamlvm.vm.program.spelling import Suggestion, did_you_mean, write_instead
from bamlvm.vm.program.types import BOOL, INT, NULL, STRING, UNKNOWN, ListType

Variables: TypeAlias = ChainMap[str, Value]
"""What variables there are: those of a branch or a loop lie over those around it, which are not copied."""


_FOREIGN = {
    **dict.fromkeys(("nil", "undefined"), "in a prompt, null is `none`"),
    "output_format": Suggestion("write `ctx.output_format`", "output_format", "ctx.output_format"),
    **dict.fromkeys(("role", "chat"), 'a message begins with `_.role("user")`'),
    **dict.fromkeys(("len", "length", "count"), "use the filter: `xs|length`"),
    **{name: f"use the filter: `x|{name}`" for name in ("int", "float", "sum", "min", "max", "sort", "round", "abs")},
    "str": "use the filter: `x|string`",
    "enumerate": "a loop counts its turns: `loop.index`, from 1, or `loop.index0`",
}
"""Hints for names of other languages."""


class Expressions:
    """The values of one template's expressions.  ``whole`` is False for a single expression, which has no ``ctx`` and
    no template strings."""

    def __init__(
        self,
        findings: Findings,
        parameters: Mapping[str, Value],
        names: Names,
        roles: Roles | None = None,
        meanings: Meanings | None = None,
        *,
        whole: bool = True,
    ) -> None:
        self._findings = findings
        self._roles = roles
        self._meanings = meanings
        self.set_at: ChainMap[str, int] = ChainMap()
        """Where the variables that the template sets were set last."""
        self._whole = whole
        self._parameters = parameters
        self._names = names
        self._symbols = names.symbols

    @cached_property
    def _assumed(self) -> frozenset[str]:
        """The paths whose existence the template tests; needed only where a path may be missing."""
        return tested_paths(self._findings.parsed.tree)

    def value(self, node: nodes.Node, variables: Variables, *, excused: bool = False) -> Value:
        """Return the value of an expression; ``excused`` if it may be undefined."""
        match node:
            case nodes.Name():
                return self._name(node, variables, excused)
            case nodes.Const():
                return constant(node.value)
            case nodes.TemplateData():
                return STRING
            case nodes.Getattr():
                return self._getattr(node, variables, excused)
            case nodes.Getitem():
                return self._getitem(node, variables, excused)
            case nodes.Filter():
                return self._filter(node, variables)
            case nodes.Test():
                self._test(node, variables)
                return BOOL
            case nodes.Call():
                return self._call(node, variables)
            case nodes.CondExpr():
                self.value(node.test, variables)
                branches = [each for each in (node.expr1, node.expr2) if each is not None]
                return join([self.value(each, variables) for each in branches])
            case nodes.List():
                items = [self.value(each, variables) for each in node.items]
                return Items(join(items)) if items else UNKNOWN
            case nodes.Tuple():
                return Tuple(tuple(self.value(each, variables) for each in node.items))
            case nodes.And() | nodes.Or():
                return join([self.value(node.left, variables), self.value(node.right, variables)])
        for child in node.iter_child_nodes():
            self.value(child, variables)
        if isinstance(node, nodes.Concat):
            return STRING
        return BOOL if isinstance(node, nodes.Compare | nodes.Not) else UNKNOWN

    def _name(
        self,
        node: nodes.Name,
        variables: Variables,
        excused: bool,
        what: str = "variable",
        severity: Severity = "warning",
    ) -> Value:
        name = node.name
        if name in variables:
            if self._meanings is not None:
                self._meanings.name(node.lineno, name, variables[name], self.set_at.get(name, -1))
            return variables[name]
        if name in ("ctx", "_") and self._whole:
            if self._meanings is not None:
                self._meanings.name(node.lineno, name, Builtin(name), -1)
            return Builtin(name)
        declared = self._declared(name)
        if declared is not None:
            if self._meanings is not None:
                self._meanings.item(node.lineno, name, declared)
            return declared
        if name in CONSTANTS:
            return NULL
        if name == "range":
            return UNKNOWN
        if self._meanings is not None and name not in GLOBALS:
            self._meanings.missing(node.lineno, name, None, variables)
        if name not in GLOBALS and name != "self" and not excused and name not in self._assumed:
            self.unknown(name, node.lineno, variables, what, severity)
        return UNKNOWN

    def _declared(self, name: str) -> Value | None:
        """Return an enum or template string of the project, or None."""
        if self._symbols.enum(name) is not None:
            return Enum(name)
        parameters = self._names.parameters(name) if self._whole else None
        return Callable("template string", name, parameters) if parameters is not None else None

    def _getattr(self, node: nodes.Getattr, variables: Variables, excused: bool) -> Value:
        value = self.value(node.node, variables)
        return self._member(node, value, node.attr, excused)

    def _getitem(self, node: nodes.Getitem, variables: Variables, excused: bool) -> Value:
        value = self.value(node.node, variables)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) and not isinstance(value, Loop):
            return self._member(node, value, node.arg.value, excused)
        if isinstance(node.arg, nodes.Slice):
            for part in node.arg.iter_child_nodes():
                self.value(part, variables)
            return value if isinstance(value, ListType | Items) or value == STRING else UNKNOWN
        key = self.value(node.arg, variables)
        if isinstance(value, Tuple) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, int):
            place = node.arg.value
            return value.items[place] if -len(value.items) <= place < len(value.items) else UNKNOWN
        return subscript(value, self._symbols) if key in (INT, STRING) else UNKNOWN

    def _member(
        self,
        node: nodes.Getattr | nodes.Getitem,
        value: Value,
        name: str,
        excused: bool,
        severity: Severity = "warning",
    ) -> Value:
        found = member(value, name, self._symbols)
        if self._meanings is not None:
            place = self._member_place(node, name)
            if isinstance(found, Absent) or found == UNKNOWN:
                self._meanings.missing(place, name, value, {})
            else:
                self._meanings.member(place, name, value, found)
        if not isinstance(found, Absent):
            return found
        if not excused and path(node) not in self._assumed:
            place = self._findings.parsed.at(node.lineno) + 1  # after the point or bracket
            word = self._findings.parsed.words[min(place, len(self._findings.parsed.words) - 1)]
            self._findings.report("E0070", word.start, word.end, found.message, found.hint, severity)
        return UNKNOWN

    def _member_place(self, node: nodes.Getattr | nodes.Getitem, name: str) -> int:
        """Return where the name of a member is written: after the point, or inside the quotes of an index."""
        words = self._findings.parsed.words
        word = words[min(self._findings.parsed.at(node.lineno) + 1, len(words) - 1)]
        return word.start + (word.text[:1] in "\"'" and word.text[1:-1] == name)

    def _filter(self, node: nodes.Filter, variables: Variables) -> Value:
        excused = node.name in ("default", "d")
        operand = self.value(node.node, variables, excused=excused) if node.node is not None else STRING
        self._arguments(node, variables)
        if node.name not in FILTERS:
            message = f"unknown filter `{node.name}`"
            same = filters.FOREIGN.get(node.name)
            hint = write_instead(node.name, same) if same is not None else did_you_mean(node.name, FILTERS)
            self._findings.report("E0071", node.lineno, node.lineno + len(node.name), message, hint)
            return UNKNOWN
        for kind, argument in filters.named_filters(node):
            known = FILTERS if kind == "filter" else TESTS
            if argument.value not in known:
                message = f"unknown {kind} `{argument.value}`"
                self._findings.report_constant("E0071", argument, message, did_you_mean(argument.value, known))
        if node.name == "format":
            self._format(node)
        field = self._field_argument(node, operand)
        if node.name == "map":
            return Items(field)
        return filters.result(node.name, operand, self._symbols)

    def _field_argument(self, node: nodes.Filter, operand: Value) -> Value:
        """Check the field of the operand's items that an argument such as ``attribute="name"`` names; return its
        value."""
        argument = filters.field_argument(node)
        if argument is None:
            return UNKNOWN
        value: Value = UNKNOWN
        for fields in argument.value.split(",") if node.name == "sort" else [argument.value]:
            value = element(operand, self._symbols)
            for name in fields.strip().split("."):
                found = UNKNOWN if name.isdigit() else member(value, name, self._symbols)
                if isinstance(found, Absent):
                    self._findings.report_constant("E0070", argument, found.message, found.hint, "warning")
                    return UNKNOWN
                value = found
        return value

    def _format(self, node: nodes.Filter) -> None:
        """Check ``format(type="json")``."""
        given = next((each.value for each in node.kwargs if each.key == "type"), None) or next(iter(node.args), None)
        if given is None and node.dyn_args is None and node.dyn_kwargs is None:
            hint = f"such as `format(type={FORMATS[0]!r})`".replace("'", '"')
            self._findings.report("E0072", node.lineno, node.lineno + len(node.name), "`format` needs a `type`", hint)
        elif isinstance(given, nodes.Const) and given.value not in FORMATS:
            hint = did_you_mean(str(given.value), FORMATS) or f"there are {', '.join(f'`{each}`' for each in FORMATS)}"
            self._findings.report_constant("E0072", given, f"`format` has no type `{given.value}`", hint)

    def _test(self, node: nodes.Test, variables: Variables) -> None:
        self.value(node.node, variables, excused=node.name in ("defined", "undefined"))
        self._arguments(node, variables)
        if node.name not in TESTS:
            place = self._findings.parsed.at(node.lineno) + 1  # after `is`
            words = self._findings.parsed.words[place : place + 2]
            word = next((each for each in words if each.text != "not"), words[0])
            hint = did_you_mean(node.name, TESTS)
            self._findings.report("E0071", word.start, word.end, f"unknown test `{node.name}`", hint)

    def _call(self, node: nodes.Call, variables: Variables) -> Value:
        holder: Value | None = None
        if isinstance(node.node, nodes.Name):
            callee = self._name(node.node, variables, False, "template string or macro", "error")
        elif isinstance(node.node, nodes.Getattr):
            holder = self.value(node.node.node, variables)
            excused = has_method(holder, node.node.attr, self._symbols)
            callee = self._member(node.node, holder, node.node.attr, excused, "error")
        else:
            callee = self.value(node.node, variables)
        self._arguments(node, variables)
        found = misfit(callee, node, self._findings.parsed)
        if found is not None:
            self._findings.report("E0072", found.start, found.end, found.message, found.hint)
        elif isinstance(callee, Builtin) and self._roles is not None:
            role = role_of(callee, node)
            if role is not None and role.value not in self._roles:
                message, hint = misfitting_role(role.value, self._roles)
                self._findings.report_constant("E0105", role, message, hint, "warning")
        if isinstance(callee, Callable | Builtin | Loop):
            return STRING
        if isinstance(node.node, nodes.Name):
            return ListType(INT) if node.node.name == "range" and "range" not in variables else UNKNOWN
        if isinstance(node.node, nodes.Getattr) and holder is not None:
            return method_result(node.node.attr, holder, self._symbols)
        return UNKNOWN

    def _arguments(self, node: nodes.Call | nodes.Filter | nodes.Test, variables: Variables) -> None:
        for each in (*node.args, *(keyword.value for keyword in node.kwargs), node.dyn_args, node.dyn_kwargs):
            if each is not None:
                self.value(each, variables)

    def bind(self, target: nodes.Name, value: Value, variables: Variables) -> None:
        """Give a variable that the template sets its value."""
        variables[target.name] = value
        self.set_at[target.name] = target.lineno
        if self._meanings is not None:
            self._meanings.name(target.lineno, target.name, value, target.lineno)

    def unknown(self, name: str, place: int, variables: Variables, what: str, severity: Severity) -> None:
        """Report that nothing is called ``name``."""
        if self._names.is_unread(name):
            return
        known = ("ctx", *self._names.visible()) if self._whole else ()
        hint = did_you_mean(name, [*variables, *GLOBALS, *known])
        if name in _FOREIGN:
            hint = _FOREIGN[name]
        elif self._symbols.signature(name) is not None:
            hint = "a prompt can call template strings and macros, not functions"
        elif name in self._symbols.globals:
            hint = "a prompt does not see constants: pass it as an argument"
        elif hint is None and self._parameters:
            given = ", ".join(f"`{each}`" for each in self._parameters)
            hint = f"the prompt is given {given}" if self._whole else f"there is {given}"
        self._findings.report("E0070", place, place + len(name), f"unknown {what} `{name}`", hint, severity)
