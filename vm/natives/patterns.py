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
        raise Lengthy(_refused(str(error))) from None


def _refused(message: str) -> Work[Any]:
    """Throw, after the driver's turn: what is wrong with a pattern may have taken milliseconds to find."""
    yield None
    raise _invalid(message)


def _invalid(message: str) -> Thrown:
    return Thrown("baml.errors.InvalidArgument", {"message": message})


def _done(work: Work[Any], pattern: str, code: Pattern, text: str) -> Any:
    """Return the result of work that is short, else raise it as work in pieces.  The pattern has been compiled."""
    steps = len(code.code) * (len(text) + 1)
    if steps > _AT_ONCE or due(50 * steps + 70 * len(pattern)):
        raise Lengthy(work)
    return finish(work)


@NATIVES.native("baml.String.matches")
def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    compiled = _compiled(pattern)
    found: bool = _done(_matches(compiled, text), pattern, compiled, text)
    return found


def _matches(pattern: Pattern, text: str) -> Work[bool]:
    from bamlvm.vm.patterns import search

    return (yield from search(pattern, text, 0, any_match=True)) is not None


@NATIVES.native("baml.String.captures")
def captures(text: str, pattern: str) -> list[str | None] | None:
    """Return the first match and its groups; null if there is no match."""
    compiled = _compiled(pattern)
    found: list[str | None] | None = _done(_captures(compiled, text), pattern, compiled, text)
    return found


def _captures(pattern: Pattern, text: str) -> Work[list[str | None] | None]:
    from bamlvm.vm.patterns import search

    span = yield from search(pattern, text, 0)
    if span is None:
        return None
    found: list[str | None] = []
    for start, end in zip(span[::2], span[1::2], strict=True):
        found.append(text[start:end] if start >= 0 else None)
        yield found
    return found


@NATIVES.native("baml.String.replace_pattern")
def replace_pattern(text: str, pattern: str, replacement: str) -> str:
    """Return the text with every match replaced."""
    compiled = _compiled(pattern)
    work = _replaced(compiled, text, replacement)
    if len(replacement) > _AT_ONCE:
        raise Lengthy(work)
    replaced: str = _done(work, pattern, compiled, text)
    return replaced


def _replaced(pattern: Pattern, text: str, replacement: str) -> Work[str]:
    from bamlvm.vm.patterns import PatternError, search, template_of

    try:
        template = yield from template_of(replacement, pattern.groups)
    except PatternError as error:
        raise _invalid(str(error)) from None
    made = ""
    parts: list[str] = []
    size = kept = start = 0
    replaced = False
    while start <= len(text) and (span := (yield from search(pattern, text, start))) is not None:
        begin, end = span[:2]
        # An empty match right behind another one is none.
        if begin < end or begin != kept or not replaced:
            parts.append(text[kept:begin])
            size += len(parts[-1])
            for part in template:
                parts.append(part if isinstance(part, str) else text[span[2 * part] : max(span[2 * part + 1], 0)])
                size += len(parts[-1])
                if len(parts) >= 256 or size > TEXT_PIECE:
                    piece = "".join(parts)
                    parts.clear()
                    size = 0
                    check_length(made, piece)
                    made += piece
                    yield made
            kept = end
            replaced = True
        start = end if begin < end else end + 1
    parts.append(text[kept:])
    piece = "".join(parts)
    check_length(made, piece)
    made += piece
    return made
