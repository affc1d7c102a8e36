"""Constraints: the Jinja expression of an ``@@assert`` or ``@@check``, true or false about a value.

The dialect is that of prompts (:mod:`bamlvm.sysops.prompts.environment`), sandbox included.  There is no truthiness: an
expression that gives anything but a boolean is wrong, and so is one that uses a name that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.environment import TemplateExpression

from bamlvm.sysops.prompts.environment import Environment, UndefinedName
from bamlvm.sysops.prompts.views import EnumNamespace, text_of
from bamlvm.vm.program.declarations import EnumInfo
from bamlvm.vm.program.spelling import suggestion

_LIMIT: Final = 4096


class PredicateError(Exception):
    """An expression has no answer; the message says why, in one line."""


class Predicates:
    """Evaluates expressions; every enum of the program is a name in them.  Safe to share between threads.

    With a ``base`` the expressions that it compiles are shared; only enums that differ from its own are names anew.
    """

    def __init__(self, enums: Mapping[str, EnumInfo], base: Predicates | None = None) -> None:
        self._known = enums
        self._names: dict[str, EnumNamespace] = {}
        if base is not None:
            self._environment: Environment = base._environment
            self._compiled: dict[str, TemplateExpression] = base._compiled
            self._names = _namespaces({name: info for name, info in enums.items() if base._known.get(name) is not info})
            return
        self._environment = Environment(strict=True)
        self._environment.globals.update(_namespaces(enums))
        self._compiled = {}

    def holds(self, expression: str, variables: Mapping[str, Any]) -> bool:
        """Whether it is true of ``variables``: builtins, by name.  Raise :class:`PredicateError`."""
        try:
            compiled = self._compile(expression)
            self._environment.begin()
            value = compiled(**{**self._names, **variables})
            if isinstance(value, jinja2.Undefined):
                bool(value)  # raises, naming what is missing
        except UndefinedName as error:
            hint = suggestion(error.name, sorted(variables if error.known is None else error.known))
            raise PredicateError(f"{error} ({hint})" if hint else str(error)) from None
        except Exception as error:  # whatever an expression does wrong is the expression's error
            text = " ".join(str(error).split()).rstrip(".")
            raise PredicateError(text or type(error).__name__) from None
        if not isinstance(value, bool):
            raise PredicateError(f"expected true or false, got {text_of(value)}")
        return value

    def parse(self, expression: str) -> nodes.Expr:
        """Return the syntax tree of a valid expression."""
        output = self._environment.parse("{{ " + expression + "\n}}").body[0]
        assert isinstance(output, nodes.Output)
        return output.nodes[0]

    def value(self, node: nodes.Expr, variables: Mapping[str, Any]) -> Any:
        """Evaluate a part of an expression; raise what Jinja raises."""
        assignment = nodes.Assign(nodes.Name("result", "store"), node, lineno=1)
        template = self._environment.from_string(nodes.Template([assignment], lineno=1))
        self._environment.begin()
        return TemplateExpression(template, undefined_to_none=False)(**{**self._names, **variables})

    def _compile(self, expression: str) -> TemplateExpression:
        compiled = self._compiled.get(expression)
        if compiled is None:
            if len(self._compiled) >= _LIMIT:  # expressions of types made at run time
                self._compiled.clear()
            compiled = self._environment.compile_expression(expression, undefined_to_none=False)
            self._compiled[expression] = compiled
        return compiled


def _namespaces(enums: Mapping[str, EnumInfo]) -> dict[str, EnumNamespace]:
    return {name: EnumNamespace(info) for name, info in enums.items() if "." not in name}
