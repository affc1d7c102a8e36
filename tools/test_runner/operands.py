"""The operands of a constraint that does not hold: which parts of its expression have which values.

``this.age > 3 and this.name|length == 2`` shows ``this.age`` and ``this.name|length``.  An expression is divided at
``and``, ``or`` and ``not`` into comparisons and other tests; of a comparison both sides are shown, of a test its
subject.  Constants are left out, and so is the whole value, which is shown as the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Undefined, nodes

if TYPE_CHECKING:
    from bamlvm.sysops.prompts.predicates import Predicates

_MOST: Final = 6
_WHOLE_VALUE: Final = ("this", "_", "_.result")


def operands(predicates: Predicates, expression: str, variables: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the operands of a valid expression, each as source and value, at most six."""
    found: dict[str, Any] = {}
    for node in _operands(predicates.parse(expression)):
        source = _source(node)
        if source is None or source in found or source in _WHOLE_VALUE or len(found) == _MOST:
            continue
        try:
            value = predicates.value(node, variables)
        except Exception:  # the other side of an `or` need not have a value
            continue
        if not isinstance(value, Undefined):
            found[source] = value
    return tuple(found.items())


def _operands(node: nodes.Expr) -> Iterator[nodes.Expr]:
    match node:
        case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
            yield from _operands(left)
            yield from _operands(right)
        case nodes.Not(node=inner):
            yield from _operands(inner)
        case nodes.Compare(expr=first, ops=rest):
            yield first
            yield from (each.expr for each in rest)
        case nodes.Test(node=subject):
            yield subject
        case _:
            yield node


def _source(node: nodes.Node | None) -> str | None:
    """Return the source of a reference, a filter or a call of a method; None for a constant and for anything else."""
    match node:
        case nodes.Name(name=name):
            return str(name)
        case nodes.Getattr(node=holder, attr=attribute) if (text := _source(holder)) is not None:
            return f"{text}.{attribute}"
        case nodes.Getitem(node=holder, arg=nodes.Const(value=key)) if (text := _source(holder)) is not None:
            return f"{text}[{key!r}]"
        case nodes.Filter(node=subject, name=name, args=[]) if (text := _source(subject)) is not None:
            return f"{text}|{name}"
        case nodes.Call(node=function, args=args) if (text := _source(function)) is not None:
            return f"{text}({'…' if args else ''})"
        case _:
            return None
