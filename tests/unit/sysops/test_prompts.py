"""Prompts: templates, roles, printing, errors, ``ctx.output_format``.  Expected texts are the official runtime's."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.prompts.engine import Engine, PromptContext
from bamlvm.sysops.prompts.messages import Marks, Message
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, FieldInfo, VariantInfo
from bamlvm.vm.program.llm import TemplateInfo
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    UNKNOWN,
    Attribute,
    ClassType,
    EnumType,
    FunctionType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    VariantType,
    optional,
    union,
)
from bamlvm.vm.rendering import float_text
from bamlvm.vm.values import EnumValue, Instance, LoadedClass, Media, Thrown

COLOUR = EnumInfo(
    "Colour",
    (
        VariantInfo("RED", (Attribute("alias", ("rouge",)), Attribute("description", ("warm",)))),
        VariantInfo("GREEN"),
        VariantInfo("HIDDEN", (Attribute("skip"),)),
    ),
)
SIZE = EnumInfo("Size", (VariantInfo("S"), VariantInfo("L")))
SEVEN = EnumInfo("Seven", tuple(VariantInfo(f"V{place}") for place in range(7)), (Attribute("alias", ("Sept",)),))
ENUMS = {info.name: info for info in (COLOUR, SIZE, SEVEN)}
TEMPLATES = {
    "Pair": TemplateInfo("Pair", ("a", "b"), "{{ a }}-{{ b }}"),
    "Twice": TemplateInfo("Twice", ("x",), '{{ Pair(x, 1) }}/{{ Pair(b=2, a="z") }}'),
    "Said": TemplateInfo("Said", ("text",), '{{ _.role("assistant") }}{{ text }}'),
    "Loop": TemplateInfo("Loop", (), "{{ Loop() }}"),
}
INNER = LoadedClass(ClassInfo("Inner", (FieldInfo("q", STRING),)))
OUTER = LoadedClass(
    ClassInfo(
        "Outer",
        (
            FieldInfo("name", STRING, (Attribute("alias", ("nom",)),)),
            FieldInfo("ratio", FLOAT),
            FieldInfo("missing", NULL),
            FieldInfo("inner", ClassType("Inner")),
            FieldInfo("tags", ListType(STRING)),
            FieldInfo("counts", MapType(STRING, INT)),
            FieldInfo("colour", EnumType("Colour")),
            FieldInfo("items", INT),
        ),
    )
)
RED = EnumValue("Colour", "RED", 0)


def outer() -> Instance:
    inner = Instance(INNER, ['say "hi"'])
    return Instance(OUTER, ["Al", 1.0, None, inner, ["a", "b"], {"k": 1}, RED, 5])


def render(
    template: str,
    arguments: Mapping[str, Any] | None = None,
    type_: Type = STRING,
    role: str = "system",
    tags: Mapping[str, str] | None = None,
) -> list[Message]:
    context = PromptContext("C", "openai", role, type_, tags or {})
    return Engine(ENUMS, TEMPLATES).render("F", template, arguments or {}, context)


def text(template: str, type_: Type = STRING, **arguments: Any) -> str:
    (message,) = render(template, arguments, type_)
    (part,) = message.parts
    assert isinstance(part.content, str)
    return part.content


def failure(template: str, **arguments: Any) -> str:
    with pytest.raises(Thrown) as caught:
        render(template, arguments)
    assert caught.value.class_name == "baml.errors.RenderPrompt"
    return str(caught.value.fields["message"])


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("none", "null"),
        ("true", "true"),
        ("x.name", "Al"),
        ("x.ratio", "1.0"),
        ("x.missing", "null"),
        ("x.tags", '["a", "b"]'),
        ("x.counts", '{"k": 1}'),
        ("x.counts.k", "1"),
        ('x.counts["k"]', "1"),
        ("x.items", "5"),
        ("x.colour", "rouge"),
        ("x.colour.value", "RED"),
        ("x.colour == 'RED'", "true"),
        ("x.colour == 'rouge'", "false"),
        ("x.colour == Colour.RED", "true"),
        ("Colour.GREEN", "GREEN"),
        ("x.inner", '{\n    "q": "say \\"hi\\"",\n}'),
        ("[1, 'x', true, none, 1.5]", '[1, "x", true, none, 1.5]'),
        ("'x' ~ 1 ~ true ~ none ~ 1.0", "x1truenone1.0"),
        ("[1.0, true]|join('+')", "1.0+true"),
        ("10 / 4", "2.5"),
        ("1.5e-7", "0.00000015"),
        ("range(3)", "[0, 1, 2]"),
        ("[3, 1, 3]|unique", "[3, 1]"),
        ("[3, 1]|unique|length", "2"),
        ("[1, 2.5, 'x']|sum", "3.5"),
        ("'tel 12'|regex_match('[0-9]+')", "true"),
        ("'a b'|split|last", "b"),
        ("'{:,}'.format(1234567)", "1,234,567"),
        ("unknown|default('d')", "d"),
        ("unknown is defined", "false"),
        ("x.counts|items", '[["k", 1]]'),
        ("x.tags|tojson", '["a","b"]'),
        ("x.inner|tojson", '{"q":"say \\"hi\\""}'),
    ],
)
def test_printing(expression: str, printed: str) -> None:
    assert text("{{ " + expression + " }}", x=outer()) == printed


def test_a_class_prints_over_lines_by_alias() -> None:
    assert text("{{ x }}", x=outer()) == (
        '{\n    "nom": "Al",\n    "ratio": 1.0,\n    "missing": null,\n    "inner": {\n'
        '        "q": "say \\"hi\\"",\n    },\n'
        '    "tags": [\n        "a",\n        "b",\n    ],\n    "counts": {\n        "k": 1,\n    },\n'
        '    "colour": rouge,\n    "items": 5,\n}'
    )


def test_a_list_of_classes_prints_on_one_line_but_for_the_classes() -> None:
    assert text("{{ x }}", x=[Instance(INNER, ["1"])]) == '[{\n    "q": "1",\n}]'


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert "nested more than 400 deep" in failure("{{ x }}", x=loop)
    assert "nested more than 400 deep" in failure("{{ x|format(type='json') }}", x=loop)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_print_positionally_and_exactly(number: float) -> None:
    printed = float_text(number)
    assert "e" not in printed and "." in printed
    assert float(printed) == number


def test_formats() -> None:
    value = {"a": [1, {"b": "true", "c": []}], "d": "x: y"}
    assert text("{{ x|format(type='json') }}", x=value) == '{"a":[1,{"b":"true","c":[]}],"d":"x: y"}'
    assert text("{{ x|format(type='yaml') }}", x=value) == "a:\n- 1\n- b: 'true'\n  c: []\nd: 'x: y'\n"
    rows = [{"id": 1, "n": "x"}, {"id": 2, "n": "y,z"}]
    assert text("{{ x|format(type='toon') }}", x=rows) == '[2]{id,n}:\n  1,x\n  2,"y,z"'
    marked = text("{{ x|format(type='toon', delimiter='pipe', length_marker='#', indent=4) }}", x=rows)
    assert marked == "[#2|]{id|n}:\n    1|x\n    2|y,z"
    mixed = {"l": [{"a": [1]}, [1, 2]], "e": [], "s": "1"}
    assert text("{{ x|format(type='toon') }}", x=mixed) == 'l[2]:\n  - a[1]: 1\n  - [2]: 1,2\ne[0]:\ns: "1"'
    assert text("{{ x|format(type='json') }}", x=outer()).startswith('{"nom":"Al","ratio":1.0')


# --- messages ---------------------------------------------------------------------------------------------------------


def shape(messages: list[Message]) -> list[tuple[str, list[Any]]]:
    return [(message.role, [part.content for part in message.parts]) for message in messages]


def test_roles_cut_the_text_and_neighbours_of_one_role_join() -> None:
    template = 'p{{ _.role("system") }}1{{_.role("user")}}u1{{_.role("user")}}u2{{ _.chat(role="x") }}{{_.role("a")}}'
    assert shape(render(template)) == [("system", ["p", "1"]), ("user", ["u1", "u2"])]


def test_a_role_may_ask_not_to_be_joined() -> None:
    template = "{{ _.role('user') }}a{{ _.role('user', __baml_allow_dupe_role__=true) }}b"
    assert shape(render(template)) == [("user", ["a"]), ("user", ["b"])]


def test_a_role_may_be_an_enum() -> None:
    assert shape(render("{{ _.role(x) }}a", {"x": RED})) == [("rouge", ["a"])]


def test_text_without_a_role_has_the_default_role() -> None:
    assert shape(render("  hi  ", role="user")) == [("user", ["  hi  "])]
    assert shape(render("", role="user")) == [("user", [""])]


def test_role_keywords_belong_to_the_part() -> None:
    (message,) = render('{{ _.role("user", cache_control={"type": "e"}) }}a{{ _.role("user") }}b')
    assert [part.metadata for part in message.parts] == [{"cache_control": {"type": "e"}}, {}]


def test_a_template_string_may_change_the_role() -> None:
    assert shape(render("a{{ Said('b') }}")) == [("system", ["a"]), ("assistant", ["b"])]
    assert shape(render("{{ Said('b')|upper|trim }}")) == [("assistant", ["B"])]


def test_media_are_parts() -> None:
    image = Media("image", "image/png", "base64", "AA==")
    assert shape(render("see {{ x }}!", {"x": image})) == [("system", ["see", image, "!"])]
    assert shape(render("{% for i in x %}{{ i }}{% endfor %}", {"x": [image, image]})) == [("system", [image, image])]


@given(st.text(alphabet=string.printable + "\ue000\ue001\ue002 0123456789"))
def test_no_argument_can_forge_a_mark(argument: str) -> None:
    marks = Marks()
    rendered = marks.role("user", {}) + argument
    (message,) = marks.split(rendered, "system")
    expected = argument.strip()
    assert [part.content for part in message.parts] == [expected]
    assert message.role == ("user" if expected else "system")


def test_blocks_take_their_line_away() -> None:
    assert text("a\n  {% for x in [1, 2] %}\n  - {{ x }}\n  {% endfor %}\nb") == "a\n  - 1\n  - 2\nb"


# --- template strings, context ----------------------------------------------------------------------------------------


def test_template_strings_take_arguments_by_place_and_name() -> None:
    assert text("{{ Pair(1, b=2) }} {{ Twice('q') }}") == "1-2 q-1/z-2"


def test_context() -> None:
    assert text("{{ ctx.client.name }} {{ ctx.client.provider }}") == "C openai"
    ((part,),) = (message.parts for message in render("{{ ctx.tags.a }}{{ ctx.tags.b }}.", tags={"a": "1"}))
    assert part.content == "1."


def test_a_template_is_compiled_once() -> None:
    engine = Engine(ENUMS, TEMPLATES)
    context = PromptContext("C", "openai", "user", STRING, {})
    engine.render("F", "{{ x }}", {"x": 1}, context)
    compiled = dict(engine._compiled)
    engine.render("F", "{{ x }}", {"x": 2}, context)
    assert list(engine._compiled.values()) == list(compiled.values())


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("a\n\n{{ nmae.x }}", ["line 3", "'nmae' is not defined", "did you mean `name`?"]),
        ("{% if zz + 1 %}{% endif %}", ["line 1", "'zz' is not defined", "`name`"]),
        ("{{ x.nmae.y }}", ["class Outer has no field 'nmae'", "did you mean `name`?"]),
        ("{{ x.counts.zz() }}", ["the map has no key 'zz'", "`k`"]),
        ("{{ x.missing.zz.y }}", ["null has no 'zz'"]),
        ("{{ Colour.RDE.y }}", ["enum Colour has no variant 'RDE'", "did you mean `RED`?"]),
        ("\n{{ name|uper }}", ["line 2", "no filter 'uper'", "did you mean `upper`?"]),
        ("{{ name", ["line 1"]),
        ("{% for %}", ["line 1"]),
        ("{{ 1 / 0 }}", ["division by zero"]),
        ("{{ Pair(1) }}", ["Pair(a, b) lacks 'b'"]),
        ("{{ Pair(1, 2, 3) }}", ["takes 2 arguments, not 3"]),
        ("{{ Pair(1, 2, c=3) }}", ["no parameter 'c'"]),
        ("\n{{ Pair(zz.y, 2) }}", ["the prompt of F, line 2", "'zz' is not defined"]),
        ("{{ Loop() }}", ["without end"]),
        ("{{ _.role() }}", ["_.role('user')"]),
        ("{{ x.tags.append(1) }}", ["unsafe"]),
        ("{{ ''.__class__.__mro__ }}", ["unsafe"]),
        ("{{ x.__class__.y }}", ["has no field '__class__'"]),
        ("{{ name|format('x') }}", ["no type 'x'", "json, yaml and toon"]),
        ("{{ ctx.output_format(bogus=1) }}", ["no option 'bogus'"]),
    ],
)
def test_errors_name_the_line_and_hint(template: str, parts: list[str]) -> None:
    message = failure(template, name="n", x=outer())
    for part in parts:
        assert part in message


def test_what_is_missing_is_empty() -> None:
    assert text("[{{ zz }}{{ x.zz }}{{ Colour.zz }}{{ x.counts.zz }}{{ Pair(zz, 2) }}]", x=outer()) == "[-2]"
    assert text("[{% if zz %}a{% else %}b{% endif %}{% for y in zz %}c{% endfor %}{{ zz == 1 }}]") == "[bfalse]"
    assert text("{{ null }} {{ name == null }} {{ none }}", name=None) == "null true null"


def test_an_error_inside_a_template_string_names_it() -> None:
    engine = Engine({}, {"T": TemplateInfo("T", (), "a\n{{ zz.y }}")})
    with pytest.raises(Thrown, match="the template string T, line 2"):
        engine.render("F", "{{ T() }}", {}, PromptContext("C", "p", "user", STRING, {}))


def test_arguments_are_not_changed_and_not_reachable() -> None:
    value = outer()
    before = list(value.fields)
    for template in ("{{ x.tags.clear() }}", "{{ x.counts.update({}) }}", "{% set x.name = 1 %}"):
        failure(template, x=value)
    assert value.fields == before
    assert value.get("tags") == ["a", "b"]


# --- output format ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "described"),
    [
        (STRING, ""),
        (INT, "Answer as an int"),
        (FLOAT, "Answer as a float"),
        (BOOL, "Answer as a bool"),
        (NULL, "Answer ONLY with null:\nnull"),
        (EnumType("Size"), "Answer with any of the categories:\nSize\n----\n- S\n- L"),
        (EnumType("Colour"), "Answer with any of the categories:\nColour\n----\n- rouge: warm\n- GREEN"),
        (LiteralType("a"), 'Answer using this specific value:\n"a"'),
        (LiteralType(1), "Answer using this specific value:\n1"),
        (LiteralType(True), "Answer using this specific value:\ntrue"),
        (VariantType("Colour", "RED"), "Answer using this specific value:\n'rouge'"),
        (union((LiteralType("a"), LiteralType("b"))), 'Answer in JSON using any of these schemas:\n"a" or "b"'),
        (optional(INT), "Answer in JSON using this schema:\nint or null"),
        (optional(EnumType("Size")), "Answer in JSON using this schema:\n'S' or 'L' or null"),
        (
            optional(EnumType("Colour")),
            "Colour\n----\n- rouge: warm\n- GREEN\n\nAnswer in JSON using this schema:\nColour or null",
        ),
        (
            optional(EnumType("Seven")),
            "Sept\n----\n- V0\n- V1\n- V2\n- V3\n- V4\n- V5\n- V6\n\nAnswer in JSON using this schema:\nSept or null",
        ),
    ],
)
def test_output_format(type_: Type, described: str) -> None:
    assert text("{{ ctx.output_format }}", type_) == described


def test_filters_take_the_output_format_for_its_text() -> None:
    described = text("{{ ctx.output_format }}", optional(INT))
    for call in ("ctx.output_format", "ctx.output_format()"):
        assert text(f"{{{{ {call}|indent(2, true) }}}}", optional(INT)) == "  " + described.replace("\n", "\n  ")
        assert text(f"{{{{ {call}|replace('int', 'x') }}}}", optional(INT)) == described.replace("int", "x")


def test_output_format_options() -> None:
    assert text("{{ ctx.output_format(prefix='Say ') }}", INT) == "Say int"
    assert text("{{ ctx.output_format(prefix=none) }}", INT) == "int"
    assert text("{{ ctx.output_format(prefix='Say ') }}", STRING) == "Say string"
    assert text("{{ ctx.output_format(or_splitter=' | ') }}", optional(INT)).endswith("int | null")
    assert text("{{ ctx.output_format(enum_value_prefix='* ') }}", EnumType("Size")).endswith("* S\n* L")
    hoisted = text("{{ ctx.output_format(always_hoist_enums=true) }}", optional(EnumType("Size")))
    assert hoisted == "Size\n----\n- S\n- L\n\nAnswer in JSON using this schema:\nSize or null"


@pytest.mark.parametrize("type_", [Primitive("image"), ListType(Primitive("audio")), FunctionType((), INT), UNKNOWN])
def test_output_format_of_a_type_that_no_text_gives_is_refused(type_: Type) -> None:
    with pytest.raises(Thrown, match="cannot be read from a model's text"):
        render("{{ ctx.output_format }}", {}, type_)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("ctx.output_format('x')", "takes its options by name; there are prefix, "),
        ("ctx.output_format(prefix=3)", "takes a string or none"),
        ("ctx.output_format(or_splitter=none)", "takes a string"),
        ("ctx.output_format(always_hoist_enums=1)", "takes true or false"),
        ("ctx.output_format(quote_class_fields='yes')", "takes true or false"),
        ("ctx.output_format(map_style='round')", "takes 'angle' or 'object'"),
        ("ctx.output_format(hoist_classes='some')", "takes 'auto', true, false or a list of class names"),
        ("ctx.output_format(hoist_classes=[1])", "takes 'auto', true, false or a list of class names"),
        ("ctx.output_format(hoist_classes=['Nope'])", "cannot hoist 'Nope': the type has no such class"),
    ],
)
def test_output_format_says_what_its_options_take(call: str, message: str) -> None:
    assert message in failure("{{ " + call + " }}")
