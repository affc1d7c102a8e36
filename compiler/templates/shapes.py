"""Facts read off a template's tree: paths, constants, macros, the names that it assigns."""

from __future__ import annotations

from jinja2 import nodes

from bamlvm.compiler.templates.values import Callable, Value
from bamlvm.vm.program.types import BOOL, FLOAT, INT, NULL, STRING, UNKNOWN, Type


def constant(value: object) -> Value:
    kinds: dict[type, Type] = {str: STRING, int: INT, float: FLOAT, bool: BOOL, type(None): NULL}
    return kinds.get(type(value), UNKNOWN)


def macro(node: nodes.Macro) -> Callable:
    used = {name.name for name in node.find_all(nodes.Name) if name.ctx == "load"}
    return Callable(
        "macro",
        node.name,
        tuple(each.name for each in node.args),
        required=False,
        positional="varargs" in used,
        keywords="kwargs" in used or "caller" in used,
    )


def path(node: nodes.Node) -> str | None:
    """Return ``a.b["c"]`` as a dotted path, or None for another expression."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        name = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        name = str(node.arg.value)
    else:
        return None
    before = path(node.node)
    return f"{before}.{name}" if before is not None else None


def assigned(tree: nodes.Template) -> frozenset[str]:
    """Return every name that the template assigns anywhere."""
    names = {name.name for name in tree.find_all(nodes.Name) if name.ctx in ("store", "param")}
    return frozenset(names | {macro.name for macro in tree.find_all(nodes.Macro)})


def tested_paths(tree: nodes.Template) -> frozenset[str]:
    """Return the paths whose existence the template tests: ``a.b is defined``."""
    tests = [test for test in tree.find_all(nodes.Test) if test.name in ("defined", "undefined")]
    return frozenset(found for test in tests if (found := path(test.node)) is not None)
