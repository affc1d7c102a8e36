"""Prompts are checked at compile time: what is reported, where, and that nothing sound is reported.

The guard against false reports is the renderer itself: every prompt of the corpus and every template below that is said
to be sound is rendered with values of its types, and what is reported on a template fails when it is rendered.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm.compiler import config
from bamlvm.compiler.project import Project, Stages, compile_project
from bamlvm.compiler.templates.parsing import TemplateError, parse
from bamlvm.compiler.templates.places import Places, text_of
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.grammar.syntax import Function, LlmBody, Prompt
from bamlvm.sysops.prompts.engine import Engine, PromptContext
from bamlvm.sysops.prompts.environment import Environment
from bamlvm.vm.program.prompt_names import CONSTANTS, FILTERS, GLOBALS, TESTS
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    AliasType,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    UnionType,
    VariantType,
)
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.values import EnumValue, Instance, LoadedClass, Media, Thrown
from tests.snapshots.cases import names, sources, standard_stages

pytestmark = pytest.mark.no_program

TYPES = """
class Item { name string  price float  tags string[]  notes map<string, Item>?  owner Person?  size Size }
class Person { name string  email string?  function initials(self) -> string { "A" } }
class Open { id int  @@dynamic }
enum Size { Small @alias("s")  Large }
enum Mood { Good  @@dynamic }
template_string Line(item: Item, number: int) #"{{ number }}. {{ item.name }}"#
"""
PARAMETERS = (
    "item: Item, items: Item[], text: string, by_name: map<string, Item>, maybe: Item?, "
    "either: Item | Person, open: Open"
)

SOUND = [
    "{{ item.items()|length }}{% for name, value in item.items() %}{{ name.upper() }}{{ value }}{% endfor %}",
    "{{ [1]|zip(['a'])|list }}{{ [1]|chain([2])|list }}{{ text is startingwith('a') }}{{ item is mapping }}",
    "{{ item.name }} {{ items[0].tags[0] }} {{ item['name'] }} {{ items[-1:]|length }}",
    "{% for item in items recursive %}{{ loop.index }}{{ loop.previtem is defined }}{{ item.price }}{% endfor %}",
    "{% for name, item in by_name.items() %}{{ name.upper() }}{{ item.price }}{% else %}-{% endfor %}",
    "{% for name in by_name %}{{ name }}{% endfor %}{{ by_name.any_key is defined }}{{ by_name.keys()|list }}",
    "{% for name, item in by_name|dictsort %}{{ item.owner.name if item.owner }}{% endfor %}",
    "{% set x = item %}{{ x.name }}{% if x %}{% set x = text %}{% endif %}{{ x }}",
    "{% set a, b = text, item %}{{ a }}{{ b.price }}",
    "{% set n = namespace(sum=0) %}{% for i in items %}{% set n.sum = n.sum + i.price %}{% endfor %}{{ n.sum }}",
    "{% set block %}{{ text }}{% endset %}{{ block|upper }}",
    "{% macro m(a, b=1) %}{{ a }}{{ b }}{{ later }}{{ other() }}{% endmacro %}"
    "{% macro other() %}!{% endmacro %}{% set later = 2 %}{{ m(1) }}{{ m(1, b=2) }}",
    "{% macro m() %}{{ varargs|length }}{{ kwargs|length }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro box(title) %}{{ title }}{{ caller(1) }}{% endmacro %}{% call(n) box('t') %}{{ n }}{% endcall %}",
    "{% with a = item, b = 1 %}{{ a.name }}{{ b }}{% endwith %}",
    "{%- if text is defined and nothing is not defined -%} {{ nothing|default('d') }} {%- endif +%}",
    "{% if nothing is defined %}{{ nothing.x.y }}{% endif %}{{ item.colour is defined }}{{ item.colour|d('-') }}",
    "{% raw %}{{ nothing }}{% endraw %}{# {{ nothing }} #}{{ '{{ nothing }}' }}",
    "{{ 'a' if text }}{{ 'a' ~ 1 ~ item.price }}{{ text is string }}{{ 3 is divisibleby(3) }}",
    "{{ items|map(attribute='name')|join(', ') }}{{ items|map(attribute='size.value')|list }}",
    "{{ items|map('string')|list }}",
    "{{ items|selectattr('owner', 'none')|list|length }}{{ items|sort(attribute='price,name')|length }}",
    "{{ (items|first).name }}{{ (items|last).price }}{{ items|sum(attribute='price') }}{{ items|batch(2)|first }}",
    "{% for g in items|groupby('size') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}",
    "{{ item|format(type='json') }}{{ item|tojson }}{{ text|replace('a', 'b')|trim|truncate(5) }}",
    "{{ item.size == Size.Small }}{{ item.size.value }}{{ item.size == 'Large' }}{{ Size.Large }}",
    "{{ maybe.name if maybe }}{{ either.name }}{{ maybe is none }}{{ maybe == null }}{{ None }}{{ True }}",
    "{{ Line(item, 1) }}{{ Line(number=2, item=items[0]) }}{{ Line(item, *[1]) }}",
    "{{ _.role('user') }}{{ _.chat(role='system') }}{{ _.role('user', cache_control={'type': 'ephemeral'}) }}",
    "{{ ctx.output_format }}{{ ctx.output_format(prefix='x', or_splitter=' or ') }}",
    "{{ ctx.client.name }}{{ ctx.tags.any }}",
    "{% for i in range(3) %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i) }}{{ loop.length }}{% endfor %}",
    "{% for i in items if i.price > 1 %}{{ i.name }}{% endfor %}{{ text.split(',')[0].strip() }}",
    "{% filter upper %}{{ text }}{% endfilter %}{% block b %}{{ text }}{% endblock %}",
    "{{ open.id }}{{ dict(a=1).a }}{{ {'a': 1}.a }}{{ [1, 2]|max }}{{ (1, 'a')[1] }}{{ 1 < 2 < 3 }}{{ -1 // 2 ** 2 }}",
]

UNSOUND = [
    ("{{ «nothing» }}", "E0070", "unknown variable"),
    ("a\n  b {{ item.«nmae» }}", "E0070", "`Item` has no field `nmae`"),
    ("{{ item[«'nmae'»] }}", "E0070", "`Item` has no field"),
    ("{% for i in items %}{{ i.«nmae» }}{% endfor %}", "E0070", "`Item`"),
    ("{% for k, v in by_name.items() %}{{ v.«nmae» }}{% endfor %}", "E0070", "`Item`"),
    ("{% for i in items %}{{ i }}{% endfor %}{{ «i» }}", "E0070", "unknown variable"),
    ("{% for i in items %}{{ loop.«indx» }}{% endfor %}", "E0070", "`loop`"),
    ("{{ «loop».index }}", "E0070", "unknown variable"),
    ("{% set x = items[0] %}{{ x.«nmae» }}", "E0070", "`Item`"),
    ("{{ either.«nam» }}", "E0070", "has no field"),
    ("{{ maybe.«nam» }}", "E0070", "has no field"),
    ("{{ item.«initials»() }}", "E0070", "has no field"),
    ("{{ text.«length» }}", "E0070", "a string has no"),
    ("{{ items.«length» }}", "E0070", "a list has no"),
    ("{{ item.size.«name» }}", "E0070", "a variant of `Size`"),
    ("{{ Size.«Smal» }}", "E0070", "no variant"),
    ("{{ items|map(attribute=«'nam'»)|join }}", "E0070", "`Item`"),
    ("{{ items|map(attribute=«'size.nam'»)|join }}", "E0070", "a variant of `Size`"),
    ("{{ ctx.«outputformat» }}", "E0070", "`ctx` has no"),
    ("{{ ctx.client.«model» }}", "E0070", "`ctx.client` has no"),
    ("{{ _.«rule»('user') }}", "E0070", "`_` has no"),
    ("{{ «Lin»(item, 1) }}", "E0070", "unknown template string or macro"),
    ("{{ item.«nope».x is defined }}", "E0070", "no field"),
    ("{% macro m(a) %}{{ a }}{{ «nope» }}{% endmacro %}{{ m(1) }}", "E0070", "unknown variable"),
    ("{{ text|«uper» }}", "E0071", "unknown filter"),
    ("{{ text is not   «emtpy» }}", "E0071", "unknown test"),
    ("{{ [text]|map(«'uper'»)|list }}", "E0071", "unknown filter"),
    ("{{ [1]|select(«'od'»)|list }}", "E0071", "unknown test"),
    ("{{ «Line(item)» }}", "E0072", "without `number`"),
    ("{{ «Line(item, 1, 2)» }}", "E0072", "takes 2 arguments, not 3"),
    ("{{ Line(item, «nmber»=1) }}", "E0072", "no parameter `nmber`"),
    ("{{ Line(item, 1, «item»=item) }}", "E0072", "twice"),
    ("{% macro m(a) %}{{ a }}{% endmacro %}{{ «m(1, (2, 3))» }}", "E0072", "takes 1 argument, not 2"),
    ("{{ _.«role()» }}", "E0072", "takes a role's name"),
    ("{{ ctx.«output_format('x')» }}", "E0072", "by name"),
    ("{{ ctx.output_format(«prefx»='x') }}", "E0072", "no option `prefx`"),
    ("{{ ctx.output_format(prefix='x', «map_style»='round') }}", "E0072", '`map_style` takes "angle" or "object"'),
    ("{{ ctx.output_format(«hoist_classes»=1) }}", "E0072", "a list of class names"),
    ("{{ ctx.output_format(«or_splitter»=none) }}", "E0072", "`or_splitter` takes a string"),
    ("{{ item|format(type=«'xml'») }}", "E0072", "no type `xml`"),
    ("{{ item|«format» }}", "E0072", "needs a `type`"),
    ("{% «for» i in items %}{{ i }}", "E0073", "never closed"),
    ("{% for i in items %}{% «if» i %}{% endfor %}", "E0073", "`if` is still open"),
    ("{{ text «?» 1 }}", "E0073", "unexpected char `?`"),
    ("{% «bogus» %}", "E0073", "unknown tag `bogus`"),
    ("a «{#» b", "E0073", "missing end of comment"),
    ("{% «include» 'x' %}", "E0073", "cannot `include`"),
]


@cache
def standard() -> Unit:
    unit = standard_stages().unit
    assert unit is not None
    return unit


def project(prompt: str) -> tuple[Stages, str]:
    """A function with this prompt, compiled, and its source."""
    source = f'{TYPES}\nfunction F({PARAMETERS}) -> string {{ client "openai/gpt-4o" prompt ##"{prompt}"## }}\n'
    return compile_project({"main.baml": source}, standard()), source


# --- values and rendering ---------------------------------------------------------------------------------------------


def sample(type_: Type, made: Stages, depth: int = 0) -> Any:
    """A value of a type; lists and maps hold one thing until it gets too deep."""
    symbols = made.symbols
    match type_:
        case ClassType(name):
            info = symbols.class_(name)
            assert info is not None
            return Instance(LoadedClass(info), [sample(field.type, made, depth + 1) for field in info.fields])
        case EnumType(name):
            info_ = symbols.enum(name)
            assert info_ is not None
            return EnumValue(name, info_.variants[0].name, 0)
        case VariantType(name, variant):
            return EnumValue(name, variant, 0)
        case ListType(item):
            return [] if depth > 4 else [sample(item, made, depth + 1)]
        case MapType(key, value):
            return {} if depth > 4 else {sample(key, made, depth + 1): sample(value, made, depth + 1)}
        case UnionType(parts):
            return None if NULL in parts and depth > 2 else sample(parts[0], made, depth + 1)
        case LiteralType(value):
            return value
        case AliasType():
            return sample(symbols.expand(type_), made, depth + 1)
        case Primitive(name):
            return Media("image", "image/png", "url", "https://example.com") if type_ not in SCALARS else SCALARS[type_]
        case _:
            raise AssertionError(type_)


SCALARS: Mapping[Type, Any] = {STRING: "text", INT: 1, FLOAT: 1.5, BOOL: True, NULL: None}


def render(made: Stages, name: str, template: str, parameters: Mapping[str, Type]) -> None:
    """Render a template with values of its parameters' types.  Raises :class:`Thrown`."""
    engine = Engine(made.symbols.enums, config.templates(made.index))
    context = PromptContext("Client", "openai", "user", STRING, {})
    engine.render(name, template, {key: sample(type_, made) for key, type_ in parameters.items()}, context)


def prompts(made: Stages) -> list[tuple[str, Prompt]]:
    found = [(name, function) for name, (_, function) in made.symbols.bodies.items()]
    return [(n, f.body.prompt) for n, f in found if isinstance(f.body, LlmBody) and f.body.prompt is not None]


def parameters(made: Stages, name: str) -> dict[str, Type]:
    return {each.name: each.type for each in made.symbols.signatures[name].parameters}


# --- tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", SOUND)
def test_sound_templates_are_not_reported_and_render(prompt: str) -> None:
    made, _ = project(prompt)
    assert made.diagnostics == []
    render(made, "F", prompt, parameters(made, "F"))


@pytest.mark.parametrize(("marked", "code", "message"), UNSOUND)
def test_what_is_wrong_is_reported_at_its_place_and_an_error_fails_to_render(
    marked: str, code: str, message: str
) -> None:
    """A name or field that is missing renders as nothing: a warning, unless it is called."""
    prompt = marked.replace("«", "").replace("»", "")
    made, source = project(prompt)
    (found,) = made.diagnostics
    is_called = marked.partition("»")[2].startswith("(")
    assert (found.code, found.severity) == (code, "warning" if code == "E0070" and not is_called else "error")
    assert message in found.message
    assert source[found.span.start : found.span.end] == marked.partition("«")[2].partition("»")[0]
    if found.severity == "error":
        with pytest.raises(Thrown):
            render(made, "F", prompt, parameters(made, "F"))


@pytest.mark.parametrize(("iterable", "hint"), [("by_name", "write `.items()`"), ("item.tags", None)])
def test_a_loop_that_names_the_parts_of_texts_is_warned_about(iterable: str, hint: str | None) -> None:
    """There may be nothing to loop over, and then it runs."""
    made, source = project(f"{{% for key, value in {iterable} %}}{{{{ key }}}}{{% endfor %}}")
    (found,) = made.diagnostics
    assert (found.code, found.severity) == ("E0072", "warning")
    assert source[found.span.start : found.span.end] == "key, value"
    assert (hint or "None") in str(found.hint)


@pytest.mark.parametrize("case", [name for name in names() if name.startswith("real_")])
def test_every_prompt_of_the_corpus_renders(case: str) -> None:
    made = compile_project(sources(case), standard())
    assert made.unit is not None
    found = prompts(made)
    assert found
    for name, prompt in found:
        if name not in DEMANDING:
            render(made, name, prompt.text, parameters(made, name))


DEMANDING = frozenset({"Normalise", "Rate", "ReviewDiff", "TriageTicket", "Braces"})
"""Prompts that ask for keys of a map, or fields of a dynamic class, that only the host's values have."""


def hints(prompt: str) -> list[str | None]:
    return [each.hint for each in project(prompt)[0].diagnostics]


def test_misspelt_names_have_suggestions() -> None:
    assert hints("{{ itms }}") == ["did you mean `items`?"]
    assert hints("{{ item.nmae }}") == ["did you mean `name`?"]
    assert hints("{{ text|uper }}") == ["did you mean `upper`?"]
    assert hints("{{ Lien(item, 1) }}") == ["did you mean `Line`?"]
    assert hints("{{ Sise.Small }}") == ["did you mean `Size`?"]
    assert hints("{{ text.length }}") == ["use the filter: `|length`"]
    assert hints("{% set p = item.owner %}{{ p.initials() }}") == ["a prompt cannot call methods: pass its result"]
    assert hints("{{ F }}") == ["a prompt can call template strings and macros, not functions"]


def test_one_template_may_have_many_errors_in_order() -> None:
    made, _ = project("{{ a }} {{ item.b }} {{ text|c }}\n{{ d }}")
    assert [each.code for each in made.diagnostics] == ["E0070", "E0070", "E0071", "E0070"]


def test_template_strings_are_checked_with_their_own_parameters() -> None:
    source = 'template_string T(a: A, a: int, b: Nope) #"{{ c }}{{ _.role("user") }}{{ ctx.output_format }}"#'
    source += "\nclass A { x int }"
    found = compile_project({"main.baml": source}, standard()).diagnostics
    assert [each.code for each in found] == ["E0012", "E0002", "E0070"]


def test_the_names_are_those_of_the_renderer() -> None:
    environment = Environment()
    assert set(environment.filters) == FILTERS
    assert set(environment.tests) == TESTS
    assert set(environment.globals) == GLOBALS | CONSTANTS.keys()


def test_what_a_prompt_uses_is_noted() -> None:
    """A kept result is made anew if a class, a template string or an enum changes."""
    used = 'function F(a: A) -> string { client "openai/x" prompt #"{{ a.x }}{{ T(1) }}{{ E.V }}"# }'
    types = 'class A { x int }\ntemplate_string T(n: int) #"{{ n }}"#\nenum E { V }'
    compiled = Project(standard())

    def codes(text: str) -> list[str]:
        diagnostics: list[Diagnostic] = compiled.update({"a.baml": used, "b.baml": text}).diagnostics
        return [each.code for each in diagnostics]

    assert codes(types) == []
    assert codes(types.replace("x int", "y int")) == ["E0070"]
    assert codes(types) == []
    assert codes(types.replace("n: int", "n: int, m: int")) == ["E0072"]
    assert codes(types.replace("V", "W")) == ["E0070"]
    assert codes(types.replace("T(", "U(")) == ["E0070"]
    assert codes(types) == []


def test_jinja_is_imported_for_templates_only() -> None:
    program = """
import sys
from bamlvm import stdlib
from bamlvm.compiler.project import compile_project
from bamlvm.compiler.standard import compile_standard
standard = compile_standard(stdlib.sources()).unit
compile_project({"a.baml": 'function f() -> int { 1 } template_string T #"no names"#'}, standard)
assert "jinja2" not in sys.modules
compile_project({"a.baml": 'template_string T #"{{ 1 }}"#'}, standard)
assert "jinja2" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# --- places -----------------------------------------------------------------------------------------------------------


def prompt_of(literal: str) -> tuple[Prompt, str]:
    text = f'function F() -> string {{ client "openai/b" prompt {literal} }}'
    file, diagnostics = parse_file(SourceFile("main.baml", text))
    assert not diagnostics
    declaration = file.items[0].declaration
    assert isinstance(declaration, Function)
    assert isinstance(declaration.body, LlmBody)
    assert declaration.body.prompt is not None
    return declaration.body.prompt, text


@given(st.lists(st.text("ab {}é\t", max_size=8), max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_every_character_of_a_raw_prompt_has_its_place(lines: list[str], end: str) -> None:
    prompt, source = prompt_of('#"' + end.join(lines) + '"#')
    places, text = Places(prompt), text_of(prompt)
    for place, character in enumerate(text):
        if not character.isspace():
            start, stop = places.source(place, place + 1)
            assert source[start:stop] == character


@given(st.lists(st.sampled_from(["a", " ", "{", "é", r"\n", r"\t", r"\"", r"\\", r"\u{1F600}", "\n"]), max_size=12))
def test_every_character_of_a_quoted_prompt_has_its_place(parts: list[str]) -> None:
    prompt, source = prompt_of(f'"{"".join(parts)}"')
    places, text = Places(prompt), text_of(prompt)
    shown = {"😀": r"\u{1F600}", '"': r"\"", "\\": "\\\\"}
    for place, character in enumerate(text):
        if not character.isspace():
            start, _ = places.source(place, place + 1)
            assert source.startswith(shown.get(character, character), start)


PIECES = ["{{", "}}", "{%", "%}", "{#", "#}", "-", "if", "for", "in", "endif", "endfor", "x", ".", "|", "(", ")", "'"]


@given(st.lists(st.sampled_from([*PIECES, " ", "\n", "=", ",", "set", "macro", "1", "raw", "endraw"]), max_size=25))
def test_any_text_is_read_or_refused_inside_itself(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        parsed = parse(text)
    except TemplateError as error:
        assert 0 <= error.start < error.end <= max(len(text), 1) + 1
        assert error.message
    else:
        for word in parsed.words:
            assert text.startswith(word.text, word.start)


@pytest.mark.parametrize("chain", ["|upper", ".a", " + x", "[0]"])
def test_long_chains_in_a_prompt_are_refused_with_a_place(chain: str) -> None:
    source = 'function F(x: string) -> string {{ client "openai/gpt-4o" prompt #"{{{{ x{} }}}}"# }}'
    found = bamlvm.check({"main.baml": source.format(chain * 3000)}).diagnostics
    assert [each.code for each in found] == ["E0073"] and "chained too deeply" in found[0].message
    assert "E0073" not in [each.code for each in bamlvm.check({"main.baml": source.format(chain * 50)}).diagnostics]


@pytest.mark.parametrize(
    ("prompt", "marked", "hint"),
    [
        ("Read {text}", "{text}", "write `{{ text }}`"),
        ("Read ${ text }", "${ text }", "write `{{ text }}`"),
        ("{{ text }}{{ _.role }}", "role", 'write `_.role("user")`'),
        ("{{ text }}{{ output_format }}", "output_format", "write `ctx.output_format`"),
    ],
)
def test_what_is_no_error_and_hardly_meant(prompt: str, marked: str, hint: str) -> None:
    source = f'function F(text: string) -> string {{ client "openai/x" prompt #"{prompt}"# }}'
    (found,) = bamlvm.check({"main.baml": source}).diagnostics
    assert (found.severity, source[found.span.start : found.span.end], found.hint) == ("warning", marked, hint)


@pytest.mark.parametrize("prompt", ["{{ text }} as {text}", "{{ {text: 1} }}", "{other}", "{text: 1}", "{{text}}"])
def test_other_braces_may_be_meant(prompt: str) -> None:
    source = f'function F(text: string) -> string {{ client "openai/x" prompt #"{prompt}"# }}'
    assert not bamlvm.check({"main.baml": source}).diagnostics
