"""Semantic tokens: every word of a document by what it means; prompts are Jinja inside of strings.

A token is the lexer's; a name has the kind of its symbol.  A prompt is cut into its text, which is a string, and the
words of its tags.  No token has a line end, and none overlaps another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from lsprotocol import types as lsp

from bamlvm.compiler.templates.places import Places, text_of
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.grammar.dump import tokenize
from bamlvm.grammar.tokens import Token
from bamlvm.tools.language_server.conversion import offset_of
from bamlvm.tools.language_server.model import STANDARD_FOLDER, Model
from bamlvm.tools.language_server.positions import Text
from bamlvm.tools.language_server.workspace import File, Workspace
from bamlvm.vm.program.types import PRIMITIVES

TYPES: Final = (
    *("namespace", "type", "class", "enum", "interface", "struct", "typeParameter", "parameter", "variable"),
    *("property", "enumMember", "event", "function", "method", "macro", "keyword", "modifier", "comment", "string"),
    *("number", "regexp", "operator", "decorator"),
)
MODIFIERS: Final = ("declaration", "readonly", "documentation", "defaultLibrary")
LEGEND: Final = lsp.SemanticTokensLegend(TYPES, MODIFIERS)

_PLACES: Final = {name: place for place, name in enumerate(TYPES)}
_BITS: Final = {name: 1 << place for place, name in enumerate(MODIFIERS)}
_KINDS: Final = {
    "COMMENT": "comment",
    "DOC_COMMENT": "comment",
    "HEADER": "comment",
    "STRING": "string",
    "RAW_STRING": "string",
    "TEMPLATE_START": "string",
    "TEMPLATE_TEXT": "string",
    "TEMPLATE_END": "string",
    "INTERPOLATION": "operator",
    "INTERPOLATION_END": "operator",
    "INT": "number",
    "FLOAT": "number",
    "ATTRIBUTE": "decorator",
    "BLOCK_ATTRIBUTE": "decorator",
    "ENV": "variable",
}
_OPERATORS: Final = frozenset(
    {"OR", "AND", "COALESCE", "PIPE", "CARET", "AMPERSAND", "EQUALITY", "LESS", "GREATER", "GREATER_JOINED"}
    | {"COMPARISON", "SHIFT_LEFT", "PLUS", "MINUS", "MULTIPLY", "NOT", "ASSIGN", "COMPOUND_ASSIGN", "ARROW"}
    | {"FAT_ARROW", "QUESTION", "ELLIPSIS"}
)
_ITEMS: Final[dict[type[syntax.Node], tuple[str, int]]] = {
    syntax.Class: ("class", 0),
    syntax.Enum: ("enum", 0),
    syntax.Alias: ("type", 0),
    syntax.Function: ("function", 0),
    syntax.TemplateString: ("macro", 0),
    syntax.Constant: ("variable", _BITS["readonly"]),
    syntax.Client: ("struct", 0),
    syntax.RetryPolicy: ("struct", 0),
    syntax.Generator: ("struct", 0),
    syntax.Test: ("event", 0),
}
_JINJA_WORDS: Final = (
    "and as autoescape block break call continue do elif else endautoescape endblock endcall endfilter endfor endif "
    "endmacro endset endwith filter for from if ignore import in include is macro missing not or recursive set with "
    "without true false none True False None null"
)
_JINJA_KEYWORDS: Final = frozenset(_JINJA_WORDS.split())


class Painted(NamedTuple):
    """A range of a text and what it is."""

    start: int
    end: int
    kind: str
    modifiers: int = 0


def semantic_tokens(workspace: Workspace, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
    """Return the tokens of a document."""
    file = workspace.file(params.text_document.uri)
    return lsp.SemanticTokens(_encoded(file.text, painted(file)) if file is not None else [])


def semantic_tokens_range(workspace: Workspace, params: lsp.SemanticTokensRangeParams) -> lsp.SemanticTokens:
    """Return the tokens of a range of a document."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return lsp.SemanticTokens([])
    start, end = offset_of(file.text, params.range.start), offset_of(file.text, params.range.end)
    return lsp.SemanticTokens(_encoded(file.text, [p for p in painted(file) if p.start < end and start < p.end]))


def painted(file: File) -> list[Painted]:
    """Return what is painted in a file, in order."""
    model = file.program.model()
    names: dict[tuple[int, int], tuple[str, int]] = {}
    keys: set[int] = set()
    prompts: dict[int, list[Painted]] = {}
    for item in model.items(file.path):
        for found in model.in_item(item):
            kind, modifiers = _of_symbol(model, found.symbol)
            declares = _BITS["declaration"] if found.use is None else 0
            names.setdefault((found.span.start, found.span.end), (kind, modifiers | declares))
        for node in syntax.walk(item.declaration):
            if isinstance(node, syntax.ConfigEntry):
                keys.add(item.offset + node.start)
            elif isinstance(node, syntax.Prompt):
                prompts[item.offset + node.start] = _prompt(item, node, names)
            elif isinstance(node, syntax.ConfigExpression):
                prompts[item.offset + node.start] = _expression(item, node, names)
    result: list[Painted] = []
    for token in tokenize(file.text.text):
        if token.start in prompts:
            result += _around(token, prompts[token.start], "string" if token.kind != "JINJA" else "operator")
        else:
            result += _of_token(token, names, keys)
    return [line for each in result for line in _lines(file.text.text, each)]


def _of_symbol(model: Model, symbol: Symbol) -> tuple[str, int]:
    declared = model.declaration(symbol)
    built_in = _BITS["defaultLibrary"] if declared and declared.name.file.startswith(STANDARD_FOLDER) else 0
    match symbol.kind:
        case "item":
            kind, modifiers = _ITEMS.get(type(declared.node), ("variable", 0)) if declared else ("variable", 0)
            return kind, modifiers | built_in
        case "member":
            node = declared.node if declared is not None else None
            kind = "method" if isinstance(node, syntax.Function) else "property"
            return ("enumMember" if isinstance(node, syntax.Variant) else kind), built_in
        case "parameter":
            return "parameter", 0
        case "environment":
            return "variable", _BITS["readonly"]
        case _:
            return "variable", 0 if symbol.owner else _BITS["defaultLibrary"]


def _of_token(token: Token, names: dict[tuple[int, int], tuple[str, int]], keys: set[int]) -> Iterator[Painted]:
    start, end, kind = token.start, token.end, token.kind
    quoted = (start + 1, end - 1)
    if (start, end) in names:
        yield Painted(start, end, *names[start, end])
    elif kind == "STRING" and quoted in names:
        yield Painted(start, start + 1, "string")
        yield Painted(*quoted, *names[quoted])
        yield Painted(end - 1, end, "string")
    elif start in keys and kind in ("WORD", "NAME", "STRING"):
        yield Painted(start, end, "property")
    elif kind in _KINDS:
        yield Painted(start, end, _KINDS[kind], _BITS["documentation"] if kind == "DOC_COMMENT" else 0)
    elif kind in _OPERATORS:
        yield Painted(start, end, "operator")
    elif kind == "NAME" and token.text in PRIMITIVES:
        yield Painted(start, end, "type", _BITS["defaultLibrary"])
    elif kind == "WORD":
        yield Painted(start, end, "string")
    elif kind not in ("NAME", "ERROR") and token.text.replace("_", "").isalpha():
        yield Painted(start, end, "type" if kind == "MAP" else "keyword", _BITS["defaultLibrary"] * (kind == "MAP"))


def _prompt(item: syntax.Item, node: syntax.Prompt, names: dict[tuple[int, int], tuple[str, int]]) -> list[Painted]:
    """Return the words of the tags of a prompt."""
    text, places = text_of(node), Places(node)
    found = []
    for start, end, kind in _jinja(text):
        first, last = places.source(start, end)
        if (first, last) != (node.start, node.end):
            found.append((item.offset + first, item.offset + last, kind))
    return _named(found, names)


def _expression(
    item: syntax.Item, node: syntax.ConfigExpression, names: dict[tuple[int, int], tuple[str, int]]
) -> list[Painted]:
    """Return the words of an expression ``{{ … }}`` of an attribute."""
    base = item.offset + node.start
    written = item.text[node.start : node.end]
    return _named([(base + start, base + end, kind) for start, end, kind in _jinja(written)], names)


def _named(found: Iterable[tuple[int, int, str]], names: dict[tuple[int, int], tuple[str, int]]) -> list[Painted]:
    return [
        Painted(start, end, *names[start, end]) if (start, end) in names else Painted(start, end, kind)
        for start, end, kind in found
    ]


def _jinja(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the words of a template outside of its plain text, each with its kind."""
    from bamlvm.compiler.templates.parsing import words_of  # importing Jinja is slow

    before = ""
    for word in words_of(text):
        match word.kind:
            case "data":
                pass
            case "name":
                kind = "keyword" if word.text in _JINJA_KEYWORDS and before != "." else "variable"
                kind = "function" if before == "|" else "property" if before == "." else kind
                yield word.start, word.end, kind
            case "string":
                yield word.start, word.end, "string"
            case "integer" | "float":
                yield word.start, word.end, "number"
            case "comment_begin" | "comment" | "comment_end":
                yield word.start, word.end, "comment"
            case _:
                yield word.start, word.end, "operator"
        before = word.text


def _around(token: Token, inner: list[Painted], kind: str) -> Iterator[Painted]:
    """Yield the parts of a token: those inside it, and what is between them."""
    place = token.start
    for each in sorted(inner):
        if each.start < place or each.end > token.end:
            continue
        if each.start > place:
            yield Painted(place, each.start, kind)
        yield each
        place = each.end
    if place < token.end:
        yield Painted(place, token.end, kind)


def _lines(text: str, part: Painted) -> Iterator[Painted]:
    """Yield the parts of a range on each line, without blanks at their ends."""
    start = part.start
    for line in text[part.start : part.end].splitlines(keepends=True):
        content = line.strip()
        if content:
            first = start + len(line) - len(line.lstrip())
            yield part._replace(start=first, end=first + len(content))
        start += len(line)


def _encoded(text: Text, parts: Iterable[Painted]) -> list[int]:
    """Return tokens as the protocol has them: five numbers each, places relative to the token before."""
    data: list[int] = []
    line = column = 0
    for each in parts:
        place = text.place(each.start)
        width = text.width(each.start, each.end)
        delta = place.column - column if place.line == line else place.column
        data += (place.line - line, delta, width, _PLACES[each.kind], each.modifiers)
        line, column = place
    return data
