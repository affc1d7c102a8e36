"""A file's text → its formatted text.

Rule: every item is laid out by itself.  Between two items is one empty line if either has several lines, else at most
one.  The result is parsed again: if its tree were another, or a comment were missing, it would be refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any, Final

from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.dump import tokenize
from bamlvm.grammar.formatter import layout_expressions, layout_items, layout_statements, layout_types
from bamlvm.grammar.formatter.comments import NOTHING, Comment, attach, leading, trailing
from bamlvm.grammar.formatter.context import LayoutContext
from bamlvm.grammar.formatter.documents import INDENT, concat, render
from bamlvm.grammar.formatter.parts import Part
from bamlvm.grammar.lalr import Driver, load
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.grammar.syntax import (
    Alias,
    Class,
    Client,
    Constant,
    Declaration,
    Enum,
    File,
    Function,
    Generator,
    Item,
    Node,
    RetryPolicy,
    TemplateString,
    Test,
    fields,
)
from bamlvm.grammar.syntax_errors import optional_semicolon
from bamlvm.grammar.tokens import Token

_COMMENTS: Final = frozenset({"COMMENT", "DOC_COMMENT", "HEADER"})
_RULES: Final[dict[type[Declaration], str]] = {
    Class: "class_item",
    Enum: "enum_item",
    Alias: "alias_item",
    Function: "function_item",
    Constant: "constant_item",
    Client: "client_item",
    RetryPolicy: "retry_policy_item",
    Generator: "generator_item",
    TemplateString: "template_item",
    Test: "test_item",
}
"""The start rule of each kind of item."""


class ChangedMeaningError(Exception):
    """The formatted text would have another meaning: a bug in the formatter.  The message says what would change."""


def format_text(text: str, path: str, indent: int = INDENT) -> tuple[str | None, list[Diagnostic]]:
    """Return the formatted text of a file and its diagnostics; None instead of the text if it has an error.

    ``indent`` are the columns of a step of indentation.
    Line breaks are written as the last one in ``text`` is, except inside strings and comments, which stay as they are.
    Raises :class:`ChangedMeaningError` instead of returning a text with another meaning.
    """
    file, diagnostics = parse_file(SourceFile(path, text))
    if any(diagnostic.severity == "error" for diagnostic in diagnostics):
        return None, diagnostics
    tokens, comments = _tokens_and_comments(text)
    formatted = _format(text, file.items, tokens, comments, indent)
    if formatted != text:
        again, complaints = parse_file(SourceFile(path, formatted))
        if any(diagnostic.severity == "error" for diagnostic in complaints):
            raise ChangedMeaningError(complaints[0].message)
        changed = difference(file, again)
        if changed is None and _words(comments) != _words(_tokens_and_comments(formatted)[1]):
            changed = "comments"
        if changed is not None:
            raise ChangedMeaningError(changed)
    return formatted, diagnostics


@cache
def _driver() -> Driver:
    return Driver(load(), layout_types, layout_expressions, layout_statements, layout_items)


def _format(text: str, items: Sequence[Item], tokens: list[Token], comments: list[Token], indent: int) -> str:
    line_break = "\r\n" if text.endswith("\r\n", 0, text.rfind("\n") + 1) else "\n"
    end = Token("$END", "", len(text), len(text))
    surroundings = attach(text, [*tokens, end], comments)
    layout = LayoutContext(text, surroundings)
    out: list[str] = []
    previous = ""
    at = 0
    for item in items:
        first = at
        while at < len(tokens) and tokens[at].start < item.offset + len(item.text):
            at += 1
        driver, own = _driver(), tokens[first:at]
        repair = partial(optional_semicolon, driver, tokens=own, text=text)
        made: Part = driver.resume(driver.begin(_RULES[type(item.declaration)]), own, 0, layout, repair)
        code = render(concat(made.settled(), trailing(made.trail)), line_break=line_break, step=indent)
        if out:
            out.append(line_break)
            if made.blank or "\n" in previous or "\n" in code:
                out.append(line_break)
        out += [_before(made.lead, made.gap, line_break), code]
        previous = code
    last = surroundings.get(end.start, NOTHING)
    if last.lead:
        if out:
            out.append(line_break * 2 if last.blank else line_break)
        out.append(render(leading(last.lead), line_break=line_break))
    return "".join([*out, line_break]) if out else ""


def _before(comments: Sequence[Comment], gap: bool, line_break: str) -> str:
    """Return the comments before an item, and the space or line breaks between them and it."""
    if not comments:
        return ""
    text = render(leading(comments), line_break=line_break)
    if not comments[-1].own:
        return f"{text} "
    return text + line_break * (2 if gap else 1)


def _tokens_and_comments(text: str) -> tuple[list[Token], list[Token]]:
    tokens: list[Token] = []
    comments: list[Token] = []
    for token in tokenize(text):
        (comments if token.kind in _COMMENTS else tokens).append(token)
    comments.sort(key=lambda comment: comment.start)
    return tokens, comments


def _words(comments: list[Token]) -> list[str]:
    """Return comments without the blank space at the ends of their lines, which may change."""
    return ["\n".join(line.strip() for line in comment.text.split("\n")) for comment in comments]


def difference(before: File, after: File) -> str | None:
    """Return the path of a node that differs between two files, or None if their trees are equal except for places."""
    if len(before.items) != len(after.items):
        return f"{len(before.items)} items, then {len(after.items)}"
    waiting: list[tuple[str, Any, Any]] = [
        (one.declaration.name, one.declaration, other.declaration)
        for one, other in zip(before.items, after.items, strict=True)
    ]
    while waiting:
        name, one, other = waiting.pop()
        if isinstance(one, Node) and type(one) is type(other):
            waiting += [
                (f"{name}.{field}", value, getattr(other, field))
                for field, value in fields(one)
                if not field.endswith(("_start", "_end"))
            ]
        elif type(one) is tuple and type(other) is tuple and len(one) == len(other):
            waiting += [(name, *pair) for pair in zip(one, other, strict=True)]
        elif type(one) is not type(other) or one != other:
            return name
    return None
