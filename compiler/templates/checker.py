"""One template, checked: its names, fields, filters, tests and calls.

The tree is walked as Jinja runs it: a ``set`` holds to the end of the enclosing scope, a loop and a macro have scopes
of their own, the branches of an ``if`` are joined.  What stands in an expression is the part of
:mod:`bamlvm.compiler.templates.expressions`.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping
from functools import cached_property

from jinja2 import nodes

from bamlvm.compiler.templates.expressions import Expressions, Variables
from bamlvm.compiler.templates.findings import Finding, Findings
from bamlvm.compiler.templates.meanings import Meanings
from bamlvm.compiler.templates.parsing import TemplateError, parse
from bamlvm.compiler.templates.roles import Roles
from bamlvm.compiler.templates.shapes import assigned, macro
from bamlvm.compiler.templates.values import Builtin, Loop, Names, Tuple, Value, describe, element, join, pair, truth
from bamlvm.vm.program.spelling import Suggestion
from bamlvm.vm.program.types import STRING, UNKNOWN, Type


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
    findings = Findings(parsed)
    expressions = Expressions(findings, parameters, names, roles, meanings)
    _Statements(findings, expressions, names).body(parsed.tree.body, ChainMap(dict(parameters)))
    _other_braces(findings, text, parameters)
    return findings.ordered()


def check_expression(
    text: str, variables: Mapping[str, Value], names: Names, meanings: Meanings | None = None
) -> list[Finding]:
    """Return the errors in an expression that must be true or false; places are those of ``{{text}}``."""
    try:
        parsed = parse(f"{{{{{text}}}}}")
    except TemplateError as error:
        return [Finding("E0073", error.start, error.end, error.message)]
    findings = Findings(parsed)
    expressions = Expressions(findings, variables, names, meanings=meanings, whole=False)
    (output,) = parsed.tree.body
    assert isinstance(output, nodes.Output)
    value = expressions.value(output.nodes[0], ChainMap(dict(variables)))
    if not findings and not truth(value, names.symbols):
        first, last = parsed.words[1], parsed.words[-2]
        message = f"this is to be true or false, not `{describe(value)}`"
        hint = "compare it, such as `this|length > 0`"
        return [Finding("E0001", first.start, last.end, message, hint, "warning")]
    return findings.ordered()


def _other_braces(findings: Findings, text: str, parameters: Mapping[str, Type]) -> None:
    """Warn of `{x}` and `${x}`, as other languages write it, where ``x`` is a parameter that is not used otherwise."""
    used = {each.name for each in findings.parsed.tree.find_all(nodes.Name)}
    for name in parameters:
        if name in used or name not in text:
            continue
        for written in re.finditer(rf"(?<![{{%])\$?\{{[ ]?{re.escape(name)}[ ]?\}}(?!\}})", text):
            hint = Suggestion(f"write `{{{{ {name} }}}}`", written[0], f"{{{{ {name} }}}}")
            message = f"`{written[0]}` is text: it is not replaced"
            findings.report("E0070", written.start(), written.end(), message, hint, "warning")


class _Statements:
    """The walk over one template: which variables there are in each of its statements."""

    def __init__(self, findings: Findings, expressions: Expressions, names: Names) -> None:
        self._findings = findings
        self._expressions = expressions
        self._symbols = names.symbols

    @cached_property
    def _assigned(self) -> dict[str, Value]:
        """The names that the template assigns somewhere, of unknown values; needed only where there are macros."""
        return dict.fromkeys(assigned(self._findings.parsed.tree), UNKNOWN)

    def body(self, body: Iterable[nodes.Node], variables: Variables) -> None:
        for node in body:
            self._statement(node, variables)

    def _statement(self, node: nodes.Node, variables: Variables) -> None:
        match node:
            case nodes.Output():
                for each in node.nodes:
                    self._output(each, variables)
            case nodes.Assign():
                self._bind(node.target, self._expressions.value(node.node, variables), variables)
            case nodes.AssignBlock():
                self.body(node.body, variables.new_child())
                if node.filter is not None:
                    self._expressions.value(node.filter, variables)
                self._bind(node.target, STRING, variables)
            case nodes.If():
                self._if(node, variables)
            case nodes.For():
                self._for(node, variables)
            case nodes.Macro():
                variables[node.name] = itself = macro(node)
                self._macro_body(node, ChainMap({node.name: itself}, self._assigned, *variables.maps))
            case nodes.CallBlock():
                self._expressions.value(node.call, variables)
                self._macro_body(node, variables.new_child())
            case nodes.With():
                inner = variables.new_child()
                for target, value in zip(node.targets, node.values, strict=True):
                    self._bind(target, self._expressions.value(value, variables), inner)
                self.body(node.body, inner)
            case nodes.FilterBlock():
                self.body(node.body, variables.new_child())
                self._expressions.value(node.filter, variables)
            case nodes.Extends() | nodes.Include() | nodes.Import() | nodes.FromImport():
                self._foreign(node, variables)
            case nodes.Block():
                self.body(node.body, variables.new_child({"super": UNKNOWN}))
            case nodes.Scope() | nodes.ScopedEvalContextModifier():
                self.body(node.body, variables.new_child())
            case nodes.Expr():
                self._expressions.value(node, variables)
            case _:
                for child in node.iter_child_nodes():
                    self._statement(child, variables)

    def _output(self, node: nodes.Expr, variables: Variables) -> None:
        value = self._expressions.value(node, variables)
        if isinstance(value, Builtin) and value.path.startswith("_.") and isinstance(node, nodes.Getattr):
            words = self._findings.parsed.words
            word = words[min(self._findings.parsed.at(node.lineno) + 1, len(words) - 1)]
            message = f"`{value.path}` is a function, which is not called here"
            self._findings.report("E0070", word.start, word.end, message, f'write `{value.path}("user")`', "warning")

    def _if(self, node: nodes.If, variables: Variables) -> None:
        branches = []
        for part in (node, *node.elif_):
            self._expressions.value(part.test, variables)
            branch = variables.new_child()
            self.body(part.body, branch)
            branches.append(branch)
        last = variables.new_child()
        self.body(node.else_, last)
        branches.append(last)
        for name in {name: None for branch in branches for name in branch.maps[0]}:
            variables[name] = join([branch[name] for branch in branches if name in branch])

    def _for(self, node: nodes.For, variables: Variables) -> None:
        value = self._expressions.value(node.iter, variables)
        item = element(value, self._symbols)
        if isinstance(node.target, nodes.Tuple) and item == STRING:
            self._several_names_for_text(node.target, isinstance(pair(value, self._symbols), Tuple))
        inner, set_at = variables.new_child(), self._expressions.set_at
        self._expressions.set_at = set_at.new_child()
        self._bind(node.target, item, inner)
        if node.test is not None:
            self._expressions.value(node.test, inner)
        inner["loop"] = Loop(item)
        self.body(node.body, inner)
        self._expressions.set_at = set_at
        self.body(node.else_, variables.new_child())

    def _several_names_for_text(self, target: nodes.Tuple, is_map: bool) -> None:
        """Report a loop that cannot run: a text has no parts to be named.  A list of texts may be empty: a warning."""
        first, last = target.items[0], target.items[-1]
        if isinstance(first, nodes.Name) and isinstance(last, nodes.Name):
            message = "the loop's values are texts, which have no parts to be named"
            hint = "write `.items()` for the keys and values of a map" if is_map else None
            self._findings.report("E0072", first.lineno, last.lineno + len(last.name), message, hint, "warning")

    def _macro_body(self, node: nodes.Macro | nodes.CallBlock, variables: Variables) -> None:
        for default in node.defaults:
            self._expressions.value(default, variables)
        variables |= dict.fromkeys(("caller", "varargs", "kwargs"), UNKNOWN)
        variables |= {each.name: UNKNOWN for each in node.args}
        self.body(node.body, variables)

    def _foreign(self, node: nodes.Node, variables: Variables) -> None:
        word = self._findings.parsed.words[self._findings.parsed.at(node.lineno)]
        hint = "write a `template_string` and call it by its name"
        self._findings.report("E0073", word.start, word.end, f"a prompt cannot `{word.text}` another template", hint)
        if isinstance(node, nodes.Import):
            variables[node.target] = UNKNOWN
        elif isinstance(node, nodes.FromImport):
            variables |= {each if isinstance(each, str) else each[1]: UNKNOWN for each in node.names}

    def _bind(self, target: nodes.Node, value: Value, variables: Variables) -> None:
        if isinstance(target, nodes.Name):
            self._expressions.bind(target, value, variables)
        elif isinstance(target, nodes.Tuple):
            known = value.items if isinstance(value, Tuple) and len(value.items) == len(target.items) else ()
            for place, each in enumerate(target.items):
                self._bind(each, known[place] if known else UNKNOWN, variables)
        elif isinstance(target, nodes.NSRef) and target.name not in variables:
            self._expressions.unknown(target.name, target.lineno, variables, "variable", "error")
