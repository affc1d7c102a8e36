"""The arguments of calls in a template: of template strings, macros, ``_.role``, ``ctx.output_format``."""

from __future__ import annotations

from typing import NamedTuple

from jinja2 import nodes

from bamlvm.compiler.templates.parsing import Parsed
from bamlvm.compiler.templates.values import Builtin, Callable, Value
from bamlvm.vm.program.prompt_names import OUTPUT_FORMAT_OPTIONS, ROLE_FUNCTIONS, fits_option
from bamlvm.vm.program.spelling import did_you_mean


class Misfit(NamedTuple):
    start: int
    end: int
    message: str
    hint: str | None = None


def misfit(callee: Value, node: nodes.Call, parsed: Parsed) -> Misfit | None:
    """Return what does not fit, or None."""
    if isinstance(callee, Callable):
        return _callable(callee, node, parsed)
    if isinstance(callee, Builtin):
        name = callee.path.removeprefix("_.")
        if name in ROLE_FUNCTIONS:
            return _role(callee.path, node, parsed)
        if callee.path == "ctx.output_format":
            return _output_format(node, parsed)
        return Misfit(*_call(node, parsed), f"`{callee.path}` is not a function")
    return None


def _callable(callee: Callable, node: nodes.Call, parsed: Parsed) -> Misfit | None:
    face = f"`{callee.name}({', '.join(callee.parameters)})`"
    if len(node.args) > len(callee.parameters) and not callee.positional:
        count = len(callee.parameters)
        takes = f"takes {count or 'no'} argument{'s' * (count != 1)}, not {len(node.args)}"
        return Misfit(*_call(node, parsed), f"the {callee.what} {face} {takes}")
    given = set(callee.parameters[: len(node.args)])
    for keyword in node.kwargs:
        where = _keyword(keyword.key, node, parsed)
        if keyword.key in given:
            return Misfit(*where, f"the {callee.what} {face} is given `{keyword.key}` twice")
        if keyword.key not in callee.parameters and not callee.keywords:
            hint = did_you_mean(keyword.key, callee.parameters)
            return Misfit(*where, f"the {callee.what} {face} has no parameter `{keyword.key}`", hint)
        given.add(keyword.key)
    if callee.required and node.dyn_args is None and node.dyn_kwargs is None:
        absent = [f"`{name}`" for name in callee.parameters if name not in given]
        if absent:
            return Misfit(*_call(node, parsed), f"the {callee.what} {face} is called without {', '.join(absent)}")
    return None


def role_of(callee: Builtin, node: nodes.Call) -> nodes.Const | None:
    """Return the role that a call of ``_.role`` names as a string, or None."""
    if callee.path.removeprefix("_.") not in ROLE_FUNCTIONS:
        return None
    given = next((each.value for each in node.kwargs if each.key == "role"), None) or next(iter(node.args), None)
    return given if isinstance(given, nodes.Const) and isinstance(given.value, str) else None


def _role(path: str, node: nodes.Call, parsed: Parsed) -> Misfit | None:
    named = any(keyword.key == "role" for keyword in node.kwargs)
    if node.dyn_args is not None or node.dyn_kwargs is not None or len(node.args) == 1 or (named and not node.args):
        return None
    return Misfit(*_call(node, parsed), f"`{path}` takes a role's name", f'such as `{path}("user")`')


def _output_format(node: nodes.Call, parsed: Parsed) -> Misfit | None:
    if node.args:
        hint = f'by name, such as `prefix="…"`; there are {", ".join(f"`{name}`" for name in OUTPUT_FORMAT_OPTIONS)}'
        return Misfit(*_call(node, parsed), "`ctx.output_format` takes its options by name", hint)
    for keyword in node.kwargs:
        if keyword.key not in OUTPUT_FORMAT_OPTIONS:
            known = ", ".join(f"`{name}`" for name in OUTPUT_FORMAT_OPTIONS)
            hint = did_you_mean(keyword.key, OUTPUT_FORMAT_OPTIONS) or f"there are {known}"
            where = _keyword(keyword.key, node, parsed)
            return Misfit(*where, f"`ctx.output_format` has no option `{keyword.key}`", hint)
        try:
            value = keyword.value.as_const()
        except nodes.Impossible:
            continue
        if not fits_option(keyword.key, value):
            takes = OUTPUT_FORMAT_OPTIONS[keyword.key].replace("'", '"')
            where = _keyword(keyword.key, node, parsed)
            return Misfit(*where, f"`{keyword.key}` takes {takes}")
    return None


def _call(node: nodes.Call, parsed: Parsed) -> tuple[int, int]:
    """Return the range of the callee's name and its arguments."""
    opening = parsed.at(node.lineno)
    depth = 0
    for word in parsed.words[opening:]:
        if word.kind == "operator":
            depth += (word.text in "([{") - (word.text in ")]}")
            if depth == 0:
                return parsed.words[max(opening - 1, 0)].start, word.end
    return parsed.words[opening].start, parsed.words[opening].end


def _keyword(name: str, node: nodes.Call, parsed: Parsed) -> tuple[int, int]:
    """Return the range of an argument's name."""
    opening = parsed.at(node.lineno)
    depth = 0
    for word, following in zip(parsed.words[opening:], parsed.words[opening + 1 :], strict=False):
        if word.kind == "operator":
            depth += (word.text in "([{") - (word.text in ")]}")
        elif depth == 1 and word.text == name and following.text == "=":
            return word.start, word.end
    return _call(node, parsed)
