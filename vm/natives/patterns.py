"""Methods of strings that take a pattern; :mod:`bamlvm.vm.patterns` has what a pattern is.

The module of patterns is loaded when the first is used: few programs use one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.values import Thrown
from bamlvm.vm.work import TEXT_PIECE, Lengthy, Work, check_length, due, finish

if TYPE_CHECKING:
    from bamlvm.vm.patterns import Pattern

NATIVES: Final = NativeTable()

_AT_ONCE: Final = 500
"""Steps that are taken at once."""


def _compiled(pattern: str) -> Pattern:
    from bamlvm.vm.patterns import PatternError, compile_pattern

    try:
        return compile_pattern(pattern)
    except PatternError as error:
        raise _invalid(str(error)) from None


def _invalid(message: str) -> Thrown:
    return Thrown("baml.errors.InvalidArgument", {"message": message})


def _done(work: Work[Any], pattern: Pattern, text: str) -> Any:
    """Return the result of work that is short, else raise it as work in pieces."""
    steps = len(pattern.code) * (len(text) + 1)
    if steps > _AT_ONCE or due(50 * steps):
        raise Lengthy(work)
    return finish(work)


@NATIVES.native("baml.String.matches")
def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    compiled = _compiled(pattern)
    found: bool = _done(_matches(compiled, text), compiled, text)
    return found


def _matches(pattern: Pattern, text: str) -> Work[bool]:
    from bamlvm.vm.patterns import search

    return (yield from search(pattern, text, 0, any_match=True)) is not None


@NATIVES.native("baml.String.captures")
def captures(text: str, pattern: str) -> list[str | None] | None:
    """Return the first match and its groups; null if there is no match."""
    compiled = _compiled(pattern)
    found: list[str | None] | None = _done(_captures(compiled, text), compiled, text)
    return found


def _captures(pattern: Pattern, text: str) -> Work[list[str | None] | None]:
    from bamlvm.vm.patterns import search

    span = yield from search(pattern, text, 0)
    if span is None:
        return None
    return [text[start:end] if start >= 0 else None for start, end in zip(span[::2], span[1::2], strict=True)]


@NATIVES.native("baml.String.replace_pattern")
def replace_pattern(text: str, pattern: str, replacement: str) -> str:
    """Return the text with every match replaced."""
    from bamlvm.vm.patterns import PatternError, template_of

    compiled = _compiled(pattern)
    try:
        template = template_of(replacement, compiled.groups)
    except PatternError as error:
        raise _invalid(str(error)) from None
    replaced: str = _done(_replaced(compiled, text, template), compiled, text)
    return replaced


def _replaced(pattern: Pattern, text: str, template: list[str | int]) -> Work[str]:
    from bamlvm.vm.patterns import expanded, search

    made = ""
    parts: list[str] = []
    size = kept = start = 0
    replaced = False
    while start <= len(text) and (span := (yield from search(pattern, text, start))) is not None:
        begin, end = span[:2]
        # An empty match right behind another one is none.
        if begin < end or begin != kept or not replaced:
            parts += (text[kept:begin], expanded(template, text, span))
            size += len(parts[-1]) + len(parts[-2])
            kept = end
            replaced = True
        start = end if begin < end else end + 1
        if len(parts) >= 256 or size > TEXT_PIECE:
            piece = "".join(parts)
            parts.clear()
            size = 0
            check_length(made, piece)
            made += piece
            yield made
    parts.append(text[kept:])
    piece = "".join(parts)
    check_length(made, piece)
    made += piece
    return made
