"""Completion: what can stand at the cursor.

Where the cursor is follows from the tokens before it, which are there whatever comes after.  What is visible there is
the compiler's answer for a program in which a placeholder stands at the cursor
(:mod:`bamlvm.tools.language_server.unfinished`); types and configuration need no such program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lsprotocol import types as lsp

from bamlvm.compiler import tir
from bamlvm.compiler.attributes import PLACES
from bamlvm.compiler.uses import Gap
from bamlvm.grammar import syntax
from bamlvm.grammar.lexer import lex
from bamlvm.grammar.tokens import ITEM_KEYWORDS, Token
from bamlvm.tools.language_server import completion_items as items
from bamlvm.tools.language_server.completion_items import Kind, item, words
from bamlvm.tools.language_server.config_completion import environment, in_configuration, place_of
from bamlvm.tools.language_server.conversion import markup, offset_of, range_of
from bamlvm.tools.language_server.descriptions import parameter_text
from bamlvm.tools.language_server.model import Model, nodes
from bamlvm.tools.language_server.prompt_completion import in_expression, in_prompt
from bamlvm.tools.language_server.signatures import open_call, parameters_of
from bamlvm.tools.language_server.unfinished import Unfinished, item_around, unfinished
from bamlvm.tools.language_server.words import ATTRIBUTES
from bamlvm.tools.language_server.workspace import File, Workspace
from bamlvm.vm.program.llm import PROVIDERS
from bamlvm.vm.program.types import ClassType, EnumType

_DOTS: Final = ("DOT", "OPTIONAL_DOT")
TRIGGERS: Final = (".", "|", "@", "{", " ", '"', "/")

_STATEMENTS: Final = ("let", "if", "else", "for", "while", "match", "return", "throw", "break", "continue", "assert")
_OPERANDS: Final = ("true", "false", "null", "match", "if", "await", "spawn", "throw", "return", "env", "baml")
_CONFIGURED: Final = frozenset({"client", "retry_policy", "generator", "test"})
_OPENERS: Final = {"LPAREN": "RPAREN", "LBRACKET": "RBRACKET", "LBRACE": "RBRACE", "INTERPOLATION": "INTERPOLATION_END"}
_TYPE_PARTS: Final = frozenset(
    {"NAME", "DOT", "PIPE", "QUESTION", "LBRACKET", "RBRACKET", "LESS", "GREATER", "GREATER_JOINED", "COMMA", "MAP"}
    | {"STRING", "INT", "TRUE", "FALSE", "NULL"}
)
_ATTRIBUTE: Final = re.compile(r"(@@?)([A-Za-z_.]*)\Z")
_CLIENT_OF: Final = re.compile(r"\bclient[ \t]+([A-Za-z_][\w-]*)?\Z")
_CLIENT_TEXT: Final = re.compile(r"\bclient[ \t]+\"([\w/.-]*)\Z")
_LLM_KEY: Final = re.compile(r"\{(?:\s|//[^\n]*)*(?:client\s+(?:\"[^\"]*\"|[\w-]+)\s*)?\w*\Z")
_WORD: Final = re.compile(r"[\w.\-]*\Z")


def completion(workspace: Workspace, params: lsp.CompletionParams) -> lsp.CompletionList:
    """Return what can stand at the cursor; the client filters by what is written of it."""
    file = workspace.file(params.text_document.uri)
    found: list[lsp.CompletionItem] = []
    if file is not None:
        offset = offset_of(file.text, params.position)
        found = _items(file, offset)
        by_space = params.context is not None and params.context.trigger_character in (" ", "{", '"', "/")
        if by_space and not _follows_a_key(file.text.text[:offset]):
            found = []
    for each in found if lsp.TEXT_DOCUMENT_COMPLETION in workspace.plain else ():
        if isinstance(each.documentation, lsp.MarkupContent):
            each.documentation = markup(each.documentation.value, is_plain=True)
    unique = {each.label: each for each in reversed(found)}
    return lsp.CompletionList(is_incomplete=False, items=[*reversed(unique.values())])


def _follows_a_key(before: str) -> bool:
    """Whether a blank, brace or quote that was typed is one after which a name is expected."""
    line = before.rpartition("\n")[2]
    return bool(
        re.search(
            r"(\{\{\s?|\{%\s?|\|\s|\b(client|provider|retry_policy|functions|strategy|throws|is|new)\s+[\[\"]?|:\s|->\s|\"[\w-]*/?)\Z",
            line,
        )
    )


def _items(file: File, offset: int) -> list[lsp.CompletionItem]:
    part = unfinished(file.text.text, offset)
    if part is None:
        line = file.text.text[:offset].rpartition("\n")[2]
        return words((*ITEM_KEYWORDS, "client<llm>"), rank=1) if re.fullmatch(r"\s*\w*", line) else []
    lexed = lex(part.before, part.keyword)
    if any(each.end == len(part.before) and each.kind != "ERROR" for each in lexed.trivia):
        return []  # in a comment
    tokens = lexed.tokens
    last = tokens[-1] if tokens else None
    if last is not None and last.kind in ("RAW_STRING", "STRING") and last.end == len(part.before):
        inside = _in_string(file, part, tokens)
        if inside is not None:
            return inside
    jinja = next((each for each in lexed.trivia if each.kind == "ERROR" and each.text.startswith("{{")), None)
    if jinja is not None:
        return _ranged(file, offset, in_expression(file, part.start, part.before, jinja.start, part.keyword))
    attribute = _ATTRIBUTE.search(part.before)
    if attribute is not None:
        return _ranged(file, offset, _attributes(part, attribute[1]), len(attribute[2]))
    if part.prefix and tokens and tokens[-1].end == len(part.before):
        tokens = tokens[:-1]
    if part.keyword in _CONFIGURED:
        return _configuration(file, offset, part, lexed.tokens)
    if (named := _CLIENT_OF.search(part.before)) is not None and part.keyword == "function":
        return _ranged(
            file, offset, [*items.items_of(file.program.model(), syntax.Client), *_shorthands()], len(named[1] or "")
        )
    if part.keyword in ("class", "enum", "dynamic") and (found := _in_members(file, part, tokens)) is not None:
        return found
    if is_type_position(tokens, part.keyword):
        return _types(file, tokens)
    return _code(file, part, tokens)


def _in_string(file: File, part: Unfinished, tokens: Sequence[Token]) -> list[lsp.CompletionItem] | None:
    """Return what can stand in the string that the cursor is in; None if it is closed before the cursor."""
    last = tokens[-1]
    opening = re.match(r"#*\"", last.text)
    closer = opening[0][::-1] if opening is not None else '"'
    if len(last.text) > len(closer) and last.text.endswith(closer):
        return None
    shorthand = _CLIENT_TEXT.search(part.before)
    if shorthand is not None:
        place = part.start + len(part.before)
        return _ranged(file, place, _shorthands(quoted=True), len(shorthand[1]))
    before = tokens[-2].kind if len(tokens) > 1 else ""
    if before == "PROMPT" or part.keyword == "template_string":
        place = part.start + len(part.before)
        return _ranged(file, place, in_prompt(file, part.start, part.before, last.start, part.keyword))
    return []


def _ranged(
    file: File, offset: int, found: list[lsp.CompletionItem], length: int | None = None
) -> list[lsp.CompletionItem]:
    """Return items that replace the word before the cursor, ``length`` characters of it."""
    if length is None:
        word = re.search(r"\w*\Z", file.text.text[max(offset - 200, 0) : offset])
        length = len(word[0]) if word is not None else 0
    where = range_of(file.text, offset - length, offset)
    for each in found:
        each.text_edit = lsp.TextEdit(where, each.label)
    return found


def _shorthands(*, quoted: bool = False) -> list[lsp.CompletionItem]:
    sign = "" if quoted else '"'
    return [item(f"{sign}{name}/{sign}", Kind.Value, "provider/model", rank=4) for name in PROVIDERS]


def _attributes(part: Unfinished, sign: str) -> list[lsp.CompletionItem]:
    place = {"enum": "variant", "type": "type", "test": "test"}.get(
        part.keyword, "field" if part.keyword == "class" else "type"
    )
    if sign == "@@":
        place = part.keyword if part.keyword in ("class", "enum", "test") else place
    return [item(name, Kind.Property, doc=ATTRIBUTES.get(name, ""), rank=1) for name in sorted(PLACES[place])]


def _configuration(file: File, offset: int, part: Unfinished, tokens: Sequence[Token]) -> list[lsp.CompletionItem]:
    word = _WORD.search(part.before)
    written = word[0] if word is not None else ""
    if written and tokens and tokens[-1].end == len(part.before):
        tokens = tokens[:-1]
    model = file.program.model()
    if written.startswith("env."):
        return _ranged(file, offset, environment(model), len(written))
    whole = lex(
        file.text.text[part.start : part.start + len(part.before)] + "\n" + _after(file, part), part.keyword
    ).tokens
    plain: dict[str, str] = {}
    functions: list[str] = []
    depth = 0
    for at, token in enumerate(whole[:-1]):
        following = whole[at + 1]
        depth += (token.kind in ("LBRACE", "LBRACKET")) - (token.kind in ("RBRACE", "RBRACKET"))
        if depth == 1 and token.kind == "WORD":
            plain.setdefault(token.text, following.text.strip('"'))
        if token.text == "functions" and depth == 1:
            for each in whole[at + 1 :]:
                if each.kind == "RBRACKET" or (each.kind == "WORD" and following.kind != "LBRACKET"):
                    functions += [each.text] if each.kind == "WORD" else []
                    break
                functions += [each.text.strip('"')] if each.kind in ("WORD", "STRING") else []
    place = place_of(tokens, part.before[: len(part.before) - len(written)])
    return _ranged(file, offset, in_configuration(model, part.keyword, place, plain, functions), len(written))


def _after(file: File, part: Unfinished) -> str:
    """Return the rest of the item after the cursor."""
    place = part.start + len(part.before)
    around = item_around(file.text.text, place)
    return file.text.text[place : max(around.end, place)] if around is not None else ""


def _in_members(file: File, part: Unfinished, tokens: Sequence[Token]) -> list[lsp.CompletionItem] | None:
    """Return what can stand among the members of a class or enum; None in a method."""
    opened = opened_at(tokens)
    if len(opened) != 1 or tokens[opened[0]].kind != "LBRACE":
        return [] if not opened else None
    if part.keyword == "enum":
        return []
    last = tokens[-1]
    on_its_line = "\n" not in part.before[last.end :]
    if on_its_line and (last.kind == "NAME" or last.kind in ("PIPE", "COLON")) and last.kind != "LBRACE":
        return items.types(file.program.model())
    return words(("function",), rank=1) if not on_its_line or last.kind == "LBRACE" else []


def opened_at(tokens: Sequence[Token]) -> list[int]:
    """Return the places of the delimiters that tokens leave open."""
    opened: list[int] = []
    for at, token in enumerate(tokens):
        if token.kind in _OPENERS:
            opened.append(at)
        elif token.kind in _OPENERS.values() and opened:
            opened.pop()
    return opened


def is_type_position(tokens: Sequence[Token], keyword: str) -> bool:
    """Whether a type stands after tokens: the parts of one are skipped backwards to what it belongs to."""
    at = len(tokens) - 1
    depth = 0
    if not tokens or tokens[at].kind in ("NAME", "STRING", "INT", "RBRACKET", "QUESTION", "GREATER", "NULL"):
        return False  # a type is there already
    while at >= 0:
        kind = tokens[at].kind
        if kind in ("ARROW", "THROWS", "IS", "INSTANCEOF"):
            return True
        if kind == "COLON":
            return _declares(tokens, at)
        if kind == "ASSIGN":
            return keyword == "type" and at < 3
        if kind == "RPAREN":
            depth += 1
        elif kind == "LPAREN" and depth:
            depth -= 1
        elif not depth and kind not in _TYPE_PARTS:
            return False
        at -= 1
    return False


def _declares(tokens: Sequence[Token], colon: int) -> bool:
    """Whether a colon is that of a declaration: of a variable, a parameter, a pattern, or the type of a match."""
    before = tokens[colon - 2].kind if colon > 1 else ""
    if before in ("LET", "CONST"):
        return True
    opened = opened_at(tokens[:colon])
    if not opened:
        return False
    opener = tokens[opened[-1]]
    head = tokens[opened[-1] - 1].kind if opened[-1] else ""
    if opener.kind == "LPAREN":
        is_call = head in ("NAME", "RPAREN", "RBRACKET") and not (
            opened[-1] > 1 and tokens[opened[-1] - 2].kind == "FUNCTION"
        )
        return not is_call
    return opener.kind == "LBRACE" and head == "RPAREN" and before in ("LBRACE", "COMMA", "RBRACE")


def _types(file: File, tokens: Sequence[Token]) -> list[lsp.CompletionItem]:
    model = file.program.model()
    if tokens[-1].kind == "DOT":
        at = len(tokens) - 1
        while at > 1 and tokens[at].kind == "DOT" and tokens[at - 1].kind == "NAME":
            at -= 2
        path = "".join(token.text for token in tokens[at + 1 : -1]) if tokens[at].kind != "DOT" else ""
        return items.under(model, path)
    return items.types(model)


def _code(file: File, part: Unfinished, tokens: Sequence[Token]) -> list[lsp.CompletionItem]:
    if [token.text for token in tokens[-2:]] == ["env", "."] and (len(tokens) < 3 or tokens[-3].kind != "DOT"):
        return environment_members(file)
    model = file.program.variant(file.path, part.completed)
    gap = model.gap_at(file.path, part.place)
    if gap is not None and isinstance(gap.owner, str):
        return items.under(model, gap.owner)
    if gap is not None and gap.owner is not None:
        if isinstance(gap.owner, EnumType):
            return items.variants_of(model, gap.owner.name)
        if isinstance(gap.owner, ClassType) and not (tokens and tokens[-1].kind in _DOTS):
            return [*items.fields_of(model, gap.owner.name), *_names(model, file, part, tokens, gap)]
        return items.members_of(model, gap.owner)
    if tokens and tokens[-1].kind in _DOTS:
        return []
    cases = _cases(model, file.path, part.place)
    if cases:
        return [*cases, item("_", Kind.Keyword, "any other", rank=5)]
    found = _names(model, file, part, tokens, gap)
    if part.keyword == "function" and _LLM_KEY.search(part.before) and len(opened_at(tokens)) == 1:
        found = [*words(("client", "prompt"), Kind.Property, 2), *found]
    return found


def _cases(model: Model, path: str, place: int) -> list[lsp.CompletionItem]:
    """Return the cases of what is matched, or caught, if a pattern stands at a place."""
    around = model.item_at(path, place)
    if around is None:
        return []
    checked = [model.stages.tir[each.name] for each in model.functions(around) if each.name in model.stages.tir]
    for function in checked:
        for node in nodes(function.body):
            if isinstance(node, tir.Match | tir.Catch) and any(
                arm.pattern.start <= place - around.offset <= arm.pattern.end for arm in node.arms
            ):
                caught = node.binding if isinstance(node, tir.Catch) else -1
                matched = node.scrutinee.type if isinstance(node, tir.Match) else function.local_types[caught]
                return items.cases_of(model, matched)
    return []


def environment_members(file: File) -> list[lsp.CompletionItem]:
    """Return the variables that can stand after ``env.`` and the functions of that namespace."""
    model = file.program.model()
    variables = [item(each.label.removeprefix("env."), Kind.Variable, rank=2) for each in environment(model)]
    return [*variables, *items.under(model, "env")]


def _names(
    model: Model, file: File, part: Unfinished, tokens: Sequence[Token], gap: Gap | None
) -> list[lsp.CompletionItem]:
    """Return what a bare name can be; ``model`` is of the program with the placeholder."""
    found: list[lsp.CompletionItem] = []
    around = model.item_at(file.path, part.place)
    if gap is not None and around is not None:
        for function in model.functions(around):
            if function.start <= part.place - around.offset <= function.end:
                found += items.locals_of(model, function.name, gap.visible)
    call = open_call(tokens)
    if call is not None and tokens[-1].kind in ("LPAREN", "COMMA"):
        for each in model.at(file.path, part.start + call.callee_end):
            for parameter in parameters_of(model, each.symbol) or ():
                named = item(f"{parameter.name} =", Kind.Property, parameter_text(parameter), rank=2)
                named.filter_text, named.insert_text = parameter.name, f"{parameter.name} = "
                found.append(named)
    kinds = (syntax.Function, syntax.Class, syntax.Enum, syntax.Constant)
    found += items.items_of(model, *kinds)
    starts = not tokens or tokens[-1].kind in ("LBRACE", "RBRACE", "SEMICOLON") or "\n" in part.before[tokens[-1].end :]
    return [*found, *words((*_STATEMENTS, *_OPERANDS) if starts else _OPERANDS), item("print", Kind.Function, rank=7)]
