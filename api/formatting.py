"""Source text in the one style: what ``bamlvm fmt`` writes."""

from __future__ import annotations

from bamlvm.errors import CompileError, HostError


def format_source(text: str, path: str = "main.baml", *, indent: int = 2) -> str:
    """Return the text of a ``.baml`` file, formatted; formatting it again changes nothing.

    It means what ``text`` means, and has every comment, string and prompt as written.  ``path`` names the file in
    diagnostics, ``indent`` is the number of columns of a step of indentation.  Raises :class:`bamlvm.CompileError` if
    ``text`` has a syntax error (names and types are not checked), and :class:`bamlvm.HostError` if the result would not
    mean the same, which is a bug of the formatter.
    """
    from bamlvm.grammar.formatter import ChangedMeaningError, format_text  # imported only when something is formatted

    try:
        formatted, diagnostics = format_text(text, path, indent)
    except ChangedMeaningError as error:
        raise HostError(f"{path}: formatting would change its meaning ({error}): this is a bug of bamlvm") from None
    if formatted is None:
        raise CompileError(diagnostics, {path: text})
    return formatted
