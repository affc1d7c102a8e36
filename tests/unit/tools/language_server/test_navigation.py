"""Definitions, types, references, highlights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp

from bamlvm import stdlib
from tests.support.editor import Editor, at, excerpt, marked

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TYPES = """class Person { name string  next Person? }
enum Mood { Calm Loud }
template_string Hello(who: Person) #"Hello {{ who.name }}"#
client<llm> Fast { provider openai options { model "gpt-4o" } }
function Ask(person: Person) -> Mood { client Fast prompt #"{{ Hello(person) }} {{ person.name }}"# }
"""


def words(found: Any, texts: dict[str, str]) -> list[str]:
    """The places that were found: file, line from 1, and text."""
    places = []
    for each in found or ():
        name = each.uri.rpartition("/")[2]
        places.append(f"{name}:{each.range.start.line + 1}:{excerpt(texts[each.uri], each.range)}")
    return places


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("function f(p: Pe‸rson) -> int { 1 }", ["types.baml:1:Person"]),
        ("function f(p: Person) -> string { p.na‸me }", ["types.baml:1:name"]),
        ("function f() -> Mood { Mood.L‸oud }", ["types.baml:2:Loud"]),
        ("function f(p: Person) -> int { let q = p; ‸q; 1 }", ["main.baml:1:q"]),
        ("function f(p: Person) -> Mood { Ask(per‸son = p) }", ["types.baml:5:person"]),
        ('function F(p: Person) -> Mood { client Fa‸st prompt #"{{ p }}"# }', ["types.baml:4:Fast"]),
        ('function F(p: Person) -> Mood { client Fast prompt #"{{ ‸p }}"# }', ["main.baml:1:p"]),
        ('function F(p: Person) -> Mood { client Fast prompt #"{% set y = p %}{{ ‸y }}"# }', ["main.baml:1:y"]),
        ('function F(p: Person) -> Mood { client Fast prompt #"{{ He‸llo(p) }}"# }', ["types.baml:3:Hello"]),
        ("test T { functions [As‸k] args { person { name 1 } } }", ["types.baml:5:Ask"]),
        ("test T { functions [Ask] args { person { na‸me 1 } } }", ["types.baml:1:name"]),
        ("function f() -> int { let x = 1; let y = ; ‸x }", ["main.baml:1:x"]),
        ("function f() -> int { 1‸1 }", []),
    ],
)
async def test_definition(editor: Editor, source: Path, text: str, places: list[str]) -> None:
    (source / "types.baml").write_text(TYPES)
    text, (place,) = marked(text)
    uri = editor.open(source / "main.baml", text)
    found = await editor.client.text_document_definition_async(lsp.DefinitionParams(**at(uri, place)))
    assert words(found, {uri: text, (source / "types.baml").as_uri(): TYPES}) == places
    editor.close(uri)


async def test_the_standard_library_has_sources(editor: Editor, source: Path) -> None:
    text, (place,) = marked('function f() -> int { "a".len‸gth() }')
    uri = editor.open(source / "main.baml", text)
    found = await editor.client.text_document_definition_async(lsp.DefinitionParams(**at(uri, place)))
    file = stdlib.FOLDER / "string.baml"
    assert words(found, {file.as_uri(): file.read_text()}) == ["string.baml:6:length"]


async def test_type_definition(editor: Editor, source: Path) -> None:
    (source / "types.baml").write_text(TYPES)
    text, (place,) = marked("function f(p: Person) -> Mood { let all = [p]; a‸ll; Mood.Calm }")
    uri = editor.open(source / "main.baml", text)
    found = await editor.client.text_document_type_definition_async(lsp.TypeDefinitionParams(**at(uri, place)))
    assert words(found, {(source / "types.baml").as_uri(): TYPES}) == ["types.baml:1:Person"]


async def test_references_go_across_files_and_into_prompts(editor: Editor, source: Path) -> None:
    (source / "types.baml").write_text(TYPES)
    text, (place,) = marked(
        "function f(p: Person) -> string { p.na‸me }\ntest T { functions [Ask] args { person { name 1 } } }"
    )
    uri = editor.open(source / "main.baml", text)
    texts = {uri: text, (source / "types.baml").as_uri(): TYPES}

    async def references(declared: bool) -> list[str]:
        context = lsp.ReferenceContext(include_declaration=declared)
        params = lsp.ReferenceParams(context=context, **at(uri, place))
        return words(await editor.client.text_document_references_async(params), texts)

    uses = ["main.baml:1:name", "main.baml:2:name", "types.baml:3:name", "types.baml:5:name"]
    assert await references(False) == uses
    assert sorted(await references(True)) == sorted([*uses, "types.baml:1:name"])
    found = await editor.client.text_document_document_highlight_async(lsp.DocumentHighlightParams(**at(uri, place)))
    assert [excerpt(text, each.range) for each in found or ()] == ["name", "name"]
