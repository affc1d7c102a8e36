"""The types that a host adds to one call: what ``CallContext(types=…)`` takes, as data.

BAML text is compiled against the program's declarations; what was compiled last is remembered, so that a text costs its
compilation once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from bamlvm.errors import HostError
from bamlvm.vm.program.declarations import Additions
from bamlvm.vm.program.unit import Unit

if TYPE_CHECKING:
    from bamlvm.grammar.diagnostics import Diagnostic
    from bamlvm.vm.linker import Program

TEXT: Final = "types"
"""The name of the file that a diagnostic about added text is about."""
_REMEMBERED: Final = 256


def resolve_types(program: Program, given: Any) -> Sequence[Additions]:
    """Return the additions that the ``types`` of a context are.

    Raises :class:`bamlvm.HostError` for what is none, and with everything that is wrong with BAML text.
    """
    sources = given if isinstance(given, list | tuple) else (given,)
    found: list[Additions] = []
    for source in sources:
        if isinstance(source, Additions):
            found.append(source)
        elif isinstance(source, str):
            try:
                found.append(compile_types(program, source, tuple(found)))
            except HostError as error:
                raise HostError(f"CallContext.types: {error}") from None
        elif callable(getattr(source, "additions", None)):
            found.append(source.additions())
        else:
            raise HostError(
                f"CallContext.types: expected a TypeBuilder, BAML text or a list of them, not {type(source).__name__}"
            )
    return found


def compile_types(program: Program, text: str, before: tuple[Additions, ...] = ()) -> Additions:
    """Return the additions that a text declares; it may name what ``before`` adds.

    Raises :class:`bamlvm.HostError` with everything that is wrong with it, where it is, and hints.
    """
    return _compiled(ref(program), text, before)


@lru_cache(_REMEMBERED)
def _compiled(program: ref[Program], text: str, before: tuple[Additions, ...]) -> Additions:
    from bamlvm.compiler.additions import compile_additions  # and with it the compiler

    linked = program()
    assert linked is not None
    schema: Any = linked
    if before:
        from bamlvm.vm.overlay import AdditionError, Overlay

        try:
            schema = Overlay(linked, before)
        except AdditionError as error:
            raise HostError(str(error)) from None
    known = Unit(
        signatures=schema.signatures,
        classes=schema.classes,
        enums=schema.enums,
        annotated_aliases=schema.annotated_aliases,
    )
    made, diagnostics = compile_additions(TEXT, text, known)
    errors = [each for each in diagnostics if each.severity == "error"]
    if errors:
        raise HostError("; ".join(_line(each, text) for each in errors))
    return made


def _line(diagnostic: Diagnostic, text: str) -> str:
    """Return an error on one line, with its place in the text."""
    before = text[: diagnostic.span.start]
    line, column = before.count("\n") + 1, diagnostic.span.start - (before.rfind("\n") + 1) + 1
    hint = f" ({diagnostic.hint})" if diagnostic.hint else ""
    return f"line {line}, column {column}: {diagnostic.message}{hint}"
