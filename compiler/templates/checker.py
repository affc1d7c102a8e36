"""One template, checked: its names, fields, filters, tests and calls.

The tree is walked as Jinja runs it: a ``set`` holds to the end of the enclosing scope, a loop and a macro have scopes
of their own, the branches of an ``if`` are joined.  A name or field that the template tests by ``is defined`` is
assumed to exist; the operand of ``default`` may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from jinja2 import nodes

from bamlvm.compiler.templates import filters
from bamlvm.compiler.templates.calls import misfit, role_of
from bamlvm.compiler.templates.meanings import Meanings
from bamlvm.compiler.templates.parsing import Parsed, TemplateError, parse
from bamlvm.compiler.templates.roles import Roles, misfitting_role
from bamlvm.compiler.templates.shapes import assigned, constant, macro, path, tested_paths
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
    describe,
    element,
    join,
    member,
    pair,
    subscript,
    truth,
)
from bamlvm.grammar.diagnostics import Severity
from bamlvm.vm.program.prompt_names import CONSTANTS, FILTERS, FORMATS, GLOBALS, TESTS
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import BOOL, INT, NULL, STRING, UNKNOWN, ListType, Type


@dataclass(frozen=True)
class Finding:
    """An error at ``text[start:end]``."""

    code: str
    start: int
    end: int
    message: str
    hint: str | None = None
    severity: Severity = "error"


Variables = dict[str, Value]


def check(
    text: str,
    parameters: Mapping[str, Type],
    names: Names,
    roles: Roles | None = None,
    meanings: Meanings | None = None,
) -> list[Finding]:
    """Return the errors in a template whose variables have the types ``parameters``, in order of appearance; ``roles``
    are those that its messages may have, None for any; ``meanings`` collects what its names mean."""
    try:
        parsed = parse(text)
    except TemplateError as error:
        return [Finding("E0073", error.start, error.end, error.message)]
    checker = _Checker(parsed, parameters, names, roles, meanings)
    checker.body(parsed.tree.body, dict(parameters))
    return sorted(dict.fromkeys(checker.findings), key=lambda finding: finding.start)


def check_expression(
    text: str, variables: Mapping[str, Value], names: Names, meanings: Meanings | None = None
) -> list[Finding]:
    """Return the errors in an expression that must be true or false; places are those of ``{{text}}``."""
    try:
        parsed = parse(f"{{{{{text}}}}}")
    except TemplateError as error:
        return [Finding("E0073", error.start, error.end, error.message)]
    checker = _Checker(parsed, variables, names, meanings=meanings, whole=False)
    (output,) = parsed.tree.body
    assert isinstance(output, nodes.Output)
    value = checker.value(output.nodes[0], dict(variables))
    if not checker.findings and not truth(value, names.symbols):
        first, last = parsed.words[1], parsed.words[-2]
        message = f"this is to be true or false, not `{describe(value)}`"
        hint = "compare it, such as `this|length > 0`"
        return [Finding("E0001", first.start, last.end, message, hint, "warning")]
    return sorted(dict.fromkeys(checker.findings), key=lambda finding: finding.start)


class _Checker:
    """The walk over one template.  ``whole`` is False for a single expression, which has no ``ctx`` and no template
    strings."""

    def __init__(
        self,
        parsed: Parsed,
        parameters: Mapping[str, Value],
        names: Names,
        roles: Roles | None = None,
        meanings: Meanings | None = None,
        *,
        whole: bool = True,
    ) -> None:
        self.findings: list[Finding] = []
        self._roles = roles
        self._meanings = meanings
        self._set_at: dict[str, int] = {}
        """Where the variables that the template sets were set last."""
        self._whole = whole
        self._parsed = parsed
        self._parameters = parameters
        self._names = names
        self._symbols = names.symbols

    @cached_property
    def _assumed(self) -> frozenset[str]:
        """The paths whose existence the template tests; needed only where a path may be missing."""
        return tested_paths(self._parsed.tree)

    @cached_property
    def _assigned(self) -> frozenset[str]:
        """The names that the template assigns somewhere; needed only where there are macros."""
        return assigned(self._parsed.tree)

    # --- statements

    def body(self, body: Iterable[nodes.Node], variables: Variables) -> None:
        for node in body:
            self._statement(node, variables)

    def _statement(self, node: nodes.Node, variables: Variables) -> None:
        match node:
            case nodes.Output():
                for each in node.nodes:
                    self._value(each, variables)
            case nodes.Assign():
                self._bind(node.target, self._value(node.node, variables), variables)
            case nodes.AssignBlock():
                self.body(node.body, dict(variables))
                if node.filter is not None:
                    self._value(node.filter, variables)
                self._bind(node.target, STRING, variables)
            case nodes.If():
                self._if(node, variables)
            case nodes.For():
                self._for(node, variables)
            case nodes.Macro():
                variables[node.name] = macro(node)
                self._macro_body(node, variables | dict.fromkeys(self._assigned - {node.name}, UNKNOWN))
            case nodes.CallBlock():
                self._value(node.call, variables)
                self._macro_body(node, dict(variables))
            case nodes.With():
                inner = dict(variables)
                for target, value in zip(node.targets, node.values, strict=True):
                    self._bind(target, self._value(value, variables), inner)
                self.body(node.body, inner)
            case nodes.FilterBlock():
                self.body(node.body, dict(variables))
                self._value(node.filter, variables)
            case nodes.Extends() | nodes.Include() | nodes.Import() | nodes.FromImport():
                self._foreign(node, variables)
            case nodes.Block():
                self.body(node.body, variables | {"super": UNKNOWN})
            case nodes.Scope() | nodes.ScopedEvalContextModifier():
                self.body(node.body, dict(variables))
            case nodes.Expr():
                self._value(node, variables)
            case _:
                for child in node.iter_child_nodes():
                    self._statement(child, variables)

    def _if(self, node: nodes.If, variables: Variables) -> None:
        branches = []
        for part in (node, *node.elif_):
            self._value(part.test, variables)
            branch = dict(variables)
            self.body(part.body, branch)
            branches.append(branch)
        last = dict(variables)
        self.body(node.else_, last)
        branches.append(last)
        for name in {name: None for branch in branches for name in branch}:
            variables[name] = join([branch[name] for branch in branches if name in branch])

    def _for(self, node: nodes.For, variables: Variables) -> None:
        item = element(self._value(node.iter, variables), self._symbols)
        inner, set_at = dict(variables), dict(self._set_at)
        self._bind(node.target, item, inner)
        if node.test is not None:
            self._value(node.test, inner)
        inner["loop"] = Loop(item)
        self.body(node.body, inner)
        self._set_at = set_at
        self.body(node.else_, dict(variables))

    def _macro_body(self, node: nodes.Macro | nodes.CallBlock, variables: Variables) -> None:
        for default in node.defaults:
            self._value(default, variables)
        variables |= dict.fromkeys(("caller", "varargs", "kwargs"), UNKNOWN)
        variables |= {each.name: UNKNOWN for each in node.args}
        self.body(node.body, variables)

    def _foreign(self, node: nodes.Node, variables: Variables) -> None:
        word = self._parsed.words[self._parsed.at(node.lineno)]
        hint = "write a `template_string` and call it by its name"
        self._report("E0073", word.start, word.end, f"a prompt cannot `{word.text}` another template", hint)
        if isinstance(node, nodes.Import):
            variables[node.target] = UNKNOWN
        elif isinstance(node, nodes.FromImport):
            variables |= {each if isinstance(each, str) else each[1]: UNKNOWN for each in node.names}

    def _bind(self, target: nodes.Node, value: Value, variables: Variables) -> None:
        if isinstance(target, nodes.Name):
            variables[target.name] = value
            self._set_at[target.name] = target.lineno
            if self._meanings is not None:
                self._meanings.name(target.lineno, target.name, value, target.lineno)
        elif isinstance(target, nodes.Tuple):
            known = value.items if isinstance(value, Tuple) and len(value.items) == len(target.items) else ()
            for place, each in enumerate(target.items):
                self._bind(each, known[place] if known else UNKNOWN, variables)
        elif isinstance(target, nodes.NSRef) and target.name not in variables:
            self._unknown(target.name, target.lineno, variables, "variable", "error")

    # --- expressions

    def value(self, node: nodes.Node, variables: Variables) -> Value:
        """Return the value of an expression."""
        return self._value(node, variables)

    def _value(self, node: nodes.Node, variables: Variables, *, excused: bool = False) -> Value:
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
                self._value(node.test, variables)
                branches = [each for each in (node.expr1, node.expr2) if each is not None]
                return join([self._value(each, variables) for each in branches])
            case nodes.List():
                items = [self._value(each, variables) for each in node.items]
                return Items(join(items)) if items else UNKNOWN
            case nodes.Tuple():
                return Tuple(tuple(self._value(each, variables) for each in node.items))
            case nodes.And() | nodes.Or():
                return join([self._value(node.left, variables), self._value(node.right, variables)])
        for child in node.iter_child_nodes():
            self._value(child, variables)
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
                self._meanings.name(node.lineno, name, variables[name], self._set_at.get(name, -1))
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
            self._unknown(name, node.lineno, variables, what, severity)
        return UNKNOWN

    def _declared(self, name: str) -> Value | None:
        """Return an enum or template string of the project, or None."""
        if self._symbols.enum(name) is not None:
            return Enum(name)
        parameters = self._names.parameters(name) if self._whole else None
        return Callable("template string", name, parameters) if parameters is not None else None

    def _getattr(self, node: nodes.Getattr, variables: Variables, excused: bool) -> Value:
        value = self._value(node.node, variables)
        return self._member(node, value, node.attr, excused)

    def _getitem(self, node: nodes.Getitem, variables: Variables, excused: bool) -> Value:
        value = self._value(node.node, variables)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) and not isinstance(value, Loop):
            return self._member(node, value, node.arg.value, excused)
        if isinstance(node.arg, nodes.Slice):
            for part in node.arg.iter_child_nodes():
                self._value(part, variables)
            return value if isinstance(value, ListType | Items) or value == STRING else UNKNOWN
        key = self._value(node.arg, variables)
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
            place = self._parsed.at(node.lineno) + 1  # after the point or bracket
            word = self._parsed.words[min(place, len(self._parsed.words) - 1)]
            self._report("E0070", word.start, word.end, found.message, found.hint, severity)
        return UNKNOWN

    def _member_place(self, node: nodes.Getattr | nodes.Getitem, name: str) -> int:
        """Return where the name of a member is written: after the point, or inside the quotes of an index."""
        words = self._parsed.words
        word = words[min(self._parsed.at(node.lineno) + 1, len(words) - 1)]
        return word.start + (word.text[:1] in "\"'" and word.text[1:-1] == name)

    def _filter(self, node: nodes.Filter, variables: Variables) -> Value:
        excused = node.name in ("default", "d")
        operand = self._value(node.node, variables, excused=excused) if node.node is not None else STRING
        self._arguments(node, variables)
        if node.name not in FILTERS:
            message = f"unknown filter `{node.name}`"
            self._report("E0071", node.lineno, node.lineno + len(node.name), message, did_you_mean(node.name, FILTERS))
            return UNKNOWN
        for kind, argument in filters.named_filters(node):
            known = FILTERS if kind == "filter" else TESTS
            if argument.value not in known:
                message = f"unknown {kind} `{argument.value}`"
                self._report_constant("E0071", argument, message, did_you_mean(argument.value, known))
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
                    self._report_constant("E0070", argument, found.message, found.hint, "warning")
                    return UNKNOWN
                value = found
        return value

    def _format(self, node: nodes.Filter) -> None:
        """Check ``format(type="json")``."""
        given = next((each.value for each in node.kwargs if each.key == "type"), None) or next(iter(node.args), None)
        if given is None and node.dyn_args is None and node.dyn_kwargs is None:
            hint = f"such as `format(type={FORMATS[0]!r})`".replace("'", '"')
            self._report("E0072", node.lineno, node.lineno + len(node.name), "`format` needs a `type`", hint)
        elif isinstance(given, nodes.Const) and given.value not in FORMATS:
            hint = did_you_mean(str(given.value), FORMATS) or f"there are {', '.join(f'`{each}`' for each in FORMATS)}"
            self._report_constant("E0072", given, f"`format` has no type `{given.value}`", hint)

    def _test(self, node: nodes.Test, variables: Variables) -> None:
        self._value(node.node, variables, excused=node.name in ("defined", "undefined"))
        self._arguments(node, variables)
        if node.name not in TESTS:
            place = self._parsed.at(node.lineno) + 1  # after `is`
            words = self._parsed.words[place : place + 2]
            word = next((each for each in words if each.text != "not"), words[0])
            hint = did_you_mean(node.name, TESTS)
            self._report("E0071", word.start, word.end, f"unknown test `{node.name}`", hint)

    def _call(self, node: nodes.Call, variables: Variables) -> Value:
        holder: Value | None = None
        if isinstance(node.node, nodes.Name):
            callee = self._name(node.node, variables, False, "template string or macro", "error")
        elif isinstance(node.node, nodes.Getattr):
            holder = self._value(node.node.node, variables)
            callee = self._member(node.node, holder, node.node.attr, False, "error")
        else:
            callee = self._value(node.node, variables)
        self._arguments(node, variables)
        found = misfit(callee, node, self._parsed)
        if found is not None:
            self._report("E0072", found.start, found.end, found.message, found.hint)
        elif isinstance(callee, Builtin) and self._roles is not None:
            role = role_of(callee, node)
            if role is not None and role.value not in self._roles:
                message, hint = misfitting_role(role.value, self._roles)
                self._report_constant("E0105", role, message, hint, "warning")
        if isinstance(callee, Callable | Builtin | Loop):
            return STRING
        if isinstance(node.node, nodes.Name):
            return ListType(INT) if node.node.name == "range" and "range" not in variables else UNKNOWN
        return self._method(node.node.attr, holder) if isinstance(node.node, nodes.Getattr) and holder else UNKNOWN

    def _method(self, name: str, holder: Value) -> Value:
        """Return the result of a method of Python's."""
        if name == "items":
            return Items(pair(holder, self._symbols))
        if name == "keys":
            return Items(element(holder, self._symbols))
        if name == "values":
            return Items(subscript(holder, self._symbols))
        return ListType(STRING) if name in ("split", "splitlines") else UNKNOWN

    def _arguments(self, node: nodes.Call | nodes.Filter | nodes.Test, variables: Variables) -> None:
        for each in (*node.args, *(keyword.value for keyword in node.kwargs), node.dyn_args, node.dyn_kwargs):
            if each is not None:
                self._value(each, variables)

    # --- reports

    def _report(
        self, code: str, start: int, end: int, message: str, hint: str | None = None, severity: Severity = "error"
    ) -> None:
        self.findings.append(Finding(code, start, end, message, hint, severity))

    def _report_constant(
        self, code: str, node: nodes.Const, message: str, hint: str | None, severity: Severity = "error"
    ) -> None:
        word = self._parsed.words[self._parsed.at(node.lineno)]
        self._report(code, word.start, word.end, message, hint, severity)

    def _unknown(self, name: str, place: int, variables: Variables, what: str, severity: Severity) -> None:
        if self._names.is_unread(name):
            return
        known = ("ctx", *self._names.visible()) if self._whole else ()
        hint = did_you_mean(name, [*variables, *GLOBALS, *known])
        if name in ("nil", "undefined"):
            hint = "in a prompt, null is `none`"
        elif self._symbols.signature(name) is not None:
            hint = "a prompt can call template strings and macros, not functions"
        elif name in self._symbols.globals:
            hint = "a prompt does not see constants: pass it as an argument"
        elif hint is None and self._parameters:
            given = ", ".join(f"`{each}`" for each in self._parameters)
            hint = f"the prompt is given {given}" if self._whole else f"there is {given}"
        self._report("E0070", place, place + len(name), f"unknown {what} `{name}`", hint, severity)
